"""Rulings: whom a declaration loses to, and whether a peer's ruling is what the rules say.

Rulings follow `airspace.right_of_way`: pairwise, from the two signed statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.airspace.breach import TERM_PENDING
from luftrom.airspace.right_of_way import (
    DOUBTFUL,
    OUTSIDE_TERMS,
    SAME_ENTITY,
    SILENT,
    refusal,
)
from luftrom.errors import NotAuthenticated, Unverified
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.encounter import work_of_encounter
from luftrom.geometry.volume import Volume4D
from luftrom.logs.head import Head, read_counts, verify_head
from luftrom.state.entities import Entities, HasEntities
from luftrom.state.record import ACCEPTED, LOST_CONTENT, PENDING, Record, declared
from luftrom.state.work import NOTING_WORK
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Rests:
    """What a ruling rests on, as its statement says.

    `cuts` names for each peer how many leaves of its log may have crossed the ruled one: all that
    it had when it receipted that. Of a silent peer, and of one that forked, `opened` leaves were
    open to the author; `ends` names for each that forked how many leaves of its log count.
    """

    cuts: Mapping[str, int] = field(default_factory=dict)
    opened: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)

    def cut(self, party: str) -> int:
        """How many leaves of a peer's log the ruling looks at."""
        return self.opened[party] if party in self.opened else self.cuts.get(party, 0)

    def known(self, record: Record, other: Record) -> int:
        """How many leaves of the log of `other` a record's author had seen, as far as they count.

        What a silent peer has not opened counts for nothing.
        """
        cut = record.cut(other)
        return min(cut, self.opened[other.party]) if other.party in self.opened else cut

    def is_doubtful(self, record: Record) -> bool:
        """Had its author seen more of a silent peer's log than is open to it?

        To others it may be dead by what is closed here, and what crossed it stand.
        """
        return any(min(record.seen.get(name, 0), self.ends.get(name, inf)) > size
                   for name, size in self.opened.items())


def verdict(entities: Entities, record: Record, rests: Rests, as_of_s: int | None = None
            ) -> list[tuple[Record, str]]:
    """Whom a declaration loses to and by which rule; empty if it is to be accepted.

    `as_of_s` is the time to which its log comes with the ruling (`Progress.as_of`), or has come so
    far. What is outside the terms by then loses to itself alone. A function of the statements
    alone: every node that holds them computes the same.
    """
    if as_of_s is None:
        as_of_s = entities.progress.as_of(record.party, record.iat_s)
    if not record.counts or record.is_overdue(as_of_s):
        return [(record, OUTSIDE_TERMS)]
    lost = [(other, SAME_ENTITY) for other in _notices_before(entities, record, rests)]
    for other in _rivals(entities, record):
        if record.knew(other):
            if not other.stood_at(rests.known(record, other)):
                continue
        elif _was_silent(record, other, rests):
            lost.append((other, SILENT))
            continue
        elif not _wins_crossings(entities, other, record, rests):
            continue
        start_ns = partial(_overlap_start_ns, entities, record, other)
        one, two = declared(record), declared(other)
        rule = refusal(one, two, entities.agreement, start_ns)
        if (rule is None and not record.knew(other) and rests.is_doubtful(record)
                and refusal(two, one, entities.agreement, start_ns) is not None):
            rule = DOUBTFUL
        if rule is not None:
            lost.append((other, rule))
    return sorted(lost, key=lambda item: (item[0].party, item[0].index))


def _wins_crossings(entities: Entities, other: Record, record: Record, rests: Rests) -> bool:
    """May something that the author of `record` had not seen keep it from being accepted?"""
    cut = rests.cut(other.party)
    if other.party == record.party or other.knew(record) or other.index >= cut:
        return False                       # it came later: its own matter
    if other.is_withdrawn_at(cut) or other.is_void_at(cut):
        return False
    return not _is_dead(entities, other, rests)


def _is_dead(entities: Entities, other: Record, rests: Rests) -> bool:
    """Could it never stand, since it loses to what its own author knew? Then it wins nothing."""
    return other.is_dead or bool(_notices_before(entities, other, rests)) or any(
        entities.loses_to_known(other, known, rests.known(other, known))
        for known in _rivals(entities, other))


