"""What a leaf takes to be applied, in units of work (`limits`), counted before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luftrom.statements.statement import Statement

NOTING_WORK = 100.0                        # one that is met, noted on both sides
_LEAF_WORK = 10_000.0                      # verified, read, entered, and its row written
_BYTE_WORK = 3.0                           # of disclosures: read, checked, made ready


def work_of_opening(statement: Statement[Any], disclosures: Sequence[bytes]) -> float:
    """What it takes to read a leaf and what it committed to, and to apply it."""
    return _LEAF_WORK + _BYTE_WORK * (len(statement.leaf) + sum(map(len, disclosures)))
