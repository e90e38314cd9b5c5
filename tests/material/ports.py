"""Ports for nodes that are founded now and started seconds later, when nobody else may have them.

A port that the system gives away is free again as soon as it is closed, and may be given to another
worker before the node opens it. These lie below those that Linux gives away, and each worker has
its own.
"""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 15_000, 32_767


def free_ports(count: int) -> list[int]:
    """So many different ports of the loopback interface on which nobody listens."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    found: list[int] = []
    while len(found) < count:
        # Chosen by chance, for the sake of another run of the tests on this machine.
        port = random.SystemRandom().randrange(FIRST + worker, LAST + 1, workers)
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as door:
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
