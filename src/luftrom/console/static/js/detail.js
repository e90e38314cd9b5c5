// The panel of one activity, conflict or notice: all that is known of it, and where it stands in
// the log.

import { byId, h } from "./dom.js";
import { altitudeFull, band, count, distance, interval, localTime, position, relative, statusWords,
  utcFull, utcTime } from "./format.js";
import { metres } from "./geometry.js";
import { reasons } from "./lists.js";
import { partyMark, select, stateTag, statusTag } from "./records.js";

const VOLUMES_SHOWN = 6;
const RULES = {
  priority: "higher priority", declared_first: "declared first", turn: "the party's turn",
  constraint: "a prior notice stands", unnamed: "not named in the key",
  same_entity: "the same identifier", outside_terms: "outside the agreement's terms",
  silent: "accepted while this party was silent",
  doubtful: "it had seen what a silent party had not opened",
};

export class Detail {
  constructor(state, model, actions) {
    this.state = state;
    this.model = model;
    this.actions = actions;          // what lies outside this panel, by name
    this.panel = byId("detail");
    this.allVolumes = false;
    state.on((changed) => {
      if (changed.has("selection")) {
        this.allVolumes = false;
        this.show();
        if (state.selection && !this.panel.hidden) this.panel.scrollTop = 0;
      } else if (changed.has("units")) this.show();
    });
  }

  show() {
    const { selection } = this.state;
    const list = byId("list");
    const cameFromList = list.contains(document.activeElement);
    this.panel.hidden = selection === null;
    list.hidden = selection !== null;
    if (selection === null) {
      this.panel.replaceChildren();
      return;
    }
    const found = this.model.find(selection);
    const body = found ? this[selection.kind](found)
      : [h("h2", {}, "Nothing here"), h("p", {}, `No ${selection.kind} ${selection.id} stands `
        + "at this node. It may have been withdrawn, or its data is still being read.")];
    const focused = this.panel.contains(document.activeElement)
      ? document.activeElement.dataset.key : null;
    this.panel.replaceChildren(this.#back(), ...body.flat(Infinity).filter(Boolean));
    // The row that was pressed is gone: the keyboard goes on at the way back.
    const key = cameFromList ? "back" : focused;
    if (key) this.panel.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }

  #back() {
    return h("button", { type: "button", class: "back", data: { key: "back" },
      onclick: () => this.#toList() }, "← Back to the list");
  }

  #toList() {
    const { kind, id } = this.state.selection;
    this.state.set({ selection: null });
    const key = CSS.escape(`${kind}:${id}`);
    (byId("list").querySelector(`[data-key="${key}"]`) ?? byId(`tab-${this.state.tab}`))?.focus();
  }

  #button(key, text, action) {
    return h("button", { type: "button", data: { key }, onclick: action }, text);
  }

  conflict(conflict) {
    const { right_of_way: right, first, second } = conflict;
    return [
      h("h2", {}, h("span", { class: "mark", "aria-hidden": "true" }),
        conflict.kind === "constraint" ? "Conflict with a prior notice" : "Conflict"),
      h("p", { class: "sentence large" }, conflict.sentence),
      h("div", { class: "actions" }, this.#button("show", "Show on the map",
        () => this.actions.showConflict(conflict))),
      facts([
        ["Right of way", [h("strong", {}, right.name), ` — ${right.reason}`]],
        ["Rule", RULES[right.rule] ?? right.rule],
        ["From", times(conflict.start)], ["Until", times(conflict.end)],
        ["Starts", relative(conflict.start, Date.now())],
        ["Closest", conflict.lateral_m === 0 && conflict.vertical_m === 0 ? "the volumes overlap"
          : `${distance(conflict.lateral_m, this.state.units)} lateral, `
            + `${distance(conflict.vertical_m, "m")} vertical`],
        ["Altitudes", `${altitudeFull(conflict.altitude_m_w84_lower)} to `
          + altitudeFull(conflict.altitude_m_w84_upper)],
        ["Where", position(conflict.where.lat, conflict.where.lng)],
      ]),
      h("h3", {}, "The two"),
      h("ul", { class: "rows" }, this.#side(first, right, "activity"),
        this.#side(second, right, conflict.kind === "constraint" ? "notice" : "activity")),
    ];
  }

