"""Two that stand and conflict, and who has right of way."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.agreement.terms import Agreement
from luftrom.airspace.right_of_way import CONSTRAINT, RightOfWay, right_of_way
from luftrom.airspace.sentences import format_distance, format_interval
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

    def sentence(self) -> str:
        """The conflict as people say it, without reference to the present time."""
        met = self.encounter
        when = format_interval(met.time_start_ns, met.time_end_ns)
        distance = format_distance(met.lateral_m, met.vertical_m)
        if self.kind == "constraint":
            return (f"{self.first.name} enters {self.second.name} {when}, {distance}. "
                    f"{self.second.name} is closed: {self.right_of_way.reason}.")
        verb = "overlap" if distance == "volumes overlap" else "come close"
        tail = "" if distance == "volumes overlap" else f", {distance}"
        return (f"{self.first.name} and {self.second.name} {verb} {when}{tail}. "
                f"{self.holder.name} has right of way: {self.right_of_way.reason}.")


def make_conflict(first: Record, second: Record, met: Encounter, agreement: Agreement | None
                  ) -> ConflictPair:
    """Two that stand and meet, with who has right of way; a constraint is named second."""
    if second.is_constraint:
        right = RightOfWay(False, CONSTRAINT, f"prior notice of {second.party}")
    else:
        right = right_of_way(declared(first), declared(second), agreement, met.time_start_ns)
    return ConflictPair(first, second, met, right)
