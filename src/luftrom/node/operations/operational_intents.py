"""Operational intents: declared, changed and withdrawn by a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from luftrom import limits
from luftrom.airspace.intent import OFF_NOMINAL_STATES, Intent, check_transition
from luftrom.clock import NS_PER_S
from luftrom.errors import Conflict, NotFound, Unavailable
from luftrom.geometry.measure import size_class
from luftrom.node.desk import Desk
from luftrom.node.operations.identifiers import (
    check_manager,
    check_terms,
    newest_own,
    standing,
)
from luftrom.node.refusals import MissingKey
from luftrom.node.ruling import Outcome
from luftrom.node.step import Reply
from luftrom.state.record import Record
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal


@dataclass(frozen=True, slots=True)
class Declare:
    """Declare an intent: new (`ovn` None) or in place of the version that bears `ovn`.

    `require_key` asks for the F3548 rule that the key names every intent that would be met.
    """

    intent: Intent
    ovn: str | None
    require_key: bool
    reply: Reply[Outcome]


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw the standing version of an intent; `ovn` None means whichever stands."""

    entity_id: str
    ovn: str | None
    manager: str
    reply: Reply[Record]


def declare(asked: Declare, desk: Desk) -> None:
    """Append the declaration; the reply waits for its ruling."""
    intent = asked.intent
    if desk.waiting >= limits.WAITING_DECLARATIONS_MAX:
        raise Unavailable(f"{limits.WAITING_DECLARATIONS_MAX} declarations already wait")
    before = newest_own(desk, intent.entity_id, DECLARATION.name)
    replaced = _replaced(desk, intent.entity_id, asked.ovn, intent.manager)
    check_transition(replaced.intent.state if replaced and replaced.intent else None, intent.state)
    check_terms(desk, intent)
    desk.admit(DECLARATION.name, intent)
    intent = _with_key(desk, intent, asked.require_key)
    version = before.version + (not before.is_refused) if before else 1
    item = desk.append(DECLARATION.name, Declared(size_class(intent.all_volumes)),
                       Version(intent, version))
    desk.wait(item.statement.index, asked.reply)


def _with_key(desk: Desk, intent: Intent, require_key: bool) -> Intent:
    """The intent with those OVNs of its key that matter, which are then part of the record."""
    if intent.state in OFF_NOMINAL_STATES or not (intent.key or require_key):
        return replace(intent, key=frozenset()) if intent.key else intent
    relevant = desk.entities.relevant(intent, desk.party, desk.time_ns // NS_PER_S)
    missing = tuple(record for record in relevant if record.ovn not in intent.key)
    if require_key and missing:
        raise MissingKey(missing)
    return replace(intent, key=intent.key & {record.ovn for record in relevant})


def _replaced(desk: Desk, entity_id: str, ovn: str | None, manager: str) -> Record | None:
    """The version that stands and that the OVN names, or None where neither is."""
    record = standing(desk, entity_id)
    if record is None:
        if ovn is not None:
            raise NotFound(f"there is no operational intent {entity_id}")
        return None
    check_manager(record, manager)
    if ovn is None:
        raise Conflict(f"{entity_id} exists; name its OVN to change it", code="exists")
    if ovn != record.ovn:
        raise Conflict("the OVN is not that of the standing version", code="stale_ovn",
                       field="ovn")
    return record


def withdraw(asked: Withdraw, desk: Desk) -> None:
    """Append the withdrawal of what stands."""
    newest_own(desk, asked.entity_id, DECLARATION.name)
    record = standing(desk, asked.entity_id)
    if record is None:
        raise NotFound(f"there is no operational intent {asked.entity_id}")
    _replaced(desk, asked.entity_id, asked.ovn or record.ovn, asked.manager)
    desk.append(WITHDRAWAL.name, Withdrawal(record.index))
    desk.then(asked.reply, lambda: record)


OPERATIONS: Mapping[type, Callable[[Any, Desk], None]] = {Declare: declare, Withdraw: withdraw}
