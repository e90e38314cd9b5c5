"""Two parties as real processes over loopback: founded, started, killed, asked over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from liar import volume

from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from ports import free_ports
from tokens import bearer

twonodes.free_ports = free_ports           # beside other workers, who found parties too

PARTIES = ("alfa.example", "bravo.example")
WAIT_S_MAX = 300.0                         # against what hangs: nothing is as slow as that


def terms(mode: str, after_s: float) -> dict[str, Any]:
    """Terms under which conflicts are permitted at priority 10 alone."""
    return {"name": "Test skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
            "separation": {"lateral_m": 100, "vertical_m": 50, "time_s": 0},
            "priority_levels": [{"priority": 0, "conflicts_permitted": False},
                                {"priority": 10, "conflicts_permitted": True},
                                {"priority": 20, "conflicts_permitted": False}],
            "undeclared_priority_permits": True, "silence": {"mode": mode, "after_s": after_s}}


@dataclass
class Client:
    """A manager's client of one node."""

    node: PartyNode
    token: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.node.base_url, headers=bearer(self.token),
                                 trust_env=False, timeout=30)

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def declare(self, lat: float, entity_id: str | None = None, **more: Any) -> httpx.Response:
        return self.http.put(f"/v1/operational_intents/{entity_id or uuid.uuid4()}",
                             json={"volumes": [volume(lat=lat)]} | more)

    @property
    def state(self) -> tuple[str, str]:
        """The digests that must be equal at both nodes."""
        return (self.get("/v1/status")["airspace"]["digest"], self.get("/v1/conflicts")["digest"])


Start = Callable[[Iterable[PartyNode]], None]      # of processes, by `luftrom serve` or `nursery`


def start(*nodes: PartyNode, by: Start = twonodes.start) -> None:
    by(nodes)
    twonodes.wait_until_linked(nodes)


def kill(node: PartyNode) -> None:
    """kill -9: nothing is said and nothing is flushed."""
    node.process.send_signal(signal.SIGKILL)
    node.process.wait()


def luftrom(*arguments: object) -> tuple[int, Any]:
    """A command with --json: its exit code and what it says."""
    ran = subprocess.run([sys.executable, "-m", "luftrom", *map(str, arguments), "--json"],
                         capture_output=True, check=False, text=True, timeout=WAIT_S_MAX,
                         env={k: v for k, v in os.environ.items() if not k.startswith("LUFTROM_")})
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def wait_for(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def wait_until_equal(*clients: Client) -> str:
    """Wait until both nodes hold the same and owe each other nothing; returns the digest."""
    def is_quiet() -> bool:
        status = [client.get("/v1/status") for client in clients]
        # Before their first statements, too, two nodes hold the same: nothing.
        return (all(s["log"]["size"] for s in status)
                and all(c["receipts_outstanding"] == 0 for s in status for c in s["channels"])
                and len({client.state for client in clients}) == 1)

    wait_for(is_quiet, "the two nodes do not come to the same")
    return clients[0].state[0]


def check_on_disk(nodes: list[PartyNode], digest: str) -> None:
    """With both nodes stopped: every log verifies, and a rebuild is the same bit for bit."""
    for node in nodes:
        code, audit = luftrom("audit", node.directory)
        assert code == 0 and audit["verified"], audit
        code, rebuilt = luftrom("rebuild", "--dir", node.directory)
        assert code == 0 and rebuilt["same"] and rebuilt["digest"] == digest, rebuilt


def end(nodes: Sequence[PartyNode], clients: Sequence[Client]) -> None:
    """Stop them all; none has logged a stack trace."""
    for client in clients:
        client.http.close()
    twonodes.stop(nodes)
    for node in nodes:
        lines = (node.directory / twonodes.LOG_NAME).read_text()
        assert "Traceback" not in lines, node.last_lines(60)


@contextlib.contextmanager
def two_nodes(place: Path, mode: str, after_s: float = 2.0, by: Start = twonodes.start
              ) -> Iterator[tuple[list[PartyNode], list[Client]]]:
    """Both nodes, running, and a client of each."""
    nodes, _ = twonodes.found(place, PARTIES, terms(mode, after_s))
    clients = []
    try:
        start(*nodes, by=by)
        clients = [Client(node, twonodes.mint(node, "uss1", 3600)) for node in nodes]
        yield nodes, clients
    finally:
        end(nodes, clients)
