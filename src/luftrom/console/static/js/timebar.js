// The time bar: a histogram of what flies, a slider in UTC above it, play, and Now.

import { byId, h, setText, throttled } from "./dom.js";
import { localTime, utcDate, utcTime } from "./format.js";
import { palette } from "./images.js";
import { conflictIsWithin } from "./model.js";

const STEP_MS = 10000;
const HOUR_MS = 3600000;
const WINDOWS = [[0, "this moment"], [5, "± 5 min"], [30, "± 30 min"], [120, "± 2 h"],
  [1440, "± 24 h"]];
const SPEEDS = [[1, "real time"], [60, "1 min/s"], [300, "5 min/s"], [900, "15 min/s"]];

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class TimeBar {
  constructor(state, model) {
    this.state = state;
    this.model = model;
    this.slider = byId("slider");
    this.canvas = byId("histogram");
    this.speed = 60;
    this.start = Date.now() - HOUR_MS;
    this.end = Date.now() + HOUR_MS;
    this.paint = throttled(250, () => this.#paint());
    this.#connect();
  }

  #connect() {
    const { state } = this;
    this.slider.step = STEP_MS;
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    byId("play").addEventListener("click", () => this.toggle());
    byId("now").addEventListener("click", () => this.now());
    const windows = byId("window");
    windows.append(...WINDOWS.map(([value, text]) => h("option", { value }, text)));
    windows.addEventListener("change", () => state.set({ window: Number(windows.value) }));
    const speeds = byId("speed");
    speeds.append(...SPEEDS.map(([value, text]) => h("option", { value }, text)));
    speeds.value = String(this.speed);
    speeds.addEventListener("change", () => { this.speed = Number(speeds.value); });
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    state.on((changed) => {
      if (["time", "follow", "playing", "window"].some((key) => changed.has(key))) this.show();
      if (["lower", "upper"].some((key) => changed.has(key))) this.paint();
    });
    // Before the first read there is no time: the first one depends on what there is to see.
    setInterval(() => {
      if (state.follow && state.time !== null) state.set({ time: Date.now() });
    }, 1000);
  }

  go(time) {
    const within = Math.min(this.end, Math.max(this.start, time));
    this.state.set({ time: within, follow: false });
  }

  step(minutes) {
    this.go((this.state.time ?? Date.now()) + minutes * 60000);
  }

  now() {
    this.stop();
    this.state.set({ time: Date.now(), follow: true });
  }

  toggle() {
    if (this.state.playing) this.stop();
    else this.#play();
  }

  stop() {
    this.state.set({ playing: false });
  }

  // Frames come as the screen asks for them; with reduced motion once a second, in larger steps.
  #play() {
    if (this.state.time >= this.end) this.go(this.start);
    this.state.set({ playing: true, follow: false });
    let lastMs = performance.now();
    const frame = () => {
      if (!this.state.playing) return;
      const nowMs = performance.now();
      const time = this.state.time + (nowMs - lastMs) * this.speed;
      lastMs = nowMs;
      this.go(time);
      if (time >= this.end) this.stop();
      else if (calm()) setTimeout(frame, 1000);
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  // From the first to the last of what stands, now included, in whole hours.
  refresh() {
    const extent = this.model.extent();
    const nowMs = Date.now();
    const [first, last] = extent ?? [nowMs - HOUR_MS, nowMs + HOUR_MS];
    // A record that ends in years must not squeeze today to a point: 24 h each way of now or time.
    const about = this.state.time ?? nowMs;
    const start = Math.max(Math.min(first, nowMs), Math.min(nowMs, about) - 24 * HOUR_MS);
    const end = Math.min(Math.max(last, nowMs), Math.max(nowMs, about) + 24 * HOUR_MS);
    this.start = Math.floor(start / HOUR_MS) * HOUR_MS;
    this.end = Math.ceil(end / HOUR_MS) * HOUR_MS;
    this.slider.min = this.start;
    this.slider.max = this.end;
    this.show();
    this.paint();
  }

  show() {
    const { time, follow, playing, window } = this.state;
    if (time === null) return;
    this.slider.value = time;
    this.slider.setAttribute("aria-valuetext", `${utcDate(time)} ${utcTime(time, true)}`);
    byId("time").replaceChildren(h("span", { class: "date" }, utcDate(time)),
      h("strong", {}, utcTime(time, true)), h("span", { class: "local" }, localTime(time)));
    const play = byId("play");
    setText(play, playing ? "Pause" : "Play");
    play.setAttribute("aria-pressed", String(playing));
    byId("now").setAttribute("aria-pressed", String(follow));
    byId("window").value = String(window);
  }

  #paint() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0) return;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const colours = palette();
    const bins = this.#count(Math.max(1, Math.floor(width / 4)));
    const most = Math.max(1, ...bins.totals);
    bins.parties.forEach((counts, party) => counts.forEach((amount, i) => {
      const below = bins.parties.slice(0, party).reduce((sum, each) => sum + each[i], 0);
      const [y, tall] = [below, amount].map((n) => (n / most) * (height - 6));
      pen.fillStyle = colours.parties[party];
      pen.globalAlpha = 0.75;
      pen.fillRect((i * width) / bins.totals.length, height - y - tall, 3, tall);
    }));
    pen.globalAlpha = 1;
    pen.fillStyle = colours.conflict;
    const everything = { start: -Infinity, end: Infinity,
      lower: this.state.lower ?? -Infinity, upper: this.state.upper ?? Infinity };
    for (const conflict of this.model.conflicts) {
      if (conflictIsWithin(conflict, everything)) pen.fillRect(this.#x(conflict.start, width), 0, 2, 4);
    }
    pen.fillStyle = colours.ink;
    pen.fillRect(this.#x(Date.now(), width), 0, 1, height);
    this.#ticks(width);
  }

  #x(time, width) {
    return ((time - this.start) / (this.end - this.start)) * width;
  }

  #count(size) {
    const parties = Array.from({ length: 5 }, () => new Array(size).fill(0));
    const totals = new Array(size).fill(0);
    const bin = (time) => ((time - this.start) / (this.end - this.start)) * size;
    const { lower, upper } = this.state;
    for (const activity of this.model.standing()) {
      if (activity.upper < (lower ?? -Infinity) || activity.lower > (upper ?? Infinity)) continue;
      const party = this.model.partyIndex(activity.party);
      const last = Math.min(size - 1, Math.floor(bin(activity.end)));
      for (let i = Math.max(0, Math.floor(bin(activity.start))); i <= last; i += 1) {
        parties[party][i] += 1;
        totals[i] += 1;
      }
    }
    return { parties, totals };
  }

  #ticks(width) {
    const hours = (this.end - this.start) / HOUR_MS;
    const every = [1, 2, 3, 6, 12, 24].find((n) => (width * n) / hours > 64) ?? 48;
    const marks = [];
    for (let i = 0; i <= hours; i += 1) {
      const time = this.start + i * HOUR_MS;
      if (new Date(time).getUTCHours() % every !== 0) continue;
      const mark = h("span", {}, utcTime(time));
      mark.style.left = `${(100 * i) / hours}%`;
      marks.push(mark);
    }
    byId("ticks").replaceChildren(...marks);
  }
}
