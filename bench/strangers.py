"""A node under strangers: bad requests and open connections; its memory, its health, its end.

    python bench/strangers.py [--requests 500000] [--connections 2000]

Founds a party in a folder of its own, starts its node as a process, and attacks it from several
loopback addresses, none of which has a token. Connections sit silent, send half a head, send half
a body, or ask for the largest page and do not read it; who is closed comes again. Meanwhile others
send requests that are refused. It prints one JSON document: the node's memory before, at its most
and after; how long /healthz took, asked by yet another stranger on a new connection each time; and
how long the node took to end after SIGTERM with everything still open.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

SENDERS, AT_ONCE = 8, 16                   # connections that send bad requests, and how many a time
ADDRESSES = 8                              # 127.0.0.2 and following, for who only sits there
PAUSE_S = 0.2
GROWTH_MIB_MAX, HEALTH_S_MAX, END_S_MAX = 64, 1.0, 5.0

_BOMB = gzip.compress(bytes(64 << 20), 9)
_HOST = b" HTTP/1.1\r\nHost: x\r\n"
_BAD = (
    b"GET /nowhere" + _HOST + b"\r\n",
    b"GET /v1/status" + _HOST + b"\r\n",
    b"GET /v1/status" + _HOST + b"Authorization: Bearer e30.e30.e30\r\n\r\n",
    b"GET /v1/status" + _HOST + b"Authorization: Bearer " + b"a" * 9_000 + b"\r\n\r\n",
    b"PATCH /healthz" + _HOST + b"\r\n",
    b"GET /log/tile/99/x" + _HOST + b"\r\n",
    b"PUT /v1/operational_intents/x" + _HOST + b"Content-Length: 30000\r\n\r\n" + b"b" * 30_000,
    b"POST /exchange" + _HOST + b"Luftrom-Head: a.b.c\r\nContent-Length: 9\r\n\r\nno frames",
    b"POST /mirror/add-checkpoint" + _HOST + b"Content-Length: 9\r\n\r\nold 0\n\nno",
    b"POST /mirror/add-entries" + _HOST + b"Content-Length: 20\r\n\r\n\0\1x" + bytes(17),
)
_RARE = (                                  # these end their connection, or cost more
    b"POST /mirror/add-entries" + _HOST + b"Content-Encoding: gzip\r\nContent-Length: "
    + str(len(_BOMB)).encode() + b"\r\n\r\n" + _BOMB,
    b"GET /" + b"a" * 9_000 + _HOST + b"\r\n", b"no request\r\n\r\n",
    b"GET /" + _HOST + b"A: b\r\n" * 101 + b"\r\n",
)
_SITTING = (
    b"", b"GET / HT", b"POST /mirror/add-entries" + _HOST + b"Content-Length: 99999\r\n\r\n"
    + b"b" * 60_000, b"GET /console/static/land.json" + _HOST + b"\r\n")


def rss_mib(pid: int) -> float:
    """What a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def found(place: Path, port: int) -> subprocess.Popen[bytes]:
    """A party without an agreement, and its node."""
    directory = place / "alfa"
    run = [sys.executable, "-m", "luftrom"]
    subprocess.run([*run, "init", "--dir", directory, "--party", "alfa.example", "--base-url",
                    f"http://127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
    with (place / "log").open("wb") as log:
        return subprocess.Popen([*run, "serve", "--dir", directory], stdout=log,
                                stderr=subprocess.STDOUT)


class Attack:
    """All strangers, and what was seen of the node meanwhile."""

    def __init__(self, pid: int, port: int):
        self.pid, self.port = pid, port
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self.sitting = self.sitting_most = 0
        self.health_s: list[float] = []
        self.failed: Counter[str] = Counter()
        self.most_mib = 0.0

    async def sit(self, n: int) -> None:
        """One connection that leads to nothing, again and again."""
        address = f"127.0.0.{2 + n % ADDRESSES}"
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, local_addr=(address, 0), limit=1)
                self.sitting += 1
                self.sitting_most = max(self.sitting_most, self.sitting)
                try:
                    writer.write(_SITTING[n % len(_SITTING)])
                    await reader.read(1) if n % len(_SITTING) < 3 else await asyncio.sleep(30)
                finally:
                    self.sitting -= 1
                    writer.transport.abort()
            await asyncio.sleep(PAUSE_S)

    async def send(self, count: int, seed: int) -> None:
        """So many bad requests, some at a time, over a connection that is made anew if it ends."""
        rng, done = random.Random(seed), 0
        while done < count:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    while done < count:
                        rare = rng.random() < 0.01
                        some = [rng.choice(_RARE)] if rare else rng.choices(_BAD, k=AT_ONCE)
                        done += len(some)
                        self.sent += len(some)
                        writer.write(b"".join(some))
                        for _ in some:
                            await self._answer(reader)
                finally:
                    writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        self.answers[head[9:12]] += 1
        await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r")[0]))

    async def watch(self) -> None:
        """Its memory, and whether it says that it is well, five times a second."""
        while True:
            start_s = time.monotonic()
            try:
                async with asyncio.timeout(30):
                    await self.ask()
                self.health_s.append(time.monotonic() - start_s)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failed[type(error).__name__] += 1
            self.most_mib = max(self.most_mib, rss_mib(self.pid))
            await asyncio.sleep(PAUSE_S)

    async def ask(self) -> None:
        """One /healthz on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"GET /healthz" + _HOST + b"\r\n")
            status = await reader.readuntil(b"\r\n")
            if b" 200 " not in status:
                raise ConnectionError(status.decode())
        finally:
            writer.transport.abort()


async def attack(process: subprocess.Popen[bytes], port: int, requests: int, connections: int
                 ) -> dict[str, object]:
    """The whole drill; the node has ended when it returns."""
    drill = Attack(process.pid, port)
    while process.poll() is None:
        try:
            await drill.ask()
            break
        except OSError:
            await asyncio.sleep(0.1)
    await drill.send(2_000, 0)             # what a node loads at its first requests is not growth
    before = drill.most_mib = rss_mib(process.pid)
    drill.answers.clear()
    drill.sent, start_s = 0, time.monotonic()
    tasks = [asyncio.create_task(drill.sit(n)) for n in range(connections)]
    watch = asyncio.create_task(drill.watch())
    await asyncio.gather(*(drill.send(requests // SENDERS, n + 1) for n in range(SENDERS)))
    taken_s = time.monotonic() - start_s
    await asyncio.sleep(1)
    held = drill.sitting
    watch.cancel()
    end_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(process.wait, 60)
    ended_s = time.monotonic() - end_s
    for task in tasks:
        task.cancel()
    await asyncio.gather(watch, *tasks, return_exceptions=True)
    growth = drill.most_mib - before
    worst_s = max(drill.health_s, default=float("inf"))
    return {
        "requests": drill.sent, "seconds": round(taken_s, 1), "answers": dict(drill.answers),
        "open_most": drill.sitting_most, "open_at_the_end": held,
        "rss_mib_before": round(before, 1), "rss_mib_most": round(drill.most_mib, 1),
        "growth_mib": round(growth, 1), "health_asked": len(drill.health_s),
        "health_s_worst": round(worst_s, 3), "health_failed": dict(drill.failed),
        "end_s": round(ended_s, 2), "exit_code": code,
        "holds": bool(growth < GROWTH_MIB_MAX and worst_s < HEALTH_S_MAX and not drill.failed
                      and ended_s < END_S_MAX and code == 0)}


def main() -> int:
    """Run it and print what was seen; 1 if a bound did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=500_000)
    parser.add_argument("--connections", type=int, default=2_000)
    asked = parser.parse_args()
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place:
        process = found(Path(place), port)
        # The node starts with what it would have; it is these strangers that need more.
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 20_000)), hard))
        try:
            seen = asyncio.run(attack(process, port, asked.requests, asked.connections))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)
    print(json.dumps(seen | {"cores": os.cpu_count()}, indent=1))
    return 0 if seen["holds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
