"""Compiled index: many volumes at once, laid out side by side, and answers put in order.

In go packed volumes; out comes a `slots.State` that holds them, made on all cores: bounds and keys
first, then cells in the order of their keys, then the slots of each. Neighbours in space and time
are neighbours in memory, which is what makes batches fast.
"""

from __future__ import annotations

import numpy as np

from luftrom.geometry.bounds import GRIDS, bound, duration, grid_of, key_of, rows_of
from luftrom.geometry.compiling import compiled, lent, released
from luftrom.geometry.index.grid import (
    ENTRIES,
    KEY,
    LANES,
    WHERE,
    WORDS,
    find_cell,
    where_of,
    write_entry,
)
from luftrom.geometry.index.slots import (
    ARENA,
    CELL_COUNT,
    ROWS,
    SLOTS,
    VOLUMES,
    State,
    count_in,
    free_table,
    join_set,
    lent_state,
    table_size,
)
from luftrom.geometry.packing import VOLUME, Packed, in_parts


def load(packed: Packed) -> tuple[State, np.ndarray]:
    """A state of many volumes, made on all cores, and in which order they stand; without sets.

    Slots stand in the order of their cells, so that neighbours share lines of the cache.
    """
    order, balls, grids, keys = _placed(packed)
    cells, room = room_for(keys, order)
    count, rows = len(order), packed.volumes["shape"][order] >> 2
    state = State.empty(0)._replace(
        slots=np.empty(count, VOLUME), pool=np.empty((int(rows.sum()), 3)),
        # Zeros, so that a snapshot says nothing of what stood in this memory before.
        words=np.zeros(room * WORDS + LANES, np.int32), grids=grids,
        table=free_table(table_size(cells)), sets=np.full(table_size(count), -1, np.int32))
    places = lay_out(state, keys, order)
    state.meta[SLOTS] = state.meta[VOLUMES] = count
    state.meta[ARENA], state.meta[ROWS] = room, len(state.pool)
    firsts = np.cumsum(rows) - rows
    in_parts(count, lambda first, last: fill_part(state, order, places, firsts, *packed, balls,
                                                  first, last))
    return state, order


def sorted_by_cell(packed: Packed) -> Packed:
    """The same volumes in the order of their cells."""
    return Packed(packed.volumes[_placed(packed)[0]], packed.pool)


def _placed(packed: Packed) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The order of the keys; of each volume its bounds; what the grids hold; and the keys."""
    count = len(packed.volumes)
    balls, keys = np.empty((count, 8), np.float32), np.empty(count, np.int64)
    parts = in_parts(count, lambda first, last: bound_part(*packed, first, last, balls, keys))
    grids = np.max(parts, axis=0)
    grids[:, ENTRIES] = np.sum(parts, axis=0)[:, ENTRIES]
    return np.argsort(keys), balls, grids, keys


_FEW = 64                                  # up to here numbers are sorted by insertion


@compiled
def room_for(keys, order):
    """How many cells there are, and how many entries their blocks have room for."""
    cells = room = slot = 0
    while slot < len(order):
        last = slot + 1
        while last < len(order) and keys[order[last]] == keys[order[slot]]:
            last += 1
        size = 1
        while size < last - slot:
            size *= 2
        cells, room, slot = cells + 1, room + size, last
    return cells, room


@released
def bound_part(volumes, pool, first, last, balls, keys):
    """Bounds and keys of the volumes from `first` to before `last`; what grids hold of them."""
    pool, grids = lent(pool), np.zeros((GRIDS, 3), np.int64)
    for k in range(first, last):
        volume = volumes[k]
        ball, _ = bound(pool, volume.row, volume.shape)
        for i in range(8):
            balls[k, i] = ball[i]
        span_ns = duration(volume.start_ns, volume.end_ns)
        grid = grid_of(ball[3], span_ns)
        keys[k] = key_of(grid, ball[0], ball[1], ball[2], volume.start_ns)
        count_in(grids, grid, ball[3], span_ns)
    return grids


@compiled
def lay_out(state, keys, order):
    """Make the cells of an empty state, a block for each; slots stand in the order of keys.

    Returns of each slot the first entry of its block, the place within it and the size class.
    """
    table, places = state.table, np.empty((len(order), 3), np.int32)
    slot = offset = 0
    while slot < len(order):
        key, last = keys[order[slot]], slot + 1
        while last < len(order) and keys[order[last]] == key:
            last += 1
        size_class = 0
        while 1 << size_class < last - slot:
            size_class += 1
        cell = -1 - find_cell(table, key)
        table[cell, KEY], table[cell, WHERE] = key, where_of(offset, size_class, last - slot)
        state.meta[CELL_COUNT] += 1
        for k in range(slot, last):
            places[k, 0], places[k, 1], places[k, 2] = offset, k - slot, size_class
        slot, offset = last, offset + (1 << size_class)
    return places


@released
def fill_part(state, order, places, rows, volumes, pool, balls, first, last):
    """Fill in the slots, outlines and entries from `first` to before `last`."""
    state, pool, balls, volumes = lent_state(state), lent(pool), lent(balls), lent(volumes)
    floats, words, places = lent(state.words.view(np.float32)), state.words, lent(places)
    for slot in range(first, last):
        k, row = order[slot], rows[slot]
        volume = volumes[k]
        start = volume.row
        for i in range(rows_of(volume.shape)):
            for axis in range(3):
                state.pool[row + i, axis] = pool[start + i, axis]
        offset, size_class = places[slot, 0], places[slot, 2]
        at = offset + places[slot, 1]
        state.slots[slot] = volume
        state.slots[slot].row, state.slots[slot].at, state.slots[slot].next = row, at, -1
        write_entry(words, floats, offset, size_class, at, balls[k], volume, slot)


@compiled
def link_sets(state):
    """Make the sets of a state that was laid out: each serial's slots become a chain."""
    for slot in range(state.meta[SLOTS]):
        join_set(state, slot)


def copied(state: State) -> State:
    """The same volumes in arrays that have no more room than they take."""
    held = state.slots[:state.meta[SLOTS]]
    held = held[held["shape"] > 0]
    if not len(held):
        return State.empty()
    smaller, _ = load(Packed(held, state.pool))
    link_sets(smaller)
    return smaller


def in_order(pairs: np.ndarray, count: int) -> np.ndarray:
    """Pairs (k, 2) int64 in ascending order; the first of each is 0 to before `count`."""
    starts, ordered = np.empty(count + 1, np.int64), np.empty_like(pairs)
    seconds = np.empty(len(pairs), np.int64)
    _order(pairs[:, 0], pairs[:, 1], count, starts, seconds)
    ordered[:, 0] = np.repeat(np.arange(count), np.diff(starts))
    ordered[:, 1] = seconds
    return ordered


@released
def _order(firsts, seconds, count, starts, out):
    """Pairs (first, second) in ascending order: of those of one first, `starts` (count + 1,) says
    where they stand in `out` (k,), which holds the seconds. Counted, not compared, so it is fast.
    """
    starts[:] = 0
    for k in range(len(firsts)):
        starts[firsts[k] + 1] += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    for k in range(len(firsts)):
        out[starts[firsts[k]]] = seconds[k]
        starts[firsts[k]] += 1
    for k in range(count, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0
    for k in range(count):
        for i in range(starts[k] + 1, starts[k + 1]):
            held, j = out[i], i
            if held >= out[j - 1]:
                continue
            if starts[k + 1] - starts[k] > _FEW:
                out[starts[k]:starts[k + 1]].sort()
                break
            while j > starts[k] and out[j - 1] > held:
                out[j] = out[j - 1]
                j -= 1
            out[j] = held
