"""The tree of boxes: no edge that comes within reach is left out, whatever edges there are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from shapely import LineString

from luftrom.geometry import boxes


def edges_of(kind: str, count: int, random: np.random.Generator) -> np.ndarray:
    """Edges (count, 4) of one kind: joined or scattered, bundled, radiating, on one spot."""
    if kind == "scattered":
        return random.uniform(-100, 100, (count, 4))
    if kind == "short":
        starts = random.uniform(-100, 100, (count, 2))
        return np.hstack((starts, starts + random.normal(0, 0.5, (count, 2))))
    if kind == "needles":
        at = np.arange(count) * 0.01
        return np.column_stack((at, at * 0, at + 70, at * 0 + 70))
    if kind == "radiating":
        angles = np.arange(count) * (2 * math.pi / count)
        along = np.column_stack((np.cos(angles), np.sin(angles)))
        return np.hstack((along * 0.01, along * 100))
    return np.tile(random.uniform(-1, 1, 4), (count, 1))


@pytest.mark.parametrize("kind", ["scattered", "short", "needles", "radiating", "the same"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 64, 250])
def test_no_edge_within_reach_is_left_out(kind: str, count: int) -> None:
    random = np.random.default_rng(count)
    edges = edges_of(kind, count, random)
    tree, order = boxes.plant(edges)
    assert sorted(order.tolist()) == list(range(count))
    lines = [LineString(edge.reshape(2, 2)) for edge in edges]
    out = np.empty(count, np.int64)
    for reach in (0.0, 0.3, 30.0):
        for asked in (*edges[:6], *random.uniform(-120, 120, (6, 4)),
                      np.tile(random.uniform(-100, 100, 2), 2)):
            line = LineString(asked.reshape(2, 2))
            near = {k for k in range(count) if lines[k].distance(line) <= reach - 1e-9}
            for after in (-1, count // 2):
                kept = boxes.find_near(tree, order, *asked, reach, after, out)
                found = set(out[:kept].tolist())
                assert len(found) == kept
                assert {k for k in near if k > after} <= found <= set(range(after + 1, count))


def test_edges_far_off_are_not_looked_at_one_by_one() -> None:
    for kind in ("short", "needles"):
        edges = edges_of(kind, 4_000, np.random.default_rng(1))
        tree, order = boxes.plant(edges)
        out = np.empty(len(edges), np.int64)
        found = [boxes.find_near(tree, order, *edge, 1e-3, -1, out) for edge in edges[::50]]
        assert max(found) < 60


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 500])
def test_numbers_are_sorted(count: int) -> None:
    numbers = np.random.default_rng(count).permutation(1_000)
    expected = sorted(numbers[:count].tolist()) + numbers[count:].tolist()
    boxes.sort(numbers, count, 999)
    assert numbers.tolist() == expected


def test_the_way_out_ends_where_no_edge_is() -> None:
    random = np.random.default_rng(3)
    for kind in ("scattered", "short", "needles", "radiating", "the same"):
        edges = edges_of(kind, 80, random)
        tree, _ = boxes.plant(edges)
        for u, v in (*random.uniform(-150, 150, (30, 2)), edges[0, :2]):
            end = boxes.way_out(tree, u, v)
            beyond = LineString([end, np.array(end) * 1.0 + (np.array(end) - (u, v)) * 1e4])
            assert all(LineString(edge.reshape(2, 2)).distance(beyond) > 0.99 for edge in edges)
