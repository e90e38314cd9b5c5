"""The ellipsoid: distances, geodesics and charts against pyproj, compiled and uncompiled alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.geometry import ellipsoid
from luftrom.geometry.wgs84 import ecef_m
from outlines import PLACES, forward, inverse

ANYWHERE = st.one_of(st.sampled_from(PLACES), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))


@given(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7))
@settings(deadline=None)
def test_arctan2(y, x):
    angle = ellipsoid.arctan2(y, x)
    assert math.sin(angle - math.atan2(y, x)) == pytest.approx(0, abs=1e-15)


@given(ANYWHERE, st.floats(0, 360), st.floats(-1, 6.6))
@settings(max_examples=400, deadline=None)
def test_distances_to_a_tenth_of_a_millimetre(place, azimuth, exponent):
    other, _ = forward(place, azimuth, 10.0**exponent)
    _, expected = inverse(place, other)
    p, q = ecef_m(*place), ecef_m(*other)
    tolerance_m = 1e-5 if expected < 50_000 else 1e-4
    assert ellipsoid.distance(*p, *q) == pytest.approx(expected, abs=tolerance_m)
    assert ellipsoid.distance(*p, *q) == pytest.approx(ellipsoid.distance(*q, *p), abs=1e-7)


@given(ANYWHERE, st.floats(0, 360), st.floats(30_000, 4_000_000))
@settings(max_examples=60, deadline=None)
def test_points_of_a_divided_edge_lie_on_its_geodesic(place, azimuth, length_m):
    other, _ = forward(place, azimuth, length_m)
    out = np.zeros((6, 3))
    ellipsoid.divide(*ecef_m(*place), *ecef_m(*other), out, 0, 7)
    towards, _ = inverse(place, other)
    for point in out:
        lat, lng = ellipsoid.degrees(*point)
        _, along = inverse(place, (lat, lng))
        on_geodesic, _ = forward(place, towards, along)
        assert inverse(on_geodesic, (lat, lng))[1] < 1e-4


@given(ANYWHERE)
@settings(deadline=None)
def test_degrees_undo_places(place):
    lat, lng = ellipsoid.degrees(*ecef_m(*place))
    assert inverse(place, (lat, lng))[1] < 1e-8


@given(ANYWHERE, st.floats(0, 360), st.floats(0, 90_000))
@settings(deadline=None)
def test_a_chart_is_undone(place, azimuth, distance_m):
    plane = ellipsoid.chart(*ecef_m(*place))
    point = ecef_m(*forward(place, azimuth, distance_m)[0])
    u, v = ellipsoid.project(plane, *point)
    assert ellipsoid.lift(plane, u, v) == pytest.approx(point, abs=1e-8)
    assert math.hypot(u, v) == pytest.approx(distance_m, rel=3e-4, abs=1e-8)


@pytest.mark.parametrize("place", PLACES)
def test_compiled_and_uncompiled_are_the_same_to_the_last_bit(place):
    other, _ = forward(place, 77.7, 33_333.0)
    p, q = ecef_m(*place), ecef_m(*other)
    assert ellipsoid.place(*place) == p
    for function, arguments in ((ellipsoid.distance, (*p, *q)), (ellipsoid.chart, p),
                                (ellipsoid.long_distance, (*p, *q)), (ellipsoid.degrees, p)):
        assert function(*arguments) == function.py_func(*arguments)


@pytest.mark.parametrize("place", PLACES)
def test_a_prepared_ring_has_short_edges_and_a_ball_around_them(place):
    corners = np.array([forward(place, a, 600_000.0)[0] for a in (0, 90, 180, 270)])
    shape = ellipsoid.prepare_ring(corners, ellipsoid.PIECE_M)
    points = shape[ellipsoid.HEAD_ROWS:]
    assert np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1).max() <= 25_001
    assert np.linalg.norm(points - shape[0], axis=1).max() <= shape[1, 0]
    assert shape[1, 1] == 0
