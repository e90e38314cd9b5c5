"""Request bodies of ASTM F3548-21 (OpenAPI 1.0.0) to values; strict where the standard speaks.

Members that the standard does not declare are ignored, and null means absent, as its introduction
asks. Everything else that differs from the schemas is a BadInput that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.airspace.intent import STATES
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import (
    parse_area_of_interest,
    parse_entity_id,
    parse_priority,
    parse_volumes,
)
from luftrom.geometry.volume import Volume4D
from luftrom.reading import parse_text

OVN_CHARS_MIN, OVN_CHARS_MAX = 16, 128
URL_CHARS_MAX = 2_048
SUBSCRIPTIONS_MAX = 1_000

_URL = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*[^\s?#/])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PutOperationalIntentReferenceParameters:
    """What a client of the DSS says when it creates or changes a reference."""

    extents: tuple[Volume4D, ...]
    key: frozenset[str]
    state: str
    uss_base_url: str
    subscription_id: str | None
    has_new_subscription: bool


@dataclass(frozen=True, slots=True)
class PutOperationalIntentDetailsParameters:
    """A peer USS's notification: an intent changed, or is gone (then `manager` is None)."""

    operational_intent_id: str
    manager: str | None
    document: Mapping[str, Any]


def parse_put_reference(value: Any) -> PutOperationalIntentReferenceParameters:
    """The body of a create or update of an operational intent reference."""
    value = _object(value, "body")
    extents = parse_volumes(_required(value, "extents"), "extents")
    if not extents:
        raise BadInput("must hold at least one 4D volume", field="extents")
    subscription_id = value.get("subscription_id")
    new_subscription = value.get("new_subscription")
    if new_subscription is not None:
        _implicit_subscription(new_subscription)
    return PutOperationalIntentReferenceParameters(
        extents=extents, key=_key(value.get("key")), state=_state(value.get("state"), "state"),
        uss_base_url=parse_base_url(value.get("uss_base_url"), "uss_base_url"),
        subscription_id=None if subscription_id is None
        else parse_entity_id(subscription_id, "subscription_id"),
        has_new_subscription=new_subscription is not None)


def parse_query(value: Any) -> Volume4D:
    """The body of a query for references: the area of interest, which must be there."""
    area = _object(value, "body").get("area_of_interest")
    if area is None:
        raise BadInput("is missing", field="area_of_interest")
    return parse_area_of_interest(area, "area_of_interest")


def parse_notification(value: Any) -> PutOperationalIntentDetailsParameters:
    """The body with which a peer USS tells of a changed or ended operational intent."""
    value = _object(value, "body")
    entity_id = parse_entity_id(value.get("operational_intent_id"), "operational_intent_id")
    subscriptions = _list(_required(value, "subscriptions"), "subscriptions", SUBSCRIPTIONS_MAX)
    if not subscriptions:
        raise BadInput("must hold at least one subscription", field="subscriptions")
    for i, item in enumerate(subscriptions):
        _subscription_state(item, f"subscriptions[{i}]")
    intent, manager = value.get("operational_intent"), None
    if intent is not None:
        intent = _object(intent, "operational_intent")
        reference = _object(intent.get("reference"), "operational_intent.reference")
        _reference(reference, entity_id)
        _details(_object(intent.get("details"), "operational_intent.details"))
        manager = reference["manager"]
    document = {"operational_intent_id": entity_id, "subscriptions": subscriptions}
    if intent is not None:
        document["operational_intent"] = intent
    return PutOperationalIntentDetailsParameters(entity_id, manager, document)


def parse_ovn(value: Any, field: str) -> str:
    """An EntityOVN: 16 to 128 characters."""
    ovn = parse_text(value, field, OVN_CHARS_MAX)
    if len(ovn) < OVN_CHARS_MIN:
        raise BadInput(f"must have {OVN_CHARS_MIN} to {OVN_CHARS_MAX} characters", field=field)
    return ovn


def parse_base_url(value: Any, field: str) -> str:
    """A UssBaseURL: http or https, without a trailing slash."""
    url = parse_text(value, field, URL_CHARS_MAX)
    if not _URL.fullmatch(url):
        raise BadInput("must be an http or https URL without a trailing slash", field=field)
    return url


def _reference(reference: Mapping[str, Any], entity_id: str) -> None:
    where = "operational_intent.reference"
    if parse_entity_id(reference.get("id"), f"{where}.id") != entity_id:
        raise BadInput("differs from operational_intent_id", field=f"{where}.id")
    parse_text(reference.get("manager"), f"{where}.manager", limits.NAME_CHARS_MAX)
    _state(reference.get("state"), f"{where}.state")
    parse_ovn(reference.get("ovn"), f"{where}.ovn")
    parse_base_url(reference.get("uss_base_url"), f"{where}.uss_base_url")
    version = reference.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version < 2**31:
        raise BadInput("must be a whole number", field=f"{where}.version")


def _details(details: Mapping[str, Any]) -> None:
    where = "operational_intent.details"
    for name in ("volumes", "off_nominal_volumes"):
        parse_volumes(details.get(name), f"{where}.{name}")
    parse_priority(details.get("priority", 0), f"{where}.priority")


def _subscription_state(value: Any, field: str) -> None:
    value = _object(value, field)
    parse_entity_id(value.get("subscription_id"), f"{field}.subscription_id")
    index = value.get("notification_index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 2**31:
        raise BadInput("must be a whole number", field=f"{field}.notification_index")


def _implicit_subscription(value: Any) -> None:
    value = _object(value, "new_subscription")
    parse_base_url(value.get("uss_base_url"), "new_subscription.uss_base_url")
    if not isinstance(value.get("notify_for_constraints", False), bool):
        raise BadInput("must be true or false", field="new_subscription.notify_for_constraints")


def _key(value: Any) -> frozenset[str]:
    ovns = _list([] if value is None else value, "key", limits.KEY_OVNS_MAX)
    return frozenset(parse_ovn(ovn, f"key[{i}]") for i, ovn in enumerate(ovns))


def _state(value: Any, field: str) -> str:
    if value not in STATES:
        raise BadInput(f"must be one of {', '.join(STATES)}", field=field)
    return value


def _required(value: Mapping[str, Any], name: str) -> Any:
    if value.get(name) is None:
        raise BadInput("is missing", field=name)
    return value[name]


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput("is missing" if value is None else "must be an object", field=field)
    return value


def _list(value: Any, field: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise BadInput("must be a list", field=field)
    if len(value) > most:
        raise BadInput(f"has {len(value)} items; at most {most} are taken", field=field)
    return value
