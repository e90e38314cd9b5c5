"""The index beside a plain model of it, its memory; and all pairs beside every pair by itself."""

from __future__ import annotations

import math
import tempfile
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from luftrom import limits
from luftrom.clock import NS_PER_S, TIME_NS_MAX, TIME_NS_MIN
from luftrom.geometry import packing
from luftrom.geometry.columns import Columns
from luftrom.geometry.encounter import encounter
from luftrom.geometry.index import volume_index as conflicts
from luftrom.geometry.index.pairs import all_pairs
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import PLACES, forward, in_frame, random_outline, volume

NONE = Separation(0.0, 0.0, 0.0)
SEPARATIONS = (NONE, Separation(500.0, 50.0, 60.0), Separation(20_000.0, 0.0, 3_600.0))
HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
MOMENTS_NS = (1, HOUR_NS, HOUR_NS + 1, 2 * HOUR_NS, 30 * DAY_NS, TIME_NS_MAX)


def bar(place, azimuth_deg: float, length_m: float, width_m: float) -> Polygon:
    """Long and thin, around a place."""
    ahead, right = length_m / 2, width_m / 2
    return Polygon(in_frame(place, [(-ahead, -right), (ahead, -right), (ahead, right),
                                    (-ahead, right)], azimuth_deg))


def random_world(seed: int, count: int, places=PLACES) -> tuple[Volume4D, ...]:
    """Volumes of all sizes and durations that meet each other near a few places."""
    random = np.random.default_rng(seed)
    volumes = []
    for k in range(count):
        size_m = 10 ** random.uniform(1, (3.5, 4.5, 6)[k % 3])
        at, _ = forward(places[k % len(places)], random.uniform(0, 360),
                        random.uniform(0, 2) * min(size_m, 2_000.0))
        if size_m > 100_000.0:
            outline = Circle(*at, size_m)
        elif random.random() < 0.3:
            outline = bar(at, random.uniform(0, 360), min(15 * size_m, 500_000.0), size_m / 3)
        else:
            outline = random_outline(random, at, size_m)
        start, end = sorted(random.choice((TIME_NS_MIN, -DAY_NS, 0, *MOMENTS_NS), 2,
                                          replace=False).tolist())
        lower = random.choice((limits.ALTITUDE_M_W84_MIN, 0.0, 100.0, 120.0))
        volumes.append(Volume4D(outline, float(lower),
                                float(lower + random.choice((20.0, 100.0, 90_000.0))), start, end))
    return tuple(volumes)


WORLD = random_world(1, 64)
MEMBERS = st.integers(0, len(WORLD) - 1)
SERIALS = st.integers(0, 7) | st.sampled_from((2**31, 2**62, 2**63 - 1))


@cache
def is_met(one: int, other: int, separation: Separation) -> bool:
    """Do two volumes of the world conflict, by themselves?"""
    if one > other:
        return is_met(other, one, separation)
    return encounter((WORLD[one],), (WORLD[other],), separation) is not None


