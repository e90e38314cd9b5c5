"""A real node behind HTTP in a thread, with the store, clock and peers that a test gives it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from luftrom.agreement.terms import Agreement
from luftrom.api.app import create_app
from luftrom.api.serving.server import Server
from luftrom.clock import Clock, SystemClock
from luftrom.config.settings import Settings
from luftrom.exchange.http import HttpTransport
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
    """Sockets bound to free ports of the loopback interface, to listen on later.

    With their protocol named, asyncio sends small answers at once (TCP_NODELAY).
    """
    doors = [socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
             for _ in range(count)]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    return doors


def agreement_of(urls: dict[str, str] | None = None, names: tuple[str, ...] = (ALFA, BRAVO),
                 **terms: Any) -> Agreement:
    """An agreement of these parties, whose nodes answer at these URLs or nowhere."""
    return make_agreement(tuple(make_party(
        name, make_keys(name), (urls or {}).get(name, "http://127.0.0.1:1")) for name in names),
        **terms)


@contextlib.contextmanager
def hosted(directory: Path, agreement: Agreement | None, *, party: str = ALFA,
           door: socket.socket | None = None, store: Store | None = None,
           clock: Clock | None = None, transport: Transport | None = None) -> Iterator[House]:
    """The node of a party, served on a free port of the loopback interface."""
    door = door or free_ports(1)[0]
    port = door.getsockname()[1]
    settings = Settings(directory, party, f"http://127.0.0.1:{port}", "127.0.0.1", port)
    ready, state = threading.Event(), {}
    token_key = ed25519(party, "token")

    async def serve() -> None:
        held = store or SqliteStore(directory / f"{party}.sqlite3")
        node = Node(party, make_keys(party), agreement, held, clock or SystemClock(), transport)
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
        if isinstance(transport, HttpTransport):
            await transport.close()
        held.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(300), "the node did not start"
    token = mint(token_key, iss=settings.token_issuer, aud=settings.audience, sub="uss1")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer(token),
                      trust_env=False, timeout=30) as http:
        try:
            yield House(state["node"], settings, state["loop"], http)
        finally:
            http.close()
            state["loop"].call_soon_threadsafe(state["server"].stop)
            thread.join(20)
            door.close()
