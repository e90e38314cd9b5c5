"""Coverings by S2 cells of level 13, beside those of s2geometry, the answers compared first.

`python bench/coverings.py [COUNT]` makes so many polygons of 5 km over Europe (default 100,000),
covers them with `luftrom.coverings` and with s2geometry, compares every set, and prints a table.
s2geometry is called from Python, whose part is shown for itself: building the loop, then covering.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import s2geometry

from luftrom.geometry.columns import Columns
from luftrom.geometry.coverings import DSS_LEVEL, cover_columns

_M_PER_DEG = 111_195.0
_RUNS = 7
_SEED = 20261125


def drones(count: int, seed: int) -> Columns:
    """Four-cornered polygons with a diameter of about 5 km, evenly over a box of Europe."""
    random = np.random.default_rng(seed)
    lat, lng = random.uniform(36, 60, (count, 1)), random.uniform(-10, 30, (count, 1))
    turns = (np.arange(4) + random.uniform(-0.3, 0.3, (count, 4))) * (np.pi / 2)
    radii = random.uniform(2_000, 3_000, (count, 4)) / _M_PER_DEG
    places = np.stack((lat + radii * np.cos(turns),
                       lng + radii * np.sin(turns) / np.cos(np.radians(lat))), axis=2)
    return Columns(places.reshape(-1, 2), np.arange(0, 4 * count + 1, 4), np.zeros(count),
                   np.tile((0.0, 120.0), (count, 1)), np.tile((0, 1), (count, 1)))


def _best_s(work: Callable[[], object], runs: int) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        began_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - began_s)
    return min(times)


def _loops(columns: Columns) -> list[s2geometry.S2Loop]:
    """The outlines as s2geometry has them."""
    places, ends = columns.places_deg.tolist(), columns.ends.tolist()
    loops = []
    for k in range(len(columns)):
        loop = s2geometry.S2Loop()
        loop.Init([s2geometry.S2LatLng.FromDegrees(*place).ToPoint()
                   for place in places[ends[k]:ends[k + 1]]])
        loop.Normalize()
        loops.append(loop)
    return loops


def measure(count: int = 100_000, runs: int = _RUNS) -> list[dict]:
    """Seconds for the coverings of `count` polygons, ours and s2geometry's, after comparing them.

    Raises ValueError where an answer differs.
    """
    columns = drones(count, _SEED)
    ids, ends = cover_columns(columns)
    loops = _loops(columns)
    coverer = s2geometry.S2RegionCoverer()
    coverer.set_fixed_level(DSS_LEVEL)
    coverer.set_max_cells(1 << 30)
    for k, loop in enumerate(loops):
        theirs = sorted(cell.id() for cell in coverer.GetCovering(loop))
        if ids[ends[k]:ends[k + 1]].tolist() != theirs:
            raise ValueError(f"the covering of polygon {k} differs")
    note = f"all {count:,} sets equal, {len(ids):,} cells"

    def row(subject: str, seconds: float, note: str) -> dict:
        return {"task": f"coverings of level {DSS_LEVEL}, polygons of 5 km", "size": count,
                "subject": subject, "seconds": seconds, "note": note}

    fresh = _loops(columns)                # whose indexes S2 has not built yet

    def cover_all() -> None:
        for loop in fresh:
            coverer.GetCovering(loop)

    theirs = f"s2geometry {version('s2geometry')}, one thread"
    return [
        row("luftrom, all cores", _best_s(lambda: cover_columns(columns), runs), note),
        row(theirs, _best_s(lambda: _loops(columns), 1), "loops built, from Python"),
        row(theirs, _best_s(cover_all, 1), "loops covered, their indexes built"),
    ]


def main() -> None:
    """Measure and print the table."""
    rows = measure(*map(int, sys.argv[1:2]))
    print(f"{'task':44} {'size':>9}  {'subject':30} {'seconds':>8}  note")
    for row in rows:
        print(f"{row['task']:44} {row['size']:>9,}  {row['subject']:30} {row['seconds']:>8.3f}  "
              f"{row['note']}")


if __name__ == "__main__":
    main()
