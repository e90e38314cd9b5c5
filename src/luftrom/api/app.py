"""The ASGI application: the table of routes as Starlette's, each behind the check of its caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache

import starlette.routing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from luftrom.api.http.auth import Authenticator, make_authenticator
from luftrom.api.http.call import Call
from luftrom.api.http.doors import Doors
from luftrom.api.http.headers import check_headers
from luftrom.api.http.metrics import Metrics
from luftrom.api.http.openapi import make_docs, make_openapi
from luftrom.api.http.route import Route
from luftrom.api.http.standing import vouch
from luftrom.api.http.watch import Watch
from luftrom.api.refusing import CALL, refuse
from luftrom.api.routes import ROUTES
from luftrom.config.settings import Settings
from luftrom.errors import LuftromError, NotBuilt
from luftrom.node.node import Node

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(node: Node, settings: Settings, token_key: Ed25519PublicKey) -> App:
    """The application for a node; `token_key` verifies the tokens that `luftrom token` makes."""
    auth = make_authenticator(settings.issuers, settings.token_issuer, settings.audience,
                              token_key.public_bytes_raw(), node.clock, settings.authority)
    return App(node, auth, settings.base_url)


class App:
    """The application of one node."""

    def __init__(self, node: Node, auth: Authenticator, base_url: str):
        metrics = Metrics()
        openapi = cache(lambda: make_openapi(ROUTES, base_url))
        self.doors = Doors(node, base_url, metrics, openapi,
                           docs=cache(lambda: make_docs(ROUTES, openapi())))
        self._auth = auth
        self._asgi = Starlette(
            routes=[starlette.routing.Route(route.path, _endpoint(route, self.doors, auth),
                                            methods=[route.method], name=route.name)
                    for route in ROUTES],
            middleware=[Middleware(Watch, metrics=metrics, refuse=refuse)],
            exception_handlers={LuftromError: refuse, HTTPException: refuse},
            lifespan=self._lifespan)
        self._asgi.router.redirect_slashes = False     # a path has one spelling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._asgi(scope, receive, send)

    async def close(self) -> None:
        """End the event streams and let go of connections to key servers."""
        self.doors.closing = True
        await self._auth.close()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await self.close()


def _endpoint(route: Route, doors: Doors, auth: Authenticator) -> Endpoint:
    """The handler of a route behind the check of its caller."""
    async def endpoint(request: Request) -> Response:
        request.scope["operation"] = route.name
        check_headers(request.scope["headers"])
        caller = None
        if route.scopes:
            caller = await auth.authenticate(request.headers.get("authorization"))
            vouch(request.scope)
            caller.require(route.scopes)
        if route.handler is None:
            raise NotBuilt(f"{route.name} is not built yet; /docs lists what is")
        call = request.scope[CALL] = Call(doors, request, caller)
        response = await route.handler(call)
        return response if request.method != "HEAD" else _head_of(response)

    return endpoint


def _head_of(response: Response) -> Response:
    """The same answer without its body; a stream is not begun."""
    if isinstance(response, StreamingResponse):
        head = Response(status_code=response.status_code)
        head.raw_headers = response.raw_headers
        return head
    response.body = b""
    return response
