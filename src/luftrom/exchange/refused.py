"""What a peer signed and was refused: kept, since it may contradict what it signs later or before.

Two signed things of one party that cannot both be true prove each other, whether either was taken.
They are kept in memory and with the next step in the store, of each kind the newest
`REFUSED_KEPT_MAX`, each in the place of the one so many before it. A restore ends them: what was
sent before it and taken by nobody is lost to its author, who signs other things in its place and
says so with a statement `restored`, for all to see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.errors import (
    Equivocation,
    HeadAgainstCheckpoint,
    LuftromError,
    TwoCheckpoints,
    TwoHeads,
    TwoStatements,
)
from luftrom.exchange.message import Part
from luftrom.logs.head import Head, verify_head
from luftrom.logs.mirror import Mirror
from luftrom.statements.leaf import parse_statement, verify_signature
from luftrom.store.protocol import RefusedRow
from luftrom.transparency.checkpoint import Checkpoint, parse_checkpoint
from luftrom.transparency.note import parse_note

NOTE, LEAF, HEAD = "note", "leaf", "head"  # checkpoints and heads by size, leaves by index
_LEAVES_OF_A_PART = 16


@dataclass(slots=True)
class Refused:
    """What one party signed to `reader` and was refused; `unsaved` are rows for the next step."""

    party: Party
    reader: str
    unsaved: list[RefusedRow] = field(default_factory=list)
    _kept: dict[str, dict[int, RefusedRow]] = field(
        default_factory=lambda: {NOTE: {}, LEAF: {}, HEAD: {}})

    def load(self, rows: Iterable[RefusedRow], agreement: Agreement) -> None:
        """Take up what the store has, oldest first, as far as it is of the log that goes on."""
        for row in rows:
            if row.party == self.party.name and self._is_of_log(row, agreement):
                self._kept[row.kind][row.place] = row

    def _is_of_log(self, row: RefusedRow, agreement: Agreement) -> bool:
        start = self.party.new_log
        if start is None:
            return row.kind in self._kept
        if row.kind == NOTE:
            return row.body.startswith(f"{self.party.log_origin}\n".encode())
        if row.kind == HEAD:
            return self._head(row).agreement == agreement.digest
        return row.kind == LEAF and (
            row.place < start.size or parse_statement(row.body).agreement == agreement.digest)

    def _head(self, row: RefusedRow) -> Head:
        return verify_head(row.body.decode(), self.party.name, self.reader,
                           self.party.keys.channel)

    def remember(self, part: Part, mirror: Mirror) -> None:
        """Keep of a part that was refused what its party signed, and no more than a few leaves."""
        try:
            size = mirror.verify_checkpoint(part.checkpoint).checkpoint.size
        except LuftromError:
            return
        self._keep(NOTE, size, part.checkpoint)
        held = mirror.staged_size
        first = max(held, part.first)
        for index, leaf in enumerate(part.leaves[first - part.first:][:_LEAVES_OF_A_PART], first):
            if is_signed(leaf, mirror):
                self._keep(LEAF, index, leaf)

    def remember_head(self, head: Head) -> None:
        """Keep a head under which a message was refused."""
        self._keep(HEAD, head.size, head.text.encode())

    def forget(self) -> None:
        """The party was restored: what it had signed before binds it as far as it was taken."""
        self.unsaved.clear()
        for kept in self._kept.values():
            kept.clear()

    def compare(self, body: Checkpoint, note: bytes) -> None:
        """Equivocation if a checkpoint or a head of that size and another root was kept."""
        other, head = (self._kept[kind].get(body.size) for kind in (NOTE, HEAD))
        if other is not None and _root_of(other.body) != body.root:
            raise Equivocation(f"{self.party.name} signed two histories of {body.size} leaves",
                               evidence=TwoCheckpoints(self.party.name, (other.body, note)))
        if head is not None and self._head(head).root != body.root:
            raise head_against_checkpoint(self.party.name, body.size, head.body, note)

    def compare_head(self, head: Head) -> None:
        """Equivocation if a head or a checkpoint of that size and another root was kept."""
        other, note = (self._kept[kind].get(head.size) for kind in (HEAD, NOTE))
        text = head.text.encode()
        if other is not None and self._head(other).root != head.root:
            raise Equivocation(
                f"{head.sender} signed two heads of {head.size} leaves with different roots",
                evidence=TwoHeads(head.sender, (other.body, text), ()))
        if note is not None and _root_of(note.body) != head.root:
            raise head_against_checkpoint(head.sender, head.size, text, note.body)

    def compare_leaf(self, index: int, leaf: bytes) -> None:
        """Equivocation if another statement for that place was refused before."""
        other = self._kept[LEAF].get(index)
        if other is not None and other.body != leaf and _stands_at(other.body, index):
            raise Equivocation(f"{self.party.name} signed two statements for leaf {index}",
                               evidence=TwoStatements(self.party.name, (other.body, leaf)))

    def _keep(self, kind: str, place: int, signed: bytes) -> None:
        kept = self._kept[kind]
        if place in kept:
            return                         # the first one stays: the next is held against it
        number = next(reversed(kept.values())).number + 1 if kept else 0
        kept[place] = RefusedRow(self.party.name, kind, number, place, signed)
        self.unsaved.append(kept[place])
        if len(kept) > limits.REFUSED_KEPT_MAX:
            del kept[next(iter(kept))]


def head_against_checkpoint(party: str, size: int, head: bytes, note: bytes) -> Equivocation:
    """What a head and a checkpoint of one size and of different roots are."""
    return Equivocation(
        f"{party} signed a head of {size} leaves with another root than its checkpoint's",
        evidence=HeadAgainstCheckpoint(party, head, note))


def is_signed(leaf: bytes, mirror: Mirror) -> bool:
    """Did the statements key of a mirror's party sign a leaf, whatever it says?"""
    try:
        verify_signature(leaf, mirror.peer.keys.statements, mirror.party)
    except LuftromError:
        return False
    return True


def _root_of(note: bytes) -> bytes:
    return parse_checkpoint(parse_note(note).text).root


def _stands_at(leaf: bytes, index: int) -> bool:
    """Is it a statement that says that it stands there?"""
    try:
        return parse_statement(leaf).index == index
    except LuftromError:
        return False
