"""Compiled index: volumes in slots, sets of them by serial; insertion, removal, questions.

A `State` holds all arrays. A slot has its time, its altitude band and a link: row and shape of its
packed outline (`bounds`) in the pool, the place of its entry in the arena (`grid`), and the next
slot of the same set, or -1. A slot whose shape is 0 is free, and its link names the next free one.
Sets are found by serial in an open-addressed hash table that names their first slots.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from luftrom.bounds import GRIDS, bound, duration, grid_of, key_of, rows_of
from luftrom.compiling import compiled, lent, released
from luftrom.grid import (
    CLASSES,
    ENTRIES,
    KEY,
    LANES,
    RADIUS_M,
    SPAN_NS,
    WHERE,
    WORDS,
    Scratch,
    block_of,
    drop_cell,
    find_cell,
    gather,
    home,
    move_entry,
    where_of,
    write_entry,
)
from luftrom.kernels import TOUCH_M
from luftrom.screen import CONFLICT, UNSURE, is_conflict, planes_of, screen

ROW, SHAPE, AT, NEXT = 0, 1, 2, 3          # columns of `links`
# Numbers in `meta`: slots ever used, first free slot, volumes, rows used, rows of removed outlines,
# entries of the arena used, cells, sets; from FREE_BLOCKS on the first free block of each room.
SLOTS, FREE_SLOT, VOLUMES, ROWS, DEAD_ROWS, ARENA, CELL_COUNT, SETS = range(8)
FREE_BLOCKS = 8
META = FREE_BLOCKS + CLASSES
# What an insertion lacks, if it cannot go on.
NOTHING, LACKS_SLOTS, LACKS_ROWS, LACKS_ARENA, LACKS_CELLS, LACKS_SETS = range(6)
_FULL = 0.7                                # a table is filled up to this share


class State(NamedTuple):
    """All arrays of an index; n slots, m rows of the pool, k entries in the arena."""

    spans: np.ndarray                      # (n, 2) int64: start and end in ns
    bands: np.ndarray                      # (n, 2) float64: lower and upper altitude in metres
    links: np.ndarray                      # (n, 4) int32
    serials: np.ndarray                    # (n,) int64
    pool: np.ndarray                       # (m, 3) float64
    words: np.ndarray                      # (k WORDS + LANES,) int32: see grid
    table: np.ndarray                      # (2^c, 2) int64: cells
    sets: np.ndarray                       # (2^s,) int32: the first slot of a set, or -1
    grids: np.ndarray                      # (GRIDS, 3) int64
    meta: np.ndarray                       # (META,) int64

    @staticmethod
    def empty(slots: int = 64) -> State:
        """A state without volumes, with room for about so many."""
        size = table_size(slots)
        meta = np.zeros(META, np.int64)
        meta[FREE_SLOT] = -1
        meta[FREE_BLOCKS:] = -1
        return State(np.zeros((slots, 2), np.int64), np.zeros((slots, 2)),
                     np.zeros((slots, 4), np.int32), np.zeros(slots, np.int64),
                     np.zeros((slots * 4, 3)), np.zeros(slots * WORDS + LANES, np.int32),
                     free_table(size), np.full(size, -1, np.int32),
                     np.zeros((GRIDS, 3), np.int64), meta)


@compiled
def lent_state(s):
    """The state, its arrays without their owners (`compiling.lent`)."""
    return State(lent(s.spans), lent(s.bands), lent(s.links), lent(s.serials), lent(s.pool),
                 lent(s.words), lent(s.table), lent(s.sets), lent(s.grids), lent(s.meta))


@compiled
def _lent_scratch(s):
    return Scratch(lent(s.near), lent(s.ranges), lent(s.planes),
                   lent(s.other_planes), lent(s.flat))


def table_size(count: int) -> int:
    """The size of a table for so many rows: a power of two."""
    return 1 << max(6, int(count / _FULL).bit_length())


def free_table(size: int) -> np.ndarray:
    """A table of free rows; `size` is a power of two."""
    table = np.zeros((size, 2), np.int64)
    table[:, KEY] = -1
    return table


# -- blocks of the arena -------------------------------------------------------------------------

@compiled
def _take_block(words, meta, size_class):
    """The first entry of a free block with room for 2^size_class entries; -1 if there is none."""
    offset = meta[FREE_BLOCKS + size_class]
    if offset >= 0:
        meta[FREE_BLOCKS + size_class] = words[offset * WORDS]
        return offset
    offset = meta[ARENA]
    if (offset + (1 << size_class)) * WORDS + LANES > len(words):
        return -1
    meta[ARENA] += 1 << size_class
    return offset


@compiled
def _free_block(words, meta, offset, size_class):
    words[offset * WORDS] = meta[FREE_BLOCKS + size_class]
    meta[FREE_BLOCKS + size_class] = offset


@compiled
def _move_block(words, links, offset, size_class, count, to_offset, to_class):
    """Copy the entries of a block to another; their slots follow."""
    for k in range(count):
        slot = move_entry(words, offset, size_class, offset + k, to_offset, to_class, to_offset + k)
        links[slot, AT] = to_offset + k


@compiled
def _room_in_cell(state, key):
    """The row of a cell and the place for one more entry in it; row -1 if something is lacking.

    Then the place says what. Until the entry is written and counted, nothing else has changed.
    """
    words, table, meta = state.words, state.table, state.meta
    row = find_cell(table, key)
    if row < 0:
        if meta[CELL_COUNT] + 1 > len(table) * _FULL:
            return -1, LACKS_CELLS
        offset = _take_block(words, meta, 0)
        if offset < 0:
            return -1, LACKS_ARENA
        row = -1 - row
        table[row, KEY], table[row, WHERE] = key, where_of(offset, 0, 0)
        meta[CELL_COUNT] += 1
        return row, offset
    offset, size_class, count = block_of(table[row, WHERE])
    if count == 1 << size_class:
        larger = _take_block(words, meta, size_class + 1)
        if larger < 0:
            return -1, LACKS_ARENA
        _move_block(words, state.links, offset, size_class, count, larger, size_class + 1)
        _free_block(words, meta, offset, size_class)
        offset = larger
        table[row, WHERE] = where_of(offset, size_class + 1, count)
    return row, offset + count


# -- sets ----------------------------------------------------------------------------------------

@compiled
def _find_set(sets, serials, serial):
    """The row of a set, or the free row where it would stand, as -1 - row."""
    mask = len(sets) - 1
    row = home(serial, mask)
    while sets[row] >= 0:
        if serials[sets[row]] == serial:
            return row
        row = (row + 1) & mask
    return -1 - row


@compiled
def _drop_set(sets, serials, row):
    """Free a row, and move up those behind it that were pushed on by it."""
    mask = len(sets) - 1
    hole = row
    row = (row + 1) & mask
    while sets[row] >= 0:
        if ((row - home(serials[sets[row]], mask)) & mask) >= ((row - hole) & mask):
            sets[hole] = sets[row]
            hole = row
        row = (row + 1) & mask
    sets[hole] = -1


@compiled
def join_set(state, slot, serial):
    """Put a slot at the head of its set, which begins with it if there is none."""
    state.serials[slot] = serial
    row = _find_set(state.sets, state.serials, serial)
    if row < 0:
        row = -1 - row
        state.links[slot, NEXT] = -1
        state.meta[SETS] += 1
    else:
        state.links[slot, NEXT] = state.sets[row]
    state.sets[row] = slot


@compiled
def move_sets(state, sets):
    """Fill an empty table of sets from that of a state."""
    for slot in state.sets:
        if slot >= 0:
            sets[-1 - _find_set(sets, state.serials, state.serials[slot])] = slot


@compiled
def first_held(state, serials):
    """The first of the serials that is in use, or -1."""
    for serial in serials:
        if _find_set(state.sets, state.serials, serial) >= 0:
            return serial
    return -1


# -- insertion -----------------------------------------------------------------------------------

@compiled
def _lacks(state, rows):
    """What there is no room for, apart from the entry; NOTHING if all is there."""
    meta = state.meta
    if meta[FREE_SLOT] < 0 and meta[SLOTS] == len(state.serials):
        return LACKS_SLOTS
    if meta[ROWS] + rows > len(state.pool):
        return LACKS_ROWS
    if meta[SETS] + 1 > len(state.sets) * _FULL:
        return LACKS_SETS
    return NOTHING


@compiled
def insert_all(state, serials, spans, bands, outlines, pool, start):
    """Insert volumes from `start` on; (how far it came, what it lacks).

    Volume k belongs to the set `serials[k]`; see `packing.Packed` for the rest. A volume is either
    wholly in the index or not at all.
    """
    state, pool, outlines, spans = lent_state(state), lent(pool), lent(outlines), lent(spans)
    floats = lent(state.words.view(np.float32))
    meta, links = state.meta, state.links
    for k in range(start, len(serials)):
        first, shape = outlines[k, 0], outlines[k, 1]
        count = rows_of(shape)
        lack = _lacks(state, count)
        if lack:
            return k, lack
        start_ns, end_ns = spans[k, 0], spans[k, 1]
        ball, _ = bound(pool, first, shape)
        grid = grid_of(ball[3], duration(start_ns, end_ns))
        cell, at = _room_in_cell(state, key_of(grid, ball[0], ball[1], ball[2], start_ns))
        if cell < 0:
            return k, at
        slot = meta[FREE_SLOT]
        if slot >= 0:
            meta[FREE_SLOT] = links[slot, NEXT]
        else:
            slot = meta[SLOTS]
            meta[SLOTS] += 1
        row = meta[ROWS]
        for i in range(count):
            for axis in range(3):
                state.pool[row + i, axis] = pool[first + i, axis]
        meta[ROWS] += count
        meta[VOLUMES] += 1
        state.spans[slot, 0], state.spans[slot, 1] = start_ns, end_ns
        state.bands[slot, 0], state.bands[slot, 1] = bands[k, 0], bands[k, 1]
        join_set(state, slot, serials[k])
        links[slot, ROW], links[slot, SHAPE], links[slot, AT] = row, shape, at
        offset, size_class, _ = block_of(state.table[cell, WHERE])
        write_entry(state.words, floats, offset, size_class, at, ball, start_ns, end_ns,
                    bands[k, 0], bands[k, 1], slot)
        state.table[cell, WHERE] += 1
        count_in(state.grids, grid, ball[3], duration(start_ns, end_ns))
    return len(serials), NOTHING


@compiled
def count_in(grids, grid, radius, span_ns):
    """Note in its grid that there is one more volume."""
    grids[grid, ENTRIES] += 1
    grids[grid, RADIUS_M] = max(grids[grid, RADIUS_M], int(radius) + 1)
    grids[grid, SPAN_NS] = max(grids[grid, SPAN_NS], span_ns)


# -- removal -------------------------------------------------------------------------------------

@compiled
def _remove_slot(state, slot):
    """Take a volume out of its cell and free its slot; its set still names it."""
    words, table, meta, links = state.words, state.table, state.meta, state.links
    start_ns, end_ns = state.spans[slot, 0], state.spans[slot, 1]
    ball, _ = bound(state.pool, links[slot, ROW], links[slot, SHAPE])
    grid = grid_of(ball[3], duration(start_ns, end_ns))
    row = find_cell(table, key_of(grid, ball[0], ball[1], ball[2], start_ns))
    offset, size_class, count = block_of(table[row, WHERE])
    last, at = offset + count - 1, links[slot, AT]
    if last != at:
        links[move_entry(words, offset, size_class, last, offset, size_class, at), AT] = at
    count -= 1
    if count == 0:
        _free_block(words, meta, offset, size_class)
        drop_cell(table, row)
        meta[CELL_COUNT] -= 1
    else:
        if count <= (1 << size_class) >> 2:
            smaller = _take_block(words, meta, size_class - 1)
            if smaller >= 0:
                _move_block(words, links, offset, size_class, count, smaller, size_class - 1)
                _free_block(words, meta, offset, size_class)
                offset, size_class = smaller, size_class - 1
        table[row, WHERE] = where_of(offset, size_class, count)
    grids = state.grids
    grids[grid, ENTRIES] -= 1
    if grids[grid, ENTRIES] == 0:
        grids[grid, RADIUS_M] = grids[grid, SPAN_NS] = 0
    meta[DEAD_ROWS] += rows_of(links[slot, SHAPE])
    meta[VOLUMES] -= 1
    links[slot, SHAPE] = 0
    links[slot, NEXT] = meta[FREE_SLOT]
    meta[FREE_SLOT] = slot


@compiled
def remove_set(state, serial):
    """Remove all volumes of a set; False if the serial is not in use."""
    state = lent_state(state)
    row = _find_set(state.sets, state.serials, serial)
    if row < 0:
        return False
    slot = state.sets[row]
    _drop_set(state.sets, state.serials, row)
    state.meta[SETS] -= 1
    while slot >= 0:
        following = state.links[slot, NEXT]
        _remove_slot(state, slot)
        slot = following
    return True


@compiled
def remove_over(state, before_ns, gone):
    """Remove volumes that ended at or before a time; how many sets are gone, `gone` has serials."""
    count, state = 0, lent_state(state)
    links = state.links
    for slot in range(state.meta[SLOTS]):
        if links[slot, SHAPE] == 0 or state.spans[slot, 1] > before_ns:
            continue
        row = _find_set(state.sets, state.serials, state.serials[slot])
        here, kept = state.sets[row], -1
        while here >= 0:                   # the chain of the set is told anew, without this one
            following = links[here, NEXT]
            if here != slot:
                links[here, NEXT] = kept
                kept = here
            here = following
        if kept < 0:
            gone[count] = state.serials[slot]
            count += 1
            _drop_set(state.sets, state.serials, row)
            state.meta[SETS] -= 1
        else:
            state.sets[row] = kept
        _remove_slot(state, slot)
    return count


@compiled
def close_gaps(state, pool):
    """Copy the rows of all outlines that are held to another pool, side by side."""
    row = 0
    for slot in range(state.meta[SLOTS]):
        count = rows_of(state.links[slot, SHAPE])
        if count == 0:
            continue
        first = state.links[slot, ROW]
        pool[row:row + count] = state.pool[first:first + count]
        state.links[slot, ROW] = row
        row += count
    state.meta[ROWS], state.meta[DEAD_ROWS] = row, 0


# -- questions -----------------------------------------------------------------------------------

@released
def find_conflicts(state, scratch, looks, spans, bands, outlines, pool, groups, first, last, minima,
                   time_ns, out):
    """Write pairs (k, slot) that conflict to `out`, for volumes k from `first` to before `last`.

    Returns (how far it came, pairs written, candidates): it ends before a volume for which `out` or
    `scratch.near` has no room; in the second case so many candidates want some. Minima are lateral
    and vertical metres. `looks` has one row, as `gather` takes it; or a row for each grid, and then
    the volumes are those of the slots themselves, and each pair is asked once. With `groups`, pairs
    of one group are left out.
    """
    state, scratch, looks, spans = lent_state(state), _lent_scratch(scratch), lent(looks), lent(
        spans)
    bands, outlines, pool, groups = lent(bands), lent(outlines), lent(pool), lent(groups)
    out, floats = lent(out), lent(state.words.view(np.float32))
    near, planes = scratch.near, scratch.planes
    written, lateral_m, vertical_m = 0, minima[0], minima[1]
    for k in range(first, last):
        start_ns, end_ns, lower, upper = spans[k, 0], spans[k, 1], bands[k, 0], bands[k, 1]
        row, shape = outlines[k, 0], outlines[k, 1]
        ball, _ = bound(pool, row, shape)
        own, own_key, look = -1, -1, looks[0]
        if len(looks) > 1:
            grid = grid_of(ball[3], duration(start_ns, end_ns))
            own, look = k, looks[grid]
            own_key = key_of(grid, ball[0], ball[1], ball[2], start_ns)
        count = gather(state, scratch, floats, look, ball, lateral_m, start_ns - time_ns,
                       end_ns + time_ns, lower - vertical_m, upper + vertical_m, own, own_key)
        if count > len(near):
            return k, written, count
        edge2, before = planes_of(pool, row, shape, planes), written
        for i in range(count):
            slot = near[i]
            if len(groups) and groups[k] == groups[slot]:
                continue
            if (max(start_ns, state.spans[slot, 0]) - min(end_ns, state.spans[slot, 1]) >= time_ns
                    or max(lower, state.bands[slot, 0]) - min(upper, state.bands[slot, 1])
                    >= vertical_m - TOUCH_M):
                continue
            other, other_shape = state.links[slot, ROW], state.links[slot, SHAPE]
            answer = screen(pool, row, shape, planes, edge2, state.pool, other, other_shape,
                            scratch.other_planes, lateral_m, scratch.flat)
            if answer == CONFLICT or (answer == UNSURE and is_conflict(
                    pool, row, shape, state.pool, other, other_shape, lateral_m)):
                if written == len(out):
                    return k, before, 0
                out[written, 0], out[written, 1] = k, slot
                written += 1
    return last, written, 0
