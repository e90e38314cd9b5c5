"""One declaration or constraint as the logs tell of it, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.geometry.volume import Volume4D
from luftrom.statements.statement import Ruling

PENDING, ACCEPTED, REFUSED, WITHDRAWN = "pending", "accepted", "refused", "withdrawn"
SUPERSEDED = "superseded"


@dataclass(slots=True, eq=False)
class Record:
    """One declaration or notice and what became of it. `intent` is None while it is closed to us.

    `as_of_s` is the latest time that its log names up to this leaf: unlike `iat_s` it never goes
    back from leaf to leaf, whatever is done to the author's clock.
    `end_index` is the leaf of the same log that ended it: a refusal, a withdrawal, or the ruling
    that accepted a later version.
    """

    party: str
    index: int
    iat_s: int
    as_of_s: int
    entity_id: str
    version: int
    seen: Mapping[str, int]
    serial: int
    intent: Intent | None = None
    notice: Constraint | None = None
    ovn: str = ""
    status: str = PENDING
    ruling: Ruling | None = None
    ruling_index: int | None = None
    end_index: int | None = None
    met: dict[int, Record] = field(default_factory=dict)      # by serial: volumes in conflict
    rivals: dict[int, Record] = field(default_factory=dict)   # of these, while both are accepted

    @property
    def volumes(self) -> tuple[Volume4D, ...]:
        """All 4D volumes others must stay clear of; none while the content is closed."""
        if self.intent is not None:
            return self.intent.all_volumes
        return self.notice.volumes if self.notice is not None else ()

    @property
    def name(self) -> str:
        """What people call it, or the start of its identifier."""
        content = self.intent or self.notice
        return (content.name if content else "") or self.entity_id[:8]

    def stood_at(self, cut: int) -> bool:
        """Did it stand within the first `cut` leaves of its own log? Pending counts as standing."""
        return self.index < cut and (self.end_index is None or self.end_index >= cut)

    def row(self) -> bytes:
        """The canonical row of the index: the same bytes at every node."""
        ruling = None
        if self.ruling is not None:
            ruling = [self.ruling_index, self.ruling.accepted,
                      [list(item) for item in self.ruling.against],
                      list(self.ruling.unacknowledged)]
        return json.dumps([self.entity_id, self.version, self.ovn, self.status, ruling,
                           self.end_index], separators=(",", ":")).encode()
