// The layers of the map, from the sea up: borders are drawn above fills, marks above borders.
// The state of an activity is told by dash, width and a tag in its label, never by colour alone.

export const STATE_LINES = {
  Accepted: { width: 1.4, dash: [4, 2.5] },
  Activated: { width: 2, dash: null },
  Nonconforming: { width: 3, dash: [2.2, 1] },
  Contingent: { width: 3.4, dash: [0.2, 1.8] },
};

const EMPTY = { type: "FeatureCollection", features: [] };

export function emptySources() {
  const source = () => ({ type: "geojson", data: EMPTY, buffer: 32, tolerance: 0.4 });
  return { land: source(), borders: source(), places: source(), grid: source(), area: source(),
    notices: source(), activities: source(), chosen: source(), suggested: source(), labels: source(),
    conflicts: source() };
}

export function makeLayers(colours) {
  const party = ["match", ["get", "party"], 0, colours.parties[0], 1, colours.parties[1],
    2, colours.parties[2], 3, colours.parties[3], colours.parties[4]];
  return [
    { id: "water", type: "background", paint: { "background-color": colours.water } },
    fill("land", "land", { "fill-color": colours.land, "fill-antialias": true }),
    line("grid", "grid", { "line-color": colours.grid, "line-width": 0.6, "line-opacity": 0.28 }),
    line("coast", "land", { "line-color": colours.coast, "line-width": 0.8 }),
    line("borders", "borders", { "line-color": colours.border, "line-width": 1.1 }),
    icons("places", "places", { "symbol-sort-key": ["get", "rank"] }, { "icon-opacity": 0.85 }),
    line("area", "area", { "line-color": colours.area, "line-width": 1.2,
      "line-dasharray": [6, 3, 1, 3] }),
    fill("notice-fill", "notices", { "fill-pattern": "hatch", "fill-opacity": ["get", "opacity"] }),
    fill("activity-fill", "activities", { "fill-pattern": ["get", "fill"],
      "fill-opacity": ["get", "opacity"] }),
    // Under the borders, so that the chosen one keeps its colour and dashes.
    line("chosen-edge", "chosen", { "line-color": colours.chosen, "line-width": 8,
      "line-opacity": ["case", ["get", "now"], 0.95, 0.45] }),
    line("chosen-inside", "chosen", { "line-color": colours.halo, "line-width": 5 }),
    line("notice-line", "notices", { "line-color": colours.notice, "line-width": 1.8 }),
    ...Object.entries(STATE_LINES).map(([state, { width, dash }]) => line(
      `activity-${state}`, "activities", { "line-color": party,
        "line-width": ["interpolate", ["linear"], ["zoom"], 5, width * 0.5, 9, width],
        "line-opacity": ["get", "opacity"], ...(dash ? { "line-dasharray": dash } : {}) },
      ["==", ["get", "state"], state], dash && dash[0] < 1 ? "round" : "butt")),
    line("suggested", "suggested", { "line-color": colours.free, "line-width": 3,
      "line-dasharray": [2, 1.2] }),
    icons("labels", "labels", { "symbol-sort-key": ["get", "rank"], "icon-anchor": "bottom",
      "icon-offset": [0, -4] }, { "icon-opacity": ["get", "opacity"] }),
    icons("conflicts", "conflicts", { "icon-allow-overlap": true,
      "symbol-sort-key": ["get", "rank"] }, {}),
  ];
}

function fill(id, source, paint) {
  return { id, type: "fill", source, paint };
}

function line(id, source, paint, filter, cap = "butt") {
  return { id, type: "line", source, paint, layout: { "line-join": "round", "line-cap": cap },
    ...(filter ? { filter } : {}) };
}

function icons(id, source, layout, paint) {
  return { id, type: "symbol", source, paint,
    layout: { "icon-image": ["get", "image"], "icon-padding": 2, ...layout } };
}

// Meridians and parallels every degree, to find one's way where there are few borders.
export function graticule() {
  const lines = [];
  for (let lng = -180; lng <= 180; lng += 1) lines.push([[lng, -85], [lng, 85]]);
  for (let lat = -85; lat <= 85; lat += 1) lines.push([[-180, lat], [180, lat]]);
  return { type: "MultiLineString", coordinates: lines };
}
