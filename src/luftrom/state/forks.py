"""Whose fork is proven, where its log ends for everybody, and who goes by that since when.

What is proven holds at once for what is taken in here. For what others signed it holds from their
own `forked` statement on: what they did before it is judged by what they could know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from luftrom.logs.fork import Fork
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Told:
    """Where a statement says that a forker's log ends, and when it was made."""

    end: int
    iat_s: int


class Forks:
    """The proofs that are known, by the party that forked: of several the one that ends it first.
    """

    def __init__(self, known: Mapping[str, Fork] | None = None):
        self.known = dict(known or {})
        self._told: dict[str, dict[str, Told]] = {}    # by author, by the party that forked

    @property
    def ends(self) -> dict[str, int]:
        """How many leaves of each forker's log count."""
        return {name: fork.end for name, fork in self.known.items()}

    def counted(self, party: str, size: int) -> int:
        """How many of the first `size` leaves of a log count."""
        fork = self.known.get(party)
        return size if fork is None else min(size, fork.end)

    def is_news(self, fork: Fork) -> bool:
        """Does a proof say more than those that are known?"""
        known = self.known.get(fork.party)
        return known is None or fork.end < known.end

    def learn(self, fork: Fork) -> None:
        """Go by a verified proof, where nothing beyond its end has counted yet."""
        if self.is_news(fork):
            self.known[fork.party] = fork

    def note(self, statement: Statement[Fork]) -> None:
        """Its author goes by that from now on."""
        told, fork = self._told.setdefault(statement.party, {}), statement.body
        before = told.get(fork.party)
        if before is None or fork.end < before.end:
            told[fork.party] = Told(fork.end, before.iat_s if before else statement.iat_s)

    def told_by(self, author: str) -> Mapping[str, Told]:
        """By which forks an author goes, up to where its log is applied."""
        return self._told.get(author, {})

    def rests_beyond(self, statement: Statement[Any]) -> bool:
        """Did its author count leaves of a forker that count for nobody any more?

        They need not be held here: what follows from them only their author can tell.
        """
        told = self.told_by(statement.party)
        return any(min(statement.seen[name].size, told[name].end if name in told else inf)
                   > fork.end for name, fork in self.known.items() if name in statement.seen)
