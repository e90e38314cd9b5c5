"""Batch: all conflicting pairs of many volumes, on all cores.

In go `Columns` and separation minima; out come pairs of places in them. The volumes are laid out
once in the order of their cells (`bulk.load`); then each asks about itself. Of two grids, that is
asked in which fewer cells would have to be named, so that each pair is found once.
"""

from __future__ import annotations

import numpy as np

from luftrom.geometry.bounds import GRIDS, LEVELS, SHIFTS
from luftrom.geometry.columns import Columns
from luftrom.geometry.encounter import minima_of, time_ns_of
from luftrom.geometry.index.bulk import in_order, load
from luftrom.geometry.index.grid import ALL, LATER, NONE
from luftrom.geometry.index.volume_index import find_pairs
from luftrom.geometry.packing import Packed, in_parts, pack_columns
from luftrom.geometry.volume import Separation


def all_pairs(columns: Columns, separation: Separation,
              groups: np.ndarray | None = None) -> np.ndarray:
    """All pairs of volumes that conflict: (k, 2) int64, i < j, in ascending order.

    `groups` (n,) int64: pairs of one group are left out, such as volumes of one intent or one
    party. Takes time nearly in proportion to the volumes and to the pairs that are near each other.
    """
    if not len(columns):
        return np.zeros((0, 2), np.int64)
    state, order = load(pack_columns(columns, np.arange(len(columns))))
    ordered = np.zeros(0, np.int64) if groups is None else np.asarray(groups, np.int64)[order]
    looks, minima, time_ns = _who_looks(), minima_of(separation), time_ns_of(separation)
    packed = Packed(state.slots, state.pool)
    found = np.concatenate(in_parts(len(columns), lambda first, last: find_pairs(
        state, packed, first, last, minima, time_ns, looks, ordered)))
    return in_order(found, len(columns))


def _who_looks() -> np.ndarray:
    """(GRIDS, GRIDS): how a volume of one grid looks at another grid (`grid.gather`)."""
    edge = np.repeat(2.0 ** -LEVELS, len(SHIFTS))
    span = np.tile(2.0 ** np.minimum(SHIFTS, 63), len(LEVELS))
    # How many cells of the other grid a volume would have to name, about.
    named = (np.maximum(1.0, edge[:, None] / edge) ** 2 * np.maximum(1.0, span[:, None] / span))
    places = np.arange(GRIDS)
    first = (named < named.T) | ((named == named.T) & (places[:, None] < places))
    looks = np.where(first, ALL, NONE).astype(np.int8)
    looks[places, places] = LATER
    return looks
