"""What the server lends a request in its ASGI scope: somebody vouches for it; its body takes room.

Behind another server neither is there, and nothing is counted.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Protocol

VOUCH = "luftrom.vouch"                    # () -> None
ROOM = "luftrom.room"                      # a Room


class Room(Protocol):
    """The memory that a request's body takes."""

    def take(self, count: int) -> None:
        """Count bytes that are kept of it. Raises Unavailable where there is no room for them."""

    def discard(self) -> None:
        """Nothing of the body is kept, nor of what still comes of it."""


class Unbounded:
    """Room without end."""

    def take(self, count: int) -> None:
        """There is always more."""

    def discard(self) -> None:
        """Nothing was counted."""


def vouch(scope: MutableMapping[str, Any]) -> None:
    """A valid token or a peer's signature came with this request: its connection is no stranger's.

    To be called once that is verified, and before the body is read.
    """
    if VOUCH in scope:
        scope[VOUCH]()


def room_of(scope: MutableMapping[str, Any]) -> Room:
    """The room for the body of the request with this scope."""
    room: Room = scope.get(ROOM) or Unbounded()
    return room
