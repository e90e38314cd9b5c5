"""Outlines for tests, built with pyproj's geodesics, which share no code with ours."""

from __future__ import annotations

import math

import numpy as np
from pyproj import Geod

from luftrom.errors import BadInput
from luftrom.geometry.volume import Circle, Polygon, Volume4D

GEOD = Geod(ellps="WGS84")
PLACES = ((0.0, 0.0), (0.0, 180.0), (47.0, 8.0), (-60.0, -179.9999), (75.0, 179.9999),
          (89.99, 8.0), (-89.9999, 0.0), (90.0, 0.0))


def forward(place, azimuth_deg, distance_m):
    """The place at a distance, and the azimuth there."""
    lat, lng = place
    lng, lat, back = GEOD.fwd(lng, lat, azimuth_deg, distance_m)
    return (lat, lng), back + 180


def inverse(one, other):
    """Azimuth at the first, and distance."""
    azimuth, _, distance_m = GEOD.inv(one[1], one[0], other[1], other[0])
    return azimuth, distance_m


def densified(vertices, step_m):
    """The ring with points along its geodesics, at most `step_m` apart."""
    ring = []
    for one, other in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        _, distance_m = inverse(one, other)
        count = max(1, math.ceil(distance_m / step_m))
        between = GEOD.npts(one[1], one[0], other[1], other[0], count - 1) if count > 1 else []
        ring += [one, *((lat, lng) for lng, lat in between)]
    return ring


def volume(outline, lower=0.0, upper=100.0, start_ns=0, end_ns=10**12):
    return Volume4D(outline, lower, upper, start_ns, end_ns)


def in_frame(place, points, azimuth_deg=0.0):
    """Points of a plane, (ahead, right) in metres, laid around a place along geodesics."""
    return tuple(forward(place, azimuth_deg + math.degrees(math.atan2(right, ahead)),
                         math.hypot(ahead, right))[0] for ahead, right in points)


def random_outline(random: np.random.Generator, place, size_m):
    """A circle, or a star-shaped ring, convex or not."""
    if random.random() < 0.2:
        return Circle(place[0], place[1], size_m * random.uniform(0.2, 1))
    while True:
        count = random.integers(3, 9)
        angles = np.sort(random.uniform(0, 360, count))
        radii = size_m * random.uniform(0.2, 1, count)
        try:
            return Polygon(tuple(forward(place, a, r)[0]
                                 for a, r in zip(angles.tolist(), radii.tolist(), strict=True)))
        except BadInput:
            continue


def edge_and_tip(place, azimuth_deg, length_m, share, gap_m, size_m):
    """A ring with a long edge, and one whose tip comes within `gap_m` of it (below 0: into it)."""
    depth = min(length_m, size_m)
    start = place
    end, onward = forward(start, azimuth_deg, length_m)
    ring = (start, end, forward(end, onward - 90, depth)[0],
            forward(start, azimuth_deg - 90, depth)[0])
    foot, ahead = forward(start, azimuth_deg, length_m * share)
    if gap_m >= 0:
        tip, right = forward(foot, ahead + 90, gap_m)
    else:
        tip, left = forward(foot, ahead - 90, -gap_m)
        right = left + 180
    return (Polygon(ring), Polygon((tip, forward(tip, right - 30, size_m)[0],
                                    forward(tip, right + 30, size_m)[0])))
