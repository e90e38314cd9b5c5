"""Compiled index: entries of volumes in cells of space and time, and who is near whom.

State is plain arrays, so that it can be mapped from a file. An entry is 12 words of 32 bits: middle
and radius of the ball, normal and half width of the strip (`bounds`) as floats; start and end in
units of 2^31 ns, slot, and the altitude band in steps of 2 m as two halves of a word. The entries
of a cell lie side by side in a block of the arena, whose room is a power of two. The table, an
open-addressed hash table, has for each cell its key and where its block lies; a free one has key
-1. Every entry stands in exactly one cell; a question looks at all cells within its reach.
"""

from __future__ import annotations

import numpy as np

from luftrom.bounds import BUCKET_BITS, GRIDS, LEVELS, SHIFTS, cell_key
from luftrom.cells import FACES, cover_ball
from luftrom.ellipsoid import compiled

WORDS = 12                                 # of an entry
_T0, _T1, _SLOT, _BAND = 8, 9, 10, 11
TIME_BITS = 31                             # an entry's unit of time is 2^31 ns
_BAND_STEP_M, _BAND_LOW_M = 2.0, -8_192.0
KEY, WHERE = 0, 1                          # columns of the table
_COUNT_BITS, _CLASS_BITS = 27, 5
_COUNT_MASK, _CLASS_MASK = (1 << _COUNT_BITS) - 1, (1 << _CLASS_BITS) - 1
CLASSES = _COUNT_BITS
TIME_NS_LOW = -(1 << 62)
NONE, ALL, LATER = 0, 1, 2                 # how a question looks at a grid
# Columns of `grids`: entries, cells, the largest radius in metres, the longest duration in ns.
ENTRIES, CELLS, RADIUS_M, SPAN_NS = 0, 1, 2, 3


# -- words ---------------------------------------------------------------------------------------

@compiled
def where_of(offset, size_class, count):
    """A block as one number: its first entry, its room as a power of two, and its entries."""
    return offset << (_COUNT_BITS + _CLASS_BITS) | size_class << _COUNT_BITS | count


@compiled
def block_of(where):
    """(offset, size class, count) of a block."""
    return (where >> (_COUNT_BITS + _CLASS_BITS), where >> _COUNT_BITS & _CLASS_MASK,
            where & _COUNT_MASK)


@compiled
def band_word(lower_m, upper_m):
    """An altitude band in steps of 2 m, rounded outwards: (lower step, upper step)."""
    return (int(np.floor((lower_m - _BAND_LOW_M) / _BAND_STEP_M)),
            int(np.ceil((upper_m - _BAND_LOW_M) / _BAND_STEP_M)))


@compiled
def write_entry(words, floats, at, ball, start_ns, end_ns, lower_m, upper_m, slot):
    """Write one entry; `floats` is `words` seen as 32-bit floats."""
    for k in range(8):
        floats[at, k] = ball[k]
    words[at, _T0], words[at, _T1] = start_ns >> TIME_BITS, end_ns >> TIME_BITS
    words[at, _SLOT] = slot
    low, high = band_word(lower_m, upper_m)
    words[at, _BAND] = (high << 16 | low) - (1 << 32 if high >= 1 << 15 else 0)


@compiled
def slot_of(words, at):
    """The slot whose entry stands at a place of the arena."""
    return words[at, _SLOT]


# -- the table -----------------------------------------------------------------------------------

@compiled
def _home(key, mask):
    """Where a key is looked for first: four buckets in a row share a line of the cache."""
    mixed = (key >> 2) * -7046029254386353131          # 2^64 over the golden ratio, odd
    return ((mixed ^ (mixed >> 29)) << 2 | key & 3) & mask


@compiled
def find_cell(table, key):
    """The row of a key in the table, or the free row where it would stand, as -1 - row."""
    mask = len(table) - 1
    row = _home(key, mask)
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
        home = _home(table[row, KEY], mask)
        if ((row - home) & mask) >= ((row - hole) & mask):
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

