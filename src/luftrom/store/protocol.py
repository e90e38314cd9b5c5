"""Durability behind a narrow protocol: one transaction in, rows out.

A node changes its store only by `commit(Writes)`, which is one synced transaction: when it returns,
every row of it survives a power cut; when it raises, the caller reloads, because a failed sync may
or may not have left the rows behind. Everything else reads.

Rows by name. *leaf*: one log entry of a party (the own log and each mirror alike). *disclosure*: an
opened claim that travels beside a leaf. *checkpoint*: the newest signed checkpoint of a party's log
that covers only leaves held here. *applied*: how many leaves of a mirror the airspace was computed
from. *receipt*: a peer's mirror cosignature on an own checkpoint, with the head that it came with.
*head*: a peer's newest head of which every leaf is held. *given*: the own mirror
cosignature on a peer's checkpoint. *proof*: evidence of a peer's misbehaviour. *refused*: what a
peer signed and was refused, which may become evidence. *answer*: what was
answered to a request that bore an idempotency key. *airspace*: the index, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

FORMAT_VERSION = 2


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A peer's receipt: lines by `cosigner` over the own log's checkpoint of `size` leaves.

    `note` is the checkpoint with the cosignature lines attached; `peer_size` is how large the
    peer's log was when it gave the receipt, as its signed `head` says: later statements of the peer
    must have seen `size`.
    """

    cosigner: str
    size: int
    peer_size: int
    note: bytes
    head: str


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A peer's signed head: the size of its log, the time in seconds since 1970, and its text."""

    party: str
    size: int
    time_s: int
    text: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Something that a party signed and was refused: its kind, and the place that it claims.

    `number` counts those of one party and kind; of so many only the newest stay.
    """

    party: str
    kind: str
    number: int
    place: int
    body: bytes


@dataclass(slots=True)
class Writes:
    """The rows of one transaction; `party` is whose log a row belongs to.

    `dropped` names leaves (party, index): from there on that log has no rows any more, before new
    ones come. `uncounted` likewise: none in the index.
    """

    dropped: list[tuple[str, int]] = field(default_factory=list)
    leaves: list[tuple[str, int, bytes]] = field(default_factory=list)
    disclosures: list[tuple[str, int, int, bytes]] = field(default_factory=list)
    checkpoints: list[tuple[str, int, bytes]] = field(default_factory=list)
    applied: list[tuple[str, int]] = field(default_factory=list)
    receipts: list[ReceiptRow] = field(default_factory=list)
    given: list[tuple[str, int, bytes]] = field(default_factory=list)
    heads: list[HeadRow] = field(default_factory=list)
    proofs: list[tuple[str, str, bytes]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)   # whose refused rows go, before new ones
    refused: list[RefusedRow] = field(default_factory=list)
    counters: list[tuple[str, int]] = field(default_factory=list)
    answers: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    uncounted: list[tuple[str, int]] = field(default_factory=list)
    airspace: list[tuple[str, int, bytes]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Is there nothing to commit?"""
        return not any(getattr(self, name) for name in self.__slots__)


class Store(Protocol):
    """What a node and an auditor need of a database."""

    def commit(self, writes: Writes) -> None:
        """Write all rows in one synced transaction, or raise Unavailable."""
        ...

    def parties(self) -> list[str]:
        """Whose logs are held here, sorted."""
        ...

    def size(self, party: str) -> int:
        """How many leaves of that party's log are held: they have no gap."""
        ...

    def leaves(self, party: str, start: int, end: int) -> list[bytes]:
        """The leaves [start, end), in order."""
        ...

    def disclosures(self, party: str, start: int, end: int) -> dict[int, list[bytes]]:
        """Leaf index to disclosures, for those leaves of [start, end) that have any."""
        ...

    def disclosure_count(self) -> tuple[int, int]:
        """How many disclosures are held, and how many were ever committed: none is deleted."""
        ...

    def checkpoint(self, party: str) -> tuple[int, bytes] | None:
        """The size and note of the newest checkpoint, or None."""
        ...

    def applied(self, party: str) -> int:
        """How many leaves of the mirror were applied."""
        ...

    def receipts(self, cosigner: str | None = None, from_size: int = 0) -> Iterator[ReceiptRow]:
        """Receipts for the own log that cover `from_size` leaves or more, smallest first."""
        ...

    def given(self, party: str) -> tuple[int, bytes] | None:
        """The newest own cosignature on that peer's log."""
        ...

    def head(self, party: str) -> HeadRow | None:
        """The newest head of that peer of which every leaf is held."""
        ...

    def proofs(self) -> list[tuple[str, str, bytes]]:
        """Kept evidence of misbehaviour: (party, kind, document), oldest first."""
        ...

    def refused(self) -> list[RefusedRow]:
        """What peers signed and was refused, of each party and kind the oldest first."""
        ...

    def counter(self, name: str) -> int:
        """A counter's last value; 0 if it was never set."""
        ...

    def answer(self, key: str) -> tuple[bytes, bytes] | None:
        """The digest of the request and the answer that were kept under an idempotency key."""
        ...

    def airspace(self) -> Iterator[tuple[str, int, bytes]]:
        """The index: (party, leaf index, row), in that order."""
        ...

    def clear_airspace(self) -> None:
        """Throw the index away; the logs stay."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
