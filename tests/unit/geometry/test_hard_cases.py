"""The forty cases that hurt most: every way of asking gives what is right, however written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fast_paths import FAST_PATHS
from hard_cases import CASES, NONE, Case, at, box, ring
from luftrom.clock import TIME_NS_MAX, TIME_NS_MIN
from luftrom.geometry import definition
from luftrom.geometry.encounter import encounter
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import TIME_S_MAX, Circle, Polygon, Separation, Volume4D
from outlines import volume

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
SLOW_IN_THE_REFERENCE = "slivers"


def answers(one: Volume4D, other: Volume4D, separation: Separation) -> dict[str, bool]:
    """What every fast path says, both ways round."""
    found = {}
    for name, path in FAST_PATHS.items():
        found[name] = bool(path((one, other), separation))
        found[f"{name}, the other way round"] = bool(path((other, one), separation))
    return found


def changed(case: Case, change) -> tuple[Volume4D, Volume4D]:
    """The volumes of a case with every outline changed."""
    return tuple(replace(v, outline=change(v.outline)) for v in (case.one, case.other))


def each_place(change):
    """A change of outlines that moves their places one by one: (lat, lng) to (lat, lng)."""
    def change_outline(outline):
        if isinstance(outline, Circle):
            return Circle(*change(outline.lat_deg, outline.lng_deg), outline.radius_m)
        return Polygon(tuple(change(*vertex) for vertex in outline.vertices))
    return change_outline


def east(lng_deg: float, by_deg: float) -> float:
    """Turned by an angle; 190 is written as -170."""
    turned = lng_deg + by_deg
    return turned - 360.0 if turned > 180.0 else turned


def of_ring(change):
    """A change of rings alone: of their vertices."""
    return lambda outline: (outline if isinstance(outline, Circle)
                            else Polygon(change(outline.vertices)))


SAME_OUTLINE = {
    "first vertex": of_ring(lambda ring: ring[1:] + ring[:1]),
    "another first vertex": of_ring(lambda ring: ring[len(ring) // 2:] + ring[:len(ring) // 2]),
    "winding": of_ring(lambda ring: ring[::-1]),
    "180 is -180": each_place(lambda lat, lng: (lat, -lng if abs(lng) == 180.0 else lng)),
    "any longitude at a pole": each_place(lambda lat, lng: (lat, 31.0 if abs(lat) == 90 else lng)),
}
SAME_PAIR = {
    "north is south": each_place(lambda lat, lng: (-lat, lng)),
    "east is west": each_place(lambda lat, lng: (lat, -lng)),
    "turned by 180 degrees": each_place(lambda lat, lng: (lat, east(lng, 180.0))),
    "turned to the 180th meridian": each_place(lambda lat, lng: (lat, east(lng, 172.0))),
    "turned by 90 degrees": each_place(lambda lat, lng: (lat, east(lng, 90.0))),
}


def test_there_are_forty_and_each_has_its_name() -> None:
    assert len(CASES) == len({case.slug for case in CASES}) == 40
    assert 10 < sum(case.conflict for case in CASES) < 30


@EACH
def test_every_path_says_what_is_right(case: Case) -> None:
    assert set(answers(case.one, case.other, case.separation).values()) == {case.conflict}


@pytest.mark.parametrize("case", [
    pytest.param(case, id=case.slug,
                 marks=[pytest.mark.slow] if case.slug == SLOW_IN_THE_REFERENCE else [])
    for case in CASES if case.plain])
def test_the_reference_says_what_is_right(case: Case) -> None:
    assert definition.conflict(case.one, case.other, case.separation) is case.conflict
    if case.distance_m is not None:
        gap_m = definition.lateral_distance_m(case.one.outline, case.other.outline)
        assert gap_m == pytest.approx(case.distance_m, abs=1e-3)


@EACH
def test_asked_for_overlap_alone_minima_do_not_matter(case: Case) -> None:
    index = VolumeIndex(case.separation)
    index.insert(1, (case.one,))
    without_minima = encounter((case.one,), (case.other,), NONE) is not None
    assert index.query_overlap((case.other,)) == ([1] if without_minima else [])
    if case.separation == NONE:
        assert without_minima is case.conflict


@EACH
def test_a_minimum_2_mm_to_either_side_of_the_distance(case: Case) -> None:
    if case.distance_m is None:
        return
    one, other = volume(case.one.outline), volume(case.other.outline)
    # At the distance plus 2 mm the minimum is missed by more than the tolerance; less 2 mm, kept.
    beyond = Separation(case.distance_m + 0.002, 0.0, 0.0)
    assert set(answers(one, other, beyond).values()) == {True}
    if case.distance_m > 0.002:
        within = Separation(case.distance_m - 0.002, 0.0, 0.0)
        assert set(answers(one, other, within).values()) == {False}
        met = encounter((one,), (other,), beyond)
        assert met is not None and met.lateral_m == pytest.approx(case.distance_m, abs=0.006)


@EACH
@pytest.mark.parametrize("name", SAME_OUTLINE)
def test_an_outline_may_be_written_otherwise(case: Case, name: str) -> None:
    one, other = changed(case, SAME_OUTLINE[name])
    assert set(answers(one, other, case.separation).values()) == {case.conflict}
    assert set(answers(one, case.other, case.separation).values()) == {case.conflict}


@EACH
@pytest.mark.parametrize("name", SAME_PAIR)
def test_a_pair_may_lie_elsewhere_on_the_same_ellipsoid(case: Case, name: str) -> None:
    one, other = changed(case, SAME_PAIR[name])
    assert set(answers(one, other, case.separation).values()) == {case.conflict}


DEPTHS_M = (0.002, 0.01, 0.03, 0.06, 0.1, 0.3, 0.5, 0.9, 1.1, 3.0, 20.0)
# What reaches so deep into the square of 100 m, and what stands as far from it.
INTO = {
    "an edge": lambda depth_m: box(20, 100 - depth_m, 80, 200),
    "a tip": lambda depth_m: ring((50, 100 - depth_m), (0, 200), (100, 200)),
    "a corner at a corner": lambda depth_m: box(100 - depth_m, 100 - depth_m, 200, 200),
    "a needle": lambda depth_m: ring((50, 100 - depth_m), (49.9, 200), (50.1, 200)),
    "a bar across": lambda depth_m: box(-50, 100 - depth_m, 150, 200),
    "a circle": lambda depth_m: Circle(*at(50, 140 - depth_m), 40.0),
    "a notched ring": lambda depth_m: ring((20, 100 - depth_m), (20, 200), (80, 200),
                                           (80, 100 - depth_m), (50, 150)),
}


@pytest.mark.parametrize("depth_m", DEPTHS_M)
@pytest.mark.parametrize("name", INTO)
def test_overlaps_of_every_depth_and_gaps_of_every_width(name: str, depth_m: float) -> None:
    square = volume(box(0, 0, 100, 100))
    into, off = volume(INTO[name](depth_m)), volume(INTO[name](-depth_m))
    assert set(answers(square, into, NONE).values()) == {True}
    assert set(answers(square, off, NONE).values()) == {False}
    if name != "a corner at a corner":     # which is farther off by the root of 2
        kept = Separation(depth_m - 0.0005, 0.0, 0.0)
        missed = Separation(depth_m + 0.0015, 0.0, 0.0)
        assert set(answers(square, off, kept).values()) == {False}
        assert set(answers(square, off, missed).values()) == {True}


@pytest.mark.parametrize("depth_m", DEPTHS_M)
@pytest.mark.parametrize("size_m", [0.05, 0.2, 1.0, 5.0])
def test_small_ones_just_inside_an_edge(size_m: float, depth_m: float) -> None:
    square = volume(box(0, 0, 100, 100))
    small = (Circle(*at(50, 100 - depth_m), size_m),
             ring((50, 100 - depth_m), (50 - size_m, 100 - depth_m - size_m),
                  (50 + size_m, 100 - depth_m - size_m)))
    for outline in small:
        assert set(answers(square, volume(outline), NONE).values()) == {True}


def test_both_ends_of_time_are_apart() -> None:
    outline = CASES[0].one.outline
    first = volume(outline, start_ns=TIME_NS_MIN, end_ns=TIME_NS_MIN + 1)
    last = volume(outline, start_ns=TIME_NS_MAX - 1, end_ns=TIME_NS_MAX)
    longest = Separation(0.0, 0.0, TIME_S_MAX)
    assert set(answers(first, last, longest).values()) == {False}
    assert set(answers(first, first, longest).values()) == {True}
    assert set(answers(last, last, longest).values()) == {True}
