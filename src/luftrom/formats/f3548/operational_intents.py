"""Request bodies of ASTM F3548-21 (OpenAPI 1.0.0) to what they ask for, strictly.

Everything that differs from the standard's schemas is a BadInput that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from luftrom import limits
from luftrom.airspace.intent import STATES
from luftrom.errors import BadInput
from luftrom.formats.decoding import convert, decode
from luftrom.formats.f3548 import schemas
from luftrom.formats.f3548.volumes import area_of_interest, parse_entity_id, volumes4d
from luftrom.geometry.volume import Volume4D
from luftrom.reading import parse_json, parse_text

_URL = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*[^\s?#/])?", re.ASCII)
_REFERENCE = msgspec.json.Decoder(schemas.PutOperationalIntentReferenceParameters)
_QUERY = msgspec.json.Decoder(schemas.QueryOperationalIntentReferenceParameters)


@dataclass(frozen=True, slots=True)
class AskedReference:
    """What a client of the DSS says when it creates or changes a reference."""

    extents: tuple[Volume4D, ...]
    key: frozenset[str]
    state: str
    uss_base_url: str
    subscription_id: str | None
    has_new_subscription: bool


@dataclass(frozen=True, slots=True)
class Notification:
    """A peer USS's notification: an intent changed, or is gone (then `manager` is None)."""

    operational_intent_id: str
    manager: str | None
    document: Mapping[str, Any]


def parse_put_reference(data: bytes) -> AskedReference:
    """The body of a create or update of an operational intent reference."""
    asked = decode(data, _REFERENCE)
    if asked.new_subscription is not None:
        parse_base_url(asked.new_subscription.uss_base_url, "new_subscription.uss_base_url")
    return AskedReference(
        extents=volumes4d(asked.extents, "extents"), key=frozenset(asked.key or ()),
        state=_state(asked.state, "state"),
        uss_base_url=parse_base_url(asked.uss_base_url, "uss_base_url"),
        subscription_id=None if asked.subscription_id is None
        else parse_entity_id(asked.subscription_id, "subscription_id"),
        has_new_subscription=asked.new_subscription is not None)


def parse_query(data: bytes) -> Volume4D:
    """The body of a query for references: the area of interest, which must be there."""
    return area_of_interest(decode(data, _QUERY).area_of_interest, "area_of_interest")


def parse_notification(data: bytes) -> Notification:
    """The body with which a peer USS tells of a changed or ended operational intent.

    It is recorded as it came and signed, so it is read as strictly as what others signed.
    """
    value = parse_json(data, field="body")
    asked = convert(value, schemas.PutOperationalIntentDetailsParameters, whole="body")
    entity_id = parse_entity_id(asked.operational_intent_id, "operational_intent_id")
    for i, subscription in enumerate(asked.subscriptions):
        parse_entity_id(subscription.subscription_id, f"subscriptions[{i}].subscription_id")
    document = {"operational_intent_id": entity_id, "subscriptions": value["subscriptions"]}
    if asked.operational_intent is None:
        return Notification(entity_id, None, document)
    _check_intent(asked.operational_intent, entity_id)
    document["operational_intent"] = value["operational_intent"]
    return Notification(entity_id, asked.operational_intent.reference.manager, document)


def parse_ovn(value: Any, field: str) -> str:
    """An EntityOVN: 16 to 128 characters."""
    ovn = parse_text(value, field, schemas.OVN_CHARS_MAX)
    if len(ovn) < schemas.OVN_CHARS_MIN:
        raise BadInput(f"must have {schemas.OVN_CHARS_MIN} to {schemas.OVN_CHARS_MAX} characters",
                       field=field)
    return ovn


def parse_base_url(value: Any, field: str) -> str:
    """A UssBaseURL: http or https, without a trailing slash."""
    url = parse_text(value, field, limits.URL_CHARS_MAX)
    if not _URL.fullmatch(url):
        raise BadInput("must be an http or https URL without a trailing slash", field=field)
    return url


def _check_intent(asked: schemas.OperationalIntent, entity_id: str) -> None:
    reference, where = asked.reference, "operational_intent.reference"
    if parse_entity_id(reference.id, f"{where}.id") != entity_id:
        raise BadInput("differs from operational_intent_id", field=f"{where}.id")
    _state(reference.state, f"{where}.state")
    parse_base_url(reference.uss_base_url, f"{where}.uss_base_url")
    details, where = asked.details, "operational_intent.details"
    volumes4d(details.volumes, f"{where}.volumes")
    volumes4d(details.off_nominal_volumes, f"{where}.off_nominal_volumes")


def _state(value: str, field: str) -> str:
    if value not in STATES:
        raise BadInput(f"must be one of {', '.join(STATES)}", field=field)
    return value
