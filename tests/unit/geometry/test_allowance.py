"""An allowance of work: up to its number, and no more."""

from __future__ import annotations

import pytest

from luftrom.errors import TooMuchWork
from luftrom.geometry.allowance import Allowance


def test_up_to_its_number() -> None:
    allowance = Allowance(100.0)
    allowance.take(60.0)
    allowance.take(40.0)
    with pytest.raises(TooMuchWork) as told:
        allowance.take(0.5)
    assert told.value.detail == {"work_max": 100}


def test_without_a_number() -> None:
    allowance = Allowance()
    allowance.take(1e30)
    assert allowance.left > 1e300
