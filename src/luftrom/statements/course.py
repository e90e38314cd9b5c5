"""What each statement of a log owes to the ones before it: versions, rulings, withdrawals.

Signed statements go in, in log order; the first that contradicts the log it stands in is refused.
No content is needed, only what every leaf says in the open, so that anybody can check it. Each
kind says by its `follow` which of these steps it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from luftrom.errors import Unverified
from luftrom.statements.claims import Entity
from luftrom.statements.statement import Statement

_PENDING, _STANDING, _REFUSED, _OVER = "pending", "standing", "refused", "over"


@dataclass(slots=True)
class _Entry:
    """A version of an entity, and whether it waits, stands, was refused or is over."""

    index: int
    kind: str
    entity: Entity
    status: str


class Course:
    """The statements of one log from leaf `first` on; what lies before that is not judged."""

    def __init__(self, first: int = 0):
        self._first = first
        self._entries: dict[int, _Entry] = {}
        self._latest: dict[str, _Entry] = {}
        self._standing: dict[str, _Entry] = {}

    def declare(self, statement: Statement[Entity]) -> None:
        """A version that waits for its ruling."""
        self._enter(statement)

    def give(self, statement: Statement[Entity]) -> None:
        """A version that stands at once."""
        self._stand(self._enter(statement))

    def _enter(self, statement: Statement[Entity]) -> _Entry:
        entity = statement.body
        before = self._latest.get(entity.entity_id)
        if before is not None and before.status == _PENDING:
            raise _contradiction(f"leaf {statement.index} declares {entity.entity_id} while "
                                 f"leaf {before.index} still waits for its ruling")
        expected = 1
        if before is not None:
            expected = before.entity.version + (before.status != _REFUSED)
        known = before is not None or self._first == 0
        if known and entity.version != expected:
            raise _contradiction(f"leaf {statement.index} bears version {entity.version} of "
                                 f"{entity.entity_id}; the next one is {expected}")
        entry = _Entry(statement.index, statement.type, entity, _PENDING)
        self._entries[entry.index] = self._latest[entity.entity_id] = entry
        return entry

    def _stand(self, entry: _Entry) -> None:
        before = self._standing.get(entry.entity.entity_id)
        if before is not None:
            before.status = _OVER
        entry.status = _STANDING
        self._standing[entry.entity.entity_id] = entry

    def rule(self, index: int, ruled: Iterable[tuple[int, bool]]) -> None:
        """At leaf `index` each leaf of `ruled`, which waits, is accepted or not."""
        for ruled_index, accepted in ruled:
            if ruled_index < self._first:
                continue
            entry = self._entries.get(ruled_index)
            if entry is None or entry.status != _PENDING:
                raise _contradiction(f"leaf {index} rules on leaf {ruled_index}, which "
                                     "is no declaration that waits for a ruling")
            if accepted:
                self._stand(entry)
            else:
                entry.status = _REFUSED

    def end(self, index: int, of: int, kind: str, entity: Entity) -> None:
        """At leaf `index` the version of that kind at leaf `of` ends."""
        if of < self._first:
            return
        entry = self._entries.get(of)
        if (entry is None or entry.kind != kind or entry.entity != entity
                or entry.status not in (_PENDING, _STANDING)):
            raise _contradiction(f"leaf {index} withdraws leaf {of}, which does not stand")
        entry.status = _OVER


def _contradiction(message: str) -> Unverified:
    return Unverified(message, code="contradiction")
