"""Compiled: whom do volumes meet, asked in pieces of so much work, counted before it is done.

In go an index and a `Question`; out come the serials that were found so far. A question may rest
between any two pairs while the index changes: candidates are taken in the order of their slots, so
that it goes on behind the last one. What is inserted meanwhile may be met or not: whoever inserts
asks as well, and finds what rests if that was inserted before it asked (`state.meeting`).

Work is counted in units of about 10 ns, by what is computed and by no clock, so that two runs rest
at the same places. The count is within a factor of three of the time: `bench/worst_message.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from luftrom.geometry.bounds import GRIDS, bound
from luftrom.geometry.boxes import sort
from luftrom.geometry.compiling import compiled, lent, released
from luftrom.geometry.edges import TOUCH_M
from luftrom.geometry.index.grid import ALL, Scratch, gather, list_grids
from luftrom.geometry.index.slots import VOLUMES, State, lent_state, places_in
from luftrom.geometry.packing import Packed, pack
from luftrom.geometry.screen import (
    CONFLICT,
    UNSURE,
    planes_of,
    screen,
    weigh_conflict,
    work_of,
    work_of_screen,
)
from luftrom.geometry.volume import Volume4D

# Units of work for each volume that asks, for each that is held, and for each candidate.
ASKING_WORK, HELD_WORK, NEAR_WORK = 100.0, 0.06, 5.0
_FOUND = 1_024                             # serials that are written down at once
_NEAR = 1_024
_EVERYWHERE = np.full((1, GRIDS), ALL, np.int8)


@dataclass(slots=True)
class Question:
    """Volumes that ask, how far they came, and what they found: serials of whom they meet.

    `volume` is the next that asks, `after` the last slot that it was compared with. `own` is a
    serial that is not looked at. `spent` is the work so far, in units.
    """

    packed: Packed
    own: int = -1
    volume: int = 0
    after: int = -1
    moves: int = 0                         # of slots, in the index, when it rested
    spent: float = 0.0
    found: set[int] = field(default_factory=set)

    @staticmethod
    def of(volumes: Sequence[Volume4D], own: int = -1) -> Question:
        """The question of at least one volume."""
        return Question(pack(volumes), own)

    @property
    def is_answered(self) -> bool:
        """Has every volume been compared with all that is held?"""
        return self.volume == len(self.packed.volumes)


def go_on(state: State, question: Question, minima: tuple[float, float], time_ns: int,
          units: float) -> None:
    """Ask on, until it is answered or the next pair would take the work beyond `units`.

    At least one pair is looked at, however much work that is.
    """
    scratch, out = Scratch.of(_NEAR), np.empty(_FOUND, np.int64)
    end = float(question.spent + units)
    is_first = True
    while is_first or (not question.is_answered and question.spent < end):
        volume, after, written, spent, near = ask_on(
            state, scratch, _EVERYWHERE, *question.packed, question.own, question.volume,
            question.after, *minima, time_ns, question.spent, end, is_first, out)
        question.found.update(out[:written].tolist())
        is_first = near > 0 and is_first and (volume, after) == (question.volume, question.after)
        question.volume, question.after, question.spent = volume, after, spent
        if near:
            scratch = Scratch.of(2 * near)
        elif written < len(out):
            return                         # the work is done, or the next pair is too much of it


@compiled
def _may_meet(volume, other, vertical_m, time_ns, own):
    """Do time and altitude leave it open whether two volumes of different sets conflict?"""
    return (other.serial != own
            and max(volume.start_ns, other.start_ns) - min(volume.end_ns, other.end_ns) < time_ns
            and max(volume.lower_m, other.lower_m) - min(volume.upper_m, other.upper_m)
            < vertical_m - TOUCH_M)


@released
def ask_on(state, scratch, looks, volumes, pool, own, first, after, lateral_m, vertical_m, time_ns,
           spent, end, is_first, out):
    """Write the serials that conflict with volumes from `first` on to `out`; see `Question`.

    Returns (the volume it came to, the slot behind which that goes on, serials written, work spent,
    candidates if `scratch.near` has no room for so many).
    """
    state, scratch, looks = lent_state(state), places_in(scratch), lent(looks)
    volumes, pool, out = lent(volumes), lent(pool), lent(out)
    floats, near, planes = lent(state.words.view(np.float32)), scratch.near, scratch.planes
    used, written, half = list_grids(state.grids, scratch.grids), 0, (end - spent) * 0.5
    for k in range(first, len(volumes)):
        volume = volumes[k]
        row, shape = volume.row, volume.shape
        ball, _ = bound(pool, row, shape)
        if not is_first and spent >= end:
            return k, after, written, spent, 0
        count = gather(state, scratch, used, floats, looks[0], ball, lateral_m,
                       volume.start_ns - time_ns, volume.end_ns + time_ns,
                       volume.lower_m - vertical_m, volume.upper_m + vertical_m, -1, -1)
        if count > len(near):
            return k, after, written, spent, count
        spent += ASKING_WORK + HELD_WORK * state.meta[VOLUMES] + NEAR_WORK * count
        if k == first:
            end = max(end, spent + half)   # the candidates alone may be more: it goes on anyhow
        sort(near, count, len(state.slots))
        edge2 = planes_of(pool, row, shape, planes)
        for i in range(count):
            other = state.slots[near[i]]
            if near[i] <= after or not _may_meet(volume, other, vertical_m, time_ns, own):
                continue
            work = work_of_screen(shape, other.shape)
            if written == len(out) or (spent + work > end and not is_first):
                return k, after, written, spent, 0
            answer = screen(pool, row, shape, planes, edge2, state.pool, other.row, other.shape,
                            scratch.other_planes, lateral_m, scratch.flat)
            spent += work
            meets = answer == CONFLICT
            if answer == UNSURE:
                work = work_of(shape, other.shape)
                if spent + work > end and not is_first:
                    return k, after, written, spent, 0
                meets, more = weigh_conflict(pool, row, shape, state.pool, other.row, other.shape,
                                             lateral_m)
                spent += work + more
            is_first, after = False, np.int64(near[i])
            if meets:
                out[written] = other.serial
                written += 1
        after = -1
        is_first = False
    return len(volumes), -1, written, spent, 0
