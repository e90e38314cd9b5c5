"""Constraints: prior notices, given, replaced and withdrawn by a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.errors import NotFound
from luftrom.node.desk import Desk
from luftrom.node.operations.identifiers import (
    check_manager,
    check_terms,
    newest_own,
    standing,
)
from luftrom.node.step import Reply
from luftrom.state.record import Record
from luftrom.statements.claims import Entity
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.constraint_withdrawal import KIND as NOTICE_WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal


@dataclass(frozen=True, slots=True)
class GiveNotice:
    """Give a prior notice, new or in place of the one with the same identifier."""

    constraint: Constraint
    reply: Reply[Record]


@dataclass(frozen=True, slots=True)
class WithdrawNotice:
    """Withdraw a prior notice."""

    entity_id: str
    manager: str
    reply: Reply[Record]


def give_notice(asked: GiveNotice, desk: Desk) -> None:
    """Append the notice, which stands at once."""
    constraint = asked.constraint
    before = newest_own(desk, constraint.entity_id, NOTICE.name)
    if before is not None:
        check_manager(before, constraint.manager)
    check_terms(desk, constraint)
    desk.admit(NOTICE.name, constraint)
    version = before.version + 1 if before else 1
    item = desk.append(NOTICE.name, Entity(constraint.entity_id, version), constraint)
    where = desk.party, item.statement.index
    desk.then(asked.reply, lambda: desk.entities.records[where])


def withdraw_notice(asked: WithdrawNotice, desk: Desk) -> None:
    """Append the withdrawal of the notice that stands."""
    newest_own(desk, asked.entity_id, NOTICE.name)
    record = standing(desk, asked.entity_id)
    if record is None:
        raise NotFound(f"there is no notice {asked.entity_id}")
    check_manager(record, asked.manager)
    desk.append(NOTICE_WITHDRAWAL.name, Withdrawal(record.index))
    desk.then(asked.reply, lambda: record)


OPERATIONS: Mapping[type, Callable[[Any, Desk], None]] = {
    GiveNotice: give_notice, WithdrawNotice: withdraw_notice}
