"""F3548-21 volumes, times, altitudes and identifiers: JSON values to values and back.

What leaves is valid because it exists, or a BadInput that names the field at fault and the limit
(ASTM F3548-21, OpenAPI 1.0.0: schemas Volume4D, Volume3D, Polygon, Circle, Altitude, Time).
"""

from __future__ import annotations

import re
from typing import Any

from luftrom import limits
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN, format_time, parse_time
from luftrom.errors import BadInput
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.reading import join_field, parse_number, quoted

_UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}"
                    r"-[0-9a-fA-F]{12}", re.ASCII)


# -- 4D volumes (F3548-21, schemas Volume4D, Volume3D, Polygon, Circle, Altitude, Time) ----------

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
    """An F3548 Volume4D with all its bounds to its value; BadInput names the field at fault.

    Altitudes are taken in metres (`M`) or feet (`FT`, exactly 0.3048 m) with reference `W84`.
    Members that the standard does not know are ignored, as it asks.
    """
    try:
        volume = parse_object(value, "").get("volume")
        return Volume4D(
            _outline(parse_object(volume, "volume")),
            parse_altitude_m(volume.get("altitude_lower"), "volume.altitude_lower"),
            parse_altitude_m(volume.get("altitude_upper"), "volume.altitude_upper"),
            _time_ns(value.get("time_start"), "time_start"),
            _time_ns(value.get("time_end"), "time_end"))
    except BadInput as error:
        raise placed(error, field) from None


def parse_area_of_interest(value: Any, field: str | None = None) -> Volume4D:
    """An F3548 Volume4D whose altitudes and times may be left out: then there is no bound."""
    try:
        volume = parse_object(parse_object(value, "").get("volume"), "volume")
        lower, upper = volume.get("altitude_lower"), volume.get("altitude_upper")
        start, end = value.get("time_start"), value.get("time_end")
        return Volume4D(
            _outline(volume),
            limits.ALTITUDE_M_W84_MIN if lower is None
            else parse_altitude_m(lower, "volume.altitude_lower"),
            limits.ALTITUDE_M_W84_MAX if upper is None
            else parse_altitude_m(upper, "volume.altitude_upper"),
            TIME_NS_MIN if start is None else _time_ns(start, "time_start"),
            TIME_NS_MAX if end is None else _time_ns(end, "time_end"))
    except BadInput as error:
        raise placed(error, field) from None


def parse_volumes(value: Any, field: str) -> tuple[Volume4D, ...]:
    """A list of F3548 Volume4D; at most `limits.VOLUMES_MAX`. Absent (None) means none."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadInput("must be a list of 4D volumes", field=field)
    if len(value) > limits.VOLUMES_MAX:
        raise BadInput(f"has {len(value)} 4D volumes; at most {limits.VOLUMES_MAX} are taken",
                       field=field)
    return tuple([parse_volume4d(item, f"{field}[{i}]") for i, item in enumerate(value)])


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


def parse_object(value: Any, field: str) -> dict[str, Any]:
    """A JSON object, or BadInput."""
    if not isinstance(value, dict):
        raise BadInput("is missing" if value is None else "must be an object", field=field)
    return value


def _outline(volume: dict[str, Any]) -> Polygon | Circle:
    polygon, circle = volume.get("outline_polygon"), volume.get("outline_circle")
    if (polygon is None) == (circle is None):
        raise BadInput("must have exactly one of outline_polygon and outline_circle",
                       field="volume")
    if polygon is not None:
        return _polygon(parse_object(polygon, "volume.outline_polygon").get("vertices"))
    circle = parse_object(circle, "volume.outline_circle")
    where = "volume.outline_circle.center"
    center = parse_object(circle.get("center"), where)
    radius = parse_object(circle.get("radius"), "volume.outline_circle.radius")
    if radius.get("units") != "M":
        raise BadInput('must be "M" (metres)', field="volume.outline_circle.radius.units")
    return Circle(parse_number(center.get("lat"), f"{where}.lat"),
                  parse_number(center.get("lng"), f"{where}.lng"),
                  parse_number(radius.get("value"), "volume.outline_circle.radius.value"))


def _polygon(ring: Any) -> Polygon:
    if not isinstance(ring, list):
        raise BadInput("must be a list of vertices", field="vertices")
    if not 3 <= len(ring) <= limits.RING_VERTICES_MAX:
        raise BadInput(f"has {len(ring)} vertices; 3 to {limits.RING_VERTICES_MAX} are taken",
                       field="vertices")
    vertices = []
    for i, vertex in enumerate(ring):
        try:
            lat, lng = vertex["lat"], vertex["lng"]
        except (TypeError, KeyError):
            raise BadInput("must be an object with lat and lng", field=f"vertices[{i}]") from None
        if type(lat) is not float:
            lat = parse_number(lat, f"vertices[{i}].lat")
        if type(lng) is not float:
            lng = parse_number(lng, f"vertices[{i}].lng")
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lng <= 180.0):
            raise BadInput("lat must be -90 to 90 and lng -180 to 180 degrees",
                           field=f"vertices[{i}]")
        vertices.append((lat, lng))
    return Polygon(tuple(vertices))


def parse_altitude_m(value: Any, field: str) -> float:
    """An F3548 Altitude to metres W84; BadInput names the member at fault."""
    value = parse_object(value, field)
    if value.get("reference") != "W84":
        raise BadInput(f"{quoted(value.get('reference'))} is not taken: altitudes are above the "
                       'WGS84 ellipsoid, reference "W84"', field=f"{field}.reference")
    altitude = parse_number(value.get("value"), f"{field}.value")
    units = value.get("units")
    if units == "FT":
        altitude *= _M_PER_FT
    elif units != "M":
        raise BadInput(f'{quoted(units)} is not taken: units are "M" or "FT"',
                       field=f"{field}.units")
    if not limits.ALTITUDE_M_W84_MIN <= altitude <= limits.ALTITUDE_M_W84_MAX:
        raise BadInput(f"must be {limits.ALTITUDE_M_W84_MIN:.0f} to "
                       f"{limits.ALTITUDE_M_W84_MAX:.0f} m", field=f"{field}.value")
    return altitude


def _time_ns(value: Any, field: str) -> int:
    value = parse_object(value, field)
    if value.get("format") != "RFC3339":
        raise BadInput('must be "RFC3339"', field=f"{field}.format")
    return parse_time_text(value.get("value"), f"{field}.value")


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


# -- GeoJSON that declares (RFC 7946, docs/geojson.md) -------------------------------------------

OPERATIONAL_INTENT, CONSTRAINT = "operational_intent", "constraint"
