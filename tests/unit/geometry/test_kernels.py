"""Outlines: touching, a centimetre to either side, and the shapes that hurt, all over the Earth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point
from shapely.geometry import Polygon as Plane

from luftrom import limits
from luftrom.geometry import definition, kernels
from luftrom.geometry.edges import CROSS, compare_edges, point_to_edge
from luftrom.geometry.encounter import encounter, prepared_of
from luftrom.geometry.volume import Circle, Polygon, Separation
from outlines import (
    PLACES,
    densified,
    edge_and_tip,
    forward,
    in_frame,
    inverse,
    random_outline,
    volume,
)

NONE = Separation(0.0, 0.0, 0.0)


def conflict(one, other, lateral_m=0.0):
    separation = Separation(lateral_m, 0.0, 0.0)
    met = encounter((volume(one),), (volume(other),), separation)
    assert met == encounter((volume(other),), (volume(one),), separation)
    return met is not None


CM_TABLE = [(lateral_m, length_m, size_m) for lateral_m in (0.0, 30.0, 500.0, 20_000.0, 100_000.0)
            for length_m, size_m in ((5.0, 5.0), (900.0, 200.0), (5_000.0, 5_000.0),
                                     (24_900.0, 3_000.0), (100_000.0, 200.0),
                                     (600_000.0, 300_000.0))]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("lateral_m", "length_m", "size_m"), CM_TABLE)
def test_a_centimetre_to_either_side_of_a_long_edge(place, lateral_m, length_m, size_m):
    for azimuth in (0.0, 41.0, 90.0, 245.0):
        for share in (0.5, 0.13):
            near = edge_and_tip(place, azimuth, length_m, share, lateral_m - 0.01, size_m)
            assert conflict(*near, lateral_m)
            clear = edge_and_tip(place, azimuth, length_m, share, lateral_m + 0.01, size_m)
            assert not conflict(*clear, lateral_m)
            if lateral_m == 0:
                assert not conflict(*edge_and_tip(place, azimuth, length_m, share, 0.0, size_m))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radius_m", [5.0, 500.0, 30_000.0, 700_000.0, 1_900_000.0])
def test_a_centimetre_to_either_side_of_a_circle(place, radius_m):
    for azimuth in (0.0, 67.0, 180.0):
        for lateral_m in (0.0, 500.0):
            for off_m, expected in ((-0.01, True), (0.01, False)):
                foot, ahead = forward(place, azimuth, radius_m + lateral_m + off_m)
                tip = Polygon((foot, forward(foot, ahead - 40, 300.0)[0],
                               forward(foot, ahead + 40, 300.0)[0]))
                wall = Polygon((forward(foot, ahead - 90, 30.0)[0],
                                forward(foot, ahead + 90, 20.0)[0],
                                forward(foot, ahead, 300.0)[0]))
                centre, _ = forward(place, azimuth, radius_m + lateral_m + off_m + 40.0)
                circle = Circle(*place, radius_m)
                assert conflict(circle, tip, lateral_m) is expected
                assert conflict(circle, Circle(*centre, 40.0), lateral_m) is expected
                if radius_m > 100_000:     # a chord's ends would lie inside a small circle
                    assert conflict(circle, wall, lateral_m) is expected


SQUARE = ((0, 0), (0, 10), (10, 10), (10, 0))
HORSESHOE = ((0, 0), (0, 30), (30, 30), (30, 20), (10, 20), (10, 10), (30, 10), (30, 0))
# (one, other, whether they overlap): points (ahead, right) in metres around a place
DEGENERATE = {
    "the same": (SQUARE, SQUARE, True),
    "the same, other winding": (SQUARE, SQUARE[::-1], True),
    "side by side": (SQUARE, ((0, 10), (0, 20), (10, 20), (10, 10)), False),
    "side by side, shifted": (SQUARE, ((5, 10), (5, 20), (15, 20), (15, 10)), False),
    "a part of an edge shared": (SQUARE, ((3, 10), (3, 20), (7, 20), (7, 10)), False),
    "corner at corner": (SQUARE, ((10, 10), (10, 20), (20, 20), (20, 10)), False),
    "corner at edge": (SQUARE, ((5, 10), (0, 20), (10, 20)), False),
    "the half of it": (SQUARE, ((0, 0), (0, 5), (10, 5), (10, 0)), True),
    "cut along the diagonal": (SQUARE, ((0, 0), (10, 10), (0, 10)), True),
    "diagonal and beyond": (SQUARE, ((0, 0), (10, 10), (0, 20)), True),
    "the inscribed diamond": (SQUARE, ((0, 5), (5, 10), (10, 5), (5, 0)), True),
    "across through the corners": (SQUARE, ((-5, -5), (15, 15), (25, -5)), True),
    "an octagram": (SQUARE, ((5, -2.5), (-2.5, 5), (5, 12.5), (12.5, 5)), True),
    "inside without touching": (SQUARE, ((3, 3), (3, 6), (6, 6)), True),
    "inside at the edge": (SQUARE, ((0, 3), (0, 6), (5, 5)), True),
    "two halves that fit": (((0, 0), (0, 10), (10, 0)), ((10, 10), (0, 10), (10, 0)), False),
    "in the mouth of a horseshoe": (HORSESHOE, ((12, 12), (12, 18), (28, 18), (28, 12)), False),
    "filling the mouth exactly": (HORSESHOE, ((10, 10), (10, 20), (30, 20), (30, 10)), False),
    "in the mouth and through": (HORSESHOE, ((12, 12), (12, 25), (28, 25), (28, 12)), True),
    "interlocked horseshoes": (HORSESHOE, ((20, 13), (20, 17), (45, 17), (45, -5), (20, -5),
                                           (20, -3), (40, -3), (40, 13)), False),
    "the convex hull": (HORSESHOE, ((0, 0), (0, 30), (30, 30), (30, 0)), True),
    "a comb between teeth": (
        ((0, 0), (0, 50), (10, 50), (10, 40), (2, 40), (2, 30), (10, 30), (10, 20), (2, 20),
         (2, 10), (10, 10), (10, 0)),
        ((3, 11), (3, 19), (12, 19), (12, 31), (3, 31), (3, 39), (14, 39), (14, 11)), False),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scale", [1.0, 500.0])
def test_shapes_that_touch(name, place, scale):
    one, other, expected = DEGENERATE[name]
    for azimuth in (0.0, 30.0):
        # Sides that both have stay one line only if the plane is small.
        rings = [in_frame(place, [(a * scale, b * scale) for a, b in ring], azimuth)
                 for ring in (one, other)]
        if scale > 1:
            shared = not Plane(one).disjoint(Plane(other)) and not expected
            if shared or name == "the same, other winding":
                continue
        for turned in range(len(one)):
            ring = rings[0][turned:] + rings[0][:turned]
            assert conflict(Polygon(ring), Polygon(rings[1])) is expected
        assert conflict(Polygon(rings[0][::-1]), Polygon(rings[1])) is expected
        if place == PLACES[2] and scale == 1:
            assert definition.overlap(Polygon(rings[0]), Polygon(rings[1])) is expected


def test_neighbours_along_long_geodesics_only_touch():
    for place in PLACES:
        start, azimuth = place, 63.0
        middle, ahead = forward(start, azimuth, 250_000)
        end, beyond = forward(start, azimuth, 600_000)
        left = Polygon((start, end, forward(end, beyond - 90, 90_000)[0],
                        forward(start, azimuth - 90, 90_000)[0]))
        right = Polygon((middle, end, forward(end, beyond + 90, 90_000)[0],
                         forward(middle, ahead + 90, 90_000)[0]))
        assert not conflict(left, right)
        assert conflict(left, right, 0.01)


def test_a_pole_inside_and_the_other_side_of_the_earth():
    cap = Polygon(((80.0, 0.0), (80.0, 90.0), (80.0, 180.0), (80.0, -90.0)))
    for place, expected in (((90.0, 0.0), True), ((85.0, 45.0), True), ((79.9, 1.0), False),
                            ((-90.0, 0.0), False), ((-85.0, 45.0), False)):
        small = Polygon(in_frame(place, SQUARE))
        assert conflict(cap, small) is expected and conflict(cap, Circle(*place, 7.0)) is expected
    assert conflict(cap, Circle(90.0, 0.0, 1_900_000.0))


def test_a_meridian_of_180_degrees_is_one_line():
    west = Polygon(((10.0, 180.0), (10.0, 179.0), (11.0, 179.0), (11.0, 180.0)))
    east = Polygon(((10.0, -180.0), (10.0, -179.0), (11.0, -179.0), (11.0, -180.0)))
    assert not conflict(west, east)
    over = Polygon(((10.0, -180.0), (10.0, -179.0), (11.0, -179.0), (11.0, 179.9999999)))
    assert conflict(west, over)            # half of 1e-7 degrees is a centimetre at most


def test_buffers_are_round_at_corners():
    ring = Polygon(in_frame((47.0, 8.0), SQUARE))
    corner = in_frame((47.0, 8.0), [(10, 10)])[0]
    for distance_m, expected in ((99.99, True), (100.01, False)):
        tip, ahead = forward(corner, 45.0, distance_m)
        other = Polygon((tip, forward(tip, ahead - 30, 50)[0], forward(tip, ahead + 30, 50)[0]))
        assert conflict(ring, other, 100.0) is expected


def regular(place, count, radius_m):
    return tuple(forward(place, 360 * i / count, radius_m)[0] for i in range(count))


def test_rings_of_the_largest_size():
    most = limits.RING_VERTICES_MAX
    one = Polygon(regular((47.0, 8.0), most, 5_000))
    away, _ = forward((47.0, 8.0), 90.0, 10_000.5)
    other = Polygon(regular(away, most, 5_000))
    assert not conflict(one, other) and conflict(one, other, 1.0)
    inner = Polygon(regular((47.0, 8.0), most, 4_999))
    assert conflict(one, inner) and conflict(one, one)
    comb = [(i * 1e-5, (i % 2) * 0.01) for i in range(most - 2)]
    zigzag = Polygon((*comb, (most * 1e-5, 0.02), (0.0, 0.02)))
    assert conflict(zigzag, zigzag)


def ragged(random, count, step_m):
    """A border of many vertices, (ahead, right) in metres, from left to right."""
    return [(float(random.uniform(-3, 3)), (i - count / 2) * step_m) for i in range(count)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step_m", [0.01, 2.0, 200.0])
def test_large_rings_that_share_a_ragged_border_only_touch(place, step_m):
    border = ragged(np.random.default_rng(8), 300, step_m)
    width_m, depth_m = 150 * step_m, 40 * step_m + 10
    above = [(depth_m, width_m), (depth_m, -width_m)]
    below = [(-depth_m, width_m), (-depth_m, -width_m)]
    one, other, whole = (Polygon(in_frame(place, points, 20.0)) for points in (
        border + above, border + below,
        [(depth_m, -width_m), (depth_m, width_m), (-depth_m, width_m), (-depth_m, -width_m)]))
    assert not conflict(one, other)
    assert conflict(one, other, 0.01)
    assert conflict(one, one) and conflict(one, Polygon(one.vertices[::-1]))
    assert conflict(one, whole) and conflict(other, whole)
    over = [*border[:150], (border[150][0] - 0.02, border[150][1]), *border[151:]]
    assert conflict(Polygon(in_frame(place, over + above, 20.0)), other)


def test_teeth_that_touch_a_line_of_many_vertices():
    place, count = (47.0, 8.0), 400
    line = [(0.0, float(i)) for i in range(count)]
    for teeth_m, expected in ((5.0, False), (-5.0, True)):
        teeth = [(teeth_m if i % 2 else 0.0, i + 0.5) for i in range(count - 1)]
        zigzag = Polygon(in_frame(place, [*teeth, (teeth_m * 9, count), (teeth_m * 9, -1.0)]))
        plain = Polygon(in_frame(place, [*line, (-50.0, count), (-50.0, -1.0)]))
        assert conflict(zigzag, plain) is expected


def big_ring(random, place, size_m, count):
    """A star-shaped ring of many vertices, or one with needles."""
    radii = size_m * random.uniform(0.5 if random.random() < 0.5 else 0.9, 1, count)
    return Polygon(tuple(forward(place, 360 * i / count, radii[i])[0] for i in range(count)))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size_m", [0.5, 300.0, 40_000.0, 900_000.0])
def test_large_rings_are_compared_as_all_their_pairs_of_edges(place, size_m):
    random = np.random.default_rng(int(size_m))
    for apart in (2.05, 2.0, 1.9, 0.2):
        near, _ = forward(place, random.uniform(0, 360), size_m * apart)
        one, other = big_ring(random, place, size_m, 60), big_ring(random, near, size_m, 70)
        times, _, pool = prepared_of((volume(one), volume(other)))
        counts = times[:, 3].tolist()
        second = counts[0] + kernels.HEAD_ROWS
        rings = [pool[kernels.HEAD_ROWS:second], pool[second + kernels.HEAD_ROWS:]]
        pairs_of = [np.hstack((ring, np.roll(ring, -1, axis=0))) for ring in rings]
        for lateral_m in (0.0, min(100_000.0, 0.3 * size_m)):
            answer = kernels.compare_outlines(pool, 0, counts[0], second, counts[1], lateral_m,
                                              False)
            asked = kernels.compare_outlines(pool, 0, counts[0], second, counts[1], lateral_m, True)
            assert asked[0] is answer[0]
            assert kernels.compare_outlines(pool, second, counts[1], 0, counts[0], lateral_m,
                                            False) == answer
            if counts[0] * counts[1] > 10_000:      # giants are divided; then plain Python is slow
                continue
            met = [compare_edges(*a, *b)[:2] for a in pairs_of[0] for b in pairs_of[1]]
            gap_m = 0.0 if any(relation == CROSS for relation, _ in met) else min(
                gap_m for _, gap_m in met)
            if 0.0 < gap_m >= lateral_m - kernels.TOUCH_M and apart > 1:
                assert answer[0] is False
            else:
                assert answer[:2] == (True, gap_m if apart > 1 else 0.0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size_m", [3.0, 5_000.0, 1_900_000.0])
def test_a_tree_finds_every_edge_and_the_side_that_all_edges_tell(place, size_m):
    random = np.random.default_rng(4)
    ring = big_ring(random, place, size_m, 200)
    times, _, pool = prepared_of((volume(ring),))
    count = int(times[0, 3])
    numbers = np.arange(count)
    finder = kernels._finder(pool, 0, count, numbers, True)
    sides = set()
    for _ in range(60):
        share = 1.0 + random.choice((-1.0, 1.0)) * 10 ** random.uniform(-9, 0)
        at = int(random.integers(200))
        azimuth, away_m = inverse(place, ring.vertices[at])
        point = definition.ecef_m(*forward(place, azimuth + random.normal(0, 0.5) * (share < 0.9),
                                           away_m * share)[0])
        for reach_m in (kernels.TOUCH_M, 0.01 * size_m):
            found, kept = kernels._find(finder, *point, *point, reach_m)
            found = set(found[:kept].tolist())
            for i in range(0, count, 1 + count // 300):
                edge = kernels._edge(pool, 0, count, i)
                if i not in found:
                    assert point_to_edge(*point, *edge)[0] > reach_m
        deep = kernels._is_deep_inside(*point, pool, 0, count, numbers, finder)
        depth_m = kernels.distance_to_ring(*point, pool, 0, count, 1e7)[0]
        expected = depth_m > kernels.TOUCH_M and kernels.is_inside(*point, pool, 0, count)
        assert deep is expected
        sides.add(deep)
    assert sides == {True, False}


@pytest.mark.parametrize("place", PLACES)
def test_a_deep_point_is_inside(place):
    for ring in (SQUARE, HORSESHOE, DEGENERATE["a comb between teeth"][0]):
        _, _, pool = prepared_of((volume(Polygon(in_frame(place, ring, 17.0))),))
        point = kernels.deep_point(pool, 0, len(ring))
        assert kernels.is_inside(*point, pool, 0, len(ring))
        assert kernels.distance_to_ring(*point, pool, 0, len(ring), 1e6)[0] > 0.4


def pairs(seed, count):
    """Random pairs of outlines near each other, of sizes from metres to tens of kilometres."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        place = PLACES[random.integers(len(PLACES))]
        size_m = 10 ** random.uniform(0.7, 4.3)
        one = random_outline(random, place, size_m)
        near, _ = forward(place, random.uniform(0, 360), size_m * random.uniform(0, 2.4))
        yield one, random_outline(random, near, size_m * 10 ** random.uniform(-1, 0.3)), size_m


