// F3548 outlines to GeoJSON rings. Edges are geodesics: long ones get points between, on the
// sphere, which on any screen is the same line as on the ellipsoid.

const EARTH_M = 6371008.8;
const RAD = Math.PI / 180;
const EDGE_M_MAX = 20000;
const CIRCLE_POINTS = 48;

export function outlineRing(volume) {
  const circle = volume.outline_circle;
  if (circle) return circleRing(circle.center.lat, circle.center.lng, radiusMetres(circle.radius));
  return polygonRing(volume.outline_polygon.vertices);
}

export function metres(value) {
  return value.units === "FT" ? value.value * 0.3048 : value.value;
}

function radiusMetres(radius) {
  return radius.units === "FT" ? radius.value * 0.3048 : radius.value;
}

export function circleRing(lat, lng, radius) {
  const ring = [];
  const d = radius / EARTH_M;
  const [sinLat, cosLat] = [Math.sin(lat * RAD), Math.cos(lat * RAD)];
  for (let i = 0; i <= CIRCLE_POINTS; i += 1) {
    const bearing = (2 * Math.PI * i) / CIRCLE_POINTS;
    const sin = sinLat * Math.cos(d) + cosLat * Math.sin(d) * Math.cos(bearing);
    const east = Math.atan2(Math.sin(bearing) * Math.sin(d) * cosLat,
      Math.cos(d) - sinLat * sin);
    ring.push([lng + east / RAD, Math.asin(Math.max(-1, Math.min(1, sin))) / RAD]);
  }
  return unwrapped(ring);
}

function polygonRing(vertices) {
  const ring = [];
  vertices.forEach((from, i) => {
    const to = vertices[(i + 1) % vertices.length];
    ring.push([from.lng, from.lat]);
    addBetween(ring, from, to);
  });
  ring.push(ring[0].slice());
  return unwrapped(ring);
}

function addBetween(ring, from, to) {
  const [a, b] = [unitVector(from), unitVector(to)];
  const dot = Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(dot);
  const pieces = Math.min(64, Math.ceil((angle * EARTH_M) / EDGE_M_MAX));
  for (let i = 1; i < pieces; i += 1) {
    const [p, q] = [Math.sin(angle * (1 - i / pieces)), Math.sin((angle * i) / pieces)];
    const [x, y, z] = [0, 1, 2].map((k) => p * a[k] + q * b[k]);
    ring.push([Math.atan2(y, x) / RAD, Math.atan2(z, Math.hypot(x, y)) / RAD]);
  }
}

function unitVector({ lat, lng }) {
  const cos = Math.cos(lat * RAD);
  return [cos * Math.cos(lng * RAD), cos * Math.sin(lng * RAD), Math.sin(lat * RAD)];
}

// Across the antimeridian longitudes go on beyond 180: the map draws them where they belong.
function unwrapped(ring) {
  for (let i = 1; i < ring.length; i += 1) {
    while (ring[i][0] - ring[i - 1][0] > 180) ring[i][0] -= 360;
    while (ring[i][0] - ring[i - 1][0] < -180) ring[i][0] += 360;
  }
  return ring;
}

export function ringBounds(rings) {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (const [lng, lat] of ring) {
      west = Math.min(west, lng);
      east = Math.max(east, lng);
      south = Math.min(south, lat);
      north = Math.max(north, lat);
    }
  }
  return west <= east ? [west, Math.max(-85, south), east, Math.min(85, north)] : null;
}

export function ringCentre(ring) {
  const [west, south, east, north] = ringBounds([ring]);
  return [(west + east) / 2, (south + north) / 2];
}
