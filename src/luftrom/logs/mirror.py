"""A node's verified, durable copy of a peer's log, and the receipts the two have given each other.

C2SP tlog-mirror: the mirror cosigns a checkpoint only after every leaf below it is durable here.
Statements that this node signs have seen all that is mirrored, open or not; `applied` says how many
leaves the airspace was computed from, which are those that are open. What C2SP's `add-entries`
brings is held as pending entries, behind the mirror checkpoint, until an exchange brings it in the
order of knowledge. Changes are staged into one transaction by the conductor and shown by `publish`
once that is committed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from luftrom.agreement.party import Party
from luftrom.errors import Unverified
from luftrom.logs.head import Head, read_counts
from luftrom.logs.held import HeldLog
from luftrom.store.protocol import HeadRow, ReceiptRow, Store, Writes
from luftrom.transparency.checkpoint import (
    Checkpoint,
    VerifiedCheckpoint,
    sign_lines,
    verify_checkpoint,
)
from luftrom.transparency.merkle import leaf_hash
from luftrom.transparency.note import NoteSigner, parse_vkey, split_signers
from luftrom.transparency.receipt import attach_receipt, sign_receipt, verify_receipt


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A peer's head: how large its log was, and how many own leaves were open to it."""

    size: int
    opened: int
    head: str


