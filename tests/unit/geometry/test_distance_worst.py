"""Distances where they were found to err most stay within a millimetre of pyproj's geodesics."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from fast_paths import FAST_PATHS
from luftrom.geometry.encounter import encounter
from luftrom.geometry.kernels import TOUCH_M
from luftrom.geometry.volume import Polygon, Separation
from outlines import volume

ROOT = Path(__file__).parents[3]
SPEC = importlib.util.spec_from_file_location("bench_error", ROOT / "bench" / "error.py")
error = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(error)

WORST = json.loads((ROOT / "tests/vectors/distance_worst.json").read_text(encoding="utf-8"))
BOUND_M = 1e-3


def pair_of(worst: dict) -> tuple:
    return tuple(volume(Polygon(tuple(map(tuple, worst[name])))) for name in ("one", "other"))


@pytest.mark.parametrize("worst", WORST["pairs"], ids=lambda w: f"{w['kind']}, {w['size']}")
@pytest.mark.parametrize("name", FAST_PATHS)
def test_a_minimum_a_millimetre_to_either_side_tells(worst: dict, name: str) -> None:
    pair = pair_of(worst)
    # What misses the minimum by more than TOUCH_M is a conflict.
    least_m = worst["distance_m"] + TOUCH_M
    assert FAST_PATHS[name](pair, Separation(least_m + BOUND_M, 0.0, 0.0)) == {(0, 1)}
    assert FAST_PATHS[name](pair, Separation(max(0.0, least_m - BOUND_M), 0.0, 0.0)) == set()


@pytest.mark.parametrize("worst", WORST["pairs"], ids=lambda w: f"{w['kind']}, {w['size']}")
def test_true_distances_are_the_least_that_pyproj_finds_along_all_edges(worst: dict) -> None:
    one, other = np.array([worst["one"]]), np.array([worst["other"]])
    least_m = min(error.to_edges(one, other)[0], error.to_edges(other, one)[0])
    assert least_m == pytest.approx(worst["distance_m"], abs=1e-5)
    met = encounter(*((v,) for v in pair_of(worst)), Separation(100_000.0, 0.0, 0.0))
    assert met.lateral_m == pytest.approx(least_m, abs=0.006)


def test_every_kind_and_size_is_there() -> None:
    assert {(w["kind"], w["size"]) for w in WORST["pairs"]} == {
        (kind, size) for kind in ("tip against edge", "any two rings") for size in error.SIZES}


def test_errors_measured_anew() -> None:
    rows = error.measure(pairs=200, seed=5)
    assert len(rows) == 2 * len(error.SIZES) * len(error.WAYS) * 2
    for row in rows:
        assert set(row) == {"task", "size", "subject", "value", "unit", "note"}
        if row["subject"] == error.WAYS[0]:
            assert 0.0 < row["value"] < BOUND_M, row
        elif row["size"] != "drones, 5 km":
            assert row["value"] > BOUND_M, row      # or the measurement finds no errors at all
