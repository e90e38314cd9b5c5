"""Which intents of a data set meet, and how: pairs of volumes to pairs of intents, and a digest.

In goes a `DataSet` of `n` volumes and `g` intents; out come its conflicts. Volumes of one intent
are no conflict with each other, nor are two prior notices: both close airspace (F3548-21,
constraints). What counts as a conflict is said in `geometry/encounter`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from luftrom.batch.chunks import DataSet
from luftrom.errors import BadInput
from luftrom.geometry.encounter import Encounter, encounter
from luftrom.geometry.index.pairs import all_pairs
from luftrom.geometry.volume import Separation

FORMAT = "luftrom-conflicts/1"
IntentPair = tuple[int, int, np.ndarray]   # two numbers of intents, and pairs of their volumes


@dataclass(frozen=True, slots=True)
class Side:
    """One of two that meet; `id` is `#7` for the seventh volume, if that has no identifier."""

    id: str
    name: str
    party: str
    is_notice: bool

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two intents, or an intent and a prior notice, in conflict; the first has the lower id."""

    first: Side
    second: Side
    encounter: Encounter


def volume_pairs(data: DataSet, separation: Separation, *, between_parties: bool = False
                 ) -> np.ndarray:
    """The (k, 2) int64 pairs of volumes that conflict and are of different intents.

    With `between_parties` only of intents of different parties. Raises BadInput: then every intent
    must say its party.
    """
    owners = data.owners
    if between_parties:
        nobody = next((k for k, party in enumerate(data.parties) if not party), None)
        if nobody is not None:
            raise BadInput(f"{data.ids[nobody]} names no party, and only conflicts between parties "
                           "are wanted", field="party")
        numbers = {party: k for k, party in enumerate(dict.fromkeys(data.parties))}
        owners = np.array([numbers[party] for party in data.parties], np.int64)[owners]
    pairs = all_pairs(data.columns, separation, owners)
    return pairs[~data.notices[data.owners[pairs]].all(1)]


def intent_pairs(data: DataSet, pairs: np.ndarray) -> list[IntentPair]:
    """Pairs of volumes put together by intents: two numbers of intents and their (j, 2) pairs.

    The first of the two has the lower id; column 0 of its pairs is of the first. By the ids.
    """
    if not len(pairs):
        return []
    rank = np.empty(len(data.ids), np.int64)
    rank[sorted(range(len(data.ids)), key=data.ids.__getitem__)] = np.arange(len(data.ids))
    ranks = rank[data.owners[pairs]]
    pairs = np.where((ranks[:, 0] > ranks[:, 1])[:, None], pairs[:, ::-1], pairs)
    ranks = np.sort(ranks, 1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], ranks[:, 1], ranks[:, 0]))
    pairs, ranks = pairs[order], ranks[order]
    cuts = np.flatnonzero((ranks[1:] != ranks[:-1]).any(1)) + 1
    return [(*data.owners[part[0]].tolist(), part) for part in np.split(pairs, cuts)]


def meetings(data: DataSet, groups: Sequence[IntentPair],
             separation: Separation) -> Iterator[Meeting]:
    """How those of `intent_pairs` meet, in the same order.

    Only volumes of conflicting pairs are looked at: all that an `Encounter` tells is of those.
    """
    for one, other, pairs in groups:
        first, second = ([data.columns.volume(k) for k in np.unique(pairs[:, side]).tolist()]
                         for side in (0, 1))
        met = encounter(first, second, separation)
        if met is None:
            raise BadInput(f"{data.ids[one]} and {data.ids[other]} do not meet")
        yield Meeting(_side(data, one), _side(data, other), met)


def digest(data: DataSet, groups: Iterable[IntentPair],
           separation: Separation) -> str:
    """SHA-256 (hex) over the minima and the pairs of ids that conflict, in order.

    Equal for two data sets exactly if the same intents are in conflict under the same minima,
    whatever the order and the format of their files.
    """
    total = hashlib.sha256(f"{FORMAT}\n".encode())
    total.update(_row(float(separation.lateral_m), float(separation.vertical_m),
                      float(separation.time_s)))
    for one, other, _ in groups:
        total.update(_row(data.ids[one], data.ids[other]))
    return total.hexdigest()


def _row(*values: object) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _side(data: DataSet, k: int) -> Side:
    return Side(data.ids[k], data.names[k], data.parties[k], bool(data.notices[k]))
