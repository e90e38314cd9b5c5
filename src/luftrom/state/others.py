"""The others of a record: those that it meets, or conflicts with, by serial, in small blocks.

A dict is copied whole whenever it grows. Where thousands all meet, theirs have one size and grow in
one moment, when one more comes: that took a quarter of a second. A block stays small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Numbered(Protocol):
    """Whatever has a serial of its own."""

    serial: int


T = TypeVar("T", bound=Numbered)

_BLOCK_BITS = 7                            # a block is of so many serials, as a power of two


class Others(Generic[T]):
    """Records, each once."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, dict[int, T]] = {}

    def add(self, record: T) -> None:
        """One more, if it is not there yet."""
        serial = record.serial
        try:
            self._blocks[serial >> _BLOCK_BITS][serial] = record
        except KeyError:
            self._blocks[serial >> _BLOCK_BITS] = {serial: record}

    def remove(self, record: T) -> None:
        """One less. It must be there."""
        block = self._blocks[record.serial >> _BLOCK_BITS]
        del block[record.serial]
        if not block:
            del self._blocks[record.serial >> _BLOCK_BITS]

    def clear(self) -> None:
        """None any more."""
        self._blocks.clear()

    def __iter__(self) -> Iterator[T]:
        for block in self._blocks.values():
            yield from block.values()

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))
