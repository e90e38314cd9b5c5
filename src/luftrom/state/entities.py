"""Entities: what is declared and given notice of, who flies where now, and what conflicts.

A function of the applied logs and disclosures and of nothing else: no clock is read, and two nodes
that applied the same leaves hold the same rows and the same digest, whatever the order in which
the two logs reached them. What no ruling can depend on any more is let go of.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.airspace.breach import TERM_PENDING, Breach
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.over import over_until_ns
from luftrom.airspace.right_of_way import refusal
from luftrom.clock import NS_PER_S, TIME_NS_MIN
from luftrom.errors import TooMuchWork, Unverified
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.encounter import Encounter
from luftrom.geometry.volume import Separation, Volume4D
from luftrom.state.bounds import Bounds
from luftrom.state.conflicts import ConflictPair, make_conflict
from luftrom.state.digest import digest_rows
from luftrom.state.forks import Forks
from luftrom.state.knowledge import Knowledge
from luftrom.state.meeting import Meetings
from luftrom.state.progress import Progress
from luftrom.state.record import (
    ACCEPTED,
    LOST_CONTENT,
    PENDING,
    REFUSED,
    SUPERSEDED,
    VOID,
    WITHDRAWN,
    Record,
    declared,
)
from luftrom.state.work import NOTING_WORK
from luftrom.statements.claims import Entity
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.constraint_withdrawal import KIND as NOTICE_WITHDRAWAL
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.kinds.passed_over import KIND as PASSED_OVER
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Rulings
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.statements.opening import Item
from luftrom.statements.statement import Statement

NO_MINIMA = Separation(0.0, 0.0, 0.0)
_CLOSED = Entity("", 0)                    # what is closed to us, or void, has no identifier
_WAITING_WORK = 10.0                       # to look at one that waits
_DROP_EVERY_NS = 600 * NS_PER_S            # dropping looks at every volume that is held


# Where a record stands among those that conflict: an intent before a notice, then by party and
# leaf. Of two that do the first is named first.
Place = tuple[bool, str, int]
ConflictPlace = tuple[Place, Place]


class Entities:
    """The current airspace, computed leaf by leaf. Not thread-safe: one conductor applies.

    `progress` is shared with the other parts of the state, which moves it on.
    """

    def __init__(self, agreement: Agreement | None, progress: Progress,
                 forks: Forks | None = None):
        self.agreement = agreement
        self.forks = forks or Forks()
        separation = agreement.separation if agreement else NO_MINIMA
        self.separation = separation
        self.progress = progress
        self.bounds = Bounds(agreement)
        self.meetings = Meetings(separation)
        self.revision = 0
        self.records: dict[tuple[str, int], Record] = {}
        self.current: dict[tuple[str, str], Record] = {}   # (entity, party) -> what stands
        self.passed_size: dict[str, int] = {}          # party -> up to where it passed others over
        self.rested: dict[tuple[str, str], int] = {}   # (author, peer) -> leaves said to be open
        self.proceeds = agreement is not None and agreement.silence.mode == "proceed"
        self._versions: dict[str, list[Record]] = {}       # entity -> all records, as applied
        self._dirty: set[Record] = set()
        self._unacknowledged: set[Record] = set()      # accepted while a peer was silent
        self._dropped_ns = TIME_NS_MIN
        self._next_serial = 0
        self._unruled: dict[tuple[str, int], Record] = {}
        self._retired: deque[Record] = deque()
        self._revisions: dict[str, int] = {}           # entity -> revision, oldest change first
        self._digest: tuple[object, str] = (None, "")

    @property
    def applied(self) -> Mapping[str, int]:
        """How many leaves of each log are applied."""
        return self.progress.applied

    # -- applying leaves: each raises Unverified before it changes anything ------------------

    def declare(self, item: Item[Declared, Version]) -> None:
        """A version that waits for its ruling; void where it is out of turn in its own log.

        Or where it is not shown to every party: those who cannot judge it need not yield to it.
        Outside the terms it waits to be refused.
        """
        fault = item.void or self._audience_fault(item.statement)
        if not fault and item.entity is not None:
            fault = self._version_fault(item.statement, item.entity)
        record = self._enter(replace(item, content=None, void=fault) if fault else item)
        self._unruled[record.party, record.index] = record
        self._changed(record)

    def give_notice(self, item: Item[Entity, Constraint]) -> None:
        """A version that stands at once, in place of the one before it.

        Outside the terms it does not stand; the one before it ends all the same, by its author's
        word.
        """
        if not item.void:
            fault = self._version_fault(item.statement, item.statement.body)
            if fault:
                raise Unverified(fault)
        record = self._enter(item)
        if record.counts:
            self._accept(record, item.statement.index)
            return
        before = self.current.get((record.entity_id, record.party))
        if before is not None:
            self._end(before, SUPERSEDED, item.statement.index)
        self._changed(record)

    def come_to(self, statement: Statement[Any]) -> None:
        """A statement of any kind was applied: what waited too long by its time counts no more."""
        as_of_s = self.progress.as_of(statement.party, statement.iat_s)
        for record in self.bounds.advance(statement.party, as_of_s):
            self._make_void(record, statement.index, as_of_s)

    def _make_void(self, record: Record, index: int, as_of_s: int) -> None:
        bound_s = (record.deadline_s or 0.0) - record.as_of_s
        record.breach = Breach(TERM_PENDING, as_of_s - record.as_of_s, bound_s)
        record.status, record.void_index = VOID, index
        self._changed(record)

    def _audience_fault(self, statement: Statement[Declared]) -> str:
        """Why a declaration counts for nothing by those whom it names; empty if it does not."""
        named = statement.body.audience
        parties = self.agreement.parties if self.agreement and named else ()
        left = [p.name for p in parties if p.name not in (statement.party, *named)]
        return f"it is not shown to {', '.join(left)}" if left else ""

    def _version_fault(self, statement: Statement[Any], entity: Entity) -> str:
        """Why a version does not follow the entity's newest accepted one in this log, if so."""
        before = self.latest_of(statement.party, entity.entity_id)
        expected = before.version + (not before.is_refused) if before else 1
        if before is not None and before.is_waiting:
            return (f"leaf {statement.index} declares {entity.entity_id} while leaf "
                    f"{before.index} still waits for its ruling")
        if entity.version != expected:
            return (f"leaf {statement.index} declares version {entity.version} of "
                    f"{entity.entity_id}; the next version is {expected}")
        return ""

    def prepare(self, item: Item[Any, Any], units: float) -> tuple[float, bool]:
        """Compare the volumes of a log's next leaf, before it is applied, for so many units of
        work; the work that was done, and whether it can be applied without any more.
        """
        statement = item.statement
        record = self._record(item)
        if item.void or not record.volumes:
            return 0.0, True
        return self.meetings.prepare((statement.party, statement.index), record.volumes,
                                     record.as_of_s, record.is_constraint, units)

    def _record(self, item: Item[Any, Any]) -> Record:
        """The record that a leaf will have, without a place among the others."""
        statement = item.statement
        content = item.content.intent if isinstance(item.content, Version) else item.content
        record = Record(
            statement.party, statement.index, statement.iat_s,
            self.progress.as_of(statement.party, statement.iat_s), "", 0, {}, -1, statement.type,
            content if isinstance(content, (Intent, Constraint)) else None)
        if record.content is not None:
            record.inside = self.bounds.inside(record.content.all_volumes)
        return record

    def admit(self, party: str, kind: str, content: Intent | Constraint, iat_s: int,
              spent: float) -> float:
        """Compare the volumes of a party's next leaf, which a client asks for; the work it took.

        `spent` is what others took in this step. What was found counts for the leaf that is signed
        next. Raises TooMuchWork, and then nothing has changed.
        """
        leaf = party, self.applied.get(party, 0)
        volumes = self.bounds.inside(content.all_volumes)
        left = limits.CLIENT_WORK_MAX - spent
        work, is_ready = (0.0, False) if left <= 0.0 else self.meetings.prepare(
            leaf, volumes, self.progress.as_of(party, iat_s), kind == NOTICE.name, left)
        if not is_ready:
            self.meetings.forget(leaf)
            raise TooMuchWork(limits.CLIENT_WORK_MAX, is_busy=spent > 0.0)
        return work

    def _enter(self, item: Item[Any, Version | Constraint]) -> Record:
        statement = item.statement
        entity = (None if item.void else item.entity) or _CLOSED
        content = item.content.intent if isinstance(item.content, Version) else item.content
        record = Record(
            statement.party, statement.index, statement.iat_s,
            self.progress.as_of(statement.party, statement.iat_s), entity.entity_id,
            entity.version, {p: s.size for p, s in statement.seen.items()}, self._next_serial,
            statement.type, content, item.ovn if content else "", void=item.void)
        self._hold_to_terms(record)
        self._next_serial += 1
        self.records[record.party, record.index] = record
        if record.entity_id:
            self._versions.setdefault(record.entity_id, []).append(record)
        if record.counts:
            self.meetings.enter(record)
        else:
            self.meetings.forget((record.party, record.index))
        return record

    def _hold_to_terms(self, record: Record) -> None:
        """Note on the record which of its volumes count, and which term it breaks, if any."""
        content, bounds = record.content, self.bounds
        if content is not None:
            record.breach = bounds.check(record.party, record.as_of_s, record.entity_id, content)
            inside = bounds.inside(content.all_volumes)
            record.inside = inside if len(inside) < len(content.all_volumes) else None
        record.deadline_s = bounds.deadline_s(record.as_of_s)
        if not record.counts:
            record.status, record.void_index = VOID, record.index
        if not record.void:
            bounds.note(record)

    def rule(self, statement: Statement[Rulings]) -> None:
        """Declarations that wait are accepted or refused."""
        ruled = []
        for ruling in statement.body.rulings:
            record = self._unruled.get((statement.party, ruling.index))
            if record is None or (record.void not in ("", LOST_CONTENT) and ruling.accepted):
                raise Unverified(f"leaf {statement.index} rules on leaf {ruling.index}, "
                                 "which is no declaration that waits for a ruling")
            ruled.append((ruling, record))
        self._note_rested(statement)
        as_of_s = self.progress.as_of(statement.party, statement.iat_s)
        for ruling, record in ruled:
            if record.is_overdue(as_of_s):
                self._make_void(record, statement.index, as_of_s)
            record.ruling, record.ruling_index = ruling, statement.index
            record.counted = statement.body.opened
            del self._unruled[record.party, record.index]
            if ruling.accepted and record.counts:
                self._accept(record, statement.index)
                if ruling.unacknowledged:
                    self._unacknowledged.add(record)
            else:
                self._end(record, REFUSED, statement.index)

    def pass_over(self, statement: Statement[PassedOver]) -> None:
        """Declarations that wait go on without the parties that are named."""
        self._note_rested(statement)
        for index in statement.body.of:
            record = self._unruled.get((statement.party, index))
            if record is not None:
                record.passed_over = {**statement.body.opened, **record.passed_over}
                self.passed_size[statement.party] = index + 1

    def _note_rested(self, statement: Statement[Rulings | PassedOver]) -> None:
        """Up to where the author has said that a peer's log is open to it: never less again."""
        for name, size in statement.body.opened.items():
            key = statement.party, name
            self.rested[key] = max(size, self.rested.get(key, 0))

    def withdraw(self, statement: Statement[Withdrawal], kind: str) -> None:
        """A version of that kind ends, standing or waiting."""
        of = statement.body.of
        record = self.records.get((statement.party, of))
        if (record is None or record.kind != kind or record.end_index is not None
                or record.is_refused):
            raise Unverified(f"leaf {statement.index} withdraws leaf {of}, which does not stand")
        self._unruled.pop((record.party, record.index), None)
        self._end(record, WITHDRAWN, statement.index)

    def _accept(self, record: Record, index: int) -> None:
        before = self.current.get((record.entity_id, record.party))
        if before is not None:
            self._end(before, SUPERSEDED, index)
        record.status = ACCEPTED
        if record.entity_id:
            self.current[record.entity_id, record.party] = record
        for other in record.met:
            if (other.status == ACCEPTED and other.entity_id != record.entity_id
                    and not (other.is_constraint and record.is_constraint)):
                record.add_rival(other)
        self._changed(record)

    def _end(self, record: Record, status: str, index: int) -> None:
        record.status, record.end_index = status if record.counts else VOID, index
        self.bounds.end(record, status == SUPERSEDED)
        self._unacknowledged.discard(record)
        if self.current.get((record.entity_id, record.party)) is record:
            del self.current[record.entity_id, record.party]
        for other in record.drop_rivals():
            self.meetings.forget_encounter(record, other)
        self._retired.append(record)
        self._changed(record)

    def _changed(self, record: Record) -> None:
        """What is shown of a record, and its row, may be another.

        Whom it conflicts with is neither: of thousands that overlap each would change all others.
        """
        self.revision += 1
        self._dirty.add(record)
        self._revisions.pop(record.entity_id, None)
        self._revisions[record.entity_id] = self.revision

    def acknowledge(self, party: str, peer: str, before: int, size: int) -> None:
        """A peer's receipt now covers `size` leaves of a log: what waited for it has changed."""
        for record in self._unacknowledged:
            if (record.party == party and before <= record.index < size
                    and record.ruling is not None and peer in record.ruling.unacknowledged):
                self._changed(record)

    # -- letting go --------------------------------------------------------------------------

    def collect(self, units: float = math.inf) -> None:
        """Let go of volumes that no ruling can depend on any more: of ended records, and over.

        Once so many units of work are done, the rest is left for the next time.
        """
        if self._over_ns() >= self._dropped_ns + _DROP_EVERY_NS:
            self.drop_over()
        while self._retired and units > 0.0 and self._is_settled(self._retired[0]):
            record = self._retired.popleft()
            units -= NOTING_WORK * (1 + len(record.met)) + _WAITING_WORK * len(self._unruled)
            for other in record.met:
                other.is_dead = other.is_dead or self.loses_to_known(
                    other, record, other.cut(record))
            self.meetings.leave(record)

    def drop_over(self) -> None:
        """Let go of the volumes that are over for every statement that is still to come."""
        self._dropped_ns = self._over_ns()
        self.meetings.expire(self._dropped_ns)

    def _over_ns(self) -> int:
        """Up to which end volumes are over in any log: no later leaf is as of an earlier time."""
        as_of_s = self.progress.as_of_s
        parties = self._speaking if self.agreement else self.applied
        if not parties or not all(party in as_of_s for party in parties):
            return TIME_NS_MIN
        return over_until_ns(min(as_of_s[p] for p in parties), self.separation)

    @property
    def _speaking(self) -> list[str]:
        """The parties of whom a leaf may still be applied: not who forked, once all is."""
        ends = self.forks.ends
        return [p.name for p in (self.agreement.parties if self.agreement else ())
                if p.name not in ends or self.applied.get(p.name, 0) < ends[p.name]]

    def _is_settled(self, record: Record) -> bool:
        end = record.end_index
        if end is None:
            return False
        speaking = self._speaking
        for party in speaking:
            seen = self.progress.last_seen.get(party, {})
            if party != record.party and seen.get(record.party, 0) <= end:
                return False
        return all(waiting.cut(record) > end for waiting in self._unruled.values()
                   if waiting.counts and (not speaking or waiting.party in speaking))

    def loses_to_known(self, record: Record, other: Record, cut: int) -> bool:
        """Does an intent lose to one that its own author knew to stand? Then it wins nothing.

        `cut` is how many leaves of the log of the other count as known.
        """
        return (record.intent is not None and other.intent is not None and record.knew(other)
                and other.stood_at(cut) and refusal(
                    declared(record), declared(other), self.agreement, lambda: 0) is not None)

    # -- reading -----------------------------------------------------------------------------

    def unruled(self, party: str) -> list[Record]:
        """That party's declarations that wait for a ruling, in log order."""
        return [r for r in self._unruled.values() if r.party == party]

    def versions(self, entity_id: str) -> Sequence[Record]:
        """All that was ever declared under an identifier, in any log, as it was applied."""
        return self._versions.get(entity_id, ())

    def latest_of(self, party: str, entity_id: str) -> Record | None:
        """The newest version of an entity in that party's log."""
        return next((r for r in reversed(self.versions(entity_id)) if r.party == party), None)

    def relevant(self, intent: Intent, party: str, iat_s: int) -> list[Record]:
        """Accepted intents, other than the entity itself, that it would conflict with if that
        party declared it at `iat_s`, in seconds since 1970.
        """
        met = self.meetings.meeting(self.bounds.inside(intent.all_volumes),
                                    self.progress.as_of(party, iat_s),
                                    Allowance(limits.CLIENT_WORK_MAX))
        return [r for r in met if not r.is_constraint and r.status == ACCEPTED
                and r.entity_id != intent.entity_id]

    def query(self, area: Volume4D) -> list[Record]:
        """Accepted intents and notices whose volumes overlap an area of interest.

        What is over long enough to be dropped is not found any more. Raises TooMuchWork.
        """
        met = self.meetings.overlapping(area, Allowance(limits.CLIENT_WORK_MAX))
        return [record for record in met if record.status == ACCEPTED]

    def foreign(self, entity_id: str, party: str) -> Record | None:
        """What stands, or waits for its ruling, under an identifier in another party's log."""
        return next((r for r in self.versions(entity_id)
                     if r.party != party and r.status in (ACCEPTED, PENDING)), None)

    def entity(self, entity_id: str) -> Record | None:
        """What stands under an identifier; if nothing does, what was declared last."""
        versions = self.versions(entity_id)
        standing = [r for r in versions if r.status == ACCEPTED]
        standing = standing or [r for r in versions if r.was_ever_lawful]
        return max(standing or versions, key=lambda r: (r.iat_s, r.party, r.index), default=None)

    def changes(self, after: int, limit: int) -> tuple[list[tuple[int, Record | None]], bool]:
        """Entities that changed after a revision, oldest change first, and whether more follow."""
        newest = []
        for entity_id in reversed(self._revisions):
            if self._revisions[entity_id] <= after:
                break
            newest.append(entity_id)
        page = newest[::-1][:limit]
        return ([(self._revisions[e], self.entity(e)) for e in page], len(newest) > limit)

    def revision_of(self, entity_id: str) -> int:
        """The revision of the last change of an entity; 0 if there is none."""
        return self._revisions.get(entity_id, 0)

    def counts(self) -> tuple[int, int, int]:
        """How many intents stand, how many notices, and how many conflicts."""
        notices = sum(r.is_constraint for r in self.current.values())
        conflicts = sum(len(r.rivals) for r in self.current.values()) // 2
        return len(self.current) - notices, notices, conflicts

    def encounter(self, one: Record, other: Record) -> Encounter:
        """How two records that conflict meet; the same whichever is named first."""
        return self.meetings.encounter(one, other)[0]

    def conflicts(self, after: ConflictPlace | None = None, limit: float = math.inf,
                  units: float = math.inf) -> tuple[list[ConflictPair], ConflictPlace | None]:
        """Conflicts that stand, behind a place, and the place behind which more follow, if any do.

        At most `limit`, and no more than take so many units of work, but one. The places of all
        have one order; the pairs of one answer come by the time they begin. The same at every node.
        """
        pairs: list[ConflictPair] = []
        place, spent = after, 0.0
        for one, other in self._rivals_behind(after):
            if len(pairs) >= limit or spent >= units:
                return _by_time(pairs), place
            met, work = self.meetings.encounter(one, other)
            spent += work
            pairs.append(make_conflict(one, other, met, self.agreement))
            place = _place(one), _place(other)
        return _by_time(pairs), None

    def place_of(self, party: str, index: int) -> Place:
        """Where a leaf's record stands among those that conflict, were it one of them."""
        record = self.records.get((party, index))
        return record is not None and record.is_constraint, party, index

    def _rivals_behind(self, after: ConflictPlace | None) -> Iterator[tuple[Record, Record]]:
        """Pairs that conflict, behind a place, in the order of their places."""
        first = after[0] if after else None
        ones = [r for r in self.current.values()
                if r.rivals and (first is None or _place(r) >= first)]
        for one in sorted(ones, key=_place):
            others = sorted((r for r in one.rivals if _place(one) < _place(r)),
                            key=_place)
            for other in others:
                if after is None or (_place(one), _place(other)) > after:
                    yield one, other

    def rows(self) -> Iterator[tuple[str, int, bytes]]:
        """The index as rows (party, leaf index, row), in that order."""
        for party, index in sorted(self.records):
            yield party, index, self.records[party, index].row()

    def take_dirty(self) -> list[tuple[str, int, bytes]]:
        """The rows that changed since the last call."""
        rows = [(r.party, r.index, r.row()) for r in self._dirty]
        self._dirty.clear()
        return rows

    def digest(self) -> str:
        """SHA-256 (hex) over what was applied, all rows and who conflicts with whom.

        How they meet is not computed for it, and pairs are not gone through: of each record the sum
        of its rivals' marks stands for them, which is kept as they come and go.
        """
        state = (self.revision, tuple(self.applied.items()))
        if self._digest[0] != state:
            rivals = ((r.party, r.index, r.rival_marks) for r in self.current.values() if r.rivals)
            self._digest = (state, digest_rows(self.applied, self.rows(), sorted(rivals)))
        return self._digest[1]


def _place(record: Record) -> Place:
    return record.is_constraint, record.party, record.index


def _by_time(pairs: list[ConflictPair]) -> list[ConflictPair]:
    return sorted(pairs, key=lambda p: (p.encounter.time_start_ns, p.first.party,
                                        p.first.index, p.second.party, p.second.index))


# -- effects -------------------------------------------------------------------------------------

class HasEntities(Protocol):
    """A state of which entities are a part."""

    @property
    def entities(self) -> Entities: ...
    @property
    def knowledge(self) -> Knowledge: ...


# What a statement does to the entities, by its type.
EFFECTS: Mapping[str, Callable[[HasEntities, Item[Any, Any]], None]] = {
    DECLARATION.name: lambda state, item: state.entities.declare(item),
    RULING.name: lambda state, item: state.entities.rule(item.statement),
    PASSED_OVER.name: lambda state, item: state.entities.pass_over(item.statement),
    WITHDRAWAL.name: lambda state, item: state.entities.withdraw(item.statement, DECLARATION.name),
    NOTICE.name: lambda state, item: state.entities.give_notice(item),
    NOTICE_WITHDRAWAL.name: lambda state, item: state.entities.withdraw(
        item.statement, NOTICE.name),
}
