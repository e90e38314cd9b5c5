"""s2geometry: a covering of each outline by cells of level 13, and the pairs that share a cell.

That is how the InterUSS DSS finds whom an operational intent may concern. The covering is the
library's; the join by cell and half hour is numpy's, since the library has none for Python.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import s2geometry

from luftrom.geometry.volume import Separation
from peers import in_buckets, is_met, runs, within
from traffic import Load

NAME = "s2geometry"
QUESTION = "another question: do the outlines share a cell of level 13, without a minimum?"
IS_SAME = False
SIZE_MAX = 20_000
_LEVEL = 13


class Peer:
    """The coverings of a load."""

    def __init__(self, separation: Separation):
        pass                               # cells know no minimum

    def hold(self, load: Load) -> None:
        """Cover all outlines, and file them by cell and half hour."""
        self.load = load
        coverings = list(_coverings(load))
        whose = np.repeat(np.arange(len(coverings)), [len(cells) for cells in coverings])
        numbers, buckets = in_buckets(load.columns.times_ns)
        ends = np.r_[0, np.cumsum(np.bincount(numbers, minlength=len(coverings)))]
        counts = np.diff(ends)[whose]
        buckets = buckets[np.repeat(ends[whose], counts) + within(counts)]
        cells = np.repeat(np.concatenate(coverings), counts).view(np.int64)
        order = np.lexsort((buckets, cells))
        self.keys = np.stack((cells, buckets), axis=1)[order]
        self.numbers = np.repeat(whose, counts)[order]

    def pairs(self) -> np.ndarray:
        """All pairs: those in the same cell and half hour."""
        starts, ends = runs(self.keys)
        counts = np.repeat(ends, ends - starts) - np.arange(len(self.keys)) - 1
        first = np.repeat(np.arange(len(self.keys)), counts)
        pairs = np.stack((self.numbers[first], self.numbers[first + 1 + within(counts)]), axis=1)
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        return pairs[is_met(self.load, self.load, pairs)]

    def close(self) -> None:
        """Nothing is held but memory."""


def _coverings(load: Load) -> Iterator[np.ndarray]:
    """The identifiers of the cells of each outline."""
    coverer = s2geometry.S2RegionCoverer()
    coverer.set_fixed_level(_LEVEL)
    columns = load.columns
    for k in range(len(columns)):
        ring = columns.places_deg[columns.ends[k]:columns.ends[k + 1]].tolist()
        loop = s2geometry.S2Loop([s2geometry.S2LatLng.FromDegrees(*place).ToPoint()
                                  for place in ring])
        loop.Normalize()
        yield np.array([cell.id() for cell in coverer.GetCovering(loop)], np.uint64)
