"""How much of the sky volumes ask for: how far across they are, and their volume times time.

In go valid volumes; out come numbers that are the same bits on every machine: they rest on the
packed outlines, on square roots, and on sums that are rounded once. Both are simple on purpose, so
that anybody can compute them again; nothing is decided on them but what an agreement bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from luftrom.geometry.bounds import CIRCLE
from luftrom.geometry.packing import pack
from luftrom.geometry.volume import Volume4D

CLASS_MIN = -20                            # the smallest size class: 2^-20 km3 h
CLASS_MAX = 127                            # more than anything on Earth for ever
_SLACK = 1e-9                              # far more than sums of other orders differ by
_NS_PER_H = 3_600_000_000_000


def extent_m(volumes: Sequence[Volume4D]) -> float:
    """How far across they are: twice the farthest that any of them lies from their middle, in m.

    The middle is that of the box, Earth-centred, around corners and circles; a circle alone is as
    far across as its diameter. ValueError if there is none.
    """
    points, radii = _places(volumes)
    middle = ((points - radii).min(axis=0) + (points + radii).max(axis=0)) / 2
    x, y, z = (points - middle).T
    return 2.0 * float((np.sqrt(x * x + y * y + z * z) + radii[:, 0]).max())


def volume_time_km3_h(volumes: Sequence[Volume4D]) -> float:
    """The sum of area times height times duration, in km3 h; what overlaps counts twice.

    A circle's area is that of a flat one, a ring's that of the polygon of its corners in space,
    which is less than 1 % off for rings of 1,000 km.
    """
    packed = pack(volumes)
    return math.fsum(
        _area_km2(packed.pool[v["row"]:v["row"] + (v["shape"] >> 2)], v["shape"] & 3 == CIRCLE)
        * (float(v["upper_m"]) - float(v["lower_m"])) / 1e3
        * ((int(v["end_ns"]) - int(v["start_ns"])) / _NS_PER_H) for v in packed.volumes)


def size_class(volumes: Sequence[Volume4D]) -> int:
    """The least k, from CLASS_MIN on, so that they ask for at most 2^k km3 h."""
    share, power = math.frexp(volume_time_km3_h(volumes))
    return max(CLASS_MIN, power - (share <= 0.5))


def fits_size_class(volumes: Sequence[Volume4D], shown: int) -> bool:
    """Is that their size class, but for the last digits of the arithmetic?"""
    size = volume_time_km3_h(volumes)
    return size * (1 - _SLACK) <= 2.0**shown and (
        shown == CLASS_MIN or size * (1 + _SLACK) > 2.0**(shown - 1))


def _places(volumes: Sequence[Volume4D]) -> tuple[np.ndarray, np.ndarray]:
    """Corners of rings and middles of circles (n, 3), and how far each reaches (n, 1)."""
    packed = pack(volumes)
    points, radii = [], []
    for v in packed.volumes:
        rows = packed.pool[v["row"]:v["row"] + (v["shape"] >> 2)]
        is_circle = v["shape"] & 3 == CIRCLE
        points.append(rows[:1] if is_circle else rows)
        radii.append(rows[1:, :1] if is_circle else np.zeros((len(rows), 1)))
    return np.concatenate(points), np.concatenate(radii)


def _area_km2(rows: np.ndarray, is_circle: bool) -> float:
    if is_circle:
        radius_km = float(rows[1, 0]) / 1e3
        return math.pi * radius_km * radius_km
    # Half the sum of the cross products of corners, seen from the first one.
    one = (rows[1:-1] - rows[0]) / 1e3
    other = (rows[2:] - rows[0]) / 1e3
    (a, b, c), (d, e, f) = one.T, other.T
    x, y, z = (math.fsum(part.tolist()) for part in (b * f - c * e, c * d - a * f, a * e - b * d))
    return math.sqrt(x * x + y * y + z * z) / 2
