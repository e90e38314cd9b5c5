"""Volumes packed for compiled code: records, and packed outlines (`bounds`) in a pool.

In go `Volume4D` values, or `Columns` of many; out comes a `Packed`. The packed outline of a value
is computed once and kept with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from luftrom.geometry.bounds import CIRCLE, shape_of_ring
from luftrom.geometry.columns import Columns
from luftrom.geometry.compiling import lent, released
from luftrom.geometry.ellipsoid import place, place_all
from luftrom.geometry.volume import Circle, Polygon, Volume4D

Answer = TypeVar("Answer")

_PART = 4_096                              # volumes of one piece of work; fewer are not divided


# A volume as compiled code reads it, in one line of the cache: its time, its band, the serial of
# its set, row and shape of its packed outline; and where an index keeps it (`slots`).
VOLUME = np.dtype([
    ("start_ns", np.int64), ("end_ns", np.int64), ("lower_m", np.float64), ("upper_m", np.float64),
    ("serial", np.int64), ("row", np.int32), ("shape", np.int32), ("at", np.int32),
    ("next", np.int32), ("unused", np.int64)])


class Packed(NamedTuple):
    """`n` volumes whose outlines take `m` rows."""

    volumes: np.ndarray                    # (n,) VOLUME
    pool: np.ndarray                       # (m, 3) float64


def pack(volumes: Sequence[Volume4D], serial: int = 0) -> Packed:
    """Pack volumes, all of one set; ValueError if there is none."""
    if not volumes:
        raise ValueError("a set has at least one volume")
    rows, row, pools = [], 0, []
    for volume in volumes:
        shape, points = volume.outline.prepared or _prepare(volume.outline)
        rows.append((volume.time_start_ns, volume.time_end_ns, volume.altitude_m_w84_lower,
                     volume.altitude_m_w84_upper, serial, row, shape, 0, -1, 0))
        row += len(points)
        pools.append(points)
    return Packed(np.array(rows, VOLUME), np.concatenate(pools) if len(pools) > 1 else points)


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


def pack_columns(columns: Columns, serials: np.ndarray) -> Packed:
    """Pack many volumes, each with its serial (n,), on all cores."""
    counts = np.diff(columns.ends) + (columns.radii_m > 0.0)
    rows = np.cumsum(counts) - counts
    volumes, pool = np.empty(len(columns), VOLUME), np.empty((int(counts.sum()), 3))
    plain = _plain(columns)
    in_parts(len(columns), lambda first, last: _pack_part(
        *plain, serials, rows, first, last, volumes, pool))
    return Packed(volumes, pool)


def _plain(columns: Columns) -> tuple[np.ndarray, ...]:
    """The arrays side by side in memory and of the types that are compiled for."""
    return (np.ascontiguousarray(columns.places_deg, np.float64),
            np.ascontiguousarray(columns.ends, np.int64),
            np.ascontiguousarray(columns.radii_m, np.float64),
            np.ascontiguousarray(columns.bands_m_w84, np.float64),
            np.ascontiguousarray(columns.times_ns, np.int64))


@released
def _pack_part(places_deg, ends, radii_m, bands, times, serials, rows, first, last, volumes, pool):
    """Fill in the volumes from `first` to before `last`, and the rows of their outlines."""
    places_deg, pool = lent(places_deg), lent(pool)
    for k in range(first, last):
        row, volume = rows[k], volumes[k]
        for i in range(ends[k + 1] - ends[k]):
            x, y, z = place(places_deg[ends[k] + i, 0], places_deg[ends[k] + i, 1])
            pool[row + i, 0], pool[row + i, 1], pool[row + i, 2] = x, y, z
        if radii_m[k] > 0.0:
            pool[row + 1, 0], pool[row + 1, 1], pool[row + 1, 2] = radii_m[k], 0.0, 0.0
            volume.shape = 2 << 2 | CIRCLE
        else:
            volume.shape = shape_of_ring(pool, row, ends[k + 1] - ends[k])
        volume.start_ns, volume.end_ns = times[k, 0], times[k, 1]
        volume.lower_m, volume.upper_m = bands[k, 0], bands[k, 1]
        volume.serial, volume.row, volume.at, volume.next, volume.unused = serials[k], row, 0, -1, 0


def in_parts(count: int, work: Callable[[int, int], Answer]) -> list[Answer]:
    """Call `work(first, last)` for parts of a range, on all cores; the answers in order."""
    parts = [(first, min(first + _PART, count)) for first in range(0, count, _PART)]
    cores = os.cpu_count() or 1
    if len(parts) < 2 or cores < 2:
        return [work(*part) for part in parts]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(lambda part: work(*part), parts))
