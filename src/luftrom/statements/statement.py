"""A statement as a value: one entry of a log, read.

All kinds have the same head; what a kind says in the clear beside it is the `body`, whose type the
kind gives (`kinds`). `leaf` turns statements into signed bytes and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

BodyT = TypeVar("BodyT", covariant=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest head of a peer's log that the author had mirrored: its size, root and time.

    `time_s` is when the peer signed that head, in seconds since 1970; 0 while it has sent none.
    """

    size: int
    root: bytes
    time_s: int = 0


@dataclass(frozen=True, slots=True)
class Statement(Generic[BodyT]):
    """One leaf, read; `leaf` are the bytes themselves, empty while it is not signed yet.

    `digests` are those of the disclosures that open its content: one for each claim that its kind
    opens, in their order.
    """

    party: str
    type: str
    index: int
    iat_s: int
    body: BodyT
    agreement: str = ""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    digests: tuple[str, ...] = ()
    leaf: bytes = field(default=b"", repr=False)
