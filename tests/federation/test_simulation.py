"""Thousands of schedules over the pure parts; a failure prints its seed.

`python -m pytest tests/federation/test_simulation.py -m slow` plays many more, and longer ones. To
play one again: `simulation.run(seed, parties, mode, turns, hours)`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
import simulation

SHORT, LONG = (8, 40), (30, 120)
CHUNK = 50


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Schedules share nothing, so that each core plays its own."""
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1),
                             multiprocessing.get_context("spawn")) as each:
        yield each


def play(seeds: range, parties: int, mode: str, turns: tuple[int, int], hours: bool) -> int:
    accepted = 0
    for seed in seeds:
        try:
            accepted += simulation.run(seed, parties, mode, turns, hours)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {parties} parties, {mode}, {turns} turns, "
                                 f"{hours=}: {type(error).__name__}: {error}") from error
    return accepted


def play_all(pool: ProcessPoolExecutor, seeds: range, parties: int, mode: str,
             turns: tuple[int, int], hours: bool = False) -> None:
    runs = [pool.submit(play, seeds[i:i + CHUNK], parties, mode, turns, hours)
            for i in range(0, len(seeds), CHUNK)]
    try:
        assert sum(run.result() for run in runs) > len(seeds)   # most of it is no empty talk
    finally:
        for run in runs:
            run.cancel()


@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 800), (3, 300), (4, 80)])
def test_schedules(pool: ProcessPoolExecutor, parties: int, count: int, mode: str) -> None:
    play_all(pool, range(count), parties, mode, SHORT)


@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 240), (3, 120), (4, 40)])
def test_schedules_of_hours(pool: ProcessPoolExecutor, parties: int, count: int,
                            mode: str) -> None:
    """Time passes, and what is over is dropped here and there, or not yet."""
    play_all(pool, range(count), parties, mode, SHORT, hours=True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 400), (3, 200), (4, 80)])
def test_long_schedules(pool: ProcessPoolExecutor, parties: int, count: int, mode: str) -> None:
    play_all(pool, range(100_000, 100_000 + count), parties, mode, LONG)
    play_all(pool, range(200_000, 200_000 + count), parties, mode, LONG, hours=True)
