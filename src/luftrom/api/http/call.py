"""One request as handlers see it, and the answer they give."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from luftrom import limits
from luftrom.api.http.auth import Caller
from luftrom.api.http.body import Receive, Unsupported, read_body
from luftrom.errors import BadInput
from luftrom.reading import parse_json

if TYPE_CHECKING:
    from luftrom.api.app import App

JSON = b"application/json"
PROBLEM = b"application/problem+json"
TEXT = b"text/plain; charset=utf-8"
BINARY = b"application/octet-stream"
NO_STORE = (b"cache-control", b"no-store")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers; with `stream`, the body comes from it piece by piece."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def json_answer(value: Any, status: int = 200, *, headers: tuple[tuple[bytes, bytes], ...] = (),
                content_type: bytes = JSON) -> Answer:
    """A JSON answer; what depends on the caller is not to be kept by caches."""
    return Answer(status, _encode(value).encode(), content_type, (NO_STORE, *headers))


@dataclass(slots=True, eq=False)
class Call:
    """One request. `path` holds the values of the path's parameters."""

    app: App
    method: str
    raw_path: str
    path: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    query_string: bytes
    receive: Receive
    caller: Caller | None = None
    _query: dict[str, str] | None = field(default=None)

    @property
    def node(self) -> Any:
        """The node behind the API (`luftrom.node.Node`)."""
        return self.app.node

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; BadInput if one is given twice or there are too many."""
        if self._query is None:
            try:
                pairs = parse_qsl(self.query_string.decode("ascii"), keep_blank_values=True,
                                  max_num_fields=32, errors="strict")
            except (ValueError, UnicodeError):
                raise BadInput("is not a query string of at most 32 parameters",
                               field="query") from None
            self._query = dict(pairs)
            if len(self._query) != len(pairs):
                raise BadInput("has a parameter twice", field="query")
        return self._query

    def integer(self, name: str, default: int, most: int) -> int:
        """A query parameter that is a whole number from 0 to `most`."""
        given = self.query.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit()) or len(given) > 18 or int(given) > most:
            raise BadInput(f"must be a whole number from 0 to {most}", field=f"query.{name}")
        return int(given)

    async def body(self, bytes_max: int = limits.REQUEST_BODY_BYTES_MAX) -> bytes:
        """The body, decompressed and bounded."""
        return await read_body(self.receive, self.headers, bytes_max)

    async def json(self) -> Any:
        """The body as strict JSON. Raises BadInput, TooLarge, Unsupported."""
        kind = self.headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()
        if kind != JSON and not kind.endswith(b"+json"):
            raise Unsupported("the Content-Type must be application/json or application/geo+json")
        return parse_json(await self.body(), field="body")