class IndexMachine(RuleBasedStateMachine):
    """An index and a dict from serials to places in the world say the same after every step."""

    @initialize(separation=st.sampled_from(SEPARATIONS))
    def begin(self, separation: Separation) -> None:
        self.separation = separation
        self.index, self.held = VolumeIndex(separation), {}
        self.directory = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()

    def met(self, members, separation: Separation) -> list[int]:
        return sorted(serial for serial, own in self.held.items()
                      if any(is_met(one, other, separation) for one in own for other in members))

    @rule(serial=SERIALS, members=st.lists(MEMBERS, min_size=1, max_size=5))
    def insert(self, serial: int, members: list[int]) -> None:
        volumes = [WORLD[k] for k in members]
        if serial in self.held:
            with pytest.raises(ValueError, match=f"serial {serial} is in use"):
                self.index.insert(serial, volumes)
        else:
            self.index.insert(serial, volumes)
            self.held[serial] = members

    @rule(rows=st.lists(st.tuples(SERIALS, MEMBERS), max_size=40), is_new=st.booleans())
    def insert_columns(self, rows: list[tuple[int, int]], is_new: bool) -> None:
        if is_new:
            rows = [row for row in rows if row[0] not in self.held]
        serials = np.array([serial for serial, _ in rows], np.int64)
        columns = Columns.of([WORLD[k] for _, k in rows])
        if any(serial in self.held for serial, _ in rows):
            with pytest.raises(ValueError, match="is in use"):
                self.index.insert_columns(serials, columns)
            return
        self.index.insert_columns(serials, columns)
        for serial, k in rows:
            self.held.setdefault(serial, []).append(k)

    @rule(serial=SERIALS, members=st.lists(MEMBERS, min_size=1, max_size=5))
    def replace(self, serial: int, members: list[int]) -> None:
        volumes = [WORLD[k] for k in members]
        if serial in self.held:
            self.index.replace(serial, volumes)
            self.held[serial] = members
        else:
            with pytest.raises(KeyError):
                self.index.replace(serial, volumes)

    @rule(serial=SERIALS)
    def remove(self, serial: int) -> None:
        if self.held.pop(serial, None) is None:
            with pytest.raises(KeyError):
                self.index.remove(serial)
        else:
            self.index.remove(serial)

    @precondition(lambda self: len(self.held) > 3)
    @rule()
    def remove_all(self) -> None:
        for serial in list(self.held):
            self.remove(serial)

    @rule(moment_ns=st.sampled_from((TIME_NS_MIN, *MOMENTS_NS)), nudge_ns=st.sampled_from((0, -1)))
    def expire(self, moment_ns: int, nudge_ns: int) -> None:
        before_ns = moment_ns + nudge_ns
        left = {serial: [k for k in own if WORLD[k].time_end_ns > before_ns]
                for serial, own in self.held.items()}
        gone = sorted(serial for serial, own in left.items() if not own)
        assert sorted(self.index.expire(before_ns)) == gone
        self.held = {serial: own for serial, own in left.items() if own}

    @rule(members=st.lists(MEMBERS, min_size=1, max_size=3))
    def query(self, members: list[int]) -> None:
        volumes = [WORLD[k] for k in members]
        assert self.index.query(volumes) == self.met(members, self.separation)
        assert self.index.query_overlap(volumes) == self.met(members, NONE)

    @rule(members=st.lists(MEMBERS, max_size=20))
    def query_columns(self, members: list[int]) -> None:
        places, serials = self.index.query_columns(Columns.of([WORLD[k] for k in members]))
        assert list(zip(places.tolist(), serials.tolist(), strict=True)) == [
            (place, serial) for place, k in enumerate(members)
            for serial in self.met((k,), self.separation)]

    @rule(with_other_tie=st.booleans())
    def save_and_load(self, with_other_tie: bool) -> None:
        path, tied = Path(self.directory.name) / "index", "other" if with_other_tie else "one"
        self.index.save(path, tied)
        data = path.read_bytes()
        self.index = VolumeIndex.load(path, self.separation, tied)
        self.index.save(path, tied)
        assert path.read_bytes() == data

    @invariant()
    def counts_and_memory(self) -> None:
        if not hasattr(self, "index"):
            return
        assert len(self.index) == len(self.held)
        assert self.index.volumes == sum(map(len, self.held.values()))
        assert self.index.nbytes < 100_000 + 1_000 * self.index.volumes


IndexMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestIndexMachine = IndexMachine.TestCase


def test_the_world_is_worth_asking_about() -> None:
    for separation in SEPARATIONS:
        met = sum(is_met(i, j, separation) for i, j in combinations(range(len(WORLD)), 2))
        assert 20 < met < 1_000


def test_serials_and_sets_that_are_none_are_refused() -> None:
    index = VolumeIndex(NONE)
    with pytest.raises(ValueError, match="at least one volume"):
        index.insert(1, ())
    with pytest.raises(ValueError, match="at least 0"):
        index.insert(-1, WORLD[:1])
    columns = Columns.of(WORLD[:2])
    with pytest.raises(ValueError, match="at least 0"):
        index.insert_columns(np.array([3, -1]), columns)
    for serials in (np.arange(1), np.arange(3), np.zeros((2, 1), np.int64)):
        with pytest.raises(ValueError, match="serials for 2 volumes"):
            index.insert_columns(serials, columns)
    for serial in (-1, 0, 1, 2**63 - 1):
        with pytest.raises(KeyError):
            index.remove(serial)
        with pytest.raises(KeyError):
            index.replace(serial, WORLD[:1])
    assert (len(index), index.volumes, index.expire(TIME_NS_MAX)) == (0, 0, [])
    index.insert_columns(np.zeros(0, np.int64), Columns.of(()))
    assert len(index) == 0
    index.insert_columns(np.array([3, 3]), columns)
    with pytest.raises(ValueError, match="serial 3 is in use"):
        index.insert_columns(np.array([4, 3]), columns)
    assert (len(index), index.volumes) == (1, 2)


