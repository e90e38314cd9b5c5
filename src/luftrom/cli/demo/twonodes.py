"""Two parties on one machine: founded, started, linked, audited and stopped.

Each has a directory, keys, a port and a process of its own; they share no file. All of it is done
with the commands that two operators with two laptops would type (docs/tutorial-two-laptops.md).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luftrom.cli.client import local_client
from luftrom.config.settings import load_settings
from luftrom.errors import LuftromError, Unavailable

READY_S_MAX = 60.0                         # the first start on a machine compiles the kernels
STOP_S_MAX = 10.0
LOG_NAME = "serve.log"


@dataclass(slots=True, eq=False)
class PartyNode:
    """One party of the demo and, once started, its node's process."""

    party: str
    directory: Path
    base_url: str
    fingerprint: str
    process: subprocess.Popen[bytes] | None = None

    def has_ended(self) -> bool:
        """Does no process of it run?"""
        return self.process is None or self.process.poll() is not None

    def last_lines(self, count: int = 8) -> str:
        """The end of what the node wrote, for when it failed."""
        path = self.directory / LOG_NAME
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(f"{self.party}: {line}" for line in lines[-count:])


def found(place: Path, parties: Sequence[str], terms: Mapping[str, Any]
          ) -> tuple[list[PartyNode], str]:
    """Keys and key cards for each party, and an agreement that all have signed.

    Returns the parties and the SHA-256 (hex) of the agreement. Raises Unavailable.
    """
    place.mkdir(parents=True, exist_ok=True)
    nodes = []
    for party, port in zip(parties, free_ports(len(parties)), strict=True):
        directory, base_url = place / party, f"http://127.0.0.1:{port}"
        made = _luftrom("init", "--dir", directory, "--party", party, "--base-url", base_url)
        nodes.append(PartyNode(party, directory, base_url, made["fingerprint"]))
    (place / "terms.json").write_text(json.dumps(terms))
    draft = place / "agreement.json"
    cards = [str(node.directory / "keycard.json") for node in nodes]
    _luftrom("agreement", "new", "--terms", place / "terms.json", "--out", draft, *cards)
    for node in nodes:
        _luftrom("agreement", "sign", "--dir", node.directory, "--yes", draft)
    for node in nodes:
        shown = _luftrom("agreement", "install", "--dir", node.directory, draft)
    return nodes, shown["digest"]


def mint(node: PartyNode, manager: str, valid_s: int) -> str:
    """A bearer token for a manager of the party's node."""
    return str(_luftrom("token", "--dir", node.directory, "--manager", manager,
                        "--minutes", str(valid_s / 60))["token"])


def audit_node(node: PartyNode) -> dict[str, Any]:
    """Verify the party's log from its directory alone.

    Returns party, statements, receipts_held, size, root, verified and verdict.
    """
    return dict(_luftrom("audit", node.directory))


def start(nodes: Iterable[PartyNode]) -> None:
    """Start `luftrom serve` for each, in a session of its own so that Ctrl-C is ours alone."""
    for node in nodes:
        with open(node.directory / LOG_NAME, "ab") as output:
            node.process = subprocess.Popen(
                [sys.executable, "-m", "luftrom", "serve", "--dir", str(node.directory)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})


def wait_until_linked(nodes: Sequence[PartyNode]) -> None:
    """Wait until each node answers. Raises Unavailable with the node's last lines."""
    deadline_s = time.monotonic() + READY_S_MAX
    for node in nodes:
        while not _answers(node):
            if node.has_ended():
                raise Unavailable(f"the node of {node.party} ended at its start\n"
                                  f"{node.last_lines()}")
            if time.monotonic() > deadline_s:
                raise Unavailable(f"the node of {node.party} does not answer\n"
                                  f"{node.last_lines()}")
            time.sleep(0.1)


def stop(nodes: Iterable[PartyNode]) -> None:
    """End the processes: asked first, made to when they do not."""
    running = [node.process for node in nodes if node.process and node.process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S_MAX
    for process in running:
        try:
            process.wait(max(0.1, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _luftrom(*arguments: object) -> Any:
    """Run a command with `--json`; what it says as a value. Raises Unavailable with its words."""
    run = subprocess.run([sys.executable, "-m", "luftrom", *map(str, arguments), "--json"],
                         capture_output=True, check=False, timeout=READY_S_MAX)
    try:
        return json.loads(run.stdout)
    except ValueError:
        words = run.stderr.decode(errors="replace").strip()
        raise Unavailable(f"`luftrom {arguments[0]}` failed: {words}") from None


def _answers(node: PartyNode) -> bool:
    try:
        with closing(local_client(load_settings(node.directory), None)) as client:
            return client.fetch("/healthz")[0] == 200
    except LuftromError:
        return False
