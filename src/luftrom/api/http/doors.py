"""What handlers may use of the application: the node, and the little that requests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from luftrom.api.http.metrics import Metrics
from luftrom.config.settings import path_of
from luftrom.node.node import Node


@dataclass(slots=True, eq=False)
class _Turn:
    """Who has, and who waits for, one key."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(slots=True, eq=False)
class Doors:
    """The doors of one node; the application fills it, each call holds it.

    `openapi` and `docs` make the API's description when it is first asked for. `streams` counts
    open event streams; `closing` tells them to end.
    """

    node: Node
    base_url: str
    metrics: Metrics
    openapi: Callable[[], dict[str, Any]]
    docs: Callable[[], tuple[bytes, str]]
    streams: int = 0
    closing: bool = False
    _turns: dict[str, _Turn] = field(default_factory=dict)

    @property
    def base_path(self) -> str:
        """The path of the base URL, for what has to name it: "" or such as "/luftrom"."""
        return path_of(self.base_url)

    @asynccontextmanager
    async def in_turn(self, key: str) -> AsyncIterator[None]:
        """One request at a time for each key."""
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]
