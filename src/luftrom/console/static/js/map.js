// The map: what stands at the chosen time and altitudes, as MapLibre draws it. Only that goes into
// the map's sources, so a day of 20,000 volumes costs as much as what is in the air.

import { throttled } from "./dom.js";
import { STATE_TAGS, band } from "./format.js";
import { ringBounds, ringCentre } from "./geometry.js";
import { RATIO, palette, picture } from "./images.js";
import { loadLand } from "./land.js";
import { emptySources, graticule, makeLayers } from "./layers.js";
import { conflictIsWithin, filterOf, isWithin } from "./model.js";

const LABELS_MAX = 250;
const DRAW_MS = 60;
const CLICKABLE = ["conflicts", "activity-fill", "notice-fill"];

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const collection = (features) => ({ type: "FeatureCollection", features });

export class AirspaceMap {
  constructor(container, state, model) {
    this.state = state;
    this.model = model;
    this.faded = new Set();            // parties whose data is old
    this.suggested = [];               // rings of what is free instead of the selection
    this.container = container;
    this.framed = state.view !== null;
    this.draw = throttled(DRAW_MS, () => this.#draw());
    this.map = new maplibregl.Map({
      container, attributionControl: false, dragRotate: false, pitchWithRotate: false,
      maxPitch: 0, minZoom: 1.5, maxZoom: 17, fadeDuration: 0,
      center: state.view ? [state.view.lng, state.view.lat] : [10, 47],
      zoom: state.view ? state.view.zoom : 4,
      style: { version: 8, sources: emptySources(), layers: makeLayers(palette()) } });
    this.ready = new Promise((done) => { this.map.once("load", done); });
    this.#connect();
    this.#loadLand();
  }

  #connect() {
    const map = this.map;
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.scale = new maplibregl.ScaleControl({ maxWidth: 120, unit: this.#scaleUnit() });
    map.addControl(this.scale, "bottom-right");
    map.on("styleimagemissing", ({ id }) => {
      const image = picture(id);
      if (image && !map.hasImage(id)) map.addImage(id, image, { pixelRatio: RATIO });
    });
    map.on("movestart", () => this.#setIdle(false));
    map.on("idle", () => this.#setIdle(true));
    map.on("moveend", () => {
      const { lng, lat } = map.getCenter();
      this.state.set({ view: { zoom: map.getZoom(), lat, lng } });
    });
    map.on("click", (event) => this.#click(event));
    map.on("mousemove", (event) => {
      map.getCanvas().style.cursor = this.#at(event.point).length ? "pointer" : "";
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
    this.state.on((changed) => {
      if (changed.has("selection")) this.suggested = [];
      if (["time", "window", "lower", "upper", "selection"].some((k) => changed.has(k))) {
        this.draw();
      }
      if (changed.has("units")) {
        this.scale.setUnit(this.#scaleUnit());
        this.draw();
      }
    });
  }

  #scaleUnit() {
    return this.state.units === "ft" ? "nautical" : "metric";
  }

  // Tests and screen grabs wait for this.
  #setIdle(idle) {
    window.luftromIdle = idle;
    this.container.dataset.idle = String(idle);
  }

  async #loadLand() {
    const [land] = await Promise.all([loadLand(), this.ready]);
    this.map.getSource("land").setData(land.land);
    this.map.getSource("borders").setData(land.borders);
    this.map.getSource("places").setData(collection(land.names));
    this.map.getSource("grid").setData(graticule());
  }

  // Pictures are made anew in the other colours when the map asks for them again.
  #repaint() {
    for (const id of this.map.listImages()) this.map.removeImage(id);
    for (const layer of makeLayers(palette())) {
      for (const [name, value] of Object.entries(layer.paint)) {
        this.map.setPaintProperty(layer.id, name, value);
      }
    }
    this.draw();
  }

  setFaded(parties) {
    const names = [...parties].sort().join("\n");
    if (names === [...this.faded].sort().join("\n")) return;
    this.faded = new Set(parties);
    this.draw();
  }

  setArea(agreement) {
    const outline = agreement?.area?.outline_polygon?.vertices;
    if (!outline) return;
    const ring = outline.map(({ lat, lng }) => [lng, lat]);
    ring.push(ring[0]);
    this.ready.then(() => {
      this.map.getSource("area").setData({ type: "LineString", coordinates: ring });
      if (!this.framed) this.frame(ringBounds([ring]), false);
    });
  }

  frame(bounds, animate = true) {
    if (!bounds) return;
    this.framed = true;
    this.map.fitBounds(bounds, { padding: 56, maxZoom: 13,
      animate: animate && !calm(), duration: 700 });
  }

  async #draw() {
    await this.ready;
    if (this.state.time === null) return;
    this.#setIdle(false);
    const filter = filterOf(this.state);
    const activities = this.#activityFeatures(filter);
    const notices = this.#noticeFeatures(filter);
    const labels = [...activities.labels, ...notices.labels].sort(
      (a, b) => a.properties.rank - b.properties.rank).slice(0, LABELS_MAX);
    this.#set("notices", notices.shapes);
    this.#set("activities", activities.shapes);
    this.#set("chosen", this.#chosenFeatures(filter));
    this.#set("suggested", this.suggested.map((ring) => feature(ring, {})));
    this.#set("labels", labels);
    this.#set("conflicts", this.#conflictFeatures(filter));
    this.onDrawn?.({ activities: activities.labels.length, notices: notices.labels.length });
    this.map.triggerRepaint();
  }

  #set(source, features) {
    this.map.getSource(source).setData(collection(features));
  }

  #activityFeatures(filter) {
    const shapes = [];
    const labels = [];
    for (const activity of this.model.standing()) {
      if (!isWithin(activity, filter)) continue;
      const within = activity.shapes.filter((shape) => isWithin(shape, filter));
      if (within.length === 0) continue;
      const party = this.model.partyIndex(activity.party);
      const opacity = this.faded.has(activity.party) ? 0.4 : 1;
      const strong = activity.state === "Accepted" ? "soft" : "strong";
      for (const shape of within) {
        shapes.push(feature(shape.ring, { kind: "activity", id: activity.id, party, opacity,
          state: activity.state, fill: `fill:${party}:${strong}` }));
      }
      labels.push(this.#label(activity, within[0], party, opacity));
    }
    return { shapes, labels };
  }

  #label(activity, shape, party, opacity) {
    const marks = [STATE_TAGS[activity.state] ?? "?"];
    if (activity.status === "pending") marks.push("pending");
    if (activity.unacknowledged.length) marks.push("unack.");
    const isInConflict = this.model.inConflict.has(activity.id);
    return { type: "Feature",
      properties: { image: `label:${party}:${marks.join(" ")} ${activity.name}`, opacity,
        rank: -(activity.priority ?? 0) - (isInConflict ? 1000 : 0) },
      geometry: { type: "Point", coordinates: topOf(shape.ring) } };
  }

  #noticeFeatures(filter) {
    const shapes = [];
    const labels = [];
    for (const notice of this.model.notices.values()) {
      const within = notice.shapes.filter((shape) => isWithin(shape, filter));
      if (within.length === 0) continue;
      const opacity = this.faded.has(notice.party) ? 0.4 : 1;
      for (const shape of within) {
        shapes.push(feature(shape.ring, { kind: "notice", id: notice.id, opacity }));
      }
      const limits = band(notice.lower, notice.upper, this.state.units);
      labels.push({ type: "Feature", properties: { image: `label:n:${notice.name} · ${limits}`,
        opacity, rank: -2000 },
      geometry: { type: "Point", coordinates: topOf(within[0].ring) } });
    }
    return { shapes, labels };
  }

