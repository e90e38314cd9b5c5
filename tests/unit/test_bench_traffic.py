"""The loads of the benchmark are what bench/README.md says they are, and the same each time."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from luftrom import limits
from luftrom.geometry.encounter import encounter

_SPEC = importlib.util.spec_from_file_location(
    "bench_traffic", Path(__file__).parents[2] / "bench" / "traffic.py")
traffic = sys.modules["bench_traffic"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(traffic)

KINDS = (traffic.europe, traffic.spread, traffic.one_city, traffic.blanket, traffic.month_long,
         traffic.layers)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_seed_makes_the_same_valid_volumes_again(make) -> None:
    load, again, other = make(300), make(300), make(300, seed=1)
    for name in ("places_deg", "ends", "radii_m", "bands_m_w84", "times_ns"):
        assert np.array_equal(getattr(load.columns, name), getattr(again.columns, name)), name
    assert np.array_equal(load.groups, again.groups)
    assert not np.array_equal(load.groups, other.groups)
    assert len(load.columns) == len(load.groups) == 300
    for k in range(300):
        load.columns.volume(k)             # BadInput if it were none


def test_shares_and_sizes_of_a_day() -> None:
    load = traffic.europe(20_000)
    columns = load.columns
    rings = columns.places_deg.reshape(-1, 4, 2)
    across = rings[:, 0] - rings[:, 2]
    across[:, 1] *= np.cos(np.radians(rings[:, 0, 0]))
    length_m = np.hypot(*across.T) * 111_195.0
    corridors = length_m > 50_000.0
    assert corridors.mean() == pytest.approx(0.2, abs=0.01)
    assert length_m[corridors] == pytest.approx(100_000.0, rel=0.02)
    assert 3_000.0 < length_m[~corridors].min() and length_m[~corridors].max() < 5_100.0
    assert load.groups.mean() == pytest.approx(0.5, abs=0.02)
    assert np.all(np.diff(columns.times_ns, axis=1) == traffic.WINDOW_NS)
    assert np.ptp(columns.times_ns) <= traffic.DAY_NS
    assert columns.bands_m_w84[:, 0].max() < columns.bands_m_w84[:, 1].min()


def test_three_in_five_are_near_a_city() -> None:
    def crowded(load) -> float:
        """The share of volumes in the fullest tenth of the cells of half a degree."""
        cells = np.floor(load.columns.places_deg[::4] * 2).astype(int)
        _, counts = np.unique(cells, axis=0, return_counts=True)
        counts = np.sort(counts)[::-1]
        return counts[:len(counts) // 10].sum() / counts.sum()

    assert crowded(traffic.europe(20_000)) > 2 * crowded(traffic.spread(20_000))


def test_a_load_of_more_than_a_million_is_no_denser(monkeypatch) -> None:
    monkeypatch.setattr(traffic, "_CHUNK", 1_000)
    load = traffic._traffic("", 3_000, 0.0, 1, 1, day_volumes=1_000)
    assert np.ptp(load.columns.times_ns) > 2.9 * traffic.DAY_NS
    assert len(np.unique(load.columns.places_deg, axis=0)) == 12_000


def test_the_one_over_everything_meets_nearly_all_and_layers_meet_none() -> None:
    load = traffic.blanket(200)
    volumes = [load.columns.volume(k) for k in range(200)]
    met = [encounter((volumes[-1],), (volume,), traffic.SEPARATION) for volume in volumes[:-1]]
    assert sum(each is not None for each in met) > 190
    assert load.groups[-1] not in load.groups[:-1]
    layers = traffic.layers(50).columns
    assert np.all(np.sort(layers.bands_m_w84, axis=0)[1:, 0]
                  == np.sort(layers.bands_m_w84, axis=0)[:-1, 1])
    assert len(np.unique(layers.places_deg, axis=0)) == 4


def test_rings_of_many_corners_are_rings(monkeypatch) -> None:
    assert len(traffic.many_cornered(2).columns.places_deg) == 20_000
    monkeypatch.setattr(traffic, "CORNERS", min(traffic.CORNERS, limits.RING_VERTICES_MAX))
    traffic.many_cornered(1).columns.volume(0)


def test_the_first_of_a_load() -> None:
    load = traffic.europe(50)
    first = load.first(20)
    assert len(first.columns) == len(first.groups) == 20
    assert first.columns.volume(19) == load.columns.volume(19)
