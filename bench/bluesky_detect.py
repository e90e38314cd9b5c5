"""BlueSky's state-based detection, run in the Python it is installed in, on states from a file.

`python bench/bluesky_detect.py IN.npz OUT.npz REPEATS CLASS` reads columns as BlueSky names them
(lat, lon, alt, trk, gs, vs) and the limits in metres and seconds, lets the class StateBased (numpy)
or CStateBased (C++) detect conflicts, and writes the pairs, the losses, the figures of each pair
and the best time in seconds. This file imports nothing of Luftrom.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
from bluesky.traffic.asas import statebased


def main() -> None:
    """Read, detect, write."""
    source, target, repeats, name = sys.argv[1:5]
    given = np.load(source)
    count = len(given["lat"])
    traffic = SimpleNamespace(ntraf=count, id=list(range(count)),
                              **{column: given[column] for column in ("lat", "lon", "alt", "trk",
                                                                      "gs", "vs")})
    horizontal_m, vertical_m, lookahead_s = (np.full(count, limit) for limit in given["limits"])
    if name == "CStateBased":
        detect = statebased.cstatebased.detect
    else:
        def detect(*arguments: object) -> tuple:
            return statebased.StateBased.detect(None, *arguments)
    best = float("inf")
    for _ in range(int(repeats)):
        start = time.perf_counter()
        found = detect(traffic, traffic, horizontal_m, vertical_m, lookahead_s)
        best = min(best, time.perf_counter() - start)
    pairs, losses, _, _, bearing_deg, distance_m, closest_m, closest_s, start_s = found
    np.savez(target, pairs=np.array(pairs, np.int64).reshape(-1, 2),
             losses=np.array(losses, np.int64).reshape(-1, 2), bearing_deg=bearing_deg,
             distance_m=distance_m, closest_m=closest_m, closest_s=closest_s, start_s=start_s,
             seconds=best, version=version("bluesky-simulator"))


if __name__ == "__main__":
    main()