  #chosenFeatures(filter) {
    const { selection } = this.state;
    const found = this.model.find(selection);
    if (!found) return [];
    const records = selection.kind === "conflict"
      ? [found.first, found.second].map((side) => (
        this.model.activities.get(side.id) ?? this.model.notices.get(side.id))) : [found];
    // Of a conflict's long flights only what is there at that time is outlined.
    const nearby = selection.kind === "conflict"
      ? (shape) => isWithin(shape, filter) : () => true;
    return records.filter(Boolean).flatMap((record) => record.shapes.filter(nearby).map(
      (shape) => feature(shape.ring, { now: isWithin(shape, filter) })));
  }

  #conflictFeatures(filter) {
    const chosen = this.state.selection?.kind === "conflict" ? this.state.selection.id : null;
    return this.model.conflicts
      .filter((conflict) => conflict.id === chosen || conflictIsWithin(conflict, filter))
      .map((conflict) => ({ type: "Feature",
        properties: { kind: "conflict", id: conflict.id, rank: conflict.id === chosen ? 1 : 0,
          image: conflict.id === chosen ? "conflict:chosen" : "conflict:plain" },
        geometry: { type: "Point", coordinates: [conflict.where.lng, conflict.where.lat] } }));
  }

  // What is drawn at a point of the screen, the topmost first, each record once.
  #at(point) {
    if (!this.map.isStyleLoaded()) return [];
    const found = new Map();
    for (const hit of this.map.queryRenderedFeatures(point, { layers: CLICKABLE })) {
      const { kind, id } = hit.properties;
      found.set(`${kind}:${id}`, { kind, id });
    }
    return [...found.values()];
  }

  // A click takes the topmost; the next click at the same place the one below it.
  #click(event) {
    const hits = this.#at(event.point);
    const chosen = this.state.selection;
    const at = hits.findIndex((hit) => chosen && hit.kind === chosen.kind && hit.id === chosen.id);
    this.state.set({ selection: hits.length ? hits[(at + 1) % hits.length] : null });
  }

  showRecord(record) {
    const { start, end } = filterOf(this.state);
    const shapes = record.shapes.filter((s) => s.start <= end && s.end > start);
    this.frame(ringBounds((shapes.length ? shapes : record.shapes).map((s) => s.ring)));
  }

  showSuggestion(suggestion) {
    this.suggested = suggestion.shapes.map((shape) => shape.ring);
    const chosen = this.model.find(this.state.selection)?.shapes ?? [];
    this.frame(ringBounds([...chosen.map((shape) => shape.ring), ...this.suggested]));
    this.draw();
  }

  showConflict(conflict) {
    this.framed = true;
    const sides = [conflict.first, conflict.second].map((side) => (
      this.model.activities.get(side.id) ?? this.model.notices.get(side.id)));
    const shapes = sides.filter(Boolean).flatMap((record) => record.shapes.filter(
      (s) => s.start <= conflict.end && s.end > conflict.start));
    const bounds = ringBounds(shapes.map((s) => s.ring));
    const camera = bounds && this.map.cameraForBounds(bounds, { padding: 80, maxZoom: 13 });
    const go = { center: [conflict.where.lng, conflict.where.lat],
      zoom: Math.max(6, camera?.zoom ?? 10) };
    if (calm()) this.map.jumpTo(go);
    else this.map.flyTo({ ...go, duration: 900 });
  }
}

function feature(ring, properties) {
  return { type: "Feature", properties, geometry: { type: "Polygon", coordinates: [ring] } };
}

// Labels stand above the shape, where they cover least.
function topOf(ring) {
  const north = ringBounds([ring])[3];
  return [ringCentre(ring)[0], north];
}
