"""How far each log was applied: one account for all parts of a state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom.statements.statement import Statement


class Progress:
    """Of each party's log: how many leaves are applied, its latest time, and what it had seen."""

    def __init__(self) -> None:
        self.applied: dict[str, int] = {}
        self.as_of_s: dict[str, int] = {}
        self.last_seen: dict[str, Mapping[str, int]] = {}

    def as_of(self, party: str, iat_s: int) -> int:
        """The latest time that a log names up to its next leaf, which names `iat_s`."""
        return max(iat_s, self.as_of_s.get(party, iat_s))

    def note(self, statement: Statement[Any]) -> None:
        """A statement was applied, the next one of its log."""
        party = statement.party
        self.applied[party] = statement.index + 1
        self.as_of_s[party] = self.as_of(party, statement.iat_s)
        self.last_seen[party] = {p: seen.size for p, seen in statement.seen.items()}