def _was_silent(record: Record, other: Record, rests: Rests) -> bool:
    """Was the other accepted without the party, in what the ruling rests on? Who was silent yields.

    Also to what had seen it sealed, for nobody has judged it then; not where it was open, and
    judged. Unless the ruling names the other's party as silent too: then they take turns.
    """
    ruling, party = other.ruling, record.party
    if other.knew(record) and other.counted.get(party, 0) > record.index:
        return False
    return (ruling is not None and ruling.accepted and party in ruling.unacknowledged
            and other.ruling_index is not None and other.ruling_index < rests.cut(other.party)
            and not other.is_withdrawn_at(rests.cut(other.party))
            and other.party not in rests.opened)


def passing_over(entities: Entities, record: Record, party: str) -> list[Record]:
    """What meets a declaration in a peer's log, unknown to its author, and goes on without it.

    Also what had seen it, closed: nobody may have judged it.
    """
    return [other for other in _rivals(entities, record)
            if other.party == party and record.party in other.passed_over
            and not record.knew(other)]


def _rivals(entities: Entities, record: Record) -> Iterator[Record]:
    for other in record.met:
        if other.intent is not None and other.entity_id != record.entity_id:
            yield other
    for other in entities.versions(record.entity_id):
        if (other.party != record.party and other.intent is not None
                and other.was_ever_lawful):
            yield other                    # one identifier at two parties


def _overlap_start_ns(entities: Entities, one: Record, other: Record) -> int:
    """When the overlap of two begins, or the later of two under one identifier."""
    if one.entity_id != other.entity_id:
        return entities.encounter(one, other).time_start_ns
    return max(min(v.time_start_ns for v in r.volumes) for r in (one, other))


def _notices_before(entities: Entities, record: Record, rests: Rests) -> list[Record]:
    """Notices of other parties under the identifier of a new declaration, known to its author.

    A later version of what stands is no new declaration: nobody can take away an identifier.
    """
    versions = entities.versions(record.entity_id)
    if any(r.party == record.party and r.stood_at(record.index)
           and (r.is_constraint or (r.ruling_index or record.index) < record.index)
           for r in versions):
        return []
    return [r for r in versions if r.is_constraint and r.party != record.party
            and record.knew(r) and r.stood_at(rests.known(record, r))]


# -- what a peer ruled ---------------------------------------------------------------------------

def rests_on(statement: Statement[Rulings]) -> dict[str, int]:
    """How many leaves of each other log must be applied before the rulings can be judged.

    Its author had them open, and hands on what opens them; all of them it had seen.
    """
    sizes = {name: read_counts(text)[0] for name, text in statement.body.heads.items()}
    return {name: min(size, statement.seen[name].size)
            for name, size in {**sizes, **statement.body.opened}.items() if name in statement.seen}


def check_rulings(state: HasEntities, statement: Statement[Rulings]) -> None:
    """Unverified (unlawful_ruling) if a peer accepts what the rules do not let it accept.

    A peer may refuse itself whatever it likes. It must show a head of each peer that covers what it
    rules on, or say that it has none, which an agreement to hold never lets it; of one that it has
    told to have forked it says what was open. Statements from before the agreement had no peers to
    ask, and what rests on leaves that a fork has taken away nobody can judge.
    """
    agreement = state.entities.agreement
    if not statement.agreement or agreement is None:
        return
    if statement.agreement in agreement.earlier and any(p.new_log for p in agreement.parties):
        return                             # before a log was cut: by what was known of it then
    if state.entities.forks.rests_beyond(statement):
        return
    heads = _read_heads(statement, agreement)
    for ruling in statement.body.rulings:
        record = state.entities.records.get((statement.party, ruling.index))
        if (record is None or not ruling.accepted or record.kind != DECLARATION.name
                or record.void == LOST_CONTENT):
            continue
        fault = _fault_of(state, ruling, record, statement, heads)
        if fault:
            raise Unverified(f"leaf {statement.index} accepts {record.name}, {fault}",
                             code="unlawful_ruling")


def work_of_check(state: HasEntities, statement: Statement[Rulings]) -> float:
    """What it takes to check them, in units of work: how those that crossed meet is looked at."""
    entities, work = state.entities, 0.0
    for ruling in statement.body.rulings:
        record = entities.records.get((statement.party, ruling.index))
        if record is None or not ruling.accepted:
            continue
        for other in record.met:
            work += NOTING_WORK
            if not (record.knew(other) or other.knew(record)):
                work += work_of_encounter(record.volumes, other.volumes)
    return work


