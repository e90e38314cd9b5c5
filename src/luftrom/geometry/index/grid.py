"""Compiled index: entries of volumes in cells of space and time, and who is near whom.

State is plain arrays, so that it can be mapped from a file. An entry is 12 words of 32 bits: middle
and radius of the ball, normal and half width of the strip (`bounds`) as floats; start and end in
units of 2^31 ns, slot, and the altitude band in steps of 2 m as two halves of a word. The entries
of a cell share a block of the arena, whose room is a power of two: first all their first words,
then all their second words and so on, so that many are looked at at once. The table, an
open-addressed hash table, has for each cell its key and where its block lies; a free row has key
-1. Every entry stands in exactly one cell; a question looks at all cells within its reach.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from luftrom.geometry.bounds import BUCKET_BITS, GRIDS, LEVELS, SHIFTS, cell_key
from luftrom.geometry.cells import FACES, cover_ball, middle_of
from luftrom.geometry.compiling import ask_ahead, compiled, inlined
from luftrom.geometry.screen import ROOM
from luftrom.geometry.wgs84 import EQUATOR_RADIUS_M, POLE_RADIUS_M

WORDS = 12                                 # of an entry
_T0, _T1, _SLOT, _BAND = range(8, WORDS)
_KEYS = 64                                 # cells that are asked for at once
_WORD_BYTES, _ROW_BYTES = 4, 16
LANES = 16                                 # entries that are looked at at once
_ROUNDING_M = 1.0                          # of places as 32-bit floats, on the side of the question
TIME_BITS = 31                             # an entry's unit of time is 2^31 ns
_BAND_STEP_M, _BAND_LOW_M = 2.0, -8_192.0
KEY, WHERE = 0, 1                          # columns of the table
_COUNT_BITS, _CLASS_BITS = 27, 5
_COUNT_MASK, _CLASS_MASK = (1 << _COUNT_BITS) - 1, (1 << _CLASS_BITS) - 1
CLASSES = _COUNT_BITS
TIME_NS_LOW = -(1 << 62)
_HALF_DIAGONAL_M = 8_000_000.0             # of a cell of level 0, more than S2's longest (1.22 R)
_FEW_CELLS = 6                             # fewer are looked at, wherever they lie
_A2 = 1.0 / (EQUATOR_RADIUS_M * EQUATOR_RADIUS_M)
_B2 = 1.0 / (POLE_RADIUS_M * POLE_RADIUS_M)
NONE, ALL, LATER = 0, 1, 2                 # how a question looks at a grid
# Columns of `grids`: entries, the largest radius in metres, the longest duration in ns.
ENTRIES, RADIUS_M, SPAN_NS = 0, 1, 2


class Scratch(NamedTuple):
    """Room to work in, for one thread at a time."""

    near: np.ndarray                       # (n,) int32: candidates
    keys: np.ndarray                       # (_KEYS,) int64: cells that wait to be looked at
    grids: np.ndarray                      # (GRIDS,) int64: those in use
    work: np.ndarray                       # (5 FACES + 4 ROOM,) float64: for `Places`

    @staticmethod
    def of(near: int) -> Scratch:
        """Scratch with room for so many candidates."""
        return Scratch(np.empty(near, np.int32), np.empty(_KEYS, np.int64),
                       np.empty(GRIDS, np.int64), np.empty(5 * FACES + 4 * ROOM))


class Places(NamedTuple):
    """The same room as compiled code uses it."""

    near: np.ndarray
    keys: np.ndarray
    grids: np.ndarray
    ranges: np.ndarray                     # (FACES, 5): the cells of a question on each face
    planes: np.ndarray                     # (ROOM,): of the edges of the volume that asks
    other_planes: np.ndarray               # (ROOM,)
    flat: np.ndarray                       # (ROOM, 2): a pair in one chart


# -- words ---------------------------------------------------------------------------------------

@compiled
def where_of(offset, size_class, count):
    """A block as one number: its first entry, its room as a power of two, and its entries."""
    return offset << (_COUNT_BITS + _CLASS_BITS) | size_class << _COUNT_BITS | count


@inlined
def block_of(where):
    """(offset, size class, count) of a block."""
    return (where >> (_COUNT_BITS + _CLASS_BITS), where >> _COUNT_BITS & _CLASS_MASK,
            where & _COUNT_MASK)


@compiled
def time_word(time_ns):
    """A time in units of 2^31 ns, rounded down; the first or the last word for what is beyond."""
    return min(max(time_ns >> TIME_BITS, -(1 << 31)), (1 << 31) - 1)


@compiled
def band_word(lower_m, upper_m):
    """An altitude band in steps of 2 m, rounded outwards: (lower step, upper step)."""
    return (int(np.floor((lower_m - _BAND_LOW_M) / _BAND_STEP_M)),
            int(np.ceil((upper_m - _BAND_LOW_M) / _BAND_STEP_M)))


@compiled
def write_entry(words, floats, offset, size_class, at, ball, volume, slot):
    """Write the entry `at` of a block; `floats` is `words` seen as 32-bit floats."""
    place = offset * WORDS + at - offset
    for k in range(8):
        floats[place + (k << size_class)] = ball[k]
    words[place + (_T0 << size_class)] = time_word(volume.start_ns)
    words[place + (_T1 << size_class)] = time_word(volume.end_ns)
    words[place + (_SLOT << size_class)] = slot
    low, high = band_word(volume.lower_m, volume.upper_m)
    words[place + (_BAND << size_class)] = (high << 16 | low) - (1 << 32 if high >> 15 else 0)


@compiled
def move_entry(words, offset, size_class, at, to_offset, to_class, to):
    """Copy an entry to another place, of the same block or another; the slot it belongs to."""
    place, other = offset * WORDS + at - offset, to_offset * WORDS + to - to_offset
    for k in range(WORDS):
        words[other + (k << to_class)] = words[place + (k << size_class)]
    return words[other + (_SLOT << to_class)]


# -- the table -----------------------------------------------------------------------------------

@inlined
def home(key, mask):
    """Where a key is looked for first in a table: four in a row share a line of the cache."""
    mixed = (key >> 2) * -7046029254386353131          # 2^64 over the golden ratio, odd
    return ((mixed ^ (mixed >> 29)) << 2 | key & 3) & mask


@inlined
def find_cell(table, key):
    """The row of a key in the table, or the free row where it would stand, as -1 - row."""
    mask = len(table) - 1
    row = home(key, mask)
    while True:
        held = table[row, KEY]
        if held == key:
            return row
        if held < 0:
            return -1 - row
        row = (row + 1) & mask


@compiled
def drop_cell(table, row):
    """Free a row, and move up those behind it that were pushed on by it."""
    mask = len(table) - 1
    hole = row
    row = (row + 1) & mask
    while table[row, KEY] >= 0:
        first = home(table[row, KEY], mask)
        if ((row - first) & mask) >= ((row - hole) & mask):
            table[hole, KEY], table[hole, WHERE] = table[row, KEY], table[row, WHERE]
            hole = row
        row = (row + 1) & mask
    table[hole, KEY] = -1


@compiled
def move_cells(table, larger):
    """Fill an empty table from another one."""
    for row in range(len(table)):
        if table[row, KEY] >= 0:
            to = -1 - find_cell(larger, table[row, KEY])
            larger[to, KEY], larger[to, WHERE] = table[row, KEY], table[row, WHERE]


# -- who is near ---------------------------------------------------------------------------------

@inlined
def _marks(words, floats, place, step, count, ask, own):
    """Which of LANES entries come within reach in every way: a bit for each, the first one lowest.

    `step` is the room of the block, `count` of the entries are there. The loop becomes vectors:
    its length is fixed, all is of 32 bits, and unsigned indexes do not count from the end.
    """
    x, y, z, reach, nx, ny, nz, wide, t0, t1, low, high = ask
    half = np.int32(0xFFFF)
    ys = place + step
    zs = ys + step
    radii = zs + step
    nxs = radii + step
    nys = nxs + step
    nzs = nys + step
    wides = nzs + step
    starts = wides + step
    ends = starts + step
    slots = ends + step
    bands = slots + step
    marks = np.int32(0)
    for i in range(np.uint64(LANES)):
        dx, dy, dz = floats[place + i] - x, floats[ys + i] - y, floats[zs + i] - z
        radius, band = floats[radii + i], words[bands + i]
        limit = radius + reach
        off = dx * floats[nxs + i] + dy * floats[nys + i] + dz * floats[nzs + i]
        is_near = ((words[starts + i] <= t1) & (words[ends + i] >= t0) & ((band & half) <= high)
                   & ((band >> np.int32(16) & half) >= low) & (words[slots + i] > own)
                   & (dx * dx + dy * dy + dz * dz <= limit * limit)
                   & (abs(off) <= floats[wides + i] + reach)
                   & (abs(dx * nx + dy * ny + dz * nz) <= wide + radius)
                   & (np.int32(i) < count))
        marks |= np.int32(is_near) << np.int32(i)
    return marks


@inlined
def scan(words, floats, where, ask, own, out, found):
    """Append the slots of a block whose bounds come within reach; how many there are then.

    `ask` is what `question` gives. Slots up to `own` are left out. Where `out` is full, they are
    counted only.
    """
    offset, size_class, count = block_of(where)
    place, step, own = np.uint64(offset * WORDS), np.uint64(1 << size_class), np.int32(own)
    slots = offset * WORDS + (_SLOT << size_class)
    left = count
    while left > 0:
        marks, at = _marks(words, floats, place, step, left, ask, own), slots
        while marks:
            if marks & 1:
                if found < len(out):
                    out[found] = words[at]
                found += 1
            marks, at = marks >> 1, at + 1
        left -= LANES
        slots += LANES
        place += np.uint64(LANES)
    return found


@compiled
def _scan_all(table, words, floats, grid, ask, own, out, found):
    """The same through every cell of one grid: for questions that reach over most of it."""
    for row in range(len(table)):
        key = table[row, KEY]
        if key >= 0 and (key >> (28 + BUCKET_BITS)) // FACES == grid:
            found = scan(words, floats, table[row, WHERE], ask, own, out, found)
    return found


@compiled
def question(ball, lateral_m, start_ns, end_ns, lower_m, upper_m):
    """Bounds as entries are held against them: ball and strip widened, times, and band in steps."""
    more = lateral_m + _ROUNDING_M
    low, high = band_word(lower_m, upper_m)
    return (np.float32(ball[0]), np.float32(ball[1]), np.float32(ball[2]),
            np.float32(ball[3] + more), np.float32(ball[4]), np.float32(ball[5]),
            np.float32(ball[6]), np.float32(ball[7] + more),
            np.int32(time_word(start_ns)), np.int32(time_word(end_ns)),
            np.int32(low), np.int32(high))


@compiled
def list_grids(grids, out):
    """Write the grids that hold anything to `out`; how many there are."""
    count = 0
    for grid in range(GRIDS):
        if grids[grid, ENTRIES]:
            out[count] = grid
            count += 1
    return count


@compiled
def gather(state, scratch, used, floats, looks, ball, lateral_m, start_ns, end_ns, lower_m,
           upper_m, own, own_key):
    """Write the slots of all entries within reach to `scratch.near`; how many there are.

    The first `used` of `scratch.grids` hold anything. `ball` is what `bound` gives; times
    (half-open) and altitudes are widened by their minima. `looks` says of each grid whether it is
    looked at (ALL), not (NONE), or only at slots behind `own`, whose cell is `own_key` (LATER):
    slots stand in the order of keys then. Where `near` is full, they are counted only.
    """
    table, words, grids = state.table, state.words, state.grids
    ranges, keys, out = scratch.ranges, scratch.keys, scratch.near
    ask = question(ball, lateral_m, start_ns, end_ns, lower_m, upper_m)
    start_ns = max(start_ns, TIME_NS_LOW)
    found = 0
    for grid in scratch.grids[:used]:
        if looks[grid] == NONE:
            continue
        after, least = (own, own_key) if looks[grid] == LATER else (-1, -1)
        shift = SHIFTS[grid % len(SHIFTS)]
        longest = grids[grid, SPAN_NS]
        earliest = start_ns - longest if longest < -TIME_NS_LOW else TIME_NS_LOW
        first, last = max(earliest, TIME_NS_LOW) >> shift, (end_ns - 1) >> shift
        count = cover_ball(ball[0], ball[1], ball[2],
                           ball[3] + lateral_m + grids[grid, RADIUS_M], ranges)
        cells = 1 << LEVELS[grid // len(SHIFTS)]
        named = 0
        for k in range(count):
            for side in range(1, 5):
                ranges[k, side] = min(int(ranges[k, side] * cells), cells - 1)
            named += int((ranges[k, 2] - ranges[k, 1] + 1) * (ranges[k, 4] - ranges[k, 3] + 1))
        if named * (last - first + 1) > len(table) or (last - first) >> BUCKET_BITS:
            found = _scan_all(table, words, floats, grid, ask, after, out, found)
            continue
        wide, waiting = ball[7] + lateral_m + grids[grid, RADIUS_M] + _HALF_DIAGONAL_M / cells, 0
        for k in range(count):
            face = int(ranges[k, 0])
            for i in range(int(ranges[k, 1]), int(ranges[k, 2]) + 1):
                for j in range(int(ranges[k, 3]), int(ranges[k, 4]) + 1):
                    if named > _FEW_CELLS and _is_aside(ball, face, (i + 0.5) / cells,
                                                        (j + 0.5) / cells, wide):
                        continue
                    for bucket in range(first, last + 1):
                        key = cell_key(grid, face, i, j, bucket)
                        if key < least:
                            continue
                        if waiting == len(keys):
                            found = _scan_cells(table, words, floats, keys, waiting, ask, after,
                                                out, found)
                            waiting = 0
                        keys[waiting] = key
                        waiting += 1
                        ask_ahead(table, home(key, len(table) - 1) * _ROW_BYTES)
        found = _scan_cells(table, words, floats, keys, waiting, ask, after, out, found)
    return found


@compiled
def _scan_cells(table, words, floats, keys, waiting, ask, own, out, found):
    """Go through cells by their keys, first asking for all their blocks at once; see `scan`."""
    kept = 0
    for k in range(waiting):
        row = find_cell(table, keys[k])
        if row >= 0:
            where = table[row, WHERE]
            keys[kept] = where
            kept += 1
            offset, size_class, count = block_of(where)
            for field in range(WORDS if own < 0 else 0):   # neighbours in order have them near
                ask_ahead(words, (offset * WORDS + (field << size_class)) * _WORD_BYTES)
    for k in range(kept):
        found = scan(words, floats, keys[k], ask, own, out, found)
    return found


@inlined
def _is_aside(ball, face, s, t, wide):
    """Does a cell lie farther from the plane of a strip than `wide`?"""
    x, y, z = middle_of(face, s, t)
    scale = 1.0 / math.sqrt((x * x + y * y) * _A2 + z * z * _B2)
    return abs((x * scale - ball[0]) * ball[4] + (y * scale - ball[1]) * ball[5]
               + (z * scale - ball[2]) * ball[6]) > wide
