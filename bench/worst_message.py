"""The worst lawful messages: what a peer's leaves cost a node, beside the version before.

    python bench/worst_message.py [--before build/before/src]

Each case is a message of leaves that a peer may send. It is worked through by the part of a node
that compares volumes, as its steps do it: here in pieces of `STEP_PEERS_WORK_MAX`, before all at
once. Beside the longest step stands how long another thread, such as the event loop, had to wait
for its turn meanwhile; before, the event loop itself did the work. A process for each row.

A second table has the questions of `worst_questions.py`: how long the answer took, how long the
event loop of the node served nobody else meanwhile, and the memory that it took.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.geometry.index.warming import warm_up
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from luftrom.state.meeting import Meetings
from luftrom.state.record import Record
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.declaration import KIND as DECLARATION

ROOT = Path(__file__).resolve().parents[1]
_START_NS = 2_000_000_000 * 10**9
_STOP_S = 120.0                            # a case that takes longer is given up, and says so
Volumes = tuple[Volume4D, ...]
Leaf = tuple[bool, Volumes]                # a notice?


def volume(outline: Circle | Polygon) -> Volume4D:
    """An outline in the one band and hour of this bench."""
    return Volume4D(outline, 100.0, 200.0, _START_NS, _START_NS + 3600 * 10**9)


def needles(corners: int) -> Polygon:
    """A star whose every other corner is near its middle."""
    turn = 2 * math.pi / corners
    return Polygon(tuple((46.0 + r * math.sin(turn * k), 7.0 + 1.4 * r * math.cos(turn * k))
                         for k, r in ((k, 0.02 if k % 2 else 0.0005) for k in range(corners))))


def circles(count: int) -> Volumes:
    """Small circles between the needles."""
    return tuple(volume(Circle(46.015 + k * 1e-7, 7.005 + k * 1e-6, 0.6)) for k in range(count))


def over_needles() -> Iterator[Leaf]:
    """Of 30 statements of 1,024 circles over 50 of 9,000 needles, one over 20."""
    for _ in range(20):
        yield False, (volume(needles(9_000)),)
    yield False, circles(1_024)


def notices() -> Iterator[Leaf]:
    """3,000 notices that all overlap."""
    for k in range(3_000):
        yield True, (volume(Circle(46.0, 7.0, 1_900_000.0 - k)),)


def intents() -> Iterator[Leaf]:
    """2,048 intents of one circle that all overlap."""
    for k in range(2_048):
        yield False, (volume(Circle(46.0, 7.0, 100_000.0 - k)),)


def parts() -> Iterator[Leaf]:
    """Two statements of 1,024 triangles at one place."""
    for k in range(2):
        yield False, (volume(Polygon(((46.0, 7.0), (46.1, 7.0), (46.0, 7.1 + k * 1e-3)))),) * 1_024


def fans() -> Iterator[Leaf]:
    """40 statements of 10,000 needles, each over all before it."""
    for _ in range(40):
        yield False, (volume(needles(10_000)),)


CASES: dict[str, Callable[[], Iterator[Leaf]]] = {
    each.__name__: each for each in (over_needles, notices, intents, parts, fans)}


# -- one case, in a process of its own -----------------------------------------------------------

def play(case: str) -> dict[str, Any]:
    """Work through a message: the longest step, the work, the longest wait, memory."""
    warm_up()
    leaves = list(CASES[case]())
    gc.collect()
    before_mb, began_s = rss_mb(), time.perf_counter()
    meetings, records = Meetings(Separation(50.0, 30.0, 0.0)), []
    steps: list[float] = []
    waits, done = [0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=(waits, done))
    watcher.start()
    is_whole = enter_all(meetings, leaves, records, steps)
    done.set()
    watcher.join()
    total_s, held_mb = time.perf_counter() - began_s, rss_mb()
    for record in records:
        meetings.leave(record)
    records.clear()
    del meetings
    gc.collect()
    return {"case": case, "total_s": total_s, "steps": len(steps), "longest_ms": max(steps) * 1e3,
            "wait_ms": waits[0] * 1e3, "more_mb": held_mb - before_mb,
            "rest_mb": rss_mb() - before_mb, "is_whole": is_whole}


def enter_all(meetings: Meetings, leaves: list[Leaf], records: list[Record],
              steps: list[float]) -> bool:
    """Enter leaf by leaf in steps; False if it was given up."""
    began_s = step_s = time.perf_counter()
    left = limit = budget()
    for index, (is_notice, volumes) in enumerate(leaves):
        record = record_of(index, is_notice, volumes)
        while limit:
            spent, is_ready = meetings.prepare((record.party, index), volumes, record.as_of_s,
                                               is_notice, left)
            left -= spent
            if is_ready and left > 0.0:
                break
            steps.append(time.perf_counter() - step_s)
            step_s, left = time.perf_counter(), limit
            if is_ready:
                break
        meetings.enter(record)
        records.append(record)
        if time.perf_counter() - began_s > _STOP_S:
            steps.append(time.perf_counter() - step_s)
            return False
    steps.append(time.perf_counter() - step_s)
    return True


def budget() -> float:
    """What a step may take; 0 in a version that has no such bound."""
    from luftrom import limits

    return getattr(limits, "STEP_PEERS_WORK_MAX", 0.0)


def record_of(index: int, is_notice: bool, volumes: Volumes) -> Record:
    """A record of bravo's log."""
    name = f"{index:08x}-0000-4000-8000-000000000000"
    content = (Constraint(name, "m", "Closed", "hazard", volumes) if is_notice else
               Intent(name, "m", "Flight", "Accepted", 0, volumes))
    kind = NOTICE.name if is_notice else DECLARATION.name
    return Record("bravo.example", index, 2_000_000_000, 2_000_000_000, name, 1, {}, index, kind,
                  content)


