"""What clients of /v1 send: bodies to values, each refusal with the member at fault."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import ACCEPTED as PLANNED
from luftrom.airspace.intent import Intent
from luftrom.api.http.call import Call
from luftrom.clock import format_time
from luftrom.errors import BadInput
from luftrom.formats.f3548.operational_intents import parse_base_url
from luftrom.formats.f3548.volumes import parse_entity_id, parse_priority, parse_volumes
from luftrom.formats.geojson import is_geojson, parse_geojson
from luftrom.reading import join_field, parse_text

# -- bodies --------------------------------------------------------------------------------------

def read_requests(call: Call, body: Any) -> Sequence[Intent | Constraint | BadInput]:
    """What a POST asks for; an item that cannot be read stands as its refusal."""
    if is_geojson(body):
        items = parse_geojson(body)
        for item in items:
            _check_end(call, item.volumes, "features")
        return [replace(item, manager=call.caller.manager) if isinstance(item, Constraint)
                else replace(item, manager=call.caller.manager, uss_base_url=call.doors.base_url)
                for item in items]
    if not isinstance(body, dict):
        raise BadInput("must be an object or GeoJSON", field="body")
    if "operational_intents" not in body:
        return [read_intent(call, body, _own_id(body, ""), "")]
    items = body["operational_intents"]
    if not isinstance(items, list) or not 0 < len(items) <= limits.BATCH_ITEMS_MAX:
        raise BadInput(f"must be a list of 1 to {limits.BATCH_ITEMS_MAX} items",
                       field="operational_intents")
    requests: list[Intent | Constraint | BadInput] = []
    for i, item in enumerate(items):
        where = f"operational_intents[{i}]"
        try:
            requests.append(read_intent(call, item, _own_id(item, where), where))
        except BadInput as error:
            requests.append(error)
    return requests


def _own_id(body: Any, where: str) -> str:
    given = body.get("id") if isinstance(body, dict) else None
    return "" if given is None else parse_entity_id(given, join_field(where, "id"))


def read_intent(call: Call, body: Any, entity_id: str, where: str) -> Intent:
    """The body of a PUT, or an item of a batch. Unknown members are refused by name."""
    known = ("id", "name", "state", "priority", "volumes", "off_nominal_volumes", "remarks",
             "uss_base_url")
    members = _members(body, known, where)
    if "id" in members and entity_id and parse_entity_id(
            members["id"], join_field(where, "id")) != entity_id:
        raise BadInput("differs from that of the path", field=join_field(where, "id"))
    volumes = parse_volumes(members.get("volumes"), join_field(where, "volumes"))
    off_nominal = parse_volumes(members.get("off_nominal_volumes"),
                                join_field(where, "off_nominal_volumes"))
    _check_end(call, (*volumes, *off_nominal), join_field(where, "volumes"))
    uss_base_url = members.get("uss_base_url")
    try:
        return Intent(
            entity_id=entity_id, manager=call.caller.manager,
            name=parse_text(members.get("name", ""), "name", limits.NAME_CHARS_MAX),
            state=parse_text(members.get("state", PLANNED), "state", 32),
            priority=parse_priority(members.get("priority", 0), "priority"),
            volumes=volumes, off_nominal_volumes=off_nominal,
            uss_base_url=call.doors.base_url if uss_base_url is None
            else parse_base_url(uss_base_url, "uss_base_url"),
            remarks=parse_text(members.get("remarks", ""), "remarks", limits.REMARKS_CHARS_MAX))
    except BadInput as error:
        raise BadInput(error.message, field=join_field(where, error.field or "")) from None


def read_constraint(call: Call, body: Any, entity_id: str) -> Constraint:
    """The body of a PUT of a constraint."""
    members = _members(body, ("id", "name", "kind", "volumes", "remarks"), "")
    if "id" in members and parse_entity_id(members["id"], "id") != entity_id:
        raise BadInput("differs from that of the path", field="id")
    volumes = parse_volumes(members.get("volumes"), "volumes")
    _check_end(call, volumes, "volumes")
    return Constraint(
        entity_id=entity_id, manager=call.caller.manager,
        name=parse_text(members.get("name", ""), "name", limits.NAME_CHARS_MAX),
        kind=parse_text(members.get("kind", "closed area"), "kind", limits.NAME_CHARS_MAX),
        volumes=volumes,
        remarks=parse_text(members.get("remarks", ""), "remarks", limits.REMARKS_CHARS_MAX))


def _members(body: Any, known: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadInput("must be an object", field=where or "body")
    for name in body:
        if name not in known:
            raise BadInput(f"is not known here; known are {', '.join(known)}",
                           field=join_field(where, name[:80]))
    return body


def _check_end(call: Call, volumes: Sequence[Any], field: str) -> None:
    now_ns = call.node.clock.now_ns()
    if volumes and max(v.time_end_ns for v in volumes) <= now_ns:
        raise BadInput(f"end before now, {format_time(now_ns)}", field=field)


def idempotency_key(call: Call) -> str | None:
    """What an Idempotency-Key stands for, told apart by manager and path; None without one."""
    header = call.headers.get("idempotency-key")
    if header is None:
        return None
    if not 0 < len(header) <= 255 or not header.isascii():
        raise BadInput("must have 1 to 255 ASCII characters", field="Idempotency-Key")
    owner = json.dumps([call.caller.manager, call.request.scope["path"], header])
    return hashlib.sha256(owner.encode()).hexdigest()


def new_id(key: str | None, item: int) -> str:
    """A version 4 UUID: random, or for an idempotency key always the same."""
    if key is None:
        return str(uuid.uuid4())
    return str(uuid.UUID(bytes=hashlib.sha256(f"{key} {item}".encode()).digest()[:16], version=4))