def test_a_set_goes_with_its_last_volume_at_exactly_its_end() -> None:
    index = VolumeIndex(NONE)
    spot = Circle(47.0, 8.0, 50.0)
    ends = (10, 20, 20, 30)
    index.insert(4, [volume(spot, start_ns=end - 10, end_ns=end) for end in ends])
    index.insert(5, [volume(spot, start_ns=0, end_ns=20)])
    assert index.expire(9) == [] and index.volumes == 5
    assert index.expire(10) == [] and index.volumes == 4
    assert index.query([volume(spot, start_ns=0, end_ns=15)]) == [4, 5]
    assert index.expire(20) == [5] and index.volumes == 1
    assert index.expire(29) == [] and index.expire(30) == [4] and index.expire(30) == []
    index.insert(4, [volume(spot)])
    assert index.query([volume(spot)]) == [4]


CORNER = (math.degrees(math.atan(math.sqrt(0.5))), 45.0)    # where three faces of the cells meet


@pytest.mark.parametrize("place", (*PLACES, CORNER))
def test_long_thin_volumes_find_all_that_lies_along_them(place) -> None:
    random = np.random.default_rng(9)
    for reach_m in (5_000.0, 60_000.0, 300_000.0):
        held = [volume(random_outline(random, forward(place, random.uniform(0, 360),
                                                      reach_m * random.random())[0],
                                      reach_m * 10 ** random.uniform(-3, -1.5)),
                       end_ns=int(random.integers(2, HOUR_NS))) for _ in range(200)]
        separation, met = Separation(reach_m / 100, 0.0, 0.0), 0
        index = VolumeIndex(separation)
        index.insert_columns(np.arange(len(held)), Columns.of(held))
        for azimuth_deg in range(5, 180, 35):
            at, _ = forward(place, azimuth_deg + 90, reach_m * random.uniform(0, 0.3))
            asked = volume(bar(at, azimuth_deg, 1.5 * reach_m, reach_m / 50), end_ns=1)
            expected = [serial for serial, other in enumerate(held)
                        if encounter((asked,), (other,), separation) is not None]
            assert index.query((asked,)) == expected
            met += len(expected)
        assert met > 10


# -- memory --------------------------------------------------------------------------------------

def quads(count: int, random: np.random.Generator, spread_deg: float = 2.0) -> Columns:
    """Small quads of a few hours over one or many places."""
    lat, lng = random.uniform(46, 46 + spread_deg, count), random.uniform(7, 7 + spread_deg, count)
    corners = np.array(((0, 0), (0, 1e-3), (1e-3, 1e-3), (1e-3, 0)))
    places = np.column_stack((lat, lng))[:, None] + corners
    lower, start = random.uniform(0, 300, count), random.integers(0, DAY_NS, count)
    return Columns(places.reshape(-1, 2), np.arange(count + 1) * 4, np.zeros(count),
                   np.column_stack((lower, lower + 50.0)),
                   np.column_stack((start, start + random.integers(1, HOUR_NS, count))))


@pytest.mark.parametrize("spread_deg", [0.0, 0.1, 2.0, 20.0])
def test_a_quad_takes_a_few_hundred_bytes(spread_deg: float) -> None:
    columns = quads(6_000, np.random.default_rng(2), spread_deg)
    at_once, one_by_one = VolumeIndex(NONE), VolumeIndex(NONE)
    at_once.insert_columns(np.arange(len(columns)), columns)
    assert at_once.nbytes < 10_000 + 400 * len(columns)
    for k in range(len(columns)):
        one_by_one.insert(k, (columns.volume(k),))
        if k % 500 == 499:
            assert one_by_one.nbytes < 100_000 + 400 * (k + 1)
    assert [a.tolist() for a in one_by_one.query_columns(columns)] == [
        a.tolist() for a in at_once.query_columns(columns)]


def emptied_by_removal(index: VolumeIndex, count: int) -> None:
    for serial in np.random.default_rng(3).permutation(count).tolist():
        index.remove(serial)


def emptied_by_time(index: VolumeIndex, count: int) -> None:
    gone = [serial for hour in range(27) for serial in index.expire(hour * HOUR_NS)]
    assert sorted(gone) == list(range(count))