class Mirror(HeldLog):
    """One peer's log as held here. Only the conductor calls the methods that change it.

    `size`, `note`, `given_size`, `given_lines` and `opened_size` are published: durable here and
    fit to be shown. `receipts` are those that own declarations may wait for, smallest first, and
    `head` is the newest head of the peer whose leaves are all mirrored here. `acknowledged`, where
    the agreement says to proceed, are the first heads that say so much of the own log to be open,
    and the newest one.
    `pending` is the newest checkpoint that C2SP's `add-checkpoint` brought, or the mirror's own.
    """

    def __init__(self, store: Store, peer: Party, signers: Sequence[NoteSigner],
                 proceeds: bool = False):
        super().__init__(store, peer.name, peer.log_origin)
        self.peer = peer
        self.prefix = hashlib.sha256(self.origin.encode()).hexdigest()
        self._signers, self._later = split_signers(signers)
        self.lacks_lines = bool(self._later)   # of those that sign later, in the newest receipt
        self._log_keys = tuple(parse_vkey(vkey) for vkey in peer.keys.log)
        self._receipt_keys = tuple(parse_vkey(vkey) for vkey in peer.keys.mirror)
        self.applied = store.applied(peer.name)
        self.given_size, self.given_lines = store.given(peer.name) or (0, b"")
        self.opened_size = self.applied
        self.pending = store.checkpoint(_pending_key(peer.name)) or (0, b"")
        if not self.is_of_this_log(self.pending[1]):
            self.pending = (0, b"")
        self.receipts = deque(store.receipts(peer.mirror_name))
        self.receipt = self.receipts[-1] if self.receipts else None
        self._lines = 0                    # bytes of the newest receipt's lines, as they came
        self.head = store.head(peer.name)
        self._proceeds = proceeds
        self.acknowledged: deque[Acknowledgement] = deque()
        if self.head is not None and proceeds:
            self.acknowledged.append(Acknowledgement(*read_counts(self.head.text), self.head.text))
        self._staged: tuple[Checkpoint, bytes] | None = None
        self._staged_leaves: dict[int, bytes] = {}
        self._given = (self.given_size, self.given_lines)

    def verify_checkpoint(self, note: bytes) -> VerifiedCheckpoint:
        """Check a checkpoint of the peer: Ed25519 must have signed, ML-DSA-44 may follow later."""
        verified, start = verify_checkpoint(note, self._log_keys, self.origin), self.peer.new_log
        if start is not None and verified.checkpoint.size < start.size:
            raise Unverified(f"the checkpoint covers {verified.checkpoint.size} leaves; by the "
                             f"agreement {self.origin} starts from {start.size}",
                             code="other_agreement")
        return verified

    def checkpoint(self) -> bytes:
        """The mirror checkpoint with the peer's signatures and this mirror's cosignatures."""
        note = super().checkpoint()
        return attach_receipt(note, self.given_lines) if self.given_size == self.size else note

    @property
    def staged_size(self) -> int:
        """Up to where the newest checkpoint that this mirror goes by covers, durable or not."""
        return self._staged[0].size if self._staged else self.size

    def leaf(self, index: int) -> bytes:
        """One leaf that is held, durable or staged."""
        staged = self._staged_leaves.get(index)
        return self.store.leaves(self.party, index, index + 1)[0] if staged is None else staged

    @property
    def staged_note(self) -> bytes:
        """The newest checkpoint that this mirror goes by, durable or not."""
        return self._staged[1] if self._staged else self.note

    @property
    def receipted_size(self) -> int:
        """How many leaves the newest receipt given here covers, durable or staged."""
        return self._given[0]

    # -- staging -----------------------------------------------------------------------------

    def hold(self, leaves: Sequence[bytes], writes: Writes) -> None:
        """Stage verified leaves behind the last one held."""
        start = self.tree.size
        self.tree.extend([leaf_hash(leaf) for leaf in leaves])
        writes.leaves += [(self.party, start + i, leaf) for i, leaf in enumerate(leaves)]
        self._staged_leaves.update(enumerate(leaves, start))

    def move(self, body: Checkpoint, note: bytes, writes: Writes) -> None:
        """Stage a verified checkpoint over leaves that are held; an older one changes nothing.

        One of the same size takes the place of another that bears fewer signatures.
        """
        if body.size < self.staged_size or (
                body.size == self.staged_size and len(note) <= len(self.staged_note)):
            return
        self._staged = (body, note)
        writes.checkpoints.append((self.party, body.size, note))
        if body.size > self.pending[0]:
            self.expect(body.size, note, writes)

    def expect(self, size: int, note: bytes, writes: Writes) -> None:
        """Stage a pending checkpoint (tlog-mirror, `add-checkpoint`)."""
        self.pending = (size, note)
        writes.checkpoints.append((_pending_key(self.party), size, note))

    @property
    def is_pending_whole(self) -> bool:
        """Are all leaves of the pending checkpoint held?"""
        return self.pending[0] <= self.tree.size

    def drop_pending(self, writes: Writes) -> None:
        """Stage that nothing is pending any more: what was uploaded is of another history."""
        size = self.staged_size
        if self.pending[0] <= size:
            return
        self.tree.truncate(size)
        self._staged_leaves = {i: leaf for i, leaf in self._staged_leaves.items() if i < size}
        writes.leaves[:] = [row for row in writes.leaves if row[0] != self.party or row[1] < size]
        writes.dropped.append((self.party, size))
        self.expect(size, self.staged_note, writes)

    def apply_up_to(self, size: int, writes: Writes) -> None:
        """Stage that the airspace was computed from the first `size` leaves."""
        if size > self.applied:
            self.applied = size
            writes.applied.append((self.party, size))

    def count_no_more(self, applied: int) -> None:
        """Its party forked: no more than so many leaves count."""
        self.applied = self.opened_size = applied

    def give_receipt(self, writes: Writes, time_s: int) -> None:
        """Cosign all leaves that are mirrored, in the transaction that holds them.

        The lines leave this process only after `publish`; a crash before the commit leaves
        neither the leaves nor the lines.
        """
        size = self.staged_size
        if size > self._given[0]:
            self._given = (size, sign_receipt(self.body(size), self._signers, time_s))
            self.lacks_lines = bool(self._later)
            writes.given.append((self.party, *self._given))

    def renew_receipt(self, writes: Writes, time_s: int) -> None:
        """Cosign the same leaves as those of the log that its party goes on with."""
        size = self._given[0]
        self._given = (size, sign_receipt(self.body(size), self._signers, time_s))
        writes.given.append((self.party, *self._given))

    def sign_later(self, writes: Writes, time_s: int) -> None:
        """Put the signatures that follow into the newest receipt, in the same transaction."""
        size, lines = self._given
        if size > self.tree.size:
            return                         # what it covers is being fetched again
        self.lacks_lines = False
        if size:
            self._given = (size, lines + sign_lines(self.body(size), self._later, time_s))
            writes.given.append((self.party, *self._given))

    def verify_receipt(self, own: HeldLog, size: int, lines: bytes) -> None:
        """Check the peer's signatures under a receipt for the first `size` own leaves."""
        verify_receipt(own.body(size), lines, self._receipt_keys)

    @property
    def receipt_size(self) -> int:
        """How many own leaves the peer's newest receipt covers."""
        return self.receipt.size if self.receipt else 0

    def take_receipt(self, own: HeldLog, head: Head, lines: bytes, writes: Writes) -> None:
        """Keep the peer's verified receipt and the head that it came with."""
        if self._is_newer(head):
            self.head = HeadRow(self.party, head.size, head.time_s, head.text)
            writes.heads.append(self.head)
            if self._proceeds:
                self._take_acknowledgement(Acknowledgement(head.size, head.opened, head.text))
        size, last = head.mirrored, self.receipt
        if not self.is_news(size, lines):
            return                         # it covers no more than the last one
        if last is not None and size == last.size:
            # One that is for the log before this one is for the same leaves: the newer is kept.
            below = last.note if own.is_of_this_log(last.note) else own.body(size).encode()
            self.receipt = replace(last, note=attach_receipt(below, lines))
            self.receipts[-1] = self.receipt
        else:
            note = attach_receipt(own.note if size == own.size else own.body(size).encode(), lines)
            self.receipt = ReceiptRow(self.peer.mirror_name, size, head.size, note, head.text)
            self.receipts.append(self.receipt)
        self._lines = len(lines)
        writes.receipts.append(self.receipt)

    def _is_newer(self, head: Head) -> bool:
        """Is it newer than the newest? What says less to be open than before never is."""
        if self.head is None:
            return True
        if not self._proceeds:
            return (head.size, head.time_s) > (self.head.size, self.head.time_s)
        last = self.acknowledged[-1]
        return head.size >= last.size and head.opened >= last.opened and (
            (head.size, head.opened, head.time_s) > (last.size, last.opened, self.head.time_s))

    def _take_acknowledgement(self, told: Acknowledgement) -> None:
        held = self.acknowledged
        if len(held) > 1 and held[-1].opened == held[-2].opened:
            held.pop()                     # it was kept as the newest alone
        if not held or (told.size, told.opened) != (held[-1].size, held[-1].opened):
            held.append(told)

    def is_news(self, size: int, lines: bytes) -> bool:
        """Does a receipt cover more than the last, or the same with the signatures that follow?"""
        return size > self.receipt_size or (
            0 < size == self.receipt_size and len(lines) > self._lines)

    def receipt_for(self, index: int) -> ReceiptRow | None:
        """The first receipt that covers an own leaf, which is the one that cuts, or None."""
        return next((row for row in self.receipts if row.size > index), None)

    def acknowledging(self, index: int, least: int) -> Acknowledgement | None:
        """The first head that says that an own leaf is open to the peer, given with `least` leaves
        or more in its log, of which all are applied here; or None."""
        return next((each for each in self.acknowledged
                     if each.opened > index and least <= each.size <= self.applied), None)

    def forget_receipts(self, index: int) -> None:
        """No own leaf below `index` waits any more; the store keeps all of them."""
        while len(self.receipts) > 1 and self.receipts[0].size <= index:
            self.receipts.popleft()
        while len(self.acknowledged) > 1 and self.acknowledged[0].opened <= index:
            self.acknowledged.popleft()

    def publish(self) -> None:
        """Show what was staged: it is durable now."""
        if self._staged:
            body, self.note = self._staged
            self.size, self._staged = body.size, None
        self._staged_leaves.clear()
        self.given_size, self.given_lines = self._given
        self.opened_size = self.applied


def _pending_key(party: str) -> str:
    # A space cannot stand in a party's name, so this row is nobody's checkpoint.
    return f"{party} pending"
