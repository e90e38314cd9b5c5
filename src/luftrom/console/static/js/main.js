// The console's beginning: a token, a feed, a model; and who tells whom when something changes.

import { AltitudeFilter } from "./altitude.js";
import { Channels } from "./channel.js";
import { Detail } from "./detail.js";
import { byId, setText, throttled } from "./dom.js";
import { Feed } from "./feed.js";
import { count, position } from "./format.js";
import { connectKeys } from "./keys.js";
import { showLegend } from "./legend.js";
import { Lists } from "./lists.js";
import { AirspaceMap } from "./map.js";
import { Model, filterOf, isWithin } from "./model.js";
import { dropToken, keepToken, takeToken, tokenClaims } from "./session.js";
import { State } from "./state.js";
import { Suggestions } from "./suggestions.js";
import { TimeBar } from "./timebar.js";

// MapLibre starts its worker from a blob URL, and writes the text of its scale as markup. Nothing
// else may become script or markup: the browser refuses it.
window.trustedTypes?.createPolicy("default", {
  createScriptURL: (url) => (url.startsWith(`blob:${location.origin}/`) ? url : null),
  createHTML: (text) => (/^[\d.]+&nbsp;[a-z]{1,3}$/.test(text) ? text : null),
});

function begin() {
  const token = takeToken();
  if (!token) {
    signIn("This page has no token yet.");
    return;
  }
  const { exp } = tokenClaims(token);
  if (exp && exp * 1000 < Date.now()) {
    dropToken();
    signIn("The token has expired.");
    return;
  }
  open(token);
}

function signIn(why) {
  setText(byId("sign-in-why"), why);
  const dialog = byId("sign-in");
  byId("sign-in-form").addEventListener("submit", () => {
    const token = byId("sign-in-token").value.trim();
    if (!token) return;
    keepToken(token);
    location.reload();
  }, { once: true });
  // Escape would leave an empty page and no way to go on.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.dataset.link = "signed-out";
  dialog.showModal();
}

function open(token) {
  const state = new State();
  state.fromFragment(location.hash.slice(1));
  const model = new Model();
  const map = new AirspaceMap(byId("map"), state, model);
  const feed = new Feed(token);
  const channels = new Channels(feed, map);
  const timeBar = new TimeBar(state, model);
  const altitude = new AltitudeFilter(state);
  const goToConflict = (conflict) => {
    timeBar.stop();
    timeBar.go(middle(conflict));
    map.showConflict(conflict);
  };
  const suggestions = new Suggestions(feed, model, () => detail.show());
  const detail = new Detail(state, model, {
    suggestions: (activity) => suggestions.of(activity),
    showSuggestion: (suggestion) => {
      timeBar.stop();
      timeBar.go(suggestion.start);
      map.showSuggestion(suggestion);
    },
    showConflict: goToConflict,
    chooseConflict: (conflict) => state.set({ selection: { kind: "conflict", id: conflict.id } }),
    showRecord: (record) => map.showRecord(record),
    showTime: (record) => { timeBar.stop(); timeBar.go(record.start); map.showRecord(record); },
  });
  const lists = new Lists(state, model, () => channels.status);
  const page = { state, model, map, feed, channels, timeBar, altitude, detail, lists };
  connectFeed(page);
  connectState(page, goToConflict);
  connectTools(page);
  feed.start();
}

// Half-open times: at its middle a conflict surely stands.
function middle(conflict) {
  return Math.floor((conflict.start + conflict.end) / 2);
}

function connectFeed({ state, model, map, feed, channels, timeBar, altitude, detail, lists }) {
  const refresh = throttled(200, () => {
    timeBar.refresh();
    map.draw();
    lists.show();
    if (state.selection) detail.show();
  });
  feed.addEventListener("status", ({ detail: status }) => {
    model.takeParties(status);
    channels.take(status);
    showLegend(model);
    map.setArea(status.agreement);
    if (status.agreement) {
      altitude.setBand(status.agreement.altitude_m_w84_lower,
        status.agreement.altitude_m_w84_upper);
    }
    if (state.tab === "link") lists.show();
  });
  feed.addEventListener("reset", () => model.clear());
  feed.addEventListener("activities", ({ detail: page }) => {
    model.takeActivities(page);
    refresh();
  });
  feed.addEventListener("notices", ({ detail: page }) => model.takeNotices(page));
  feed.addEventListener("conflicts", ({ detail: page }) => model.takeConflicts(page));
  feed.addEventListener("read", () => {
    if (state.time === null) chooseTime(state, model, timeBar);
    refresh();
    document.body.dataset.read = String(feed.revision);
  });
  feed.addEventListener("link", () => channels.tick());
  feed.addEventListener("refused", ({ detail: code }) => {
    dropToken();
    signIn(code === 403 ? "The token does not allow reading (luftrom.read)."
      : "The node does not accept the token: it has expired, or it is for another node.");
  });
}

