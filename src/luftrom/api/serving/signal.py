"""What somebody may wait for: as asyncio's Event, and small while nobody does."""

from __future__ import annotations

import asyncio


class Signal:
    """An asyncio.Event whose queue, of most of a KiB, is there only while somebody waits."""

    __slots__ = ("_is_set", "_waited")

    def __init__(self, *, is_set: bool = False):
        self._is_set = is_set
        self._waited: asyncio.Event | None = None      # set once, for all who wait at that time

    def is_set(self) -> bool:
        """Need nobody wait?"""
        return self._is_set

    def set(self) -> None:
        """Let all go on who wait; nobody waits until `clear`."""
        self._is_set = True
        if self._waited is not None:
            self._waited.set()
            self._waited = None

    def clear(self) -> None:
        """From now on whoever comes waits."""
        self._is_set = False

    async def wait(self) -> bool:
        """Until it is set; who waited by then goes on, though it is cleared again at once."""
        if not self._is_set:
            if self._waited is None:
                self._waited = asyncio.Event()
            await self._waited.wait()
        return True
