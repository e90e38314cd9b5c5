"""Bodies are bounded, however they are packed; what is not JSON is told by its fault."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from luftrom import limits
from luftrom.api.http.body import read_body
from luftrom.api.http.refusals import Unsupported
from luftrom.api.http.standing import Unbounded
from luftrom.errors import BadInput, LuftromError, TooLarge


def read(parts, bytes_max=1000, **headers):
    messages = [{"type": "http.request", "body": part, "more_body": i < len(parts) - 1}
                for i, part in enumerate(parts)] or [{"type": "http.disconnect"}]
    asked = iter(messages)
    taken = []

    async def receive():
        message = next(asked)
        taken.append(message)
        return message

    raw = Headers(raw=[(name.replace("_", "-").encode(), value)
                       for name, value in headers.items()])
    parts = Request({"type": "http"}, receive).stream()
    return asyncio.run(read_body(parts, raw, bytes_max, Unbounded())), len(taken)


def test_plain_bodies_in_one_piece_or_many():
    assert read([b"abc"]) == (b"abc", 1)
    assert read([b"abc", b"", b"def"])[0] == b"abcdef"
    assert read([b"x" * 1000])[0] == b"x" * 1000


def test_a_declared_size_beyond_the_limit_is_refused_unread():
    with pytest.raises(TooLarge, match="1000"):
        read([b"x"], content_length=b"1001")


def test_reading_ends_at_the_limit():
    with pytest.raises(TooLarge):
        read([b"x" * 600] * 1000)


def test_the_limit_itself_is_taken():
    for pieces in (1, 10):
        parts = [b"x" * (1000 // pieces)] * pieces
        assert len(read(parts)[0]) == 1000
        with pytest.raises(TooLarge):
            read([*parts, b"x"])
        packed = gzip.compress(b"x" * 1000)
        assert len(read([packed], content_encoding=b"gzip")[0]) == 1000
        with pytest.raises(TooLarge):
            read([gzip.compress(b"x" * 1001)], content_encoding=b"gzip")


@pytest.mark.parametrize("headers", [{"content-length": "9999"}, {}])
def test_what_is_refused_is_read_up_to_a_number(headers, monkeypatch):
    """So that a refusal is heard; beyond it nobody is waited for."""
    monkeypatch.setattr(limits, "DISCARDED_BYTES_MAX", 1000)
    kept = []

    class Noted(Unbounded):
        def discard(self):
            kept.append(len(read_parts))

    read_parts = []

    async def parts():
        for _ in range(100):
            read_parts.append(1)
            yield b"x" * 100

    with pytest.raises(TooLarge):
        asyncio.run(read_body(parts(), headers, 200, Noted()))
    before = 0 if headers else 3           # where it says how long it is nothing is kept
    assert (kept, len(read_parts)) == ([before], before + 11)


def test_gzip_is_read_in_pieces_of_any_size():
    packed = gzip.compress(b"word " * 200)
    for size in (1, 7, len(packed)):
        parts = [packed[i:i + size] for i in range(0, len(packed), size)]
        assert read(parts, content_encoding=b"GZIP")[0] == b"word " * 200


def test_a_bomb_is_met_by_the_limit():
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(TooLarge):
        read([bomb], content_encoding=b"gzip")
    with pytest.raises(TooLarge):
        read([bomb[i:i + 100] for i in range(0, len(bomb), 100)], content_encoding=b"gzip")


ABC = gzip.compress(b"abc", mtime=0)       # it names a test, so it may not hold the time


@pytest.mark.parametrize("body", [
    b"plain", ABC[:-3], ABC + b"more", b"", zlib.compress(b"abc"), ABC + ABC])
def test_what_is_not_one_whole_gzip_member_is_refused(body):
    with pytest.raises(BadInput):
        read([body], content_encoding=b"gzip")


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"gzip, gzip", b"zstd"])
def test_other_encodings_are_named(encoding):
    with pytest.raises(Unsupported) as refused:
        read([b""], content_encoding=encoding)
    assert refused.value.status == 415
    assert isinstance(refused.value, LuftromError)


def test_a_client_that_went_away():
    with pytest.raises(ClientDisconnect):
        read([])
