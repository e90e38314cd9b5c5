"""Whose an identifier is, and of what: asked before anything is declared or withdrawn under it."""

from __future__ import annotations

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.errors import Conflict, Forbidden
from luftrom.node.desk import Desk
from luftrom.node.refusals import OutsideTerms
from luftrom.state.record import Record
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.declaration import KIND as DECLARATION

_WORDS = {DECLARATION.name: "operational intent", NOTICE.name: "notice"}


def newest_own(desk: Desk, entity_id: str, kind: str) -> Record | None:
    """The newest own record under an identifier, which must be of that kind and not wait.

    What stands here is ours, whoever else uses its identifier later.
    """
    before = desk.entities.latest_of(desk.party, entity_id)
    other = desk.entities.foreign(entity_id, desk.party)
    if other is not None and standing(desk, entity_id) is None:
        raise Forbidden(f"{entity_id} is homed at {other.party}, whose node speaks for it")
    if before is not None:
        if before.kind != kind:
            raise Conflict(f"{entity_id} is not the identifier of a {_WORDS[kind]}")
        if before.is_waiting:
            raise Conflict(f"leaf {before.index} still waits for its ruling", code="pending")
    return before


def standing(desk: Desk, entity_id: str) -> Record | None:
    """What stands under an identifier in the own log."""
    return desk.entities.current.get((entity_id, desk.party))


def check_manager(record: Record, manager: str) -> None:
    """Forbidden unless the manager is the one whose it is."""
    owner = record.content.manager if record.content else None
    if owner != manager:
        raise Forbidden(f"{record.entity_id} belongs to {owner}")


def check_terms(desk: Desk, content: Intent | Constraint) -> None:
    """OutsideTerms if the agreement does not let us declare this now."""
    breach = desk.entities.bounds.check(desk.party, desk.as_of_s, content.entity_id, content)
    if breach is not None:
        raise OutsideTerms(breach)
