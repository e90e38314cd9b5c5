"""The ways in which the engine answers which of many volumes conflict, each as a set of pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from luftrom.geometry.columns import Columns
from luftrom.geometry.encounter import encounter
from luftrom.geometry.index.pairs import all_pairs
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Separation, Volume4D

Pairs = set[tuple[int, int]]


def by_index(volumes: Sequence[Volume4D], separation: Separation) -> Pairs:
    """As a node asks: each volume is asked about before it is inserted."""
    index, pairs = VolumeIndex(separation), set()
    for j, volume in enumerate(volumes):
        pairs.update((i, j) for i in index.query((volume,)))
        index.insert(j, (volume,))
    return pairs


def by_crowded_index(volumes: Sequence[Volume4D], separation: Separation) -> Pairs:
    """All are inserted in another order, every second one leaves and comes back; then all ask."""
    index = VolumeIndex(separation)
    for j in reversed(range(len(volumes))):
        index.insert(j, (volumes[j],))
    for j in range(0, len(volumes), 2):
        index.remove(j)
    for j in range(0, len(volumes), 2):
        index.insert(j, (volumes[j],))
    found = {(i, j) for j, volume in enumerate(volumes) for i in index.query((volume,)) if i != j}
    assert found == {(j, i) for i, j in found}, "not symmetric"
    return {(i, j) for i, j in found if i < j}


def by_encounter(volumes: Sequence[Volume4D], separation: Separation) -> Pairs:
    """Every pair by itself."""
    return {(i, j) for j, other in enumerate(volumes) for i, one in enumerate(volumes[:j])
            if encounter((one,), (other,), separation) is not None}


def by_all_pairs(volumes: Sequence[Volume4D], separation: Separation) -> Pairs:
    """All at once."""
    return set(map(tuple, all_pairs(Columns.of(volumes), separation).tolist()))


FAST_PATHS: dict[str, Callable[[Sequence[Volume4D], Separation], Pairs]] = {
    "index": by_index,
    "crowded index": by_crowded_index,
    "encounter": by_encounter,
    "all pairs": by_all_pairs,
}
