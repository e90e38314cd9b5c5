"""Rulings: whom a declaration loses to, and whether a peer's ruling is what the rules say.

Rulings follow `airspace.right_of_way`: pairwise, from the two signed statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from luftrom.airspace.breach import TERM_PENDING
from luftrom.airspace.right_of_way import OUTSIDE_TERMS, SAME_ENTITY, refusal
from luftrom.errors import Unverified
from luftrom.geometry.volume import Volume4D
from luftrom.state.entities import Entities, HasEntities
from luftrom.state.record import ACCEPTED, PENDING, Record, declared
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.statement import Statement


def verdict(entities: Entities, record: Record, as_of_s: int | None = None
            ) -> list[tuple[Record, str]]:
    """Whom a declaration loses to and by which rule; empty if it is to be accepted.

    `as_of_s` is the time to which its log comes with the ruling (`Progress.as_of`), or has come so
    far. What is outside the terms by then loses to itself alone. A function of the statements
    alone: every node that holds them computes the same.
    """
    if as_of_s is None:
        as_of_s = entities.progress.as_of(record.party, record.iat_s)
    if record.breach is not None or record.is_overdue(as_of_s):
        return [(record, OUTSIDE_TERMS)]
    lost = [(other, SAME_ENTITY) for other in _notices_before(entities, record)]
    for other in _rivals(entities, record):
        known = record.knew(other)
        if known and not other.stood_at(record.cut(other)):
            continue
        if not known and (other.party == record.party or other.knew(record)):
            continue                       # the other came later: its own matter
        rule = refusal(declared(record), declared(other), entities.agreement,
                       partial(_overlap_start_ns, entities, record, other))
        if rule is not None:
            lost.append((other, rule))
    return sorted(lost, key=lambda item: (item[0].party, item[0].index))


def _rivals(entities: Entities, record: Record) -> Iterator[Record]:
    for other in record.met.values():
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


def _notices_before(entities: Entities, record: Record) -> list[Record]:
    """Notices of other parties under the identifier of a new declaration, known to its author.

    A later version of what stands is no new declaration: nobody can take away an identifier.
    """
    versions = entities.versions(record.entity_id)
    if any(r.party == record.party and r.stood_at(record.index)
           and (r.is_constraint or (r.ruling_index or record.index) < record.index)
           for r in versions):
        return []
    return [r for r in versions if r.is_constraint and r.party != record.party
            and record.knew(r) and r.stood_at(record.cut(r))]


# -- what a peer ruled ---------------------------------------------------------------------------

def check_rulings(state: HasEntities, statement: Statement[Rulings], me: str,
                  receipted_size: int) -> None:
    """Unverified (unlawful_ruling) if a peer accepts what the rules do not let it accept.

    A peer may refuse itself whatever it likes. It must hold our receipt, which covers its leaves up
    to `receipted_size`, or say that it does not, which an agreement to hold never lets it. Whom it
    says it had no receipt from it need not have known, beyond what its ruling has seen. Statements
    from before the agreement had no peers to ask.
    """
    entities = state.entities
    if not statement.agreement:
        return
    for ruling in statement.body.rulings:
        record = entities.records.get((statement.party, ruling.index))
        if record is None or not ruling.accepted or record.kind != DECLARATION.name:
            continue
        fault = _fault_of(entities, ruling, record, statement, me, receipted_size)
        if fault:
            raise Unverified(f"leaf {statement.index} accepts {record.name}, {fault}",
                             code="unlawful_ruling")


def _fault_of(entities: Entities, ruling: Ruling, record: Record, statement: Statement[Rulings],
              me: str, receipted_size: int) -> str | None:
    silent = set(ruling.unacknowledged)
    if silent and entities.agreement and entities.agreement.silence.mode == "hold":
        return "without a receipt, where the agreement says hold"
    if me not in silent and receipted_size <= ruling.index:
        return f"before {me} has given a receipt for it"
    as_of_s = entities.progress.as_of(statement.party, statement.iat_s)
    for other, rule in verdict(entities, record, as_of_s):
        if rule == OUTSIDE_TERMS:
            term = record.breach.term if record.breach else TERM_PENDING
            return f"which is outside the agreement's terms by {term}"
        if record.knew(other) and entities.applied.get(other.party, 0) < record.cut(other):
            continue                       # a third party's: its end may not have arrived here yet
        seen = statement.seen.get(other.party)
        if other.party in silent and (seen is None or seen.size <= other.index):
            continue
        return f"which loses to {other.name} by the rule {rule}"
    return None


# What a peer's statement is held to before it is applied: by its type, where there are rules.
CHECKS: Mapping[str, Callable[[HasEntities, Statement[Any], str, int], None]] = {
    RULING.name: check_rulings}


# -- what is free instead ------------------------------------------------------------------------

def obstacles(entities: Entities, refused: Record, volumes: Sequence[Volume4D]
              ) -> dict[int, tuple[Volume4D, ...]]:
    """What its author would lose to, or enter, if it declared these volumes instead, now.

    By serial, all volumes of each: intents that stand or wait for their ruling and that `refusal`
    puts first, and prior notices. A declaration made now knows all that is applied, so nothing
    crosses it and no turn is asked for.
    """
    as_of_s = entities.progress.as_of(refused.party, refused.iat_s)
    asking = declared(Record(
        refused.party, entities.applied[refused.party], refused.iat_s, as_of_s, refused.entity_id,
        refused.version, entities.applied, -1, refused.kind, refused.content))
    found = {}
    for other in entities.meetings.meeting(tuple(volumes), as_of_s):
        if other.status not in (ACCEPTED, PENDING) or other.entity_id == refused.entity_id:
            continue
        if other.is_constraint or refusal(
                asking, declared(other), entities.agreement, lambda: 0) is not None:
            found[other.serial] = other.volumes
    return found
