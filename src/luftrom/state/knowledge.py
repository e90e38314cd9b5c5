"""What each log had seen of the others, leaf by leaf: which statement knew which.

A function of the leaves that are mirrored, open or not. What had been seen by anything that a
statement had seen, its author had seen: a `seen` that says otherwise, or that goes back, voids its
statement, and the two are the proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom.state.forks import Forks
from luftrom.statements.statement import Statement


class Knowledge:
    """Of each log, how much of every other its first so many leaves had seen.

    Of a forked log the common leaves are noted; a `seen` of it may be of another history behind
    these, and its size goes on to say how far anybody had seen it.
    """

    def __init__(self, forks: Forks | None = None) -> None:
        self._forks = forks or Forks()
        self._seen: dict[str, list[Mapping[str, int]]] = {}

    def size(self, party: str) -> int:
        """How many leaves of a log are noted."""
        return len(self._seen.get(party, ()))

    def seen(self, party: str, size: int) -> Mapping[str, int]:
        """How much of each other log the first `size` leaves of a log had seen, at the most.

        As far as they are noted: behind a restore a log comes back after what had seen it.
        """
        rows = self._seen.get(party, ())
        return rows[min(size, len(rows)) - 1] if size and rows else {}

    def covers(self, statement: Statement[Any]) -> bool:
        """Is all noted that a statement had seen, as far as it counts?"""
        return all(self._forks.counted(name, seen.size) <= self.size(name)
                   for name, seen in statement.seen.items())

    def largest(self, party: str) -> int:
        """The largest size of a log that anything noted had seen."""
        return max((rows[-1].get(party, 0) for rows in self._seen.values() if rows), default=0)

    def note(self, statement: Statement[Any]) -> None:
        """The next leaf of a log is mirrored."""
        rows = self._seen.setdefault(statement.party, [])
        before: Mapping[str, int] = rows[-1] if rows else {}
        seen = {name: max(seen.size, before.get(name, 0)) for name, seen in statement.seen.items()}
        rows.append(before if seen == before else {**before, **seen})

    def fault(self, statement: Statement[Any]) -> str:
        """Why a statement is void by what it says that it had seen; empty if it is not."""
        party, index = statement.party, statement.index
        if not statement.agreement and self.seen(party, index):
            return "it is under no agreement, behind statements of its log that are under one"
        for name, size in self.seen(party, index).items():
            if name in statement.seen and statement.seen[name].size < size:
                return (f"it had seen {statement.seen[name].size} leaves of {name}; an earlier one "
                        f"of its log had seen {size}")
        for name, seen in statement.seen.items():
            for other, size in self.seen(name, seen.size).items():
                own = index if other == party else statement.seen[other].size
                if size > own:
                    return (f"it had seen leaf {seen.size - 1} of {name}, and of {other} only "
                            f"{own} leaves of the {size} that this one had seen")
        return ""
