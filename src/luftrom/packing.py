"""Volumes packed for compiled code: spans, bands and packed outlines (`bounds`), side by side.

In go `Volume4D` values, or `Columns` of many; out comes a `Packed`. The packed outline of a value
is computed once and kept with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from luftrom.bounds import CIRCLE, shape_of_ring
from luftrom.columns import Columns
from luftrom.compiling import released
from luftrom.ellipsoid import place_all
from luftrom.volume import Circle, Polygon, Volume4D

_PART = 16_384                             # volumes of one piece of work; fewer are not divided


class Packed(NamedTuple):
    """`n` volumes whose outlines take `m` rows."""

    spans: np.ndarray                      # (n, 2) int64: start and end in ns
    bands: np.ndarray                      # (n, 2) float64: lower and upper altitude in metres
    outlines: np.ndarray                   # (n, 2) int64: first row in the pool, and shape
    pool: np.ndarray                       # (m, 3) float64


def pack(volumes: Sequence[Volume4D]) -> Packed:
    """Pack at least one volume."""
    outlines, row, pools = [], 0, []
    for volume in volumes:
        shape, rows = volume.outline.prepared or _prepare(volume.outline)
        outlines.append((row, shape))
        row += len(rows)
        pools.append(rows)
    return Packed(np.array([(v.time_start_ns, v.time_end_ns) for v in volumes], np.int64),
                  np.array([(v.altitude_m_w84_lower, v.altitude_m_w84_upper) for v in volumes],
                           np.float64),
                  np.array(outlines, np.int64), np.concatenate(pools) if row > len(rows) else rows)


def _prepare(outline: Polygon | Circle) -> tuple[int, np.ndarray]:
    """The shape and the rows of an outline, kept with the value."""
    if isinstance(outline, Polygon):
        rows = place_all(np.array(outline.vertices, np.float64))
        prepared = shape_of_ring(rows, 0, len(rows)), rows
    else:
        rows = np.zeros((2, 3))
        rows[:1] = place_all(np.array(((outline.lat_deg, outline.lng_deg),), np.float64))
        rows[1, 0] = outline.radius_m
        prepared = 2 << 2 | CIRCLE, rows
    object.__setattr__(outline, "prepared", prepared)
    return prepared


def pack_columns(columns: Columns) -> Packed:
    """Pack many volumes, on all cores."""
    is_circle = columns.radii_m > 0.0
    counts = np.diff(columns.ends) + is_circle
    outlines = np.empty((len(columns), 2), np.int64)
    outlines[:, 0] = np.cumsum(counts) - counts
    outlines[:, 1] = counts << 2
    pool = np.empty((int(counts.sum()), 3))
    in_parts(len(columns), lambda first, last: _pack_part(
        columns.places_deg, columns.ends, columns.radii_m, first, last, outlines, pool))
    return Packed(columns.times_ns, columns.bands_m_w84, outlines, pool)


@released
def _pack_part(places_deg, ends, radii_m, first, last, outlines, pool):
    """Fill in the rows and shapes of the volumes from `first` to before `last`."""
    for k in range(first, last):
        row, count = outlines[k, 0], ends[k + 1] - ends[k]
        pool[row:row + count] = place_all(places_deg[ends[k]:ends[k + 1]])
        if radii_m[k] > 0.0:
            pool[row + 1, 0], pool[row + 1, 1], pool[row + 1, 2] = radii_m[k], 0.0, 0.0
            outlines[k, 1] |= CIRCLE
        else:
            outlines[k, 1] = shape_of_ring(pool, row, count)


def in_parts(count: int, work: Callable[[int, int], object]) -> list[object]:
    """Call `work(first, last)` for parts of a range, on all cores; the answers in order."""
    parts = [(first, min(first + _PART, count)) for first in range(0, count, _PART)]
    cores = os.cpu_count() or 1
    if len(parts) < 2 or cores < 2:
        return [work(*part) for part in parts]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(lambda part: work(*part), parts))
