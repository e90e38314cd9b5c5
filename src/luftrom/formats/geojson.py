"""GeoJSON that declares: features to intents and constraints (RFC 7946, docs/geojson.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import ACCEPTED, Intent
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import (
    CONSTRAINT,
    OPERATIONAL_INTENT,
    parse_altitude_m,
    parse_entity_id,
    parse_priority,
    parse_time_text,
)
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.reading import join_field, parse_number, parse_text

# What is said once for all features of one identifier.
_SHARED = ("kind", "name", "state", "priority", "remarks", "constraint_kind")


def is_geojson(value: Any) -> bool:
    """Does a JSON value say that it is GeoJSON?"""
    return isinstance(value, dict) and value.get("type") in ("FeatureCollection", "Feature")


def parse_geojson(value: Any) -> list[Intent | Constraint]:
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
                 ) -> Intent | Constraint:
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
           off_nominal: tuple[Volume4D, ...]) -> Intent | Constraint:
    """Fields of errors are relative to the properties."""
    kind = shared.get("kind", OPERATIONAL_INTENT)
    name = parse_text(shared.get("name", ""), "name", limits.NAME_CHARS_MAX)
    remarks = parse_text(shared.get("remarks", ""), "remarks", limits.REMARKS_CHARS_MAX)
    if kind == CONSTRAINT:
        if off_nominal:
            raise BadInput("is for operational intents", field="off_nominal")
        return Constraint(entity_id, "", name, parse_text(
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
