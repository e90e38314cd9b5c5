// The lists beside the map: conflicts as sentences, activities, refused ones, prior notices, and
// the links. Every fact of the map is in one of them, so the console can be used without the map.

import { byId, h, throttled } from "./dom.js";
import { band, count, interval, relative, utcDate, utcTime } from "./format.js";
import { channelRows } from "./channel.js";
import { conflictIsWithin, filterOf, isWithin } from "./model.js";
import { partyMark, priorityTag, select, stateTag, statusTag } from "./records.js";

const ROWS = 100;
const TABS = [["conflicts", "Conflicts"], ["activities", "Activities"], ["refused", "Refused"],
  ["notices", "Notices"], ["link", "Link"]];

export class Lists {
  constructor(state, model, status) {
    this.state = state;
    this.model = model;
    this.status = status;              // () => the newest status document, or null
    this.rows = ROWS;
    this.search = "";
    this.scope = "time";
    this.show = throttled(300, () => this.#show());
    this.#makeTabs();
    state.on((changed) => {
      if (changed.has("tab")) {
        this.rows = ROWS;
        this.#show();
        byId("list").scrollTop = 0;
      } else if (["time", "window", "lower", "upper", "units", "selection"].some(
        (key) => changed.has(key))) this.show();
    });
  }

  #makeTabs() {
    this.tabs = TABS.map(([id, name]) => h("button", { type: "button", role: "tab",
      id: `tab-${id}`, "aria-controls": "list", onclick: () => this.choose(id),
      onkeydown: (event) => this.#arrow(event) }, name, h("span", { class: "count" })));
    byId("tabs").append(...this.tabs);
  }

  choose(tab) {
    this.state.set({ tab, selection: null });
  }

  chooseNumber(number) {
    if (TABS[number - 1]) this.choose(TABS[number - 1][0]);
  }

  #arrow(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (this.tabs.indexOf(event.currentTarget) + by + TABS.length) % TABS.length;
    this.choose(TABS[at][0]);
    this.tabs[at].focus();
    event.preventDefault();
    event.stopPropagation();
  }

  focusSearch() {
    this.choose("activities");
    this.#show();
    byId("search")?.focus();
  }

  conflictsInOrder() {
    return this.model.conflicts;
  }

  #counts() {
    const standing = [...this.model.standing()].length;
    return { conflicts: this.model.conflicts.length, activities: standing,
      refused: this.model.refused().length, notices: this.model.notices.size, link: null };
  }

  #show() {
    const { tab } = this.state;
    const known = TABS.some(([id]) => id === tab) ? tab : "conflicts";
    const counts = this.#counts();
    TABS.forEach(([id], i) => {
      const isChosen = id === known;
      this.tabs[i].setAttribute("aria-selected", String(isChosen));
      this.tabs[i].tabIndex = isChosen ? 0 : -1;
      this.tabs[i].lastChild.textContent = counts[id] === null ? "" : count(counts[id]);
    });
    const list = byId("list");
    list.setAttribute("aria-labelledby", `tab-${known}`);
    if (this.state.selection !== null) return;   // the detail stands in its place
    this.#fill(list, this[known]());
  }

