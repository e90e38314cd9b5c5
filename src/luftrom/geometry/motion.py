"""Outlines moved over the ellipsoid as one rigid body: so far, that way, in the same shape.

In go places, a bearing and metres; out come places. A body is carried along the normal section
that leaves its middle at the bearing, and turned as the normal turns, about the axis across its
way; then it is dropped onto the ellipsoid again. Shapes keep to 2 mm within 50 km of the middle and
to 1 cm within 250 km, since the curvature hardly differs between the two places. Nothing here
decides about conflicts: what was moved is asked about anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from luftrom.geometry.ellipsoid import HEAD_ROWS, PIECE_M, prepare_ring
from luftrom.geometry.volume import Circle, Polygon
from luftrom.geometry.wgs84 import ECCENTRICITY2, EQUATOR_RADIUS_M, POLE_RADIUS_M, ecef_m

_AXES2 = np.array((EQUATOR_RADIUS_M ** 2, EQUATOR_RADIUS_M ** 2, POLE_RADIUS_M ** 2))
_DIGITS = 8                                # of a degree: a millimetre
_CORNERS = 32                              # of a ring that stands for a circle
_PAIRS_AT_ONCE = 100_000                   # of edges: all of two large rings are a gigabyte
_HORIZON = 0.3                             # a flat picture shows what lies this high before it


class Motion:
    """A rigid motion over the ellipsoid: from a middle, at a bearing, for a distance in metres."""

    def __init__(self, middle_m: np.ndarray, bearing_deg: float, distance_m: float):
        self._middle = middle_m
        self._there = places_ahead(middle_m, np.array([bearing_deg]), distance_m)[0]
        self._turn = _rotation(_normal(middle_m), _normal(self._there))

    def move(self, points_m: np.ndarray) -> np.ndarray:
        """Points (n, 3), Earth-centred, to where they are then; not yet dropped, by less than 1 m.
        """
        return self._there + (points_m - self._middle) @ self._turn.T

    def move_outline(self, outline: Polygon | Circle, points_m: np.ndarray) -> Polygon | Circle:
        """An outline, whose `corners` these are, moved. BadInput where it becomes no outline."""
        places = places_deg(self.move(points_m))
        if isinstance(outline, Circle):
            return Circle(*places[0], outline.radius_m)
        return Polygon(tuple(places))


def places_ahead(middle_m: np.ndarray, bearings_deg: np.ndarray, distance_m: float) -> np.ndarray:
    """The places (n, 3) at a distance from a middle, at bearings (n,) clockwise from north."""
    normal = _normal(middle_m)
    x, y, z = normal
    size = np.sqrt(x * x + y * y)
    east = np.array((-y, x, 0.0)) / size if size > 0.0 else np.array((0.0, 1.0, 0.0))   # at a pole
    north = np.array((-z * east[1], z * east[0], x * east[1] - y * east[0]))
    angles = np.radians(bearings_deg)[:, None]
    sin_b, cos_b = np.sin(angles), np.cos(angles)
    # Euler's theorem: the curvature of a normal section from the two principal ones.
    w = 1.0 - ECCENTRICITY2 * z * z
    curvature = np.sqrt(w) / EQUATOR_RADIUS_M * (
        cos_b * cos_b * w / (1.0 - ECCENTRICITY2) + sin_b * sin_b)
    turn = distance_m * curvature
    way = np.sin(turn) * (cos_b * north + sin_b * east) - (1.0 - np.cos(turn)) * normal
    return _dropped_m(middle_m + way / curvature)


def corners(outline: Polygon | Circle) -> np.ndarray:
    """The vertices (n, 3) of a ring, or the centre of a circle, in metres, Earth-centred."""
    if isinstance(outline, Circle):
        return np.array([ecef_m(outline.lat_deg, outline.lng_deg)])
    return np.array([ecef_m(*vertex) for vertex in outline.vertices])


def ring(outline: Polygon | Circle, scale: float) -> np.ndarray:
    """A closed way around as points (n, 3): of a circle, one of corners at `scale` radii.

    Long edges are divided, so that in a flat picture each piece is straight to centimetres.
    """
    if isinstance(outline, Circle):
        around = np.arange(_CORNERS) * (360.0 / _CORNERS)
        return places_ahead(corners(outline)[0], around, outline.radius_m * scale)
    return prepare_ring(np.array(outline.vertices, np.float64), PIECE_M)[HEAD_ROWS:]


def middle_of(points: Sequence[np.ndarray]) -> np.ndarray:
    """The middle of the box of all points, on the ellipsoid."""
    every = np.concatenate(points)
    return _dropped_m((every.min(axis=0) + every.max(axis=0)) / 2)


def _dropped_m(points_m: np.ndarray) -> np.ndarray:
    """Points brought onto the ellipsoid, along the lines to the Earth's centre."""
    return points_m / np.sqrt((points_m * points_m / _AXES2).sum(axis=-1, keepdims=True))


