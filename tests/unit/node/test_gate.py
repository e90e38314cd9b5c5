"""node.gate: what the doubts of a start leave behind."""

from __future__ import annotations

import pytest

from luftrom.errors import LuftromError
from luftrom.node.gate import Gate


def test_the_log_begins_again_once_whatever_becomes_of_the_marks() -> None:
    def full() -> None:
        raise LuftromError("cannot write the marks")

    gate = Gate(doubts=("the directory is a copy",), settled=full)
    assert gate.to_record is not None
    with pytest.raises(LuftromError, match="the marks"):
        gate.settle()
    assert gate.to_record is None
    gate.settle()
