"""One declaration or constraint as the logs tell of it, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

from luftrom.airspace.breach import Breach
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.right_of_way import Declared
from luftrom.errors import Unverified
from luftrom.geometry.volume import Volume4D
from luftrom.state.others import Others
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.ruling import Ruling

PENDING, ACCEPTED, REFUSED, WITHDRAWN = "pending", "accepted", "refused", "withdrawn"
SUPERSEDED, VOID = "superseded", "void"
_MARK_BYTES = 16
LOST_CONTENT = "what it committed to is lost"   # why a record is void through nobody's lie


@dataclass(slots=True, eq=False)
class Record:
    """One declaration or notice and what became of it. `content` is None while it is closed to us.

    `kind` is the type of its statement.
    `as_of_s` is the latest time that its log names up to this leaf: unlike `iat_s` it never goes
    back from leaf to leaf, whatever is done to the author's clock.
    `end_index` is the leaf of the same log that ended it: a refusal, a withdrawal, or the ruling
    that accepted a later version.
    `inside` are the volumes that count where some lie outside the agreement's area or band.
    `breach` is the term that it is outside of: then its status is VOID from the leaf `void_index`
    of its log on, its own or, where it waited longer than `deadline_s`, a later one. `void` says
    why it never counted, where that is another reason; then, and while it is closed to us, its
    identifier is empty. `is_dead` once it is known that it loses to what its own author knew.
    `passed_over` are the parties without whom its author went on, once it had said so.
    `mark` stands for it among the rivals of others, and `rival_marks` is the sum of theirs.
    """

    party: str
    index: int
    iat_s: int
    as_of_s: int
    entity_id: str
    version: int
    seen: Mapping[str, int]
    serial: int
    kind: str
    content: Intent | Constraint | None = None
    ovn: str = ""
    status: str = PENDING
    ruling: Ruling | None = None
    ruling_index: int | None = None
    end_index: int | None = None
    inside: tuple[Volume4D, ...] | None = None
    deadline_s: float | None = None
    breach: Breach | None = None
    void_index: int | None = None
    void: str = ""
    is_dead: bool = False
    passed_over: Mapping[str, int] = field(default_factory=dict)   # party -> what was open of it
    counted: Mapping[str, int] = field(default_factory=dict)   # of whom its ruling names as silent
    # Those whose volumes conflict with it, and of these, while both are accepted.
    met: Others[Record] = field(default_factory=Others, repr=False)
    rivals: Others[Record] = field(default_factory=Others, repr=False)
    mark: int = field(init=False, repr=False)
    rival_marks: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        place = f"{self.party} {self.index}".encode()
        self.mark = int.from_bytes(sha256(place).digest()[:_MARK_BYTES])

    def add_rival(self, other: Record) -> None:
        """Note on both sides that two conflict."""
        for one, rival in ((self, other), (other, self)):
            one.rivals.add(rival)
            one.rival_marks += rival.mark

    def drop_rivals(self) -> list[Record]:
        """It conflicts with nobody any more; those with whom it did."""
        rivals = list(self.rivals)
        for other in rivals:
            other.rivals.remove(self)
            other.rival_marks -= self.mark
        self.rivals.clear()
        self.rival_marks = 0
        return rivals

    @property
    def is_constraint(self) -> bool:
        """Is it a prior notice, which stands without a ruling?"""
        return self.kind == NOTICE.name

    @property
    def intent(self) -> Intent | None:
        """Its content where that is an operational intent, and open to us."""
        return self.content if isinstance(self.content, Intent) else None

    @property
    def constraint(self) -> Constraint | None:
        """Its content where that is a constraint, and open to us."""
        return self.content if isinstance(self.content, Constraint) else None

    @property
    def volumes(self) -> tuple[Volume4D, ...]:
        """All 4D volumes others must stay clear of; none while the content is closed."""
        if self.inside is not None:
            return self.inside
        return self.content.all_volumes if self.content is not None else ()

    @property
    def counts(self) -> bool:
        """Is it within the terms, and what its format asks for?"""
        return not self.void and self.breach is None

    @property
    def was_ever_lawful(self) -> bool:
        """Was it within the terms when it was signed? What was not is nobody's conflict."""
        return self.void_index != self.index

    @property
    def is_refused(self) -> bool:
        """Was it ruled on, and not accepted?"""
        return self.ruling is not None and not self.ruling.accepted

    @property
    def is_waiting(self) -> bool:
        """Does it wait for its ruling, whether that can still be good or not?"""
        return not self.is_constraint and self.ruling is None and self.end_index is None

    def is_overdue(self, as_of_s: float) -> bool:
        """Does it still wait when its log has come to that time, beyond what the terms let it?"""
        return (self.status == PENDING and self.deadline_s is not None
                and as_of_s > self.deadline_s)

    @property
    def name(self) -> str:
        """What people call it, or the start of its identifier."""
        return (self.content.name if self.content else "") or self.entity_id[:8]

    def cut(self, other: Record) -> int:
        """How many leaves of the log of `other` its author had before it."""
        return self.index if other.party == self.party else self.seen.get(other.party, 0)

    def knew(self, other: Record) -> bool:
        """Had its author applied `other` when it signed? A fact of the two statements."""
        return self.cut(other) > other.index

    def stood_at(self, cut: int) -> bool:
        """Did it stand within the first `cut` leaves of its own log? Pending counts as standing."""
        return self.index < cut and all(
            end is None or end >= cut for end in (self.end_index, self.void_index))

    def is_withdrawn_at(self, cut: int) -> bool:
        """Had its author withdrawn it within the first `cut` leaves of its log?"""
        return self.status == WITHDRAWN and self.end_index is not None and self.end_index < cut

    def is_void_at(self, cut: int) -> bool:
        """Did it count no more within the first `cut` leaves of its log?"""
        return self.void_index is not None and self.void_index < cut

    def row(self) -> bytes:
        """The canonical row of the index: the same bytes at every node."""
        ruling = None
        if self.ruling is not None:
            ruling = [self.ruling_index, self.ruling.accepted,
                      [list(item) for item in self.ruling.against],
                      list(self.ruling.unacknowledged)]
        row = [self.entity_id, self.version, self.ovn, self.status, ruling, self.end_index]
        if self.breach is not None:
            row += [self.breach.term, self.void_index]
        return json.dumps(row, separators=(",", ":")).encode()


def declared(record: Record) -> Declared:
    """An open operational intent, as the rules of right of way ask for one."""
    if record.intent is None:
        raise Unverified(f"{record.name} is no operational intent that is open here")
    return cast(Declared, record)
