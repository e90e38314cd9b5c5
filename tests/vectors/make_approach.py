"""Writes approach.json: what BlueSky's own detection says of the scenes in `approach_scenes`.

Run it with a Python in which bluesky-simulator 1.1.1 is installed, from the folder `tests`:
`python vectors/make_approach.py`. BlueSky is TU Delft's open air traffic simulator.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "material"))

from bluesky.traffic.asas.statebased import StateBased

from approach_scenes import LIMITS, NAMES, scene

COUNT, SEED = 80, 1


def main() -> None:
    """Detect in every scene, write."""
    scenes = []
    for name in NAMES:
        states = scene(name, SEED, COUNT)
        lat, lng, altitude, track, speed, climb = np.array(states).T
        traffic = SimpleNamespace(ntraf=COUNT, id=list(range(COUNT)), lat=lat, lon=lng,
                                  alt=altitude, trk=track, gs=speed, vs=climb)
        found = StateBased.detect(None, traffic, traffic, *(np.full(COUNT, x) for x in LIMITS))
        digest = hashlib.sha256(b"".join(struct.pack(">6d", *state) for state in states))
        scenes.append({"name": name, "seed": SEED, "count": COUNT,
                       "states_sha256": digest.hexdigest(), "conflicts": sorted(found[0]),
                       "losses": sorted(found[1])})
    source = (f"bluesky-simulator {version('bluesky-simulator')}, StateBased.detect, 5 NM, "
              "1000 ft, 300 s; make_approach.py")
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in scenes)
    Path(__file__).with_name("approach.json").write_text(
        f'{{"source": {json.dumps(source)}, "scenes": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