def watch(waits: list[float], done: threading.Event) -> None:
    """Note the longest time beyond a millisecond that this thread had to wait for its turn."""
    while not done.is_set():
        at_s = time.perf_counter()
        time.sleep(0.001)
        waits[0] = max(waits[0], time.perf_counter() - at_s - 0.001)


def rss_mb() -> float:
    """The memory of this process, in MiB; the most so far where the system tells no more."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


# -- the table -----------------------------------------------------------------------------------

def rows(source: Path) -> Iterator[dict[str, Any]]:
    """A row for each case, by the code in a folder."""
    for case in CASES:
        yield json.loads(printed(source, __file__, "--case", case))


def answers(source: Path) -> Iterator[dict[str, Any]]:
    """A row for each question, by the code in a folder."""
    script = str(Path(__file__).with_name("worst_questions.py"))
    for case in json.loads(printed(source, script)):
        yield json.loads(printed(source, script, case))


def printed(source: Path, *arguments: str) -> str:
    """What a process of its own prints."""
    return subprocess.run([sys.executable, *arguments], text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(source)},
                          stdout=subprocess.PIPE).stdout


def main() -> None:
    """Print the table, or the row of one case as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="the src folder of another version")
    parser.add_argument("--case", choices=CASES)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(play(asked.case)))
        return
    print("| message | version | total | steps | longest step | longest wait of another thread "
          "| memory more | at rest |\n|---|---|---|---|---|---|---|---|")
    for version, source in (("before", asked.before), ("now", ROOT / "src")):
        for row in rows(source) if source else ():
            whole = "" if row["is_whole"] else " (given up)"
            print(f"| {row['case']} | {version} | {row['total_s']:.1f} s{whole} | {row['steps']} "
                  f"| {row['longest_ms']:.0f} ms | {row['wait_ms']:.0f} ms "
                  f"| {row['more_mb']:.0f} MiB | {row['rest_mb']:.0f} MiB |", flush=True)
    print("\n| question | version | total | longest stall of the event loop | answer "
          "| memory more |\n|---|---|---|---|---|---|")
    for version, source in (("before", asked.before), ("now", ROOT / "src")):
        for row in answers(source) if source else ():
            print(f"| {row['case']} | {version} | {row['total_s']:.2f} s "
                  f"| {row['stall_ms']:.0f} ms | {row['status']}, {row['answer_mb']:.1f} MiB "
                  f"| {row['more_mb']:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
