"""airspace.size_class: volume times time, rounded up to a power of two, the same at every node."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from luftrom.airspace.size_class import (
    SIZE_CLASS_MAX,
    area_m2,
    fits_size_class,
    size_class,
    volume_time_m3_s,
)
from luftrom.clock import NS_PER_S, TIME_NS_MAX, TIME_NS_MIN
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.limits import ALTITUDE_M_W84_MAX, ALTITUDE_M_W84_MIN, RADIUS_M_MAX, VOLUMES_MAX
from parties import NOON_NS

SPHERE = Geod(a=6_371_008.8, b=6_371_008.8)
WGS84 = Geod(ellps="WGS84")


def box(south: float, west: float, height_deg: float, width_deg: float) -> Polygon:
    east = (west + width_deg + 180) % 360 - 180
    return Polygon(((south, west), (south, east), (south + height_deg, east),
                    (south + height_deg, west)))


def volume(outline: Polygon | Circle, height_m: float = 100.0, seconds: float = 3600.0) -> Volume4D:
    return Volume4D(outline, 0.0, height_m, NOON_NS, NOON_NS + int(seconds * NS_PER_S))


def geod_area_m2(geod: Geod, polygon: Polygon) -> float:
    lats, lons = zip(*polygon.vertices, strict=True)
    return abs(geod.polygon_area_perimeter(lons, lats)[0])


# -- areas ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("polygon", [
    box(46, 7, .01, .01), box(-34, 151, .1, .05), box(0, 179.99, .02, .02), box(60, -.005, .01, .01),
    Polygon(((46.0, 7.0), (46.02, 7.0), (46.02, 7.02), (46.01, 7.005)))])
def test_areas_are_those_of_another_library(polygon: Polygon) -> None:
    assert area_m2(polygon) == pytest.approx(geod_area_m2(SPHERE, polygon), rel=1e-4)
    assert area_m2(polygon) == pytest.approx(geod_area_m2(WGS84, polygon), rel=6e-3)


def test_neither_turning_nor_where_it_begins_changes_an_area() -> None:
    vertices = box(46, 179.9, .3, .2).vertices
    areas = [area_m2(Polygon(vertices[n:] + vertices[:n])) for n in range(4)]
    areas.append(area_m2(Polygon(vertices[::-1])))
    assert areas == pytest.approx([areas[0]] * 5, rel=1e-12)


def test_an_outline_around_a_pole_has_the_smaller_part() -> None:
    ring = Polygon(tuple((80.0, lng) for lng in range(-180, 180, 20)))
    cap = 2 * math.pi * 6_371_008.8**2 * (1 - math.sin(math.radians(80)))
    assert area_m2(ring) == pytest.approx(cap, rel=1e-9)


@pytest.mark.parametrize("radius_m", [.01, 1.0, 150.0, 1000.0])
def test_small_circles_lose_no_digits(radius_m: float) -> None:
    assert area_m2(Circle(46.0, 7.0, radius_m)) == pytest.approx(math.pi * radius_m**2, rel=1e-8)


def test_no_sine_of_the_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines whose libraries differ in the last bit must agree on what is void."""
    for name in ("sin", "cos", "tan"):
        monkeypatch.delattr(math, name)
    assert size_class([volume(box(46, 7, .01, .01)), volume(Circle(46.0, 7.0, 150.0))]) == 39


def test_the_largest_circle_is_a_cap_of_the_sphere() -> None:
    assert area_m2(Circle(46.0, 7.0, RADIUS_M_MAX)) == pytest.approx(
        math.pi * RADIUS_M_MAX**2 * .9918, rel=1e-3)


# -- classes -------------------------------------------------------------------------------------

def sized(m3_s: float) -> Volume4D:
    """A circle of that size: its height makes it so."""
    circle = Circle(46.0, 7.0, 1000.0)
    return volume(circle, m3_s / area_m2(circle) / 3600.0)


@pytest.mark.parametrize(("m3_s", "expected"), [
    (2.0**30 * 1.01, 31), (2.0**30 * .99, 30), (2.0**30 * 1.99, 31), (2.0**40 * 1.5, 41)])
def test_a_size_is_rounded_up_to_a_power_of_two(m3_s: float, expected: int) -> None:
    assert size_class([sized(m3_s)]) == expected
    assert [shown for shown in range(64) if fits_size_class([sized(m3_s)], shown)] == [expected]


def test_what_is_known_by_hand() -> None:
    """A circle of 150 m, 100 m high, for an hour: 2.54e10 m3 s, between 2**34 and 2**35."""
    flight = volume(Circle(46.0, 7.0, 150.0))
    assert volume_time_m3_s([flight]) == pytest.approx(math.pi * 150**2 * 100 * 3600, rel=1e-7)
    assert size_class([flight]) == 35
    assert size_class([flight, flight]) == 36      # what overlaps counts twice
    assert size_class([flight] * 1000) == 45


def test_nothing_is_of_class_0() -> None:
    assert size_class([]) == 0 and fits_size_class([], 0) and not fits_size_class([], 1)
    tiny = volume(Circle(0.0, 0.0, 1.0), .25, 1.0)
    assert size_class([tiny]) == 0 and fits_size_class([tiny], 0)


def test_a_power_of_two_may_be_on_either_side_of_it() -> None:
    """The last digits of the arithmetic make no declaration void."""
    volumes = [sized(2.0**33)]
    assert abs(volume_time_m3_s(volumes) / 2**33 - 1) < 1e-12
    assert fits_size_class(volumes, 33) and fits_size_class(volumes, 34)
    assert not fits_size_class(volumes, 32) and not fits_size_class(volumes, 35)


def test_the_largest_that_can_be_declared_has_a_class() -> None:
    largest = Volume4D(Circle(0.0, 0.0, RADIUS_M_MAX), ALTITUDE_M_W84_MIN, ALTITUDE_M_W84_MAX,
                       TIME_NS_MIN, TIME_NS_MAX)
    assert size_class([largest] * VOLUMES_MAX) < SIZE_CLASS_MAX


@given(st.floats(-80, 80), st.floats(-180, 179.9), st.floats(1, 50_000), st.floats(1, 5_000),
       st.integers(1, 10**6))
def test_every_class_fits_what_it_is_of(lat: float, lng: float, radius_m: float, height_m: float,
                                        seconds: int) -> None:
    one = volume(Circle(lat, lng, radius_m), height_m, seconds)
    shown = size_class([one])
    assert fits_size_class([one], shown)
    assert not fits_size_class([one], shown + 2)
    assert volume_time_m3_s([one]) <= 2.0**shown
    longer = replace(one, time_end_ns=one.time_end_ns + 10 * (one.time_end_ns - one.time_start_ns))
    assert size_class([longer]) >= shown + 3
