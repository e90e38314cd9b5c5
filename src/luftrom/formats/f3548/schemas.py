"""What clients send by F3548-21 (OpenAPI 1.0.0), as structs that bear the names of its schemas.

msgspec reads bodies into them and makes the schemas of the API's description from them. Members
that the standard does not declare are ignored, and null means absent, as its introduction asks.
What a struct cannot say (a time that exists, exactly one outline) the values say, when they are
made of it. Altitudes are taken in feet as well, which the standard does not ask for.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from luftrom import limits
from luftrom.airspace.intent import STATES

UUID4 = ("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}"
         "-[0-9a-fA-F]{12}$")
OVN_CHARS_MIN, OVN_CHARS_MAX = 16, 128
INT32_MAX = 2**31 - 1

# What is only said here, the conversions to values check, and name the mend.
EntityID = Annotated[str, Meta(extra_json_schema={"pattern": UUID4})]
EntityOVN = Annotated[str, Meta(min_length=OVN_CHARS_MIN, max_length=OVN_CHARS_MAX)]
UssBaseURL = Annotated[str, Meta(max_length=limits.URL_CHARS_MAX, extra_json_schema={
    "pattern": r"^https?://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?$"})]
State = Annotated[str, Meta(extra_json_schema={"enum": list(STATES)})]
Priority = Annotated[int, Meta(ge=-(2**31), le=INT32_MAX)]
Count = Annotated[int, Meta(ge=0, le=INT32_MAX)]


class Body(msgspec.Struct, frozen=True, gc=False):
    """A body, or a part of one. It holds no cycles, so the collector need not look at it."""


class Time(Body, frozen=True, gc=False):
    """RFC 3339 with zone Z and at most nine digits of a second."""

    value: Annotated[str, Meta(extra_json_schema={
        "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$"})]
    format: Literal["RFC3339"]


class Radius(Body, frozen=True, gc=False):
    """Metres."""

    value: Annotated[float, Meta(extra_json_schema={
        "exclusiveMinimum": 0, "maximum": limits.RADIUS_M_MAX})]
    units: Literal["M"]


class Altitude(Body, frozen=True, gc=False):
    """Above the WGS84 ellipsoid, in metres or feet."""

    value: Annotated[float, Meta(extra_json_schema={
        "minimum": limits.ALTITUDE_M_W84_MIN, "maximum": limits.ALTITUDE_M_W84_MAX})]
    reference: Annotated[str, Meta(extra_json_schema={"const": "W84"})]
    units: Annotated[str, Meta(extra_json_schema={"enum": ["M", "FT"]})]


class LatLngPoint(Body, frozen=True, gc=False):
    """A position on WGS84 in degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lng: Annotated[float, Meta(ge=-180, le=180)]


class Polygon(Body, frozen=True, gc=False):
    """A ring of vertices, not closed by a repeated one."""

    vertices: Annotated[list[LatLngPoint], Meta(min_length=3,
                                                max_length=limits.RING_VERTICES_MAX)]


class Circle(Body, frozen=True, gc=False):
    """All within a radius of a centre."""

    center: LatLngPoint
    radius: Radius


class Volume3D(Body, frozen=True, gc=False):
    """Exactly one outline. Altitudes may be left out of an area of interest alone."""

    outline_circle: Circle | None = None
    outline_polygon: Polygon | None = None
    altitude_lower: Altitude | None = None
    altitude_upper: Altitude | None = None


class Volume4D(Body, frozen=True, gc=False):
    """A volume and its time. Times may be left out of an area of interest alone."""

    volume: Volume3D
    time_start: Time | None = None
    time_end: Time | None = None


Volumes = Annotated[list[Volume4D], Meta(max_length=limits.VOLUMES_MAX)]


class ImplicitSubscriptionParameters(Body, frozen=True, gc=False):
    """A subscription to be made with a reference."""

    uss_base_url: UssBaseURL
    notify_for_constraints: bool = False


class PutOperationalIntentReferenceParameters(Body, frozen=True, gc=False):
    """What a client of the DSS says when it creates or changes a reference."""

    extents: Annotated[list[Volume4D], Meta(min_length=1, max_length=limits.VOLUMES_MAX)]
    state: State
    uss_base_url: UssBaseURL
    key: Annotated[list[EntityOVN], Meta(max_length=limits.KEY_OVNS_MAX)] | None = None
    subscription_id: EntityID | None = None
    new_subscription: ImplicitSubscriptionParameters | None = None


class QueryOperationalIntentReferenceParameters(Body, frozen=True, gc=False):
    """What a client of the DSS asks with for references."""

    area_of_interest: Volume4D


class SubscriptionState(Body, frozen=True, gc=False):
    """A subscription that a notification is for."""

    subscription_id: EntityID
    notification_index: Count


class OperationalIntentReference(Body, frozen=True, gc=False):
    """What a notification must tell of a reference."""

    id: EntityID
    manager: Annotated[str, Meta(max_length=limits.NAME_CHARS_MAX)]
    state: State
    ovn: EntityOVN
    uss_base_url: UssBaseURL
    version: Count


class OperationalIntentDetails(Body, frozen=True, gc=False):
    """Volumes and priority."""

    volumes: Volumes | None = None
    off_nominal_volumes: Volumes | None = None
    priority: Priority = 0


class OperationalIntent(Body, frozen=True, gc=False):
    """A reference with its details."""

    reference: OperationalIntentReference
    details: OperationalIntentDetails


class PutOperationalIntentDetailsParameters(Body, frozen=True, gc=False):
    """A peer USS's notification that an intent changed, or is gone."""

    operational_intent_id: EntityID
    subscriptions: Annotated[list[SubscriptionState], Meta(min_length=1,
                                                           max_length=limits.SUBSCRIPTIONS_MAX)]
    operational_intent: OperationalIntent | None = None


BODIES = (PutOperationalIntentReferenceParameters, QueryOperationalIntentReferenceParameters,
          PutOperationalIntentDetailsParameters)
