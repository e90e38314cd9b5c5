"""Closest points of approach: BlueSky's pairs, the definition's figures, and what is refused."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from approach_definition import meet
from approach_scenes import LIMITS, NAMES, State, scene
from luftrom.errors import BadInput
from luftrom.traffic import approach, approach_kernels
from luftrom.traffic.approach import Approaches, States, find_approaches

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "approach.json").read_text())
NONE = np.zeros(0)


def states_of(rows: list[State]) -> States:
    """The columns of a scene."""
    return States(*np.array(rows, np.float64).reshape(-1, 6).T)


def pairs_of(found: Approaches, mask: np.ndarray) -> list[list[int]]:
    """The pairs of some rows in order; each must be told once."""
    pairs = sorted(found.pairs[mask].tolist())
    assert len(set(map(tuple, pairs))) == len(pairs)
    return pairs


def check_against_definition(rows: list[State], limits: tuple[float, float, float]) -> int:
    """Hold every pair of a scene against the definition; returns how many are in conflict.

    A verdict may differ only where the minimum is missed by less than a billionth.
    """
    found = find_approaches(states_of(rows), *limits)
    at = {(i, j): k for k, (i, j) in enumerate(found.pairs.tolist())}
    assert len(at) == len(found)
    bearings_deg = found.bearing_deg
    for i, own in enumerate(rows):
        for j, other in enumerate(rows):
            if i == j:
                assert (i, j) not in at
                continue
            wanted = meet(own, other, limits)
            k = at.get((i, j))
            verdict = (k is not None and bool(found.is_conflict[k]),
                       k is not None and bool(found.is_loss[k]))
            if verdict != wanted[:2]:
                near = {meet(own, other, (limits[0] * (1.0 + e), *limits[1:]))[:2]
                        for e in (-1e-9, 1e-9)}
                assert len(near) == 2, (own, other, verdict, wanted)
            elif wanted.is_conflict:
                turn = (bearings_deg[k] - wanted.bearing_deg + 180.0) % 360.0 - 180.0
                assert abs(turn) * wanted.distance_m < 1e-4
                assert found.distance_m[k] == pytest.approx(wanted.distance_m, abs=1e-6)
                assert found.closest_m[k] == pytest.approx(wanted.closest_m, abs=0.02)
                for name in ("closest_s", "start_s", "end_s"):
                    assert getattr(found, name)[k] == pytest.approx(getattr(wanted, name),
                                                                    rel=1e-6, abs=1e-3), name
    return int(found.is_conflict.sum())


@pytest.mark.parametrize("entry", VECTORS["scenes"], ids=lambda entry: entry["name"])
def test_pairs_are_those_of_bluesky(entry: dict) -> None:
    rows = scene(entry["name"], entry["seed"], entry["count"])
    digest = hashlib.sha256(b"".join(struct.pack(">6d", *row) for row in rows)).hexdigest()
    assert digest == entry["states_sha256"]
    found = find_approaches(states_of(rows), *LIMITS)
    assert pairs_of(found, found.is_conflict) == entry["conflicts"]
    assert pairs_of(found, found.is_loss) == entry["losses"]


def test_vectors_hold_conflicts_losses_and_both_sides() -> None:
    assert {entry["name"] for entry in VECTORS["scenes"]} == set(NAMES)
    assert sum(len(entry["conflicts"]) for entry in VECTORS["scenes"]) > 1000
    assert all(entry["conflicts"] for entry in VECTORS["scenes"] if entry["name"] != "globe")
    one_way = {entry["name"] for entry in VECTORS["scenes"]
               if any([j, i] not in entry["conflicts"] for i, j in entry["conflicts"])}
    assert {"levels", "edges"} <= one_way


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_the_definition(name: str) -> None:
    found = check_against_definition(scene(name, 2, 70), LIMITS)
    assert found or name == "globe"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_scenes_agree_with_the_definition(name: str) -> None:
    rng = random.Random(name)
    conflicts = 0
    for seed in range(10, 40):
        limits = rng.choice((LIMITS, (500.0, 60.0, 60.0), (100_000.0, 1000.0, 10.0),
                             (9260.0, 304.8, 3600.0), (50.0, 20.0, 1.0)))
        conflicts += check_against_definition(scene(name, seed, rng.randrange(2, 120)), limits)
    assert conflicts


@pytest.mark.parametrize("name", ["box", "globe", "pole", "meridian", "speeds"])
def test_a_large_scene_in_threads_equals_all_pairs(name: str) -> None:
    """Enough traffic for slabs, kinds, threads and rooms that grow; all pairs by the same rule."""
    rows = scene(name, 3, {"globe": 5000, "pole": 700}.get(name, 2500))
    states = states_of(rows)
    found = find_approaches(states, *LIMITS)
    got = sorted(found.pairs[found.is_conflict].tolist())
    assert got == all_pairs(states)
    assert got


def all_pairs(states: States) -> list[list[int]]:
    """Every pair, judged by the definition as arrays; of large scenes a part against all."""
    lat, lng = np.radians(states.lat_deg), states.lng_deg
    u = states.ground_speed_m_s * np.sin(np.radians(states.track_deg))
    v = states.ground_speed_m_s * np.cos(np.radians(states.track_deg))
    pairs = []
    for i in range(len(states)):
        east = 6_371_000.0 * (np.radians((lng - lng[i] + 180.0) % 360.0 - 180.0)
                              * np.cos((lat + lat[i]) / 2.0))
        north = 6_371_000.0 * (lat - lat[i])
        du, dv = u - u[i], v - v[i]
        speed2 = np.maximum(du * du + dv * dv, 1e-6)
        closest_s = -(du * east + dv * north) / speed2
        room2 = LIMITS[0] ** 2 - np.abs(east * east + north * north - closest_s ** 2 * speed2)
        half = np.sqrt(np.maximum(room2, 0.0) / speed2)
        above = states.altitude_m - states.altitude_m[i]
        climb = states.vertical_rate_m_s - states.vertical_rate_m_s[i]
        climb = np.where(np.abs(climb) < 1e-6, 1e-6, climb)
        one, two = (-LIMITS[1] - above) / climb, (LIMITS[1] - above) / climb
        start = np.maximum(np.minimum(one, two), closest_s - half)
        end = np.minimum(np.maximum(one, two), closest_s + half)
        hit = (room2 > 0.0) & (start <= end) & (end > 0.0) & (start < LIMITS[2])
        hit[i] = False
        pairs += [[i, j] for j in np.flatnonzero(hit).tolist()]
    return pairs


def test_the_order_of_aircraft_changes_numbers_alone() -> None:
    rows = scene("box", 4, 200)
    turned = rows[::-1]
    found, other = (find_approaches(states_of(scene_), *LIMITS) for scene_ in (rows, turned))
    last = len(rows) - 1
    keyed = dict(zip(map(tuple, found.pairs.tolist()), figures(found), strict=True))
    again = dict(zip(map(tuple, (last - other.pairs).tolist()), figures(other), strict=True))
    assert keyed.keys() == again.keys()
    for pair, row in keyed.items():
        assert row == pytest.approx(again[pair], rel=1e-9, abs=1e-6)


def figures(found: Approaches) -> list[list[float]]:
    """The figures of each row."""
    return np.stack((found.distance_m, found.closest_m, found.closest_s, found.start_s,
                     found.end_s), axis=1).tolist()


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    states = states_of(scene("box", 5, 1500))
    alone = find_approaches(states, *LIMITS)
    monkeypatch.setattr(approach, "_TASK_MIN", 100)
    parted = find_approaches(states, *LIMITS)
    assert len(alone) > 1000
    for name in ("pairs", "is_conflict", "is_loss", "east_m", "start_s", "end_s", "closest_m"):
        assert np.array_equal(getattr(alone, name), getattr(parted, name)), name


def test_nobody_and_one() -> None:
    assert len(find_approaches(States(NONE, NONE, NONE, NONE, NONE, NONE), *LIMITS)) == 0
    assert len(find_approaches(states_of(scene("box", 1, 1)), *LIMITS)) == 0


def test_compiled_and_plain_judge_give_the_same_bits() -> None:
    rows = scene("levels", 6, 12)
    table = np.empty((len(rows), approach_kernels.STATE_COLUMNS))
    columns = np.array(rows).T.copy()
    approach_kernels.prepare(0, len(rows), *columns, 400.0, 1.0, table,
                             np.empty(len(rows), np.uint8))
    for i in range(len(rows)):
        for j in range(len(rows)):
            arguments = (table, i, j, *LIMITS)
            assert (approach_kernels.judge(*arguments)
                    == approach_kernels.judge.py_func(*arguments))


@pytest.mark.parametrize("column, value", [
    ("lat_deg", 90.1), ("lng_deg", -180.5), ("altitude_m", np.nan), ("track_deg", 361.0),
    ("ground_speed_m_s", -1.0), ("vertical_rate_m_s", np.inf)])
def test_states_out_of_range_are_refused(column: str, value: float) -> None:
    columns = {name: np.zeros(3) for name in States.__slots__}
    columns[column][1] = value
    with pytest.raises(BadInput) as refusal:
        States(**columns)
    assert refusal.value.field == column


def test_columns_of_different_lengths_are_refused() -> None:
    columns = {name: np.zeros(3) for name in States.__slots__}
    columns["track_deg"] = np.zeros(2)
    with pytest.raises(BadInput) as refusal:
        States(**columns)
    assert refusal.value.field == "track_deg"


@pytest.mark.parametrize("limits, field", [
    ((0.0, 300.0, 60.0), "horizontal_m"), ((9260.0, np.nan, 60.0), "vertical_m"),
    ((9260.0, 300.0, 1e9), "lookahead_s")])
def test_limits_out_of_range_are_refused(limits: tuple, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        find_approaches(states_of(scene("box", 1, 3)), *limits)
    assert refusal.value.field == field


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    states = states_of(scene("city", 1, 300))
    assert len(find_approaches(states, *LIMITS)) > 10_000
    monkeypatch.setattr(approach, "PAIRS_MAX", 3000)
    with pytest.raises(BadInput, match="3,000 pairs"):
        find_approaches(states, *LIMITS)
