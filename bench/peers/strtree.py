"""shapely: an STRtree of each half hour and party, asked with `dwithin` in bulk, on all cores.

shapely works in a plane, so the outlines are projected first. Its queries let go of the
interpreter's lock, so threads use all cores. A tree takes no insertions.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyproj
import shapely

from luftrom.geometry.volume import Separation
from peers import in_buckets, is_met, runs
from traffic import WINDOW_NS, Load

NAME = "shapely STRtree"
QUESTION = "the same question, asked in one flat projection of all Europe (EPSG:3035)"
IS_SAME = True
SIZE_MAX = 1_000_000


class Peer:
    """The trees of a load."""

    def __init__(self, separation: Separation):
        self.separation = separation
        self.project = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3035").transform

    def hold(self, load: Load) -> None:
        """Project, and build the trees."""
        self.load = load
        self.outlines = self._projected(load)
        numbers, buckets = in_buckets(load.columns.times_ns)
        order = np.lexsort((load.groups[numbers], buckets))
        numbers, buckets = numbers[order], buckets[order]
        starts, ends = runs(np.stack((buckets, load.groups[numbers]), axis=1))
        parts = [numbers[start:end] for start, end in zip(starts, ends, strict=True)]
        self.trees: dict[int, list[tuple[np.ndarray, shapely.STRtree]]] = {}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            trees = pool.map(lambda part: shapely.STRtree(self.outlines[part]), parts)
            for bucket, part, tree in zip(buckets[starts].tolist(), parts, trees, strict=True):
                self.trees.setdefault(bucket, []).append((part, tree))

    def pairs(self) -> np.ndarray:
        """All pairs."""
        wanted = [(self.load, self.outlines, mine, bucket, *other)
                  for bucket, trees in self.trees.items()
                  for i, (mine, _) in enumerate(trees) for other in trees[i + 1:]]
        return np.sort(self._ask_all(wanted), axis=1)

    def query(self, asking: Load) -> np.ndarray:
        """What others meet; the questions of one half hour are asked at once."""
        outlines = self._projected(asking)
        numbers, buckets = in_buckets(asking.columns.times_ns)
        wanted = [(asking, outlines, numbers[buckets == bucket], bucket, *other)
                  for bucket in np.unique(buckets).tolist()
                  for other in self.trees.get(bucket, [])]
        return self._ask_all(wanted)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _projected(self, load: Load) -> np.ndarray:
        """The outlines, all of as many corners, as polygons in metres."""
        north_m, east_m = self.project(*load.columns.places_deg.T)
        rings = np.stack((east_m, north_m), axis=1).reshape(len(load.columns), -1, 2)
        return shapely.polygons(rings)

    def _ask_all(self, wanted: list[tuple]) -> np.ndarray:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda asked: self._ask(*asked), wanted))
        return np.concatenate([np.empty((0, 2), np.int64), *found])

    def _ask(self, asking: Load, outlines: np.ndarray, numbers: np.ndarray, bucket: int,
             members: np.ndarray, tree: shapely.STRtree) -> np.ndarray:
        """The pairs of one half hour; one that shares several is taken from its first."""
        mine, found = tree.query(outlines[numbers], predicate="dwithin",
                                 distance=self.separation.lateral_m)
        pairs = np.stack((numbers[mine], members[found]), axis=1)
        starts_ns = np.maximum(asking.columns.times_ns[pairs[:, 0], 0],
                               self.load.columns.times_ns[pairs[:, 1], 0])
        return pairs[is_met(asking, self.load, pairs) & (starts_ns // WINDOW_NS == bucket)]
