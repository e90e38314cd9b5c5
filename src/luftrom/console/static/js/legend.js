// The legend: a party by colour and pattern, a state by line and tag.

import { byId, h } from "./dom.js";
import { STATE_TAGS } from "./format.js";
import { STATE_LINES } from "./layers.js";

const SVG = "http://www.w3.org/2000/svg";

export function showLegend(model) {
  const place = byId("legend-body");
  const key = model.parties.join("\n");
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(
    ...model.parties.map((party) => h("div", {},
      h("span", { class: `party-mark p${model.partyIndex(party)}` },
        h("i", { "aria-hidden": "true" }), party))),
    ...Object.entries(STATE_LINES).map(([state, line]) => h("div", {}, sample(line),
      `${STATE_TAGS[state]} ${state}`)),
    h("div", {}, h("span", { class: "hatch", "aria-hidden": "true" }), "prior notice"),
    h("div", {}, h("span", { class: "mark", "aria-hidden": "true" }), "conflict"));
}

function sample({ width, dash }) {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ width: 28, height: 10, "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  const drawn = { x1: 1, y1: 5, x2: 27, y2: 5, stroke: "currentColor", "stroke-width": width,
    "stroke-dasharray": dash ? dash.map((n) => n * width).join(" ") : "none",
    "stroke-linecap": dash && dash[0] < 1 ? "round" : "butt" };
  for (const [name, value] of Object.entries(drawn)) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}
