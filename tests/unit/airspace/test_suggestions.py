"""Suggestions: free by the definition, the nearest of their kind, within bounds, in few questions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely import Polygon as Flat

from luftrom.airspace.sentences import suggestion_sentence
from luftrom.airspace.suggestions import (
    ALTITUDE,
    ALTITUDE_QUESTIONS_MAX,
    KINDS,
    LATERAL,
    LATERAL_QUESTIONS_MAX,
    TIME,
    TIME_QUESTIONS_MAX,
    Bounds,
    Suggestion,
    search,
)
from luftrom.errors import TooMuchWork
from luftrom.geometry import definition
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.motion import Motion, corners, middle_of, ring
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import PLACES, densified, forward, in_frame, inverse, random_outline
from parties import make_agreement, make_keys, make_party

MIN_NS = 60 * 10**9
PLACE = (47.0, 8.0)
MINIMA = Separation(100.0, 30.0, 60.0)
BOUNDS = Bounds(MINIMA, 0, 0.0, 1_000.0)
SQUARE = Polygon(in_frame(PLACE, [(0, 0), (0, 1000), (1000, 1000), (1000, 0)]))
HOUR = Volume4D(SQUARE, 300.0, 400.0, 600 * MIN_NS, 660 * MIN_NS)
QUESTIONS_MAX = {TIME: TIME_QUESTIONS_MAX, ALTITUDE: ALTITUDE_QUESTIONS_MAX,
                 LATERAL: LATERAL_QUESTIONS_MAX}
TIME_SPAN, ALTITUDE_SPAN, LATERAL_SPAN = range(1, 721), range(10, 301, 10), range(100, 5001, 100)


class Standing:
    """What stands, asked by a fresh index; counts the questions."""

    def __init__(self, sets, separation):
        self.sets, self.asked = sets, 0
        self.index = VolumeIndex(separation)
        for serial, volumes in enumerate(sets):
            self.index.insert(serial, volumes)

    def met(self, volumes, allowance):
        self.asked += 1
        return {serial: self.sets[serial] for serial in self.index.query(volumes)}


def suggest(kind, own, met, bounds):
    """What a search ends with, after None for each question before."""
    *before, last = [None, *search(kind, own, met, bounds, Allowance())]
    assert set(before) <= {None}
    return last


def all_suggested(own, sets, bounds=BOUNDS):
    """A suggestion or None by kind, each found in no more questions than are allowed."""
    found = {}
    for kind in KINDS:
        standing = Standing(sets, bounds.separation)
        found[kind] = suggest(kind, own, standing.met, bounds)
        assert standing.asked <= QUESTIONS_MAX[kind]
        again = suggest(kind, own, Standing(sets, bounds.separation).met, bounds)
        assert again == found[kind]
    return found


# -- one after the other -------------------------------------------------------------------------

def test_what_a_square_in_the_way_leaves_free():
    found = all_suggested((replace(HOUR, time_start_ns=610 * MIN_NS),), [(HOUR,)])
    assert {kind: suggestion_sentence(each) for kind, each in found.items()} == {
        TIME: "51 minutes later is free", ALTITUDE: "130 m higher is free",
        LATERAL: "1,100 m to the north is free"}
    later = found[TIME].volumes[0]
    assert (later.time_start_ns, later.time_end_ns) == (661 * MIN_NS, 711 * MIN_NS)
    higher = found[ALTITUDE].volumes[0]
    assert (higher.altitude_m_w84_lower, higher.altitude_m_w84_upper) == (430.0, 530.0)
    assert found[LATERAL].bearing_deg == 0.0
    corner = found[LATERAL].volumes[0].outline.vertices[0]
    assert abs(inverse(SQUARE.vertices[0], corner)[1] - 1_100) < 0.01


def test_earlier_and_lower_where_that_is_nearer():
    own = Volume4D(SQUARE, 250.0, 340.0, 550 * MIN_NS, 605 * MIN_NS)
    found = all_suggested((own,), [(HOUR,)])
    assert suggestion_sentence(found[TIME]) == "6 minutes earlier is free"
    assert suggestion_sentence(found[ALTITUDE]) == "70 m lower is free"


def test_what_is_free_as_declared_is_said_so_and_nothing_else():
    own = replace(HOUR, altitude_m_w84_lower=500.0, altitude_m_w84_upper=600.0)
    found = all_suggested((own,), [(HOUR,)])
    assert found == {TIME: Suggestion(TIME, (own,)), ALTITUDE: None, LATERAL: None}
    assert suggestion_sentence(found[TIME]) == "it is free now as it was declared"


@pytest.mark.parametrize(("earliest_min", "shift_min"), [
    (0, -56), (539, -56), (540, 66), (630, 66), (661, 66), (662, 67)])
def test_no_start_before_the_earliest(earliest_min, shift_min):
    own = replace(HOUR, time_start_ns=595 * MIN_NS, time_end_ns=655 * MIN_NS)
    bounds = replace(BOUNDS, earliest_ns=earliest_min * MIN_NS)
    found = suggest(TIME, (own,), Standing([(HOUR,)], MINIMA).met, bounds)
    assert found.time_shift_s == 60 * shift_min


def test_what_is_over_is_offered_in_time_alone():
    bounds = replace(BOUNDS, earliest_ns=700 * MIN_NS + 1)
    for sets in ([(HOUR,)], []):
        found = all_suggested((HOUR,), sets, bounds)
        assert (found[ALTITUDE], found[LATERAL]) == (None, None)
        assert suggestion_sentence(found[TIME]) == "101 minutes later is free"
    beyond = replace(BOUNDS, earliest_ns=HOUR.time_start_ns + 721 * MIN_NS)
    assert all_suggested((HOUR,), [(HOUR,)], beyond)[TIME] is None


def test_the_band_and_the_area_of_the_agreement_are_kept():
    full = replace(BOUNDS, altitude_m_w84_lower=180.0, altitude_m_w84_upper=520.0)
    assert all_suggested((HOUR,), [(HOUR,)], full)[ALTITUDE] is None
    lower = replace(full, altitude_m_w84_lower=170.0)
    assert suggestion_sentence(
        all_suggested((HOUR,), [(HOUR,)], lower)[ALTITUDE]) == "130 m lower is free"
    tight = replace(BOUNDS, area=Polygon(in_frame(
        PLACE, [(-200, -200), (-200, 2150), (1200, 2150), (1200, -200)])))
    assert suggestion_sentence(all_suggested((HOUR,), [(HOUR,)], tight)[LATERAL]) == (
        "1,100 m to the east is free")
    none = replace(BOUNDS, area=Polygon(in_frame(
        PLACE, [(-200, -200), (-200, 2000), (1200, 2000), (1200, -200)])))
    assert all_suggested((HOUR,), [(HOUR,)], none)[LATERAL] is None
    elsewhere = replace(BOUNDS, area=Polygon(((-40.0, -170.0), (-41.0, -170.0), (-41.0, -171.0))))
    assert all_suggested((HOUR,), [(HOUR,)], elsewhere)[LATERAL] is None


@pytest.mark.parametrize(("half_m", "way"), [(1_610, "north"), (1_595, "north-north-east")])
def test_a_circle_keeps_to_the_area_with_its_rim(half_m, way):
    own = Volume4D(Circle(*PLACE, 500.0), 300.0, 400.0, 0, 60 * MIN_NS)
    area = Polygon(in_frame(PLACE, [(half_m, -half_m), (half_m, half_m), (-half_m, half_m),
                                    (-half_m, -half_m)]))
    found = suggest(LATERAL, (own,), Standing([(own,)], MINIMA).met, replace(BOUNDS, area=area))
    assert suggestion_sentence(found) == f"1,100 m to the {way} is free"


def test_large_minima_have_larger_steps():
    own = (replace(HOUR, altitude_m_w84_lower=5_000.0, altitude_m_w84_upper=5_500.0),)
    bounds = Bounds(Separation(9_260.0, 305.0, 1_200.0), 0, 0.0, 16_000.0)
    found = all_suggested(own, [own], bounds)
    assert [found[TIME].time_shift_s, found[ALTITUDE].altitude_shift_m,
            found[LATERAL].lateral_shift_m] == [4_800, 840, 11_000]


def test_all_volumes_shift_together():
    own = tuple(Volume4D(Circle(*forward(PLACE, 60.0, 800.0 * i)[0], 200.0), 100.0 * i,
                         100.0 * i + 120.0, (600 + 5 * i) * MIN_NS, (606 + 5 * i) * MIN_NS)
                for i in range(4))
    for each in all_suggested(own, [(own[2],)]).values():
        assert len(each.volumes) == 4
        shifts = {(v.time_start_ns - o.time_start_ns,
                   round(v.altitude_m_w84_lower - o.altitude_m_w84_lower, 6),
                   round(inverse((v.outline.lat_deg, v.outline.lng_deg),
                                 (o.outline.lat_deg, o.outline.lng_deg))[1], 1))
                  for v, o in zip(each.volumes, own, strict=True)}
        assert shifts == {(each.time_shift_s * 10**9, each.altitude_shift_m,
                           each.lateral_shift_m)}


def test_sentences():
    def later(minutes):
        return suggestion_sentence(Suggestion(TIME, (HOUR,), time_shift_s=60 * minutes))

    assert (later(1), later(-119), later(120), later(-150)) == (
        "1 minute later is free", "119 minutes earlier is free", "2 hours later is free",
        "2 hours 30 min earlier is free")
    aside = Suggestion(LATERAL, (HOUR,), lateral_shift_m=300, bearing_deg=337.5)
    assert suggestion_sentence(aside) == "300 m to the north-north-west is free"


def test_bounds_follow_from_the_agreement_or_from_the_volumes():
    agreement = make_agreement(tuple(make_party(name, make_keys(name))
                                     for name in ("alfa.example", "bravo.example")), after_s=2.5)
    bounds = Bounds.under(agreement, (HOUR,), 10**9)
    assert bounds == Bounds(agreement.separation, 3_500_000_000, agreement.altitude_m_w84_lower,
                            agreement.altitude_m_w84_upper, agreement.area)
    alone = Bounds.under(None, (HOUR, replace(HOUR, altitude_m_w84_lower=200.0)), 10**9)
    assert (alone.earliest_ns, alone.altitude_m_w84_lower, alone.area) == (10**9, 200.0, None)


# -- the number of questions ---------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_whoever_always_meets_something_new_is_asked_a_bounded_number_of_times(kind):
    asked = []

    def met(volumes, allowance):
        asked.append(volumes)
        return {len(asked): (HOUR,)}

    assert suggest(kind, (HOUR,), met, BOUNDS) is None
    assert 1 < len(asked) <= QUESTIONS_MAX[kind]


def test_large_volumes_are_asked_about_less():
    many = Polygon(in_frame(PLACE, [(1000 * np.cos(a), 1000 * np.sin(a))
                                    for a in np.linspace(0, 2 * np.pi, 4_000, endpoint=False)]))
    asked = []

    def met(volumes, allowance):
        asked.append(volumes)
        return {len(asked): ()}

    for kind, count in ((TIME, 5), (ALTITUDE, 5), (LATERAL, 1)):
        asked.clear()
        assert suggest(kind, (replace(HOUR, outline=many),), met, BOUNDS) is None
        assert len(asked) == count


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_has_an_allowance(kind):
    """What shifts and comparisons take is counted, whatever `met` takes."""
    own = (replace(HOUR, time_start_ns=610 * MIN_NS),)
    full = Allowance(1e9)
    *_, found = search(kind, own, Standing([(HOUR,)], MINIMA).met, BOUNDS, full)
    needed = 1e9 - full.left
    assert found is not None and needed > 0.0
    *_, again = search(kind, own, Standing([(HOUR,)], MINIMA).met, BOUNDS, Allowance(needed))
    assert again == found
    with pytest.raises(TooMuchWork):
        list(search(kind, own, Standing([(HOUR,)], MINIMA).met, BOUNDS, Allowance(needed - 1.0)))


# -- at random: the nearest, free, within bounds -------------------------------------------------

def scene(random, place, sets_max):
    """Sets of up to three volumes within 3 km and three hours, and one of one to four to declare.
    """
    def some(count, lateral_m, size_m, start_min, lengths_min, band_m):
        for _ in range(count):
            middle, _ = forward(place, random.uniform(0, 360), random.uniform(0, lateral_m))
            lower = random.uniform(0, 300)
            start_ns = int(random.integers(*start_min)) * MIN_NS
            yield Volume4D(random_outline(random, middle, random.uniform(100, size_m)), lower,
                           lower + random.uniform(30, band_m), start_ns,
                           start_ns + int(random.integers(*lengths_min)) * MIN_NS)

    sets = [tuple(some(random.integers(1, 4), 3_000, 2_000, (0, 180), (5, 60), 200))
            for _ in range(random.integers(2, sets_max))]
    own = tuple(some(random.choice([1, 1, 2, 4]), 1_500, 1_500, (60, 120), (5, 30), 80))
    separation = Separation(float(random.choice([0, 50, 300, 800])),
                            float(random.choice([0, 15, 50])), float(random.choice([0, 60, 600])))
    area = None
    if random.random() < 0.5:
        area = Polygon(in_frame(place, [(-5000, -5000), (-5000, 6000), (4000, 5500), (1500, 0),
                                        (5000, -4000)]))
    return own, sets, Bounds(separation, int(random.integers(0, 60)) * MIN_NS, 0.0, 600.0, area)


def area_holds(bounds, volumes, place):
    """Told by shapely in a picture of azimuths and distances; within a metre."""
    def flat(outline):
        if isinstance(outline, Circle):
            vertices = [forward((outline.lat_deg, outline.lng_deg), azimuth, outline.radius_m)[0]
                        for azimuth in range(0, 360, 5)]
        else:
            vertices = densified(outline.vertices, 500.0)
        sides = [inverse(place, vertex) for vertex in vertices]
        return Flat([(m * np.cos(np.radians(a)), m * np.sin(np.radians(a))) for a, m in sides])

    return bounds.area is None or all(
        flat(bounds.area).buffer(1.0).contains(flat(v.outline)) for v in volumes)


def nearest(kind, own, index, bounds, place):
    """The first free shift, looked for step by step; figures as a suggestion has them."""
    first = min(v.time_start_ns for v in own)
    if kind == TIME:
        for minutes in TIME_SPAN:
            for sign in (1, -1):
                shift_ns = sign * minutes * MIN_NS
                moved = [replace(v, time_start_ns=v.time_start_ns + shift_ns,
                                 time_end_ns=v.time_end_ns + shift_ns) for v in own]
                if first + shift_ns >= bounds.earliest_ns and not index.query(moved):
                    return sign * minutes * 60, 0, 0, None
    elif kind == ALTITUDE:
        for metres in ALTITUDE_SPAN:
            for shift_m in (metres, -metres):
                moved = [replace(v, altitude_m_w84_lower=v.altitude_m_w84_lower + shift_m,
                                 altitude_m_w84_upper=v.altitude_m_w84_upper + shift_m)
                         for v in own]
                if (all(v.altitude_m_w84_lower >= 0 and v.altitude_m_w84_upper <= 600
                        for v in moved) and not index.query(moved)):
                    return 0, shift_m, 0, None
    else:
        middle = middle_of([ring(v.outline, 1.0) for v in own])
        for metres in LATERAL_SPAN:
            for way in range(16):
                motion = Motion(middle, way * 22.5, float(metres))
                moved = [replace(v, outline=motion.move_outline(v.outline, corners(v.outline)))
                         for v in own]
                if not index.query(moved) and area_holds(bounds, moved, place):
                    return 0, 0, metres, way * 22.5
    return None


def check(seed, count, sets_max):
    random = np.random.default_rng(seed)
    offered = dict.fromkeys(KINDS, 0)
    for turn in range(count):
        place = PLACES[turn % len(PLACES)]
        own, sets, bounds = scene(random, place, sets_max)
        index = Standing(sets, bounds.separation).index
        if not index.query(own):
            continue
        for kind, each in all_suggested(own, sets, bounds).items():
            figures = each and (each.time_shift_s, each.altitude_shift_m, each.lateral_shift_m,
                                each.bearing_deg)
            assert figures == nearest(kind, own, index, bounds, place), (seed, turn, kind)
            if each is None:
                continue
            offered[kind] += 1
            assert index.query(each.volumes) == []
            assert area_holds(bounds, each.volumes, place) or kind != LATERAL
            assert all(v.altitude_m_w84_lower >= 0.0 and v.altitude_m_w84_upper <= 600.0
                       for v in each.volumes)
            if turn % 4 == 0:
                assert not any(definition.conflict(one, other, bounds.separation)
                               for one in each.volumes for others in sets for other in others)
    assert all(offered.values()), offered


@pytest.mark.parametrize("seed", range(2))
def test_every_suggestion_is_the_nearest_and_free(seed):
    check(seed, 24, 12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 108))
def test_every_suggestion_is_the_nearest_and_free_in_crowds(seed):
    check(seed, 40, 40)
