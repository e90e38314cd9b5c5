"""Recorded flights: every position lies inside one of its flight's volumes at its time."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.cli.demo.recorded import Tolerance, Track, flights, read_tracks, volumes_of
from luftrom.clock import NS_PER_S, parse_time
from luftrom.errors import BadInput

START_S = 1_533_101_250


def track(lat_deg, lng_deg, altitude_m, time_s=None) -> Track:
    count = len(lat_deg)
    times = START_S + 10.0 * np.arange(count) if time_s is None else np.asarray(time_s, float)
    return Track("4b1800", "TEST1", times, np.asarray(lat_deg, float), np.asarray(lng_deg, float),
                 np.broadcast_to(np.asarray(altitude_m, float), count))


def inside(volume, lat_deg: float, lng_deg: float, altitude_m: float, time_ns: int) -> bool:
    """Is a point inside a convex outline given anticlockwise or clockwise, and in band and time?"""
    corners = volume.outline.vertices
    signs = set()
    for (lat_a, lng_a), (lat_b, lng_b) in zip(corners, corners[1:] + corners[:1], strict=True):
        east, north = ((x - lng_a + 180) % 360 - 180 for x in (lng_b, 0.0)), lat_b - lat_a
        east_b = next(east)
        east_p = (lng_deg - lng_a + 180) % 360 - 180
        signs.add(east_b * (lat_deg - lat_a) - north * east_p > 0)
    return (len(signs) == 1
            and volume.altitude_m_w84_lower <= altitude_m <= volume.altitude_m_w84_upper
            and volume.time_start_ns <= time_ns < volume.time_end_ns)


def assert_held(flown: Track, volumes) -> None:
    for lat, lng, altitude, time_s in zip(flown.lat_deg, flown.lng_deg, flown.altitude_m,
                                          flown.time_s, strict=True):
        assert any(inside(volume, lat, lng, altitude, int(time_s * NS_PER_S))
                   for volume in volumes), (lat, lng, altitude, time_s)


def test_a_straight_cruise_is_cut_by_time_alone():
    flown = track(47 + 0.002 * np.arange(61), 8 + 0.02 * np.arange(61), 11_000)
    volumes = volumes_of(flown)
    assert len(volumes) == math.ceil(600 / Tolerance().piece_s_max)
    assert_held(flown, volumes)


def test_a_climbing_turn_stays_inside_its_volumes_and_below_their_number():
    angle = np.linspace(0, 4 * math.pi, 200)
    flown = track(46.5 + 0.1 * np.cos(angle), 7.5 + 0.15 * np.sin(angle),
                  9_000 + 10 * np.arange(200))
    volumes = volumes_of(flown)
    assert len(volumes) <= Tolerance().volumes_max
    assert_held(flown, volumes)


@given(st.integers(0, 2**32 - 1), st.integers(2, 150))
@settings(max_examples=60, deadline=None)
def test_every_position_is_held_whatever_the_track(seed, count):
    random = np.random.default_rng(seed)
    lat = random.uniform(-70, 70) + np.cumsum(random.normal(0, 0.01, count))
    lng = random.uniform(-180, 180) + np.cumsum(random.normal(0, 0.01, count))
    time_s = START_S + np.cumsum(random.uniform(1, 60, count))
    flown = track(lat, (lng + 180) % 360 - 180,
                  10_000 + np.cumsum(random.normal(0, 30, count)), time_s)
    volumes = volumes_of(flown)
    assert len(volumes) <= Tolerance().volumes_max
    assert_held(flown, volumes)


def test_a_hovering_aircraft_still_has_an_area():
    flown = track([47.0] * 5, [8.0] * 5, 500)
    assert_held(flown, volumes_of(flown))


def position(second: int, callsign: str = "TEST1 ", icao24: str = "4b1800", **changes):
    return {"timestamp": (START_S + second) * 1000, "latitude": 47 + second / 1e4,
            "longitude": 8.0, "altitude": 35_000.0, "callsign": callsign,
            "icao24": icao24} | changes


def recording(tmp_path, rows) -> list[Track]:
    path = tmp_path / "day.json.gz"
    path.write_bytes(gzip.compress(json.dumps(rows).encode()))
    return read_tracks(path)


def test_flights_are_told_apart_by_aircraft_callsign_and_silence(tmp_path):
    rows = [position(s) for s in (20, 0, 10, 10)] + [position(s) for s in (700, 710)]
    rows += [position(s, callsign="TEST2") for s in (30, 40)]
    rows += [position(s, icao24="4b1801") for s in (5, 15)]
    rows += [position(5, icao24="lonely"), position(50, latitude=None), position(60, altitude=None)]
    tracks = recording(tmp_path, rows)
    assert [(t.icao24, t.callsign, len(t.time_s)) for t in tracks] == [
        ("4b1800", "TEST1", 3), ("4b1801", "TEST1", 2), ("4b1800", "TEST2", 2),
        ("4b1800", "TEST1", 2)]
    assert tracks[0].altitude_m[0] == pytest.approx(10_668)


def test_the_day_moves_by_whole_hours(tmp_path):
    start_ns = parse_time("2026-11-24T15:00:00Z")
    [flight] = flights(recording(tmp_path, [position(s) for s in range(0, 100, 10)]), start_ns)
    recorded_ns = START_S % 3600 * NS_PER_S
    assert flight.name == "TEST1"
    assert flight.volumes[0].time_start_ns == start_ns + recorded_ns - 10 * NS_PER_S
    assert flight.volumes[-1].time_end_ns == start_ns + recorded_ns + 100 * NS_PER_S


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{", mtime=0),
                                     gzip.compress(b"[1]", mtime=0),
                                     gzip.compress(b'[{"timestamp": 1}]', mtime=0),
                                     gzip.compress(b"[]" * 9, mtime=0)[:-9]])
def test_a_broken_recording_is_refused(tmp_path, content):
    path = tmp_path / "day.json.gz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="recording"):
        read_tracks(path)
