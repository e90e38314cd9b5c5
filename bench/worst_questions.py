"""The worst lawful questions: what a client may ask of a node that holds what a peer declared.

Each case fills the airspace of a node, asks its application one thing, as a client with a token
does, and says how long the answer took, the longest time in which the event loop served nobody
else, and the memory. `worst_message.py` runs it, a process for each row.

    python bench/worst_questions.py ["the name of a case"]
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luftrom.airspace.intent import Intent
from luftrom.api.app import create_app
from luftrom.clock import SystemClock
from luftrom.config.founding import init_directory
from luftrom.config.keys import load_key, load_keys, load_public_party
from luftrom.config.storing import open_store
from luftrom.config.token import mint_token
from luftrom.exchange.http import HttpTransport
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.geometry.index.warming import warm_up
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.node.starting import make_node
from luftrom.state.record import Record
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.tls import client_context
from worst_message import rss_mb

_START_NS = 2_000_000_000 * 10**9
_HOUR_NS = 3600 * 10**9
_IDS = "{:08x}-0000-4000-8000-000000000000"
_M_PER_DEG = 111_000.0
_OVER = -300_000                           # hours
# How volumes come to be held: as a peer's that were accepted; the same without a comparison, if
# they are only listed; or declared by a client.
ENTERED, LISTED, DECLARED = "entered", "listed", "declared"


def volume(outline: Circle | Polygon, hour: int = 0, lower_m: float = 100.0) -> Volume4D:
    """An outline in one of the bands and hours of this bench."""
    start_ns = _START_NS + hour * _HOUR_NS
    return Volume4D(outline, lower_m, lower_m + 100.0, start_ns, start_ns + _HOUR_NS)


def star(corners: int, inner_m: float = 3.0, outer_m: float = 2_400.0, off_m: float = 0.0
         ) -> Polygon:
    """Needles that radiate from one place: the ring that takes longest to check and to compare."""
    turn = 2 * math.pi / corners
    return Polygon(tuple(
        (round((r * math.sin(turn * k) + off_m) / _M_PER_DEG, 9),
         round(r * math.cos(turn * k) / _M_PER_DEG, 9))
        for k, r in ((k, outer_m if k % 2 else inner_m) for k in range(corners))))


def spot(count: int) -> Iterator[tuple[Volume4D, ...]]:
    """Activities of one circle that all overlap."""
    for k in range(count):
        yield (volume(Circle(46.0, 7.0, 100_000.0 - k)),)


def many(count: int) -> Iterator[tuple[Volume4D, ...]]:
    """Activities that share two of the largest outlines."""
    rings = tuple(volume(star(10_000, 55.0, 2_200.0, k)) for k in range(2))
    for _ in range(count):
        yield rings


def fences(count: int) -> Iterator[tuple[Volume4D, ...]]:
    """Stars over one place, each in an hour and a band of its own."""
    ring = star(10_000)
    for k in range(count):
        yield (volume(ring, k // 4, 50.0 + 100.0 * (k % 4)),)


def crowds() -> Iterator[tuple[Volume4D, ...]]:
    """Activities of 1,024 circles, over all hours and bands of a day."""
    for k in range(64):
        yield tuple(volume(Circle(46.0 + i * 1e-5, 7.0 + k * 1e-5, 900.0), k // 4,
                           50.0 + 100.0 * (k % 4)) for i in range(1_024))


def declaration(volumes: tuple[Volume4D, ...]) -> bytes:
    """The body of a PUT."""
    return json.dumps({"volumes": [encode_volume4d(each) for each in volumes]},
                      separators=(",", ":")).encode()


def put(number: int) -> tuple[str, str]:
    """Declare under an identifier."""
    return "PUT", "/v1/operational_intents/" + _IDS.format(number)


QUERY = ("POST", "/dss/v1/operational_intent_references/query")


@dataclass(frozen=True)
class Case:
    """What the node holds, how it came to hold it, and the request."""

    holds: Callable[[], Iterator[tuple[Volume4D, ...]]]
    method: str
    path: str
    body: Callable[[], bytes] = lambda: b""
    how: str = ENTERED


CASES: dict[str, Case] = {
    "conflicts of 600 over one spot": Case(lambda: spot(600), "GET", "/v1/conflicts"),
    "status of 600 over one spot": Case(lambda: spot(600), "GET", "/v1/status"),
    "conflict of two stars": Case(lambda: many(2), "GET", "/v1/conflicts"),
    "page of 1,000 with 20,000 corners": Case(
        lambda: many(1_000), "GET", "/v1/operational_intents", how=LISTED),
    "query that finds 20,000": Case(
        lambda: ((volume(Circle(46.0, 7.0 + k * 1e-5, 10.0)),) for k in range(20_000)),
        *QUERY, lambda: json.dumps({"area_of_interest": encode_volume4d(
            volume(Circle(46.0, 7.1, 100_000.0)))}).encode()),
    "body of 8 stars, all over": Case(lambda: spot(0), "POST", "/v1/operational_intents",
                                      lambda: b'{"operational_intents":[%s]}' % b",".join(
        [declaration((volume(star(10_000), _OVER),))] * 8)),
    "suggestions for two stars": Case(lambda: fences(64), *put(2**31), lambda: declaration(
        tuple(volume(star(9_998, off_m=k * 0.5)) for k in range(2))), DECLARED),
    "suggestions for 256 circles": Case(crowds, *put(2**31), lambda: declaration(tuple(
        volume(Circle(46.0 + i * 1e-5, 7.0, 900.0)) for i in range(256))), DECLARED),
}


@asynccontextmanager
async def node_in(directory: Path) -> Any:
    """A node without peers, its application and a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SystemClock()
    settings = init_directory(directory, "alfa.example", f"http://127.0.0.1:{port}", clock)
    store, transport = open_store(settings), HttpTransport(client_context(None))
    node, instance = make_node(settings, load_keys(settings), load_public_party(settings), None,
                               store, clock, transport)
    await node.start()
    app = create_app(node, settings, load_key(settings, "token").public_key())
    token = mint_token(settings, "m", ["luftrom.read", "luftrom.write",
                                       "utm.strategic_coordination"], 3600.0, clock.now_ns())
    try:
        yield node, app, token
    finally:
        await app.close()
        await node.stop()
        await transport.close()
        store.close()
        instance.close()


