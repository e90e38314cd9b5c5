// The links: to each peer as the node sees it, and of this page to its own node. Ages tick here
// between two words of the node, so that old data can never look fresh.

import { byId, h, setText } from "./dom.js";
import { count, duration, utcFull, utcTime } from "./format.js";

const STALE_S = 6;
const LEVELS = { fresh: 0, stale: 1, withholding: 2, silent: 3, broken: 4 };
const SIGNS = { fresh: "●", stale: "◐", withholding: "◍", silent: "○", broken: "✕" };
const STATE_WORDS = {
  stale: "has not been heard",
  withholding: "withholds what it owes",
  silent: "is silent",
  broken: "is broken",
};

export class Channels {
  constructor(feed, map) {
    this.feed = feed;
    this.map = map;
    this.status = null;
    this.takenMs = 0;
    this.timer = setInterval(() => this.tick(), 500);
  }

  take(status) {
    this.status = status;
    this.takenMs = performance.now();
    const agreement = status.agreement;
    setText(byId("party"), status.party);
    setText(byId("agreement"), agreement ? `Agreement in force: ${agreement.name}`
      : "No agreement: this node is alone");
    byId("agreement").title = agreement ? `SHA-256 ${agreement.digest}` : "";
    document.title = `${status.party} – Luftrom`;
    this.tick();
  }

  // The state of a channel now: what the node said, made worse by the time since.
  #now(channel) {
    const since = (performance.now() - this.takenMs) / 1000;
    const age = channel.age_s === null ? null : channel.age_s + since;
    const isOld = age === null || age > STALE_S;
    return { ...channel, age_s: age,
      state: channel.state === "fresh" && isOld && channel.last_heard !== null ? "stale"
        : channel.state };
  }

  tick() {
    setText(byId("clock"), utcTime(Date.now(), true));
    const link = this.feed.state;
    if (document.body.dataset.link !== link) document.body.dataset.link = link;
    const channels = (this.status?.channels ?? []).map((each) => this.#now(each));
    this.#chips(channels);
    this.#banners(channels, link);
    const old = channels.filter((each) => each.state !== "fresh").map((each) => each.peer);
    this.map.setFaded(link === "live" ? old : [...old, this.status?.party].filter(Boolean));
  }

  #chips(channels) {
    const place = byId("channels");
    const texts = channels.map((channel) => [channel.state, `${SIGNS[channel.state] ?? "?"} `
      + `${channel.peer} ${channel.state}`, chipDetail(channel)]);
    if (place.childElementCount !== texts.length) {
      place.replaceChildren(...texts.map(() => h("button", { type: "button", class: "chip",
        onclick: () => byId("tab-link").click() }, h("span", {}),
      h("span", { class: "chip-detail" }))));
    }
    texts.forEach(([state, name, detail], i) => {
      const chip = place.children[i];
      chip.dataset.state = state;
      setText(chip.children[0], name);
      setText(chip.children[1], detail);
    });
  }

  #banners(channels, link) {
    const wanted = [];
    if (link === "lost") {
      const at = this.feed.heardAt ? `, last heard ${utcTime(this.feed.heardAt, true)}` : "";
      const age = duration((performance.now() - this.feed.heardMs) / 1000);
      wanted.push(["lost", "own", "The link to your own node is lost", `${age}${at}. What is `
        + "shown is as old as that; the console tries again by itself."]);
    }
    for (const channel of channels) {
      if (LEVELS[channel.state] === 0) continue;
      wanted.push([channel.state, channel.peer, `${channel.peer} ${STATE_WORDS[channel.state]
        ?? channel.state}`, bannerText(channel)]);
    }
    const place = byId("banners");
    const key = wanted.map(([level, who]) => `${level} ${who}`).join("\n");
    if (place.dataset.key !== key) {
      // Made anew only when a level changes: the age ticks without being read aloud each second.
      place.dataset.key = key;
      place.replaceChildren(...wanted.map(([level, , title]) => h("div", { class: "banner",
        data: { level } }, h("strong", {}, title), h("span", { "aria-live": "off" }))));
    }
    wanted.forEach(([, , , text], i) => setText(place.children[i].children[1], text));
  }
}

