"""The state: all that follows from the logs that are mirrored, and from nothing else.

In go verified statements in the order of knowledge, and what opens them, when it comes. A leaf is
applied in the order of its log, once what it commits to is open to those whom it is for; what a
forker signed behind the common leaves of its histories does not come here at all. What a
kind of statement does stands in the tables `EFFECTS` of the parts, which are joined here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.logs.fork import Fork
from luftrom.state import entities, rulings
from luftrom.state.acknowledged import Acknowledged
from luftrom.state.entities import Entities
from luftrom.state.forks import Forks
from luftrom.state.knowledge import Knowledge
from luftrom.state.progress import Progress
from luftrom.state.record import LOST_CONTENT
from luftrom.state.work import work_of_opening
from luftrom.statements.kind import EVERYBODY, Audience
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.forked import KIND as FORKED
from luftrom.statements.kinds.forked import fork_told
from luftrom.statements.kinds.lost import Lost
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Rulings
from luftrom.statements.opening import Item, open_or_void
from luftrom.statements.statement import Statement


class State:
    """Every part of the state at one party. Not thread-safe: one conductor applies.

    `waiting` are the statements of each log that are mirrored and not applied, in order.
    """

    def __init__(self, agreement: Agreement | None, party: str = "", forks: Forks | None = None):
        self.agreement, self.party = agreement, party
        self.forks = forks or Forks()
        self.news: list[Fork] = []         # what was mirrored tells of more forks than were known
        self.knowledge = Knowledge(self.forks)
        self.acknowledged = Acknowledged()
        self.waiting: dict[str, deque[Statement[Any]]] = {}
        self._restored: set[str] = set()   # parties whose log says that it was restored
        self._lost: set[tuple[str, int]] = set()   # leaves whose author has lost what they say
        self._openings: dict[tuple[str, int], tuple[bytes, ...]] = {}
        self.progress = Progress()
        self.entities = Entities(agreement, self.progress, self.forks)
        self._audiences: dict[tuple[str, int], Audience] = {}
        self._items: dict[str, Item[Any, Any]] = {}    # what `next_item` read, while it waits

    # -- what is mirrored ----------------------------------------------------------------------

    def mirror(self, statement: Statement[Any]) -> None:
        """The next leaf of a log is held, and all that it had seen is as well."""
        self.knowledge.note(statement)
        fork = fork_told(statement, self.agreement)
        if fork is not None and self.forks.is_news(fork):
            self.news.append(fork)
        ruled = statement.body.rulings if isinstance(statement.body, Rulings) else ()
        self.acknowledged.mirror(statement, {ruling.index: self.knowledge.seen(
            statement.party, ruling.index + 1) for ruling in ruled if ruling.unacknowledged})
        if isinstance(statement.body, Restored):
            self._restored.add(statement.party)
        # Losses count behind a restore alone: else the author could choose what to open.
        if isinstance(statement.body, Lost) and statement.party in self._restored:
            self._lost |= {(statement.party, index) for index in statement.body.leaves}
        self.waiting.setdefault(statement.party, deque()).append(statement)

    def open(self, party: str, index: int, disclosures: tuple[bytes, ...]) -> None:
        """What a leaf that waits committed to has come; it was matched with its digests."""
        self._openings[party, index] = disclosures

    def is_open(self, party: str, index: int) -> bool:
        """Has that come?"""
        return (party, index) in self._openings

    def is_next_open(self, party: str) -> bool:
        """Is there a leaf of a log to be applied next, and is it open as far as it is to us?"""
        queue = self.waiting.get(party)
        if not queue:
            return False
        statement = queue[0]
        kind, place = KINDS[statement.type], (party, statement.index)
        if (kind.must_open and not self._openings.get(place) and place not in self._lost
                and kind.audience(statement).includes(self.party)):
            return False
        needs = NEEDS.get(statement.type)
        return needs is None or all(
            self.progress.applied.get(name, 0) >= self.forks.counted(name, size)
            for name, size in needs(statement).items())

    def next_item(self, party: str) -> Item[Any, Any]:
        """The next leaf of a log to be applied, read once; `is_next_open` said that it can be."""
        statement = self.waiting[party][0]
        item = self._items.get(party)
        if item is None or item.statement is not statement:
            place = party, statement.index
            disclosures = self._openings.get(place, ())
            item = self._items[party] = (
                Item(statement, void=LOST_CONTENT) if place in self._lost and not disclosures
                else open_or_void(statement, disclosures))
        return item

    def work_of_reading(self, party: str) -> float:
        """What `next_item` takes, in units of work: nothing once the leaf was read."""
        statement = self.waiting[party][0]
        item = self._items.get(party)
        if item is not None and item.statement is statement:
            return 0.0
        return work_of_opening(statement, self._openings.get((party, statement.index), ()))

    def prepare(self, item: Item[Any, Any], units: float) -> tuple[float, bool]:
        """Do so many units of the work that it takes before a log's next leaf can be applied.

        Returns the work that was done, and whether the leaf can be applied. Rulings are checked at
        once, if they are not too much for `units`.
        """
        if item.statement.type != RULING.name:
            return self.entities.prepare(item, units)
        work = rulings.work_of_check(self, item.statement)
        return (work, True) if work <= units else (0.0, False)

    # -- what is applied -----------------------------------------------------------------------

    def check(self, statement: Statement[Any]) -> None:
        """Unverified if a peer's next statement is not what the rules let it say."""
        check = CHECKS.get(statement.type)
        if check is not None:
            check(self, statement)

    def apply(self, item: Item[Any, Any]) -> None:
        """Apply the next leaf of a log, which is the first that waits.

        Raises Unverified if the statement contradicts the log it stands in; then nothing changed.
        """
        statement = item.statement
        void = item.void
        if not void and statement.party != self.party:   # what is ours we know to be in order
            void = self.knowledge.fault(statement)
        if void:
            item = Item(statement, item.disclosures, void=void)
        if not void or KINDS[statement.type].must_open:
            EFFECTS[statement.type](self, item)
        if isinstance(statement.body, Rulings) and self.entities.proceeds and not void:
            for name, head in rulings.signed_heads(statement, self.agreement):
                self.acknowledged.note(name, statement.party, head.size, head.opened)
        self.entities.come_to(statement)
        self.progress.note(statement)
        self.waiting[statement.party].popleft()
        self._openings.pop((statement.party, statement.index), None)
        self._items.pop(statement.party, None)
        audience = KINDS[statement.type].audience(statement)
        if audience is not EVERYBODY:
            self._audiences[statement.party, statement.index] = audience

    def audience(self, party: str, index: int) -> Audience:
        """Who is shown the content of a leaf that is applied."""
        return self._audiences.get((party, index), EVERYBODY)

    def collect(self, units: float = math.inf) -> None:
        """Let go of what nothing can depend on any more, for so many units of work."""
        self.entities.collect(units)


def _note_fork(state: State, item: Item[Fork, Any]) -> None:
    if fork_told(item.statement, state.agreement) is not None:
        state.forks.note(item.statement)


def nothing(state: State, item: Item[Any, Any]) -> None:
    """The effect of a statement that is there to be kept, and changes nothing."""


# What a statement does to the state, and what a peer's is held to before; by its type.
EFFECTS: dict[str, Callable[[State, Item[Any, Any]], None]] = {
    **entities.EFFECTS, "agreement": nothing, "notification": nothing, "restored": nothing,
    "lost": nothing, FORKED.name: _note_fork}
NEEDS: dict[str, Callable[[Statement[Any]], Mapping[str, int]]] = {**rulings.NEEDS}
CHECKS: dict[str, Callable[[State, Statement[Any]], None]] = {**rulings.CHECKS}