def fill(node: Any, held: Iterator[tuple[Volume4D, ...]], how: str) -> None:
    """Put what a peer declared and was accepted into the airspace."""
    entities = node.airspace
    for index, volumes in enumerate(held):
        entity_id = _IDS.format(index)
        record = Record("bravo.example", index, 2_000_000_000 - 7200, 2_000_000_000 - 7200,
                        entity_id, 1, {}, index, DECLARATION.name,
                        Intent(entity_id, "m", "Flight", "Accepted", 0, volumes))
        if how == ENTERED:
            entities.meetings.enter(record)
        entities.records[record.party, index] = record
        entities._versions[entity_id] = [record]
        entities._accept(record, index)
    entities._dirty.clear()


async def ask(app: Any, token: str, case: Case, body: bytes) -> tuple[int, int]:
    """The status and the size of the answer to one request."""
    seen = {"status": 0, "bytes": 0}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        seen["status"] = message.get("status", seen["status"])
        seen["bytes"] += len(message.get("body", b""))

    path, _, query = case.path.partition("?")
    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "path": path,
               "method": case.method, "scheme": "http", "raw_path": path.encode(),
               "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
               "server": ("127.0.0.1", 1), "state": {},
               "headers": [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode()),
                           (b"content-type", b"application/json")]}, receive, send)
    return seen["status"], seen["bytes"]


async def hold(node: Any, app: Any, token: str, case: Case) -> None:
    """Let the node hold what the case says."""
    if case.how != DECLARED:
        fill(node, case.holds(), case.how)
        return
    for number, volumes in enumerate(case.holds()):
        status, _ = await ask(app, token, Case(case.holds, *put(number)), declaration(volumes))
        if status != 201:
            raise RuntimeError(f"declaration {number} was answered {status}")


async def tick(stalls: list[float]) -> None:
    """Note how much later than asked for the event loop comes back."""
    while True:
        at_s = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls[0] = max(stalls[0], time.perf_counter() - at_s - 0.001)


async def play_case(case: Case, directory: Path) -> dict[str, Any]:
    """Fill, ask, and measure."""
    async with node_in(directory) as (node, app, token):
        await node.settled()
        await asyncio.sleep(0.2)
        await hold(node, app, token, case)
        body = case.body()
        await ask(app, token, Case(case.holds, "GET", "/healthz"), b"")
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)   # as a node does
        sys.setswitchinterval(0.0005)
        before_mb, stalls = rss_mb(), [0.0]
        ticking = asyncio.create_task(tick(stalls))
        await asyncio.sleep(0.05)
        stalls[0], began_s = 0.0, time.perf_counter()
        status, size = await ask(app, token, case, body)
        total_s, held_mb = time.perf_counter() - began_s, rss_mb()
        await asyncio.sleep(0.01)
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        return {"total_s": total_s, "stall_ms": stalls[0] * 1e3, "status": status,
                "answer_mb": size / 2**20, "more_mb": held_mb - before_mb}


def play(name: str) -> dict[str, Any]:
    """One case in this process."""
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        return {"case": name} | asyncio.run(play_case(CASES[name], Path(folder) / "alfa"))


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1]) if sys.argv[1:] else list(CASES)))
