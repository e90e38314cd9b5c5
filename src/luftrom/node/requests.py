"""What can be asked of a node, and what it answers: the values that cross the conductor's door.

A request carries `reply`, which is called exactly once with a result, or with the LuftromError
that says why there is none. Whatever a reply acknowledges is durable by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom.airspace import Intent, Notice
from luftrom.errors import LuftromError
from luftrom.exchange import Message
from luftrom.index import Record
from luftrom.note import NoteSigner

Reply = Callable[[Any, LuftromError | None], None]


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """A party's private keys, each with one role; log and mirror sign twice (DESIGN, Formats)."""

    statements: Ed25519PrivateKey
    channel: Ed25519PrivateKey
    log: tuple[NoteSigner, ...]
    mirror: tuple[NoteSigner, ...]


@dataclass(frozen=True, slots=True)
class Against:
    """One that a refused declaration lost to, the rule, and the rule as a sentence."""

    operational_intent: Record
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a declaration; `unacknowledged` lists peers that were silent (`proceed`)."""

    operational_intent: Record
    accepted: bool
    against: tuple[Against, ...] = ()
    unacknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declare:
    """Declare an intent: new (`ovn` None) or in place of the version that bears `ovn`.

    `require_key` asks for the F3548 rule that the key names every intent that would be met.
    """

    intent: Intent
    ovn: str | None
    require_key: bool
    reply: Reply


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw the standing version of an intent; `ovn` None means whichever stands."""

    entity_id: str
    ovn: str | None
    manager: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class GiveNotice:
    """Give a prior notice, new or in place of the one with the same identifier."""

    notice: Notice
    reply: Reply


@dataclass(frozen=True, slots=True)
class WithdrawNotice:
    """Withdraw a prior notice."""

    entity_id: str
    manager: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Notify:
    """Record an F3548 notification that a manager sent us, closed to everybody else."""

    manager: str
    document: Mapping[str, Any]
    reply: Reply


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the answer to a request that bore an idempotency key."""

    key: str
    digest: bytes
    answer: bytes
    reply: Reply


@dataclass(frozen=True, slots=True)
class Hear:
    """Take in a peer's message. A request has a counter and is answered with a message.

    `proven` is what `exchange.prove_leaves` said of it beforehand.
    """

    message: Message
    counter: int | None
    reply: Reply
    proven: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Submit:
    """C2SP tlog-mirror submission: `add-checkpoint` or, with `entries`, `add-entries`."""

    body: bytes
    entries: bool
    reply: Reply


Request = (Declare | Withdraw | GiveNotice | WithdrawNotice | Notify | Remember | Hear | Submit)
