"""What a peer signed and did not count here: kept, since it may contradict what it signs later.

Two signed things of one party that cannot both be true prove each other, whether either was taken.
So checkpoints, statements and heads are kept whose message was refused, and heads of more leaves
than were shown. All of it is kept in memory and with the next step in the store, of each kind the
newest `REFUSED_KEPT_MAX`, each in the place of the one so many before it. A restore ends it: what
was sent before and taken by nobody is lost to its author, who signs other things in its place and
says so with a statement `restored`, for all to see.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
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
from luftrom.transparency.checkpoint import parse_checkpoint
from luftrom.transparency.merkle import Tree
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
        """Take up what the store has, oldest first, as far as it is of the log that goes on.

        Heads under a channel key that the party has no more prove nothing to anybody.
        """
        for row in rows:
            with suppress(LuftromError):
                if row.party == self.party.name and self._is_of_log(row, agreement):
                    self._kept[row.kind][row.place] = row

    def _is_of_log(self, row: RefusedRow, agreement: Agreement) -> bool:
        start = self.party.new_log
        if row.kind == HEAD:
            agreed = self._head(row).agreement
            return start is None or agreed == agreement.digest
        if start is None:
            return row.kind in self._kept
        if row.kind == NOTE:
            return row.body.startswith(f"{self.party.log_origin}\n".encode())
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
        """Keep a head under which a message was refused, or of leaves that are not here yet."""
        self._keep(HEAD, head.size, head.text.encode())

    def forget(self) -> None:
        """The party was restored: what it had signed before binds it as far as it was taken."""
        self.unsaved.clear()
        for kept in self._kept.values():
            kept.clear()

    def compare(self, tree: Tree, held: int, note: bytes) -> None:
        """Equivocation if a checkpoint or a head was kept of another history than that of `tree`,
        which `note` covers.

        Of what is `held` here already nothing else can be taken: what agrees with it is dropped.
        """
        for kind in (NOTE, HEAD):
            for size in [size for size in self._kept[kind] if 0 < size <= tree.size]:
                kept, root = self._kept[kind][size], tree.root(size)
                said = _root_of(kept.body) if kind == NOTE else self._head(kept).root
                if said != root:
                    raise self._of_two_histories(kind, kept.body, size, tree, note)
                if size <= held:
                    del self._kept[kind][size]

    def _of_two_histories(self, kind: str, kept: bytes, size: int, tree: Tree, note: bytes
                          ) -> Equivocation:
        if kind == HEAD:
            return head_against_checkpoint(self.party.name, size, kept, note, tree)
        evidence = TwoCheckpoints(self.party.name, (kept, note), *_shown(size, tree))
        return Equivocation(f"{self.party.name} signed two histories of {size} leaves",
                            evidence=evidence)

    def compare_head(self, head: Head) -> None:
        """Equivocation if a head or a checkpoint of that size and another root was kept."""
        other, note = (self._kept[kind].get(head.size) for kind in (HEAD, NOTE))
        if note is not None and _root_of(note.body) != head.root:
            raise head_against_checkpoint(head.sender, head.size, head.text.encode(), note.body)
        if other is not None and self._head(other).root != head.root:
            raise Equivocation(
                f"{head.sender} signed two heads of {head.size} leaves with different roots",
                evidence=TwoHeads(head.sender, (other.body, head.text.encode()), ()))

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


def head_against_checkpoint(party: str, size: int, head: bytes, note: bytes,
                            tree: Tree | None = None) -> Equivocation:
    """What a head is of another root than a log had at that size.

    The checkpoint covers `tree`, or as many leaves as the head.
    """
    return Equivocation(
        f"{party} signed a head of {size} leaves with another root than its log has",
        evidence=HeadAgainstCheckpoint(party, head, note, *(
            _shown(size, tree) if tree is not None else ())))


def _shown(size: int, tree: Tree) -> tuple[bytes, tuple[bytes, ...]]:
    """The root that a tree had at a size, and the proof that it had; empty at its own size."""
    if size == tree.size:
        return b"", ()
    return tree.root(size), tuple(tree.consistency_proof(size, tree.size))


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
