"""What a path of /v1 names: the record under an identifier, and the version that is meant."""

from __future__ import annotations

from starlette.responses import Response

from luftrom.api.http.call import Call, json_answer
from luftrom.api.v1 import documents
from luftrom.errors import NotFound
from luftrom.formats.f3548.operational_intents import parse_ovn
from luftrom.formats.f3548.volumes import parse_entity_id
from luftrom.state.record import Record

# -- what is asked for ---------------------------------------------------------------------------

V1_INTENTS = "/v1/operational_intents"


async def find_entity(call: Call) -> Record:
    """The record that the path names, once it is durable. Raises BadInput, NotFound."""
    entity_id = parse_entity_id(call.path["id"], "id")
    await call.node.settled()
    record = call.node.airspace.entity(entity_id)
    if record is None:
        raise NotFound(f"there is nothing under {entity_id}")
    return record


async def if_match(call: Call, entity_id: str) -> str | None:
    """The OVN of an If-Match header, quoted or not; `*` is that of whichever version stands."""
    header = call.headers.get("if-match")
    if header is None:
        return None
    text = header.strip()
    if text == "*":
        await call.node.settled()
        record = call.node.airspace.current.get((entity_id, call.node.party))
        if record is None or not documents.is_manager(call.node, record, call.caller):
            raise NotFound(f"no operational intent {entity_id} of {call.caller.manager} stands")
        return record.ovn
    if len(text) > 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return parse_ovn(text, "If-Match")


def shown(call: Call, record: Record, status: int = 200) -> Response:
    """The record as an answer: with its OVN as ETag, and its place where it is new."""
    document = documents.operational_intent_document(call.node, record, call.caller)
    headers = {}
    if "ovn" in document:
        headers["etag"] = f'"{record.ovn}"'
    if status == 201:
        headers["location"] = f"{V1_INTENTS}/{record.entity_id}"
    return json_answer(document, status, headers)
