"""A step: one transaction in the making, and what is to be said once it is durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from luftrom.errors import LuftromError
from luftrom.statements.statement import Seen
from luftrom.store.protocol import Writes

T = TypeVar("T")
# Called exactly once, with a result or with the refusal that says why there is none. Whatever a
# result acknowledges is durable by then.
Reply = Callable[[T | None, LuftromError | None], None]


class Request(Protocol):
    """What can be asked of a node: a value that stands beside the operation that answers it."""

    @property
    def reply(self) -> Reply[Any]: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits for the ruling on an own declaration, and since when, in `elapsed_ns`."""

    reply: Reply[Any]
    since_ns: int


@dataclass(slots=True)
class Step:
    """All that one step changes and says."""

    time_ns: int
    elapsed_ns: int
    writes: Writes = field(default_factory=Writes)
    note: bytes | None = None
    seen: dict[str, Seen] | None = None
    is_urgent: bool = False                # holds a statement that others should have at once
    is_reopened: bool = False              # holds what the log begins again with after a doubt
    answers: list[tuple[Reply[Any], Callable[[], Any] | LuftromError]] = field(
        default_factory=list)
    refusals: list[tuple[Reply[Any], LuftromError]] = field(default_factory=list)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    peer_work: dict[str, float] = field(default_factory=dict)   # on a peer's leaves, in units
    client_work: float = 0.0               # on what clients ask, in units

    def then(self, reply: Reply[T], result: Callable[[], T]) -> None:
        """After the commit, reply with what `result` returns by then."""
        self.answers.append((reply, result))

    def refuse_anyhow(self, reply: Reply[Any], error: LuftromError) -> None:
        """Reply that nothing was done, whatever becomes of the step."""
        self.refusals.append((reply, error))

    def refuse(self, reply: Reply[Any], error: LuftromError) -> None:
        """After the commit, reply that it was refused."""
        self.answers.append((reply, error))
