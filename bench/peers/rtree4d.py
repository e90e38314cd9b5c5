"""rtree: one index of boxes in latitude, longitude, altitude and time, loaded and asked in bulk."""

from __future__ import annotations

import numpy as np
import rtree

from luftrom.geometry.volume import Separation
from peers import is_met
from traffic import Load

NAME = "rtree, 4D"
QUESTION = "another question: do the boxes of the two outlines meet?"
IS_SAME = False
SIZE_MAX = 100_000
_M_PER_DEG_MIN = 110_574.0                 # of latitude, at the equator


class Peer:
    """The index of a load."""

    def __init__(self, separation: Separation):
        self.reach_m = separation.lateral_m

    def hold(self, load: Load) -> None:
        """Load the boxes."""
        self.load = load
        self.index = rtree.index.Index(
            (np.arange(len(load.columns), dtype=np.int64), *_boxes(load, 0.0)),
            properties=rtree.index.Property(dimension=4), interleaved=True)

    def pairs(self) -> np.ndarray:
        """All pairs."""
        pairs = self.query(self.load)
        return pairs[pairs[:, 0] < pairs[:, 1]]

    def query(self, asking: Load) -> np.ndarray:
        """What others meet."""
        found, counts = self.index.intersection_v(*_boxes(asking, self.reach_m))
        numbers = np.repeat(np.arange(len(counts)), counts.astype(np.int64))
        pairs = np.stack((numbers, found), axis=1)
        return pairs[is_met(asking, self.load, pairs)]

    def insert(self, load: Load) -> None:
        """Insert the volumes of a load, one by one."""
        for k, box in enumerate(np.concatenate(_boxes(load, 0.0), axis=1).tolist()):
            self.index.insert(k, box)

    def close(self) -> None:
        """Nothing is held but memory."""


def _boxes(load: Load, reach_m: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) least and greatest latitude, longitude, altitude, seconds, widened on the ground."""
    columns = load.columns
    rings = columns.places_deg.reshape(len(columns), -1, 2)
    low, high = rings.min(axis=1), rings.max(axis=1)
    north_deg = reach_m / _M_PER_DEG_MIN
    east_deg = north_deg / np.cos(np.radians(np.maximum(-low[:, 0], high[:, 0]) + north_deg))
    reach_deg = np.stack((np.full_like(east_deg, north_deg), east_deg), axis=1)
    return (np.column_stack((low - reach_deg, columns.bands_m_w84[:, 0],
                             columns.times_ns[:, 0] / 1e9)),
            np.column_stack((high + reach_deg, columns.bands_m_w84[:, 1],
                             columns.times_ns[:, 1] / 1e9)))
