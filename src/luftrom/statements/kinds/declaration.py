"""`declaration`: a version of an operational intent, which waits for its ruling.

The leaf is sealed: it shows who may read it and how much it asks for, and commits to the rest. All
that a ruling needs is one disclosure, `details`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.airspace.intent import Intent
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import encode_volume4d, parse_priority
from luftrom.geometry.measure import CLASS_MAX, CLASS_MIN, fits_size_class
from luftrom.statements.claims import (
    ENTITY_ID,
    NAME,
    Claims,
    Entity,
    read_list,
    read_matching,
    read_number,
)
from luftrom.statements.content import read_claim, read_text, read_volumes
from luftrom.statements.course import Course
from luftrom.statements.kind import EVERYBODY, Audience, Cost, Kind
from luftrom.statements.statement import Statement

DETAILS, REFERENCE, REMARKS = "details", "reference", "remarks"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a sealed leaf shows: the parties that it is for, everybody if none is named, and its
    size class (`geometry.measure`)."""

    size_class: int
    audience: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """What is sealed: an intent, and which version of it this is."""

    intent: Intent
    version: int


def read(claims: Claims) -> Declared:
    """The body of a declaration; BadInput names the claim at fault."""
    audience: tuple[str, ...] = ()
    if "audience" in claims:
        audience = tuple(read_matching(NAME, name, "audience")
                         for name in read_list(claims["audience"], "audience"))
        if len(set(audience)) != len(audience) or len(audience) > limits.PARTIES_MAX:
            raise BadInput("must name parties, each once", field="audience")
    return Declared(read_number(claims.get("size"), "size", CLASS_MIN, CLASS_MAX), audience)


def encode(body: Declared) -> Claims:
    """The claims of a declaration."""
    audience = {"audience": list(body.audience)} if body.audience else {}
    return {**audience, "size": body.size_class}


def audience_of(statement: Statement[Declared]) -> Audience:
    """Those whom the leaf names, or everybody."""
    named = statement.body.audience
    return Audience(False, frozenset(named)) if named else EVERYBODY


def disclose(content: Version) -> list[Any]:
    """The values of what a declaration opens, in their order."""
    intent = content.intent
    details: dict[str, Any] = {"id": intent.entity_id, "version": content.version,
                               "state": intent.state,
                               "volumes": [encode_volume4d(v) for v in intent.volumes]}
    if intent.off_nominal_volumes:
        details["off_nominal_volumes"] = [encode_volume4d(v) for v in intent.off_nominal_volumes]
    if intent.priority is not None:
        details["priority"] = intent.priority
    if intent.key:
        details["key"] = sorted(intent.key)
    reference = {"manager": intent.manager, "name": intent.name,
                 "uss_base_url": intent.uss_base_url}
    return [details, reference, intent.remarks]


def open_version(statement: Statement[Declared], opened: Mapping[str, Any]) -> Version | None:
    """Opened claims back to the version; BadInput names the claim at fault."""
    if DETAILS not in opened or REFERENCE not in opened:
        return None
    reference = read_claim(opened, REFERENCE, ("manager", "name", "uss_base_url"), ())
    details = read_claim(opened, DETAILS, ("id", "version", "state", "volumes"),
                         ("off_nominal_volumes", "priority", "key"))
    for name, value in reference.items():
        read_text(value, f"{REFERENCE}.{name}")
    priority = details.get("priority")
    if priority is not None:
        parse_priority(priority, f"{DETAILS}.priority")
    intent = Intent(
        entity_id=read_matching(ENTITY_ID, details["id"], f"{DETAILS}.id"), priority=priority,
        state=read_text(details["state"], f"{DETAILS}.state"), key=_read_key(details),
        volumes=read_volumes(details["volumes"], f"{DETAILS}.volumes"),
        off_nominal_volumes=read_volumes(details.get("off_nominal_volumes", []),
                                         f"{DETAILS}.off_nominal_volumes"),
        remarks=read_text(opened.get(REMARKS, ""), REMARKS), **reference)
    if not fits_size_class(intent.all_volumes, statement.body.size_class):
        raise BadInput("is not the size class of what was sealed", field="size")
    return Version(intent, read_number(details["version"], f"{DETAILS}.version", 1))


def _read_key(details: Mapping[str, Any]) -> frozenset[str]:
    key = details.get("key", [])
    if not isinstance(key, list) or len(key) > limits.KEY_OVNS_MAX:
        raise BadInput(f"must list at most {limits.KEY_OVNS_MAX} OVNs", field=f"{DETAILS}.key")
    return frozenset(read_text(ovn, f"{DETAILS}.key[{i}]") for i, ovn in enumerate(key))


def entity_of(statement: Statement[Declared], content: Version | None) -> Entity | None:
    """Which version it is of what; None while it is sealed."""
    return Entity(content.intent.entity_id, content.version) if content else None


def follow(course: Course, statement: Statement[Declared], content: Version | None) -> None:
    """It begins to wait; where it is open, it is the next version, or void."""
    course.declare(statement.index, statement.type, entity_of(statement, content))


KIND: Kind[Declared, Version] = Kind(
    "declaration", ("audience?", "size"), read, encode, (DETAILS, REFERENCE, REMARKS), follow,
    disclose=disclose, open=open_version, must_open=True, entity=entity_of, ovn_of=DETAILS,
    audience=audience_of, sealed=True,
    cost=Cost(disclosures_max=3, volumes_max=limits.VOLUMES_MAX))
