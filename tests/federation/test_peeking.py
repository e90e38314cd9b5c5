"""Schedules with a party that peeks: it displaces nobody, and the honest agree.

To play one again: `peeking.run(seed, parties, mode, turns)`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import peeking
import pytest

SHORT, LONG = (8, 40), (30, 120)
CHUNK = 20


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Schedules share nothing, so that each core plays its own."""
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1),
                             multiprocessing.get_context("spawn")) as each:
        yield each


def play(seeds: range, parties: int, mode: str, turns: tuple[int, int]) -> tuple[int, int]:
    accepted = rivals = 0
    for seed in seeds:
        try:
            counts = peeking.run(seed, parties, mode, turns)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {parties} parties, {mode}, {turns} turns: "
                                 f"{type(error).__name__}: {error}") from error
        accepted, rivals = accepted + counts[0], rivals + counts[1]
    return accepted, rivals


def play_all(pool: ProcessPoolExecutor, seeds: range, parties: int, mode: str,
             turns: tuple[int, int]) -> None:
    runs = [pool.submit(play, seeds[i:i + CHUNK], parties, mode, turns)
            for i in range(0, len(seeds), CHUNK)]
    try:
        counts = [run.result() for run in runs]
    finally:
        for run in runs:
            run.cancel()
    assert sum(accepted for accepted, _ in counts) > len(seeds) // 2
    assert sum(rivals for _, rivals in counts) > len(seeds) // 10   # there was something to see


@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 100), (3, 60), (4, 40)])
def test_nobody_is_displaced(pool: ProcessPoolExecutor, parties: int, count: int, mode: str
                             ) -> None:
    play_all(pool, range(count), parties, mode, SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 300), (3, 150), (4, 80)])
def test_nobody_is_displaced_in_long_schedules(pool: ProcessPoolExecutor, parties: int, count: int,
                                               mode: str) -> None:
    play_all(pool, range(100_000, 100_000 + count), parties, mode, LONG)
