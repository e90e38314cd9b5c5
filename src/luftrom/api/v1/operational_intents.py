"""`/v1/operational_intents`: declare, look at, change and withdraw activities.

Bodies are F3548 volumes or GeoJSON (docs/geojson.md); everything that is refused says which
member was at fault.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.api.http.call import Call, beside, json_answer
from luftrom.api.http.problem import problem_document
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS, WRITERS
from luftrom.api.refused import Refused
from luftrom.api.v1 import documents
from luftrom.api.v1.bodies import (
    Posted,
    idempotency_key,
    new_id,
    read_any,
    read_intent,
    read_requests,
)
from luftrom.api.v1.entities import V1_INTENTS, find_entity, if_match, shown
from luftrom.errors import BadInput, Conflict, LuftromError, NotFound
from luftrom.formats.f3548.volumes import parse_entity_id
from luftrom.state.record import ACCEPTED, PENDING, REFUSED, Record

BATCH_AT_ONCE = 256                        # declarations of one batch that wait for rulings


async def list_operational_intents(call: Call) -> Response:
    """Operational intents that changed after a revision, oldest change first."""
    after = call.integer("after", 0, 2**62)
    limit = max(1, call.integer("limit", limits.PAGE_ITEMS_MAX, limits.PAGE_ITEMS_MAX))
    def read() -> dict[str, Any]:
        airspace = call.node.airspace
        changes, more = airspace.changes(after, limit)
        page = documents.fitting(changes, limit)
        found = [documents.operational_intent_document(call.node, record, call.caller)
                 for _, record in page if record is not None and not record.is_constraint]
        following = (f"{call.doors.base_path}{V1_INTENTS}?after={page[-1][0]}&limit={limit}"
                     if more or len(page) < len(changes) else None)
        return {"operational_intents": found, "next": following, "revision": airspace.revision}

    return json_answer(await call.node.apart(read))


async def get_operational_intent(call: Call) -> Response:
    """One operational intent: what stands, or else what was declared last."""
    record = await find_entity(call)
    if record.is_constraint:
        raise NotFound(f"{record.entity_id} is a constraint")
    return shown(call, record)


async def get_suggestions(call: Call) -> Response:
    """What is free now instead of the own declaration that was refused last."""
    entity_id = parse_entity_id(call.path["id"], "id")
    await call.node.settled()
    record = call.node.airspace.latest_of(call.node.party, entity_id)
    if record is None or record.is_constraint:
        raise NotFound(f"{call.node.party} has declared no operational intent {entity_id}")
    if record.status != REFUSED:
        raise Conflict(f"{entity_id} is {record.status}; suggestions are for what was refused")
    return json_answer({"id": entity_id, "suggestions": await _suggestions(call, record)})


async def _suggestions(call: Call, refused: Record) -> list[dict[str, Any]]:
    found, verified_at_ns = await call.node.suggestions(refused)
    return [documents.suggestion_document(each, verified_at_ns) for each in found]


# -- writing -------------------------------------------------------------------------------------

async def put_operational_intent(call: Call) -> Response:
    """Declare an operational intent under an identifier: new, or by If-Match a later version."""
    entity_id = parse_entity_id(call.path["id"], "id")
    intent = await read_intent(call, entity_id)
    ovn = await if_match(call, entity_id)
    outcome = await call.node.declare(intent, ovn=ovn)
    if not outcome.accepted:
        raise Refused(outcome, await _suggestions(call, outcome.operational_intent))
    return shown(call, outcome.operational_intent, 201 if ovn is None else 200)


async def delete_operational_intent(call: Call) -> Response:
    """Withdraw an operational intent."""
    entity_id = parse_entity_id(call.path["id"], "id")
    ovn = await if_match(call, entity_id)
    return shown(call, await call.node.withdraw(entity_id, ovn, call.caller.manager))


async def post_operational_intents(call: Call) -> Response:
    """Declare one activity or many, as objects or as GeoJSON; a result an item, in order."""
    key = idempotency_key(call)
    posted = await read_any(call, key is not None)
    if key is None or posted.digest is None:
        return json_answer(await _declare_all(call, posted, None))
    async with call.doors.in_turn(key):      # a repeat that overtakes the first waits for it
        kept = call.node.remembered(key)
        if kept is not None:
            if kept[0] != posted.digest:
                raise Conflict("was used with another body", code="idempotency_key_reused",
                               field="Idempotency-Key")
            return json_answer(json.loads(kept[1]), headers={"idempotent-replayed": "true"})
        results = await _declare_all(call, posted, key)
        if all(item["status"] != "failed" for item in results["results"]):
            await call.node.remember(key, posted.digest, json.dumps(results).encode())
        return json_answer(results)


async def _declare_all(call: Call, posted: Posted, key: str | None) -> dict[str, Any]:
    requests = await beside(posted.size_bytes, lambda: read_requests(call, posted.body))
    gate = asyncio.Semaphore(BATCH_AT_ONCE)

    async def declare(i: int, asked: Intent | Constraint | BadInput) -> dict[str, Any]:
        if isinstance(asked, BadInput):
            return _failed("", asked)
        if not asked.entity_id:
            asked = replace(asked, entity_id=new_id(key, i))
        async with gate:
            return await _declare_one(call, asked, key is not None)

    tasks = [declare(i, asked) for i, asked in enumerate(requests)]
    return {"results": list(await asyncio.gather(*tasks))}


async def _declare_one(call: Call, asked: Intent | Constraint, is_repeatable: bool
                       ) -> dict[str, Any]:
    try:
        if isinstance(asked, Constraint):
            record = await call.node.give_notice(asked)
            return {"id": asked.entity_id, "status": ACCEPTED, "problem": None, "against": [],
                    "version": record.version, "ovn": record.ovn}
        outcome = await call.node.declare(asked)
    except LuftromError as error:
        known = call.node.airspace.entity(asked.entity_id)
        if (is_repeatable and error.code in ("exists", "pending") and known is not None
                and known.status in (ACCEPTED, PENDING)
                and documents.is_manager(call.node, known, call.caller)):
            # Declared by the request that this one repeats, whose answer was lost in a crash.
            status = ACCEPTED if known.status == ACCEPTED else "failed"
            return {"id": known.entity_id, "status": status, "against": [],
                    "problem": None if status == ACCEPTED else problem_document(error),
                    "version": known.version, "ovn": known.ovn}
        return _failed(asked.entity_id, error)
    if outcome.accepted:
        return {"id": asked.entity_id, "status": ACCEPTED, "problem": None, "against": [],
                "unacknowledged": list(outcome.unacknowledged),
                "version": outcome.operational_intent.version,
                "ovn": outcome.operational_intent.ovn}
    problem = problem_document(Refused(outcome))
    return {"id": asked.entity_id, "status": REFUSED, "problem": problem,
            "against": problem["against"]}


def _failed(entity_id: str, error: LuftromError) -> dict[str, Any]:
    return {"id": entity_id or None, "status": "failed", "problem": problem_document(error),
            "against": []}


_PATH = V1_INTENTS + "/{id}"

ROUTES = (
    Route("GET", V1_INTENTS, list_operational_intents,
          "Operational intents by revision: pages, and then what changes", "REST", READERS,
          responses=((200, "OperationalIntents"),), parameters=("after", "limit")),
    Route("POST", V1_INTENTS, post_operational_intents,
          "Declare one or many, as JSON or GeoJSON; a result an item", "REST", WRITERS,
          request="Declarations", responses=((200, "Results"),), parameters=("Idempotency-Key",),
          errors=(409,)),
    Route("GET", _PATH, get_operational_intent, "One operational intent", "REST", READERS,
          responses=((200, "LuftromOperationalIntent"),), errors=(404,)),
    Route("PUT", _PATH, put_operational_intent,
          "Declare, or with If-Match replace the version of that OVN", "REST", WRITERS,
          request="Declaration", parameters=("If-Match",), errors=(404, 409),
          responses=((200, "LuftromOperationalIntent"), (201, "LuftromOperationalIntent"))),
    Route("DELETE", _PATH, delete_operational_intent, "Withdraw", "REST", WRITERS,
          responses=((200, "LuftromOperationalIntent"),), parameters=("If-Match",),
          errors=(404, 409)),
    Route("GET", _PATH + "/suggestions", get_suggestions,
          "What is free now instead of an own refused declaration", "REST", READERS,
          responses=((200, "Suggestions"),), errors=(404, 409)),
)
