"""A whole node behind a real HTTP server in a thread, and clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from luftrom.api.app import create_app
from luftrom.api.http.mounting import mounted
from luftrom.api.serving.server import Server
from luftrom.clock import SystemClock
from luftrom.config.settings import Settings
from luftrom.node.node import Node
from luftrom.store.sqlite import SqliteStore
from parties import ed25519, make_agreement, make_keys, make_party
from tokens import bearer, mint

ALFA, BRAVO = "alfa.example", "bravo.example"


@dataclass
class House:
    """One running node and what a test needs to talk to it."""

    node: Node
    app: object
    settings: Settings
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def token(self, manager: str = "uss1", **claims: object) -> str:
        return mint(ed25519(ALFA, "token"), **{"iss": self.settings.token_issuer,
                    "aud": self.settings.audience, "sub": manager, **claims})

    def client(self, manager: str = "uss1", **claims: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=bearer(self.token(manager, **claims)),
                            trust_env=False, timeout=30)

    def digest(self) -> tuple:
        """All that a refused request must not change."""
        with self.client("reader") as client:
            status = client.get("/v1/status").json()
        return status["airspace"], status["log"]


@contextlib.contextmanager
def running(directory: Path, agreement=None, base_url: str = ""):
    """A node over SQLite, served on a free port of the loopback interface."""
    door = socket.socket(proto=socket.IPPROTO_TCP)   # named, or small answers wait 40 ms
    door.bind(("127.0.0.1", 0))
    port = door.getsockname()[1]
    settings = Settings(directory, ALFA, base_url or f"http://127.0.0.1:{port}", "127.0.0.1", port)
    ready = threading.Event()
    state: dict = {}

    async def serve() -> None:
        store = SqliteStore(directory / "luftrom.sqlite3")
        node = Node(ALFA, make_keys(ALFA), agreement, store, SystemClock())
        await node.start()
        app = create_app(node, settings, ed25519(ALFA, "token").public_key())
        door.listen()
        server = Server(mounted(app, settings.base_path), door)
        state.update(house=House(node, app, settings, asyncio.get_running_loop()), server=server)
        task = asyncio.create_task(server.serve())
        await server.started.wait()
        ready.set()
        await task
        await app.close()
        await node.stop()
        store.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(300), "the node did not start"
    try:
        yield state["house"]
    finally:
        state["house"].app.doors.closing = True
        state["house"].loop.call_soon_threadsafe(state["server"].stop)
        thread.join(20)
        door.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    """A node without an agreement: a plain DSS and USS with a log of its own."""
    with running(tmp_path_factory.mktemp("alfa")) as each:
        yield each


@pytest.fixture(scope="session")
def lonely(tmp_path_factory):
    """A node whose peer never answers, under an agreement that says hold."""
    parties = tuple(make_party(name, make_keys(name)) for name in (ALFA, BRAVO))
    agreement = make_agreement(parties, mode="hold", after_s=0.3)
    with running(tmp_path_factory.mktemp("lonely"), agreement) as each:
        yield each


@pytest.fixture
def client(house):
    with house.client() as each:
        yield each


@pytest.fixture
def unchanged(house):
    """Nothing that the test asks for may change the node."""
    before = house.digest()
    yield
    assert house.digest() == before


def new_id() -> str:
    return str(uuid.uuid4())


AN_ID = "2f8343be-6482-4d1b-a474-16847e01af1e"   # where it names a test: the same in each process


def moment(minutes: float) -> str:
    """A time so many minutes from now, as RFC 3339."""
    when = datetime.now(UTC) + timedelta(minutes=minutes)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def volume(lat: float, lng: float, *, start: float = 10, end: float = 40, lower: float = 100,
           upper: float = 200, size: float = 0.01) -> dict:
    """An F3548 Volume4D: a square of so many degrees."""
    corners = [(lat, lng), (lat, lng + size), (lat + size, lng + size), (lat + size, lng)]
    return {
        "volume": {"outline_polygon": {"vertices": [{"lat": a, "lng": b} for a, b in corners]},
                   "altitude_lower": {"value": lower, "units": "M", "reference": "W84"},
                   "altitude_upper": {"value": upper, "units": "M", "reference": "W84"}},
        "time_start": {"value": moment(start), "format": "RFC3339"},
        "time_end": {"value": moment(end), "format": "RFC3339"}}
