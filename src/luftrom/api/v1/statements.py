"""How a statement of any log is shown: its head, and beside it what its kind says.

In goes a leaf that was read, with what was disclosed of it; out comes a JSON object. What is closed
to us is shown as null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.clock import NS_PER_S, format_time
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.logs.fork import Fork
from luftrom.statements.claims import Entity
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.kinds.lost import Lost
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.kinds.ruling import Rulings
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.statements.opening import Item


def statement_document(item: Item[Any, Any]) -> dict[str, Any]:
    """One statement; which members it has beside the head depends on its type."""
    statement = item.statement
    head = {"log": f"{statement.party}/log", "index": statement.index, "type": statement.type,
            "time": format_time(statement.iat_s * NS_PER_S),
            "agreement": statement.agreement or None,
            "seen": {name: seen.size for name, seen in statement.seen.items()}}
    return head | SHOWN[statement.type](item)


def declaration_document(item: Item[Declared, Version]) -> dict[str, Any]:
    """A version of an operational intent. OVNs are for those whose they are."""
    content: dict[str, Any] | None = None
    if item.content is not None:
        intent = item.content.intent
        content = {
            "manager": intent.manager, "name": intent.name, "state": intent.state,
            "priority": intent.priority,
            "volumes": [encode_volume4d(v) for v in intent.volumes],
            "off_nominal_volumes": [encode_volume4d(v) for v in intent.off_nominal_volumes],
            "remarks": intent.remarks}
    body = item.statement.body
    return _version(item.entity) | {
        "size_class": body.size_class, "audience": list(body.audience) or None,
        "operational_intent": content}


def notice_document(item: Item[Entity, Constraint]) -> dict[str, Any]:
    """A version of a constraint."""
    content: dict[str, Any] | None = None
    if item.content is not None:
        constraint = item.content
        content = {"manager": constraint.manager, "name": constraint.name,
                   "kind": constraint.kind, "remarks": constraint.remarks,
                   "volumes": [encode_volume4d(v) for v in constraint.volumes]}
    return _version(item.statement.body) | {"constraint": content}


def withdrawal_document(item: Item[Withdrawal, None]) -> dict[str, Any]:
    """The end of a version, at the leaf `of` of the same log."""
    return {"of": item.statement.body.of, "reason": item.statement.body.reason}


def ruling_document(item: Item[Rulings, None]) -> dict[str, Any]:
    """Rulings on leaves of the same log."""
    return {"rulings": [
        {"index": ruling.index, "accepted": ruling.accepted,
         "against": [{"party": party, "index": index, "rule": rule}
                     for party, index, rule in ruling.against],
         "unacknowledged": list(ruling.unacknowledged)} for ruling in item.statement.body.rulings]}


def restored_document(item: Item[Restored, tuple[str, ...]]) -> dict[str, Any]:
    """On what a log goes on: what each peer said that it holds of it."""
    body = item.statement.body
    return {"held": [{"party": word.party, "size": word.size, "root": word.root.hex(),
                      "head": word.head_sha256.hex()} for word in body.words],
            "reason": body.reason}


def lost_document(item: Item[Lost, None]) -> dict[str, Any]:
    """Leaves of the same log whose content is lost."""
    return {"leaves": list(item.statement.body.leaves)}


def passed_over_document(item: Item[PassedOver, None]) -> dict[str, Any]:
    """Declarations that went on without parties, and how much of the log of each was open."""
    body = item.statement.body
    return {"of": list(body.of), "opened": dict(body.opened)}


def forked_document(item: Item[Fork, None]) -> dict[str, Any]:
    """Who forked, behind how many leaves, and the checkpoints of its two histories."""
    body = item.statement.body
    return {"of": body.party, "end": body.end,
            "checkpoints": [branch.note.decode() for branch in body.branches]}


def head_alone(item: Item[None, Any]) -> dict[str, Any]:
    """A statement that says no more than its head, or nothing that is anybody's to see."""
    return {}


def _version(entity: Entity | None) -> dict[str, Any]:
    if entity is None:                     # it is sealed, or closed to us
        return {"id": None, "version": None}
    return {"id": entity.entity_id, "version": entity.version}


# How a statement is shown, by its type.
SHOWN: dict[str, Callable[[Item[Any, Any]], dict[str, Any]]] = {
    "agreement": head_alone, "declaration": declaration_document,
    "withdrawal": withdrawal_document, "notice": notice_document,
    "notice_withdrawal": withdrawal_document, "ruling": ruling_document,
    "passed_over": passed_over_document,
    "notification": head_alone, "restored": restored_document, "lost": lost_document,
    "forked": forked_document}
