"""What can be asked of a node, and what it answers: the values that cross the conductor's door.

A request carries `reply`, which is called exactly once with a result, or with the LuftromError
that says why there is none. Whatever a reply acknowledges is durable by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.errors import LuftromError
from luftrom.exchange.message import Message
from luftrom.state.record import Record

Reply = Callable[[Any, LuftromError | None], None]


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

    notice: Constraint
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