@pytest.mark.parametrize("empty", [emptied_by_removal, emptied_by_time])
def test_memory_is_given_back_by_whatever_empties_it(empty) -> None:
    index = VolumeIndex(NONE)
    columns = quads(20_000, np.random.default_rng(4))
    stay = Volume4D(Circle(47.0, 8.0, 5_000.0), 0.0, 500.0, 0, TIME_NS_MAX)
    for serials, part in ((np.arange(20_000), columns), (np.arange(20_000, 20_001),
                                                         Columns.of([stay]))):
        index.insert_columns(serials, part)
    full = index.nbytes
    empty(index, 20_000)
    assert index.volumes == 1 and index.query((stay,)) == [20_000]
    assert index.nbytes < 200_000 < full / 10


def test_memory_does_not_creep() -> None:
    """As many come as go, and hour after hour they crowd together in another way."""
    index, count, turn = VolumeIndex(NONE), 4_096, 0
    random = np.random.default_rng(5)
    for crowd_bits in (*range(12, -1, -1), 0, 12, 3, 7):
        spots = quads(count >> crowd_bits, random, 30.0)
        for k in range(count):
            if turn:
                index.remove((turn - 1) * count + k)
            index.insert(turn * count + k, (spots.volume(k >> crowd_bits),))
        assert index.nbytes < 50_000 + 640 * count
        turn += 1
    assert index.volumes == count and index.query((spots.volume(0),)) == list(
        range((turn - 1) * count, (turn - 1) * count + (1 << crowd_bits)))


def test_an_index_that_is_emptied_at_once_is_small_and_goes_on() -> None:
    index, columns = VolumeIndex(NONE), quads(20_000, np.random.default_rng(8))
    for _ in range(2):
        index.insert_columns(np.arange(20_000), columns)
        assert index.expire(TIME_NS_MAX - 1) != [] and len(index) == 0
        assert index.nbytes < 20_000 and index.query((columns.volume(0),)) == []
    index.insert(0, (columns.volume(0),))
    assert index.query((columns.volume(0),)) == [0]


# -- all pairs -----------------------------------------------------------------------------------

def brute_force(volumes, separation: Separation, groups=None) -> list[list[int]]:
    return [[i, j] for i, j in combinations(range(len(volumes)), 2)
            if (groups is None or groups[i] != groups[j])
            and encounter((volumes[i],), (volumes[j],), separation) is not None]


def test_no_volume_and_one_have_no_pairs() -> None:
    for count in range(2):
        pairs = all_pairs(Columns.of(WORLD[:count]), SEPARATIONS[2])
        assert pairs.shape == (0, 2) and pairs.dtype == np.int64
        assert all_pairs(Columns.of(WORLD[:count]), NONE, np.arange(count)).shape == (0, 2)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("separation", SEPARATIONS)
def test_all_pairs_are_those_of_every_pair(seed: int, separation: Separation) -> None:
    volumes = random_world(20 + seed, 120, PLACES[seed::2])
    volumes += volumes[:10]                # the same twice
    expected = brute_force(volumes, separation)
    columns = Columns.of(volumes)
    assert all_pairs(columns, separation).tolist() == expected and len(expected) > 50
    groups = np.random.default_rng(seed).integers(-3, 3, len(volumes))
    kept = [pair for pair in expected if groups[pair[0]] != groups[pair[1]]]
    assert all_pairs(columns, separation, groups).tolist() == kept != expected
    assert all_pairs(columns, separation, np.zeros(len(volumes), np.int64)).shape == (0, 2)
    assert all_pairs(columns, separation, np.arange(len(volumes))).tolist() == expected
    order = np.random.default_rng(seed).permutation(len(volumes))
    shuffled = all_pairs(Columns.of([volumes[k] for k in order]), separation)
    assert (shuffled[:, 0] < shuffled[:, 1]).all()
    assert sorted(sorted(pair) for pair in order[shuffled].tolist()) == expected


