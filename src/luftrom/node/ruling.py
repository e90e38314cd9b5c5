"""What is due: rulings on own declarations, and those that the time is up for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from luftrom.airspace.sentences import refusal_sentence
from luftrom.errors import NotAcknowledged
from luftrom.node.desk import Desk
from luftrom.state.entities import Entities
from luftrom.state.record import Record
from luftrom.state.rulings import verdict
from luftrom.statements.claims import Entity
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal

_RULINGS_IN_LEAF_MAX = 128
_AGAINST_MAX = 16


@dataclass(frozen=True, slots=True)
class Against:
    """One that a refused declaration lost to, the rule, and the rule as a sentence."""

    operational_intent: Record
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a declaration; `unacknowledged` lists peers that were silent (`proceed`)."""

    operational_intent: Record
    accepted: bool
    against: tuple[Against, ...] = ()
    unacknowledged: tuple[str, ...] = ()


def rule(desk: Desk) -> None:
    """Rule on own declarations: all that every peer has receipted, and those out of time."""
    silence = desk.agreement.silence if desk.agreement else None
    ruled: list[tuple[Record, Ruling]] = []
    for record in desk.entities.unruled(desk.party):
        silent = desk.without_receipt(record.index)
        if silent and silence is not None:
            if not desk.is_late(record, silence.after_s):
                continue
            if silence.mode == "hold":
                _give_up(desk, record, silent, silence.after_s)
                continue
        lost = verdict(desk.entities, record, desk.as_of_s)
        against = tuple((r.party, r.index, rule) for r, rule in lost[:_AGAINST_MAX])
        ruled.append((record, Ruling(record.index, not lost, against, silent)))
    for start in range(0, len(ruled), _RULINGS_IN_LEAF_MAX):
        part = ruled[start:start + _RULINGS_IN_LEAF_MAX]
        desk.append(RULING.name, Rulings(tuple(ruling for _, ruling in part)))
    for record, _ in ruled:
        desk.then(desk.take_reply(record.index), partial(outcome, desk.entities, record))


def _give_up(desk: Desk, record: Record, silent: tuple[str, ...], after_s: float) -> None:
    reason = f"no receipt from {', '.join(silent)}"
    desk.append(WITHDRAWAL.name,
                Withdrawal(record.index, Entity(record.entity_id, record.version), reason))
    desk.refuse(desk.take_reply(record.index), NotAcknowledged(
        f"not acknowledged: {reason} within {after_s:g} s; nothing was accepted"))


def outcome(entities: Entities, record: Record) -> Outcome:
    """What became of a ruled declaration, with the reasons as sentences."""
    ruling = record.ruling
    if ruling is None:
        return Outcome(record, False)
    named = ((entities.records.get((party, index)), rule)
             for party, index, rule in ruling.against)
    against = tuple(Against(other, rule, refusal_sentence(rule, other.name, other.party))
                    for other, rule in named if other is not None)   # as far as they are held here
    return Outcome(record, ruling.accepted, against, ruling.unacknowledged)
