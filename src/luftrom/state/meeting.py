"""Who meets whom: the volumes of all records, those of notices apart, and how two of them meet.

Notices are never compared with notices: nothing rests on it, and a party may give many that meet.
What was over long before the later of two was signed plays no part between them, and is dropped
once every log has come so far: see docs/decisions/over.md. What is compared may be compared in
pieces, between which others enter and leave: see docs/decisions/work-budgets.md.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field

from luftrom.airspace.over import not_over, over_until_ns
from luftrom.errors import Unverified
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.encounter import (
    Encounter,
    encounter,
    weigh_encounter,
    work_of_encounter,
)
from luftrom.geometry.index.asking import Question
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Separation, Volume4D
from luftrom.state.record import ACCEPTED, Record
from luftrom.state.work import NOTING_WORK

_ENCOUNTERS_KEPT = 65_536                  # of more, the one computed first is computed again


@dataclass(slots=True)
class Entry:
    """Volumes that are held, and on their way to being compared with all that were held before.

    Whatever is entered meanwhile finds them, and notes itself in `found`. `asked` are questions
    that have no whole answer yet; `key` stands for the volumes in their index, while `is_held`.
    """

    key: int
    is_constraint: bool
    volumes: tuple[Volume4D, ...]
    as_of_s: int
    asked: list[tuple[VolumeIndex, Question]] = field(default_factory=list)
    found: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)       # found, but over for one of the two
    looked: set[int] = field(default_factory=set)      # found, and looked at for what is over
    is_held: bool = False


class Meetings:
    """Records by the volumes that they ask for. The parts of `Record.met` are kept here."""

    def __init__(self, separation: Separation):
        self.separation = separation
        self._intents, self._notices = VolumeIndex(separation), VolumeIndex(separation)
        self._records: dict[int, Record] = {}          # by key: those with volumes in an index
        self._keys: dict[int, int] = {}                # serial of such a record -> its key
        self._ends_ns: dict[int, int] = {}             # key -> the end of the first that is over
        self._entries: dict[tuple[str, int], Entry] = {}   # by the leaf that they are of
        self._entering: dict[int, Entry] = {}          # the same by key, while they are held
        self._next_key = 0
        self._encounters: OrderedDict[tuple[int, int], tuple[Encounter, float]] = (
            OrderedDict())

    @property
    def volumes(self) -> int:
        """How many volumes are held."""
        return self._intents.volumes + self._notices.volumes

    # -- entering ----------------------------------------------------------------------------

    def prepare(self, leaf: tuple[str, int], volumes: tuple[Volume4D, ...], as_of_s: int,
                is_constraint: bool, units: float) -> tuple[float, bool]:
        """Compare the volumes of a leaf that is to be entered, for so many units of work.

        Returns the work that was done, and whether nothing is left to do. At least one pair of
        volumes is compared, so the work may be more. A leaf that is never entered is forgotten
        with `forget`.
        """
        entry = self._entry(leaf, volumes, as_of_s, is_constraint)
        spent = 0.0
        while entry.asked and spent < units:
            index, question = entry.asked[0]
            before = question.spent
            index.ask(question, units - spent)
            spent += question.spent - before
            entry.found |= question.found
            question.found.clear()
            if not question.is_answered:
                break
            entry.asked.pop(0)
        if not entry.asked:
            spent += self._look(entry, units - spent)
        return spent, not entry.asked and entry.found <= entry.looked

    def forget(self, leaf: tuple[str, int]) -> None:
        """What was prepared of a leaf will not be entered as it is."""
        entry = self._entries.pop(leaf, None)
        if entry is not None and entry.is_held:
            del self._entering[entry.key]
            self._index_of(entry).remove(entry.key)

    def enter(self, record: Record) -> None:
        """Take the record's volumes in, and note on both sides whom they meet."""
        leaf = record.party, record.index
        if not record.volumes:
            self.forget(leaf)
            return
        self.prepare(leaf, record.volumes, record.as_of_s, record.is_constraint, math.inf)
        entry = self._entries.pop(leaf)
        for key in entry.found - entry.apart:
            other = self._records.get(key)
            if other is not None:
                record.met.add(other)
                other.met.add(record)
            elif key in self._entering:
                self._entering[key].found.add(entry.key)   # it notes both when it is entered
        if entry.is_held:
            del self._entering[entry.key]
            self._records[entry.key] = record
            self._keys[record.serial] = entry.key
            self._ends_ns[entry.key] = _first_end_ns(entry.volumes)

    def _entry(self, leaf: tuple[str, int], volumes: tuple[Volume4D, ...], as_of_s: int,
               is_constraint: bool) -> Entry:
        """The volumes of a leaf on their way in; from now on whatever enters finds them."""
        volumes = self._not_over(volumes, as_of_s)
        entry = self._entries.get(leaf)
        if entry is not None and (entry.volumes, entry.as_of_s) == (volumes, as_of_s):
            return entry
        # Of each log one leaf is the next: what was prepared of another will not be.
        for other in [held for held in self._entries if held[0] == leaf[0]]:
            self.forget(other)
        entry = self._entries[leaf] = Entry(self._next_key, is_constraint, volumes, as_of_s)
        self._next_key += 1
        if volumes:
            asked = [self._intents] if is_constraint else [self._intents, self._notices]
            entry.asked = [(index, Question.of(volumes, entry.key)) for index in asked]
            self._index_of(entry).insert(entry.key, volumes)
            self._entering[entry.key] = entry
            entry.is_held = True
        return entry

    def _look(self, entry: Entry, units: float) -> float:
        """Find out of those that were found whom it meets without what is over for the two."""
        spent, first_end_ns = 0.0, _first_end_ns(entry.volumes)
        for key in sorted(entry.found - entry.looked):
            if spent > 0.0 and spent + NOTING_WORK > units:
                break
            spent += NOTING_WORK
            entry.looked.add(key)
            other = self._records.get(key)
            # Else it is gone, or entering: then it looks when it is entered.
            if other and self._is_partly_over(first_end_ns, entry.as_of_s, other):
                spent += work_of_encounter(entry.volumes, other.volumes)
                if not self._do_meet(entry.volumes, entry.as_of_s, other):
                    entry.apart.add(key)
        return spent

    def _index_of(self, entry: Entry) -> VolumeIndex:
        return self._notices if entry.is_constraint else self._intents

    # -- leaving -----------------------------------------------------------------------------

    def leave(self, record: Record) -> None:
        """Let go of the record's volumes: nothing depends on them any more."""
        key = self._keys.pop(record.serial, None)
        if key is not None:
            del self._records[key], self._ends_ns[key]
            (self._notices if record.is_constraint else self._intents).remove(key)
        for other in record.met:
            other.met.remove(record)
        record.met.clear()

    def expire(self, before_ns: int) -> None:
        """Let go of all volumes that ended by then."""
        for key in (*self._intents.expire(before_ns), *self._notices.expire(before_ns)):
            if key in self._entering:
                self._entering.pop(key).is_held = False
            else:
                del self._keys[self._records.pop(key).serial], self._ends_ns[key]

    # -- questions ---------------------------------------------------------------------------

    def meeting(self, volumes: tuple[Volume4D, ...], as_of_s: int, allowance: Allowance
                ) -> list[Record]:
        """Those that a declaration with these volumes meets, made as of that time.

        Raises TooMuchWork where that takes more than is allowed.
        """
        volumes = self._not_over(volumes, as_of_s)
        if not volumes:
            return []
        found: set[int] = set()
        for index in (self._intents, self._notices):
            question = Question.of(volumes)
            index.ask(question, allowance.left)
            found |= _answer(question, allowance)
        others, first_end_ns = [], _first_end_ns(volumes)
        for other in self._known(found):
            if self._is_partly_over(first_end_ns, as_of_s, other):
                allowance.take(work_of_encounter(volumes, other.volumes))
                if not self._do_meet(volumes, as_of_s, other):
                    continue
            others.append(other)
        return others

    def overlapping(self, area: Volume4D, allowance: Allowance) -> list[Record]:
        """Those whose volumes, not widened, overlap an area of interest; TooMuchWork as above."""
        found: set[int] = set()
        for index in (self._intents, self._notices):
            question = Question.of((area,))
            index.ask_overlap(question, allowance.left)
            found |= _answer(question, allowance)
        return self._known(found)

    def _known(self, keys: set[int]) -> list[Record]:
        """The records of keys that are entered, in the order in which they were."""
        return sorted((self._records[key] for key in keys if key in self._records),
                      key=lambda record: record.serial)

    def _is_partly_over(self, first_end_ns: int, as_of_s: int, other: Record) -> bool:
        """Is any volume over for the two of them, of those that end so early or of the other's?"""
        until_ns = over_until_ns(max(as_of_s, other.as_of_s), self.separation)
        return min(first_end_ns, self._ends_ns[self._keys[other.serial]]) <= until_ns

    def _do_meet(self, volumes: tuple[Volume4D, ...], as_of_s: int, other: Record) -> bool:
        """Do they still meet without what is over for the two of them?"""
        later_s = max(as_of_s, other.as_of_s)
        ours, theirs = (self._not_over(vs, later_s) for vs in (volumes, other.volumes))
        return bool(ours and theirs) and encounter(ours, theirs, self.separation) is not None

    def _not_over(self, volumes: tuple[Volume4D, ...], as_of_s: int) -> tuple[Volume4D, ...]:
        return not_over(volumes, over_until_ns(as_of_s, self.separation))

    # -- two of them -------------------------------------------------------------------------

    def encounter(self, one: Record, other: Record) -> tuple[Encounter, float]:
        """How two records that conflict meet, and what it takes to say so, in units of work.

        Both are the same whichever is named first, and whether the answer was kept or not.
        """
        key = _pair(one, other)
        known = self._encounters.get(key)
        if known is not None:
            return known
        later_s = max(one.as_of_s, other.as_of_s)
        ours, theirs = (self._not_over(r.volumes, later_s) for r in (one, other))
        met, work = weigh_encounter(ours, theirs, self.separation)
        if met is None:
            raise Unverified(f"{one.name} and {other.name} do not meet")
        if one.status == other.status == ACCEPTED:
            if len(self._encounters) >= _ENCOUNTERS_KEPT:
                self._encounters.popitem(last=False)
            self._encounters[key] = met, work
        return met, work

    def forget_encounter(self, one: Record, other: Record) -> None:
        """One of the two stands no more."""
        self._encounters.pop(_pair(one, other), None)


def _answer(question: Question, allowance: Allowance) -> set[int]:
    """What a question found, if it is answered within what is allowed. Raises TooMuchWork."""
    allowance.take(question.spent if question.is_answered else math.inf)
    return question.found


def _first_end_ns(volumes: tuple[Volume4D, ...]) -> int:
    return min((volume.time_end_ns for volume in volumes), default=0)


def _pair(one: Record, other: Record) -> tuple[int, int]:
    return (one.serial, other.serial) if one.serial < other.serial else (other.serial, one.serial)
