"""The ASGI application: a request finds its route, its caller is checked, its answer is sent.

There is no framework between the server and the handlers: at 2,000 declarations a second every
layer counts, and what is needed of one is the table in `routes` and the sixty lines here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from luftrom.api.http.auth import Authenticator, make_authenticator
from luftrom.api.http.body import Gone
from luftrom.api.http.call import Answer, Call
from luftrom.api.http.metrics import Metrics
from luftrom.api.http.openapi import make_docs, make_openapi
from luftrom.api.http.problem import error_response_answer, problem_answer
from luftrom.api.http.route import Route, Router
from luftrom.api.routes import ROUTES
from luftrom.config.settings import Settings
from luftrom.errors import LuftromError, NotBuilt

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_LOG = logging.getLogger("luftrom.api")
_F3548_PREFIXES = ("/dss/", "/uss/")


@dataclass(slots=True, eq=False)
class _Turn:
    """Who has, and who waits for, one key."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


def create_app(node: Any, settings: Settings, token_key: Ed25519PublicKey) -> App:
    """The application for a node; `token_key` verifies the tokens that `luftrom token` makes."""
    auth = make_authenticator(settings.issuers, settings.token_issuer, settings.audience,
                              token_key.public_bytes_raw(), node.clock, settings.authority)
    return App(node, auth, settings.base_url)


class App:
    """The doors of one node."""

    def __init__(self, node: Any, auth: Authenticator, base_url: str):
        self.node = node
        self.auth = auth
        self.base_url = base_url
        self.base_path = urlsplit(base_url).path.rstrip("/")
        self.metrics = Metrics()
        self.streams = 0
        self.closing = False
        self._router = Router(ROUTES)
        self._turns: dict[str, _Turn] = {}

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return make_openapi(ROUTES, self.base_url)

    @cached_property
    def docs(self) -> tuple[bytes, bytes]:
        """The page at /docs and its Content-Security-Policy."""
        return make_docs(ROUTES, self.openapi)

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

    async def close(self) -> None:
        """End the event streams and let go of connections to key servers."""
        self.closing = True
        await self.auth.close()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        start_s = time.perf_counter()
        operation = "unknown"
        try:
            try:
                route, path = self._router.find(scope["method"], scope["path"])
                operation = route.name
                answer = await self._answer(route, path, scope, receive)
            except LuftromError as error:
                answer = _refuse(error, scope["path"])
            except Gone:
                self.metrics.count(operation, 499, time.perf_counter() - start_s)
                return
            except Exception:
                # A defect is told to the log, not to the client, and takes nothing else with it.
                _LOG.exception("%s %s", scope["method"], operation)
                answer = _refuse(LuftromError("a fault of the node; its log says more"),
                                 scope["path"])
            self.metrics.count(operation, answer.status, time.perf_counter() - start_s)
            await self._send(answer, scope["method"] == "HEAD", receive, send)
        except asyncio.CancelledError:
            raise
        except OSError:
            pass                           # the client went away while it was answered

    async def _answer(self, route: Route, path: Mapping[str, str], scope: Mapping[str, Any],
                      receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        caller = None
        if route.scopes:
            caller = await self.auth.authenticate(headers.get(b"authorization"))
            caller.require(route.scopes)
        if route.handler is None:
            raise NotBuilt(f"{route.name} is not built yet; /docs lists what is")
        return await route.handler(Call(self, scope["method"], scope["path"], path, headers,
                                        scope["query_string"], receive, caller))

    async def _send(self, answer: Answer, is_head: bool, receive: Receive, send: Send) -> None:
        headers = list(answer.headers)
        if answer.status not in (204, 304, 307):
            headers.append((b"content-type", answer.content_type))
        if answer.stream is None and answer.status != 204:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.stream is None or is_head:
            await send({"type": "http.response.body",
                        "body": b"" if is_head else answer.body, "more_body": False})
        else:
            await self._stream(answer.stream, receive, send)

    async def _stream(self, stream: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
        """Send pieces until the stream ends or the client goes away."""
        async def pump() -> None:
            async for piece in stream:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        self.streams += 1
        tasks = [asyncio.ensure_future(pump()), asyncio.ensure_future(watch())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.streams -= 1
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):
                _LOG.error("an event stream failed", exc_info=result)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _refuse(error: LuftromError, path: str) -> Answer:
    if path.startswith(_F3548_PREFIXES):
        return error_response_answer(error)
    return problem_answer(error)