  #side(side, right, kind) {
    return h("li", {}, h("button", { type: "button", class: "row", data: { key: side.id },
      onclick: () => select(this.state, kind, side.id) },
    h("span", { class: "row-head" }, h("strong", { class: "name" }, side.name),
      side.id === right.id && h("span", { class: "right" }, "right of way")),
    h("span", { class: "row-foot" }, partyMark(this.model, side.party),
      side.priority !== null && side.priority !== undefined
        && h("span", { class: "quiet" }, `priority ${side.priority}`),
      h("span", { class: "quiet" }, `version ${side.version}`))));
  }

  activity(activity) {
    const { ruling } = activity;
    return [
      h("h2", {}, stateTag(activity.state), activity.name || activity.id.slice(0, 8)),
      h("p", {}, partyMark(this.model, activity.party), " ", statusTag(activity)),
      activity.status === "refused" && h("p", { class: "note refusal" }, reasons(activity)),
      activity.status === "refused" && this.#suggestions(activity),
      this.#unacknowledged(activity),
      this.#shapeActions(activity),
      facts([
        ["State", activity.state ?? "not disclosed"],
        ["Status", statusWords(activity)],
        ["Priority", activity.priority === null ? "not disclosed" : String(activity.priority)],
        ["Party", activity.party], ["Manager", activity.manager ?? "not disclosed"],
        ["Version", String(activity.version)],
        ["Identifier", h("code", {}, activity.id)],
        ...extent(activity),
        ["Remarks", activity.remarks || null],
        ["Address", activity.uss_base_url || null],
      ]),
      h("h3", {}, "In the log"),
      facts([
        ["Statement", this.#leaf(activity.statement.log, activity.statement.index)],
        ["Signed", times(Date.parse(activity.statement.time))],
        ["Ruling", ruling ? [`${ruling.accepted ? "accepted" : "refused"}, `,
          this.#leaf(`${activity.party}/log`, ruling.index)] : "none yet"],
        ...(ruling?.against ?? []).map((each) => [RULES[each.rule] ?? each.rule,
          this.#against(each)]),
      ]),
      this.#conflictsOf(activity),
      this.#volumes(activity),
    ];
  }

  #suggestions(activity) {
    const found = this.actions.suggestions(activity);
    if (found === null) return null;
    if (found === "asking") return h("p", { class: "quiet" }, "Asking what is free instead…");
    if (found.length === 0) return h("p", { class: "quiet" }, "Nothing near it is free.");
    return [h("h3", {}, "Free instead"),
      h("ul", { class: "rows suggestions" }, found.map((each) => h("li", {},
        h("button", { type: "button", class: "row", data: { key: `free-${each.kind}` },
          title: "Show on the map", onclick: () => this.actions.showSuggestion(each) },
        h("span", { class: "sentence" }, each.sentence),
        h("span", { class: "row-foot quiet" }, `${interval(each.start, each.end)} · `
          + band(each.lower, each.upper, this.state.units),
        h("span", {}, `found ${utcTime(Date.parse(each.verified_at), true)}`))))))];
  }

  #unacknowledged(activity) {
    return activity.unacknowledged.length > 0 && h("p", { class: "note warning" },
      `Not acknowledged by ${activity.unacknowledged.join(", ")}: it may not know of this.`);
  }

  #against(each) {
    return h("button", { type: "button", class: "as-link", data: { key: `against-${each.id}` },
      onclick: () => select(this.state, this.model.notices.has(each.id) ? "notice" : "activity",
        each.id) }, `${each.name} of ${each.party}`);
  }

  #leaf(log, index) {
    return h("code", {}, `${log} #${index}`);
  }

  #shapeActions(record) {
    if (record.shapes.length === 0) return null;
    return h("div", { class: "actions" },
      this.#button("show", "Show on the map", () => this.actions.showRecord(record)),
      this.#button("start", "Go to its start", () => this.actions.showTime(record)));
  }

  #conflictsOf(record) {
    const conflicts = this.model.inConflict.get(record.id) ?? [];
    if (conflicts.length === 0) return null;
    return [h("h3", {}, `Conflicts (${count(conflicts.length)})`),
      h("ul", { class: "rows" }, conflicts.slice(0, 20).map((conflict) => h("li", {},
        h("button", { type: "button", class: "row", data: { key: `conflict-${conflict.id}` },
          onclick: () => this.actions.chooseConflict(conflict) },
        h("span", { class: "row-head" }, h("span", { class: "mark", "aria-hidden": "true" }),
          h("span", { class: "when" }, interval(conflict.start, conflict.end))),
        h("span", { class: "sentence" }, conflict.sentence)))))];
  }

  notice(notice) {
    return [
      h("h2", {}, h("span", { class: "hatch", "aria-hidden": "true" }), notice.name),
      h("p", {}, partyMark(this.model, notice.party), " ",
        h("span", { class: "quiet" }, `prior notice: ${notice.kind}`)),
      this.#shapeActions(notice),
      facts([
        ["Kind", notice.kind], ["Status", notice.status], ["Party", notice.party],
        ["Manager", notice.manager], ["Identifier", h("code", {}, notice.id)],
        ...extent(notice), ["Remarks", notice.remarks || null],
        ["Statement", this.#leaf(notice.statement.log, notice.statement.index)],
        ["Signed", times(Date.parse(notice.statement.time))],
      ]),
      this.#conflictsOf(notice),
      this.#volumes(notice),
    ];
  }

  #volumes(record) {
    const { shapes } = record;
    if (shapes.length === 0) return null;
    const shown = this.allVolumes ? shapes : shapes.slice(0, VOLUMES_SHOWN);
    return [h("h3", {}, `Volumes (${count(shapes.length)})`),
      h("ol", { class: "volumes" }, shown.map((shape) => h("li", {},
        h("span", {}, `${interval(shape.start, shape.end)} `
          + `${shape.offNominal ? "off-nominal " : ""}${outlineWords(shape.volume)}`),
        h("span", { class: "quiet" }, `${altitudeFull(shape.lower)} to `
          + altitudeFull(shape.upper))))),
      shown.length < shapes.length && h("button", { type: "button", class: "more",
        data: { key: "volumes" }, onclick: () => { this.allVolumes = true; this.show(); } },
      `Show all ${count(shapes.length)}`)];
  }
}

function outlineWords(volume) {
  if (volume.outline_circle) {
    return `circle of ${count(metres({ ...volume.outline_circle.radius }))} m`;
  }
  return `polygon of ${volume.outline_polygon.vertices.length} corners`;
}

function extent(record) {
  if (record.shapes.length === 0) return [["Volumes", "not disclosed to this node"]];
  return [["From", times(record.start)], ["Until", times(record.end)],
    ["Lowest", altitudeFull(record.lower)], ["Highest", altitudeFull(record.upper)]];
}

function times(ms) {
  return [utcFull(ms), " ", h("span", { class: "local" }, localTime(ms))];
}

function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null).map(
    ([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
