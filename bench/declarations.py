"""Declarations a second through two nodes, each acknowledged with the other side's receipt.

`make bench-declarations` founds two parties, starts their two nodes as processes on this machine,
and declares at both with 1, 10 and 100 clients. In the same run it measures what no such system can
exceed here: the syncs of the disk, the signatures of one core, and the bare HTTP server with the
same clients. Everything shares this machine's cores: two nodes and the clients.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from load import Rate, run_load
from luftrom.cli.demo.twonodes import (
    PartyNode,
    audit_node,
    found,
    free_ports,
    mint,
    start,
    stop,
    wait_until_linked,
)

PARTIES = ("alfa.example", "bravo.example")
CLIENTS = (1, 10, 100)
ANSWER_BYTES = 1100                        # about what a node answers to a declaration
TERMS: dict[str, Any] = {
    "name": "Bench skies", "version": 1, "altitude_m_w84_lower": -500.0,
    "altitude_m_w84_upper": 20000.0,
    "separation": {"lateral_m": 100.0, "vertical_m": 50.0, "time_s": 0.0},
    "priority_levels": [{"priority": 0, "conflicts_permitted": False}],
    "undeclared_priority_permits": True, "silence": {"mode": "hold", "after_s": 30.0}}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    options.add_argument("--dir", type=Path, help="where the nodes' files go: on the disk that "
                         "is to be measured (default: a temporary directory)")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="luftrom-bench-", dir=asked.dir) as name:
        place = Path(name)
        limits = measure_limits(place, asked.seconds)
        bare = measure_bare(asked.seconds)
        nodes, audits = measure_nodes(place, asked.seconds)
    print_machine()
    print_limits(limits)
    print_table(nodes, bare, limits)
    for audit in audits:
        print(f"{audit['party']}: {audit['statements']:,} statements, {audit['verdict']}")
    sys.exit(0 if all(audit["verified"] for audit in audits) else 1)


# -- limits --------------------------------------------------------------------------------------

def measure_limits(place: Path, seconds: float) -> dict[str, float]:
    """Operations a second of one thread that does nothing else."""
    key, post_quantum = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    message, public = b"m" * 700, key.public_key()
    signature = key.sign(message)
    seconds = min(seconds, 2.0)
    limits = {
        "sign, Ed25519": per_s(lambda: key.sign(message), seconds),
        "verify, Ed25519": per_s(lambda: public.verify(signature, message), seconds),
        "sign, ML-DSA-44 (once a batch)": per_s(lambda: post_quantum.sign(message), seconds)}
    with open(place / "sync", "wb", buffering=0) as file:
        def sync() -> None:
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
        limits["sync of 4 KiB to the disk"] = per_s(sync, seconds)
    return limits


def per_s(work: Callable[[], object], seconds: float) -> float:
    """How often a second `work` can be done, over at least so many seconds."""
    count, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < seconds:
        work()
        count += 1
    return count / took_s


def measure_bare(seconds: float) -> dict[int, Rate]:
    """Two bare servers under the clients that the nodes will have."""
    ports = free_ports(2)
    servers = [subprocess.Popen([sys.executable, str(Path(__file__).with_name("bare.py")),
                                 str(port), str(ANSWER_BYTES)]) for port in ports]
    try:
        time.sleep(1.5)
        targets = [{"host": "127.0.0.1", "port": port, "path": "/x", "token": "t" * 400,
                    "repeat": True}
                   for port in ports]
        return {clients: run_load(targets, clients, seconds) for clients in CLIENTS}
    finally:
        for server in servers:
            server.terminate()
            server.wait()


# -- nodes ---------------------------------------------------------------------------------------

def measure_nodes(place: Path, seconds: float) -> tuple[dict[int, Rate], list[dict[str, Any]]]:
    """Two nodes under load, and what `luftrom audit` says of their logs afterwards."""
    nodes, _ = found(place / "parties", PARTIES, TERMS)
    try:
        start(nodes)
        wait_until_linked(nodes)
        targets = [_target(node) for node in nodes]
        rates = {clients: run_load(targets, clients, seconds) for clients in CLIENTS}
    finally:
        stop(nodes)
    return rates, [audit_node(node) for node in nodes]


def _target(node: PartyNode) -> dict[str, Any]:
    host, _, port = node.base_url.removeprefix("http://").partition(":")
    return {"host": host, "port": int(port), "path": "/v1/operational_intents",
            "token": mint(node, "bench", 3600)}


# -- the page ------------------------------------------------------------------------------------

def print_machine() -> None:
    """Where this was measured, and with what."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    names = ("luftrom", "cryptography", "uvicorn", "httptools", "uvloop", "numpy", "numba")
    print(f"{os.cpu_count()} cores of {model}; {platform.system()}; "
          f"Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in names))


def print_limits(limits: dict[str, float]) -> None:
    """Single operations of one thread."""
    print("\nlimit, one thread                      a second")
    for name, rate in limits.items():
        print(f"{name:35} {rate:11,.0f}")


def print_table(nodes: dict[int, Rate], bare: dict[int, Rate], limits: dict[str, float]) -> None:
    """Declarations a second, and each as a ratio to the limits."""
    print("\nclients  declared/s  median ms   p99 ms  failed  bare HTTP/s"
          "  of bare HTTP  of one sync each  of one signature each")
    for clients, rate in nodes.items():
        limit = bare[clients].per_s
        print(f"{clients:7} {rate.per_s:11,.0f} {rate.median_ms:10.2f} {rate.p99_ms:8.1f} "
              f"{rate.failures:7} {limit:12,.0f} {rate.per_s / limit:13.2f} "
              f"{rate.per_s / limits['sync of 4 KiB to the disk']:17.2f} "
              f"{rate.per_s / limits['sign, Ed25519']:22.3f}")


if __name__ == "__main__":
    main()