  // New rows take the place of the old; who was typing or on a row goes on there.
  #fill(list, content) {
    const focused = list.contains(document.activeElement)
      ? document.activeElement.dataset.key ?? document.activeElement.id : null;
    const caret = document.activeElement?.selectionStart;
    const top = list.scrollTop;
    list.replaceChildren(...content.flat(Infinity).filter(Boolean));
    list.scrollTop = top;
    if (!focused) return;
    const again = [...list.querySelectorAll("[data-key], [id]")].find(
      (each) => (each.dataset.key ?? each.id) === focused);
    again?.focus({ preventScroll: true });
    if (again?.id === "search") again.setSelectionRange(caret, caret);
  }

  #some(items, row, none) {
    if (items.length === 0) return [h("p", { class: "none" }, none)];
    const shown = items.slice(0, this.rows);
    const rest = items.length - shown.length;
    return [h("ul", { class: "rows" }, shown.map(row)),
      rest > 0 && h("button", { type: "button", class: "more", data: { key: "more" },
        onclick: () => { this.rows += ROWS; this.#show(); } },
      `Show ${count(Math.min(ROWS, rest))} of ${count(rest)} more`)];
  }

  #row(kind, id, isNow, ...content) {
    const chosen = this.state.selection;
    return h("li", {}, h("button", { type: "button", class: `row${isNow ? " is-now" : ""}`,
      data: { key: `${kind}:${id}` },
      "aria-current": chosen?.kind === kind && chosen.id === id ? "true" : null,
      onclick: () => select(this.state, kind, id) }, ...content));
  }

  conflicts() {
    const filter = filterOf(this.state);
    const at = this.state.time;
    // Those at the chosen time first, then what is ahead, then what is over.
    const rank = (c) => (conflictIsWithin(c, filter) ? 0 : c.end <= at ? 2 : 1);
    const sorted = [...this.model.conflicts].sort((a, b) => rank(a) - rank(b)
      || (rank(a) === 2 ? b.start - a.start : a.start - b.start));
    const { horizon, method } = this.model;
    const until = horizon && h("p", { class: "quiet foot" },
      `${sorted.length === 0 ? "No conflict" : "All conflicts"} from `
      + `${this.#when(horizon.time_start)} to ${this.#when(horizon.time_end)}. `
      + `Method: ${method}.`);
    return [this.#some(sorted, (c) => this.#conflictRow(c, filter),
      horizon ? "No conflict stands." : "Reading…"), until];
  }

  #when(text) {
    const ms = Date.parse(text);
    return `${utcDate(ms)} ${utcTime(ms)}`;
  }

  #conflictRow(conflict, filter) {
    const isNow = conflictIsWithin(conflict, filter);
    return this.#row("conflict", conflict.id, isNow,
      h("span", { class: "row-head" }, h("span", { class: "mark", "aria-hidden": "true" }),
        h("span", { class: "when" }, interval(conflict.start, conflict.end)),
        h("span", { class: "quiet" }, isNow ? "at the time shown"
          : relative(conflict.start, this.state.time).replace("in ", "+").replace(" ago", " before"))),
      h("span", { class: "sentence" }, conflict.sentence),
      h("span", { class: "row-foot" }, partyMark(this.model, conflict.first.party),
        partyMark(this.model, conflict.second.party)));
  }

  activities() {
    const filter = filterOf(this.state);
    const wanted = this.search.trim().toLowerCase();
    const items = [...this.model.activities.values()].filter((a) => (
      (wanted ? `${a.name} ${a.party} ${a.manager} ${a.id}`.toLowerCase().includes(wanted)
        : !["refused", "withdrawn", "void"].includes(a.status))
      && (this.scope === "all" || wanted || isWithin(a, filter))));
    items.sort((a, b) => a.start - b.start || (a.name < b.name ? -1 : 1));
    const form = h("div", { class: "search" },
      h("input", { id: "search", type: "search", placeholder: "Name, party, manager, id",
        "aria-label": "Search activities", value: this.search, autocomplete: "off",
        oninput: (event) => { this.search = event.target.value; this.show(); } }),
      h("select", { id: "scope", "aria-label": "Which activities",
        onchange: (event) => { this.scope = event.target.value; this.show(); } },
      [["time", "at the time shown"], ["all", "all times"]].map(([value, text]) => (
        h("option", { value, selected: value === this.scope }, text)))));
    return [form, this.#some(items, (a) => this.#activityRow(a, filter),
      wanted ? "Nothing by that name." : "Nothing at this time and altitude.")];
  }

  #activityRow(activity, filter) {
    const conflicts = this.model.inConflict.get(activity.id)?.length ?? 0;
    return this.#row("activity", activity.id, isWithin(activity, filter),
      h("span", { class: "row-head" }, stateTag(activity.state),
        h("strong", { class: "name" }, activity.name || activity.id.slice(0, 8)),
        conflicts > 0 && h("span", { class: "in-conflict" }, h("span", { class: "mark",
          "aria-hidden": "true" }), `${count(conflicts)}`,
        h("span", { class: "unseen" }, " conflicts"))),
      h("span", { class: "row-body" }, this.#times(activity), " · ",
        this.#altitudes(activity)),
      h("span", { class: "row-foot" }, partyMark(this.model, activity.party),
        statusTag(activity), priorityTag(activity.priority)));
  }

  #times(record) {
    return Number.isFinite(record.start) ? interval(record.start, record.end) : "not disclosed";
  }

  #altitudes(record) {
    return Number.isFinite(record.lower) ? band(record.lower, record.upper, this.state.units) : "";
  }

  refused() {
    const items = this.model.refused().sort((a, b) => b.revision - a.revision);
    return [this.#some(items, (activity) => this.#row("activity", activity.id, false,
      h("span", { class: "row-head" }, stateTag(activity.state),
        h("strong", { class: "name" }, activity.name || activity.id.slice(0, 8)),
        statusTag(activity)),
      h("span", { class: "sentence" }, reasons(activity)),
      h("span", { class: "row-foot" }, partyMark(this.model, activity.party),
        priorityTag(activity.priority), h("span", { class: "quiet" }, this.#times(activity)))),
    "No declaration was refused.")];
  }

  notices() {
    const filter = filterOf(this.state);
    const items = [...this.model.notices.values()].sort((a, b) => a.start - b.start);
    return [this.#some(items, (notice) => this.#row("notice", notice.id, isWithin(notice, filter),
      h("span", { class: "row-head" }, h("span", { class: "hatch", "aria-hidden": "true" }),
        h("strong", { class: "name" }, notice.name), h("span", { class: "quiet" }, notice.kind)),
      h("span", { class: "row-body" }, this.#times(notice), " · ", this.#altitudes(notice)),
      h("span", { class: "row-foot" }, partyMark(this.model, notice.party))),
    "No prior notice stands.")];
  }

  link() {
    return channelRows(this.status(), this.state.units);
  }
}

export function reasons(activity) {
  const against = activity.ruling?.against ?? [];
  return against.map((each) => each.sentence).join(" ") || "The ruling names no other activity.";
}
