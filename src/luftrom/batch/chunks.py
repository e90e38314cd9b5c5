"""Chunks of volumes as files give them, and what they are together: a data set of intents.

Shapes: `n` volumes and `g` intents or notices; a chunk says of each volume whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import CONSTRAINT
from luftrom.geometry.columns import Columns

CHUNK_VOLUMES = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some volumes of a file in its order; what the file does not say of one is an empty text."""

    columns: Columns                       # n volumes
    ids: Sequence[str]                     # n: of the intents; without one it stands alone
    names: Sequence[str]                   # n: what people call them
    parties: Sequence[str]                 # n: who declared them
    kinds: Sequence[str]                   # n: `operational_intent` or `constraint`


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """All volumes, and the intents and prior notices that they belong to."""

    columns: Columns                       # n volumes
    owners: np.ndarray                     # (n,) int64: which intent a volume is of
    ids: Sequence[str]                     # g; `#7` is the seventh volume, of which there is no id
    names: Sequence[str]                   # g
    parties: Sequence[str]                 # g
    notices: np.ndarray                    # (g,) bool


class Gathering:
    """Puts the chunks of one or more files together; `file` is any number of a file."""

    def __init__(self) -> None:
        self._columns: list[Columns] = []
        self._owners: list[np.ndarray] = []
        self._known: dict[str, int] = {}
        self._ids: list[str] = []
        self._names: list[str] = []
        self._parties: list[str] = []
        self._notices: list[bool] = []
        self._files: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        """How many volumes were added."""
        return self._count

    def add(self, chunk: Chunk, file: int) -> None:
        """Add volumes behind those that are there.

        Raises BadInput: an intent that is in two files, is told to be of two parties or of two
        kinds, or has an id that is empty of sense here or too long.
        """
        owners = np.empty(len(chunk.columns), np.int64)
        rows = zip(chunk.ids, chunk.names, chunk.parties, chunk.kinds, strict=True)
        for k, (entity_id, name, party, kind) in enumerate(rows):
            self._count += 1
            owner = self._known.get(entity_id) if entity_id else None
            if owner is None:
                owners[k] = self._new(entity_id, name, party, kind, file)
            else:
                self._check(owner, name, party, kind, file)
                owners[k] = owner
        self._columns.append(chunk.columns)
        self._owners.append(owners)

    def _new(self, entity_id: str, name: str, party: str, kind: str, file: int) -> int:
        for field, text in (("id", entity_id), ("name", name), ("party", party)):
            if len(text) > limits.NAME_CHARS_MAX:
                raise BadInput(f"has {len(text)} characters; at most {limits.NAME_CHARS_MAX} are "
                               "taken", field=f"volume {self._count}.{field}")
        if entity_id.startswith("#"):
            raise BadInput("must not begin with #, which marks volumes without an id",
                           field=f"volume {self._count}.id")
        owner = len(self._ids)
        if entity_id:
            self._known[entity_id] = owner
        self._ids.append(entity_id or f"#{self._count}")
        self._names.append(name)
        self._parties.append(party)
        self._notices.append(kind == CONSTRAINT)
        self._files.append(file)
        return owner

    def _check(self, owner: int, name: str, party: str, kind: str, file: int) -> None:
        """What is said once for all volumes of an intent; it may be left out of later ones."""
        if self._files[owner] != file:
            raise BadInput(f"{self._ids[owner]} stands in a file before this one too; an intent "
                           "stands in one file", field="id")
        if party not in ("", self._parties[owner]):
            raise BadInput(f"{self._ids[owner]} is of {self._parties[owner] or 'nobody'}, and here "
                           f"of {party}", field="party")
        if kind and (kind == CONSTRAINT) != self._notices[owner]:
            raise BadInput(f"{self._ids[owner]} is an operational intent and a constraint",
                           field="kind")
        if name and not self._names[owner]:
            self._names[owner] = name

    def data_set(self) -> DataSet:
        """All that was added."""
        parts = self._columns or [Columns.of(())]
        counts = np.cumsum([0, *(len(part.places_deg) for part in parts)])
        ends = [np.zeros(1, np.int64)]
        ends += [part.ends[1:] + before for part, before in zip(parts, counts, strict=False)]
        columns = Columns(*(np.concatenate(arrays) for arrays in (
            [part.places_deg for part in parts], ends, [part.radii_m for part in parts],
            [part.bands_m_w84 for part in parts], [part.times_ns for part in parts])))
        return DataSet(columns, np.concatenate([np.empty(0, np.int64), *self._owners]), self._ids,
                       self._names, self._parties, np.array(self._notices, np.bool_))
