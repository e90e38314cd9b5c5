"""REST under /v1: operational intents with their content at this node, notices, conflicts, status.

Lists are sorted by revision, so that the same call pages through what is there and then follows
what changes. A repeated POST with the same Idempotency-Key makes one record: the identifiers that
the node picks follow from the key, and the answer is kept.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from luftrom import limits
from luftrom.airspace import ACCEPTED as PLANNED
from luftrom.airspace import Intent, Notice
from luftrom.api import documents
from luftrom.api.call import Answer, Call, json_answer
from luftrom.api.problem import problem_document
from luftrom.clock import format_time
from luftrom.errors import BadInput, Conflict, LuftromError, NotFound
from luftrom.f3548 import parse_base_url, parse_ovn
from luftrom.index import ACCEPTED, PENDING, REFUSED, Record
from luftrom.wire import (
    is_geojson,
    join_field,
    parse_entity_id,
    parse_geojson,
    parse_priority,
    parse_text,
    parse_volumes,
)

BATCH_AT_ONCE = 256                        # declarations of one batch that wait for rulings


# -- reading -------------------------------------------------------------------------------------

async def get_status(call: Call) -> Answer:
    """What the node says of itself."""
    await call.node.settled()
    return json_answer(documents.status_document(call.node))


async def list_operational_intents(call: Call) -> Answer:
    """Operational intents that changed after a revision, oldest change first."""
    after = call.integer("after", 0, 2**62)
    limit = max(1, call.integer("limit", limits.PAGE_ITEMS_MAX, limits.PAGE_ITEMS_MAX))
    await call.node.settled()
    airspace = call.node.airspace
    changes, more = airspace.changes(after, limit)
    found = [documents.operational_intent_document(call.node, record, call.caller)
             for _, record in changes if record is not None and record.notice is None]
    following = (f"{call.app.base_path}{_V1_INTENTS}?after={changes[-1][0]}&limit={limit}"
                 if more else None)
    return json_answer({"operational_intents": found, "next": following,
                        "revision": airspace.revision})


async def get_operational_intent(call: Call) -> Answer:
    """One operational intent: what stands, or else what was declared last."""
    record = await _entity(call)
    if record.notice is not None:
        raise NotFound(f"{record.entity_id} is a constraint")
    return _shown(call, record)


async def get_suggestions(call: Call) -> Answer:
    """What is free now instead of the own declaration that was refused last."""
    entity_id = parse_entity_id(call.path["id"], "id")
    await call.node.settled()
    record = call.node.airspace.latest_of(call.node.party, entity_id)
    if record is None or record.notice is not None:
        raise NotFound(f"{call.node.party} has declared no operational intent {entity_id}")
    if record.status != REFUSED:
        raise Conflict(f"{entity_id} is {record.status}; suggestions are for what was refused")
    return json_answer({"id": entity_id, "suggestions": await _suggestions(call, record)})


async def _suggestions(call: Call, refused: Record) -> list[dict[str, Any]]:
    found, verified_at_ns = await call.node.suggestions(refused)
    return [documents.suggestion_document(each, verified_at_ns) for each in found]


async def list_constraints(call: Call) -> Answer:
    """All prior notices that stand."""
    await call.node.settled()
    standing = [record for record in call.node.airspace.current.values() if record.notice]
    standing.sort(key=lambda record: call.node.airspace.revision_of(record.entity_id))
    return json_answer({"constraints": [documents.constraint_document(call.node, r, call.caller)
                                        for r in standing],
                        "next": None, "revision": call.node.airspace.revision})


async def get_constraint(call: Call) -> Answer:
    """One prior notice."""
    record = await _entity(call)
    if record.notice is None:
        raise NotFound(f"{record.entity_id} is an operational intent")
    return json_answer(documents.constraint_document(call.node, record, call.caller))


async def list_conflicts(call: Call) -> Answer:
    """All conflicts that stand, with horizon and method."""
    await call.node.settled()
    return json_answer(documents.conflicts_document(call.node))


async def list_proofs(call: Call) -> Answer:
    """Kept evidence of peers' misbehaviour; `document` is base64."""
    return json_answer({"proofs": [
        {"party": party, "kind": kind, "document": base64.b64encode(document).decode()}
        for party, kind, document in call.node.proofs()]})


# -- writing -------------------------------------------------------------------------------------

async def put_operational_intent(call: Call) -> Answer:
    """Declare an operational intent under an identifier: new, or by If-Match a later version."""
    entity_id = parse_entity_id(call.path["id"], "id")
    intent = _intent(call, await call.json(), entity_id, "")
    ovn = await _if_match(call, entity_id)
    outcome = await call.node.declare(intent, ovn=ovn)
    if not outcome.accepted:
        raise refusal(outcome, await _suggestions(call, outcome.operational_intent))
    return _shown(call, outcome.operational_intent, 201 if ovn is None else 200)


