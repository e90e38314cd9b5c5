"""Request bodies, bounded: never more in memory than the limit, however they are packed.

`identity` and `gzip` are read (RFC 9110, section 8.4); everything else is answered 415 by the
name of what would be read. A gzip bomb is met by a decompressor that is asked for no more bytes
than the limit leaves, some at a time: others have their turn, and each piece takes room of the
budget of all bodies before the next is made.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from luftrom import limits
from luftrom.api.http.refusals import UnsupportedEncoding
from luftrom.api.http.standing import Room
from luftrom.errors import BadInput, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
_PIECE_BYTES = 1024 * 1024                 # unpacked at once


async def read_body(parts: AsyncIterator[bytes], headers: Mapping[str, str],
                    bytes_max: int, room: Room) -> bytes:
    """The whole body, decompressed. Raises TooLarge, UnsupportedEncoding, BadInput, Unavailable.

    `parts` is Starlette's stream of a request, which raises ClientDisconnect where it ends early;
    what is kept of it takes `room`, as it came or as it unpacks.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise UnsupportedEncoding(("gzip", "identity"))
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > bytes_max:
        await _discard(parts, room)
        raise _too_large(bytes_max)
    inflate = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    taken: list[bytes] = []
    size = 0
    async for part in parts:
        async for piece in _unpacked(part, inflate):
            size += len(piece)
            if size > bytes_max:
                taken.clear()
                await _discard(parts, room)
                raise _too_large(bytes_max)
            room.take(len(piece))
            taken.append(piece)
    if inflate is not None and not inflate.eof:
        raise BadInput("the gzip body ends before its end", code="bad_encoding")
    return b"".join(taken)


async def _discard(parts: AsyncIterator[bytes], room: Room) -> None:
    """Let a sender finish, within bounds: who is cut off while sending never reads the answer."""
    room.discard()
    size = 0
    async for part in parts:
        size += len(part)
        if size > limits.DISCARDED_BYTES_MAX:
            return


async def _unpacked(part: bytes, inflate: Any) -> AsyncIterator[bytes]:
    """A part as it came, or what it unpacks to, in pieces."""
    if inflate is None:
        yield part
        return
    while part:
        try:
            piece: bytes = inflate.decompress(part, _PIECE_BYTES)
        except zlib.error:
            raise BadInput("the body is not gzip", code="bad_encoding") from None
        if inflate.unused_data:
            raise BadInput("bytes follow the gzip body", code="bad_encoding")
        yield piece
        part = inflate.unconsumed_tail
        if part:
            await asyncio.sleep(0)


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {bytes_max} bytes", detail={"bytes_max": bytes_max})
