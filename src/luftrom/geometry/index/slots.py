"""Compiled index: volumes in slots, sets of them by serial; insertion, removal, questions.

A `State` holds all arrays. A slot is a `packing.VOLUME`: besides the volume it says where its entry
stands in the arena (`at`, see `grid`) and which is the next slot of its set (`next`, -1 for none).
A slot whose shape is 0 is free, and the next one it names is free as well.
Sets are found by serial in an open-addressed hash table that names their first slots.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from luftrom.geometry.bounds import GRIDS, bound, duration, grid_of, key_of, rows_of
from luftrom.geometry.cells import FACES
from luftrom.geometry.compiling import ask_ahead, compiled, lent, released
from luftrom.geometry.edges import TOUCH_M
from luftrom.geometry.index.grid import (
    CLASSES,
    ENTRIES,
    KEY,
    LANES,
    RADIUS_M,
    SPAN_NS,
    WHERE,
    WORDS,
    Places,
    block_of,
    drop_cell,
    find_cell,
    gather,
    home,
    list_grids,
    move_entry,
    where_of,
    write_entry,
)
from luftrom.geometry.packing import VOLUME
from luftrom.geometry.screen import CONFLICT, ROOM, UNSURE, is_conflict, planes_of, screen

# Numbers in `meta`: slots ever used, first free slot, volumes, rows used, rows of removed outlines,
# entries of the arena used, cells, sets; from FREE_BLOCKS on the first free block of each room.
SLOTS, FREE_SLOT, VOLUMES, ROWS, DEAD_ROWS, ARENA, CELL_COUNT, SETS = range(8)
FREE_BLOCKS = 8
META = FREE_BLOCKS + CLASSES
# What an insertion lacks, if it cannot go on.
NOTHING, LACKS_SLOTS, LACKS_ROWS, LACKS_ARENA, LACKS_CELLS, LACKS_SETS = range(6)
_SLOT_BYTES, _ROW_BYTES = VOLUME.itemsize, 24
_FULL = 0.7                                # a table is filled up to this share


class State(NamedTuple):
    """All arrays of an index; n slots, m rows of the pool, k entries in the arena."""

    slots: np.ndarray                      # (n,) VOLUME
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
        return State(np.zeros(slots, VOLUME), np.zeros((slots * 4, 3)),
                     np.zeros(slots * WORDS + LANES, np.int32), free_table(size),
                     np.full(size, -1, np.int32), np.zeros((GRIDS, 3), np.int64), meta)


@compiled
def lent_state(s):
    """The state, its arrays without their owners (`compiling.lent`)."""
    return State(lent(s.slots), lent(s.pool), lent(s.words), lent(s.table), lent(s.sets),
                 lent(s.grids), lent(s.meta))


@compiled
def places_in(s):
    """The room of a scratch as compiled code uses it."""
    work = lent(s.work)
    ranges = 5 * FACES
    return Places(lent(s.near), lent(s.keys), lent(s.grids), work[:ranges].reshape(FACES, 5),
                  work[ranges:ranges + ROOM], work[ranges + ROOM:ranges + 2 * ROOM],
                  work[ranges + 2 * ROOM:].reshape(ROOM, 2))


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
def _move_block(words, slots, offset, size_class, count, to_offset, to_class):
    """Copy the entries of a block to another; their slots follow."""
    for k in range(count):
        slot = move_entry(words, offset, size_class, offset + k, to_offset, to_class, to_offset + k)
        slots[slot].at = to_offset + k


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
        _move_block(words, state.slots, offset, size_class, count, larger, size_class + 1)
        _free_block(words, meta, offset, size_class)
        offset = larger
        table[row, WHERE] = where_of(offset, size_class + 1, count)
    return row, offset + count


# -- sets ----------------------------------------------------------------------------------------

@compiled
def _find_set(state, serial):
    """The row of a set, or the free row where it would stand, as -1 - row."""
    sets = state.sets
    mask = len(sets) - 1
    row = home(serial, mask)
    while sets[row] >= 0:
        if state.slots[sets[row]].serial == serial:
            return row
        row = (row + 1) & mask
    return -1 - row


@compiled
def _drop_set(state, row):
    """Free a row, and move up those behind it that were pushed on by it."""
    sets = state.sets
    mask = len(sets) - 1
    hole = row
    row = (row + 1) & mask
    while sets[row] >= 0:
        first = home(state.slots[sets[row]].serial, mask)
        if ((row - first) & mask) >= ((row - hole) & mask):
            sets[hole] = sets[row]
            hole = row
        row = (row + 1) & mask
    sets[hole] = -1
    state.meta[SETS] -= 1


@compiled
def join_set(state, slot):
    """Put a slot at the head of its set, which begins with it if there is none."""
    row = _find_set(state, state.slots[slot].serial)
    if row < 0:
        row = -1 - row
        state.slots[slot].next = -1
        state.meta[SETS] += 1
    else:
        state.slots[slot].next = state.sets[row]
    state.sets[row] = slot


@compiled
def first_held(state, volumes):
    """The first serial of the volumes that is in use, or -1."""
    for k in range(len(volumes)):
        if _find_set(state, volumes[k].serial) >= 0:
            return volumes[k].serial
    return -1


@compiled
def move_sets(state, sets):
    """Fill an empty table of sets from that of a state."""
    larger = State(state.slots, state.pool, state.words, state.table, sets, state.grids, state.meta)
    for slot in state.sets:
        if slot >= 0:
            sets[-1 - _find_set(larger, state.slots[slot].serial)] = slot


# -- insertion -----------------------------------------------------------------------------------

@compiled
def _lacks(state, rows):
    """What there is no room for, apart from the entry; NOTHING if all is there."""
    meta = state.meta
    if meta[FREE_SLOT] < 0 and meta[SLOTS] == len(state.slots):
        return LACKS_SLOTS
    if meta[ROWS] + rows > len(state.pool):
        return LACKS_ROWS
    if meta[SETS] + 1 > len(state.sets) * _FULL:
        return LACKS_SETS
    return NOTHING


@compiled
def insert_all(state, volumes, pool, start):
    """Insert volumes (`packing.Packed`) from `start` on; (how far it came, what it lacks).

    Each goes to the set of its serial. A volume is either wholly in the index or not at all.
    """
    state, volumes, pool = lent_state(state), lent(volumes), lent(pool)
    floats, meta, slots = lent(state.words.view(np.float32)), state.meta, state.slots
    for k in range(start, len(volumes)):
        volume = volumes[k]
        first, count = volume.row, rows_of(volume.shape)
        lack = _lacks(state, count)
        if lack:
            return k, lack
        ball, _ = bound(pool, first, volume.shape)
        span_ns = duration(volume.start_ns, volume.end_ns)
        grid = grid_of(ball[3], span_ns)
        cell, at = _room_in_cell(state, key_of(grid, ball[0], ball[1], ball[2], volume.start_ns))
        if cell < 0:
            return k, at
        slot = meta[FREE_SLOT]
        if slot >= 0:
            meta[FREE_SLOT] = slots[slot].next
        else:
            slot = meta[SLOTS]
            meta[SLOTS] += 1
        row = meta[ROWS]
        for i in range(count):
            for axis in range(3):
                state.pool[row + i, axis] = pool[first + i, axis]
        meta[ROWS] += count
        meta[VOLUMES] += 1
        slots[slot] = volume
        slots[slot].row, slots[slot].at = row, at
        join_set(state, slot)
        offset, size_class, _ = block_of(state.table[cell, WHERE])
        write_entry(state.words, floats, offset, size_class, at, ball, volume, slot)
        state.table[cell, WHERE] += 1
        count_in(state.grids, grid, ball[3], span_ns)
    return len(volumes), NOTHING


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
    words, table, meta, slots = state.words, state.table, state.meta, state.slots
    volume = slots[slot]
    ball, _ = bound(state.pool, volume.row, volume.shape)
    grid = grid_of(ball[3], duration(volume.start_ns, volume.end_ns))
    row = find_cell(table, key_of(grid, ball[0], ball[1], ball[2], volume.start_ns))
    offset, size_class, count = block_of(table[row, WHERE])
    last, at = offset + count - 1, np.int64(volume.at)
    if last != at:
        slots[move_entry(words, offset, size_class, last, offset, size_class, at)].at = at
    count -= 1
    if count == 0:
        _free_block(words, meta, offset, size_class)
        drop_cell(table, row)
        meta[CELL_COUNT] -= 1
    else:
        if count <= (1 << size_class) >> 2:
            smaller = _take_block(words, meta, size_class - 1)
            if smaller >= 0:
                _move_block(words, slots, offset, size_class, count, smaller, size_class - 1)
                _free_block(words, meta, offset, size_class)
                offset, size_class = smaller, size_class - 1
        table[row, WHERE] = where_of(offset, size_class, count)
    grids = state.grids
    grids[grid, ENTRIES] -= 1
    if grids[grid, ENTRIES] == 0:
        grids[grid, RADIUS_M] = grids[grid, SPAN_NS] = 0
    meta[DEAD_ROWS] += rows_of(volume.shape)
    meta[VOLUMES] -= 1
    volume.shape, volume.next = 0, meta[FREE_SLOT]
    meta[FREE_SLOT] = slot


@compiled
def remove_set(state, serial):
    """Remove all volumes of a set; False if the serial is not in use."""
    state = lent_state(state)
    row = _find_set(state, serial)
    if row < 0:
        return False
    slot = state.sets[row]
    _drop_set(state, row)
    while slot >= 0:
        following = state.slots[slot].next
        _remove_slot(state, np.int64(slot))
        slot = following
    return True


@compiled
def remove_over(state, before_ns, gone):
    """Remove volumes that ended at or before a time; how many sets are gone, `gone` has serials."""
    state = lent_state(state)
    count, slots = 0, state.slots
    for slot in range(state.meta[SLOTS]):
        if slots[slot].shape == 0 or slots[slot].end_ns > before_ns:
            continue
        row = _find_set(state, slots[slot].serial)
        here, kept = state.sets[row], -1
        while here >= 0:                   # the chain of the set is told anew, without this one
            following = slots[here].next
            if here != slot:
                slots[here].next = kept
                kept = here
            here = following
        if kept < 0:
            gone[count] = slots[slot].serial
            count += 1
            _drop_set(state, row)
        else:
            state.sets[row] = kept
        _remove_slot(state, slot)
    return count


@compiled
def close_gaps(state, pool):
    """Copy the rows of all outlines that are held to another pool, side by side."""
    row = 0
    for slot in range(state.meta[SLOTS]):
        volume = state.slots[slot]
        count = rows_of(volume.shape)
        for i in range(count):
            for axis in range(3):
                pool[row + i, axis] = state.pool[volume.row + i, axis]
        volume.row = row
        row += count
    state.meta[ROWS], state.meta[DEAD_ROWS] = row, 0


# -- questions -----------------------------------------------------------------------------------

@compiled
def _read_ahead(state, scratch, volume, group, groups, count, vertical_m, time_ns):
    """Of the candidates, keep those that time, altitude and group leave; how many.

    What is read of each, here and in the next step, is asked for first, for all at once.
    """
    near, slots, pool, kept = scratch.near, state.slots, state.pool, 0
    for i in range(count):
        ask_ahead(slots, near[i] * _SLOT_BYTES)
    for i in range(count):
        slot = near[i]
        other = slots[slot]
        is_apart = (
            max(volume.start_ns, other.start_ns) - min(volume.end_ns, other.end_ns) >= time_ns
            or max(volume.lower_m, other.lower_m) - min(volume.upper_m, other.upper_m)
            >= vertical_m - TOUCH_M)
        if len(groups) and groups[slot] == group:
            is_apart = True
        if not is_apart:
            near[kept] = slot
            kept += 1
            ask_ahead(pool, other.row * _ROW_BYTES)
            ask_ahead(pool, (other.row + 3) * _ROW_BYTES)
    return kept


@released
def find_conflicts(state, scratch, looks, volumes, pool, groups, first, last, lateral_m, vertical_m,
                   time_ns, out):
    """Write pairs of serials that conflict to `out`, for volumes from `first` to before `last`.

    The serial of the volume that asks stands first, of two slots the lower one. Returns (how far
    it came, pairs written, candidates): it ends before a volume for which `out` or `scratch.near`
    has no room; in the second case so many candidates want some. `looks` has one row, as `gather`
    takes it; or a row for each grid, and then the volumes are the slots themselves, and each pair
    is asked once. With `groups`, pairs of one group are left out.
    """
    state, scratch, looks = lent_state(state), places_in(scratch), lent(looks)
    volumes, pool, groups = lent(volumes), lent(pool), lent(groups)
    out, floats = lent(out), lent(state.words.view(np.float32))
    near, planes, written = scratch.near, scratch.planes, 0
    used = list_grids(state.grids, scratch.grids)
    for k in range(first, last):
        volume = volumes[k]
        row, shape = volume.row, volume.shape
        ball, _ = bound(pool, row, shape)
        own, own_key, look, group = -1, -1, looks[0], 0
        if len(looks) > 1:
            grid = grid_of(ball[3], duration(volume.start_ns, volume.end_ns))
            own, look = k, looks[grid]
            own_key = key_of(grid, ball[0], ball[1], ball[2], volume.start_ns)
        if len(groups):
            group = groups[k]
        count = gather(state, scratch, used, floats, look, ball, lateral_m,
                       volume.start_ns - time_ns, volume.end_ns + time_ns,
                       volume.lower_m - vertical_m, volume.upper_m + vertical_m, own, own_key)
        if count > len(near):
            return k, written, count
        count = _read_ahead(state, scratch, volume, group, groups, count, vertical_m, time_ns)
        edge2, before = planes_of(pool, row, shape, planes), written
        for i in range(count):
            other = state.slots[near[i]]
            answer = screen(pool, row, shape, planes, edge2, state.pool, other.row, other.shape,
                            scratch.other_planes, lateral_m, scratch.flat)
            if answer == CONFLICT or (answer == UNSURE and is_conflict(
                    pool, row, shape, state.pool, other.row, other.shape, lateral_m)):
                if written == len(out):
                    return k, before, 0
                one, two = volume.serial, other.serial
                if own >= 0:
                    one, two = min(one, two), max(one, two)
                out[written, 0], out[written, 1] = one, two
                written += 1
    return last, written, 0