function chipDetail(channel) {
  const heard = channel.age_s === null ? "never heard" : `heard ${duration(channel.age_s)} ago`;
  const trip = channel.round_trip_ms === null ? "" : ` · ${channel.round_trip_ms.toFixed(0)} ms`;
  const due = channel.receipts_outstanding > 0
    ? ` · ${count(channel.receipts_outstanding)} without receipt` : "";
  return heard + trip + due;
}

function forkText(forked) {
  return `It signed two histories of its log, which part behind ${count(forked.end)} statements. `
    + `Known since ${utcFull(Date.parse(forked.since))}.`;
}

function bannerText(channel) {
  if (channel.forked) {
    return `${forkText(channel.forked)} What it signed behind them counts for nothing, and nobody `
      + "waits for it.";
  }
  if (channel.state === "broken") {
    return "It showed two histories of its log. Trust nothing new from it; the proof is kept "
      + "(/v1/proofs).";
  }
  if (channel.state === "withholding") {
    return channel.withheld.map((each) => `It ${each.sentence}, for ${duration(each.age_s)}.`)
      .join(" ");
  }
  const heard = channel.age_s === null ? "Not heard since this node started."
    : `Last heard ${duration(channel.age_s)} ago. Its activities may have changed since.`;
  const due = channel.receipts_outstanding;
  return heard + (due > 0 ? ` ${count(due)} of our statements without its receipt.` : "")
    + (channel.last_error ? ` Last error: ${channel.last_error}` : "");
}

// The tab that tells all about the links.
export function channelRows(status) {
  if (!status) return [h("p", { class: "none" }, "Reading…")];
  const rows = status.channels.map((channel) => [h("h3", {}, channel.peer),
    facts([
      ["State", `${SIGNS[channel.state] ?? "?"} ${channel.state}`],
      ["Last heard", channel.last_heard ? utcFull(Date.parse(channel.last_heard)) : "never"],
      ["Round trip", channel.round_trip_ms === null ? "unknown"
        : `${channel.round_trip_ms.toFixed(1)} ms`],
      ["Checks", `${count(channel.checks_made)} made, ${count(channel.checks_missed)} missed`],
      ["Receipts", `up to ${count(channel.receipt_size)}, `
        + `${count(channel.receipts_outstanding)} outstanding`],
      ["Its log here", `${count(channel.mirror_size)} mirrored, `
        + `${count(channel.applied_size)} applied`],
      ["Kernels", !channel.kernels_digest || channel.kernels_digest === status.kernels_digest
        ? "as ours" : `others than ours: ${channel.kernels_digest.slice(0, 16)}…`],
      ["Withholds", channel.withheld.map((each) => `${each.sentence}, for `
        + duration(each.age_s)).join("; ") || "nothing"],
      ...(channel.forked ? [["Forked", forkText(channel.forked)]] : []),
      ["Last error", channel.last_error ?? "none"],
      ["Address", channel.base_url],
    ])]);
  const { agreement, log, airspace } = status;
  return [h("p", { class: "quiet" }, `As the node said at ${utcFull(Date.parse(status.time))}`),
    ...rows,
    h("h3", {}, "This node"),
    facts([["Party", status.party], ["Version", status.version],
      ["Log", `${log.origin}, ${count(log.size)} statements`], ["Root", h("code", {}, log.root)],
      ["Airspace", h("code", {}, airspace.digest)], ["Revision", count(airspace.revision)]]),
    ...(agreement ? [h("h3", {}, "Agreement"),
      facts([["Name", agreement.name], ["SHA-256", h("code", {}, agreement.digest)],
        ["Parties", agreement.parties.map((p) => p.name).join(", ")],
        ["Separation", `${count(agreement.separation.lateral_m)} m lateral, `
          + `${count(agreement.separation.vertical_m)} m vertical, `
          + `${count(agreement.separation.time_s)} s`],
        ["Silence", `${agreement.silence.mode} after ${agreement.silence.after_s} s`]])] : [])];
}

function facts(rows) {
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name),
    h("dd", {}, value)]));
}
