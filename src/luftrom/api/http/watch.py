"""The outermost layer: each answer is counted, and no defect leaves it.

What a handler refuses never comes here; Starlette has answered it by then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luftrom.api.http.metrics import Metrics
from luftrom.errors import LuftromError

_LOG = logging.getLogger("luftrom.api")
GONE = 499                                 # the client left before its answer began


class Watch:
    """ASGI middleware. `refuse` makes the answer to a defect."""

    def __init__(self, app: ASGIApp, metrics: Metrics,
                 refuse: Callable[[Request, Exception], Awaitable[Response]]):
        self.app = app
        self.metrics = metrics
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start_s = time.perf_counter()
        has_begun = False

        def count(status: int) -> None:
            nonlocal has_begun
            has_begun = True
            self.metrics.count(scope.get("operation", "unknown"), status,
                               time.perf_counter() - start_s)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except ClientDisconnect:
            if not has_begun:
                count(GONE)
        except Exception as error:         # noqa: BLE001 - what leaves here ends in the server
            if has_begun and isinstance(error, OSError):
                return                     # the client went away while it was answered
            # A defect is told to the log, not to the client, and takes nothing else with it.
            _LOG.exception("%s %s", scope["method"], scope.get("operation", "unknown"))
            if not has_begun:
                fault = LuftromError("a fault of the node; its log says more")
                await (await self.refuse(Request(scope), fault))(scope, receive, counted)
