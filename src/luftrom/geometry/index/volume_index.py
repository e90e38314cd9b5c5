"""Whom does a volume meet? Candidates by cell and time, then the exact answer; and how two meet.

In go 4D volumes and separation minima; out come serials of those that conflict, or an `Encounter`.
Two volumes conflict (F3548-21, 'strategic conflict', widened by the agreement's minima) if their
times, altitude bands and outlines each come nearer than the minimum; where a minimum is 0 they must
share more than a boundary. Times are half-open. `kernels` answers exactly and `definition` says
what is right; `grid` finds candidates, `screen` says at once what is beyond doubt, `slots` holds
the volumes. Here stand the index as others see it, and what is shown of an encounter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from luftrom.geometry.bounds import GRIDS
from luftrom.geometry.columns import Columns
from luftrom.geometry.encounter import minima_of, time_ns_of
from luftrom.geometry.index import bulk, slots
from luftrom.geometry.index.asking import Question, go_on
from luftrom.geometry.index.grid import ALL, LANES, WORDS, Scratch, move_cells
from luftrom.geometry.index.slots import State
from luftrom.geometry.index.snapshot import read_snapshot, write_snapshot
from luftrom.geometry.packing import Packed, in_parts, pack, pack_columns
from luftrom.geometry.volume import Separation, Volume4D

_GROWTH = 1.25                             # of arrays that are full; what is free counts as memory
_PAIRS, _NEAR = 256, 1_024                 # room for the pairs and candidates, at first
_ENTRIES_MAX = 4                           # of the arena for each volume; more lie in blocks unused
_SLOTS_MIN = 1_024                         # an index this small is not made smaller
_EVERYWHERE = np.full((1, GRIDS), ALL, np.int8)
_NO_MINIMA, _NO_GROUPS = (0.0, 0.0), np.zeros(0, np.int64)


class VolumeIndex:
    """Which of many sets of volumes conflict with these? Not thread-safe.

    A set is known by its serial, a number of 0 to 2^63 - 1. Memory grows with the number of volumes
    and of their corners alone (`nbytes`), and is given back as they are removed or are over.
    """

    def __init__(self, separation: Separation):
        self._minima = minima_of(separation)
        self._time_ns = time_ns_of(separation)
        self._state = State.empty()
        self._scratch = Scratch.of(_NEAR)
        self._moves = 0                    # times that volumes came to other slots

    def __len__(self) -> int:
        """How many serials are held."""
        return int(self._state.meta[slots.SETS])

    @property
    def volumes(self) -> int:
        """How many volumes are held."""
        return int(self._state.meta[slots.VOLUMES])

    @property
    def nbytes(self) -> int:
        """The size of all that is held, in bytes."""
        return sum(array.nbytes for array in self._state)

    # -- changes -----------------------------------------------------------------------------

    def insert(self, serial: int, volumes: Sequence[Volume4D]) -> None:
        """Hold a set of at least one volume under a serial; ValueError if that is in use."""
        self._insert(pack(volumes, serial))

    def insert_columns(self, serials: np.ndarray, columns: Columns) -> None:
        """Hold many volumes, each under its serial (n,); ValueError if one is in use already.

        Volumes with the same serial are one set.
        """
        if np.shape(serials) != (len(columns),):
            raise ValueError(f"{np.shape(serials)} serials for {len(columns)} volumes")
        if not len(columns):
            return
        packed = pack_columns(columns, np.ascontiguousarray(serials, np.int64))
        if len(self):
            self._insert(packed)
            return
        _check_serials(self._state, packed)
        self._state, _ = bulk.load(packed)
        bulk.link_sets(self._state)

    def _insert(self, packed: Packed) -> None:
        _check_serials(self._state, packed)
        done = 0
        while True:
            done, lack = slots.insert_all(self._state, *packed, done)
            if lack == slots.NOTHING:
                return
            self._state = _grown(self._state, lack, int(packed.volumes["shape"][done]) >> 2)

    def replace(self, serial: int, volumes: Sequence[Volume4D]) -> None:
        """Hold other volumes under a serial; KeyError if it is not in use, and nothing changes."""
        packed = pack(volumes, serial)
        self.remove(serial)
        self._insert(packed)

    def remove(self, serial: int) -> None:
        """Let go of a set; KeyError if the serial is not in use."""
        if serial < 0 or not slots.remove_set(self._state, serial):
            raise KeyError(serial)
        self._give_back()

    def expire(self, before_ns: int) -> list[int]:
        """Let go of all volumes that ended at or before a time, and say which sets are gone.

        Takes a few nanoseconds for each volume held, and less than a microsecond for each that
        goes.
        """
        gone = np.empty(len(self), np.int64)
        count = slots.remove_over(self._state, before_ns, gone)
        self._give_back()
        return gone[:count].tolist()

    def _give_back(self) -> None:
        """Close gaps and make smaller what is mostly free; paid by as many removals."""
        meta = self._state.meta
        held, dead = int(meta[slots.VOLUMES]), int(meta[slots.DEAD_ROWS])
        if ((held < len(self._state.slots) // 4 and len(self._state.slots) > _SLOTS_MIN)
                or meta[slots.ARENA] > held * _ENTRIES_MAX + _SLOTS_MIN):
            self._state = bulk.copied(self._state)
            self._moves += 1
        elif dead > int(meta[slots.ROWS]) // 2 + _SLOTS_MIN:
            pool = np.zeros((int((meta[slots.ROWS] - dead) * _GROWTH) + _SLOTS_MIN, 3))
            slots.close_gaps(self._state, pool)
            self._state = self._state._replace(pool=pool)

    # -- snapshots ---------------------------------------------------------------------------

    def save(self, path: Path, tied: str) -> None:
        """Write what is held to a file, for `load`; `tied` says what it was computed from.

        The file is replaced whole: a crash leaves the old one or the new one. Raises LuftromError
        if it cannot be written, TooLarge if `tied` is beyond tens of thousands of characters.
        """
        write_snapshot(path, tied, _trimmed(self._state)._asdict())

    @classmethod
    def load(cls, path: Path, separation: Separation, tied: str) -> VolumeIndex:
        """The index of a file that was saved with the same `tied`; the minima may be others.

        Changes do not touch the file, which must not be written into meanwhile, only replaced.
        The first insertion makes room and so copies the arrays. Raises NotFound, or BadInput if
        the file is tied to something else, of another version or damaged (`read_snapshot`).
        """
        index = cls(separation)
        index._state = State(**read_snapshot(path, tied, index._state._asdict()))
        return index

    # -- questions ---------------------------------------------------------------------------

    def query(self, volumes: Sequence[Volume4D]) -> list[int]:
        """The serials, in order, of which at least one volume conflicts with one of these."""
        return self._query(pack(volumes), self._minima, self._time_ns)

    def query_overlap(self, volumes: Sequence[Volume4D]) -> list[int]:
        """The same without minima: those that overlap an area, a band and a time."""
        return self._query(pack(volumes), _NO_MINIMA, 0)

    def ask(self, question: Question, units: float) -> None:
        """The same as `query` in pieces: ask on until the next pair goes beyond `units` of work.

        Between two pieces volumes may be inserted and removed. Of the volumes that are inserted
        meanwhile it may find some.
        """
        self._go_on(question, units, self._minima, self._time_ns)

    def ask_overlap(self, question: Question, units: float) -> None:
        """The same without minima."""
        self._go_on(question, units, _NO_MINIMA, 0)

    def _go_on(self, question: Question, units: float, minima: tuple[float, float],
               time_ns: int) -> None:
        if question.moves != self._moves:
            question.moves, question.after = self._moves, -1
        go_on(self._state, question, minima, time_ns, units)

    def query_columns(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Which sets does each of many volumes conflict with? On all cores.

        Two arrays of int64: places in the columns, and serials, as pairs in ascending order.
        """
        if not len(columns):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        packed = pack_columns(columns, np.arange(len(columns)))
        # Neighbours one after the other find their cells in the cache.
        packed = bulk.sorted_by_cell(packed)
        pairs = np.concatenate(in_parts(len(columns), lambda first, last: find_pairs(
            self._state, packed, first, last, self._minima, self._time_ns)))
        pairs = bulk.in_order(pairs, len(columns))
        kept = np.ones(len(pairs), np.bool_)
        kept[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
        return pairs[kept, 0], pairs[kept, 1]

    def _query(self, packed: Packed, minima: tuple[float, float], time_ns: int) -> list[int]:
        pairs = find_pairs(self._state, packed, 0, len(packed.volumes), minima, time_ns,
                           scratch=self._scratch)
        return sorted(set(pairs[:, 1].tolist()))


def find_pairs(state: State, packed: Packed, first: int, last: int, minima: tuple[float, float],
               time_ns: int, looks: np.ndarray = _EVERYWHERE, groups: np.ndarray = _NO_GROUPS,
               scratch: Scratch | None = None) -> np.ndarray:
    """The pairs of serials (k, 2) int64 that conflict; see `slots.find_conflicts`."""
    scratch = scratch or Scratch.of(_NEAR)
    out = np.empty((max(_PAIRS, last - first), 2), np.int64)
    parts = []
    while True:
        first, written, near = slots.find_conflicts(state, scratch, looks, *packed, groups, first,
                                                    last, *minima, time_ns, out)
        parts.append(out[:written])
        if first == last:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        if near:
            scratch = Scratch.of(2 * near)
        # What was written is still in the old one.
        out = np.empty((len(out) if near else 2 * len(out), 2), np.int64)


def _check_serials(state: State, packed: Packed) -> None:
    if packed.volumes["serial"].min() < 0:
        raise ValueError("a serial is at least 0")
    held = slots.first_held(state, packed.volumes)
    if held >= 0:
        raise ValueError(f"serial {held} is in use")


def _grown(state: State, lack: int, rows: int) -> State:
    """The same state with more room of one kind."""
    if lack == slots.LACKS_CELLS:
        table = slots.free_table(2 * len(state.table))
        move_cells(state.table, table)
        return state._replace(table=table)
    if lack == slots.LACKS_SETS:
        sets = np.full(2 * len(state.sets), -1, np.int32)
        slots.move_sets(state, sets)
        return state._replace(sets=sets)
    name = {slots.LACKS_SLOTS: "slots", slots.LACKS_ROWS: "pool", slots.LACKS_ARENA: "words"}[lack]
    return state._replace(**{name: _longer(getattr(state, name), rows + 1)})


def _longer(array: np.ndarray, more: int) -> np.ndarray:
    """The same rows with free ones behind them."""
    longer = np.zeros((int(len(array) * _GROWTH) + more, *array.shape[1:]), array.dtype)
    longer[:len(array)] = array
    return longer


def _trimmed(state: State) -> State:
    """The same state without room for more; what is read beyond the last entry stays."""
    meta = state.meta
    return state._replace(slots=state.slots[:meta[slots.SLOTS]],
                          pool=state.pool[:meta[slots.ROWS]],
                          words=state.words[:meta[slots.ARENA] * WORDS + LANES])
