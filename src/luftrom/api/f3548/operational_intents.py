"""F3548-21 operations: the DSS side for references, the USS side for details and notifications.

A client of the DSS side names no priority and keeps its details itself; its extents are what
others stay clear of, and its key proves what it knew. Of what the node manages itself (declared
over REST), it serves the details on the USS side.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from starlette.responses import Response

from luftrom import limits
from luftrom.airspace.intent import ACCEPTED, OFF_NOMINAL_STATES, Intent
from luftrom.api.f3548.documents import details_document, reference_document
from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import DSS_CLIENTS, STRATEGIC
from luftrom.api.refused import Refused
from luftrom.clock import format_time
from luftrom.errors import BadInput, Forbidden, NotBuilt, NotFound, TooLarge
from luftrom.formats.f3548.operational_intents import (
    AskedReference,
    parse_notification,
    parse_ovn,
    parse_put_reference,
    parse_query,
)
from luftrom.formats.f3548.volumes import parse_entity_id
from luftrom.state.record import ACCEPTED as STANDS
from luftrom.state.record import Record, declared


async def query_operational_intent_references(call: Call) -> Response:
    """References whose volumes overlap an area of interest."""
    area = await call.read(parse_query)

    def read() -> list[dict[str, Any]]:
        found = [r for r in call.node.airspace.query(area) if r.intent is not None]
        if len(found) > limits.QUERY_ITEMS_MAX:
            raise TooLarge(f"{len(found)} operational intents overlap this area; at most "
                           f"{limits.QUERY_ITEMS_MAX} are shown: ask for a smaller one, or for a "
                           "shorter time", field="area_of_interest")
        return [reference_document(call.node, record, call.caller) for record in found]

    return json_answer({"operational_intent_references": await call.node.apart(read)})


async def get_operational_intent_reference(call: Call) -> Response:
    """One reference."""
    record = await _standing(call)
    return json_answer({"operational_intent_reference":
                        reference_document(call.node, record, call.caller)})


async def create_operational_intent_reference(call: Call) -> Response:
    """Create a reference: 201, or 409 with what the key does not name."""
    return await _put(call, None, 201)


async def update_operational_intent_reference(call: Call) -> Response:
    """Change a reference in place of the version that bears the path's OVN."""
    return await _put(call, parse_ovn(call.path["ovn"], "ovn"), 200)


async def delete_operational_intent_reference(call: Call) -> Response:
    """End an operational intent."""
    entity_id = parse_entity_id(call.path["entityid"], "entityid")
    ovn = parse_ovn(call.path["ovn"], "ovn")
    await call.node.settled()
    if not _stands(call.node.airspace.entity(entity_id)):
        raise NotFound(f"there is no operational intent {entity_id}")
    record = await call.node.withdraw(entity_id, ovn, call.caller.manager)
    return _changed(call, record, 200)


async def get_operational_intent_details(call: Call) -> Response:
    """Details of an intent that this node manages; 404 for those of others."""
    record = await _standing(call)
    intent = declared(record).intent
    if record.party != call.node.party or intent.priority is None:
        raise NotFound(f"the details of {record.entity_id} are at {intent.uss_base_url}")
    reference = reference_document(call.node, record, call.caller, show_ovn=True)
    return json_answer({"operational_intent": {"reference": reference,
                                               "details": details_document(record)}})


async def notify_operational_intent_details_changed(call: Call) -> Response:
    """Take in a peer USS's notification; it is recorded as a closed statement."""
    notification = await call.read(parse_notification)
    manager = call.caller.manager
    if notification.manager not in (None, manager):
        raise Forbidden(f"{manager} does not manage {notification.operational_intent_id}")
    await call.node.settled()
    known = call.node.airspace.entity(notification.operational_intent_id)
    if _stands(known) and declared(known).intent.manager != manager:
        raise Forbidden(f"{manager} does not manage {notification.operational_intent_id}")
    await call.node.notify(manager, notification.document)
    return Response(status_code=204)