def some_of(seeds, count):
    """The first few for `make sweep`; all of them for `make soak`."""
    return [pytest.param(seed, marks=[pytest.mark.soak] if n >= count else [])
            for n, seed in enumerate(seeds)]


def assert_agrees_with_definition(seed, count):
    for one, other, size_m in pairs(seed, count):
        for lateral_m in (0.0, min(20_000.0, 0.3 * size_m)):
            separation = Separation(lateral_m, 0.0, 0.0)
            met = encounter((volume(one),), (volume(other),), separation)
            expected = definition.conflict(volume(one), volume(other), separation)
            assert (met is not None) is expected, (one, other, lateral_m)
            if met is not None:
                gap_m = definition.lateral_distance_m(one, other)
                assert met.lateral_m == pytest.approx(gap_m, abs=0.006), (one, other, lateral_m)


@pytest.mark.parametrize("seed", range(4))
def test_the_fast_path_is_the_definition(seed):
    assert_agrees_with_definition(seed, 150)


@pytest.mark.slow
@pytest.mark.parametrize("seed", some_of(range(100, 140), 3))
def test_the_fast_path_is_the_definition_on_many_pairs(seed):
    assert_agrees_with_definition(seed, 2_000)


def assert_snapped_pairs_agree(seed, count):
    """Corners on a coarse raster, so that edges and corners fall upon each other."""
    random = np.random.default_rng(seed)
    done = 0
    while done < count:
        rings = [random.integers(0, 5, (random.integers(3, 7), 2)).tolist() for _ in range(2)]
        planes = [Plane(ring) for ring in rings]
        if not all(plane.is_valid and len({*map(tuple, ring)}) == len(ring)
                   for plane, ring in zip(planes, rings, strict=True)):
            continue
        done += 1
        place = PLACES[random.integers(len(PLACES))]
        outlines = [Polygon(in_frame(place, ring)) for ring in rings]
        expected = planes[0].intersection(planes[1]).area > 1e-9
        assert conflict(*outlines) is expected, (rings, place)


