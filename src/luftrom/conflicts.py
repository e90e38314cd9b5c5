"""Whom does a volume meet? Candidates by cell and time, then the exact answer; and how two meet.

In go 4D volumes and separation minima; out come serials of those that conflict, or an `Encounter`.
Two volumes conflict (F3548-21, 'strategic conflict', widened by the agreement's minima) if their
times, altitude bands and outlines each come nearer than the minimum; where a minimum is 0 they must
share more than a boundary. Times are half-open. `kernels` answers exactly, `definition` says what
is right; here stand the index that finds candidates, and what is shown of an encounter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from luftrom import cells, kernels
from luftrom.ellipsoid import PIECE_M, prepare_circle, prepare_ring
from luftrom.volume import Circle, Polygon, Separation, Volume4D

# Volumes are filed under cells of one of these levels and times of one of these lengths: the finest
# where they meet at most two along each axis, so that neither extent nor duration costs memory.
_LEVELS = (0, 3, 6, 9, 12, 15)             # edges of about 10,000, 1,250, 156, 20, 2.4, 0.3 km
_SHIFTS = (38, 41, 44, 47, 50, 53, 63)     # powers of two of nanoseconds: 4.6 min to everything
_ROWS_MIN = 1024
_NS_PER_S = 1_000_000_000
_DISTANCE_DIGITS = 2                       # what is shown is rounded to centimetres
_DEGREE_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Encounter:
    """How two sets of volumes conflict.

    The times run from the earliest beginning to the last end over all conflicting pairs; where a
    pair is kept apart by less than the time minimum, its interval is the gap. Distances, place and
    altitudes (the shared band, or the gap between) are those of the pair that comes closest. They
    are rounded to 0.01 m and 1e-7 degrees, and do not depend on which set is named first.
    """

    time_start_ns: int
    time_end_ns: int
    lateral_m: float
    vertical_m: float
    lat_deg: float
    lng_deg: float
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float


def encounter(volumes_a: Sequence[Volume4D], volumes_b: Sequence[Volume4D],
              separation: Separation) -> Encounter | None:
    """How two sets of volumes conflict under the minima; None if they do not."""
    times, bands, pool = _packed((*volumes_a, *volumes_b))
    figures, span_ns = np.zeros(6), np.zeros(2, np.int64)
    minima = _minima(separation)
    if not kernels.meet(times, bands, len(volumes_a), pool, minima, _time_ns(separation),
                        figures, span_ns):
        return None
    lateral_m, vertical_m, lat_deg, lng_deg, lower, upper = figures.tolist()
    return Encounter(*span_ns.tolist(), round(lateral_m, _DISTANCE_DIGITS),
                     round(vertical_m, _DISTANCE_DIGITS), round(lat_deg, _DEGREE_DIGITS),
                     round(lng_deg, _DEGREE_DIGITS), lower, upper)


def _time_ns(separation: Separation) -> int:
    return round(separation.time_s * _NS_PER_S)


def _minima(separation: Separation) -> np.ndarray:
    """Lateral and vertical metres; floats even if given as whole numbers: kernels know one type."""
    return np.array((separation.lateral_m, separation.vertical_m), np.float64)


def _prepared(outline: object) -> np.ndarray:
    """The prepared outline, computed once and kept with the value."""
    shape = outline.prepared
    if shape is None:
        if isinstance(outline, Polygon):
            shape = prepare_ring(np.array(outline.vertices, np.float64), PIECE_M)
        else:
            shape = prepare_circle(float(outline.lat_deg), float(outline.lng_deg),
                                   float(outline.radius_m))
        object.__setattr__(outline, "prepared", shape)
    return shape


def _packed(volumes: Sequence[Volume4D]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Volumes as the kernels take them: times, bands and a pool of their outlines."""
    shapes = [_prepared(volume.outline) for volume in volumes]
    rows, row = [], 0
    for volume, shape in zip(volumes, shapes, strict=True):
        rows.append((volume.time_start_ns, volume.time_end_ns, row,
                     len(shape) - kernels.HEAD_ROWS))
        row += len(shape)
    bands = [(v.altitude_m_w84_lower, v.altitude_m_w84_upper) for v in volumes]
    return (np.array(rows, np.int64).reshape(-1, 4), np.array(bands, np.float64).reshape(-1, 2),
            np.concatenate(shapes) if len(shapes) > 1 else shapes[0])


