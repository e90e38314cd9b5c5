"""Bounds: which term of the agreement a declaration or a notice breaks, if any.

A function of its author's own log up to the statement and of nothing else: the content, the times
that the log names, and what the party has declared, withdrawn and been refused before. No clock is
read, and no other party's log, so everybody computes the same; see docs/decisions/terms.md. Of each
party an account is kept, so that a statement costs what it says and not what was said before.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import takewhile

from luftrom.agreement.terms import Agreement
from luftrom.airspace.breach import TERM_ALTITUDE, TERM_AREA, TERM_PENDING, TERM_PRIORITY, Breach
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.clock import NS_PER_S
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.measure import CLASS_MIN, extent_m, size_class
from luftrom.geometry.volume import Separation, Volume4D
from luftrom.state.record import PENDING, Record

_DUE_SPARE = 64                            # places of a heap that may stand in vain
_UNITS_PER_KM3_H = 1 << -CLASS_MIN         # held sizes are whole numbers of the smallest class


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a quota is used and what the agreement allows, by the term's name."""

    term: str
    used: float
    most: float


@dataclass(slots=True)
class _Hold:
    """What one declaration or notice holds, and until when; `since_s` is when it was signed."""

    units: int
    is_notice: bool
    since_s: int
    release_s: int


@dataclass(slots=True)
class _Account:
    """One party's: all that it holds, and how often each of its activities changed of late.

    `due` has the holds by their release; one that was moved to an earlier time stands there twice.
    """

    as_of_s: int = 0
    units: int = 0
    notices: int = 0
    holds: dict[int, _Hold] = field(default_factory=dict)          # by leaf
    due: list[tuple[int, int]] = field(default_factory=list)       # a heap of (release_s, leaf)
    times: dict[str, deque[int]] = field(default_factory=dict)     # entity -> when, oldest first
    recent: deque[tuple[int, str]] = field(default_factory=deque)  # the same of all, oldest first
    waiting: deque[Record] = field(default_factory=deque)          # declarations, oldest first

    def release(self, index: int) -> None:
        """Hold it no more. What stands in vain in the heap goes once it is the most of it."""
        hold = self.holds.pop(index)
        self.units -= hold.units
        self.notices -= hold.is_notice
        if len(self.due) > 2 * len(self.holds) + _DUE_SPARE:
            self.due = sorted((hold.release_s, index) for index, hold in self.holds.items())


class Border:
    """The area and the altitude band of an agreement: what is inside, wholly or in part."""

    def __init__(self, agreement: Agreement):
        self._lower_m = agreement.altitude_m_w84_lower
        self._upper_m = agreement.altitude_m_w84_upper
        self._area: VolumeIndex | None = None
        if agreement.area is not None:
            self._area = VolumeIndex(Separation(0.0, 0.0, 0.0))
            self._area.insert(0, [Volume4D(agreement.area, 0.0, 1.0, 0, 1)])

    def split(self, volumes: Sequence[Volume4D]) -> tuple[tuple[Volume4D, ...], Breach | None]:
        """The volumes that are inside; and, if none is, of which term they are outside."""
        banded = [v for v in volumes if v.altitude_m_w84_lower < self._upper_m
                  and v.altitude_m_w84_upper > self._lower_m]
        if not banded:
            return (), self._altitude(volumes)
        inside = tuple(v for v in banded if self._is_in_area(v))
        return inside, None if inside else Breach(TERM_AREA)

    def _altitude(self, volumes: Sequence[Volume4D]) -> Breach:
        """By how much the nearest of them is beside the band."""
        lowest = min(v.altitude_m_w84_lower for v in volumes)
        if lowest >= self._upper_m:
            return Breach(TERM_ALTITUDE, lowest, self._upper_m)
        return Breach(TERM_ALTITUDE, max(v.altitude_m_w84_upper for v in volumes
                                    if v.altitude_m_w84_upper <= self._lower_m), self._lower_m)

    def _is_in_area(self, volume: Volume4D) -> bool:
        if self._area is None:
            return True
        flat = replace(volume, altitude_m_w84_lower=0.0, altitude_m_w84_upper=1.0,
                       time_start_ns=0, time_end_ns=1)
        return bool(self._area.query_overlap([flat]))


