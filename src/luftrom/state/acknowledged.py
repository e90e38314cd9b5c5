"""Up to where parties have signed that others' logs are open to them (PROTOCOL.md, 17).

Nobody may name as silent a party of whose log it counts less than it had signed to have open: in a
head, or in a statement that passed that party over or ruled without it. What speaks for or against
a ruling are signed things alone: the sizes of the giver's own log, never when something came.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Named:
    """That a ruling names a party as silent. `index` is the ruling's leaf, `at` that of the
    statement which named the party first; `seen` leaves of its log the ruled leaf had seen, and
    `counted` leaves the ruling looks at."""

    index: int
    at: int
    seen: int
    counted: int


class Acknowledged:
    """What each party has signed to have open of each other log, by the size of its own then."""

    def __init__(self) -> None:
        # (giver, of whom) -> (size of the giver's log, leaves open to it): both of them rise.
        self._given: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._named: dict[tuple[str, str], list[Named]] = {}
        self._restored: dict[str, list[int]] = {}
        self._found: list[tuple[str, int]] = []

    def note(self, giver: str, of: str, size: int, opened: int) -> None:
        """With so many leaves in its own log the giver had so many of the other's open."""
        rows = self._given.setdefault((giver, of), [])
        place = bisect_right(rows, size, key=_size)
        if place and rows[place - 1][1] >= opened:
            return
        end = place
        while end < len(rows) and rows[end][1] <= opened:
            end += 1
        start = place - 1 if place and rows[place - 1][0] == size else place
        rows[start:end] = [(size, opened)]
        named = self._named.get((giver, of), [])
        self._found += [(giver, each.index)
                        for each in named[bisect_left(named, size, key=attrgetter("index")):]
                        if self.owed(giver, of, each) > each.counted]

    def restore(self, party: str, index: int) -> None:
        """At that leaf a log goes on after a restore: what was given before shows nothing behind.

        A head that its holder left out of its word may have been signed by a disk that is lost.
        """
        self._restored.setdefault(party, []).append(index)

    def owed(self, author: str, silent: str, named: Named) -> int:
        """How much of the silent party's log a ruling must look at, by what its author had signed.

        All that was open before the party was named; after that what the ruled leaf had seen.
        """
        return max(self._given_at(author, silent, named.at, named.index),
                   min(named.seen, self._given_at(author, silent, named.index, named.index)))

    def _given_at(self, giver: str, of: str, upto: int, index: int) -> int:
        """The most that was given by leaf `upto`, as far as it speaks about leaf `index`."""
        rows = self._given.get((giver, of), [])
        place = bisect_right(rows, upto, key=_size)
        restored = self._restored.get(giver, [])
        last = bisect_left(restored, index)
        if not place or (last and rows[place - 1][0] <= restored[last - 1]):
            return 0
        return rows[place - 1][1]

    def name(self, author: str, silent: str, named: Named) -> None:
        """A ruling that was applied: what is noted later may still show that it was false."""
        self._named.setdefault((author, silent), []).append(named)

    def take_found(self) -> list[tuple[str, int]]:
        """Rulings, by author and leaf, which what was noted since the last call shows to be false.
        """
        found, self._found = self._found, []
        return found


def _size(row: tuple[int, int]) -> int:
    return row[0]
