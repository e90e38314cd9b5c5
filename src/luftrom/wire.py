"""JSON to values and back: strict text, F3548 volumes, and GeoJSON that declares.

Bytes from outside enter here. What leaves is a value that is valid because it exists, or a
BadInput that names the field at fault and the limit. F3548-21 (OpenAPI 1.0.0) gives the schemas,
RFC 8259 and RFC 7493 the text, RFC 7946 and `docs/geojson.md` the features.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from luftrom import limits
from luftrom.airspace import ACCEPTED, Intent, Notice
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN, format_time, parse_time
from luftrom.errors import BadInput
from luftrom.volume import Circle, Polygon, Volume4D

_UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}"
                    r"-[0-9a-fA-F]{12}", re.ASCII)


# -- JSON (RFC 8259, RFC 7493) -------------------------------------------------------------------

_NO_TEXT = "is not UTF-8 text, or holds half a surrogate pair"
_TOO_DEEP = f"is nested deeper than {limits.JSON_DEPTH_MAX} levels"

def parse_json(data: bytes, *, field: str | None = None) -> Any:
    """Bytes to a JSON value, strictly; BadInput otherwise.

    Refused are duplicate keys, NaN and infinities, numbers beyond a float, lone surrogates, text
    that is not UTF-8, anything behind the value, and what is deeper or longer than `limits` say.
    """
    try:
        text = str(data, "utf-8")
        value = _DECODER.decode(text)
    except UnicodeError:
        raise BadInput(_NO_TEXT, field=field) from None
    except RecursionError:
        raise BadInput(_TOO_DEEP, field=field) from None
    except BadInput as error:
        raise BadInput(error.message, field=field) from None
    except ValueError as error:
        raise BadInput(f"is not JSON: {error}"[:200], field=field) from None
    _check_json(value, text, field)
    return value


def parse_json_part(text: str, start: int, field: str | None = None) -> tuple[Any, int]:
    """The JSON value that begins at a place of a text, and the place behind it; as strict.

    Raises json.JSONDecodeError if no whole value stands there, BadInput if it is refused.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise BadInput(_TOO_DEEP, field=field) from None
    except BadInput as error:
        raise BadInput(error.message, field=field) from None
    _check_json(value, text[start:end], field)
    return value, end


def _check_json(value: Any, text: str, field: str | None) -> None:
    """What the decoder lets pass: half surrogate pairs, too deep, too long a text."""
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeError:
            raise BadInput(_NO_TEXT, field=field) from None
    if text.count("[") + text.count("{") > limits.JSON_DEPTH_MAX:
        _check_depth(value, field)         # with fewer brackets nothing can be too deep
    if len(text) > limits.JSON_STRING_CHARS_MAX:
        _check_strings(value, field)


def _check_depth(value: Any, field: str | None) -> None:
    level = [value]
    for _ in range(limits.JSON_DEPTH_MAX):
        level = [item for holder in level if isinstance(holder, dict | list)
                 for item in (holder.values() if type(holder) is dict else holder)
                 if type(item) is dict or type(item) is list]
        if not level:
            return
    raise BadInput(_TOO_DEEP, field=field)


def _check_strings(value: Any, field: str | None) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and len(item) > limits.JSON_STRING_CHARS_MAX:
            raise BadInput(f"holds a text of {len(item)} characters; at most "
                           f"{limits.JSON_STRING_CHARS_MAX} are taken", field=field)
        if isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"has the member {twice[:80]!r} twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise BadInput(f"holds {name}, which is not JSON")


def _finite(literal: str) -> float:
    value = float(literal)
    if value - value != 0.0:               # infinite: a number minus itself is 0, infinity's is not
        raise BadInput(f"holds the number {literal[:40]}, which is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse_constant,
                            parse_float=_finite)


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
        volume = _object(value, "").get("volume")
        return Volume4D(
            _outline(_object(volume, "volume")),
            parse_altitude_m(volume.get("altitude_lower"), "volume.altitude_lower"),
            parse_altitude_m(volume.get("altitude_upper"), "volume.altitude_upper"),
            _time_ns(value.get("time_start"), "time_start"),
            _time_ns(value.get("time_end"), "time_end"))
    except BadInput as error:
        raise _placed(error, field) from None


