"""The HTTP server: a listening socket and an ASGI application in, answers out, until `stop`.

It accepts connections itself, so that each is counted before a byte of it is read, and so that a
TLS handshake that fails is told with its address and its reason; asyncio's own `create_server`
does neither. What one connection may do stands in `connection`, how many there may be in `places`,
why it is built so in docs/decisions/http-server.md.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from luftrom import limits
from luftrom.api.http.standing import ROOM
from luftrom.api.serving.budget import Budget
from luftrom.api.serving.connection import Connection
from luftrom.api.serving.places import Place, Places, address_of
from luftrom.errors import LuftromError
from luftrom.tls import server_context, server_reason

TICK_S = 1.0
RENEWAL_S = 60.0                           # how often the certificate's file is looked at
FAILURES_TOLD = 50                         # failed TLS handshakes in RENEWAL_S; then their count
ACCEPTS_AT_ONCE = 32                       # before others have their turn
REST_S = 0.5                               # after an accept that failed: no descriptors, mostly
DESCRIPTORS_BESIDE = 256                   # files and sockets that are no client's connection

_LOG = logging.getLogger("luftrom.server")


class Certificate:
    """A certificate and its key in files, taken anew when the file changes: no restart for it.

    Raises what `luftrom.tls.server_context` raises.
    """

    def __init__(self, certificate: Path, key: Path):
        self._paths = certificate, key
        self._seen = self._state()
        self._refused: list[tuple[int, int]] | None = None
        self.context = server_context(certificate, key)

    def renew(self) -> None:
        """Take the files if they changed; while they are of no use, the old ones go on.

        Two files are replaced one after the other, so what does not fit is told once and tried
        again; a context that was half filled would refuse everybody, so each try has its own.
        """
        state = self._state()
        if state == self._seen:
            return
        try:
            self.context = server_context(*self._paths)
        except LuftromError as error:
            if state != self._refused:
                _LOG.error("the new TLS certificate is not taken, the old one goes on: %s", error)
            self._refused = state
        else:
            self._seen, self._refused = state, None
            _LOG.warning("the new TLS certificate in %s is in use", self._paths[0])

    def _state(self) -> list[tuple[int, int]]:
        found = []
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                return []
            found.append((status.st_mtime_ns, status.st_size))
        return found


class Server:
    """Serves `app` at a listening socket, with TLS if there is a certificate."""

    def __init__(self, app: ASGIApp, door: socket.socket, certificate: Certificate | None = None,
                 places: Places | None = None):
        self.places = places or Places()
        self.budget = Budget()
        self._door = door
        self._certificate = certificate
        self._config = uvicorn.Config(
            self._counted(app), http=Connection, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False)
        self._state = ServerState()
        # Those that are not connections yet; the socket of each that has not begun.
        self._arrivals: dict[asyncio.Task[None], socket.socket | None] = {}
        self._failures = 0                 # TLS handshakes, since the certificate was looked at
        self._told = asyncio.Event()
        self.started = asyncio.Event()

    def _counted(self, app: ASGIApp) -> ASGIApp:
        """The application; a request's body counts until it ends, its client being there or not."""
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if not self._told.is_set():
                    raise                  # else its client has been cut off: see `_shut`
            finally:
                scope[ROOM].give_back()

        return counted

    def stop(self) -> None:
        """Let nobody in any more, and end `serve`; to be called in its loop."""
        self._told.set()

    async def serve(self) -> None:
        """Until `stop`: then requests in progress have STOP_S_MAX to be answered."""
        self._config.load()
        self._date()
        tasks = [asyncio.create_task(self._accept()), asyncio.create_task(self._tick())]
        self.started.set()
        try:
            await self._told.wait()
        finally:
            for task in (*tasks, *self._arrivals):
                task.cancel()
            await asyncio.gather(*tasks, *self._arrivals, return_exceptions=True)
            await self._shut()

    # -- arrivals ----------------------------------------------------------------------------

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        self._door.setblocking(False)
        while True:
            try:
                client, peer = await loop.sock_accept(self._door)
            except ConnectionError:
                continue                   # it went away before it was let in
            except OSError as error:
                _LOG.error("no connection can be accepted: %s", error.strerror or error)
                await asyncio.sleep(REST_S)
                continue
            self._welcome(client, peer)
            for _ in range(ACCEPTS_AT_ONCE):
                try:
                    client, peer = self._door.accept()
                except OSError:            # nobody waits; what else it may be, comes again above
                    break
                self._welcome(client, peer)
            await asyncio.sleep(0)         # whoever keeps coming must not keep others waiting

    def _welcome(self, client: socket.socket, peer: object) -> None:
        """A place for an accepted socket, or the end of it."""
        loop = asyncio.get_running_loop()
        address = address_of(peer)
        place = self.places.take(address, loop.time())
        if place is None:
            client.close()
            _LOG.warning("a connection of %s is turned away: strangers there have %d, all have "
                         "%d, and every one is at work", address, self.places.of(address),
                         self.places.count)
            return
        task = loop.create_task(self._begin(client, place))
        place.give_way = task.cancel
        self._arrivals[task] = client
        task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        client = self._arrivals.pop(task)
        if client is not None:             # cancelled before it began: nobody else closes it
            client.close()

    async def _begin(self, client: socket.socket, place: Place) -> None:
        """Make a connection of an accepted socket, through TLS if there is a certificate."""
        loop = asyncio.get_running_loop()
        self._arrivals[cast(asyncio.Task[None], asyncio.current_task())] = None
        context = self._certificate.context if self._certificate else None
        try:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:                    # it went away; from here on the transport closes it
            client.close()
            self.places.leave(place)
            return
        try:
            async with asyncio.timeout(limits.HANDSHAKE_S_MAX):
                await loop.connect_accepted_socket(
                    lambda: Connection(self._config, self._state, self.places, place,
                                       self.budget, loop),
                    client, ssl=context,
                    ssl_shutdown_timeout=limits.CLOSE_S_MAX if context else None)
        except OSError as error:           # `ssl.SSLError` is one
            self.places.leave(place)
            self._failures += 1
            if self._failures <= FAILURES_TOLD:
                _LOG.warning("TLS with %s failed: %s", place.address, server_reason(error))
        except asyncio.CancelledError:
            self.places.leave(place)
            raise

    # -- time --------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """Every second: the Date header, connections that take too long, the certificate."""
        loop = asyncio.get_running_loop()
        renewal_s = loop.time() + RENEWAL_S
        while True:
            await asyncio.sleep(TICK_S)
            self._date()
            now_s = loop.time()
            self._check_connections(now_s)
            if self._certificate is not None and now_s >= renewal_s:
                renewal_s = now_s + RENEWAL_S
                self._certificate.renew()
                if self._failures > FAILURES_TOLD:
                    _LOG.warning("%d more TLS handshakes failed", self._failures - FAILURES_TOLD)
                self._failures = 0

    def _check_connections(self, now_s: float) -> None:
        # Apart, so that no name in `_tick` holds on to the last one that was looked at.
        for connection in list(self._state.connections):
            if isinstance(connection, Connection):
                connection.check(now_s)

    def _date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]

    # -- the end -----------------------------------------------------------------------------

    async def _shut(self) -> None:
        """Answers in progress may end; what is left is cut off, and nobody is told of it."""
        self._door.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await self._until(lambda: not (self._state.connections or self._state.tasks),
                          limits.STOP_S_MAX)
        for connection in list(self._state.connections):
            connection.transport.abort()   # whoever reads a body sees that its client is gone
        await self._until(lambda: not self._state.tasks, 0.5)
        for task in list(self._state.tasks):
            task.cancel()
        await self._until(lambda: not (self._state.connections or self._state.tasks), 0.5)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        end_s = asyncio.get_running_loop().time() + seconds
        while not holds() and asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(0.02)


def room_for_connections() -> int:
    """How many connections this process may have, after its limit of open files is raised.

    CONNECTIONS_MAX, or what the system leaves of it; at least 64.
    """
    try:
        import resource
    except ImportError:                    # Windows has no such limit
        return limits.CONNECTIONS_MAX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.CONNECTIONS_MAX + DESCRIPTORS_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        except (OSError, ValueError):      # macOS permits less than it says
            pass
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits.CONNECTIONS_MAX
    return max(64, soft - DESCRIPTORS_BESIDE)
