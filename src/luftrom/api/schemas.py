"""JSON Schemas of what the API takes and gives, for the OpenAPI document.

The F3548 names and members are the standard's; limits are those of `limits`. Altitudes are taken
in feet as well, which the standard does not ask for.
"""

from __future__ import annotations

from typing import Any

from luftrom import limits
from luftrom.airspace import STATES
from luftrom.suggestions import KINDS

_UUID4 = ("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}"
          "-[0-9a-fA-F]{12}$")
_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$"


def ref(name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    """An object; `required` names its required members, separated by spaces."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    return schema


def _list(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _text(chars_max: int, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": chars_max, **more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_STRING, _INTEGER, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_BOOLEAN = {"type": "boolean"}
_WHEN = {"type": "string", "format": "date-time"}
_STATE = {"type": "string", "enum": list(STATES)}
_PRIORITY = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_VOLUMES = _list(ref("Volume4D"), maxItems=limits.VOLUMES_MAX)
_NAME, _REMARKS = _text(limits.NAME_CHARS_MAX), _text(limits.REMARKS_CHARS_MAX)
_BASE_URL = _text(2048, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?$")

_GEOMETRY: dict[str, Any] = {
    "EntityID": {"type": "string", "pattern": _UUID4},
    "EntityOVN": {"type": "string", "minLength": 16, "maxLength": 128},
    "Time": _object("value format", value={"type": "string", "pattern": _TIME},
                    format={"const": "RFC3339"}),
    "Radius": _object("value units", value={
        "type": "number", "exclusiveMinimum": 0, "maximum": limits.RADIUS_M_MAX},
        units={"const": "M"}),
    "Altitude": _object(
        "value reference units",
        value={"type": "number", "minimum": limits.ALTITUDE_M_W84_MIN,
               "maximum": limits.ALTITUDE_M_W84_MAX},
        reference={"const": "W84"}, units={"enum": ["M", "FT"]}),
    "LatLngPoint": _object("lat lng", lat={"type": "number", "minimum": -90, "maximum": 90},
                           lng={"type": "number", "minimum": -180, "maximum": 180}),
    "Polygon": _object("vertices", vertices=_list(
        ref("LatLngPoint"), minItems=3, maxItems=limits.RING_VERTICES_MAX)),
    "Circle": _object("center radius", center=ref("LatLngPoint"), radius=ref("Radius")),
    "Volume3D": {
        "type": "object", "description": "Exactly one outline.",
        "properties": {"outline_circle": ref("Circle"), "outline_polygon": ref("Polygon"),
                       "altitude_lower": ref("Altitude"), "altitude_upper": ref("Altitude")},
        "oneOf": [{"required": ["outline_circle"]}, {"required": ["outline_polygon"]}]},
    "Volume4D": _object("volume time_start time_end", time_start=ref("Time"),
                        time_end=ref("Time"), volume={"allOf": [ref("Volume3D"), {
                            "required": ["altitude_lower", "altitude_upper"]}]}),
    "AreaOfInterest": _object("volume", volume=ref("Volume3D"), time_start=ref("Time"),
                              time_end=ref("Time")),
}

_F3548: dict[str, Any] = {
    "ErrorResponse": _object("message", message=_STRING, code=_STRING, field=_STRING),
    "OperationalIntentReference": _object(
        "id manager uss_availability version state time_start time_end uss_base_url "
        "subscription_id", id=ref("EntityID"), manager=_STRING,
        uss_availability={"enum": ["Unknown", "Normal", "Down"]}, version=_INTEGER, state=_STATE,
        ovn=ref("EntityOVN"), time_start=ref("Time"), time_end=ref("Time"),
        uss_base_url=_STRING, subscription_id=ref("EntityID")),
    "PutOperationalIntentReferenceParameters": _object(
        "extents state uss_base_url", extents=_VOLUMES | {"minItems": 1},
        key=_list(ref("EntityOVN"), maxItems=limits.KEY_OVNS_MAX), state=_STATE,
        uss_base_url=_BASE_URL, subscription_id=ref("EntityID"),
        new_subscription=_object("uss_base_url", uss_base_url=_BASE_URL,
                                 notify_for_constraints=_BOOLEAN)),
    "GetOperationalIntentReferenceResponse": _object(
        "operational_intent_reference",
        operational_intent_reference=ref("OperationalIntentReference")),
    "ChangeOperationalIntentReferenceResponse": _object(
        "operational_intent_reference subscribers", subscribers=_list({"type": "object"}),
        operational_intent_reference=ref("OperationalIntentReference")),
    "QueryOperationalIntentReferenceParameters": _object(
        "area_of_interest", area_of_interest=ref("AreaOfInterest")),
    "QueryOperationalIntentReferenceResponse": _object(
        "operational_intent_references",
        operational_intent_references=_list(ref("OperationalIntentReference"))),
    "AirspaceConflictResponse": _object(
        "message", message=_STRING, code=_STRING, field=_STRING,
        missing_operational_intents=_list(ref("OperationalIntentReference"))),
    "OperationalIntentDetails": _object("", volumes=_VOLUMES, off_nominal_volumes=_VOLUMES,
                                        priority=_PRIORITY),
    "OperationalIntent": _object("reference details", reference=ref("OperationalIntentReference"),
                                 details=ref("OperationalIntentDetails")),
    "GetOperationalIntentDetailsResponse": _object(
        "operational_intent", operational_intent=ref("OperationalIntent")),
    "SubscriptionState": _object("subscription_id notification_index",
                                 subscription_id=ref("EntityID"),
                                 notification_index={"type": "integer", "minimum": 0,
                                                     "maximum": 2**31 - 1}),
    "PutOperationalIntentDetailsParameters": _object(
        "operational_intent_id subscriptions", operational_intent_id=ref("EntityID"),
        operational_intent=ref("OperationalIntent"),
        subscriptions=_list(ref("SubscriptionState"), minItems=1, maxItems=1000)),
}

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
_DECLARATION = {
    "name": _NAME, "state": _STATE, "priority": _PRIORITY, "volumes": _VOLUMES,
    "off_nominal_volumes": _VOLUMES, "remarks": _REMARKS, "uss_base_url": _BASE_URL,
    "id": ref("EntityID")}

_LUFTROM: dict[str, Any] = {
    "Any": {},
    "Problem": _object("type title status detail code", type=_STRING, title=_STRING,
                       status=_INTEGER, detail=_STRING, code=_STRING, field=_STRING,
                       against=_list(_AGAINST), suggestions=_list(_SUGGESTION)),
    "Declaration": {"type": "object", "properties": _DECLARATION, "required": ["volumes"],
                    "additionalProperties": False},
    "Declarations": {"anyOf": [
        ref("Declaration"),
        {**_object("operational_intents", operational_intents=_list(
            ref("Declaration"), minItems=1, maxItems=limits.BATCH_ITEMS_MAX))},
        {"type": "object", "required": ["type"], "description": "GeoJSON; see docs/geojson.md",
         "properties": {"type": {"enum": ["FeatureCollection", "Feature"]}}}]},
    "NoticeBody": {"type": "object", "required": ["volumes"], "additionalProperties": False,
                   "properties": {"id": ref("EntityID"), "name": _NAME, "kind": _NAME,
                                  "volumes": _VOLUMES | {"minItems": 1}, "remarks": _REMARKS}},
    "Result": _object("id status problem against", id=_or_null(_STRING),
                      status={"enum": ["accepted", "refused", "failed"]},
                      problem=_or_null(ref("Problem")), against=_list(_AGAINST), ovn=_STRING,
                      version=_INTEGER, unacknowledged=_list(_STRING)),
    "Results": _object("results", results=_list(ref("Result"))),
    "LuftromOperationalIntent": _object(
        "id party manager name version state priority status volumes statement ruling revision",
        id=_STRING, party=_STRING, manager=_or_null(_STRING), name=_STRING, version=_INTEGER,
        state=_or_null(_STATE), priority=_or_null(_INTEGER),
        status={"enum": ["accepted", "refused", "pending", "withdrawn"]},
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
        status={"enum": ["accepted", "withdrawn"]}, statement=_STATEMENT, revision=_INTEGER,
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
        method=_STRING, digest=_STRING, next={"type": "null"}),
    "Channel": _object(
        "peer base_url state last_heard age_s", peer=_STRING, base_url=_STRING,
        state={"enum": ["fresh", "stale", "silent", "broken"]}, last_heard=_or_null(_WHEN),
        age_s=_or_null(_NUMBER), round_trip_ms=_or_null(_NUMBER), mirror_size=_INTEGER,
        applied_size=_INTEGER, receipt_size=_INTEGER, receipts_outstanding=_INTEGER,
        last_error=_or_null(_STRING), checks_made=_INTEGER, checks_missed=_INTEGER),
    "Status": _object(
        "party time version kernels_digest agreement state log airspace channels", party=_STRING,
        time=_WHEN, version=_STRING, kernels_digest=_STRING, agreement=_or_null({"type": "object"}),
        state={"enum": ["in_force", "no_agreement"]},
        log=_object("origin size root", origin=_STRING, size=_INTEGER, root=_STRING),
        airspace=_object("revision digest operational_intents constraints conflicts",
                         revision=_INTEGER, digest=_STRING, operational_intents=_INTEGER,
                         constraints=_INTEGER, conflicts=_INTEGER),
        channels=_list(ref("Channel"))),
    "Proofs": _object("proofs", proofs=_list(_object("party kind document", party=_STRING,
                                                     kind=_STRING, document=_STRING))),
    "Health": _object("status party time", status={"const": "ok"}, party=_STRING, time=_WHEN),
}

SCHEMAS: dict[str, Any] = _GEOMETRY | _F3548 | _LUFTROM