def parse_area_of_interest(value: Any, field: str | None = None) -> Volume4D:
    """An F3548 Volume4D whose altitudes and times may be left out: then there is no bound."""
    try:
        volume = _object(_object(value, "").get("volume"), "volume")
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
        raise _placed(error, field) from None


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


def _placed(error: BadInput, field: str | None) -> BadInput:
    """The same refusal, named by where it stands in the whole document."""
    inner = error.field or ""
    inner = f"volume.outline_polygon.{inner}" if inner.startswith("vertices") \
        else _PLACES.get(inner, inner)
    return BadInput(error.message, code=error.code, detail=error.detail,
                    field=join_field(field or "", inner) or None)


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput("is missing" if value is None else "must be an object", field=field)
    return value


def _outline(volume: dict[str, Any]) -> Polygon | Circle:
    polygon, circle = volume.get("outline_polygon"), volume.get("outline_circle")
    if (polygon is None) == (circle is None):
        raise BadInput("must have exactly one of outline_polygon and outline_circle",
                       field="volume")
    if polygon is not None:
        return _polygon(_object(polygon, "volume.outline_polygon").get("vertices"))
    circle = _object(circle, "volume.outline_circle")
    where = "volume.outline_circle.center"
    center = _object(circle.get("center"), where)
    radius = _object(circle.get("radius"), "volume.outline_circle.radius")
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
    value = _object(value, field)
    if value.get("reference") != "W84":
        raise BadInput(f"{_quoted(value.get('reference'))} is not taken: altitudes are above the "
                       'WGS84 ellipsoid, reference "W84"', field=f"{field}.reference")
    altitude = parse_number(value.get("value"), f"{field}.value")
    units = value.get("units")
    if units == "FT":
        altitude *= _M_PER_FT
    elif units != "M":
        raise BadInput(f'{_quoted(units)} is not taken: units are "M" or "FT"',
                       field=f"{field}.units")
    if not limits.ALTITUDE_M_W84_MIN <= altitude <= limits.ALTITUDE_M_W84_MAX:
        raise BadInput(f"must be {limits.ALTITUDE_M_W84_MIN:.0f} to "
                       f"{limits.ALTITUDE_M_W84_MAX:.0f} m", field=f"{field}.value")
    return altitude


def _time_ns(value: Any, field: str) -> int:
    value = _object(value, field)
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


