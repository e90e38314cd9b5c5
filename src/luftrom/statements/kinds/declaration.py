"""`declaration`: a version of an operational intent, which waits for its ruling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom import limits
from luftrom.airspace.intent import Intent
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import encode_volume4d, parse_priority
from luftrom.statements.claims import Entity, encode_entity, read_entity
from luftrom.statements.content import read_claim, read_text, read_volumes
from luftrom.statements.course import Course
from luftrom.statements.kind import Before, Cost, Kind
from luftrom.statements.statement import Statement

REFERENCE, DETAILS, REMARKS = "reference", "details", "remarks"


def disclose(intent: Intent) -> list[tuple[str, Any]]:
    """The named claims that an intent discloses, in the order they are written."""
    details: dict[str, Any] = {"volumes": [encode_volume4d(v) for v in intent.volumes]}
    if intent.off_nominal_volumes:
        details["off_nominal_volumes"] = [encode_volume4d(v) for v in intent.off_nominal_volumes]
    if intent.priority is not None:
        details["priority"] = intent.priority
    if intent.key:
        details["key"] = sorted(intent.key)
    reference = {"manager": intent.manager, "name": intent.name, "state": intent.state,
                 "uss_base_url": intent.uss_base_url}
    claims: list[tuple[str, Any]] = [(REFERENCE, reference), (DETAILS, details)]
    if intent.remarks:
        claims.append((REMARKS, intent.remarks))
    return claims


def open_intent(statement: Statement[Entity], opened: Mapping[str, Any]) -> Intent | None:
    """Opened claims back to the intent; BadInput names the claim at fault."""
    if REFERENCE not in opened or DETAILS not in opened:
        return None
    reference = read_claim(opened, REFERENCE, ("manager", "name", "state", "uss_base_url"), ())
    details = read_claim(opened, DETAILS, ("volumes",), ("off_nominal_volumes", "priority", "key"))
    for name, value in reference.items():
        read_text(value, f"{REFERENCE}.{name}")
    priority = details.get("priority")
    if priority is not None:
        parse_priority(priority, f"{DETAILS}.priority")
    key = details.get("key", [])
    if not isinstance(key, list) or len(key) > limits.KEY_OVNS_MAX:
        raise BadInput(f"must list at most {limits.KEY_OVNS_MAX} OVNs", field=f"{DETAILS}.key")
    for i, ovn in enumerate(key):
        read_text(ovn, f"{DETAILS}.key[{i}]")
    return Intent(entity_id=statement.body.entity_id, priority=priority, key=frozenset(key),
                  volumes=read_volumes(details["volumes"], f"{DETAILS}.volumes"),
                  off_nominal_volumes=read_volumes(details.get("off_nominal_volumes", []),
                                               f"{DETAILS}.off_nominal_volumes"),
                  remarks=read_text(opened.get(REMARKS, ""), REMARKS), **reference)


def follow(course: Course, statement: Statement[Entity]) -> None:
    """It is the next version, and the one before it does not wait any more."""
    course.declare(statement)


def first_needed(statement: Statement[Entity], before: Before) -> int:
    """The version before it shows whether it is the next one; the whole log, that there is none."""
    return before(statement.body.entity_id) or 0


KIND: Kind[Entity, Intent] = Kind(
    "declaration", ("entity", "_sd"), read_entity, encode_entity, follow, first_needed, disclose,
    open_intent, must_open=True, ovn_of=DETAILS, sealed=True,
    cost=Cost(disclosures_max=3, volumes_max=limits.VOLUMES_MAX))
