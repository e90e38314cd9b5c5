"""Up to where parties have signed that others' logs are open to them (PROTOCOL.md, 17).

Nobody may name as silent a party of whose log it counts less than it had signed to have open: in a
head, or in a statement that passed that party over or ruled without it. All of it stands in the
clear, so that it is judged as soon as a leaf is mirrored, open or not; and by signed things alone:
the size of the giver's own log, never when something came.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.statements.kinds.declaration import Declared
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.kinds.ruling import Rulings
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class _Named:
    """That a ruling names a party as silent. `index` is the ruling's leaf, `at` that of the
    statement which named the party first; the ruled leaf had `seen` so many leaves of that party's
    log, and the ruling `counted` so many."""

    index: int
    at: int
    seen: int
    counted: int


class Acknowledged:
    """What each party has signed to have open of each other log, by the size of its own then."""

    def __init__(self) -> None:
        # (giver, of whom) -> (size of the giver's log, leaves open to it): both of them rise.
        self._given: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._named: dict[tuple[str, str], list[_Named]] = {}
        # What waits, by party and leaf -> who was passed over for it, and by which leaf.
        self._passed: dict[tuple[str, int], dict[str, int]] = {}
        self._restored: dict[str, list[int]] = {}
        self._unruled: dict[str, set[int]] = {}    # declarations: each is ruled on once
        self._false: list[tuple[str, int, str]] = []

    def mirror(self, statement: Statement[Any], seen: Mapping[int, Mapping[str, int]]) -> None:
        """The next leaf of a log is held; `seen` is what the leaves that it rules on had seen."""
        party, index, body = statement.party, statement.index, statement.body
        if isinstance(body, Restored):
            # What was given before shows nothing behind: a disk that is lost may have signed it.
            self._restored.setdefault(party, []).append(index)
        elif isinstance(body, Declared):
            self._unruled.setdefault(party, set()).add(index)
        elif isinstance(body, PassedOver):
            for of in self._unruled.get(party, set()).intersection(body.of):
                passed = self._passed.setdefault((party, of), {})
                for name in body.opened:
                    passed.setdefault(name, index)
        elif isinstance(body, Rulings):
            self._rule(party, index, body, seen)
        if isinstance(body, PassedOver | Rulings):
            for name, size in body.opened.items():
                self.note(party, name, index, size)

    def _rule(self, party: str, index: int, body: Rulings,
              seen: Mapping[int, Mapping[str, int]]) -> None:
        unruled = self._unruled.get(party, set())
        for ruling in body.rulings:
            if ruling.index not in unruled:
                continue                   # it is none: what anybody may repeat is not kept
            unruled.remove(ruling.index)
            passed = self._passed.pop((party, ruling.index), {})
            for name in ruling.unacknowledged if ruling.accepted else ():
                self._name(party, name, _Named(
                    index, passed.get(name, index), seen[ruling.index].get(name, 0),
                    body.opened.get(name, 0)))

    def note(self, giver: str, of: str, size: int, opened: int) -> None:
        """With so many leaves in its own log the giver had so many of the other's open."""
        rows = self._given.setdefault((giver, of), [])
        place = bisect_right(rows, size, key=_size)
        if place and rows[place - 1][1] >= opened:
            return
        start = place - 1 if place and rows[place - 1][0] == size else place
        end = place
        while end < len(rows) and rows[end][1] <= opened:
            end += 1
        rows[start:end] = [(size, opened)]
        named = self._named.get((giver, of), [])
        for each in named[bisect_left(named, size, key=_index):]:
            self._judge(giver, of, each)

    def _name(self, author: str, silent: str, named: _Named) -> None:
        self._named.setdefault((author, silent), []).append(named)
        self._judge(author, silent, named)

    def _judge(self, author: str, silent: str, named: _Named) -> None:
        """All that was open before the party was named counts; after that, up to the ruling, what
        the ruled leaf had seen."""
        owed = max(self._given_at(author, silent, named.at, named.index),
                   min(named.seen, self._given_at(author, silent, named.index, named.index)))
        if owed > named.counted:
            self._false.append((author, named.index, silent))

    def _given_at(self, giver: str, of: str, upto: int, index: int) -> int:
        """The most that was given by leaf `upto`, as far as it says anything on leaf `index`."""
        rows = self._given.get((giver, of), [])
        place = bisect_right(rows, upto, key=_size)
        restored = self._restored.get(giver, [])
        last = bisect_left(restored, index)
        if not place or (last and rows[place - 1][0] <= restored[last - 1]):
            return 0
        return rows[place - 1][1]

    def take_false(self) -> list[tuple[str, int, str]]:
        """Rulings that have turned out to be false since the last call: the author, the leaf, and
        whom it names."""
        found, self._false = self._false, []
        return found


def _size(row: tuple[int, int]) -> int:
    return row[0]


def _index(named: _Named) -> int:
    return named.index