class VolumeIndex:
    """Which of many sets of volumes conflict with these? Not thread-safe.

    A set is known by its serial. Memory grows with the number of volumes and of their vertices
    alone, and is given back as they are removed, but for 56 bytes a volume until all are gone.
    """

    def __init__(self, separation: Separation):
        self._minima = _minima(separation)
        self._time_ns = _time_ns(separation)
        self._slots: dict[int, range | list[int]] = {}
        self._volumes: dict[int, tuple[Volume4D, ...]] = {}
        # (level, shift) -> cell -> bucket of time -> slots
        self._grids: dict[tuple[int, int], dict[int, dict[int, set[int]]]] = {}
        self._clear()

    def _clear(self) -> None:
        self._grids.clear()
        self._slots.clear()
        self._free: list[int] = []
        self._slot_count = 0
        self._row_count = 0
        self._dead_rows = 0
        self._times = np.zeros((_ROWS_MIN, 4), np.int64)
        self._bands = np.zeros((_ROWS_MIN, 2))
        self._pool = np.zeros((_ROWS_MIN, 3))
        self._serials = np.zeros(_ROWS_MIN, np.int64)

    def __len__(self) -> int:
        """How many serials are held."""
        return len(self._slots)

    # -- changes -----------------------------------------------------------------------------

    def insert(self, serial: int, volumes: Iterable[Volume4D]) -> None:
        """Hold a set of volumes under a serial that is not in use; ValueError if it is."""
        if serial in self._volumes:
            raise ValueError(f"serial {serial} is in use")
        self._volumes[serial] = tuple(volumes)
        self._slots[serial] = [self._file(serial, volume) for volume in self._volumes[serial]]

    def remove(self, serial: int) -> None:
        """Let go of a set; KeyError if the serial is not in use."""
        volumes, slots = self._volumes.pop(serial), self._slots.pop(serial)
        for volume, slot in zip(volumes, slots, strict=True):
            for grid, cell, bucket in self._places(volume):
                buckets = self._grids[grid][cell]
                buckets[bucket].discard(slot)
                if not buckets[bucket]:
                    del buckets[bucket]
                    if not buckets:
                        del self._grids[grid][cell]
                        if not self._grids[grid]:
                            del self._grids[grid]
            self._dead_rows += int(self._times[slot, 3]) + kernels.HEAD_ROWS
            self._times[slot, 3] = 0
            self._free.append(slot)
        if not self._volumes:
            self._clear()
        elif self._dead_rows > self._row_count // 2 + _ROWS_MIN:
            self._compact()

    def _compact(self) -> None:
        """Close the gaps that removed outlines left in the pool; paid by as many removals."""
        live = np.flatnonzero(self._times[:self._slot_count, 3])
        counts = self._times[live, 3] + kernels.HEAD_ROWS
        ends = np.cumsum(counts)
        moved = np.repeat(self._times[live, 2] - (ends - counts), counts)
        self._row_count, self._dead_rows = int(ends[-1]), 0
        pool = np.zeros((max(_ROWS_MIN, self._row_count * 3 // 2), 3))
        pool[:self._row_count] = self._pool[moved + np.arange(self._row_count)]
        self._pool = pool
        self._times[live, 2] = ends - counts

    def _file(self, serial: int, volume: Volume4D) -> int:
        shape = _prepared(volume.outline)
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._slot_count
            self._slot_count += 1
            if slot == len(self._serials):
                self._times, self._bands = _grown(self._times), _grown(self._bands)
                self._serials = _grown(self._serials)
        row = self._append(self._row_count, shape)
        self._times[slot] = (volume.time_start_ns, volume.time_end_ns, row,
                             len(shape) - kernels.HEAD_ROWS)
        self._bands[slot] = volume.altitude_m_w84_lower, volume.altitude_m_w84_upper
        self._serials[slot] = serial
        self._row_count = row + len(shape)
        for grid, cell, bucket in self._places(volume):
            buckets = self._grids.setdefault(grid, {}).setdefault(cell, {})
            buckets.setdefault(bucket, set()).add(slot)
        return slot

    def _append(self, row: int, shape: np.ndarray) -> int:
        while row + len(shape) > len(self._pool):
            self._pool = _grown(self._pool)
        self._pool[row:row + len(shape)] = shape
        return row

    def _places(self, volume: Volume4D) -> list[tuple[tuple[int, int], int, int]]:
        """The (grid, cell, bucket) under which a volume is filed: a few, whatever its size."""
        shape = _prepared(volume.outline)
        x, y, z = shape[0].tolist()
        ranges = cells.cover_ball(x, y, z, float(shape[1, 0]))
        finest = cells.level_for(ranges, _LEVELS[-1])
        level = next(level for level in reversed(_LEVELS) if level <= finest)
        start, last = volume.time_start_ns, volume.time_end_ns - 1
        bits = (last - start).bit_length()
        shift = next(shift for shift in _SHIFTS if shift >= bits)
        spans = [cells.indexes(span, level) for span in ranges]
        return [((level, shift), cell, bucket) for cell in cells.cells_of(spans)
                for bucket in range(start >> shift, (last >> shift) + 1)]

    # -- questions ---------------------------------------------------------------------------

    def query(self, volumes: Sequence[Volume4D]) -> list[int]:
        """The serials, in order, of which at least one volume conflicts with one of these."""
        return self._query(volumes, self._minima, self._time_ns)

    def query_overlap(self, volumes: Sequence[Volume4D]) -> list[int]:
        """The same without minima: those that overlap an area, a band and a time."""
        return self._query(volumes, np.zeros(2), 0)

    def _query(self, volumes: Sequence[Volume4D], minima: np.ndarray, time_ns: int) -> list[int]:
        found: list[int] = []
        whose: list[int] = []
        for k, volume in enumerate(volumes):
            candidates = self._candidates(volume, float(minima[0]), time_ns)
            found += candidates
            whose += [k] * len(candidates)
        if not found:
            return []
        times, bands, pool = _packed(volumes)
        row = self._append(self._row_count, pool)
        slots = np.array(found, np.int64)
        hits = np.empty(len(slots), np.bool_)
        kernels.match(slots, np.array(whose, np.int64), self._times, self._bands, self._pool,
                      times, bands, row, minima, time_ns, hits)
        return sorted(set(self._serials[slots[hits]].tolist()))

    def _candidates(self, volume: Volume4D, lateral_m: float, time_ns: int) -> set[int]:
        """Slots of all volumes that might conflict: those filed where this one reaches."""
        shape = _prepared(volume.outline)
        x, y, z = shape[0].tolist()
        ranges = cells.cover_ball(x, y, z, float(shape[1, 0]) + lateral_m)
        start, last = volume.time_start_ns - time_ns, volume.time_end_ns - 1 + time_ns
        spans_of: dict[int, list[tuple[int, int, int, int, int]]] = {}
        candidates: set[int] = set()
        for (level, shift), grid in self._grids.items():
            spans = spans_of.get(level)
            if spans is None:
                spans = spans_of[level] = [cells.indexes(span, level) for span in ranges]
            count = sum((i1 - i0 + 1) * (j1 - j0 + 1) for _, i0, i1, j0, j1 in spans)
            # A huge area would name more fine cells than there are: then go through those there.
            if count <= len(grid):
                met = [grid[cell] for cell in cells.cells_of(spans) if cell in grid]
            else:
                met = [buckets for cell, buckets in grid.items() if cells.is_met(cell, spans)]
            first_bucket, last_bucket = start >> shift, last >> shift
            for buckets in met:
                if last_bucket - first_bucket < len(buckets):
                    for bucket in range(first_bucket, last_bucket + 1):
                        if bucket in buckets:
                            candidates |= buckets[bucket]
                else:
                    for bucket, slots in buckets.items():
                        if first_bucket <= bucket <= last_bucket:
                            candidates |= slots
        return candidates


def _grown(array: np.ndarray) -> np.ndarray:
    """The same rows with as many free ones behind them."""
    return np.concatenate((array, np.zeros_like(array)))


def warm_up() -> None:
    """Compile the kernels, or load them from the cache, before the first client waits for them."""
    square = Polygon(((0.0, 0.0), (0.0, 1e-3), (1e-3, 1e-3), (1e-3, 0.0)))
    volumes = (Volume4D(square, 0.0, 1.0, 0, 1), Volume4D(Circle(0.0, 0.0, 1.0), 0.0, 1.0, 0, 1))
    separation = Separation(1.0, 1.0, 1.0)
    index = VolumeIndex(separation)
    index.insert(0, volumes)
    index.query(volumes)
    encounter(volumes[:1], volumes, separation)
