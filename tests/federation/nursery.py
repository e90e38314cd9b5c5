"""Real processes that start at once: forked from one that has imported the node and its kernels.

`luftrom serve` spends a second or two on imports before it opens its directory. Here each child is
that very command from there on, in a session of its own, to be killed like any other.
Run as a script, this file is the parent: a line of JSON, {"arguments", "output"}, is answered by
the process id of a new command.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luftrom.cli.demo.twonodes import LOG_NAME, PartyNode

# What the commands import on their way.
IMPORTED = ("luftrom.api.app", "luftrom.api.http.mounting", "luftrom.api.serving.server",
            "luftrom.audit.holding", "luftrom.cli.audit", "luftrom.cli.serve",
            "luftrom.config.agreements", "luftrom.config.storing", "luftrom.exchange.http",
            "luftrom.node.starting", "luftrom.node.timekeeping", "luftrom.tls")


@dataclass
class Child:
    """A node's process, as far as `Popen` is asked for it; its parent has no use for its status."""

    pid: int

    def poll(self) -> int | None:
        """0 once it has ended."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float = 300.0) -> int:
        deadline_s = time.monotonic() + timeout_s
        while self.poll() is None:
            if time.monotonic() > deadline_s:
                raise subprocess.TimeoutExpired("luftrom serve", timeout_s)
            time.sleep(0.002)
        return 0


@dataclass
class Nursery:
    """The parent, and what it is told."""

    parent: subprocess.Popen[str]
    turn: threading.Lock = field(default_factory=threading.Lock)

    def start(self, nodes: Iterable[PartyNode]) -> None:
        """Start the node of each."""
        for node in nodes:
            node.process = self.fork(node.directory / LOG_NAME, "serve", "--dir", node.directory)

    def fork(self, output: Path, *arguments: object) -> Child:
        """Run a command; what it says goes to the end of that file."""
        with self.turn:
            print(json.dumps({"arguments": list(map(str, arguments)), "output": str(output)}),
                  file=self.parent.stdin, flush=True)
            return Child(int(self.parent.stdout.readline()))

    def audit(self, node: PartyNode) -> dict[str, Any]:
        """What `luftrom audit` says of a party's directory."""
        output = node.directory / f"audit-{time.monotonic_ns()}.json"
        self.fork(output, "audit", node.directory, "--json").wait()
        report: dict[str, Any] = json.loads(output.read_text())
        output.unlink()
        return report


@contextlib.contextmanager
def nursery() -> Iterator[Nursery]:
    """A parent that is ready."""
    with subprocess.Popen([sys.executable, str(Path(__file__))], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == "ready\n"
        yield Nursery(parent)


def main() -> None:
    """Bring up commands until nobody asks any more."""
    from luftrom.cli.serve import warm_up_aloud
    from luftrom.geometry.kernel_sources import sources_digest

    for name in IMPORTED:
        importlib.import_module(name)
    warm_up_aloud(lambda line: None)
    sources_digest()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)      # nobody has to wait for them
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run(**asked)
        print(pid, flush=True)


def run(arguments: list[str], output: str) -> None:
    """Be that command until its end."""
    from luftrom.cli.main import main as luftrom

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(
        output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(number, target)
    sys.argv = ["luftrom", *arguments]
    code = luftrom()
    sys.stdout.flush()
    os._exit(code)                         # nothing of the parent's is closed


if __name__ == "__main__":
    main()
