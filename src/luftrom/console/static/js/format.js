// Values as people read them. Times carry Z, altitudes carry unit and datum, digits do not dance.

const FEET = 1 / 0.3048;
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const pad = (value) => String(value).padStart(2, "0");

export function utcTime(ms, seconds = false) {
  const t = new Date(ms);
  const minutes = `${pad(t.getUTCHours())}:${pad(t.getUTCMinutes())}`;
  return seconds ? `${minutes}:${pad(t.getUTCSeconds())}Z` : `${minutes}Z`;
}

export function utcDate(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

export function utcFull(ms) {
  return `${utcDate(ms)} ${utcTime(ms, true)}`;
}

// The time zone of the machine, only ever beside the UTC time.
export function localTime(ms) {
  const t = new Date(ms);
  const offset = -t.getTimezoneOffset();
  const hours = Math.floor(Math.abs(offset) / 60);
  const minutes = Math.abs(offset) % 60;
  const zone = `UTC${offset < 0 ? "−" : "+"}${hours}${minutes ? ":" + pad(minutes) : ""}`;
  return `${pad(t.getHours())}:${pad(t.getMinutes())} local (${zone})`;
}

export function interval(start, end) {
  const days = utcDate(start) === utcDate(end) ? "" : ` (+${daysBetween(start, end)} d)`;
  const seconds = Math.floor(start / 60000) === Math.floor(end / 60000);
  return `${utcTime(start, seconds).slice(0, -1)}–${utcTime(end, seconds)}${days}`;
}

function daysBetween(start, end) {
  return Math.round((Date.parse(utcDate(end)) - Date.parse(utcDate(start))) / 86400000);
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
}

// How far off a time is, coarse enough not to flicker.
export function relative(ms, nowMs) {
  const minutes = Math.round((ms - nowMs) / 60000);
  if (minutes === 0) return "now";
  const amount = Math.abs(minutes) < 120
    ? `${Math.abs(minutes)} min` : `${Math.floor(Math.abs(minutes) / 60)} h`;
  return minutes > 0 ? `in ${amount}` : `${amount} ago`;
}

export function altitude(metres, units) {
  return units === "ft" ? `${number.format(metres * FEET)} ft` : `${number.format(metres)} m`;
}

// Flight levels are pressure altitudes, ours heights above the ellipsoid: hence "about".
export function altitudeFull(metres) {
  const feet = metres * FEET;
  const level = feet >= 5000 ? `, ≈ FL${String(Math.round(feet / 100)).padStart(3, "0")}` : "";
  return `${number.format(metres)} m W84 (${number.format(feet)} ft${level})`;
}

export function band(lower, upper, units) {
  return `${altitude(lower, units)} – ${altitude(upper, units)} W84`;
}

export function distance(metres, units) {
  if (units === "ft" && metres >= 1852) return `${(metres / 1852).toFixed(1)} NM`;
  if (metres >= 10000) return `${(metres / 1000).toFixed(1)} km`;
  return `${number.format(metres)} m`;
}

export function count(value) {
  return number.format(value);
}

export function position(lat, lng) {
  const wrapped = ((lng + 540) % 360) - 180;
  return `${Math.abs(lat).toFixed(4)}°${lat < 0 ? "S" : "N"} `
    + `${Math.abs(wrapped).toFixed(4)}°${wrapped < 0 ? "W" : "E"}`;
}

export const STATE_TAGS = {
  Accepted: "ACC", Activated: "ACT", Nonconforming: "NON", Contingent: "CON",
};

export function statusWords(activity) {
  if (activity.status === "accepted" && activity.unacknowledged.length > 0) {
    return "accepted, unacknowledged";
  }
  return activity.status;
}