def places_deg(points_m: np.ndarray) -> list[tuple[float, float]]:
    """Latitude and longitude of points near the ellipsoid, to 1e-8 degrees."""
    x, y, z = points_m.T
    lat = np.arctan2(z, (1.0 - ECCENTRICITY2) * np.sqrt(x * x + y * y))
    places = np.round(np.degrees(np.stack((lat, np.arctan2(y, x)), axis=1)), _DIGITS)
    return [(lat_deg, lng_deg) for lat_deg, lng_deg in places.tolist()]


# -- flat pictures -------------------------------------------------------------------------------

class Picture:
    """The surface around a middle seen from the Earth's centre: geodesics are nearly straight."""

    def __init__(self, middle_m: np.ndarray):
        self._size = np.sqrt(middle_m @ middle_m)
        self._up = middle_m / self._size
        least = np.eye(3)[np.argmin(np.abs(self._up))]
        one = np.cross(self._up, least)
        one /= np.sqrt(one @ one)
        self._axes = np.stack((one, np.cross(self._up, one)), axis=1)

    def flat_m(self, points_m: np.ndarray) -> np.ndarray | None:
        """Points (n, 3) as (n, 2) in metres near the middle; None if one is beyond the horizon."""
        heights = points_m @ self._up
        if heights.min() < _HORIZON * self._size:
            return None
        return points_m @ self._axes * (self._size / heights)[:, None]


def is_within(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Does a flat ring (n, 2) lie inside another (m, 2)? Rings that touch may be told either way.
    """
    start, end = inner[:, None], np.roll(inner, -1, axis=0)[:, None]
    first, last = outer, np.roll(outer, -1, axis=0)
    near = ((np.maximum(first, last) >= inner.min(axis=0))
            & (np.minimum(first, last) <= inner.max(axis=0))).all(axis=1)
    a, b = first[near], last[near]
    rows = max(1, _PAIRS_AT_ONCE // (len(a) + 1))
    for k in range(0, len(inner), rows):
        some, ends = start[k:k + rows], end[k:k + rows]
        apart = ((_side(some, a, b) == _side(ends, a, b))
                 | (_side(a, some, ends) == _side(b, some, ends)))
        if not apart.all():
            return False
    x, y = inner[0]
    rising = (first[:, 1] > y) != (last[:, 1] > y)
    a, b = first[rising], last[rising]
    at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return bool(np.count_nonzero(at > x) % 2)


def _side(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Which points lie to the left of the lines from start to end."""
    way, to = end - start, points - start
    return way[..., 0] * to[..., 1] - way[..., 1] * to[..., 0] > 0.0


def _normal(point_m: np.ndarray) -> np.ndarray:
    gradient = point_m / _AXES2
    return gradient / np.sqrt(gradient @ gradient)


def _rotation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The least rotation that turns one direction into another one near it (Rodrigues)."""
    (a, b, c), (d, e, f) = one.tolist(), other.tolist()
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    cross = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
    return np.eye(3) + cross + cross @ cross / (1.0 + one @ other)