@compiled
def scan(words, floats, offset, count, ask, t0, t1, low, high, own, out, found):
    """Append the slots of a block whose bounds come within reach; how many there are then.

    `ask` is a ball and a strip, widened by what is to be kept clear; slots up to `own` are left
    out. Where `out` is full, they are counted only.
    """
    x, y, z, reach = ask[0], ask[1], ask[2], ask[3]
    nx, ny, nz, wide = ask[4], ask[5], ask[6], ask[7]
    for at in range(offset, offset + count):
        if words[at, _T0] > t1 or words[at, _T1] < t0:
            continue
        dx, dy, dz = floats[at, 0] - x, floats[at, 1] - y, floats[at, 2] - z
        limit = floats[at, 3] + reach
        if dx * dx + dy * dy + dz * dz > limit * limit:
            continue
        if abs(dx * floats[at, 4] + dy * floats[at, 5] + dz * floats[at, 6]) > (
                floats[at, 7] + reach):
            continue
        if abs(dx * nx + dy * ny + dz * nz) > wide + floats[at, 3]:
            continue
        band = words[at, _BAND]
        if (band & 0xFFFF) > high or (band >> 16 & 0xFFFF) < low or words[at, _SLOT] <= own:
            continue
        if found < len(out):
            out[found] = words[at, _SLOT]
        found += 1
    return found


@compiled
def _scan_all(table, words, floats, grid, ask, t0, t1, low, high, own, out, found):
    """The same through every cell of one grid: for questions that reach over most of it."""
    for row in range(len(table)):
        key = table[row, KEY]
        if key >= 0 and (key >> (28 + BUCKET_BITS)) // FACES == grid:
            offset, _, count = block_of(table[row, WHERE])
            found = scan(words, floats, offset, count, ask, t0, t1, low, high, own, out, found)
    return found


@compiled
def gather(table, words, floats, grids, looks, ask, start_ns, end_ns, low, high, own, ranges, out):
    """Write the slots of all entries within reach to `out`; how many there are.

    `ask` is a widened ball and strip (8,), times are widened and half-open, `low` and `high` steps
    of the band; `ranges` (6, 5) is scratch. `looks` says of each grid whether it is looked at
    (ALL), not (NONE), or only at slots behind `own` (LATER).
    """
    start_ns = max(start_ns, TIME_NS_LOW)
    t0, t1 = start_ns >> TIME_BITS, end_ns >> TIME_BITS
    found = 0
    for grid in range(GRIDS):
        if grids[grid, ENTRIES] == 0 or looks[grid] == NONE:
            continue
        after = own if looks[grid] == LATER else -1
        shift = SHIFTS[grid % len(SHIFTS)]
        longest = grids[grid, SPAN_NS]
        earliest = start_ns - longest if longest < -TIME_NS_LOW else TIME_NS_LOW
        first, last = max(earliest, TIME_NS_LOW) >> shift, (end_ns - 1) >> shift
        count = cover_ball(ask[0], ask[1], ask[2], ask[3] + grids[grid, RADIUS_M], ranges)
        cells = 1 << LEVELS[grid // len(SHIFTS)]
        named = 0
        for k in range(count):
            for side in range(1, 5):
                ranges[k, side] = min(int(ranges[k, side] * cells), cells - 1)
            named += int((ranges[k, 2] - ranges[k, 1] + 1) * (ranges[k, 4] - ranges[k, 3] + 1))
        if named * (last - first + 1) > len(table) or (last - first) >> BUCKET_BITS:
            found = _scan_all(table, words, floats, grid, ask, t0, t1, low, high, after, out,
                              found)
            continue
        for k in range(count):
            face = int(ranges[k, 0])
            for i in range(int(ranges[k, 1]), int(ranges[k, 2]) + 1):
                for j in range(int(ranges[k, 3]), int(ranges[k, 4]) + 1):
                    for bucket in range(first, last + 1):
                        row = find_cell(table, cell_key(grid, face, i, j, bucket))
                        if row >= 0:
                            offset, _, entries = block_of(table[row, WHERE])
                            found = scan(words, floats, offset, entries, ask, t0, t1, low, high,
                                         after, out, found)
    return found
