"""JSON Schemas for the OpenAPI document: of what the API gives, beside those of what it takes.

The structs that bodies are read into describe themselves; answers are described here. The F3548
names and members are the standard's; limits are those of `limits`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from luftrom import limits
from luftrom.airspace.intent import STATES
from luftrom.airspace.suggestions import KINDS
from luftrom.api.v1 import schemas as v1
from luftrom.formats.f3548 import schemas as f3548


def ref(name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _bodies() -> dict[str, Any]:
    """The schemas of all that clients send, by the names of their structs."""
    return msgspec.json.schema_components(
        (*f3548.BODIES, *v1.BODIES), ref_template="#/components/schemas/{name}")[1]


def _object(required: str, **properties: Any) -> dict[str, Any]:
    """An object; `required` names its required members, separated by spaces."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    return schema


def _list(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_STRING, _INTEGER, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_BOOLEAN = {"type": "boolean"}
_WHEN = {"type": "string", "format": "date-time"}
_STATE = {"type": "string", "enum": list(STATES)}
_VOLUMES = _list(ref("Volume4D"), maxItems=limits.VOLUMES_MAX)

_F3548: dict[str, Any] = {
    "EntityID": {"type": "string", "pattern": f3548.UUID4},
    "EntityOVN": {"type": "string", "minLength": f3548.OVN_CHARS_MIN,
                  "maxLength": f3548.OVN_CHARS_MAX},
    "ErrorResponse": _object("message", message=_STRING, code=_STRING, field=_STRING),
    "OperationalIntentReference": _object(
        "id manager uss_availability version state time_start time_end uss_base_url "
        "subscription_id", id=ref("EntityID"), manager=_STRING,
        uss_availability={"enum": ["Unknown", "Normal", "Down"]}, version=_INTEGER, state=_STATE,
        ovn=ref("EntityOVN"), time_start=ref("Time"), time_end=ref("Time"),
        uss_base_url=_STRING, subscription_id=ref("EntityID")),
    "GetOperationalIntentReferenceResponse": _object(
        "operational_intent_reference",
        operational_intent_reference=ref("OperationalIntentReference")),
    "ChangeOperationalIntentReferenceResponse": _object(
        "operational_intent_reference subscribers", subscribers=_list({"type": "object"}),
        operational_intent_reference=ref("OperationalIntentReference")),
    "QueryOperationalIntentReferenceResponse": _object(
        "operational_intent_references",
        operational_intent_references=_list(ref("OperationalIntentReference"))),
    "AirspaceConflictResponse": _object(
        "message", message=_STRING, code=_STRING, field=_STRING,
        missing_operational_intents=_list(ref("OperationalIntentReference"))),
    "GetOperationalIntentDetailsResponse": _object(
        "operational_intent", operational_intent=ref("OperationalIntent")),
}

_OUTSIDE_TERMS = _or_null(_object(
    "term value bound", term=_STRING, value=_or_null(_NUMBER),
    bound={"anyOf": [_NUMBER, _list(_INTEGER), {"type": "null"}]}))
_USAGE = _list(_object("party quotas", party=_STRING, quotas=_list(_object(
    "term used most", term=_STRING, used=_NUMBER, most=_NUMBER))))
_AGAINST = _object("party id name rule sentence", party=_STRING, id=_STRING, name=_STRING,
                   rule=_STRING, sentence=_STRING)
_STATEMENT = _object("log index time", log=_STRING, index=_INTEGER, time=_WHEN)
_SIDE = _object("id party name priority version", id=_STRING, party=_STRING, name=_STRING,
                priority=_or_null(_INTEGER), version=_INTEGER)
_HOLDER = _object("party id name rule reason", party=_STRING, id=_STRING, name=_STRING,
                  rule=_STRING, reason=_STRING)
_SUGGESTION = _object(
    "kind sentence time_shift_s altitude_shift_m lateral_shift_m bearing_deg volumes verified_at",
    kind={"enum": list(KINDS)}, sentence=_STRING, time_shift_s=_INTEGER,
    altitude_shift_m=_INTEGER, lateral_shift_m=_INTEGER, bearing_deg=_or_null(_NUMBER),
    volumes=_VOLUMES | {"minItems": 1}, verified_at=_WHEN)

_LUFTROM: dict[str, Any] = {
    "Any": {},
    "Problem": _object("type title status detail code", type=_STRING, title=_STRING,
                       status=_INTEGER, detail=_STRING, code=_STRING, field=_STRING,
                       against=_list(_AGAINST), suggestions=_list(_SUGGESTION)),
    "Declarations": {"anyOf": [
        ref("Declaration"),
        ref("Batch"),
        {"type": "object", "required": ["type"], "description": "GeoJSON; see docs/geojson.md",
         "properties": {"type": {"enum": ["FeatureCollection", "Feature"]}}}]},
    "Result": _object("id status problem against", id=_or_null(_STRING),
                      status={"enum": ["accepted", "refused", "failed"]},
                      problem=_or_null(ref("Problem")), against=_list(_AGAINST), ovn=_STRING,
                      version=_INTEGER, unacknowledged=_list(_STRING)),
    "Results": _object("results", results=_list(ref("Result"))),
    "LuftromOperationalIntent": _object(
        "id party manager name version state priority status volumes statement ruling revision",
        id=_STRING, party=_STRING, manager=_or_null(_STRING), name=_STRING, version=_INTEGER,
        state=_or_null(_STATE), priority=_or_null(_INTEGER),
        status={"enum": ["accepted", "refused", "pending", "withdrawn", "void"]},
        outside_terms=_OUTSIDE_TERMS,
        unacknowledged=_list(_STRING), time_start=_or_null(_WHEN), time_end=_or_null(_WHEN),
        volumes=_VOLUMES, off_nominal_volumes=_VOLUMES, remarks=_STRING, uss_base_url=_STRING,
        statement=_STATEMENT, revision=_INTEGER, ovn=ref("EntityOVN"),
        ruling=_or_null(_object("index accepted against", index=_INTEGER, accepted=_BOOLEAN,
                                against=_list(_AGAINST)))),
    "OperationalIntents": _object(
        "operational_intents next revision", next=_or_null(_STRING), revision=_INTEGER,
        operational_intents=_list(ref("LuftromOperationalIntent"))),
    "Suggestions": _object("id suggestions", id=ref("EntityID"), suggestions=_list(_SUGGESTION)),
    "LuftromConstraint": _object(
        "id party manager name kind volumes status statement revision", id=_STRING,
        party=_STRING, manager=_STRING, name=_STRING, kind=_STRING, version=_INTEGER,
        volumes=_VOLUMES, remarks=_STRING, time_start=_or_null(_WHEN), time_end=_or_null(_WHEN),
        status={"enum": ["accepted", "withdrawn", "void"]}, statement=_STATEMENT,
        outside_terms=_OUTSIDE_TERMS, revision=_INTEGER,
        ovn=ref("EntityOVN")),
    "Constraints": _object("constraints next revision", constraints=_list(
        ref("LuftromConstraint")), next=_or_null(_STRING), revision=_INTEGER),
    "Conflict": _object(
        "id kind first second time_start time_end lateral_m vertical_m right_of_way sentence",
        id=_STRING, kind={"enum": ["operational_intents", "constraint"]}, first=_SIDE,
        second=_SIDE, time_start=_WHEN, time_end=_WHEN, lateral_m=_NUMBER, vertical_m=_NUMBER,
        where=_object("lat lng", lat=_NUMBER, lng=_NUMBER), altitude_m_w84_lower=_NUMBER,
        altitude_m_w84_upper=_NUMBER, right_of_way=_HOLDER, sentence=_STRING),
    "Conflicts": _object(
        "conflicts horizon method digest next", conflicts=_list(ref("Conflict")),
        horizon=_object("time_start time_end", time_start=_WHEN, time_end=_WHEN),
        method=_STRING, digest=_STRING, next=_or_null(_STRING)),
    "Channel": _object(
        "peer base_url state last_heard age_s", peer=_STRING, base_url=_STRING,
        state={"enum": ["fresh", "withholding", "stale", "silent", "broken"]},
        last_heard=_or_null(_WHEN),
        age_s=_or_null(_NUMBER), round_trip_ms=_or_null(_NUMBER), mirror_size=_INTEGER,
        applied_size=_INTEGER, receipt_size=_INTEGER, receipts_outstanding=_INTEGER,
        last_error=_or_null(_STRING), checks_made=_INTEGER, checks_missed=_INTEGER,
        kernels_digest=_or_null(_STRING), clock_offset_s=_or_null(_NUMBER),
        withheld=_list(_object("what sentence age_s", what={"enum": [
            "receipts", "openings", "rulings"]}, sentence=_STRING, age_s=_NUMBER)),
        forked=_or_null(_object("since end", since=_WHEN, end=_INTEGER))),
    "Status": _object(
        "party time version kernels_digest agreement state wholeness log airspace bounds channels",
        party=_STRING, bounds=_USAGE,
        time=_WHEN, version=_STRING, kernels_digest=_STRING, agreement=_or_null({"type": "object"}),
        state={"enum": ["in_force", "no_agreement"]},
        wholeness=_object("state reasons mend", state={"enum": [
            "open", "asking", "suspect", "damaged", "behind", "forked", "catching_up",
            "clock_off"]}, reasons=_list(_STRING), mend=_STRING),
        log=_object("origin size root", origin=_STRING, size=_INTEGER, root=_STRING),
        airspace=_object("revision digest operational_intents constraints conflicts",
                         revision=_INTEGER, digest=_STRING, operational_intents=_INTEGER,
                         constraints=_INTEGER, conflicts=_INTEGER),
        channels=_list(ref("Channel"))),
    "AgreementInForce": _object("agreement usage", agreement={"type": "object"}, usage=_USAGE),
    "Proofs": _object("proofs", proofs=_list(_object("party kind document", party=_STRING,
                                                     kind=_STRING, document=_STRING))),
    "Health": _object("status party time", status={"const": "ok"}, party=_STRING, time=_WHEN),
}

SCHEMAS: dict[str, Any] = _bodies() | _F3548 | _LUFTROM
