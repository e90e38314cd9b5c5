"""Declarations a second through two nodes: this version beside another one, turn and turn about.

    git worktree add --detach build/before COMMIT
    make bench-versions ARGS=build/before

Each round runs the other version's `bench/declarations.py`, then this one's, each with its own
sources and with this environment's libraries; what a busy machine does to one it does to the
other. Printed are the medians of all rounds, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from declarations import print_machine

HERE = Path(__file__).resolve().parents[1]
# clients, declared a second, median in ms; the columns behind differ between versions.
ROW = re.compile(r"^ +(\d+) +([\d,]+) +([\d.]+) ", re.MULTILINE)


def measured(checkout: Path, seconds: float) -> dict[int, tuple[float, float]]:
    """Clients to declarations a second and their median time in ms, of one run of a version."""
    ran = subprocess.run(
        [sys.executable, "bench/declarations.py", "--seconds", f"{seconds:g}"], cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout / "src")}, capture_output=True, text=True,
        check=False)
    rows = {int(clients): (float(rate.replace(",", "")), float(median_ms))
            for clients, rate, median_ms in ROW.findall(ran.stdout)}
    if ran.returncode or not rows:
        sys.exit(f"{checkout} measured nothing (status {ran.returncode}):\n{ran.stderr[-2000:]}")
    return rows


def main() -> None:
    """Measure both versions in turn, and print them side by side."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("other", type=Path, help="checkout of the other version")
    options.add_argument("--rounds", type=int, default=3, help="of both versions")
    options.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    given = options.parse_args()
    print_machine()
    found: list[dict[int, list[tuple[float, float]]]] = [{}, {}]
    for _ in range(given.rounds):
        for rows, checkout in zip(found, (given.other.resolve(), HERE), strict=True):
            for clients, row in measured(checkout, given.seconds).items():
                rows.setdefault(clients, []).append(row)
    print(f"{'clients':>7}  {'before/s':>9}  {'now/s':>9}  {'ratio':>6}  {'before ms':>9}  "
          f"{'now ms':>7}")
    for clients in found[1]:
        (before, before_ms), (now, now_ms) = (
            (statistics.median(each) for each in zip(*rows[clients], strict=True))
            for rows in found)
        print(f"{clients:>7}  {before:>9,.0f}  {now:>9,.0f}  {now / before:>6.2f}  "
              f"{before_ms:>9.2f}  {now_ms:>7.2f}")


if __name__ == "__main__":
    main()
