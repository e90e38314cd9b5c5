"""Closest points of approach: the same pairs as BlueSky's, and how long both take.

`python bench/approach.py --bluesky-python PATH`, with a Python in which bluesky-simulator 1.1.1 is
installed. Traffic is spread over Europe (35 to 60 north, 10 west to 30 east, up to FL 400, 200 to
250 m/s, two of five with up to 15 m/s of vertical rate); 5 NM, 1,000 ft, 5 minutes. First the pairs
are compared, then times are taken; what differs ends the run. BlueSky's numpy needs 220 bytes for
each two aircraft, so it is not asked about more than 3,000.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from luftrom.traffic.approach import States, find_approaches

LIMITS = (5 * 1852.0, 1000 * 0.3048, 300.0)
TASK = "closest points of approach"
SIZES = (1_000, 10_000, 20_000, 200_000)
# The class, how many aircraft, how often.
BLUESKY = (("StateBased", 1_000, 3), ("StateBased", 3_000, 1), ("CStateBased", 1_000, 3),
           ("CStateBased", 10_000, 1))
REPEATS = 25
SEED = 1


def europe(count: int) -> States:
    """Traffic spread over a box of the size of Europe."""
    rng = np.random.default_rng(SEED)
    climbs = np.where(rng.random(count) < 0.4, rng.uniform(-15.0, 15.0, count), 0.0)
    return States(rng.uniform(35.0, 60.0, count), rng.uniform(-10.0, 30.0, count),
                  rng.uniform(0.0, 40_000.0, count) * 0.3048, rng.uniform(0.0, 360.0, count),
                  rng.uniform(200.0, 250.0, count), climbs)


def city(count: int) -> States:
    """The worst case: the same traffic above one city of 10 km."""
    traffic = europe(count)
    return States(52.0 + (traffic.lat_deg - 35.0) / 250.0, 13.0 + traffic.lng_deg / 250.0,
                  traffic.altitude_m, traffic.track_deg, traffic.ground_speed_m_s,
                  traffic.vertical_rate_m_s)


def bluesky(python: Path, states: States, name: str, repeats: int) -> dict[str, Any]:
    """What BlueSky's class of a name says, run by its own Python."""
    with tempfile.TemporaryDirectory(prefix="luftrom-bench-") as place:
        source, target = Path(place, "in.npz"), Path(place, "out.npz")
        np.savez(source, lat=states.lat_deg, lon=states.lng_deg, alt=states.altitude_m,
                 trk=states.track_deg, gs=states.ground_speed_m_s, vs=states.vertical_rate_m_s,
                 limits=np.array(LIMITS))
        subprocess.run([str(python), str(Path(__file__).with_name("bluesky_detect.py")),
                        str(source), str(target), str(repeats), name],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with np.load(target) as found:
            return dict(found)


def pairs_of(pairs: np.ndarray) -> set[tuple[int, int]]:
    """Pairs as a set."""
    return set(map(tuple, pairs.tolist()))


def best_s(states: States, repeats: int) -> tuple[float, int]:
    """The best time of several, and how many conflicts there are."""
    best, conflicts = float("inf"), 0
    for _ in range(repeats):
        start = time.perf_counter()
        found = find_approaches(states, *LIMITS)
        best = min(best, time.perf_counter() - start)
        conflicts = int(found.is_conflict.sum())
    return best, conflicts


def measure(python: Path | None, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """Rows of task, size, subject, seconds and note; without BlueSky's Python ours alone.

    Raises ValueError if the pairs of BlueSky's class in Python are not ours; how many of those of
    its C++ variant, whose definition differs in details, are not ours is in the note.
    """
    rows = []
    for name, count, repeats in BLUESKY if python else ():
        states = europe(count)
        theirs, ours = bluesky(python, states, name, repeats), find_approaches(states, *LIMITS)
        differ = [len(pairs_of(theirs[key]) ^ pairs_of(ours.pairs[mask])) for key, mask in (
            ("pairs", ours.is_conflict), ("losses", ours.is_loss))]
        if name == "StateBased" and any(differ):
            raise ValueError(f"{count} aircraft: {differ} pairs and losses differ from BlueSky's")
        rows.append({"task": TASK, "size": count, "seconds": float(theirs["seconds"]),
                     "subject": f"BlueSky {theirs['version']} {name}",
                     "note": f"{len(theirs['pairs'])} pairs, {differ[0]} differ from ours; "
                             f"{len(theirs['losses'])} losses, {differ[1]} differ"})
    for subject, traffic, counts in (("Luftrom", europe, sizes),
                                     ("Luftrom, all over one city", city, (2_000,))):
        for count in counts:
            seconds, conflicts = best_s(traffic(count), REPEATS)
            rows.append({"task": TASK, "size": count, "subject": subject, "seconds": seconds,
                         "note": f"{conflicts} pairs"})
    return rows


def main() -> None:
    """Compare, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bluesky-python", type=Path, help="where BlueSky is installed")
    options.add_argument("--json", type=Path, help="write the rows here as well")
    asked = options.parse_args()
    try:
        rows = measure(asked.bluesky_python)
    except ValueError as error:
        sys.exit(str(error))
    for row in rows:
        print(f"{row['size']:>8,} {row['subject']:<34} {row['seconds'] * 1e3:>12,.2f} ms  "
              f"{row['note']}")
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
