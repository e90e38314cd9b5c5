"""What holds for any pairs: the same answer however they are written, and the right one.

Crowded scenes, in which most outlines were pushed against another one until it nearly touched, or
came to the minimum, are held against shapely in a plane (`scenes`), the plain reference against the
same, and long edges and large circles against what pyproj lays off at right angles to them.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_paths import FAST_PATHS
from luftrom.geometry import definition
from luftrom.geometry.kernels import TOUCH_M
from luftrom.geometry.volume import Circle, Polygon, Separation
from luftrom.geometry.wgs84 import ECCENTRICITY2
from outlines import PLACES, edge_and_tip, forward, in_frame, volume
from scenes import Scene, judge, scene

SEPARATIONS = (Separation(0.0, 0.0, 0.0), Separation(30.0, 50.0, 1.0), Separation(500.0, 0.0, 60.0),
               Separation(0.01, 51.0, 0.0))
# Where faces of the cube of cells meet: three at its corner, two in the middle of a side.
CUBE = ((math.degrees(math.atan(math.sqrt(0.5) / (1 - ECCENTRICITY2))), 45.0), (0.0, 135.0))
ALL_PLACES = PLACES + CUBE
UNSURE_SHARE_MAX = 0.03                    # of the pairs near their minimum
ERROR_M = 4e-4                             # of a distance of up to 2,000 km
SEEDS = st.integers(0, 2**32 - 1)


@dataclass
class Tally:
    """How many pairs were held against the oracle."""

    compared: int = 0
    near: int = 0                          # those whose gap is within a metre of the minimum
    near_conflicts: int = 0
    unsure: int = 0

    def assert_it_could_have_failed(self, near_min: int) -> None:
        assert self.near >= near_min, self
        assert 0.1 * self.near < self.near_conflicts < 0.9 * self.near, self
        assert self.unsure <= UNSURE_SHARE_MAX * self.near, self


def wrong_pairs(found, laid: Scene, separation: Separation, tally: Tally) -> list:
    """The pairs on which an answer surely errs."""
    judged = judge(laid, separation)
    sure_near = judged.near & judged.sure
    tally.compared += int(judged.sure.sum())
    tally.near += int(sure_near.sum())
    tally.near_conflicts += int((sure_near & judged.conflict).sum())
    tally.unsure += int((~judged.sure).sum())
    expected = judged.pairs(judged.conflict & judged.sure)
    forbidden = judged.pairs(~judged.conflict & judged.sure)
    return sorted((expected - found) | (found & forbidden))


def hold_against_plane(seeds, count: int) -> Tally:
    """Every fast path on a scene for each seed."""
    total = Tally()
    for seed in seeds:
        random = np.random.default_rng(seed)
        place = (ALL_PLACES[random.integers(len(ALL_PLACES))] if random.random() < 0.8 else
                 (float(np.degrees(np.arcsin(random.uniform(-1, 1)))), random.uniform(-180, 180)))
        separation = SEPARATIONS[random.integers(len(SEPARATIONS))]
        laid = scene(seed, place, count, separation)
        for name, path in FAST_PATHS.items():
            tally = total if name == "index" else Tally()
            wrong = wrong_pairs(path(laid.volumes, separation), laid, separation, tally)
            assert not wrong, (name, seed, separation, [laid.volumes[k] for k in wrong[0]])
    return total


def test_crowded_scenes_are_answered_as_in_the_plane() -> None:
    hold_against_plane(range(24), 60).assert_it_could_have_failed(300)


@pytest.mark.slow
def test_many_crowded_scenes_are_answered_as_in_the_plane() -> None:
    tally = hold_against_plane(range(1_000, 1_120), 100)
    assert tally.compared > 500_000, tally
    tally.assert_it_could_have_failed(3_000)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_millions_of_pairs_are_answered_as_in_the_plane(part: int) -> None:
    tally = hold_against_plane(range(10_000 + 500 * part, 10_500 + 500 * part), 100)
    assert tally.compared > 2_000_000, tally
    tally.assert_it_could_have_failed(10_000)


@pytest.mark.parametrize("error_m", [0.002, -0.002])
def test_an_engine_that_errs_by_2_mm_would_be_found(error_m: float) -> None:
    separation, found = SEPARATIONS[1], 0
    for seed in (1, 2, 4, 5, 7):
        laid = scene(seed, PLACES[2], 60, separation)
        erring = replace(separation, lateral_m=separation.lateral_m + error_m)
        answer = FAST_PATHS["index"](laid.volumes, erring)
        found += len(wrong_pairs(answer, laid, separation, Tally()))
    assert found > 3


# -- the reference -------------------------------------------------------------------------------

@pytest.mark.parametrize("separation", SEPARATIONS[:2])
@pytest.mark.parametrize("place", PLACES)
def test_the_reference_is_right_and_so_are_the_fast_paths(place, separation) -> None:
    asked, seed = 0, 1_000 * PLACES.index(place)
    while asked < 8:
        seed += 1
        laid = scene(seed, place, 6, separation)
        judged = judge(laid, separation)
        pairs = judged.pairs(judged.near & judged.sure)
        answers = {name: path(laid.volumes, separation) for name, path in FAST_PATHS.items()}
        for i, j in sorted(pairs):
            one, other = laid.volumes[i], laid.volumes[j]
            if any(len(getattr(v.outline, "vertices", ())) > 8 for v in (one, other)):
                continue                   # seconds in plain Python
            expected = (i, j) in judged.pairs(judged.conflict)
            assert definition.conflict(one, other, separation) is expected
            assert {(i, j) in found for found in answers.values()} == {expected}
            asked += 1


# -- written otherwise ---------------------------------------------------------------------------

def rewritten(random: np.random.Generator, outline: Polygon | Circle) -> Polygon | Circle:
    """Begun at another vertex, perhaps turned round, 180 as -180, any longitude at a pole."""
    def place(lat: float, lng: float) -> tuple[float, float]:
        return lat, (random.uniform(-180, 180) if abs(lat) == 90 else
                     -lng if abs(lng) == 180 else lng)
    if isinstance(outline, Circle):
        return Circle(*place(outline.lat_deg, outline.lng_deg), outline.radius_m)
    ring = [place(*vertex) for vertex in outline.vertices]
    turn = int(random.integers(len(ring)))
    ring = ring[turn:] + ring[:turn]
    return Polygon(tuple(ring[::-1] if random.random() < 0.5 else ring))


@given(st.sampled_from(PLACES), SEEDS, st.sampled_from(SEPARATIONS))
@settings(max_examples=60, deadline=None)
def test_first_vertex_winding_and_order_of_insertion_do_not_matter(place, seed, separation) -> None:
    laid, random = scene(seed, place, 14, separation), np.random.default_rng(seed)
    judged = judge(laid, separation)
    # Rewriting moves rounding about: what is nearer to the tolerance than that may change.
    sure = judged.pairs(judged.sure)
    order = random.permutation(len(laid.volumes)).tolist()
    again = [replace(laid.volumes[k], outline=rewritten(random, laid.volumes[k].outline))
             for k in order]
    for path in FAST_PATHS.values():
        before = path(laid.volumes, separation) & sure
        after = {tuple(sorted((order[i], order[j]))) for i, j in path(again, separation)} & sure
        assert after == before


@given(st.sampled_from(PLACES), SEEDS, st.sampled_from(SEPARATIONS),
       st.sampled_from([-360, -180, -90, 90, 180, 360]))
@settings(max_examples=60, deadline=None)
def test_longitudes_may_be_shifted(place, seed, separation, shift_deg) -> None:
    laid = scene(seed, place, 14, separation)

    def shifted(outline: Polygon | Circle) -> Polygon | Circle:
        def turn(lng: float) -> float:
            return (lng + shift_deg + 180) % 360 - 180      # 190 is written as -170
        if isinstance(outline, Circle):
            return Circle(outline.lat_deg, turn(outline.lng_deg), outline.radius_m)
        return Polygon(tuple((lat, turn(lng)) for lat, lng in outline.vertices))

    sure = judge(laid, separation)
    sure = sure.pairs(sure.sure)
    again = [replace(v, outline=shifted(v.outline)) for v in laid.volumes]
    for path in FAST_PATHS.values():
        assert path(again, separation) & sure == path(laid.volumes, separation) & sure


# -- meshes --------------------------------------------------------------------------------------

def mesh(random: np.random.Generator, place, size_m: float) -> tuple[list[Polygon], list[set]]:
    """Triangles and quadrangles that fill an area without overlap, and the corners of each.

    The corners stand on a raster, each moved by less than a quarter of the step.
    """
    steps = range(-2, 3)
    corners = [(i, j) for i in steps for j in steps]
    moved = (np.array(corners) + random.uniform(-0.2, 0.2, (25, 2))) * size_m
    places = dict(zip(corners, in_frame(place, moved.tolist()), strict=True))
    rings = []
    for i, j in corners:
        if i == 2 or j == 2:
            continue
        quad = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
        turn = int(random.integers(4))
        quad = quad[turn:] + quad[:turn]
        rings += [quad] if random.random() < 0.3 else [quad[:3], [quad[2], quad[3], quad[0]]]
    rings = [ring[::-1] if random.random() < 0.5 else ring for ring in rings]
    return [Polygon(tuple(places[c] for c in ring)) for ring in rings], list(map(set, rings))


def hold_against_meshes(seeds) -> int:
    """What shares a corner or an edge touches; touching is no conflict, but keeps no minimum."""
    touching = 0
    for seed in seeds:
        random = np.random.default_rng(seed)
        outlines, corners = mesh(random, ALL_PLACES[seed % len(ALL_PLACES)],
                                 10 ** random.uniform(0.3, 5.2))
        volumes = [volume(outline) for outline in outlines]
        neighbours = {(i, j) for j in range(len(corners)) for i in range(j)
                      if corners[i] & corners[j]}
        for name, path in FAST_PATHS.items():
            assert path(volumes, SEPARATIONS[0]) == set(), (name, seed)
            assert path(volumes, Separation(0.01, 0.0, 0.0)) == neighbours, (name, seed)
        touching += len(neighbours)
    return touching


def test_meshes_touch_and_do_not_conflict() -> None:
    assert hold_against_meshes(range(20)) > 2_000


@pytest.mark.slow
def test_many_meshes_touch_and_do_not_conflict() -> None:
    assert hold_against_meshes(range(100, 200)) > 10_000


# -- long edges and large circles ----------------------------------------------------------------

def circle_and_neighbour(random: np.random.Generator, place, radius_m: float, apart_m: float):
    """A circle, and so far from it a circle, a tip or an edge across; below 0: into it."""
    foot, ahead = forward(place, random.uniform(0, 360), radius_m + apart_m)
    kind, size_m = random.random(), 10 ** random.uniform(1.5, 5)
    if kind < 0.3:
        centre, _ = forward(foot, ahead, size_m)
        return Circle(*place, radius_m), Circle(*centre, size_m)
    if kind < 0.6:
        sides = [forward(foot, ahead + turn, size_m)[0] for turn in (-40.0, 40.0)]
    else:
        sides = [forward(foot, ahead - 90.0, size_m)[0], forward(foot, ahead, size_m)[0]]
        foot, _ = forward(foot, ahead + 90.0, size_m * random.uniform(0.1, 1))
    return Circle(*place, radius_m), Polygon((foot, *sides))


def hold_against_geodesics(seed: int, count: int) -> Counter:
    """What is laid off at right angles to edges of up to 600 km and to circles of up to 2,000 km.

    It stands at the minimum and a little more or less. Returns how many were conflicts, or not.
    """
    random, answers = np.random.default_rng(seed), Counter()
    while answers.total() < count:
        place = PLACES[random.integers(len(PLACES))]
        lateral_m = float(random.choice((0.0, 0.01, 30.0, 500.0, 9_260.0, 20_000.0, 99_000.0)))
        off_m = random.choice((-1, 1)) * 10 ** random.uniform(-3.2, 1)
        # Either more than the tolerance of 1 mm is missing, or it is not.
        expected = bool(off_m < -TOUCH_M)
        if abs(off_m + TOUCH_M) < ERROR_M or lateral_m + off_m < 0 < lateral_m:
            continue
        length_m, size_m = 10 ** random.uniform(1, 5.78), 10 ** random.uniform(1, 5)
        if not lateral_m and min(length_m * 0.05, size_m) < -4 * off_m:
            continue                       # the tip might come out at the other side
        if random.random() < 0.5:
            pair = edge_and_tip(place, random.uniform(0, 360), length_m,
                                random.uniform(0.05, 0.95), lateral_m + off_m, size_m)
        else:
            pair = circle_and_neighbour(random, place, 10 ** random.uniform(1.5, 6.3),
                                        lateral_m + off_m)
        volumes, separation = tuple(map(volume, pair)), Separation(lateral_m, 0.0, 0.0)
        for name, path in FAST_PATHS.items():
            assert bool(path(volumes, separation)) is expected, (name, pair, lateral_m, off_m)
        answers[expected] += 1
    return answers


def test_long_edges_and_large_circles() -> None:
    assert min(hold_against_geodesics(1, 400).values()) > 100


@pytest.mark.slow
def test_many_long_edges_and_large_circles() -> None:
    assert min(hold_against_geodesics(2, 6_000).values()) > 2_000


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 15))
def test_very_many_long_edges_and_large_circles(seed: int) -> None:
    assert min(hold_against_geodesics(seed, 40_000).values()) > 15_000
