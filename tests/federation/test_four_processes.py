"""Four real processes, one slow, one lying, one dying: what the honest said holds, and they agree.

`--rounds` says how many seeded rounds to play, `--seed` which is the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from four import four_parties
from nursery import Nursery, nursery

ROUNDS_OF_A_WORLD = 10                     # founding one costs as much as two rounds


@pytest.fixture(scope="module")
def warm() -> Iterator[Nursery]:
    """Where nodes start at once."""
    with nursery() as each:
        yield each


def play(place: Path, first: int, rounds: int, warm: Nursery) -> None:
    """Rounds with the seeds from `first` on, in worlds of a few each."""
    accepted = 0
    for start in range(first, first + rounds, ROUNDS_OF_A_WORLD):
        with four_parties(place / str(start), start, warm) as world:
            for seed in range(start, min(start + ROUNDS_OF_A_WORLD, first + rounds)):
                try:
                    counts = world.play(seed)
                except Exception as error:
                    raise AssertionError(f"round {seed} of the world of {start}: {error}"
                                         ) from error
                accepted += counts.get("201", 0)
                print(f"round {seed}: {counts}")
            world.check_rules()
            print(f"lies: {sorted(world.liar.lies.done.items())}")
    assert accepted > rounds               # most of it was no empty talk


@pytest.mark.slow
def test_four_processes(tmp_path: Path, warm: Nursery, request: pytest.FixtureRequest) -> None:
    play(tmp_path, request.config.getoption("seed"), request.config.getoption("rounds"), warm)


@pytest.mark.slow
@pytest.mark.soak
def test_a_hundred_rounds(tmp_path: Path, warm: Nursery) -> None:
    play(tmp_path, 1000, 100, warm)
