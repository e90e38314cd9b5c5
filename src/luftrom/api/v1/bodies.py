"""What clients of /v1 send: bodies to values, each refusal with the member at fault."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.api.http.call import Call
from luftrom.api.v1.schemas import Batch, ConstraintBody, Declaration
from luftrom.clock import format_time
from luftrom.errors import BadInput
from luftrom.formats.decoding import convert, decode
from luftrom.formats.f3548.operational_intents import parse_base_url
from luftrom.formats.f3548.volumes import parse_entity_id, volumes4d
from luftrom.formats.geojson import is_geojson, parse_geojson
from luftrom.geometry.volume import Volume4D
from luftrom.reading import join_field

_ANY = msgspec.json.Decoder()
_DECLARATION = msgspec.json.Decoder(Declaration)
_CONSTRAINT = msgspec.json.Decoder(ConstraintBody)


@dataclass(frozen=True, slots=True)
class Posted:
    """The body of a POST as JSON of any shape: with its size and, if asked for, a digest."""

    body: Any
    size_bytes: int
    digest: bytes | None


async def read_any(call: Call, is_digested: bool) -> Posted:
    """The body of a POST."""
    def parse(data: bytes) -> Posted:
        body = decode(data, _ANY)
        digest = (hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
                  if is_digested else None)
        return Posted(body, len(data), digest)

    return await call.read(parse)


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
        return [_intent(call, convert(body, Declaration))]
    requests: list[Intent | Constraint | BadInput] = []
    for i, item in enumerate(convert(body, Batch).operational_intents):
        where = f"operational_intents[{i}]"
        try:
            requests.append(_intent(call, convert(item, Declaration, where), where=where))
        except BadInput as error:
            requests.append(error)
    return requests


async def read_intent(call: Call, entity_id: str) -> Intent:
    """The body of a PUT."""
    return await call.read(lambda data: _intent(call, decode(data, _DECLARATION), entity_id))


async def read_constraint(call: Call, entity_id: str) -> Constraint:
    """The body of a PUT of a constraint."""
    def parse(data: bytes) -> Constraint:
        asked = decode(data, _CONSTRAINT)
        _identifier(asked.id, entity_id, "id")
        volumes = volumes4d(asked.volumes, "volumes")
        _check_end(call, volumes, "volumes")
        return Constraint(entity_id=entity_id, manager=call.caller.manager, name=asked.name,
                          kind=asked.kind, volumes=volumes, remarks=asked.remarks)

    return await call.read(parse)


def _intent(call: Call, asked: Declaration, entity_id: str = "", where: str = "") -> Intent:
    """What is declared under the identifier of the path, or under its own; fields below `where`."""
    entity_id = _identifier(asked.id, entity_id, join_field(where, "id"))
    volumes = volumes4d(asked.volumes, join_field(where, "volumes"))
    off_nominal = volumes4d(asked.off_nominal_volumes, join_field(where, "off_nominal_volumes"))
    _check_end(call, (*volumes, *off_nominal), join_field(where, "volumes"))
    try:
        return Intent(
            entity_id=entity_id, manager=call.caller.manager, name=asked.name, state=asked.state,
            priority=asked.priority, volumes=volumes, off_nominal_volumes=off_nominal,
            uss_base_url=call.doors.base_url if asked.uss_base_url is None
            else parse_base_url(asked.uss_base_url, "uss_base_url"), remarks=asked.remarks)
    except BadInput as error:
        raise BadInput(error.message, field=join_field(where, error.field or "")) from None


def _identifier(given: str | None, of_path: str, field: str) -> str:
    """The identifier that a body gives, which must be that of the path where that has one."""
    if given is None:
        return of_path
    own = parse_entity_id(given, field)
    if of_path and own != of_path:
        raise BadInput("differs from that of the path", field=field)
    return own


def _check_end(call: Call, volumes: Sequence[Volume4D], field: str) -> None:
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
