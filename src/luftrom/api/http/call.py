"""One request as handlers see it, and the JSON answers they give.

Handlers return Starlette's responses; what is refused is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luftrom import limits
from luftrom.api.http.auth import Caller
from luftrom.api.http.body import read_body
from luftrom.api.http.doors import Doors
from luftrom.api.http.refusals import Unsupported
from luftrom.api.http.standing import room_of
from luftrom.errors import BadInput
from luftrom.node.node import Node

JSON = "application/json"
NO_STORE = {"cache-control": "no-store"}

T = TypeVar("T")

_FEW_BYTES = 65_536                        # of a body that is read at once

_encode = msgspec.json.Encoder().encode


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, *,
                media_type: str = JSON) -> Response:
    """A JSON answer; what depends on the caller is not to be kept by caches."""
    return Response(_encode(value), status, {**NO_STORE, **(headers or {})}, media_type)


@dataclass(slots=True, eq=False)
class Call:
    """One request, with the doors of the node that it asks."""

    doors: Doors
    request: Request
    _caller: Caller | None = None
    _query: dict[str, str] | None = field(default=None)

    @property
    def node(self) -> Node:
        """The node behind the API."""
        return self.doors.node

    @property
    def caller(self) -> Caller:
        """Who asks. Only routes with scopes know; to ask on another is a defect."""
        if self._caller is None:
            raise RuntimeError("this route has no scopes, so nobody knows who calls")
        return self._caller

    @property
    def path(self) -> Mapping[str, str]:
        """The values of the path's parameters."""
        return self.request.path_params

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are found in any case."""
        return self.request.headers

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; BadInput if one is given twice or there are too many."""
        if self._query is None:
            try:
                pairs = parse_qsl(self.request.scope["query_string"].decode("ascii"),
                                  keep_blank_values=True, errors="strict",
                                  max_num_fields=limits.QUERY_PARAMETERS_MAX)
            except (ValueError, UnicodeError):
                raise BadInput("is not a query string of at most "
                               f"{limits.QUERY_PARAMETERS_MAX} parameters",
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
        return await read_body(self.request.stream(), self.request.headers, bytes_max,
                               room_of(self.request.scope))

    async def json_body(self) -> bytes:
        """The bytes of a body that says it is JSON. Raises BadInput, TooLarge, Unsupported."""
        kind = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind != JSON and not kind.endswith("+json"):
            raise Unsupported("the Content-Type must be application/json or application/geo+json")
        return await self.body()

    async def read(self, parse: Callable[[bytes], T]) -> T:
        """What a function makes of a JSON body; see `json_body` and `beside`."""
        body = await self.json_body()
        return await beside(len(body), lambda: parse(body))


async def beside(size_bytes: int, work: Callable[[], T]) -> T:
    """What a function makes of so many bytes: of many on a thread, while the event loop goes on.

    Outlines are checked there as well, which takes longer than to read them.
    """
    return work() if size_bytes <= _FEW_BYTES else await asyncio.to_thread(work)
