"""GeoJSON that declares: the rules of docs/geojson.md, each with what breaks it."""

from __future__ import annotations

import pytest

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.errors import BadInput
from luftrom.formats.geojson import is_geojson, parse_geojson
from luftrom.geometry.volume import Circle, Polygon

ID = "2f8343be-6482-4d1b-a474-16847e01af1e"
RING = [[7.40, 46.75], [7.46, 46.75], [7.46, 46.78], [7.40, 46.78], [7.40, 46.75]]


def feature(geometry=None, **properties):
    base = {"name": "SURVEY-01", "time_start": "2026-11-24T15:20:00Z",
            "time_end": "2026-11-24T16:20:00Z", "altitude_m_w84_lower": 700,
            "altitude_m_w84_upper": 820}
    merged = {name: value for name, value in (base | properties).items() if value is not None}
    return {"type": "Feature", "geometry": geometry or {"type": "Polygon", "coordinates": [RING]},
            "properties": merged}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def test_one_feature_is_one_intent():
    [intent] = parse_geojson(feature())
    assert isinstance(intent, Intent)
    assert (intent.entity_id, intent.manager, intent.name) == ("", "", "SURVEY-01")
    assert (intent.state, intent.priority) == ("Accepted", 0)
    assert intent.volumes[0].outline == Polygon(
        ((46.75, 7.40), (46.75, 7.46), (46.78, 7.46), (46.78, 7.40)))


def test_a_point_is_a_circle_and_a_constraint_a_notice():
    [notice] = parse_geojson(feature({"type": "Point", "coordinates": [7.4, 46.7]}, radius_m=500,
                                     kind="constraint"))
    assert isinstance(notice, Constraint) and notice.kind == "closed area"
    assert notice.volumes[0].outline == Circle(46.7, 7.4, 500.0)


def test_features_of_one_id_are_one_intent_in_the_order_of_the_file():
    second = feature(name=None, id=ID, altitude_m_w84_lower=800, altitude_m_w84_upper=900)
    [first, other] = parse_geojson(collection(feature(id=ID, priority=3), feature(), second))
    assert first.entity_id == ID and first.priority == 3 and len(first.volumes) == 2
    assert first.volumes[1].altitude_m_w84_lower == 800.0
    assert other.entity_id == ""


def test_the_features_own_id_means_the_same():
    [intent] = parse_geojson(feature() | {"id": ID.upper()})
    assert intent.entity_id == ID


def test_off_nominal_volumes_and_altitudes_of_the_standard():
    upper = {"value": 1000, "reference": "W84", "units": "FT"}
    lower = {"value": 0, "reference": "W84", "units": "M"}
    bounds = {"altitude_m_w84_lower": None, "altitude_m_w84_upper": None,
              "altitude_lower": lower, "altitude_upper": upper}
    [intent] = parse_geojson(collection(
        feature(id=ID, state="Contingent"), feature(id=ID, off_nominal=True, **bounds)))
    assert intent.off_nominal_volumes[0].altitude_m_w84_upper == 304.8
    assert len(intent.volumes) == 1


def test_what_is_not_geojson_is_told_apart():
    assert not is_geojson({"operational_intents": []}) and is_geojson(feature())


HOLES = {"type": "Polygon", "coordinates": [RING, RING]}
HIGH = {"type": "Polygon", "coordinates": [[[*position, 5] for position in RING]]}
OPEN = {"type": "Polygon", "coordinates": [RING[:-1]]}
LINE = {"type": "LineString", "coordinates": RING}
FAR = {"type": "Polygon", "coordinates": [[[0, 0], [181, 0], [1, 1], [0, 0]]]}
POINT = {"type": "Point", "coordinates": [7.4, 46.7]}


@pytest.mark.parametrize(("value", "field"), [
    ([], "type"),
    ({"type": "FeatureCollection", "features": []}, "features"),
    (collection({"type": "Polygon"}), "features[0]"),
    (collection(feature(HOLES)), "features[0].geometry.coordinates[1]"),
    (collection(feature(HIGH)), "features[0].geometry.coordinates[0][0]"),
    (collection(feature(OPEN)), "features[0].geometry.coordinates[0][3]"),
    (collection(feature(FAR)), "features[0].geometry.coordinates[0][1]"),
    (feature(LINE), "geometry.type"),
    (feature(POINT), "properties.radius_m"),
    (feature(POINT, radius_m=-1), "properties.radius_m"),
    (feature(time_start=None), "properties.time_start"),
    (feature(time_end="later"), "properties.time_end"),
    (feature(altitude_m_w84_lower=None), "properties"),
    (feature(altitude_lower={"value": 1}), "properties"),
    (feature(kind="flight"), "properties.kind"),
    (feature(state="Flying"), "properties.state"),
    (feature(priority=1.5), "properties.priority"),
    (feature(name="x" * 129), "properties.name"),
    (feature(off_nominal="yes"), "properties.off_nominal"),
    (feature(id="a"), "properties.id"),
    (feature(id=ID) | {"id": "another"}, "id"),
    (collection(feature(id=ID), feature(id=ID, priority=4)), "features[1].properties.priority"),
    (feature() | {"properties": None}, "properties"),
])
def test_each_fault_is_named_by_its_place(value, field):
    with pytest.raises(BadInput) as refused:
        parse_geojson(value)
    assert refused.value.field == field
