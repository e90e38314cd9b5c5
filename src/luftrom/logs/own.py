"""The own log: statements are staged, sealed under one checkpoint, then published."""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.logs.held import HeldLog
from luftrom.store.protocol import Store, Writes
from luftrom.transparency.checkpoint import sign_checkpoint, sign_lines
from luftrom.transparency.merkle import leaf_hash
from luftrom.transparency.note import NoteSigner, add_lines, split_signers


class OwnLog(HeldLog):
    """The log that this node appends to. Only the conductor calls the methods that change it."""

    def __init__(self, store: Store, party: str, origin: str, signers: Sequence[NoteSigner]):
        super().__init__(store, party, origin)
        self._signers, self._later = split_signers(signers)
        self.lacks_lines = bool(self._later)   # of those that sign later, under the newest note

    def stage(self, leaf: bytes, disclosures: Sequence[bytes], writes: Writes) -> None:
        """Add a leaf behind the last; it counts once `writes` is committed and published."""
        index = self.tree.size
        self.tree.append(leaf_hash(leaf))
        writes.leaves.append((self.party, index, leaf))
        writes.disclosures += [(self.party, index, n, d) for n, d in enumerate(disclosures)]

    def seal(self, writes: Writes, time_s: int) -> bytes:
        """Sign a checkpoint over all staged leaves and put it into the same transaction.

        A crash before the commit leaves neither the leaves nor the checkpoint, and nobody has seen
        the signature: the log never signs two histories.
        """
        note = self.sign(self.tree.size, time_s)
        writes.checkpoints.append((self.party, self.tree.size, note))
        self.lacks_lines = bool(self._later)
        return note

    def sign_later(self, note: bytes, writes: Writes, time_s: int) -> bytes:
        """Put the signatures that follow under the newest checkpoint, in the same transaction."""
        size = self.tree.size
        note = add_lines(note, sign_lines(self.body(size), self._later, time_s))
        writes.checkpoints.append((self.party, size, note))
        self.lacks_lines = False
        return note

    def sign(self, size: int, time_s: int) -> bytes:
        """A signed checkpoint over the first `size` leaves."""
        return sign_checkpoint(self.body(size), self._signers, time_s)

    def publish(self, note: bytes) -> None:
        """Show the staged leaves and their checkpoint: they are durable now."""
        self.size, self.note = self.tree.size, note