def signed_heads(statement: Statement[Rulings], agreement: Agreement | None
                 ) -> Iterator[tuple[str, Head]]:
    """The heads in a ruling that were really given to its author, whatever else is said of it."""
    for name, text in statement.body.heads.items():
        peer = agreement.party(name) if agreement else None
        if peer is not None and name != statement.party:
            with suppress(NotAuthenticated):
                yield name, verify_head(text, name, statement.party, peer.keys.channel)


def _read_heads(statement: Statement[Rulings], agreement: Agreement) -> dict[str, Head]:
    """The heads that a ruling rests on, verified; its author must have mirrored all they name."""
    heads = {}
    for name, text in statement.body.heads.items():
        peer = agreement.party(name)
        try:
            if peer is None or name == statement.party:
                raise NotAuthenticated(f"{name} is no peer of {statement.party}")
            head = verify_head(text, name, statement.party, peer.keys.channel)
        except NotAuthenticated as error:
            raise Unverified(f"leaf {statement.index} rests on a head of {name} that is none: "
                             f"{error.message}", code="unlawful_ruling") from None
        if head.size > statement.seen[name].size:
            raise Unverified(f"leaf {statement.index} rests on a head of {name} of {head.size} "
                             f"leaves, of which it had seen {statement.seen[name].size}",
                             code="unlawful_ruling")
        heads[name] = head
    return heads


def _fault_of(state: HasEntities, ruling: Ruling, record: Record, statement: Statement[Rulings],
              heads: Mapping[str, Head]) -> str | None:
    entities, body, silent = state.entities, statement.body, set(ruling.unacknowledged)
    if silent and entities.agreement and entities.agreement.silence.mode == "hold":
        return "without a receipt, where the agreement says hold"
    ends = {name: told.end for name, told in entities.forks.told_by(statement.party).items()}
    for name in statement.seen:
        if name in ends:
            least = min(ends[name], entities.rested.get((statement.party, name), 0))
            if body.opened.get(name, 0) < least:
                return f"and says that less of the log of {name} is open than it said before"
        elif name in silent:
            if body.opened.get(name, 0) < record.passed_over.get(name, 0):
                return f"and says that less of the log of {name} is open than it said before"
        elif name in record.passed_over:
            return f"and does not name {name}, without whom it was opened"
        elif name not in heads or heads[name].mirrored <= ruling.index:
            return f"before {name} has given a receipt for it"
    cuts = {name: head.size for name, head in heads.items() if name not in silent | ends.keys()}
    rests = Rests(cuts, {name: body.opened.get(name, 0) for name in silent | ends.keys()}, ends)
    as_of_s = entities.progress.as_of(statement.party, statement.iat_s)
    for other, rule in verdict(entities, record, rests, as_of_s):
        if record.void:
            return f"which is void: {record.void}"
        if rule == OUTSIDE_TERMS:
            term = record.breach.term if record.breach else TERM_PENDING
            return f"which is outside the agreement's terms by {term}"
        return f"which loses to {other.name} by the rule {rule}"
    return None


# What must be applied before a peer's statement can be judged, by its type.
NEEDS: Mapping[str, Callable[[Statement[Any]], Mapping[str, int]]] = {RULING.name: rests_on}
# What a peer's statement is held to before it is applied: by its type, where there are rules.
CHECKS: Mapping[str, Callable[[HasEntities, Statement[Any]], None]] = {
    RULING.name: check_rulings}


# -- what is free instead ------------------------------------------------------------------------

def obstacles(entities: Entities, refused: Record, volumes: Sequence[Volume4D],
              allowance: Allowance) -> dict[int, tuple[Volume4D, ...]]:
    """What its author would lose to, or enter, if it declared these volumes instead, now.

    By serial, all volumes of each: intents that stand or wait for their ruling and that `refusal`
    puts first, and prior notices. A declaration made now knows all that is applied, so nothing
    crosses it and no turn is asked for. Raises TooMuchWork.
    """
    as_of_s = entities.progress.as_of(refused.party, refused.iat_s)
    asking = declared(Record(
        refused.party, entities.applied[refused.party], refused.iat_s, as_of_s, refused.entity_id,
        refused.version, entities.applied, -1, refused.kind, refused.content))
    found = {}
    for other in entities.meetings.meeting(tuple(volumes), as_of_s, allowance):
        if other.status not in (ACCEPTED, PENDING) or other.entity_id == refused.entity_id:
            continue
        if other.is_constraint or refusal(
                asking, declared(other), entities.agreement, lambda: 0) is not None:
            found[other.serial] = other.volumes
    return found