async def _put(call: Call, ovn: str | None, status: int) -> Response:
    entity_id = parse_entity_id(call.path["entityid"], "entityid")
    asked = await call.read(parse_put_reference)
    _check_scope(call, asked.state)
    _check_subscription(asked)
    now_ns = call.node.clock.now_ns()
    if max(v.time_end_ns for v in asked.extents) <= now_ns:
        raise BadInput(f"end before now, {format_time(now_ns)}", field="extents")
    intent = Intent(entity_id=entity_id, manager=call.caller.manager, name="", state=asked.state,
                    priority=None, volumes=asked.extents, uss_base_url=asked.uss_base_url,
                    key=asked.key)
    outcome = await call.node.declare(intent, ovn=ovn, require_key=True)
    if not outcome.accepted:
        raise Refused(outcome)
    return _changed(call, outcome.operational_intent, status)


def _check_scope(call: Call, state: str) -> None:
    """Situational awareness alone may only say what flies off its plan (F3548-21, scopes)."""
    if state not in OFF_NOMINAL_STATES:
        call.caller.require([STRATEGIC])


def _check_subscription(asked: AskedReference) -> None:
    """Promise no notifications that would not come."""
    for name, given in (("subscription_id", asked.subscription_id is not None),
                        ("new_subscription", asked.has_new_subscription)):
        if given:
            raise NotBuilt(f"subscriptions are not built yet, so {name} cannot be honoured; "
                           f"leave it out in state {ACCEPTED}", field=name)
    if asked.state != ACCEPTED:
        raise NotBuilt(f"F3548-21 asks for a subscription in state {asked.state}, and "
                       "subscriptions are not built yet; /v1/operational_intents takes this "
                       "state without one", field="state")


async def _standing(call: Call) -> Record:
    entity_id = parse_entity_id(call.path["entityid"], "entityid")
    await call.node.settled()
    record = call.node.airspace.entity(entity_id)
    if not _stands(record):
        raise NotFound(f"there is no operational intent {entity_id}")
    return record


def _stands(record: Record | None) -> TypeGuard[Record]:
    return record is not None and record.status == STANDS and record.intent is not None


def _changed(call: Call, record: Record, status: int) -> Response:
    document: dict[str, Any] = {
        "operational_intent_reference": reference_document(call.node, record, call.caller),
        "subscribers": []}
    return json_answer(document, status)


_REFERENCES = "/dss/v1/operational_intent_references"
_DSS, _USS = "F3548-21: DSS, operational intent references", "F3548-21: USS"
_PUT = "PutOperationalIntentReferenceParameters"
_CHANGED = "ChangeOperationalIntentReferenceResponse"

ROUTES = (
    Route("PUT", _REFERENCES + "/{entityid}", create_operational_intent_reference,
          "Create a reference", _DSS, DSS_CLIENTS, request=_PUT, responses=((201, _CHANGED),),
          errors=(409, 501)),
    Route("PUT", _REFERENCES + "/{entityid}/{ovn}", update_operational_intent_reference,
          "Change a reference in place of the version that bears the OVN", _DSS, DSS_CLIENTS,
          request=_PUT, responses=((200, _CHANGED),), errors=(404, 409, 501)),
    Route("GET", _REFERENCES + "/{entityid}", get_operational_intent_reference,
          "Read a reference", _DSS, DSS_CLIENTS,
          responses=((200, "GetOperationalIntentReferenceResponse"),), errors=(404,)),
    Route("DELETE", _REFERENCES + "/{entityid}/{ovn}", delete_operational_intent_reference,
          "End an operational intent", _DSS, DSS_CLIENTS, responses=((200, _CHANGED),),
          errors=(404, 409)),
    Route("POST", _REFERENCES + "/query", query_operational_intent_references,
          "References that overlap an area of interest", _DSS, DSS_CLIENTS,
          request="QueryOperationalIntentReferenceParameters",
          responses=((200, "QueryOperationalIntentReferenceResponse"),)),
    Route("GET", "/uss/v1/operational_intents/{entityid}", get_operational_intent_details,
          "Details of an operational intent that this node manages", _USS, (STRATEGIC,),
          responses=((200, "GetOperationalIntentDetailsResponse"),), errors=(404,)),
    Route("POST", "/uss/v1/operational_intents", notify_operational_intent_details_changed,
          "Notify of changed details; recorded as a closed statement", _USS, (STRATEGIC,),
          request="PutOperationalIntentDetailsParameters", responses=((204, None),),
          errors=(409,)),
)
