"""`/v1/constraints`: prior notices, given, shown and withdrawn."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from luftrom import limits
from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS, WRITERS
from luftrom.api.v1 import documents
from luftrom.api.v1.bodies import read_constraint
from luftrom.api.v1.entities import find_entity
from luftrom.errors import NotFound
from luftrom.formats.f3548.volumes import parse_entity_id

_CONSTRAINTS = "/v1/constraints"


async def list_constraints(call: Call) -> Response:
    """Prior notices that stand, in pages, the one that changed last at the end."""
    after = call.integer("after", 0, 2**62)
    limit = max(1, call.integer("limit", limits.PAGE_ITEMS_MAX, limits.PAGE_ITEMS_MAX))

    def read() -> dict[str, Any]:
        airspace = call.node.airspace
        standing = sorted(((airspace.revision_of(r.entity_id), r) for r in airspace.current.values()
                           if r.is_constraint and airspace.revision_of(r.entity_id) > after),
                          key=lambda item: (item[0], item[1].party))
        page = documents.fitting(standing, limit)
        following = (f"{call.doors.base_path}{_CONSTRAINTS}?after={page[-1][0]}&limit={limit}"
                     if len(page) < len(standing) else None)
        return {"constraints": [documents.constraint_document(call.node, r, call.caller)
                                for _, r in page],
                "next": following, "revision": airspace.revision}

    return json_answer(await call.node.apart(read))


async def get_constraint(call: Call) -> Response:
    """One prior notice."""
    record = await find_entity(call)
    if not record.is_constraint:
        raise NotFound(f"{record.entity_id} is an operational intent")
    return json_answer(documents.constraint_document(call.node, record, call.caller))


async def put_constraint(call: Call) -> Response:
    """Give a prior notice, or replace the own one of that identifier."""
    entity_id = parse_entity_id(call.path["id"], "id")
    notice = await read_constraint(call, entity_id)
    record = await call.node.give_notice(notice)
    return json_answer(documents.constraint_document(call.node, record, call.caller),
                       201 if record.version == 1 else 200)


async def delete_constraint(call: Call) -> Response:
    """Withdraw a prior notice."""
    entity_id = parse_entity_id(call.path["id"], "id")
    record = await call.node.withdraw_notice(entity_id, call.caller.manager)
    return json_answer(documents.constraint_document(call.node, record, call.caller))


ROUTES = (
    Route("GET", _CONSTRAINTS, list_constraints, "Prior notices that stand: pages", "REST", READERS,
          responses=((200, "Constraints"),), parameters=("after", "limit")),
    Route("GET", "/v1/constraints/{id}", get_constraint, "One prior notice", "REST", READERS,
          responses=((200, "LuftromConstraint"),), errors=(404,)),
    Route("PUT", "/v1/constraints/{id}", put_constraint, "Give or replace a prior notice", "REST",
          WRITERS, request="ConstraintBody",
          responses=((200, "LuftromConstraint"), (201, "LuftromConstraint")), errors=(409,)),
    Route("DELETE", "/v1/constraints/{id}", delete_constraint, "Withdraw a prior notice", "REST",
          WRITERS, responses=((200, "LuftromConstraint"),), errors=(404, 409)),
)