def parse_number(value: Any, field: str) -> float:
    """A finite JSON number as a float; BadInput otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput("is missing" if value is None else "must be a number", field=field)
    if not -1e300 < value < 1e300:         # NaN fails as well, and no whole number is too large
        raise BadInput("must be a number of ordinary size", field=field)
    return float(value)


def parse_text(value: Any, field: str, chars_max: int) -> str:
    """A JSON string of bounded length; BadInput otherwise."""
    if not isinstance(value, str):
        raise BadInput("is missing" if value is None else "must be text", field=field)
    if len(value) > chars_max:
        raise BadInput(f"has {len(value)} characters; at most {chars_max} are taken", field=field)
    return value


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


def join_field(outer: str, inner: str) -> str:
    """The path of a member within a path; either may be empty."""
    return f"{outer}.{inner}" if outer and inner else outer or inner


def _quoted(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, str) else "this"


# -- GeoJSON that declares (RFC 7946, docs/geojson.md) -------------------------------------------

OPERATIONAL_INTENT, CONSTRAINT = "operational_intent", "constraint"
# What is said once for all features of one identifier.
_SHARED = ("kind", "name", "state", "priority", "remarks", "constraint_kind")


def is_geojson(value: Any) -> bool:
    """Does a JSON value say that it is GeoJSON?"""
    return isinstance(value, dict) and value.get("type") in ("FeatureCollection", "Feature")


def parse_geojson(value: Any) -> list[Intent | Notice]:
    """A FeatureCollection or a Feature to what it declares, in order; BadInput names the place."""
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for i, (where, feature) in enumerate(_features(value)):
        entity_id = _identifier(feature, where)
        groups.setdefault(entity_id or f"#{i}", []).append((where, feature))
    if len(groups) > limits.BATCH_ITEMS_MAX:
        raise BadInput(f"declares {len(groups)} activities; at most {limits.BATCH_ITEMS_MAX} are "
                       "taken", field="features")
    return [_declaration("" if key[0] == "#" else key, group) for key, group in groups.items()]


def _features(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if not is_geojson(value):
        raise BadInput("must be a GeoJSON FeatureCollection or Feature", field="type")
    if value["type"] == "Feature":
        return [("", value)]
    features = value.get("features")
    most = limits.BATCH_ITEMS_MAX * limits.VOLUMES_MAX
    if not isinstance(features, list) or not 0 < len(features) <= most:
        raise BadInput(f"must be a list of 1 to {most} features", field="features")
    for i, feature in enumerate(features):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise BadInput("must be a GeoJSON Feature", field=f"features[{i}]")
    return [(f"features[{i}]", feature) for i, feature in enumerate(features)]


def _identifier(feature: Mapping[str, Any], where: str) -> str:
    properties = _properties(feature, where)
    named, own = properties.get("id"), feature.get("id")
    if named is not None and own is not None and named != own:
        raise BadInput("differs from properties.id", field=join_field(where, "id"))
    if named is None and own is None:
        return ""
    return parse_entity_id(own if named is None else named, join_field(
        where, "id" if named is None else "properties.id"))


def _properties(feature: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise BadInput("must be an object", field=join_field(where, "properties"))
    return properties


def _declaration(entity_id: str, group: Sequence[tuple[str, Mapping[str, Any]]]
                 ) -> Intent | Notice:
    where, first = group[0]
    shared = _properties(first, where)
    volumes: list[Volume4D] = []
    off_nominal: list[Volume4D] = []
    for place, feature in group:
        properties = _properties(feature, place)
        _check_shared(properties, shared, place)
        is_off_nominal = properties.get("off_nominal", False)
        if not isinstance(is_off_nominal, bool):
            raise BadInput("must be true or false",
                           field=join_field(place, "properties.off_nominal"))
        target = off_nominal if is_off_nominal else volumes
        target.append(parse_feature_volume(feature, properties, place))
    try:
        return _value(entity_id, shared, tuple(volumes), tuple(off_nominal))
    except BadInput as error:
        raise BadInput(error.message, code=error.code, detail=error.detail,
                       field=join_field(where, f"properties.{error.field}")) from None


def _check_shared(properties: Mapping[str, Any], shared: Mapping[str, Any], where: str) -> None:
    for name in _SHARED:
        if name in properties and properties[name] != shared.get(name):
            raise BadInput("differs from that of the first feature with this id",
                           field=join_field(where, f"properties.{name}"))


def _value(entity_id: str, shared: Mapping[str, Any], volumes: tuple[Volume4D, ...],
           off_nominal: tuple[Volume4D, ...]) -> Intent | Notice:
    """Fields of errors are relative to the properties."""
    kind = shared.get("kind", OPERATIONAL_INTENT)
    name = parse_text(shared.get("name", ""), "name", limits.NAME_CHARS_MAX)
    remarks = parse_text(shared.get("remarks", ""), "remarks", limits.REMARKS_CHARS_MAX)
    if kind == CONSTRAINT:
        if off_nominal:
            raise BadInput("is for operational intents", field="off_nominal")
        return Notice(entity_id, "", name, parse_text(
            shared.get("constraint_kind", "closed area"), "constraint_kind",
            limits.NAME_CHARS_MAX), volumes, remarks)
    if kind != OPERATIONAL_INTENT:
        raise BadInput(f"must be {OPERATIONAL_INTENT} or {CONSTRAINT}", field="kind")
    return Intent(entity_id, "", name, parse_text(shared.get("state", ACCEPTED), "state", 32),
                  parse_priority(shared.get("priority", 0), "priority"), volumes, off_nominal,
                  remarks=remarks)


def parse_feature_volume(feature: Mapping[str, Any], properties: Mapping[str, Any],
                         where: str) -> Volume4D:
    """The 4D volume of a GeoJSON Feature and its properties; BadInput names the place in it."""
    place = join_field(where, "properties")
    bounds = [_bound(properties, side, place) for side in ("lower", "upper")]
    times = [parse_time_text(properties.get(name), f"{place}.{name}")
             for name in ("time_start", "time_end")]
    outline = _geometry(feature, properties, where)
    try:
        return Volume4D(outline, bounds[0], bounds[1], times[0], times[1])
    except BadInput as error:
        name = (error.field or "").removesuffix("_ns")
        raise BadInput(error.message, field=f"{place}.{name}" if name else place) from None


def _bound(properties: Mapping[str, Any], side: str, place: str) -> float:
    plain, full = f"altitude_m_w84_{side}", f"altitude_{side}"
    if (plain in properties) == (full in properties):
        raise BadInput(f"must have exactly one of {plain} and {full}", field=place)
    if full in properties:
        return parse_altitude_m(properties[full], f"{place}.{full}")
    return parse_number(properties[plain], f"{place}.{plain}")


def _geometry(feature: Mapping[str, Any], properties: Mapping[str, Any], where: str
              ) -> Polygon | Circle:
    place = join_field(where, "geometry")
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        raise BadInput("must be a GeoJSON geometry", field=place)
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        radius_place = join_field(where, "properties.radius_m")
        radius_m = parse_number(properties.get("radius_m"), radius_place)
        lat, lng = _position(coordinates, f"{place}.coordinates")
        try:
            return Circle(lat, lng, radius_m)
        except BadInput as error:
            raise BadInput(error.message, field=radius_place if error.field == "radius_m"
                           else f"{place}.coordinates") from None
    if kind != "Polygon":
        shown = kind if isinstance(kind, str) and len(kind) < 40 else "this type"
        raise BadInput(f"{shown} is not read: a Polygon or a Point is; several outlines are "
                       "several features with one id", field=f"{place}.type")
    return _ring(coordinates, f"{place}.coordinates")


def _ring(coordinates: Any, place: str) -> Polygon:
    if not isinstance(coordinates, list) or not coordinates:
        raise BadInput("must be a list with one ring", field=place)
    if len(coordinates) > 1:
        raise BadInput("has holes, which are not taken: split the outline", field=f"{place}[1]")
    ring = coordinates[0]
    if not isinstance(ring, list) or not 4 <= len(ring) <= limits.RING_VERTICES_MAX + 1:
        raise BadInput(f"must be a ring of 4 to {limits.RING_VERTICES_MAX + 1} positions, the "
                       "last equal to the first", field=f"{place}[0]")
    vertices = [_position(item, f"{place}[0][{i}]") for i, item in enumerate(ring)]
    if vertices.pop() != vertices[0]:
        raise BadInput("is not closed: the last position must equal the first",
                       field=f"{place}[0][{len(vertices)}]")
    try:
        return Polygon(tuple(vertices))
    except BadInput as error:
        inner = (error.field or "").removeprefix("vertices")
        raise BadInput(error.message, field=f"{place}[0]{inner}") from None


def _position(value: Any, place: str) -> tuple[float, float]:
    """A GeoJSON position [lng, lat] to (lat, lng) in degrees."""
    if not isinstance(value, list) or len(value) < 2:
        raise BadInput("must be a position [longitude, latitude]", field=place)
    if len(value) > 2:
        raise BadInput("has a third coordinate: altitudes belong in the properties", field=place)
    lng, lat = parse_number(value[0], f"{place}[0]"), parse_number(value[1], f"{place}[1]")
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lng <= 180.0):
        raise BadInput("longitude must be -180 to 180 and latitude -90 to 90 degrees",
                       field=place)
    return lat, lng
