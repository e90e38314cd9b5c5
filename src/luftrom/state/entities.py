"""The index: logs to airspace. In go verified statements in log order; out comes what flies now.

The airspace is a function of the applied logs and disclosures and of nothing else: no clock is
read, and two nodes that applied the same leaves hold the same rows and the same digest, whatever
the order in which the two logs reached them. Rulings follow `airspace`: pairwise, from the two
signed statements. What was over long before the later of the two was signed plays no part in them,
and once every log has come so far it is dropped: see docs/decisions/over.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.over import not_over, over_until_ns
from luftrom.airspace.right_of_way import (
    SAME_ENTITY,
    closed,
    knew,
    refusal,
    right_of_way,
)
from luftrom.clock import NS_PER_S, TIME_NS_MIN
from luftrom.errors import Unverified
from luftrom.geometry.encounter import Encounter, encounter
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Separation, Volume4D
from luftrom.state.conflicts import ConflictPair
from luftrom.state.digest import digest_rows
from luftrom.state.record import ACCEPTED, PENDING, REFUSED, SUPERSEDED, WITHDRAWN, Record
from luftrom.statements.statement import Ruling, Statement

NO_MINIMA = Separation(0.0, 0.0, 0.0)
_DROP_EVERY_NS = 600 * NS_PER_S            # dropping looks at every volume that is held


class Entities:
    """The current airspace, computed leaf by leaf. Not thread-safe: one conductor applies."""

    def __init__(self, agreement: Agreement | None):
        self.agreement = agreement
        separation = agreement.separation if agreement else NO_MINIMA
        self.separation = separation
        self.revision = 0
        self.applied: dict[str, int] = {}
        self.records: dict[tuple[str, int], Record] = {}
        self.current: dict[tuple[str, str], Record] = {}   # (entity, party) -> what stands
        self._versions: dict[str, list[Record]] = {}       # entity -> all records, as applied
        self.last_seen: dict[str, Mapping[str, int]] = {}
        self.as_of_s: dict[str, int] = {}                  # party -> the latest time in its log
        self.dirty: set[Record] = set()
        self._unacknowledged: set[Record] = set()      # accepted while a peer was silent
        self._volumes = VolumeIndex(separation)
        self._serials: dict[int, Record] = {}          # those of which volumes are in the index
        self._dropped_ns = TIME_NS_MIN
        self._next_serial = 0
        self._unruled: dict[tuple[str, int], Record] = {}
        self._retired: deque[Record] = deque()
        self._revisions: dict[str, int] = {}           # entity -> revision, oldest change first
        self._encounters: dict[tuple[int, int], Encounter] = {}
        self._digest: tuple[object, str] = (None, "")

    # -- applying leaves ---------------------------------------------------------------------

    def apply(self, statement: Statement, intent: Intent | None = None,
              notice: Constraint | None = None, ovn: str = "") -> None:
        """Apply the next leaf of a log; its content is given opened, or None where it is closed.

        Raises Unverified if the statement contradicts the log it stands in; then nothing changed.
        """
        kind = statement.type
        if kind == "declaration":
            self._declare(statement, intent, ovn)
        elif kind == "ruling":
            self._rule(statement)
        elif kind in ("withdrawal", "notice_withdrawal"):
            self._withdraw(statement)
        elif kind == "notice":
            self._give_notice(statement, notice, ovn)
        self.applied[statement.party] = statement.index + 1
        self.as_of_s[statement.party] = self._as_of(statement.party, statement.iat_s)
        self.last_seen[statement.party] = {p: s.size for p, s in statement.seen.items()}

    def _declare(self, statement: Statement, intent: Intent | None, ovn: str) -> None:
        self.check_version(statement)
        record = self._record(statement, intent=intent, ovn=ovn)
        self._unruled[record.party, record.index] = record
        self._changed(record)

    def check_version(self, statement: Statement) -> None:
        """Unverified unless the version follows the entity's newest accepted one in this log."""
        before = self.latest_of(statement.party, statement.entity_id)
        expected = before.version + (before.status not in (REFUSED, PENDING)) if before else 1
        if before is not None and before.status == PENDING:
            raise Unverified(f"leaf {statement.index} declares {statement.entity_id} while leaf "
                             f"{before.index} still waits for its ruling")
        if statement.version != expected:
            raise Unverified(f"leaf {statement.index} declares version {statement.version} of "
                             f"{statement.entity_id}; the next version is {expected}")

    def latest_of(self, party: str, entity_id: str) -> Record | None:
        """The newest declaration of an entity in that party's log."""
        versions = self._versions.get(entity_id, ())
        return next((r for r in reversed(versions) if r.party == party), None)

    def _record(self, statement: Statement, **content: object) -> Record:
        record = Record(statement.party, statement.index, statement.iat_s,
                        self._as_of(statement.party, statement.iat_s), statement.entity_id,
                        statement.version, {p: s.size for p, s in statement.seen.items()},
                        self._next_serial, **content)
        self._next_serial += 1
        self.records[record.party, record.index] = record
        self._versions.setdefault(record.entity_id, []).append(record)
        volumes = self._not_over(record.volumes, record.as_of_s)
        if volumes:
            # Asked once: whatever comes later finds this one, and both note it.
            for other in self._meeting(volumes, record.as_of_s):
                record.met[other.serial] = other
                other.met[record.serial] = record
            self._volumes.insert(record.serial, volumes)
            self._serials[record.serial] = record
        return record

    def _as_of(self, party: str, iat_s: int) -> int:
        """The latest time that a log names up to its next leaf, which names `iat_s`."""
        return max(iat_s, self.as_of_s.get(party, iat_s))

    def _not_over(self, volumes: tuple[Volume4D, ...], as_of_s: int) -> tuple[Volume4D, ...]:
        return not_over(volumes, over_until_ns(as_of_s, self.separation))

    def _meeting(self, volumes: tuple[Volume4D, ...], as_of_s: int) -> list[Record]:
        """Of the records in the index, those that a declaration with these volumes meets."""
        volumes = self._not_over(volumes, as_of_s)
        found = [self._serials[s] for s in self._volumes.query(volumes)] if volumes else []
        return [other for other in found if self._do_meet(volumes, as_of_s, other)]

    def _do_meet(self, volumes: tuple[Volume4D, ...], as_of_s: int, other: Record) -> bool:
        """Do they that were found to meet still do so without what is over for the two of them?"""
        later_s = max(as_of_s, other.as_of_s)
        ours, theirs = (self._not_over(vs, later_s) for vs in (volumes, other.volumes))
        if len(ours) == len(volumes) and len(theirs) == len(other.volumes):
            return True                    # nothing is: the index said all there is to say
        return bool(ours and theirs) and encounter(ours, theirs, self.separation) is not None

    def _give_notice(self, statement: Statement, notice: Constraint | None, ovn: str) -> None:
        self.check_version(statement)
        self._check_home(statement)
        record = self._record(statement, notice=notice, ovn=ovn)
        self._accept(record, statement.index)

    def _check_home(self, statement: Statement) -> None:
        """Nobody rules on a notice, so one under an identifier that its author knew to stand in
        another log has no right to be there; a declaration of that kind is refused by its ruling.
        """
        if (statement.entity_id, statement.party) in self.current:
            return
        for other in self._versions.get(statement.entity_id, ()):
            seen = statement.seen.get(other.party)
            if seen is not None and other.stood_at(seen.size) and (
                    other.end_index is not None or self.applied.get(other.party, 0) >= seen.size):
                raise Unverified(f"leaf {statement.index} gives a notice {statement.entity_id}, "
                                 f"which is an identifier of {other.party}", code="foreign_entity")

    def _rule(self, statement: Statement) -> None:
        ruled = [(ruling, self._unruled.get((statement.party, ruling.index)))
                 for ruling in statement.rulings]
        if len({ruling.index for ruling, _ in ruled}) < len(ruled):
            raise Unverified(f"leaf {statement.index} rules twice on one leaf")
        for ruling, record in ruled:
            if record is None:
                raise Unverified(f"leaf {statement.index} rules on leaf {ruling.index}, "
                                 "which is no declaration that waits for a ruling")
        for ruling, record in ruled:
            record.ruling, record.ruling_index = ruling, statement.index
            del self._unruled[record.party, record.index]
            if ruling.accepted:
                self._accept(record, statement.index)
                if ruling.unacknowledged:
                    self._unacknowledged.add(record)
            else:
                self._end(record, REFUSED, statement.index)

    def _accept(self, record: Record, index: int) -> None:
        before = self.current.get((record.entity_id, record.party))
        if before is not None:
            self._end(before, SUPERSEDED, index)
        record.status = ACCEPTED
        self.current[record.entity_id, record.party] = record
        for serial, other in record.met.items():
            if (other.status == ACCEPTED and other.entity_id != record.entity_id
                    and (other.notice is None or record.notice is None)):
                record.rivals[serial] = other
                other.rivals[record.serial] = record
                self._changed(other)
        self._changed(record)

    def _withdraw(self, statement: Statement) -> None:
        record = self.records.get((statement.party, statement.of))
        if (record is None or record.entity_id != statement.entity_id
                or record.version != statement.version
                or (record.notice is not None) != (statement.type == "notice_withdrawal")
                or record.status not in (PENDING, ACCEPTED)):
            raise Unverified(f"leaf {statement.index} withdraws leaf {statement.of}, "
                             "which does not stand")
        self._unruled.pop((record.party, record.index), None)
        self._end(record, WITHDRAWN, statement.index)

    def _end(self, record: Record, status: str, index: int) -> None:
        record.status, record.end_index = status, index
        self._unacknowledged.discard(record)
        if self.current.get((record.entity_id, record.party)) is record:
            del self.current[record.entity_id, record.party]
        for serial, other in record.rivals.items():
            del other.rivals[record.serial]
            self._encounters.pop(_pair(record.serial, serial), None)
            self._changed(other)
        record.rivals.clear()
        self._retired.append(record)
        self._changed(record)

    def _changed(self, record: Record) -> None:
        self.revision += 1
        self.dirty.add(record)
        self._revisions.pop(record.entity_id, None)
        self._revisions[record.entity_id] = self.revision

    def acknowledge(self, party: str, peer: str, before: int, size: int) -> None:
        """A peer's receipt now covers `size` leaves of a log: what waited for it has changed."""
        for record in self._unacknowledged:
            if (record.party == party and before <= record.index < size
                    and peer in record.ruling.unacknowledged):
                self._changed(record)

    def collect(self) -> None:
        """Let go of volumes that no ruling can depend on any more: of ended records, and over."""
        if self._over_ns() >= self._dropped_ns + _DROP_EVERY_NS:
            self.drop_over()
        while self._retired and self._is_settled(self._retired[0]):
            record = self._retired.popleft()
            if self._serials.pop(record.serial, None) is not None:
                self._volumes.remove(record.serial)
            for other in record.met.values():
                del other.met[record.serial]
            record.met.clear()

    def drop_over(self) -> None:
        """Let go of the volumes that are over for every statement that is still to come."""
        self._dropped_ns = self._over_ns()
        for serial in self._volumes.expire(self._dropped_ns):
            del self._serials[serial]

    def _over_ns(self) -> int:
        """Up to which end volumes are over in any log: no later leaf is as of an earlier time."""
        parties = [p.name for p in self.agreement.parties] if self.agreement else self.applied
        if not parties or not all(party in self.as_of_s for party in parties):
            return TIME_NS_MIN
        return over_until_ns(min(self.as_of_s[p] for p in parties), self.separation)

    def _is_settled(self, record: Record) -> bool:
        end = record.end_index
        for party in (self.agreement.parties if self.agreement else ()):
            seen = self.last_seen.get(party.name, {})
            if party.name != record.party and seen.get(record.party, 0) <= end:
                return False
        return all(_cut(waiting, record) > end for waiting in self._unruled.values())

    # -- ruling ------------------------------------------------------------------------------

    def unruled(self, party: str) -> list[Record]:
        """That party's declarations that wait for a ruling, in log order."""
        return [r for r in self._unruled.values() if r.party == party]

    def verdict(self, record: Record) -> list[tuple[Record, str]]:
        """Whom a declaration loses to and by which rule; empty if it is to be accepted.

        A function of the statements alone: every node that holds them computes the same.
        """
        lost = [(other, SAME_ENTITY) for other in self._notices_before(record)]
        for other in self._met(record):
            cut = _cut(record, other)
            known = knew(record, other)
            if known and not other.stood_at(cut):
                continue
            if not known and (other.party == record.party or knew(other, record)):
                continue                   # the other came later: its own matter
            rule = refusal(record, other, self.agreement,
                                 lambda other=other: self.encounter(record, other).time_start_ns
                                 if record.entity_id != other.entity_id
                                 else _later_start_ns(record, other))
            if rule is not None:
                lost.append((other, rule))
        return sorted(lost, key=lambda item: (item[0].party, item[0].index))

    def _met(self, record: Record) -> Iterator[Record]:
        for other in record.met.values():
            if other.intent is not None and other.entity_id != record.entity_id:
                yield other
        for other in self._versions[record.entity_id]:
            if other.party != record.party and other.intent is not None:
                yield other                # one identifier at two parties

    def _notices_before(self, record: Record) -> list[Record]:
        """Notices of other parties under the identifier of a new declaration, known to its author.

        A later version of what stands is no new declaration: nobody can take away an identifier.
        """
        versions = self._versions[record.entity_id]
        if any(r.party == record.party and r.stood_at(record.index)
               and (r.notice is not None or (r.ruling_index or record.index) < record.index)
               for r in versions):
            return []
        return [r for r in versions if r.notice is not None and r.party != record.party
                and knew(record, r) and r.stood_at(_cut(record, r))]

    def check_rulings(self, statement: Statement, me: str, receipted_size: int) -> None:
        """Unverified (unlawful_ruling) if a peer accepts what the rules do not let it accept.

        A peer may refuse itself whatever it likes. It must hold our receipt, which covers its
        leaves up to `receipted_size`, or say that it does not, which an agreement to hold never
        lets it. Whom it says it had no receipt from it need not have known, beyond what its ruling
        has seen. Statements from before the agreement had no peers to ask.
        """
        if not statement.agreement:
            return
        for ruling in statement.rulings:
            record = self.records.get((statement.party, ruling.index))
            if record is None or not ruling.accepted:
                continue
            fault = self._fault_of(ruling, record, statement, me, receipted_size)
            if fault:
                raise Unverified(f"leaf {statement.index} accepts {record.name}, {fault}",
                                 code="unlawful_ruling")

    def _fault_of(self, ruling: Ruling, record: Record, statement: Statement, me: str,
                  receipted_size: int) -> str | None:
        silent = set(ruling.unacknowledged)
        if silent and self.agreement.silence.mode == "hold":
            return "without a receipt, where the agreement says hold"
        if me not in silent and receipted_size <= ruling.index:
            return f"before {me} has given a receipt for it"
        for other, rule in self.verdict(record):
            if knew(record, other) and self.applied.get(other.party, 0) < _cut(record, other):
                continue                   # a third party's: its end may not have arrived here yet
            seen = statement.seen.get(other.party)
            if other.party in silent and (seen is None or seen.size <= other.index):
                continue
            return f"which loses to {other.name} by the rule {rule}"
        return None

    def relevant(self, intent: Intent, party: str, iat_s: int) -> list[Record]:
        """Accepted intents, other than the entity itself, that it would conflict with if that
        party declared it at `iat_s`, in seconds since 1970.
        """
        met = self._meeting(intent.all_volumes, self._as_of(party, iat_s))
        return [r for r in met if r.intent is not None and r.status == ACCEPTED
                and r.entity_id != intent.entity_id]

    def obstacles(self, refused: Record, volumes: Sequence[Volume4D]
                  ) -> dict[int, tuple[Volume4D, ...]]:
        """What its author would lose to, or enter, if it declared these volumes instead, now.

        By serial, all volumes of each: intents that stand or wait for their ruling and that
        `refusal` puts first, and prior notices. A declaration made now knows all that is applied,
        so nothing crosses it and no turn is asked for.
        """
        as_of_s = self._as_of(refused.party, refused.iat_s)
        asking = Record(refused.party, self.applied[refused.party], refused.iat_s, as_of_s,
                        refused.entity_id, refused.version, self.applied, -1, refused.intent)
        found = {}
        for other in self._meeting(tuple(volumes), as_of_s):
            if other.status not in (ACCEPTED, PENDING) or other.entity_id == refused.entity_id:
                continue
            if other.notice is not None or refusal(
                    asking, other, self.agreement, lambda: 0) is not None:
                found[other.serial] = other.volumes
        return found

    # -- reading -----------------------------------------------------------------------------

    def query(self, area: Volume4D) -> list[Record]:
        """Accepted intents and notices whose volumes overlap an area of interest.

        What is over long enough to be dropped is not found any more.
        """
        met = (self._serials[serial] for serial in self._volumes.query_overlap((area,)))
        return [record for record in met if record.status == ACCEPTED]

    def foreign(self, entity_id: str, party: str) -> Record | None:
        """What stands, or waits for its ruling, under an identifier in another party's log."""
        return next((r for r in self._versions.get(entity_id, ())
                     if r.party != party and r.status in (ACCEPTED, PENDING)), None)

    def entity(self, entity_id: str) -> Record | None:
        """What stands under an identifier; if nothing does, what was declared last."""
        versions = self._versions.get(entity_id, ())
        standing = [r for r in versions if r.status == ACCEPTED]
        return max(standing or versions, key=lambda r: (r.iat_s, r.party, r.index), default=None)

    def changes(self, after: int, limit: int) -> tuple[list[tuple[int, Record]], bool]:
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
        notices = sum(r.notice is not None for r in self.current.values())
        conflicts = sum(len(r.rivals) for r in self.current.values()) // 2
        return len(self.current) - notices, notices, conflicts

    def encounter(self, one: Record, other: Record) -> Encounter:
        """How two records that conflict meet; the same whichever is named first."""
        key = _pair(one.serial, other.serial)
        met = self._encounters.get(key)
        if met is None:
            later_s = max(one.as_of_s, other.as_of_s)
            met = encounter(*(self._not_over(r.volumes, later_s) for r in (one, other)),
                            self.separation)
            if met is None:
                raise Unverified(f"{one.name} and {other.name} do not meet")
            if one.status == other.status == ACCEPTED:
                self._encounters[key] = met
        return met

    def conflicts(self) -> list[ConflictPair]:
        """All conflicts that stand, by the time they begin; the same list at every node."""
        pairs = []
        for one in self.current.values():
            for other in one.rivals.values():
                if _before(one, other):
                    pairs.append(self._conflict(one, other))
        return sorted(pairs, key=lambda p: (p.encounter.time_start_ns, p.first.party,
                                            p.first.index, p.second.party, p.second.index))

    def _conflict(self, first: Record, second: Record) -> ConflictPair:
        met = self.encounter(first, second)
        if second.notice is not None:
            right = closed(second.party, met.time_start_ns)
        else:
            right = right_of_way(first, second, self.agreement, met.time_start_ns)
        return ConflictPair(first, second, met, right)

    def rows(self) -> Iterator[tuple[str, int, bytes]]:
        """The index as rows (party, leaf index, row), in that order."""
        for party, index in sorted(self.records):
            yield party, index, self.records[party, index].row()

    def take_dirty(self) -> list[tuple[str, int, bytes]]:
        """The rows that changed since the last call."""
        rows = [(r.party, r.index, r.row()) for r in self.dirty]
        self.dirty.clear()
        return rows

    def digest(self) -> str:
        """SHA-256 (hex) over what was applied, all rows and all conflicts: equal iff they are."""
        state = (self.revision, tuple(self.applied.items()))
        if self._digest[0] != state:
            pairs = (f"{p.first.party} {p.first.index} {p.second.party} {p.second.index}".encode()
                     for p in self.conflicts())
            self._digest = (state, digest_rows(self.applied, self.rows(), pairs))
        return self._digest[1]


def _cut(record: Record, other: Record) -> int:
    """How many leaves of the log of `other` the author of `record` had before it."""
    return record.index if other.party == record.party else record.seen.get(other.party, 0)


def _later_start_ns(one: Record, other: Record) -> int:
    """When the later of two records of one identifier begins: the same, whoever asks."""
    return max(min(v.time_start_ns for v in r.volumes) for r in (one, other))


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _before(one: Record, other: Record) -> bool:
    """Which of a pair is named first: an intent before a notice, then by party and leaf."""
    return ((one.notice is not None, one.party, one.index)
            < (other.notice is not None, other.party, other.index))