class Bounds:
    """The accounts of all parties. Without an agreement nothing is bounded.

    Times are those of the party's own log, in seconds since 1970 (`Progress.as_of`): they never go
    back from leaf to leaf.
    """

    def __init__(self, agreement: Agreement | None):
        self._agreement = agreement
        self._border = Border(agreement) if agreement else None
        self._accounts: dict[str, _Account] = {}
        if agreement is not None:
            self._accounts = {party.name: _Account() for party in agreement.parties}

    # -- what breaks which term --------------------------------------------------------------

    def inside(self, volumes: tuple[Volume4D, ...]) -> tuple[Volume4D, ...]:
        """Those that count: what lies wholly outside area or altitude band does not."""
        return volumes if self._border is None else self._border.split(volumes)[0]

    def check(self, party: str, as_of_s: int, entity_id: str, content: Intent | Constraint
              ) -> Breach | None:
        """The term that the party's next statement breaks, which declares this; None if none.

        Changes nothing.
        """
        agreement, border = self._agreement, self._border
        if agreement is None or border is None:
            return None
        is_notice = isinstance(content, Constraint)
        if isinstance(content, Intent):
            priority = content.priority
            if priority is not None and not agreement.may_use(party, priority):
                usable = tuple(p for p in sorted(agreement.priority_levels)
                               if agreement.may_use(party, p))
                return Breach(TERM_PRIORITY, priority, usable)
        inside, breach = border.split(content.all_volumes)
        if breach is not None:
            return breach
        return self._of_one(inside, as_of_s, is_notice) or self._of_all(
            self._accounts[party], inside, as_of_s, entity_id, is_notice)

    def _of_one(self, inside: Sequence[Volume4D], as_of_s: int, is_notice: bool) -> Breach | None:
        """A bound of any single declaration or notice that this one exceeds."""
        starts, ends = [v.time_start_ns for v in inside], [v.time_end_ns for v in inside]
        horizon = "notice_horizon_s" if is_notice else "horizon_s"
        return (self._beyond("extent_m", extent_m(inside))
                or self._beyond("duration_s", (max(ends) - min(starts)) / NS_PER_S)
                or self._beyond(horizon, (max(starts) - as_of_s * NS_PER_S) / NS_PER_S))

    def _of_all(self, account: _Account, inside: Sequence[Volume4D], as_of_s: int, entity_id: str,
                is_notice: bool) -> Breach | None:
        """A bound of all that a party holds or changes, which this one would exceed."""
        gone = [account.holds[index] for index in _released(account, as_of_s)]
        units = account.units - sum(hold.units for hold in gone) + _units_of(inside)
        notices = account.notices - sum(hold.is_notice for hold in gone) + 1
        changes = 1 + self._changes(account, entity_id, as_of_s)
        return (self._beyond("held_km3_h", units / _UNITS_PER_KM3_H)
                or (self._beyond("notices", notices) if is_notice else None)
                or self._beyond("changes", changes))

    def _beyond(self, term: str, value: float) -> Breach | None:
        bound = getattr(self._agreement.bounds, term) if self._agreement else value
        return Breach(term, value, bound) if value > bound else None

    def _changes(self, account: _Account, entity_id: str, as_of_s: int) -> int:
        """How many versions of an activity were signed within the period before that time."""
        times = account.times.get(entity_id, ())
        past = takewhile(lambda time_s: self._until_s(time_s) <= as_of_s, times)
        return len(times) - sum(1 for _ in past)

    def deadline_s(self, as_of_s: int) -> float | None:
        """By when a declaration that was signed then must be ruled on, in the times of its log."""
        return None if self._agreement is None else as_of_s + self._agreement.bounds.pending_s

    # -- keeping the accounts ----------------------------------------------------------------

    def note(self, record: Record) -> None:
        """The party has signed this declaration or notice. What is outside the terms, or closed,
        holds nothing, but is a change like any other.
        """
        account = self._accounts.get(record.party)
        if account is None or self._agreement is None:
            return
        account.times.setdefault(record.entity_id, deque()).append(record.as_of_s)
        account.recent.append((record.as_of_s, record.entity_id))
        if record.breach is not None:
            return
        if not record.is_constraint:
            account.waiting.append(record)
        if not record.volumes:
            return
        over_s = -(-max(v.time_end_ns for v in record.volumes) // NS_PER_S)
        hold = _Hold(_units_of(record.volumes), record.is_constraint, record.as_of_s,
                     max(over_s, self._until_s(record.as_of_s)))
        account.holds[record.index] = hold
        account.units += hold.units
        account.notices += hold.is_notice
        heappush(account.due, (hold.release_s, record.index))

    def end(self, record: Record, is_replaced: bool) -> None:
        """What was noted stands and waits no more: it is held until its period is over.

        What a later version took the place of is let go of at once: how often that may be is a
        bound of its own.
        """
        account = self._accounts.get(record.party)
        hold = account.holds.get(record.index) if account else None
        if account is None or hold is None:
            return
        release_s = self._until_s(hold.since_s)
        if is_replaced:
            account.release(record.index)
        elif release_s < hold.release_s:
            hold.release_s = release_s
            heappush(account.due, (release_s, record.index))

    def advance(self, party: str, as_of_s: int) -> list[Record]:
        """The party's log has come to that time: let go of what is over by then.

        Returns the declarations that waited too long: they count no more.
        """
        account = self._accounts.get(party)
        if account is None:
            return []
        while account.due and account.due[0][0] <= as_of_s:
            release_s, index = heappop(account.due)
            hold = account.holds.get(index)
            if hold is not None and hold.release_s == release_s:
                account.release(index)
        while account.recent and self._until_s(account.recent[0][0]) <= as_of_s:
            _, entity_id = account.recent.popleft()
            times = account.times[entity_id]
            times.popleft()
            if not times:
                del account.times[entity_id]
        account.as_of_s = as_of_s
        return list(_overdue(account.waiting, as_of_s))

    def _until_s(self, since_s: int) -> int:
        """Until when what was signed then counts, whatever becomes of it."""
        period_s = self._agreement.bounds.period_s if self._agreement else 0.0
        return math.ceil(since_s + period_s)

    # -- showing them ------------------------------------------------------------------------

    def usage(self, party: str) -> tuple[Usage, ...]:
        """How much of each quota a party uses, as of the newest time in its log.

        Of changes it is the activity that changed most, of the time to wait the one that waits
        longest.
        """
        account, agreement = self._accounts.get(party), self._agreement
        if account is None or agreement is None:
            return ()
        oldest = next((r for r in account.waiting if r.status == PENDING), None)
        used = {"held_km3_h": account.units / _UNITS_PER_KM3_H, "notices": account.notices,
                "changes": max(map(len, account.times.values()), default=0),
                TERM_PENDING: account.as_of_s - oldest.as_of_s if oldest is not None else 0}
        return tuple(Usage(term, value, getattr(agreement.bounds, term))
                     for term, value in used.items())


def _overdue(waiting: deque[Record], as_of_s: int) -> Iterator[Record]:
    """Those whose time is up, which are let go of together with those that wait no more."""
    while waiting and (waiting[0].status != PENDING or waiting[0].is_overdue(as_of_s)):
        record = waiting.popleft()
        if record.status == PENDING:
            yield record


def _released(account: _Account, as_of_s: int) -> Iterator[int]:
    """The leaves that hold nothing any more at a time, found in the heap without changing it."""
    places, found = [0], set()
    while places:
        place = places.pop()
        if place < len(account.due) and account.due[place][0] <= as_of_s:
            index = account.due[place][1]
            places += (2 * place + 1, 2 * place + 2)
            if index in account.holds and index not in found:
                found.add(index)
                yield index


def _units_of(volumes: Sequence[Volume4D]) -> int:
    return 1 << (size_class(volumes) - CLASS_MIN)