// Now, if anything is in the air; else the next moment with something to see, and a word about it.
function chooseTime(state, model, timeBar) {
  const nowMs = Date.now();
  const at = { ...filterOf(state), start: nowMs, end: nowMs };
  const standing = [...model.standing()];
  const isInTheAir = standing.some((a) => a.shapes.some((shape) => isWithin(shape, at)));
  if (standing.length === 0 || (isInTheAir && !state.selection)) {
    state.set({ time: nowMs, follow: true });
    return;
  }
  const ahead = [...model.conflicts.filter((c) => c.start > nowMs).map(middle),
    ...standing.filter((a) => a.start > nowMs).map((a) => a.start)];
  state.set({ time: nowMs, follow: false });
  timeBar.refresh();
  const chosen = model.find(state.selection);
  if (chosen) {
    timeBar.go(middle(chosen));
    return;
  }
  timeBar.go(model.conflicts.some((c) => c.start > nowMs) ? ahead[0] : Math.min(...ahead, Infinity));
}

function connectState({ state, model, map, lists }, goToConflict) {
  const write = throttled(300, () => {
    const fragment = state.toFragment();
    history.replaceState(null, "", location.pathname + location.search
      + (fragment ? `#${fragment}` : ""));
  });
  state.on((changed) => {
    write();
    if (changed.has("selection")) {
      lists.show();
      const found = model.find(state.selection);
      if (found && state.selection.kind === "conflict") goToConflict(found);
    }
    if (changed.has("units")) setText(byId("units"), state.units === "ft" ? "ft" : "m");
  });
  window.addEventListener("hashchange", () => {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) location.reload();
    else state.fromFragment(location.hash.slice(1));
    if (state.view) {
      map.map.jumpTo({ center: [state.view.lng, state.view.lat], zoom: state.view.zoom });
    }
  });
  map.onDrawn = ({ activities, notices }) => {
    setText(byId("shown"), `${count(activities)} ${activities === 1 ? "activity" : "activities"}`
      + `${notices ? `, ${count(notices)} notice${notices === 1 ? "" : "s"}` : ""} shown`);
    const isEmpty = activities + notices === 0 && [...model.standing()].length > 0;
    setText(byId("map-note"), isEmpty ? "Nothing stands at this time and altitude." : "");
  };
}

function connectTools({ state, model, map, timeBar, lists, channels }) {
  const copy = async () => {
    const link = `${location.origin}${location.pathname}#${linkFragment(state)}`;
    const button = byId("copy");
    try {
      await navigator.clipboard.writeText(link);
      setText(button, "Copied");
    } catch {
      setText(button, "Not allowed here");
    }
    setTimeout(() => setText(button, "Copy link"), 2000);
  };
  const units = () => state.set({ units: state.units === "m" ? "ft" : "m" });
  byId("copy").addEventListener("click", copy);
  byId("units").addEventListener("click", units);
  setText(byId("units"), state.units);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  map.map.on("mousemove", ({ lngLat }) => setText(byId("readout"),
    position(lngLat.lat, lngLat.lng)));
  connectKeys({
    copy, units,
    play: () => timeBar.toggle(),
    now: () => timeBar.now(),
    step: (minutes) => { timeBar.stop(); timeBar.step(minutes); },
    conflict: (by) => nextConflict(state, model, by),
    tab: (number) => lists.chooseNumber(number),
    search: () => lists.focusSearch(),
    area: () => {
      map.framed = false;
      map.setArea(channels.status?.agreement);
    },
    close: () => state.set({ selection: null }),
  });
}

// A link always names its time: a colleague who opens it later shall see the same.
function linkFragment(state) {
  const fixed = new State();
  Object.assign(fixed, { time: state.time, follow: false, window: state.window,
    lower: state.lower, upper: state.upper, units: state.units, tab: state.tab,
    selection: state.selection, view: state.view });
  return fixed.toFragment();
}

function nextConflict(state, model, by) {
  const { conflicts } = model;
  if (conflicts.length === 0) return;
  let at = conflicts.findIndex((c) => c.id === state.selection?.id);
  if (at < 0) {
    at = conflicts.findIndex((c) => c.end > state.time);
    if (by > 0 || at < 0) at -= by > 0 ? 1 : 0;
  }
  const next = conflicts[(at + by + conflicts.length) % conflicts.length];
  state.set({ selection: { kind: "conflict", id: next.id } });
}

begin();
