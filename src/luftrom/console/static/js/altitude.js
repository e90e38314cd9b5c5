// Two handles for the altitudes shown. Half of the rail is for the first 500 m, where drones fly.

import { byId, setText } from "./dom.js";
import { altitudeFull } from "./format.js";

const STEPS = 200;
const KNEE_M = 500;

export class AltitudeFilter {
  constructor(state) {
    this.state = state;
    this.floor = -100;
    this.ceiling = 16000;
    this.lower = byId("altitude-lower");
    this.upper = byId("altitude-upper");
    for (const input of [this.lower, this.upper]) {
      Object.assign(input, { min: 0, max: STEPS, step: 1 });
      input.addEventListener("input", () => this.#input(input));
    }
    byId("altitude-all").addEventListener("click", () => state.set({ lower: null, upper: null }));
    state.on((changed) => {
      if (changed.has("lower") || changed.has("upper")) this.show();
    });
    this.show();
  }

  setBand(floor, ceiling) {
    if (floor === this.floor && ceiling === this.ceiling) return;
    [this.floor, this.ceiling] = [floor, ceiling];
    this.show();
  }

  // Rail to metres and back: two straight pieces that meet at the knee.
  #metres(step) {
    const half = STEPS / 2;
    const knee = Math.min(Math.max(KNEE_M, this.floor + 1), this.ceiling - 1);
    const raw = step <= half ? this.floor + ((knee - this.floor) * step) / half
      : knee + ((this.ceiling - knee) * (step - half)) / half;
    const grain = raw < KNEE_M ? 10 : 100;
    return Math.min(this.ceiling, Math.max(this.floor, Math.round(raw / grain) * grain));
  }

  #step(metres) {
    let [low, high] = [0, STEPS];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#metres(middle) < metres) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #input(moved) {
    let [lower, upper] = [Number(this.lower.value), Number(this.upper.value)];
    if (lower >= upper) {
      if (moved === this.lower) lower = Math.max(0, upper - 1);
      else upper = Math.min(STEPS, lower + 1);
    }
    this.state.set({ lower: lower === 0 ? null : this.#metres(lower),
      upper: upper === STEPS ? null : this.#metres(upper) });
    this.show();
  }

  show() {
    const lower = this.state.lower ?? this.floor;
    const upper = this.state.upper ?? this.ceiling;
    const steps = [this.state.lower === null ? 0 : this.#step(lower),
      this.state.upper === null ? STEPS : this.#step(upper)];
    [this.lower.value, this.upper.value] = steps;
    this.lower.setAttribute("aria-valuetext", altitudeFull(lower));
    this.upper.setAttribute("aria-valuetext", altitudeFull(upper));
    const fill = byId("rail-fill");
    fill.style.left = `${(100 * steps[0]) / STEPS}%`;
    fill.style.right = `${100 - (100 * steps[1]) / STEPS}%`;
    const isAll = this.state.lower === null && this.state.upper === null;
    setText(byId("altitude-text"), `${altitudeFull(lower)} to ${altitudeFull(upper)}`);
    byId("altitude-all").hidden = isAll;
  }
}
