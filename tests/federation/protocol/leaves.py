"""What is signed: leaves, heads and words; and the content that a leaf commits to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

PLACES, HOURS = 3, 12


@dataclass(frozen=True, slots=True)
class Content:
    """An activity: a place, the hours from `start` to before `end`, a priority."""

    place: int
    start: int
    end: int
    priority: int


def overlap_begins(one: Content, two: Content) -> int | None:
    """The hour in which the two meet, if they do."""
    if one.place != two.place or one.start >= two.end or two.start >= one.end:
        return None
    return max(one.start, two.start)


def turn(one: int, two: int, hour: int) -> int:
    """Whose turn it is of two parties (rule 11, without the days)."""
    return (min if hour % 2 == 0 else max)(one, two)


@dataclass(frozen=True, slots=True)
class Head:
    """What a message of `sender` to `recipient` says about both logs. All numbers only grow."""

    sender: int
    recipient: int
    size: int                            # of the sender's own log
    mirrored: int                        # of the recipient's log
    opened: int                          # up to which of the recipient's leaves all is open


@dataclass(frozen=True, slots=True)
class Word:
    """After a restore: what the giver holds of the restored log."""

    giver: int
    party: int
    size: int                            # of the restored log
    mirrored: int                        # of the giver's log, in the newest head of that party
    restore: int                         # which of the party's restores asked for it


@dataclass(frozen=True, slots=True)
class Declaration:
    """Sealed: `contents` are known to its author alone, until it opens one of them."""

    contents: tuple[Content | None, ...]        # None: garbage


@dataclass(frozen=True, slots=True)
class Ruling:
    """On the own leaf `of`, with all on which it rests: the leaves of each peer below `cuts` are
    judged, its rulings below `opened` are known with their contents."""

    of: int
    accepted: bool
    heads: tuple[Head | None, ...]
    acknowledgements: tuple[Head | None, ...]
    cuts: tuple[int, ...]
    opened: tuple[int, ...]
    silent: frozenset[int]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Under `proceed`, before the content of the own leaf `of` goes to others without a receipt of
    these parties: who they are, and how much of each peer's log counts against the leaf."""

    of: int
    parties: frozenset[int]
    cuts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    of: int


@dataclass(frozen=True, slots=True)
class Lost:
    of: int


@dataclass(frozen=True, slots=True)
class Restored:
    """The first statement after a restore."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two leaves of one party and one index."""

    one: Leaf
    two: Leaf


Body = Declaration | PassedOver | Ruling | Withdrawal | Lost | Restored | ForkProof


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One statement. `log` is the history in which it stands; two histories are two lists."""

    party: int
    index: int
    seen: tuple[int, ...]                # its own component is its index
    roots: tuple[Leaf | None, ...]       # the last leaf of what was seen: the root of that size
    audience: frozenset[int]
    body: Body
    log: Sequence[Leaf] = field(repr=False)
    time: int

    @property
    def declares(self) -> bool:
        return type(self.body) is Declaration


def place(leaf: Leaf) -> tuple[int, int]:
    """Rule 14: where a statement stands in the one order."""
    return sum(leaf.seen), leaf.party


def first_difference(one: Sequence[Leaf], two: Sequence[Leaf]) -> int | None:
    """The first index at which two histories differ, if one is not the beginning of the other."""
    return next((k for k, (a, b) in enumerate(zip(one, two, strict=False)) if a is not b), None)
