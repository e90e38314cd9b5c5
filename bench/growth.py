"""How the time grows with the volumes and with the answers, on loads kind and unkind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import ours
import traffic
from luftrom.geometry.index.pairs import all_pairs
from machine import best_s, say
from rows import show
from traffic import SEPARATION, Load

_SIZES = tuple(round(10 ** (k / 2)) for k in range(6, 15))         # 1e3, 3,162, ... 1e7
_CORNERED = (10, 32, 100, 316, 1_000)
_STEADY = (traffic.spread, traffic.europe, traffic.blanket)        # no denser beyond a million
_ANSWERS_MAX = 50_000_000
_ASKED = 20_000


@dataclass(frozen=True, slots=True)
class Point:
    """One size of one kind of load."""

    kind: str
    volumes: int
    answers: int
    batch_s: float

    @property
    def each_s(self) -> float:
        """The time for each volume and answer."""
        return self.batch_s / (self.volumes + self.answers)


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """One size of an index: seconds for each volume inserted, and for each one asked about."""

    kind: str
    volumes: int
    insert_s: float
    query_s: float
    answers: int
    nbytes: int


@dataclass(slots=True)
class Growth:
    """All that was measured, and what was left out and why."""

    points: list[Point]
    index_points: list[IndexPoint]
    left_out: list[str]

    def as_json(self) -> dict[str, Any]:
        """As numbers and names."""
        return asdict(self)


def measure(size_max: int, budget_s: float) -> Growth:
    """Batch and index up to a size; a point that would take longer than the budget is left out."""
    growth = Growth([], [], [])
    for make, sizes in ((traffic.spread, _SIZES), (traffic.europe, _SIZES),
                        (traffic.blanket, _SIZES), (traffic.one_city, _SIZES),
                        (traffic.month_long, _SIZES), (traffic.layers, _SIZES),
                        (traffic.many_cornered, _CORNERED)):
        _grow(growth, make, [size for size in sizes if size <= size_max], budget_s)
    for make in (traffic.spread, traffic.europe, traffic.month_long):
        for size in _SIZES[::2]:
            if size <= size_max:
                point = _index_point(make, size)
                growth.index_points.append(point)
                if 10 * point.query_s * _ASKED > budget_s and size < size_max:
                    growth.left_out.append(
                        f"index of {point.kind}: more than {size:,} volumes, since a question "
                        f"takes {show(point.query_s, 's')} there")
                    break
    return growth


def as_table(growth: Growth) -> str:
    """Markdown: the points, the index, and what was left out."""
    lines = ["| all pairs of | volumes | answers | time | a volume and answer | power |",
             "|---|---|---|---|---|---|"]
    before: Point | None = None
    for point in growth.points:
        same = before is not None and before.kind == point.kind
        lines.append(f"| {point.kind} | {point.volumes:,} | {point.answers:,} | "
                     f"{show(point.batch_s, 's')} | {show(point.each_s, 's')} | "
                     f"{_power(before, point) if same else ''} |")
        before = point
    worst = max(growth.points, key=lambda point: point.each_s)
    lines += ["", f"The most that a volume and answer takes: {show(worst.each_s, 's')}, "
              f"{worst.kind}, {worst.volumes:,} volumes. The power says with which power of "
              "volumes and answers together the time grew since the line above; 1 is linear."]
    lines += ["", "| index of | volumes | insert | query | answers a query | memory a volume |",
              "|---|---|---|---|---|---|"]
    for point in growth.index_points:
        lines.append(f"| {point.kind} | {point.volumes:,} | {show(point.insert_s, 's')} | "
                     f"{show(point.query_s, 's')} | {point.answers / _ASKED:.2f} | "
                     f"{point.nbytes / point.volumes:.0f} B |")
    if growth.left_out:
        lines += ["", "Left out:", "", *(f"- {line}" for line in growth.left_out)]
    return "\n".join(lines)


def _power(before: Point, point: Point) -> str:
    power = (math.log(point.batch_s / before.batch_s)
             / math.log((point.volumes + point.answers) / (before.volumes + before.answers)))
    return f"{power:.2f}"


def _grow(growth: Growth, make: Callable[[int], Load], sizes: list[int], budget_s: float) -> None:
    """The points of one kind, until the next one would be too much."""
    points: list[Point] = []
    for size in sizes:
        if points:
            steady = make in _STEADY and points[-1].volumes >= traffic.DAY_VOLUMES
            seconds = _foreseen(points, size, "batch_s", steady)
            answers = _foreseen(points, size, "answers", steady)
            if seconds > budget_s or answers > _ANSWERS_MAX:
                growth.left_out.append(
                    f"{points[0].kind}: {size:,} volumes and more, foreseen to have "
                    f"{answers:,.0f} answers and to take {seconds:.0f} s")
                break
        load = make(size)
        say(f"growth, {load.name}, {size:,}")
        found: list[int] = []

        def work(load: Load = load, found: list[int] = found) -> None:
            found.append(len(all_pairs(load.columns, SEPARATION, load.groups)))
        first_s = best_s(work, 1)
        points.append(Point(load.name, size, found[0],
                            min(first_s, best_s(work, 2)) if first_s < 2.0 else first_s))
    growth.points += points


def _foreseen(points: list[Point], size: int, name: str, steady: bool) -> float:
    """A figure at a size, if it goes on as between the last two points, or with the square.

    What is steady goes on in proportion.
    """
    last = max(getattr(points[-1], name), 1e-9)
    power = 1.0 if steady else 2.0
    if not steady and len(points) > 1 and getattr(points[-2], name) > 0:
        power = max(1.0, math.log(last / getattr(points[-2], name))
                    / math.log(points[-1].volumes / points[-2].volumes))
    return last * (size / points[-1].volumes) ** power


def _index_point(make: Callable[..., Load], size: int) -> IndexPoint:
    load, asking = make(size), make(_ASKED, seed=1)
    say(f"growth of the index, {load.name}, {size:,}")
    index, insert_s = ours.filled(load)
    found: list[np.ndarray] = []
    query_s = best_s(lambda: found.append(ours.answers(index, asking)), 1)
    if query_s < 2.0:
        query_s = min(query_s, best_s(lambda: index.query_columns(asking.columns), 2))
    return IndexPoint(load.name, size, insert_s / size, query_s / _ASKED, len(found[0]),
                      index.nbytes)
