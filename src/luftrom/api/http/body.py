"""Request bodies, bounded: never more in memory than the limit, however they are packed.

`identity` and `gzip` are read (RFC 9110, section 8.4); everything else is answered 415 by the
name of what would be read. A gzip bomb is met by a decompressor that is asked for no more bytes
than the limit leaves.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from luftrom.api.http.refusals import UnsupportedEncoding
from luftrom.errors import BadInput, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
DISCARDED_BYTES_MAX = 16 * 1024 * 1024     # read and thrown away so that a refusal is heard


async def read_body(parts: AsyncIterator[bytes], headers: Mapping[str, str],
                    bytes_max: int) -> bytes:
    """The whole body, decompressed. Raises TooLarge, UnsupportedEncoding, BadInput.

    `parts` is Starlette's stream of a request, which raises ClientDisconnect where it ends early.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise UnsupportedEncoding(("gzip", "identity"))
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > bytes_max:
        await _discard(parts)
        raise _too_large(bytes_max)
    inflate = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    taken: list[bytes] = []
    size = 0
    async for part in parts:
        if inflate is not None and part:
            part = _inflate(inflate, part, bytes_max - size)
        size += len(part)
        if size > bytes_max:
            await _discard(parts)
            raise _too_large(bytes_max)
        taken.append(part)
    if inflate is not None and not inflate.eof:
        raise BadInput("the gzip body ends before its end", code="bad_encoding")
    return b"".join(taken)


async def _discard(parts: AsyncIterator[bytes]) -> None:
    """Let a sender finish, within bounds: who is cut off while sending never reads the answer."""
    size = 0
    async for part in parts:
        size += len(part)
        if size > DISCARDED_BYTES_MAX:
            return


def _inflate(inflate: Any, part: bytes, bytes_left: int) -> bytes:
    try:
        out: bytes = inflate.decompress(part, bytes_left + 1)
    except zlib.error:
        raise BadInput("the body is not gzip", code="bad_encoding") from None
    if inflate.unused_data:
        raise BadInput("bytes follow the gzip body", code="bad_encoding")
    return out


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {bytes_max} bytes", detail={"bytes_max": bytes_max})