async def delete_operational_intent(call: Call) -> Answer:
    """Withdraw an operational intent."""
    entity_id = parse_entity_id(call.path["id"], "id")
    ovn = await _if_match(call, entity_id)
    return _shown(call, await call.node.withdraw(entity_id, ovn, call.caller.manager))


async def put_constraint(call: Call) -> Answer:
    """Give a prior notice, or replace the own one of that identifier."""
    entity_id = parse_entity_id(call.path["id"], "id")
    notice = _notice(call, await call.json(), entity_id)
    record = await call.node.give_notice(notice)
    return json_answer(documents.constraint_document(call.node, record, call.caller),
                       201 if record.version == 1 else 200)


async def delete_constraint(call: Call) -> Answer:
    """Withdraw a prior notice."""
    entity_id = parse_entity_id(call.path["id"], "id")
    record = await call.node.withdraw_notice(entity_id, call.caller.manager)
    return json_answer(documents.constraint_document(call.node, record, call.caller))


async def post_operational_intents(call: Call) -> Answer:
    """Declare one activity or many, as objects or as GeoJSON; a result an item, in order."""
    body, key = await call.json(), _idempotency_key(call)
    if key is None:
        return json_answer(await _declare_all(call, body, None))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    async with call.app.in_turn(key):      # a repeat that overtakes the first waits for it
        kept = call.node.remembered(key)
        if kept is not None:
            if kept[0] != digest:
                raise Conflict("was used with another body", code="idempotency_key_reused",
                               field="Idempotency-Key")
            return json_answer(json.loads(kept[1]), headers=((b"idempotent-replayed", b"true"),))
        results = await _declare_all(call, body, key)
        if all(item["status"] != "failed" for item in results["results"]):
            await call.node.remember(key, digest, json.dumps(results).encode())
        return json_answer(results)


async def _declare_all(call: Call, body: Any, key: str | None) -> dict[str, Any]:
    requests = _requests(call, body)
    gate = asyncio.Semaphore(BATCH_AT_ONCE)

    async def declare(i: int, asked: Intent | Notice | BadInput) -> dict[str, Any]:
        if isinstance(asked, BadInput):
            return _failed("", asked)
        if not asked.entity_id:
            asked = replace(asked, entity_id=_new_id(key, i))
        async with gate:
            return await _declare_one(call, asked, key is not None)

    tasks = [declare(i, asked) for i, asked in enumerate(requests)]
    return {"results": list(await asyncio.gather(*tasks))}


async def _declare_one(call: Call, asked: Intent | Notice, is_repeatable: bool) -> dict[str, Any]:
    try:
        if isinstance(asked, Notice):
            record = await call.node.give_notice(asked)
            return {"id": asked.entity_id, "status": ACCEPTED, "problem": None, "against": [],
                    "version": record.version, "ovn": record.ovn}
        outcome = await call.node.declare(asked)
    except LuftromError as error:
        record = call.node.airspace.entity(asked.entity_id)
        if (is_repeatable and error.code in ("exists", "pending") and record is not None
                and record.status in (ACCEPTED, PENDING)
                and documents.is_manager(call.node, record, call.caller)):
            # Declared by the request that this one repeats, whose answer was lost in a crash.
            status = ACCEPTED if record.status == ACCEPTED else "failed"
            return {"id": record.entity_id, "status": status, "against": [],
                    "problem": None if status == ACCEPTED else problem_document(error),
                    "version": record.version, "ovn": record.ovn}
        return _failed(asked.entity_id, error)
    if outcome.accepted:
        return {"id": asked.entity_id, "status": ACCEPTED, "problem": None, "against": [],
                "unacknowledged": list(outcome.unacknowledged),
                "version": outcome.operational_intent.version,
                "ovn": outcome.operational_intent.ovn}
    problem = problem_document(refusal(outcome))
    return {"id": asked.entity_id, "status": REFUSED, "problem": problem,
            "against": problem["against"]}


def _failed(entity_id: str, error: LuftromError) -> dict[str, Any]:
    return {"id": entity_id or None, "status": "failed", "problem": problem_document(error),
            "against": []}


def refusal(outcome: Any, suggestions: Sequence[Any] | None = None) -> Conflict:
    """A declaration that lost, as the refusal that its client gets, with what is free instead."""
    against = [documents.against_document(item) for item in outcome.against]
    sentences = " ".join(item["sentence"] for item in against)
    detail = {"against": against, "id": outcome.operational_intent.entity_id}
    if suggestions is not None:
        detail["suggestions"] = list(suggestions)
    return Conflict(sentences or "the declaration was refused", code="refused", detail=detail)


