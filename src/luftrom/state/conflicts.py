"""Two that stand and conflict, and who has right of way."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.agreement.terms import Agreement
from luftrom.airspace.right_of_way import RightOfWay, closed, right_of_way
from luftrom.geometry.encounter import Encounter
from luftrom.state.record import Record, declared


@dataclass(frozen=True, slots=True)
class ConflictPair:
    """Two accepted intents, or an intent and a constraint, whose widened volumes intersect."""

    first: Record
    second: Record
    encounter: Encounter
    right_of_way: RightOfWay

    @property
    def kind(self) -> str:
        """`constraint` if one of the two is one, else `operational_intents`."""
        return "constraint" if self.second.is_constraint else "operational_intents"

    @property
    def holder(self) -> Record:
        """The one that has right of way."""
        return self.first if self.right_of_way.first else self.second


def make_conflict(first: Record, second: Record, met: Encounter, agreement: Agreement | None
                  ) -> ConflictPair:
    """Two that stand and meet, with who has right of way; a constraint is named second."""
    if second.is_constraint:
        right = closed(second.party, met.time_start_ns)
    else:
        right = right_of_way(declared(first), declared(second), agreement, met.time_start_ns,
                             _silent(first, second))
    return ConflictPair(first, second, met, right)


def _silent(first: Record, second: Record) -> frozenset[str]:
    """Which of the two parties the ruling on the other's intent names as silent."""
    return frozenset(one.party for one, other in ((first, second), (second, first))
                     if other.ruling is not None and one.party in other.ruling.unacknowledged)
