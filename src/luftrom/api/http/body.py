"""Request bodies, bounded: never more in memory than the limit, however they are packed.

`identity` and `gzip` are read (RFC 9110, section 8.4); everything else is answered 415 by the
name of what would be read. A gzip bomb is met by a decompressor that is asked for no more bytes
than the limit leaves.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from luftrom.errors import BadInput, LuftromError, TooLarge

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
_GZIP = 16 + zlib.MAX_WBITS
DISCARDED_BYTES_MAX = 16 * 1024 * 1024     # read and thrown away so that a refusal is heard


class Unsupported(LuftromError):
    """A content type or encoding that is not read here (415)."""

    code, status = "unsupported", 415


class Gone(Exception):
    """The client went away; there is nobody to answer."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int) -> bytes:
    """The whole body, decompressed. Raises TooLarge, Unsupported, BadInput, Gone."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"gzip", b"x-gzip"):
        raise Unsupported("the Content-Encoding must be gzip or identity",
                          code="unsupported_encoding",
                          detail={"headers": {"accept-encoding": "gzip, identity"}})
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > bytes_max:
        await _discard(receive)
        raise _too_large(bytes_max)
    inflate = None if encoding == b"identity" else zlib.decompressobj(_GZIP)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        if inflate is not None and part:
            part = _inflate(inflate, part, bytes_max - size)
        size += len(part)
        if size > bytes_max:
            if message.get("more_body", False):
                await _discard(receive)
            raise _too_large(bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            break
    if inflate is not None and not inflate.eof:
        raise BadInput("the gzip body ends before its end", code="bad_encoding")
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _discard(receive: Receive) -> None:
    """Let a sender finish, within bounds: who is cut off while sending never reads the answer."""
    size, more = 0, True
    while more and size <= DISCARDED_BYTES_MAX:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)


def _inflate(inflate: Any, part: bytes, bytes_left: int) -> bytes:
    try:
        out = inflate.decompress(part, bytes_left + 1)
    except zlib.error:
        raise BadInput("the body is not gzip", code="bad_encoding") from None
    if inflate.unused_data:
        raise BadInput("bytes follow the gzip body", code="bad_encoding")
    return out


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {bytes_max} bytes", detail={"bytes_max": bytes_max})
