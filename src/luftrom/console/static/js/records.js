// Small pieces that lists and details share: how a party, a state and a status look in text.

import { h } from "./dom.js";
import { STATE_TAGS, statusWords } from "./format.js";

export function partyMark(model, party) {
  return h("span", { class: `party-mark p${model.partyIndex(party)}` },
    h("i", { "aria-hidden": "true" }), party);
}

export function stateTag(state) {
  if (!state) return null;
  return h("span", { class: `state-tag s-${STATE_TAGS[state] ?? "x"}`, title: state },
    STATE_TAGS[state] ?? state);
}

export function statusTag(activity) {
  const words = statusWords(activity);
  return h("span", { class: `status st-${words.split(",").pop().trim()}` }, words);
}

export function priorityTag(priority) {
  return h("span", { class: "quiet" }, `priority ${priority ?? 0}`);
}

export function select(state, kind, id) {
  state.set({ selection: { kind, id } });
}
