"""F3548 volumes: what goes out comes back bit for bit, and what is wrong is named."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luftrom import limits
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN, parse_time
from luftrom.errors import BadInput
from luftrom.formats.decoding import convert
from luftrom.formats.f3548 import schemas
from luftrom.formats.f3548.volumes import (
    area_of_interest,
    encode_volume4d,
    parse_volume4d,
    parse_volumes,
)
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.reading import parse_json


def altitude(value, units="M", reference="W84"):
    return {"value": value, "units": units, "reference": reference}


def moment(text):
    return {"value": text, "format": "RFC3339"}


def document(**changes):
    volume = {"outline_polygon": {"vertices": [
        {"lat": 47.0, "lng": 8.0}, {"lat": 47.0, "lng": 8.1}, {"lat": 47.1, "lng": 8.1},
        {"lat": 47.1, "lng": 8.0}]}, "altitude_lower": altitude(100), "altitude_upper":
        altitude(200.5)}
    value = {"volume": volume, "time_start": moment("2026-11-24T12:00:00Z"),
             "time_end": moment("2026-11-24T12:30:00.25Z")}
    for path, change in changes.items():
        holder = value
        *before, last = path.split("__")
        for name in before:
            holder = holder[name]
        if change is None:
            del holder[last]
        else:
            holder[last] = change
    return value


CENTER = {"center": {"lat": 1, "lng": 2}, "radius": {"value": 50, "units": "M"}}


def test_a_polygon_with_all_bounds():
    volume = parse_volume4d(document(), "extents[0]")
    assert volume.outline == Polygon(((47.0, 8.0), (47.0, 8.1), (47.1, 8.1), (47.1, 8.0)))
    assert (volume.altitude_m_w84_lower, volume.altitude_m_w84_upper) == (100.0, 200.5)
    assert volume.time_start_ns == parse_time("2026-11-24T12:00:00Z")
    assert type(volume.altitude_m_w84_lower) is float


def test_a_circle_and_members_that_the_standard_does_not_know():
    value = document(volume__outline_polygon=None, volume__outline_circle=CENTER, extra=1)
    assert parse_volume4d(value, "v").outline == Circle(1.0, 2.0, 50.0)


def test_null_is_the_same_as_absent():
    value = document()
    value["volume"]["outline_circle"] = None
    assert parse_volume4d(value, "v") == parse_volume4d(document(), "v")


def test_feet_are_converted_and_no_other_unit_or_datum_is_taken():
    value = document(volume__altitude_upper=altitude(1000, "FT"))
    assert parse_volume4d(value, "v").altitude_m_w84_upper == 304.8


def test_an_area_of_interest_may_leave_its_bounds_open():
    value = document(volume__altitude_lower=None, volume__altitude_upper=None, time_start=None,
                     time_end=None)
    area = area_of_interest(convert(value, schemas.Volume4D), "area_of_interest")
    assert (area.altitude_m_w84_lower, area.altitude_m_w84_upper) == (
        limits.ALTITUDE_M_W84_MIN, limits.ALTITUDE_M_W84_MAX)
    assert (area.time_start_ns, area.time_end_ns) == (TIME_NS_MIN, TIME_NS_MAX)
    with pytest.raises(BadInput) as refused:
        parse_volume4d(value, "v")
    assert refused.value.field == "v.volume.altitude_lower"


VERTEX = "volume.outline_polygon.vertices"


@pytest.mark.parametrize(("changes", "field"), [
    ({"volume": None}, "volume"),
    ({"volume": []}, "volume"),
    ({"volume__outline_polygon": None}, "volume"),
    ({"volume__outline_circle": CENTER}, "volume"),
    ({"volume__outline_polygon__vertices": "round"}, VERTEX),
    ({"volume__outline_polygon__vertices": [{"lat": 1, "lng": 1}] * 2}, VERTEX),
    ({"volume__outline_polygon__vertices": [{"lat": 1, "lng": 1}]
      * (limits.RING_VERTICES_MAX + 1)}, VERTEX),
    ({"volume__outline_polygon__vertices": [[1, 2], [2, 3], [3, 4]]}, f"{VERTEX}[0]"),
    ({"volume__outline_polygon__vertices": [{"lat": 1, "lng": 1}, {"lat": 2}, {}]},
     f"{VERTEX}[1].lng"),
    ({"volume__outline_polygon__vertices": [{"lat": 1, "lng": "1"}] * 3}, f"{VERTEX}[0].lng"),
    ({"volume__outline_polygon__vertices": [{"lat": True, "lng": 1}] * 3}, f"{VERTEX}[0].lat"),
    ({"volume__outline_polygon__vertices": [{"lat": 90.1, "lng": 1}] * 3}, f"{VERTEX}[0].lat"),
    ({"volume__outline_polygon__vertices": [{"lat": 0, "lng": -180.1}] * 3},
     f"{VERTEX}[0].lng"),
    ({"volume__outline_polygon__vertices": [{"lat": 10**400, "lng": 1}] * 3},
     f"{VERTEX}[0].lat"),
    ({"volume__altitude_lower": None}, "volume.altitude_lower"),
    ({"volume__altitude_lower": 100}, "volume.altitude_lower"),
    ({"volume__altitude_lower": altitude(-8000.1)}, "volume.altitude_lower.value"),
    ({"volume__altitude_lower": altitude("100")}, "volume.altitude_lower.value"),
    ({"volume__altitude_lower": altitude(float("nan"))}, "volume.altitude_lower.value"),
    ({"volume__altitude_upper": altitude(100_000.5)}, "volume.altitude_upper.value"),
    ({"volume__altitude_upper": altitude(300, "KM")}, "volume.altitude_upper.units"),
    ({"volume__altitude_upper": altitude(300, "M", "SFC")}, "volume.altitude_upper.reference"),
    ({"time_start": None}, "time_start"),
    ({"time_start": "2026-11-24T12:00:00Z"}, "time_start"),
    ({"time_start": {"value": "2026-11-24T12:00:00Z"}}, "time_start.format"),
    ({"time_start": moment("2026-11-24T12:00:00+01:00")}, "time_start.value"),
    ({"time_start": moment("2026-02-30T12:00:00Z")}, "time_start.value"),
    ({"time_start": moment(7)}, "time_start.value"),
    ({"time_end": moment("9999-01-01T00:00:00Z")}, "time_end.value"),
])
def test_each_fault_is_named_by_its_place(changes, field):
    with pytest.raises(BadInput) as refused:
        parse_volume4d(document(**changes), "extents[0]")
    assert refused.value.field == f"extents[0].{field}"
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("changes", [
    {"volume__altitude_upper": altitude(100)}, {"time_end": moment("2026-11-24T12:00:00Z")},
    {"volume__outline_polygon": None, "volume__outline_circle": CENTER | {"radius": {
        "value": 0, "units": "M"}}},
    {"volume__outline_polygon__vertices": [{"lat": 1, "lng": 1}] * 3},
])
def test_faults_that_the_values_find_are_named_in_the_words_of_the_standard(changes):
    with pytest.raises(BadInput) as refused:
        parse_volume4d(document(**changes), "extents[0]")
    field = refused.value.field
    assert field.startswith("extents[0].") and "_ns" not in field and "_m_" not in field


def test_at_most_so_many_volumes():
    with pytest.raises(BadInput, match="at most 1024"):
        parse_volumes([document()] * 1025, "volumes")
    assert parse_volumes(None, "volumes") == ()


DEGREES = st.floats(-1, 1, allow_nan=False)
BASE_NS = parse_time("2026-01-01T00:00:00Z")


@given(st.floats(-89, 89), st.floats(-179, 179), st.floats(1e-6, 1), st.floats(1e-6, 1),
       st.floats(-8000, 99_000), st.floats(0.01, 999), st.integers(0, 10**17),
       st.integers(1, 10**15))
def test_what_goes_out_comes_back_bit_for_bit(lat, lng, dlat, dlng, lower, height, start, length):
    ring = ((lat, lng), (lat, lng + dlng), (lat + dlat, lng + dlng), (lat + dlat, lng))
    try:
        volume = Volume4D(Polygon(ring), lower, lower + height, BASE_NS + start,
                          BASE_NS + start + length)
    except BadInput:
        return                             # rounding made a vertex repeat, or the band empty
    text = json.dumps(encode_volume4d(volume)).encode()
    assert parse_volume4d(parse_json(text), None) == volume
    circle = Volume4D(Circle(lat, lng, height), lower, lower + height, BASE_NS, BASE_NS + length)
    assert parse_volume4d(parse_json(json.dumps(encode_volume4d(circle)).encode()), None) == circle


def test_parsing_changes_nothing():
    value = document()
    before = copy.deepcopy(value)
    parse_volume4d(value, "v")
    assert value == before
