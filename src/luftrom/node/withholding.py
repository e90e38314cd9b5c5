"""What a peer owes and does not give, by name and since when: a veto has a name.

A peer may talk every two seconds and still hold everything up: by giving no receipts, by opening
nothing, or by never ruling. Each is what the agreement gives a time for (`silence`); beyond it the
channel shows it. Measured on a clock that nobody can set back, so that nothing is signed on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from luftrom.agreement.terms import Silence
from luftrom.clock import NS_PER_S
from luftrom.node.memory import Memory

_HEARTBEAT_S = 2.0                         # what waits for nobody may come with the next heartbeat
RECEIPTS, OPENINGS, RULINGS = "receipts", "openings", "rulings"
SENTENCES: Mapping[str, str] = {
    RECEIPTS: "gives no receipts", OPENINGS: "opens nothing of what it has signed",
    RULINGS: "does not rule on what it has declared"}


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a peer withholds, by name, and for how long it has, in seconds."""

    what: str
    age_s: float


@dataclass(slots=True)
class Debts:
    """What one peer owes: of each kind how far it has come, and since when no further."""

    since: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self, owed: Mapping[str, int | None], elapsed_ns: int) -> None:
        """Note where the peer stands; None where it owes nothing of a kind."""
        for what, mark in owed.items():
            if mark is None:
                self.since.pop(what, None)
            elif self.since.get(what, (None, 0))[0] != mark:
                self.since[what] = mark, elapsed_ns

    def overdue(self, terms: Silence, elapsed_ns: int) -> tuple[Withheld, ...]:
        """What has been owed for longer than the agreement lets it be."""
        allowed_s = {RECEIPTS: terms.after_s, OPENINGS: terms.opening_s, RULINGS: terms.waits_s}
        ages = ((what, (elapsed_ns - since_ns) / NS_PER_S)
                for what, (_, since_ns) in sorted(self.since.items()))
        return tuple(Withheld(what, age_s) for what, age_s in ages
                     if age_s > allowed_s[what] + _HEARTBEAT_S)


def owed_by(peer: str, memory: Memory) -> dict[str, int | None]:
    """How far a peer has come with what it owes; None where it owes nothing of a kind, as one that
    forked does.
    """
    if peer in memory.forked:
        return dict.fromkeys((RECEIPTS, OPENINGS, RULINGS))
    mirror, entities = memory.mirrors[peer], memory.state.entities
    unruled = next((r.index for r in entities.unruled(peer) if r.counts), None)
    return {
        RECEIPTS: mirror.receipt_size if mirror.receipt_size < memory.log.size else None,
        OPENINGS: (mirror.applied if mirror.applied < mirror.size and _is_due(peer, memory)
                   else None),
        RULINGS: unruled}


def _is_due(peer: str, memory: Memory) -> bool:
    """Has everybody signed for the peer's first closed leaf, so that it could open it?"""
    index = memory.mirrors[peer].applied
    if memory.state.is_open(peer, index) or memory.mirrors[peer].given_size <= index:
        return False                       # it waits for another log, or for our own receipt
    knowledge = memory.state.knowledge
    return all(knowledge.seen(name, mirror.size).get(peer, 0) > index
               for name, mirror in memory.mirrors.items() if name not in (peer, *memory.forked))
