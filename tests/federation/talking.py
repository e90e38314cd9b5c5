"""Fixtures: a node of alfa's with bravo's keys in the hands of the test.

A module that a test imports them from, since tests/path imports names of its own `conftest`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hosting import agreement_of, hosted
from liar import Liar

from luftrom.clock import NS_PER_S, SystemClock


class LateClock(SystemClock):
    """The machine's clock, and as much later as a test says."""

    late_s = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.late_s * NS_PER_S


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Liar]:
    """Alfa's node under an agreement to hold, and bravo, who has talked to it honestly so far."""
    with hosted(tmp_path, agreement_of(mode="hold", after_s=60.0), clock=LateClock()) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Liar]:
    """The same under an agreement to proceed."""
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3)) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each
