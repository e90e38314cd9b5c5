"""F3548-21 volumes, times, altitudes and identifiers: structs to values, and values to JSON.

`parse_*` take decoded JSON, the functions named like what they make take structs of `schemas`.
What leaves is valid because it exists, or a BadInput that names the field at fault and the limit
(ASTM F3548-21, OpenAPI 1.0.0: schemas Volume4D, Volume3D, Polygon, Circle, Altitude, Time).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from luftrom import limits
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN, format_time, parse_time
from luftrom.errors import BadInput
from luftrom.formats.decoding import convert
from luftrom.formats.f3548 import schemas
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.reading import join_field, quoted

_UUID4 = re.compile(schemas.UUID4.strip("^$"), re.ASCII)

OPERATIONAL_INTENT, CONSTRAINT = "operational_intent", "constraint"   # kinds, where files say so

_M_PER_FT = 0.3048
# Where the values of `volume` name their own fields, and where those stand in the standard's JSON.
_PLACES = {
    "altitude_m_w84_lower": "volume.altitude_lower.value",
    "altitude_m_w84_upper": "volume.altitude_upper.value",
    "time_start_ns": "time_start.value", "time_end_ns": "time_end.value",
    "lat_deg": "volume.outline_circle.center.lat", "lng_deg": "volume.outline_circle.center.lng",
    "radius_m": "volume.outline_circle.radius.value", "outline": "volume",
}


def parse_volume4d(value: Any, field: str | None = None) -> Volume4D:
    """A decoded F3548 Volume4D with all its bounds to its value; BadInput names the fault's place.

    Altitudes are taken in metres (`M`) or feet (`FT`, exactly 0.3048 m) with reference `W84`.
    Members that the standard does not know are ignored, as it asks.
    """
    return volume4d(convert(value, schemas.Volume4D, field or ""), field)


def volume4d(asked: schemas.Volume4D, field: str | None = None) -> Volume4D:
    """The value of a 4D volume that must have all its bounds."""
    try:
        lower, upper = asked.volume.altitude_lower, asked.volume.altitude_upper
        if lower is None or upper is None:
            raise BadInput("is missing", field="volume.altitude_lower" if lower is None
                           else "volume.altitude_upper")
        if asked.time_start is None or asked.time_end is None:
            raise BadInput("is missing", field="time_start" if asked.time_start is None
                           else "time_end")
        return Volume4D(
            _outline(asked.volume), altitude_m(lower, "volume.altitude_lower"),
            altitude_m(upper, "volume.altitude_upper"),
            parse_time_text(asked.time_start.value, "time_start.value"),
            parse_time_text(asked.time_end.value, "time_end.value"))
    except BadInput as error:
        raise placed(error, field) from None


def area_of_interest(asked: schemas.Volume4D, field: str | None = None) -> Volume4D:
    """The value of a 4D volume whose altitudes and times may be left out: no bound then."""
    try:
        lower, upper = asked.volume.altitude_lower, asked.volume.altitude_upper
        start, end = asked.time_start, asked.time_end
        return Volume4D(
            _outline(asked.volume),
            limits.ALTITUDE_M_W84_MIN if lower is None
            else altitude_m(lower, "volume.altitude_lower"),
            limits.ALTITUDE_M_W84_MAX if upper is None
            else altitude_m(upper, "volume.altitude_upper"),
            TIME_NS_MIN if start is None else parse_time_text(start.value, "time_start.value"),
            TIME_NS_MAX if end is None else parse_time_text(end.value, "time_end.value"))
    except BadInput as error:
        raise placed(error, field) from None


def volumes4d(asked: Sequence[schemas.Volume4D] | None, field: str) -> tuple[Volume4D, ...]:
    """The values of 4D volumes; absent (None) means none.

    Vertices are counted before any outline is checked: that is what costs.
    """
    outlines = [item.volume.outline_polygon for item in asked or ()]
    count = sum(len(outline.vertices) for outline in outlines if outline is not None)
    if count > limits.INTENT_VERTICES_MAX:
        raise BadInput(f"have {count} vertices in all; at most {limits.INTENT_VERTICES_MAX} are "
                       "taken", field=field)
    return tuple([volume4d(item, f"{field}[{i}]") for i, item in enumerate(asked or ())])


def parse_volumes(value: Any, field: str) -> tuple[Volume4D, ...]:
    """A decoded list of F3548 Volume4D; at most `limits.VOLUMES_MAX`. Absent (None) means none."""
    if isinstance(value, list) and len(value) > limits.VOLUMES_MAX:
        raise BadInput(f"has {len(value)} 4D volumes; at most {limits.VOLUMES_MAX} are taken",
                       field=field)
    return volumes4d(None if value is None else convert(value, list[schemas.Volume4D], field),
                     field)


def encode_volume4d(volume: Volume4D) -> dict[str, Any]:
    """The F3548 Volume4D that `parse_volume4d` reads back to the same value, bit for bit."""
    outline = volume.outline
    if isinstance(outline, Polygon):
        shape: dict[str, Any] = {"outline_polygon": {
            "vertices": [{"lat": lat, "lng": lng} for lat, lng in outline.vertices]}}
    else:
        shape = {"outline_circle": {
            "center": {"lat": outline.lat_deg, "lng": outline.lng_deg},
            "radius": {"value": outline.radius_m, "units": "M"}}}
    shape["altitude_lower"] = encode_altitude(volume.altitude_m_w84_lower)
    shape["altitude_upper"] = encode_altitude(volume.altitude_m_w84_upper)
    return {"volume": shape, "time_start": encode_time(volume.time_start_ns),
            "time_end": encode_time(volume.time_end_ns)}


def encode_altitude(altitude_m_w84: float) -> dict[str, Any]:
    """An F3548 Altitude, always in metres."""
    return {"value": altitude_m_w84, "reference": "W84", "units": "M"}


def encode_time(time_ns: int) -> dict[str, str]:
    """An F3548 Time."""
    return {"value": format_time(time_ns), "format": "RFC3339"}


def placed(error: BadInput, field: str | None) -> BadInput:
    """The same refusal, named by where it stands in the whole document."""
    inner = error.field or ""
    inner = f"volume.outline_polygon.{inner}" if inner.startswith("vertices") \
        else _PLACES.get(inner, inner)
    return BadInput(error.message, code=error.code, detail=error.detail,
                    field=join_field(field or "", inner) or None)


def parse_altitude_m(value: Any, field: str) -> float:
    """A decoded F3548 Altitude to metres W84; BadInput names the member at fault."""
    return altitude_m(convert(value, schemas.Altitude, field), field)


def altitude_m(asked: schemas.Altitude, field: str) -> float:
    """The metres W84 of an F3548 Altitude."""
    if asked.reference != "W84":
        raise BadInput(f"{quoted(asked.reference)} is not taken: altitudes are above the "
                       'WGS84 ellipsoid, reference "W84"', field=f"{field}.reference")
    altitude = asked.value
    if asked.units == "FT":
        altitude *= _M_PER_FT
    elif asked.units != "M":
        raise BadInput(f'{quoted(asked.units)} is not taken: units are "M" or "FT"',
                       field=f"{field}.units")
    if not limits.ALTITUDE_M_W84_MIN <= altitude <= limits.ALTITUDE_M_W84_MAX:
        raise BadInput(f"must be {limits.ALTITUDE_M_W84_MIN:.0f} to "
                       f"{limits.ALTITUDE_M_W84_MAX:.0f} m", field=f"{field}.value")
    return altitude


def _outline(volume: schemas.Volume3D) -> Polygon | Circle:
    polygon, circle = volume.outline_polygon, volume.outline_circle
    if polygon is not None and circle is None:
        return Polygon(tuple([(vertex.lat, vertex.lng) for vertex in polygon.vertices]))
    if circle is None or polygon is not None:
        raise BadInput("must have exactly one of outline_polygon and outline_circle",
                       field="volume")
    return Circle(circle.center.lat, circle.center.lng, circle.radius.value)


def parse_time_text(value: Any, field: str) -> int:
    """RFC 3339 text with zone `Z` to nanoseconds, within what a node computes with."""
    if not isinstance(value, str):
        raise BadInput("must be text in RFC 3339 format", field=field)
    time_ns = parse_time(value, field)
    if not TIME_NS_MIN < time_ns < TIME_NS_MAX:
        raise BadInput(f"must lie between {format_time(TIME_NS_MIN)[:10]} and "
                       f"{format_time(TIME_NS_MAX)[:10]}", field=field)
    return time_ns


def parse_entity_id(value: Any, field: str) -> str:
    """A version-4 UUID (F3548-21, schema UUIDv4Format) to its lower-case form."""
    if not isinstance(value, str) or not _UUID4.fullmatch(value):
        raise BadInput("must be a version 4 UUID such as 2f8343be-6482-4d1b-a474-16847e01af1e",
                       field=field)
    return value.lower()


def parse_priority(value: Any, field: str) -> int:
    """A priority: a 32-bit whole number; BadInput otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise BadInput("must be a whole number of 32 bits", field=field)
    return value
