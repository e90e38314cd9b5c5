"""A node's verified, durable copy of a peer's log, and the receipts the two have given each other.

C2SP tlog-mirror: the mirror cosigns a checkpoint only after every leaf below it is durable here.
`applied` says how many leaves the airspace was computed from: statements that this node signs have
seen exactly those, and it signs none while a receipt it gave covers more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from luftrom.agreement import Party
from luftrom.checkpoint import VerifiedCheckpoint, verify_checkpoint
from luftrom.log import HeldLog
from luftrom.note import NoteSigner, parse_vkey
from luftrom.receipt import attach_receipt, sign_receipt, verify_receipt
from luftrom.store import ReceiptRow, Store, Writes


class Mirror(HeldLog):
    """One peer's log as held here. Only the conductor calls the methods that change it."""

    def __init__(self, store: Store, peer: Party, signers: Sequence[NoteSigner]):
        super().__init__(store, peer.name, peer.log_origin)
        self.peer = peer
        self.prefix = hashlib.sha256(self.origin.encode()).hexdigest()
        self._signers = tuple(signers)
        self._log_keys = tuple(parse_vkey(vkey) for vkey in peer.keys.log)
        self._receipt_keys = tuple(parse_vkey(vkey) for vkey in peer.keys.mirror)
        self.applied = store.applied(peer.name)
        self.given_size, self.given_lines = store.given(peer.name) or (0, b"")
        self.pending = store.checkpoint(pending_key(peer.name))
        self.receipt_size = self.receipt_peer_size = 0
        for row in store.receipts(peer.mirror_name):
            self.receipt_size, self.receipt_peer_size = row.size, row.peer_size

    def verify_checkpoint(self, note: bytes) -> VerifiedCheckpoint:
        """Check the peer's signatures on a checkpoint; every agreed log key must have signed."""
        return verify_checkpoint(note, self._log_keys, self.origin)

    def checkpoint(self) -> bytes:
        """The mirror checkpoint with the peer's signatures and this mirror's cosignatures."""
        note = super().checkpoint()
        return attach_receipt(note, self.given_lines) if self.given_size == self.size else note

    def give_receipt(self, size: int, writes: Writes, time_s: int) -> bytes:
        """Cosign the first `size` leaves in the transaction that makes them durable.

        The lines may leave this process only after the commit; a crash before it leaves neither
        the leaves nor the lines.
        """
        lines = sign_receipt(self.body(size), self._signers, time_s)
        writes.given.append((self.party, size, lines))
        return lines

    def take_receipt(self, own: HeldLog, size: int, peer_size: int, lines: bytes,
                     writes: Writes) -> None:
        """Check and keep the peer's receipt for the first `size` leaves of the own log."""
        if size <= self.receipt_size:
            return
        body = own.body(size)
        verify_receipt(body, lines, self._receipt_keys)
        note = attach_receipt(own.note if size == own.size else body.encode(), lines)
        writes.receipts.append(ReceiptRow(self.peer.mirror_name, size, peer_size, note))
        self.receipt_size, self.receipt_peer_size = size, peer_size


def pending_key(party: str) -> str:
    """Under which name a store keeps the pending checkpoint of tlog-mirror's `add-checkpoint`."""
    return f"{party} pending"
