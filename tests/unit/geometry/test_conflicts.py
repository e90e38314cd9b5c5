"""Encounters and the index: the same in any order, and exactly what looking at every pair finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom import limits
from luftrom.clock import NS_PER_S, TIME_NS_MAX, TIME_NS_MIN
from luftrom.geometry.encounter import Encounter, encounter
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.index.warming import warm_up
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import PLACES, forward, in_frame, inverse, random_outline, volume

NONE = Separation(0.0, 0.0, 0.0)
HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
SQUARE = Polygon(in_frame((47.0, 8.0), [(0, 0), (0, 100), (100, 100), (100, 0)]))


def test_warm_up():
    warm_up()


def test_times_are_half_open():
    one = volume(SQUARE, start_ns=0, end_ns=100)
    assert encounter((one,), (volume(SQUARE, start_ns=100, end_ns=200),), NONE) is None
    met = encounter((one,), (volume(SQUARE, start_ns=99, end_ns=200),), NONE)
    assert (met.time_start_ns, met.time_end_ns) == (99, 100)


def test_a_time_minimum_makes_the_gap_an_encounter():
    separation = Separation(0.0, 0.0, 60.0)
    one, later = volume(SQUARE, start_ns=0, end_ns=NS_PER_S), volume(
        SQUARE, start_ns=61 * NS_PER_S - 1, end_ns=99 * NS_PER_S)
    met = encounter((one,), (later,), separation)
    assert (met.time_start_ns, met.time_end_ns) == (NS_PER_S, 61 * NS_PER_S - 1)
    too_late = volume(SQUARE, start_ns=61 * NS_PER_S, end_ns=99 * NS_PER_S)
    assert encounter((one,), (too_late,), separation) is None
    touching = volume(SQUARE, start_ns=NS_PER_S, end_ns=2 * NS_PER_S)
    assert encounter((one,), (touching,), separation) is not None


@pytest.mark.parametrize(("lower", "vertical_m", "expected", "band"), [
    (100.0, 0.0, None, None), (99.99, 0.0, 0.0, (99.99, 100.0)), (100.01, 0.0, None, None),
    (100.0, 50.0, 0.0, (100.0, 100.0)), (149.99, 50.0, 49.99, (100.0, 149.99)),
    (150.0, 50.0, None, None), (150.01, 50.0, None, None), (100 - 1e-9, 0.0, None, None)])
def test_altitude_bands(lower, vertical_m, expected, band):
    met = encounter((volume(SQUARE),), (volume(SQUARE, lower, 300.0),),
                    Separation(0.0, vertical_m, 0.0))
    assert (met and met.vertical_m) == expected
    if met:
        assert (met.altitude_m_w84_lower, met.altitude_m_w84_upper) == band


def test_where_two_meet():
    beside = Polygon(in_frame((47.0, 8.0), [(0, 90), (0, 190), (100, 190), (100, 90)]))
    met = encounter((volume(SQUARE),), (volume(beside),), NONE)
    centre, = in_frame((47.0, 8.0), [(50, 95)])
    assert inverse((met.lat_deg, met.lng_deg), centre)[1] < 0.1 and met.lateral_m == 0
    away = Polygon(in_frame((47.0, 8.0), [(50, 300), (0, 400), (100, 400)]))
    met = encounter((volume(SQUARE),), (volume(away),), Separation(250.0, 0.0, 0.0))
    between, = in_frame((47.0, 8.0), [(50, 200)])
    assert met.lateral_m == 200.0
    assert inverse((met.lat_deg, met.lng_deg), between)[1] < 0.1


def test_the_closest_pair_of_many_gives_distance_and_place_and_all_give_the_time():
    other, _ = forward((47.0, 8.0), 90.0, 2_000)
    minima = Separation(500.0, 100.0, 0.0)
    mine = [Volume4D(Circle(*forward((47.0, 8.0), 90.0, 2_600 - gap)[0], 100.0), 0.0, 100.0,
                     start, start + 10) for gap, start in ((150, 50), (300, 20), (50, 80))]
    theirs = [Volume4D(Circle(*other, 100.0), 120.0, 200.0, 0, 200)]
    met = encounter(mine, theirs, minima)
    assert (met.time_start_ns, met.time_end_ns) == (20, 90)
    assert (met.lateral_m, met.vertical_m) == (100.0, 20.0)
    assert (met.altitude_m_w84_lower, met.altitude_m_w84_upper) == (100.0, 120.0)
    assert encounter(theirs, mine[::-1], minima) == met
    assert encounter(mine, theirs, NONE) is None


def test_shown_figures_are_rounded_and_plain():
    met = encounter((volume(SQUARE),), (volume(SQUARE),), NONE)
    assert isinstance(met, Encounter)
    for name in ("lateral_m", "vertical_m", "lat_deg", "lng_deg"):
        assert type(getattr(met, name)) is float
    assert round(met.lat_deg, 7) == met.lat_deg and type(met.time_start_ns) is int


def random_volumes(random, place, size_m, count):
    volumes = []
    for _ in range(count):
        at, _ = forward(place, random.uniform(0, 360), size_m * random.uniform(0, 3))
        lower, start = random.uniform(0, 300), int(random.integers(0, 4 * HOUR_NS))
        volumes.append(Volume4D(random_outline(random, at, size_m * 10 ** random.uniform(-1, 0.3)),
                                lower, lower + random.uniform(1, 200), start,
                                start + int(random.integers(1, 2 * HOUR_NS))))
    return tuple(volumes)


@given(st.sampled_from(PLACES), st.integers(0, 2**32 - 1), st.floats(0.7, 4.5))
@settings(max_examples=150, deadline=None)
def test_symmetric_and_independent_of_the_order_of_volumes(place, seed, exponent):
    random = np.random.default_rng(seed)
    size_m = 10**exponent
    one, other = (random_volumes(random, place, size_m, random.integers(1, 4)) for _ in range(2))
    for separation in (NONE, Separation(min(20_000.0, size_m), 50.0, 300.0)):
        met = encounter(one, other, separation)
        assert encounter(other, one, separation) == met
        assert encounter(one[::-1], other[::-1], separation) == met


@given(st.integers(0, 2**32 - 1), st.floats(-80, 80), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_the_first_vertex_the_winding_and_the_longitude_do_not_matter(seed, lat, turned):
    random = np.random.default_rng(seed)
    one, other = (random_outline(random, forward((lat, 0.0), random.uniform(0, 360),
                                                 random.uniform(0, 2_000))[0], 1_000)
                  for _ in range(2))
    separation = Separation(100.0, 0.0, 0.0)
    met = encounter((volume(one),), (volume(other),), separation)

    def changed(outline, shift):
        def moved(lng):
            return (lng + shift + 180) % 360 - 180
        if isinstance(outline, Circle):
            return Circle(outline.lat_deg, moved(outline.lng_deg), outline.radius_m)
        ring = outline.vertices[::-1]
        turn = turned % len(ring)
        return Polygon(tuple((a, moved(b)) for a, b in ring[turn:] + ring[:turn]))

    for shift in (0.0, 360.0, 180.0, 77.0):
        again = encounter((volume(changed(one, shift)),), (volume(changed(other, shift)),),
                          separation)
        assert (again is None) == (met is None)
        if met:
            assert again.lateral_m == pytest.approx(met.lateral_m, abs=0.011)


def worldly(random):
    """A set of volumes: mostly small and short near a few places, some huge, some unbounded."""
    place = PLACES[random.integers(len(PLACES))]
    kind = random.random()
    if kind < 0.8:
        return random_volumes(random, place, 10 ** random.uniform(1, 4), random.integers(1, 4))
    if kind < 0.9:
        return (Volume4D(Circle(*place, 10 ** random.uniform(1, 6.2)), 0.0, 500.0, 0, 30 * DAY_NS),)
    if kind < 0.95:
        return (Volume4D(Circle(*place, 2_000.0), limits.ALTITUDE_M_W84_MIN,
                         limits.ALTITUDE_M_W84_MAX, TIME_NS_MIN, TIME_NS_MAX),)
    ring = tuple(forward(place, a, 10 ** random.uniform(5, 5.9))[0] for a in (0, 80, 200, 290))
    return (Volume4D(Polygon(ring), 0.0, 90_000.0, int(random.integers(HOUR_NS)), 3 * HOUR_NS),)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("separation", [NONE, Separation(500.0, 50.0, 60.0),
                                        Separation(20_000.0, 0.0, 3600.0)])
def test_the_index_finds_exactly_what_every_pair_gives(seed, separation):
    random = np.random.default_rng(seed)
    index, held = VolumeIndex(separation), {}
    for step in range(150):
        volumes = worldly(random)
        expected = [serial for serial, other in sorted(held.items())
                    if encounter(volumes, other, separation)]
        assert index.query(volumes) == expected
        overlapping = [serial for serial, other in sorted(held.items())
                       if encounter(volumes, other, NONE)]
        assert index.query_overlap(volumes) == overlapping
        if held and random.random() < 0.3:
            serial = int(random.choice(list(held)))
            index.remove(serial)
            del held[serial]
        index.insert(step, volumes)
        held[step] = volumes
    assert len(index) == len(held)


def test_the_order_of_insertion_does_not_matter():
    random = np.random.default_rng(4)
    sets = [worldly(random) for _ in range(60)]
    separation = Separation(1_000.0, 100.0, 0.0)
    one, other = VolumeIndex(separation), VolumeIndex(separation)
    for i in range(60):
        one.insert(i, sets[i])
        other.insert(59 - i, sets[59 - i])
    for volumes in sets:
        assert one.query(volumes) == other.query(volumes)


def test_serials_are_used_once_and_known():
    index = VolumeIndex(NONE)
    index.insert(7, (volume(SQUARE),))
    with pytest.raises(ValueError, match="7"):
        index.insert(7, (volume(SQUARE),))
    index.remove(7)
    with pytest.raises(KeyError):
        index.remove(7)
    index.insert(7, (volume(SQUARE),))
    assert index.query((volume(SQUARE),)) == [7]
    assert VolumeIndex(NONE).query((volume(SQUARE),)) == []


def test_an_area_over_everything_and_a_long_stay_take_few_cells():
    index = VolumeIndex(Separation(500.0, 0.0, 0.0))
    everything = Volume4D(Circle(47.0, 8.0, limits.RADIUS_M_MAX), limits.ALTITUDE_M_W84_MIN,
                          limits.ALTITUDE_M_W84_MAX, TIME_NS_MIN, TIME_NS_MAX)
    month = Volume4D(Circle(47.0, 8.0, 50.0), 0.0, 100.0, 0, 30 * DAY_NS)
    for serial, stay in enumerate((everything, month, volume(SQUARE))):
        index.insert(serial, (stay,))
    assert index.volumes == 3
    assert index.nbytes < 100_000
    assert index.query_overlap((everything,)) == [0, 1, 2]
    assert index.query((volume(SQUARE),)) == [0, 1, 2]


def test_memory_is_given_back():
    index = VolumeIndex(NONE)
    ring = Polygon(tuple(forward((47.0, 8.0), i, 5_000)[0] for i in range(360)))
    for serial in range(200):
        index.insert(serial, (volume(ring),))
    full = index.nbytes
    for serial in range(1, 200):
        index.remove(serial)
    assert index.nbytes < full / 4
    assert index.query((volume(ring),)) == [0]
    index.remove(0)
    assert index.volumes == 0 and index.query((volume(ring),)) == []
