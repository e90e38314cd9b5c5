// What the user chose: time, window, altitudes, units, selection, tab, view. One place, so that
// map, lists and time bar always show the same; and its text form, so that a view is a link.

const WINDOWS = [0, 5, 30, 120, 1440];

export class State extends EventTarget {
  constructor() {
    super();
    this.time = null;               // ms since 1970; null until the data or the link says
    this.follow = true;             // the time is now, and moves with it
    this.window = 0;                // minutes to either side of the time
    this.lower = null;              // metres W84; null: no limit
    this.upper = null;
    this.units = "m";
    this.tab = "conflicts";
    this.selection = null;          // {kind: activity|conflict|notice, id}
    this.view = null;               // {zoom, lat, lng}
    this.playing = false;
  }

  set(patch) {
    const changed = Object.keys(patch).filter((key) => !same(this[key], patch[key]));
    if (changed.length === 0) return;
    Object.assign(this, patch);
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(changed) }));
  }

  on(listener) {
    this.addEventListener("change", (event) => listener(event.detail));
  }

  get span() {
    const half = this.window * 60000;
    return [this.time - half, this.time + half];
  }

  toFragment() {
    const parts = [];
    if (this.time !== null && !this.follow) {
      parts.push(["t", new Date(Math.round(this.time / 1000) * 1000).toISOString()
        .replace(".000", "")]);
    }
    if (this.window) parts.push(["w", this.window]);
    if (this.lower !== null || this.upper !== null) {
      parts.push(["alt", `${this.lower ?? ""},${this.upper ?? ""}`]);
    }
    if (this.units !== "m") parts.push(["units", this.units]);
    if (this.tab !== "conflicts") parts.push(["tab", this.tab]);
    if (this.selection) parts.push(["sel", `${this.selection.kind}:${this.selection.id}`]);
    if (this.view) {
      const { zoom, lat, lng } = this.view;
      parts.push(["map", `${zoom.toFixed(2)}/${lat.toFixed(4)}/${lng.toFixed(4)}`]);
    }
    return parts.map(([name, value]) => `${name}=${encodeURIComponent(value)
      .replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%2C", ",")}`).join("&");
  }

  // Reads a fragment; what it does not say, or says wrongly, stays at its default.
  fromFragment(text) {
    const given = new URLSearchParams(text);
    const patch = { lower: null, upper: null, selection: null };
    const time = Date.parse(given.get("t") ?? "");
    if (Number.isFinite(time)) Object.assign(patch, { time, follow: false });
    const window = Number(given.get("w"));
    patch.window = WINDOWS.includes(window) ? window : 0;
    const altitudes = (given.get("alt") ?? "").split(",");
    if (altitudes.length === 2) {
      [patch.lower, patch.upper] = altitudes.map((a) => (
        a.trim() !== "" && Number.isFinite(Number(a)) ? Number(a) : null));
    }
    patch.units = given.get("units") === "ft" ? "ft" : "m";
    patch.tab = /^[a-z]{1,12}$/.test(given.get("tab") ?? "") ? given.get("tab") : "conflicts";
    const [, kind, id] = /^(activity|conflict|notice):(.{1,200})$/.exec(given.get("sel") ?? "")
      ?? [];
    if (kind) patch.selection = { kind, id };
    const view = (given.get("map") ?? "").split("/").map(Number);
    if (view.length === 3 && view.every(Number.isFinite) && Math.abs(view[1]) <= 85) {
      patch.view = { zoom: view[0], lat: view[1], lng: view[2] };
    }
    this.set(patch);
  }
}

function same(a, b) {
  return a === b || (a !== null && b !== null && typeof a === "object"
    && JSON.stringify(a) === JSON.stringify(b));
}
