"""The engine's peers, each used as its own documentation recommends, one module each.

A module has `NAME`, `QUESTION` (what it really answers), `IS_SAME` (is that what ours answers?),
`SIZE_MAX` (volumes up to which it is asked for pairs), perhaps `QUESTIONS_MAX` (that it is asked at
most), and a class `Peer(separation)`. `hold(load)` makes it hold a load alone; then `pairs()` gives
all conflicting pairs, (k, 2) with the lower number first, and `query(asking)` those of another
load's volumes with what is held, (number asking, number held). `close()` lets go of everything.
Importing a module, or making its peer, fails where the peer is not installed; the run goes on
without it.

Parties, altitudes and times are compared exactly by all of them.
"""

from __future__ import annotations

import numpy as np

from traffic import WINDOW_NS, Load

MODULES = ("strtree", "rtree4d", "s2cells", "postgis")


def in_buckets(times_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(number, half hour) of all half hours that each volume has a part in, volume by volume."""
    first = times_ns[:, 0] // WINDOW_NS
    counts = (times_ns[:, 1] - 1) // WINDOW_NS - first + 1
    return np.repeat(np.arange(len(times_ns)), counts), np.repeat(first, counts) + within(counts)


def within(counts: np.ndarray) -> np.ndarray:
    """0, 1, ... count - 1 for each count, one behind the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def runs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of equal rows begin and end, in sorted (n, k) keys."""
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    return starts, np.r_[starts[1:], len(keys)]


def is_met(one: Load, other: Load, pairs: np.ndarray) -> np.ndarray:
    """Which pairs (number in one, in other) are of two parties and share altitudes and times."""
    a, b = pairs.T
    a_bands_m, b_bands_m = one.columns.bands_m_w84[a], other.columns.bands_m_w84[b]
    a_times_ns, b_times_ns = one.columns.times_ns[a], other.columns.times_ns[b]
    return ((one.groups[a] != other.groups[b])
            & (a_bands_m[:, 0] < b_bands_m[:, 1]) & (b_bands_m[:, 0] < a_bands_m[:, 1])
            & (a_times_ns[:, 0] < b_times_ns[:, 1]) & (b_times_ns[:, 0] < a_times_ns[:, 1]))
