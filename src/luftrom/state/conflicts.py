"""Two that stand and conflict, and who has right of way."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.airspace.right_of_way import RightOfWay
from luftrom.geometry.encounter import Encounter
from luftrom.state.record import Record


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
        return "operational_intents" if self.second.notice is None else "constraint"

    @property
    def holder(self) -> Record:
        """The one that has right of way."""
        return self.first if self.right_of_way.first else self.second
