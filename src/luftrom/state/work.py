"""What a leaf takes to be applied, in units of work (`limits`), counted before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luftrom.geometry.screen import CORNER_WORK
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.statements.statement import Statement

NOTING_WORK = 100.0                        # one that is met, noted on both sides
_LEAF_WORK = 10_000.0                      # verified, read, entered, and its row written
_BYTE_WORK = 3.0                           # of disclosures: read, checked, made ready


def work_of_opening(statement: Statement[Any], disclosures: Sequence[bytes]) -> float:
    """What it takes to read a leaf and what it committed to, and to apply it."""
    return _LEAF_WORK + _BYTE_WORK * (len(statement.leaf) + sum(map(len, disclosures)))


def corners_of(volumes: Sequence[Volume4D]) -> int:
    """How many corners the outlines of volumes have; a circle counts as two."""
    return sum(2 if isinstance(v.outline, Circle) else len(v.outline.vertices) for v in volumes)


def work_of_encounter(ours: Sequence[Volume4D], theirs: Sequence[Volume4D]) -> float:
    """What it takes to say how two sets of volumes meet: every pair of them is looked at."""
    return CORNER_WORK * (len(theirs) * corners_of(ours) + len(ours) * corners_of(theirs))
