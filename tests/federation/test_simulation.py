"""Thousands of schedules over the pure parts; a failure prints its seed.

`python -m pytest tests/federation/test_simulation.py -m slow` plays many more.
"""

from __future__ import annotations

import pytest
import simulation


def play(seeds: range, parties: int, mode: str) -> int:
    accepted = 0
    for seed in seeds:
        try:
            accepted += simulation.run(seed, parties, mode)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {parties} parties, {mode}: {error}") from error
    return accepted


@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize("parties", [2, 3])
def test_schedules(parties: int, mode: str) -> None:
    assert play(range(60), parties, mode) > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize("parties", [2, 3, 4])
def test_many_schedules(parties: int, mode: str) -> None:
    assert play(range(1000, 2500), parties, mode) > 0