# -- bodies --------------------------------------------------------------------------------------

def _requests(call: Call, body: Any) -> Sequence[Intent | Notice | BadInput]:
    """What a POST asks for; an item that cannot be read stands as its refusal."""
    if is_geojson(body):
        items = parse_geojson(body)
        for item in items:
            _check_end(call, item.volumes, "features")
        return [replace(item, manager=call.caller.manager) if isinstance(item, Notice)
                else replace(item, manager=call.caller.manager, uss_base_url=call.app.base_url)
                for item in items]
    if not isinstance(body, dict):
        raise BadInput("must be an object or GeoJSON", field="body")
    if "operational_intents" not in body:
        return [_intent(call, body, _own_id(body, ""), "")]
    items = body["operational_intents"]
    if not isinstance(items, list) or not 0 < len(items) <= limits.BATCH_ITEMS_MAX:
        raise BadInput(f"must be a list of 1 to {limits.BATCH_ITEMS_MAX} items",
                       field="operational_intents")
    requests: list[Intent | Notice | BadInput] = []
    for i, item in enumerate(items):
        where = f"operational_intents[{i}]"
        try:
            requests.append(_intent(call, item, _own_id(item, where), where))
        except BadInput as error:
            requests.append(error)
    return requests


def _own_id(body: Any, where: str) -> str:
    given = body.get("id") if isinstance(body, dict) else None
    return "" if given is None else parse_entity_id(given, join_field(where, "id"))


def _intent(call: Call, body: Any, entity_id: str, where: str) -> Intent:
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
            uss_base_url=call.app.base_url if uss_base_url is None
            else parse_base_url(uss_base_url, "uss_base_url"),
            remarks=parse_text(members.get("remarks", ""), "remarks", limits.REMARKS_CHARS_MAX))
    except BadInput as error:
        raise BadInput(error.message, field=join_field(where, error.field or "")) from None


def _notice(call: Call, body: Any, entity_id: str) -> Notice:
    members = _members(body, ("id", "name", "kind", "volumes", "remarks"), "")
    if "id" in members and parse_entity_id(members["id"], "id") != entity_id:
        raise BadInput("differs from that of the path", field="id")
    volumes = parse_volumes(members.get("volumes"), "volumes")
    _check_end(call, volumes, "volumes")
    return Notice(
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


# -- what is asked for ---------------------------------------------------------------------------

_V1_INTENTS = "/v1/operational_intents"


async def _entity(call: Call) -> Record:
    entity_id = parse_entity_id(call.path["id"], "id")
    await call.node.settled()
    record = call.node.airspace.entity(entity_id)
    if record is None:
        raise NotFound(f"there is nothing under {entity_id}")
    return record


async def _if_match(call: Call, entity_id: str) -> str | None:
    """The OVN of an If-Match header, quoted or not; `*` is that of whichever version stands."""
    header = call.headers.get(b"if-match")
    if header is None:
        return None
    text = header.decode("latin-1").strip()
    if text == "*":
        await call.node.settled()
        record = call.node.airspace.current.get((entity_id, call.node.party))
        if record is None or not documents.is_manager(call.node, record, call.caller):
            raise NotFound(f"no operational intent {entity_id} of {call.caller.manager} stands")
        return record.ovn
    if len(text) > 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return parse_ovn(text, "If-Match")


def _shown(call: Call, record: Record, status: int = 200) -> Answer:
    document = documents.operational_intent_document(call.node, record, call.caller)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if "ovn" in document:
        headers = ((b"etag", f'"{record.ovn}"'.encode()),)
    if status == 201:
        headers += ((b"location", f"{_V1_INTENTS}/{record.entity_id}".encode()),)
    return json_answer(document, status, headers=headers)


def _idempotency_key(call: Call) -> str | None:
    header = call.headers.get(b"idempotency-key")
    if header is None:
        return None
    if not 0 < len(header) <= 255 or not header.isascii():
        raise BadInput("must have 1 to 255 ASCII characters", field="Idempotency-Key")
    owner = json.dumps([call.caller.manager, call.raw_path, header.decode()])
    return hashlib.sha256(owner.encode()).hexdigest()


def _new_id(key: str | None, item: int) -> str:
    """A version 4 UUID: random, or for an idempotency key always the same."""
    if key is None:
        return str(uuid.uuid4())
    return str(uuid.UUID(bytes=hashlib.sha256(f"{key} {item}".encode()).digest()[:16], version=4))
