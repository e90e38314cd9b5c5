// The airspace as the browser holds it: activities, prior notices and conflicts, ready to be asked
// "what is there at this time and altitude?". Rings are made when first drawn.

import { metres, outlineRing } from "./geometry.js";

class Shape {
  constructor(volume4d, offNominal) {
    this.volume = volume4d.volume;
    this.offNominal = offNominal;
    this.start = Date.parse(volume4d.time_start.value);
    this.end = Date.parse(volume4d.time_end.value);
    this.lower = metres(this.volume.altitude_lower);
    this.upper = metres(this.volume.altitude_upper);
    this.drawn = null;
  }

  get ring() {
    this.drawn ??= outlineRing(this.volume);
    return this.drawn;
  }
}

export function withShapes(document) {
  const shapes = document.volumes.map((each) => new Shape(each, false));
  for (const each of document.off_nominal_volumes ?? []) shapes.push(new Shape(each, true));
  const start = Math.min(...shapes.map((s) => s.start));
  const end = Math.max(...shapes.map((s) => s.end));
  return Object.assign({}, document, { shapes, start, end,
    lower: Math.min(...shapes.map((s) => s.lower)),
    upper: Math.max(...shapes.map((s) => s.upper)) });
}

export class Model {
  constructor() {
    this.activities = new Map();
    this.notices = new Map();
    this.conflicts = [];
    this.horizon = null;
    this.method = "";
    this.party = "";                   // whose node this is
    this.parties = [];
    this.inConflict = new Map();       // activity or notice id -> conflicts
  }

  clear() {
    this.activities.clear();
  }

  takeActivities(documents) {
    for (const document of documents) this.activities.set(document.id, withShapes(document));
  }

  takeNotices(documents) {
    this.notices = new Map(documents.map((each) => [each.id, withShapes(each)]));
  }

  takeConflicts(document) {
    this.horizon = document.horizon;
    this.method = document.method;
    this.conflicts = document.conflicts.map((each) => Object.assign({}, each, {
      start: Date.parse(each.time_start), end: Date.parse(each.time_end) }));
    this.conflicts.sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1));
    this.inConflict = new Map();
    for (const conflict of this.conflicts) {
      for (const side of [conflict.first, conflict.second]) {
        const known = this.inConflict.get(side.id);
        if (known) known.push(conflict);
        else this.inConflict.set(side.id, [conflict]);
      }
    }
  }

  // The order of the agreement, so that a party has the same colour in every console.
  takeParties(status) {
    this.party = status.party;
    const names = status.agreement ? status.agreement.parties.map((p) => p.name) : [];
    this.parties = names.includes(status.party) ? names : [...names, status.party];
  }

  partyIndex(party) {
    const index = this.parties.indexOf(party);
    return index < 0 ? 4 : index % 4;
  }

  *standing() {
    for (const activity of this.activities.values()) {
      if (activity.status === "accepted" || activity.status === "pending") yield activity;
    }
  }

  refused() {
    return [...this.activities.values()].filter((a) => a.status === "refused");
  }

  find(selection) {
    if (!selection) return null;
    if (selection.kind === "conflict") {
      return this.conflicts.find((c) => c.id === selection.id) ?? null;
    }
    const from = selection.kind === "notice" ? this.notices : this.activities;
    return from.get(selection.id) ?? null;
  }

  // First start and last end of all that stands, or null.
  extent() {
    let [start, end] = [Infinity, -Infinity];
    for (const each of this.standing()) {
      start = Math.min(start, each.start);
      end = Math.max(end, each.end);
    }
    for (const each of this.notices.values()) {
      start = Math.min(start, each.start);
      end = Math.max(end, each.end);
    }
    return start < end ? [start, end] : null;
  }
}

// Half-open, as everywhere: what ends at the moment asked for is over.
export function isWithin(item, filter) {
  return item.start <= filter.end && item.end > filter.start
    && item.lower <= filter.upper && item.upper >= filter.lower;
}

export function conflictIsWithin(conflict, filter) {
  return conflict.start <= filter.end && conflict.end > filter.start
    && conflict.altitude_m_w84_lower <= filter.upper
    && conflict.altitude_m_w84_upper >= filter.lower;
}

export function filterOf(state) {
  const [start, end] = state.span;
  return { start, end, lower: state.lower ?? -Infinity, upper: state.upper ?? Infinity };
}
