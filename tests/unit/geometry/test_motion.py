"""Motions: the shape, the way and the distance stay what they were, by pyproj's geodesics."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import Polygon as Flat

from luftrom.geometry.motion import Motion, Picture, corners, is_within, middle_of, places_deg, ring
from luftrom.geometry.volume import Circle, Polygon
from outlines import GEOD, PLACES, forward, in_frame, inverse

SHARE_M = 0.002                            # of a shape within 50 km of its middle


def moved(outline, bearing_deg, distance_m):
    points = corners(outline)
    motion = Motion(middle_of([ring(outline, 1.0)]), bearing_deg, distance_m)
    return motion.move_outline(outline, points)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("size_m", "error_m"), [(100, SHARE_M), (50_000, SHARE_M),
                                                 (250_000, 0.01)])
def test_a_moved_ring_keeps_all_its_distances(place, size_m, error_m):
    random = np.random.default_rng(size_m)
    vertices = in_frame(place, [(size_m, 0), (0.3 * size_m, size_m), (-size_m, 0.2 * size_m),
                                (-0.1 * size_m, -0.9 * size_m)])
    for _ in range(10):
        there = moved(Polygon(vertices), random.uniform(0, 360), random.uniform(50, 50_000))
        for i in range(4):
            for j in range(i):
                before = inverse(vertices[i], vertices[j])[1]
                assert abs(inverse(there.vertices[i], there.vertices[j])[1] - before) < error_m


@pytest.mark.parametrize("place", PLACES)
def test_a_circle_goes_so_far_that_way(place):
    for bearing_deg in (0.0, 22.5, 90.0, 200.0):
        there = moved(Circle(*place, 300.0), bearing_deg, 20_000.0)
        azimuth, distance_m = inverse(place, (there.lat_deg, there.lng_deg))
        assert abs(distance_m - 20_000.0) < SHARE_M and there.radius_m == 300.0
        if abs(place[0]) < 89.0:           # nearer to a pole, bearings of a middle say little
            assert abs((azimuth - bearing_deg + 180) % 360 - 180) < 1e-5


def test_a_ring_around_a_circle_is_outside_or_inside_as_asked():
    circle = Circle(47.0, 8.0, 5_000.0)
    for scale, is_beyond in ((1.0, False), (1.005, True)):
        around = places_deg(ring(circle, scale))
        middles = [GEOD.npts(a[1], a[0], b[1], b[0], 1)[0]
                   for a, b in zip(around, around[1:] + around[:1], strict=True)]
        distances = [inverse((47.0, 8.0), (lat, lng))[1] for lng, lat in middles]
        assert all((distance > 5_000.0) is is_beyond for distance in distances)


def test_places_beyond_the_horizon_have_no_picture():
    picture = Picture(corners(Circle(0.0, 0.0, 1.0))[0])
    assert picture.flat_m(corners(Circle(0.0, 0.1, 1.0)))[0] @ [1, 1] != 0
    assert picture.flat_m(corners(Circle(0.0, 80.0, 1.0))) is None


def test_a_picture_has_the_distances_of_the_ground():
    place = (47.0, 8.0)
    picture = Picture(corners(Circle(*place, 1.0))[0])
    far = [forward(place, bearing, 20_000.0)[0] for bearing in range(0, 360, 30)]
    flat = picture.flat_m(corners(Polygon(tuple(far))))
    assert np.abs(np.hypot(*flat.T) - 20_000.0).max() < 1.0


def test_rings_within_rings_as_shapely_says():
    random = np.random.default_rng(7)
    answers = []
    for _ in range(2_000):
        rings = []
        for size in (3.0, 10.0):
            angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 9)))
            radii = size * random.uniform(0.2, 1, len(angles))
            rings.append(np.stack((radii * np.cos(angles), radii * np.sin(angles)), axis=1)
                         + random.uniform(-2, 2, 2))
        inner, outer = rings
        answers.append(is_within(inner, outer))
        assert answers[-1] == Flat(outer).contains(Flat(inner))
    assert 200 < sum(answers) < 1_800
