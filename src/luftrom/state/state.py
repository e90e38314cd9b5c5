"""The state: all that follows from the logs that were applied, and from nothing else.

In go verified statements in log order, each with what was disclosed of it. What a kind of
statement does stands in the tables `EFFECTS` of the parts, which are joined here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.state import entities, rulings
from luftrom.state.entities import Entities
from luftrom.state.progress import Progress
from luftrom.statements.kind import EVERYBODY, Audience
from luftrom.statements.kinds import KINDS
from luftrom.statements.opening import Item
from luftrom.statements.statement import Statement


class State:
    """Every part of the state of one node. Not thread-safe: one conductor applies."""

    def __init__(self, agreement: Agreement | None):
        self.agreement = agreement
        self.progress = Progress()
        self.entities = Entities(agreement, self.progress)
        self._audiences: dict[tuple[str, int], Audience] = {}

    def check(self, statement: Statement[Any], me: str, receipted_size: int) -> None:
        """Unverified if a peer's next statement is not what the rules let it say.

        The receipt of `me` covers the first `receipted_size` leaves of the peer's log.
        """
        check = CHECKS.get(statement.type)
        if check is not None:
            check(self, statement, me, receipted_size)

    def apply(self, item: Item[Any, Any]) -> None:
        """Apply the next leaf of a log.

        Raises Unverified if the statement contradicts the log it stands in; then nothing changed.
        """
        statement = item.statement
        EFFECTS[statement.type](self, item)
        self.progress.note(statement)
        audience = KINDS[statement.type].audience(statement)
        if audience is not EVERYBODY:
            self._audiences[statement.party, statement.index] = audience

    def audience(self, party: str, index: int) -> Audience:
        """Who is shown the content of a leaf that is applied."""
        return self._audiences.get((party, index), EVERYBODY)

    def collect(self) -> None:
        """Let go of what nothing can depend on any more."""
        self.entities.collect()


def nothing(state: State, item: Item[Any, Any]) -> None:
    """The effect of a statement that is there to be kept, and changes nothing."""


# What a statement does to the state, and what a peer's is held to before; by its type.
EFFECTS: dict[str, Callable[[State, Item[Any, Any]], None]] = {
    **entities.EFFECTS, "agreement": nothing, "notification": nothing, "restored": nothing,
    "lost": nothing}
CHECKS: dict[str, Callable[[State, Statement[Any], str, int], None]] = {**rulings.CHECKS}
