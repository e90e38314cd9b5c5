"""What a kind of statement says of itself: its format, its course, its audience.

Pure: no clock, no I/O, no geometry computed. What a kind does to the state, how a node makes one
and how it is shown stand in one table a floor (`state.state`, `node.operations`,
`api.v1.statements`); a test holds the tables together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from luftrom.statements.claims import Claims, Entity
from luftrom.statements.course import Course
from luftrom.statements.statement import Statement

BodyT = TypeVar("BodyT")
ContentT = TypeVar("ContentT")
# The leaf that declared an entity last in the same log, or None: what `first_needed` may ask for.
Before = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is shown what a statement commits to: everybody, or the parties named."""

    everybody: bool
    parties: frozenset[str] = frozenset()

    def includes(self, party: str) -> bool:
        """Is that party shown the content?"""
        return self.everybody or party in self.parties


EVERYBODY, NOBODY = Audience(True), Audience(False)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one statement of a kind may cost whoever takes it in.

    `disclosures_max` claims may be opened, with `volumes_max` 4D volumes in all.
    """

    disclosures_max: int = 0
    volumes_max: int = 0


@dataclass(frozen=True, slots=True)
class Kind(Generic[BodyT, ContentT]):
    """One kind of statement. What is left out is what most kinds have.

    `name` is the signed `type` and never changes. `claims` are those behind the common head, in
    their order; with `?`: or not. `opens` are those that a statement commits to and that
    disclosures open, one digest each, in this order.
    """

    name: str
    claims: tuple[str, ...]
    # The body of its claims, where BadInput names the claim at fault, and back in their order.
    read: Callable[[Claims], BodyT]
    encode: Callable[[BodyT], Claims]
    opens: tuple[str, ...] = ()
    # What it owes to the leaves before it: Unverified (contradiction) where it cannot follow them.
    # Content is None where it is closed.
    follow: Callable[[Course, Statement[BodyT], ContentT | None], None] = (
        lambda course, statement, content: None)
    # From which leaf on a log shows whether the statement contradicts it.
    first_needed: Callable[[Statement[BodyT], Before], int] = lambda statement, before: 0
    # Its content as the values of the claims that it opens, and back from those opened: None where
    # too little of it is open.
    disclose: Callable[[ContentT], Sequence[Any]] = lambda content: ()
    open: Callable[[Statement[BodyT], Mapping[str, Any]], ContentT | None] = (
        lambda statement, opened: None)
    must_open: bool = False                # nothing behind it is applied until its content is open
    # Which version of what it is, where it is one; None while that is closed.
    entity: Callable[[Statement[BodyT], ContentT | None], Entity | None] = (
        lambda statement, content: None)
    ovn_of: str = ""                       # the claim whose disclosure makes the version's OVN
    audience: Callable[[Statement[BodyT]], Audience] = lambda statement: EVERYBODY
    lingers: bool = False                  # nobody waits for it: it may travel with what follows
    sealed: bool = False                   # its content waits until all have receipted the leaf
    safety_of_life: bool = False           # travels open and at once, whatever is suspended
    cost: Cost = Cost()

    @property
    def signed(self) -> frozenset[str]:
        """The names of its claims: none of them may be disclosed over the signed ones."""
        return frozenset(claim.rstrip("?") for claim in self.claims)


def read_nothing(claims: Claims) -> None:
    """The body of a kind that says nothing in the clear."""


def encode_nothing(body: None) -> Claims:
    """No claims: see `read_nothing`."""
    return {}