def ladder(place) -> list[Volume4D]:
    """One volume for every size from 10 m to 2,000 km and duration from 1 s to for ever."""
    volumes = []
    for rung in range(11):
        radius_m = min(10 * 4.0**rung, limits.RADIUS_M_MAX)
        at, _ = forward(place, 40.0 * rung, radius_m * 0.9)
        for length in range(12):
            span_ns = NS_PER_S * 6**length
            outline = Circle(*at, radius_m) if (rung + length) % 3 else bar(
                at, 15.0 * length, min(2 * radius_m, 1_000_000.0), radius_m / 5)
            volumes.append(Volume4D(outline, 0.0, 100.0, -span_ns // 3, span_ns))
    return [*volumes, Volume4D(Circle(*place, 10.0), 0.0, 1.0, TIME_NS_MIN, TIME_NS_MAX)]


@pytest.mark.parametrize("place", PLACES)
def test_volumes_of_every_size_and_duration_find_each_other(place) -> None:
    volumes = ladder(place)
    expected = brute_force(volumes, SEPARATIONS[1])
    assert all_pairs(Columns.of(volumes), SEPARATIONS[1]).tolist() == expected
    assert len(expected) > 1_000
    index = VolumeIndex(SEPARATIONS[1])
    found = []
    for j, one in enumerate(volumes):
        found += [[i, j] for i in index.query((one,))]
        index.insert(j, (one,))
    assert sorted(found) == expected


def crowd(count: int) -> Columns:
    """Rings and circles in one cell at one time, each of which meets about every second one."""
    random = np.random.default_rng(6)
    place = (47.0, 8.0)
    outlines = [random_outline(random, forward(place, 9.0 * k, 100.0)[0], 400.0) for k in range(40)]
    return Columns.of([volume(outlines[k % 40], 10.0 * (k % 30), 10.0 * (k % 30) + 100.0)
                       for k in range(count)])


def test_a_crowd_of_more_than_there_is_room_for_at_first() -> None:
    count = 2 * conflicts._NEAR + 100
    columns = crowd(count)
    meets = np.eye(120, dtype=np.bool_)    # all differ up to here, then they come again
    for i, j in brute_force([columns.volume(k) for k in range(120)], NONE):
        meets[i, j] = meets[j, i] = True
    meets = np.tile(meets, (count // 120 + 1, count // 120 + 1))[:count, :count]
    expected = np.argwhere(np.triu(meets, 1))
    assert len(expected) > 4 * count > 4 * conflicts._PAIRS
    assert np.array_equal(all_pairs(columns, NONE), expected)
    index = VolumeIndex(NONE)
    index.insert_columns(np.arange(count), columns)
    assert index.query((columns.volume(7),)) == np.flatnonzero(meets[7]).tolist()
    places, serials = index.query_columns(columns)
    assert np.array_equal(np.column_stack((places, serials)), np.argwhere(meets))


def test_what_was_found_before_a_crowd_is_kept() -> None:
    index, count = VolumeIndex(NONE), 2 * conflicts._NEAR
    lonely, crowded = volume(Circle(-33.0, 151.0, 90.0)), volume(Circle(47.0, 8.0, 90.0))
    index.insert(count, (lonely,))
    index.insert_columns(np.arange(count), Columns.of([crowded] * count))
    for asked in ((lonely, crowded), (crowded, lonely), (lonely, lonely, crowded, lonely)):
        assert index.query(asked) == list(range(count + 1))
    places, serials = index.query_columns(Columns.of((lonely, crowded)))
    assert places.tolist() == [0] + [1] * count
    assert serials.tolist() == [count, *range(count)]


def test_so_many_that_threads_take_part() -> None:
    """Circles on a lattice that touch nobody but the next one in their row and time."""
    count = 2 * packing._PART + 1_000
    side = math.isqrt(count) + 1
    places = np.arange(count)
    row, column = places // side, places % side
    radius_m, step_deg = 600.0, 0.01       # 1,113 m along the equator, more than that along none
    deg = np.column_stack((row * 0.02 - 1.0, column * step_deg - 1.0))
    columns = Columns(deg, np.arange(count + 1), np.full(count, radius_m),
                      np.tile((0.0, 100.0), (count, 1)), np.tile((0, HOUR_NS), (count, 1)))
    expected = np.column_stack((places, places + 1))[(column < side - 1) & (places < count - 1)]
    assert np.array_equal(all_pairs(columns, NONE), expected)
    order = np.random.default_rng(7).permutation(count)
    shuffled = Columns(deg[order], columns.ends, columns.radii_m, columns.bands_m_w84,
                       columns.times_ns)
    found = np.sort(order[all_pairs(shuffled, NONE)], axis=1)
    assert np.array_equal(found[np.lexsort((found[:, 1], found[:, 0]))], expected)
    index = VolumeIndex(NONE)
    index.insert_columns(places[::-1].copy(), columns)
    asked, serials = index.query_columns(shuffled)
    met = np.column_stack((order[asked], count - 1 - serials))
    assert np.array_equal(met[met[:, 0] < met[:, 1]][np.lexsort(
        met[met[:, 0] < met[:, 1]].T[::-1])], expected)
    assert len(met) == 2 * len(expected) + count    # each meets itself as well
