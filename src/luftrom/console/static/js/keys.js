// The keys. Every one has a button or a list entry that does the same; ? shows them all.

import { byId, h } from "./dom.js";

export function connectKeys(actions) {
  const keys = [
    [["?"], "This list", () => byId("help").showModal()],
    [[" "], "Play or pause", actions.play, "Space"],
    [["n", "N"], "Now", actions.now, "N"],
    [["ArrowLeft"], "One minute back; with Shift ten", (e) => actions.step(e.shiftKey ? -10 : -1),
      "←"],
    [["ArrowRight"], "One minute ahead; with Shift ten", (e) => actions.step(e.shiftKey ? 10 : 1),
      "→"],
    [["j", "J"], "Next conflict", () => actions.conflict(1), "J"],
    [["k", "K"], "Conflict before", () => actions.conflict(-1), "K"],
    [["1", "2", "3", "4", "5"], "Conflicts, Activities, Refused, Notices, Link",
      (e) => actions.tab(Number(e.key)), "1 – 5"],
    [["/"], "Search activities", actions.search],
    [["f", "F"], "Whole area", actions.area, "F"],
    [["u", "U"], "Metric or aviation units", actions.units, "U"],
    [["l", "L"], "Copy a link to this view", actions.copy, "L"],
    [["Escape"], "Close the detail", actions.close, "Esc"],
  ];
  byId("help-keys").append(...keys.flatMap(([names, words, , shown]) => [
    h("dt", {}, h("kbd", {}, shown ?? names[0])), h("dd", {}, words)]),
  h("dt", {}, h("kbd", {}, "+ −")), h("dd", {}, "On the map: zoom; arrows there move it"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || isTaken(event)) return;
    const found = keys.find(([names]) => names.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found[2](event);
  });
}

// Keys that the focused element needs itself.
function isTaken(event) {
  const at = event.target;
  if (event.key === "Escape") return false;
  if (at.closest("select, textarea, input:not([type=range])")) return true;
  if (event.key.startsWith("Arrow")) {
    return Boolean(at.closest("input, canvas, .maplibregl-canvas-container, [role=tab]"));
  }
  return event.key === " " && Boolean(at.closest("button, summary, a"));
}