@pytest.mark.parametrize("seed", range(3))
def test_snapped_pairs_agree_with_shapely(seed):
    assert_snapped_pairs_agree(seed, 300)


@pytest.mark.slow
@pytest.mark.parametrize("seed", some_of(range(50, 70), 2))
def test_many_snapped_pairs_agree_with_shapely(seed):
    assert_snapped_pairs_agree(seed, 10_000)


@pytest.mark.parametrize("place", PLACES)
def test_distances_of_large_shapes_are_those_of_densified_geodesics(place):
    random = np.random.default_rng(7)
    for _ in range(3):
        azimuth = random.uniform(0, 360)
        # 0 m apart: a tip at the end of a known perpendicular; then everything else is farther.
        one, other = edge_and_tip(place, azimuth, 400_000.0, 0.4, 15_000.0, 40_000.0)
        met = encounter((volume(one),), (volume(other),), Separation(20_000.0, 0.0, 0.0))
        fine = densified(one.vertices, 200.0)
        least = min(inverse(other.vertices[0], point)[1] for point in fine)
        assert met.lateral_m <= least + 0.005
        assert met.lateral_m == pytest.approx(15_000.0, abs=0.005)
        assert least == pytest.approx(met.lateral_m, abs=0.5)


@given(st.sampled_from(PLACES), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_point_is_inside_as_shapely_says(place, seed):
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * math.pi, 12))
    radii = random.uniform(100, 1000, 12)
    plane = np.column_stack((radii * np.cos(angles), radii * np.sin(angles))).tolist()
    assume(Plane(plane).is_valid)          # a wide gap between two angles may let edges cross
    ring = Polygon(in_frame(place, plane))
    _, _, pool = prepared_of((volume(ring),))
    for _ in range(10):
        spot = random.uniform(-900, 900, 2).tolist()
        if Plane(plane).boundary.distance(Point(spot)) < 0.05:
            continue
        point = kernels.chart(*definition.ecef_m(*in_frame(place, [spot])[0]))[:3]
        assert kernels.is_inside(*point, pool, 0, 12) == Plane(plane).contains(Point(spot))
