"""Real processes that start at once: forked from one that has imported the node and its kernels.

`luftrom serve` spends seconds on imports before it opens its directory. Here each child runs that
very command from there on, in a process group of its own, to be killed like any other.
Run as a script, this file is the parent: a line of JSON, {"directory", "log"}, is answered by the
process id of a new node.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from luftrom.cli.demo.twonodes import LOG_NAME, PartyNode


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

    def start(self, nodes: Iterable[PartyNode]) -> None:
        """Start the node of each."""
        for node in nodes:
            print(json.dumps({"directory": str(node.directory),
                              "log": str(node.directory / LOG_NAME)}),
                  file=self.parent.stdin, flush=True)
            node.process = Child(int(self.parent.stdout.readline()))


@contextlib.contextmanager
def nursery() -> Iterator[Nursery]:
    """A parent that is ready."""
    with subprocess.Popen([sys.executable, str(Path(__file__))], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == "ready\n"
        yield Nursery(parent)


def main() -> None:
    """Bring up nodes until nobody asks any more."""
    from luftrom.cli.serve import warm_up_aloud
    from luftrom.geometry.kernel_sources import sources_digest

    import_all()
    warm_up_aloud(lambda line: None)
    sources_digest()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)      # nobody has to wait for them
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            serve(**asked)
        print(pid, flush=True)


def import_all() -> None:
    """What `luftrom serve` imports on its way."""
    import luftrom.api.app
    import luftrom.api.http.mounting
    import luftrom.api.serving.server
    import luftrom.config.agreements
    import luftrom.config.storing
    import luftrom.exchange.http
    import luftrom.node.starting
    import luftrom.node.timekeeping
    import luftrom.tls  # noqa: F401


def serve(directory: str, log: str) -> None:
    """Be the node of that directory until the end."""
    from luftrom.cli.main import main as luftrom

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(
        log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(number, target)
    sys.argv = ["luftrom", "serve", "--dir", directory]
    os._exit(luftrom())                    # nothing of the parent's is flushed or closed


if __name__ == "__main__":
    main()
