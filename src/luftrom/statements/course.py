"""What each statement of a log owes to the ones before it: versions, rulings, withdrawals.

Signed statements go in, in log order; the first that contradicts the log it stands in is refused.
What is said in the clear suffices, so that anybody can check it; where content is open, versions
are checked as well, and one that is out of turn is void. Each kind says by its `follow` which of
these steps it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from luftrom.errors import Unverified
from luftrom.statements.claims import Entity

_PENDING, _STANDING, _REFUSED, _OVER, _VOID = "pending", "standing", "refused", "over", "void"


@dataclass(slots=True)
class _Entry:
    """A version of an entity, or one that is closed, and whether it waits, stands or is over."""

    kind: str
    entity: Entity | None
    status: str = _PENDING


class Course:
    """The statements of one log from leaf `first` on; what lies before that is not judged."""

    def __init__(self, first: int = 0):
        self._first = first
        self._entries: dict[int, _Entry] = {}
        self._latest: dict[str, _Entry] = {}
        self._standing: dict[str, _Entry] = {}

    def declare(self, index: int, kind: str, entity: Entity | None) -> None:
        """At leaf `index` a version begins to wait for its ruling."""
        entry = self._entries[index] = _Entry(kind, entity)
        if self._fault(index, entity):
            entry.status = _VOID
        else:
            self._remember(entry)

    def give(self, index: int, kind: str, entity: Entity | None) -> None:
        """At leaf `index` a version stands at once."""
        fault = self._fault(index, entity)
        if fault:
            raise _contradiction(fault)
        entry = self._entries[index] = _Entry(kind, entity)
        self._remember(entry)
        self._stand(entry)

    def _remember(self, entry: _Entry) -> None:
        if entry.entity is not None:
            self._latest[entry.entity.entity_id] = entry

    def _fault(self, index: int, entity: Entity | None) -> str:
        """Why a version is out of turn; empty if it is not, as far as can be seen."""
        if entity is None:
            return ""
        before = self._latest.get(entity.entity_id)
        if before is None or before.entity is None:
            expected = 1
        elif before.status == _PENDING:
            return (f"leaf {index} declares {entity.entity_id} while an earlier version of it "
                    "still waits for its ruling")
        else:
            expected = before.entity.version + (before.status != _REFUSED)
        known = before is not None or self._first == 0
        if known and entity.version != expected:
            return (f"leaf {index} bears version {entity.version} of {entity.entity_id}; the next "
                    f"one is {expected}")
        return ""

    def _stand(self, entry: _Entry) -> None:
        entry.status = _STANDING
        if entry.entity is None:
            return
        before = self._standing.get(entry.entity.entity_id)
        if before is not None and before is not entry:
            before.status = _OVER
        self._standing[entry.entity.entity_id] = entry

    def rule(self, index: int, ruled: Iterable[tuple[int, bool]]) -> None:
        """At leaf `index` each leaf of `ruled`, which waits, is accepted or not."""
        for ruled_index, accepted in ruled:
            if ruled_index < self._first:
                continue
            entry = self._entries.get(ruled_index)
            if entry is None or not (entry.status == _PENDING or (
                    entry.status == _VOID and not accepted)):
                raise _contradiction(f"leaf {index} rules on leaf {ruled_index}, which "
                                     "is no declaration that waits for a ruling")
            if accepted:
                self._stand(entry)
            else:
                entry.status = _REFUSED

    def end(self, index: int, of: int, kind: str) -> None:
        """At leaf `index` the version of that kind at leaf `of` ends."""
        if of < self._first:
            return
        entry = self._entries.get(of)
        if (entry is None or entry.kind != kind
                or entry.status not in (_PENDING, _STANDING, _VOID)):
            raise _contradiction(f"leaf {index} withdraws leaf {of}, which does not stand")
        entry.status = _OVER


def _contradiction(message: str) -> Unverified:
    return Unverified(message, code="contradiction")
