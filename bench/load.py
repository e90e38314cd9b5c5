"""A load of HTTP clients in a process of its own, as light as a client can be.

`run_load` starts it; it keeps one connection a client, sends each prepared request when the one
before is answered, and tells how long each took. Requests are built before the clock starts.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

WARM_S = 1.0
PER_S_MAX = 6_000                          # requests are prepared for so many a second


@dataclass(frozen=True, slots=True)
class Rate:
    """What a load saw: answers a second over `seconds`, and the times of single answers."""

    clients: int
    answers: int
    failures: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        """Good answers a second."""
        return self.answers / self.seconds


def run_load(targets: list[dict[str, Any]], clients: int, seconds: float) -> Rate:
    """Run the load against targets {host, port, path, token}; clients are dealt out in turn.

    A target with `repeat` is sent the same few requests again and again, any other each once.
    """
    plan = {"targets": targets, "clients": clients, "seconds": seconds}
    done = subprocess.run([sys.executable, __file__], input=json.dumps(plan), text=True,
                          stdout=subprocess.PIPE, check=True)
    return Rate(**json.loads(done.stdout))


class _Client(asyncio.Protocol):
    """One connection. Answers are told apart by Content-Length, which all targets send."""

    def __init__(self, requests: Any, times_ns: list[tuple[int, int, int]]):
        self.requests, self.times_ns = requests, times_ns
        self.buffer = b""
        self.began_ns = 0
        self.stopped = False
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if self.stopped:
            self.transport.close()
            return
        self.began_ns = time.perf_counter_ns()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].partition(b"\r")[0])
        if len(body) < length:
            return
        self.buffer = b""
        self.times_ns.append((self.began_ns, time.perf_counter_ns(), int(head[9:12])))
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def _declaration(target: dict[str, Any], cell: int, start: datetime) -> bytes:
    """A PUT of a square of 200 m in a cell of a wide grid, so that nothing meets."""
    lat, lng = 30 + (cell // 4000) * 0.01, -20 + (cell % 4000) * 0.01
    vertices = [{"lat": lat + a, "lng": lng + b}
                for a, b in ((0, 0), (0, 0.002), (0.002, 0.002), (0.002, 0))]

    def altitude(value: float) -> dict[str, Any]:
        return {"value": value, "units": "M", "reference": "W84"}

    def moment(when: datetime) -> dict[str, str]:
        return {"value": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "format": "RFC3339"}

    body = json.dumps({"name": f"SURVEY-{cell}", "priority": 0, "volumes": [{
        "volume": {"outline_polygon": {"vertices": vertices}, "altitude_lower": altitude(100),
                   "altitude_upper": altitude(200)},
        "time_start": moment(start), "time_end": moment(start + timedelta(minutes=30))}]}).encode()
    return (f"PUT {target['path']}/{uuid.UUID(int=random.getrandbits(128), version=4)} HTTP/1.1\r\n"
            f"Host: {target['host']}\r\nAuthorization: Bearer {target['token']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body


async def _run(plan: dict[str, Any]) -> Rate:
    loop = asyncio.get_running_loop()
    start = datetime.now(UTC) + timedelta(hours=2)
    first = random.randrange(4_000_000)    # another run at the same nodes takes other cells
    most = int((plan["seconds"] + WARM_S) * PER_S_MAX)
    targets = plan["targets"]
    prepared = [[_declaration(target, (first + i * len(targets) + n) % 4_000_000, start)
                 for i in range(100 if target.get("repeat") else most // len(targets))]
                for n, target in enumerate(targets)]
    streams = [itertools.cycle(requests) if target.get("repeat") else iter(requests)
               for target, requests in zip(targets, prepared, strict=True)]
    times_ns: list[tuple[int, int, int]] = []
    clients = []
    for i in range(plan["clients"]):
        target = targets[i % len(targets)]
        _, client = await loop.create_connection(
            lambda i=i: _Client(streams[i % len(targets)], times_ns), target["host"],
            target["port"])
        clients.append(client)
    began_ns = time.perf_counter_ns() + int(WARM_S * 1e9)
    await asyncio.sleep(WARM_S + plan["seconds"])
    ended_ns = time.perf_counter_ns()
    for client in clients:
        client.stopped = True
    await asyncio.wait([client.closed for client in clients], timeout=30)
    counted = [(b - a, status) for a, b, status in times_ns if began_ns <= b <= ended_ns]
    took = sorted(duration for duration, _ in counted) or [0]
    good = sum(200 <= status < 300 for _, status in counted)
    return Rate(plan["clients"], good, len(counted) - good, (ended_ns - began_ns) / 1e9,
                took[len(took) // 2] / 1e6, took[len(took) * 99 // 100] / 1e6)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rate = runner.run(_run(json.load(sys.stdin)))
    json.dump({name: getattr(rate, name) for name in Rate.__slots__}, sys.stdout)
