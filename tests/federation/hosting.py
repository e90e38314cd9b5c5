"""A real node behind HTTP in a thread, with the store, clock and peers that a test gives it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom.agreement.terms import Agreement
from luftrom.api.app import create_app
from luftrom.api.serving.server import Server
from luftrom.clock import Clock, SystemClock
from luftrom.config.settings import Settings
from luftrom.exchange.http import HttpTransport
from luftrom.node.gate import Gate
from luftrom.node.node import Node, Transport
from luftrom.store.protocol import Store
from luftrom.store.sqlite import SqliteStore
from parties import ed25519, make_agreement, make_keys, make_party
from tokens import bearer, mint

ALFA, BRAVO, CHARLIE = "alfa.example", "bravo.example", "charlie.example"


@dataclass
class House:
    """One running node and what a test needs to talk to it."""

    node: Node
    settings: Settings
    loop: asyncio.AbstractEventLoop
    http: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def status(self) -> dict[str, Any]:
        return self.http.get("/v1/status").json()

    def digest(self) -> tuple[Any, ...]:
        """All that a refused message must not change."""
        status = self.status()
        return status["airspace"], status["log"], [
            (c["mirror_size"], c["applied_size"], c["receipt_size"]) for c in status["channels"]]

    def channel(self, peer: str = BRAVO) -> dict[str, Any]:
        return next(c for c in self.status()["channels"] if c["peer"] == peer)


def free_ports(count: int) -> list[socket.socket]:
    """Sockets bound to free ports of the loopback interface, to listen on later."""
    return [door_at(0) for _ in range(count)]


def door_at(port: int) -> socket.socket:
    """A socket bound to that port of the loopback interface; 0 is any that is free.

    With its protocol named, asyncio sends small answers at once (TCP_NODELAY).
    """
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    return door


def agreement_of(urls: dict[str, str] | None = None, names: tuple[str, ...] = (ALFA, BRAVO),
                 **terms: Any) -> Agreement:
    """An agreement of these parties, whose nodes answer at these URLs or nowhere."""
    return make_agreement(tuple(make_party(
        name, make_keys(name), (urls or {}).get(name, "http://127.0.0.1:1")) for name in names),
        **terms)


@contextlib.contextmanager
def hosted(directory: Path, agreement: Agreement | None, *, party: str = ALFA,
           door: socket.socket | None = None, store: Store | None = None,
           clock: Clock | None = None, transport: Transport | None = None,
           gate: Gate | None = None) -> Iterator[House]:
    """The node of a party, served on a free port of the loopback interface."""
    door = door or free_ports(1)[0]
    port = door.getsockname()[1]
    settings = Settings(directory, party, f"http://127.0.0.1:{port}", "127.0.0.1", port)
    token_key = ed25519(party, "token")
    held: list[Store] = []

    def make() -> Node:
        held.append(store or SqliteStore(directory / f"{party}.sqlite3"))
        return Node(party, make_keys(party), agreement, held[0], clock or SystemClock(), transport,
                    gate)

    async def close() -> None:
        if isinstance(transport, HttpTransport):
            await transport.close()
        held[0].close()

    with serving(make, settings, token_key, door, close) as (node, loop):
        token = mint(token_key, iss=settings.token_issuer, aud=settings.audience, sub="uss1")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer(token),
                          trust_env=False, timeout=30) as http:
            yield House(node, settings, loop, http)


@contextlib.contextmanager
def serving(make: Callable[[], Node], settings: Settings, token_key: Ed25519PrivateKey,
            door: socket.socket, close: Callable[[], Awaitable[None]]
            ) -> Iterator[tuple[Node, asyncio.AbstractEventLoop]]:
    """A node, made in an event loop of its own thread and served at that door; `close` follows."""
    ready, state = threading.Event(), {}

    async def serve() -> None:
        node = make()
        await node.start()
        app = create_app(node, settings, token_key.public_key())
        door.listen()
        server = Server(app, door)
        state.update(node=node, loop=asyncio.get_running_loop(), server=server)
        task = asyncio.create_task(server.serve())
        await server.started.wait()
        ready.set()
        await task
        await app.close()
        await node.stop()
        await close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(300), "the node did not start"
    try:
        yield state["node"], state["loop"]
    finally:
        state["loop"].call_soon_threadsafe(state["server"].stop)
        thread.join(20)
        door.close()
