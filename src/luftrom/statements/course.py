"""What each statement of a log owes to the ones before it: versions, rulings, withdrawals.

Signed statements go in, in log order; the first that contradicts the log it stands in is refused.
No content is needed, only what every leaf says in the open, so that anybody can check it.
"""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.errors import Unverified
from luftrom.statements.statement import Statement

_PENDING, _STANDING, _REFUSED, _OVER = "pending", "standing", "refused", "over"
_ENDS = {"withdrawal": "declaration", "notice_withdrawal": "notice"}


@dataclass(slots=True)
class _Entry:
    """A declaration or a notice, and whether it waits, stands, was refused or is over."""

    index: int
    type: str
    entity_id: str
    version: int
    status: str


class Course:
    """The statements of one log from leaf `first` on; what lies before that is not judged."""

    def __init__(self, first: int = 0):
        self._first = first
        self._entries: dict[int, _Entry] = {}
        self._latest: dict[str, _Entry] = {}
        self._standing: dict[str, _Entry] = {}

    def add(self, statement: Statement) -> None:
        """Take the next statement; Unverified (contradiction) if it cannot follow the others."""
        if statement.type in ("declaration", "notice"):
            self._declare(statement)
        elif statement.type == "ruling":
            self._rule(statement)
        elif statement.type in _ENDS:
            self._withdraw(statement)

    def _declare(self, statement: Statement) -> None:
        before = self._latest.get(statement.entity_id)
        if before is not None and before.status == _PENDING:
            raise _contradiction(f"leaf {statement.index} declares {statement.entity_id} while "
                                 f"leaf {before.index} still waits for its ruling")
        expected = 1
        if before is not None:
            expected = before.version + (before.status != _REFUSED)
        known = before is not None or self._first == 0
        if known and statement.version != expected:
            raise _contradiction(f"leaf {statement.index} bears version {statement.version} of "
                                 f"{statement.entity_id}; the next one is {expected}")
        entry = _Entry(statement.index, statement.type, statement.entity_id, statement.version,
                       _PENDING)
        self._entries[entry.index] = self._latest[entry.entity_id] = entry
        if statement.type == "notice":
            self._stand(entry)

    def _stand(self, entry: _Entry) -> None:
        before = self._standing.get(entry.entity_id)
        if before is not None:
            before.status = _OVER
        entry.status = _STANDING
        self._standing[entry.entity_id] = entry

    def _rule(self, statement: Statement) -> None:
        for ruling in statement.rulings:
            if ruling.index < self._first:
                continue
            entry = self._entries.get(ruling.index)
            if entry is None or entry.status != _PENDING:
                raise _contradiction(f"leaf {statement.index} rules on leaf {ruling.index}, which "
                                     "is no declaration that waits for a ruling")
            if ruling.accepted:
                self._stand(entry)
            else:
                entry.status = _REFUSED

    def _withdraw(self, statement: Statement) -> None:
        if statement.of < self._first:
            return
        entry = self._entries.get(statement.of)
        if (entry is None or entry.type != _ENDS[statement.type]
                or entry.entity_id != statement.entity_id or entry.version != statement.version
                or entry.status not in (_PENDING, _STANDING)):
            raise _contradiction(f"leaf {statement.index} withdraws leaf {statement.of}, which "
                                 "does not stand")
        entry.status = _OVER


def first_leaf_needed(statement: Statement, before: int | None) -> int:
    """From which leaf on a log shows whether `statement` contradicts it.

    `before` is the leaf that last declared the same entity, or None.
    """
    if statement.type == "ruling":
        return min(statement.index, *(ruling.index for ruling in statement.rulings))
    if statement.type in _ENDS:
        return min(statement.index, statement.of)
    return before if before is not None else 0


def _contradiction(message: str) -> Unverified:
    return Unverified(message, code="contradiction")
