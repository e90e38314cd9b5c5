"""Volumes: what is a simple ring, anywhere and of any size, and what is refused by name."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from luftrom import limits
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN
from luftrom.errors import BadInput
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from luftrom.geometry.wgs84 import SAME_M, ecef_m, sincos_deg
from outlines import GEOD, PLACES, forward, in_frame, inverse

SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0))


def regular(place, count, radius_m):
    return tuple(forward(place, 360 * i / count, radius_m)[0] for i in range(count))


def refusal(vertices):
    with pytest.raises(BadInput) as refused:
        Polygon(tuple(vertices))
    return refused.value


@given(st.floats(-360, 360))
def test_sine_and_cosine(angle):
    s, c = sincos_deg(angle)
    assert s == pytest.approx(math.sin(math.radians(angle)), abs=1e-15)
    assert c == pytest.approx(math.cos(math.radians(angle)), abs=1e-15)


def test_sine_and_cosine_of_quarters_are_exact():
    assert [sincos_deg(90.0 * k) for k in (-2, -1, 0, 1, 2)] == [
        (0, -1), (-1, 0), (0, 1), (1, 0), (0, -1)]


def test_places_agree_with_pyproj():
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978")
    for lat, lng in PLACES:
        assert ecef_m(lat, lng) == pytest.approx(to_ecef.transform(lat, lng, 0.0), abs=1e-8)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size_m", [0.5, 5, 5_000, 600_000, 1_900_000])
def test_rings_of_all_sizes_everywhere_in_either_winding(place, size_m):
    ring = regular(place, 7, size_m)
    star = in_frame(place, [(size_m * (1 if i % 2 else 0.4) * math.cos(i * math.pi / 5),
                             size_m * (1 if i % 2 else 0.4) * math.sin(i * math.pi / 5))
                            for i in range(10)])
    for vertices in (ring, star):
        assert Polygon(vertices).vertices == vertices
        Polygon(vertices[::-1])
        Polygon(vertices[3:] + vertices[:3])


def test_a_pole_or_the_180th_meridian_inside():
    Polygon(((80.0, 0.0), (80.0, 90.0), (80.0, 180.0), (80.0, -90.0)))
    Polygon(((90.0, 0.0), (89.0, 10.0), (89.0, -10.0)))
    Polygon(((10.0, 179.0), (10.0, -179.0), (11.0, -179.0), (11.0, 179.0)))


def test_a_ring_of_five_metres_with_vertices_a_centimetre_apart():
    lat, lng = 47.0, 8.0
    right = [(lat + i * 1e-7, lng + 5e-5) for i in range(200)]
    left = [(lat + i * 1e-7, lng) for i in range(199, -1, -1)]
    Polygon(tuple(right + left))


def test_many_vertices():
    Polygon(regular((47.0, 8.0), limits.RING_VERTICES_MAX, 5_000))
    zigzag = [(i * 1e-4, (i % 2) * 0.01) for i in range(2_000)]
    Polygon((*zigzag, (0.2, 0.02), (0.0, 0.02)))


CROSSING = {
    "bow tie": ((0, 0), (1, 1), (0, 1), (1, 0)),
    "spike": ((0, 0), (0, 2), (0, 1), (1, 1)),
    "touching an edge": ((0, 0), (0, 1), (1, 1), (0, 0.5), (1, 0)),
    "a vertex twice": ((0, 0), (1, 1), (1, 2), (0, 2), (1, 1), (0, -1)),
    "twice around": ((0, 0), (0, 1), (1, 1), (0, 0), (0, 1), (1, 1)),
    "a star drawn in one line": tuple((math.sin(2 * i), math.cos(2 * i)) for i in range(44)),
    "collinear": ((0, 0), (0, 1), (0, 2)),
    "collinear on a meridian": ((0, 0), (1, 0), (2, 0), (0.5, 0)),
}


@pytest.mark.parametrize("name", CROSSING)
@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0])
def test_rings_that_cross_or_touch_themselves(name, scale):
    vertices = tuple((a * scale, b * scale) for a, b in CROSSING[name])
    for shifted in (vertices, tuple((a, b + 179.9) if b + 179.9 <= 180 else (a, b - 180.1)
                                    for a, b in vertices)):
        assert refusal(shifted).field.startswith("vertices")


def test_hostile_rings_of_the_largest_size():
    half = limits.RING_VERTICES_MAX // 2
    circle = regular((50.0, 8.0), half, 10_000)
    refusal(circle + circle)
    refusal(circle[::2] + circle[1::2])
    shuffled = list(regular((50.0, 8.0), limits.RING_VERTICES_MAX, 10_000))
    random.Random(1).shuffle(shuffled)
    refusal(shuffled)
    needles = [(50 + i * 1e-6, 8.0 + (i % 2)) for i in range(2 * half - 2)]
    refusal((*needles, (50.1, 8.2), (49.9, 8.7), (49.9, 8.2)))
    assert "km around" in refusal((*needles, (51.0, 9.0), (49.0, 9.1))).message


def test_long_edges_are_geodesics_when_neighbours_come_near():
    # Between these ends the geodesic runs some 20 m beside the section through the centre.
    start, end = (45.0, 0.0), forward((45.0, 0.0), 90, 600_000)[0]
    azimuth, _ = inverse(start, end)
    for gap_m, accepted in ((0.01, True), (1.0, True), (-0.01, False), (-1.0, False)):
        foot, ahead = forward(start, azimuth, 300_000)
        notch = forward(foot, ahead - 90, gap_m)[0] if gap_m > 0 else forward(
            foot, ahead + 90, -gap_m)[0]
        ring = (start, end, forward(end, 0, 50_000)[0], notch, forward(start, 0, 50_000)[0])
        if accepted:
            Polygon(ring)
        else:
            assert refusal(ring).field.startswith("vertices")


@pytest.mark.parametrize("count", [8, 47, 48, 49, 50, 51, 120, 999])
def test_a_large_ring_is_refused_where_two_edges_meet(count):
    # A ring of steps; one of its vertices is put across, onto, or just short of another edge.
    ring = regular((50.0, 8.0), count, 10_000)
    for at in (0, 1, count // 2, count - 1):
        across = (at + count // 2) % count
        inner = [(a + (50.0 - a) * 1e-3, b + (8.0 - b) * 1e-3) for a, b in ring]
        for place, accepted in ((inner[across], True), (ring[across], False),
                                (forward((50.0, 8.0), 360 * across / count, 10_010)[0], False)):
            vertices = (*ring[:at], place, *ring[at + 1:])
            if accepted:
                Polygon(vertices)
            else:
                edges = sorted(((at - 1) % count, at, (across - 1) % count, across))
                assert refusal(vertices).field in [f"vertices[{i}]" for i in edges]


@pytest.mark.parametrize(("vertices", "field"), [
    (SQUARE[:2], "vertices"),
    (SQUARE * (limits.RING_VERTICES_MAX // 4 + 1), "vertices"),
    (((0, 0), (91, 0), (1, 1)), "vertices[1]"),
    (((0, 0), (1, 1), (0, 180.5)), "vertices[2]"),
    (((math.nan, 0), (1, 1), (0, 1)), "vertices[0]"),
    (((0, 0), (1, math.inf), (0, 1)), "vertices[1]"),
    ((*SQUARE, SQUARE[0]), "vertices[4]"),
    ((SQUARE[0], SQUARE[1], SQUARE[1], SQUARE[2]), "vertices[2]"),
    (((0, 180), (0, -180), (1, 179), (1, -179)), "vertices[1]"),
    (((90, 0), (90, 50), (89, 0), (89, 5)), "vertices[1]"),
    (((-80, -90), (-80, 90), (80, 90), (80, -90)), "vertices"),
    (regular((10.0, 10.0), 9, 2_050_000), "vertices"),
])
def test_each_fault_of_a_ring_has_its_place(vertices, field):
    assert refusal(vertices).field == field


@given(st.sampled_from(PLACES), st.integers(0, 2**32 - 1), st.integers(4, 9))
@settings(max_examples=150, deadline=None)
def test_small_rings_are_simple_as_shapely_says(place, seed, count):
    from shapely import LinearRing

    numbers = random.Random(seed)
    plane = [(numbers.uniform(-50, 50), numbers.uniform(-50, 50)) for _ in range(count)]
    ring = LinearRing(plane)
    vertices = in_frame(place, plane)
    if ring.is_simple:
        Polygon(vertices)
    else:
        refusal(vertices)


def test_equal_by_value_whatever_was_computed_meanwhile():
    one, other = Polygon(SQUARE), Polygon(SQUARE)
    object.__setattr__(one, "prepared", "something")
    assert one == other and hash(one) == hash(other) and "prepared" not in repr(one)
    assert Polygon(SQUARE[1:] + SQUARE[:1]) != one
    assert Circle(1.0, 2.0, 3.0) == Circle(1.0, 2.0, 3.0) != Circle(1.0, 2.0, 4.0)


@pytest.mark.parametrize(("values", "field"), [
    ((90.5, 0, 1), "lat_deg"), ((math.nan, 0, 1), "lat_deg"), ((0, 181, 1), "lng_deg"),
    ((0, 0, 0), "radius_m"), ((0, 0, -5), "radius_m"), ((0, 0, math.nan), "radius_m"),
    ((0, 0, math.inf), "radius_m"), ((0, 0, limits.RADIUS_M_MAX + 1), "radius_m")])
def test_circles_that_are_refused(values, field):
    with pytest.raises(BadInput) as refused:
        Circle(*values)
    assert refused.value.field == field


@pytest.mark.parametrize(("values", "field"), [
    ((100, 100, 0, 1), "altitude_m_w84_upper"), ((200, 100, 0, 1), "altitude_m_w84_upper"),
    ((-8001, 0, 0, 1), "altitude_m_w84_lower"), ((math.nan, 0, 0, 1), "altitude_m_w84_lower"),
    ((0, 100_001, 0, 1), "altitude_m_w84_upper"), ((0, math.nan, 0, 1), "altitude_m_w84_upper"),
    ((0, 1, 5, 5), "time_end_ns"), ((0, 1, 5, 4), "time_end_ns"),
    ((0, 1, 0, TIME_NS_MAX + 1), "time_end_ns"), ((0, 1, TIME_NS_MIN - 1, 0), "time_start_ns")])
def test_volumes_that_are_refused(values, field):
    with pytest.raises(BadInput) as refused:
        Volume4D(Circle(0.0, 0.0, 1.0), *values)
    assert refused.value.field == field


def test_a_volume_without_bounds():
    Volume4D(Circle(0.0, 0.0, 1.0), limits.ALTITUDE_M_W84_MIN, limits.ALTITUDE_M_W84_MAX,
             TIME_NS_MIN, TIME_NS_MAX)


@pytest.mark.parametrize("name", ["lateral_m", "vertical_m", "time_s"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, 1e6])
def test_minima_are_finite_and_not_negative(name, value):
    with pytest.raises(BadInput) as refused:
        Separation(**{"lateral_m": 0.0, "vertical_m": 0.0, "time_s": 0.0, name: value})
    assert refused.value.field == name


def test_near_points_are_one_only_below_a_micrometre():
    assert SAME_M < 1e-7 * GEOD.a * math.pi / 180
