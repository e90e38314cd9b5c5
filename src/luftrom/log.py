"""A party's log as this node holds it: the own log, which it writes, and what mirrors share.

Leaves are staged in memory, committed by the node in one transaction, and only then published:
readers see the published size and nothing beyond it. Layout and paths follow C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.checkpoint import Checkpoint, sign_checkpoint
from luftrom.errors import NotFound
from luftrom.merkle import Tree, encode_entry_bundle, leaf_hash
from luftrom.note import NoteSigner
from luftrom.store import Store, Writes

_TILE_WIDTH = 256


class HeldLog:
    """The leaves of one party's log, their tree, and the newest checkpoint that covers them.

    `size` leaves are published; the tree may hold more that are staged and not yet durable.
    """

    def __init__(self, store: Store, party: str, origin: str):
        self.store = store
        self.party = party
        self.origin = origin
        self.tree = Tree()
        size = store.size(party)
        for start in range(0, size, 4096):
            leaves = store.leaves(party, start, min(start + 4096, size))
            self.tree.extend([leaf_hash(leaf) for leaf in leaves])
        held = store.checkpoint(party)
        self.size, self.note = held if held else (0, b"")

    @property
    def root(self) -> bytes:
        """The root hash of the published tree."""
        return self.tree.root(self.size)

    def body(self, size: int) -> Checkpoint:
        """The checkpoint of the first `size` leaves, unsigned."""
        return Checkpoint(self.origin, size, self.tree.root(size))

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint; NotFound while there is none."""
        if not self.note:
            raise NotFound(f"the log {self.origin} has no checkpoint yet")
        return self.note

    def tile(self, level: int, index: int, width: int = _TILE_WIDTH) -> bytes:
        """Hashes of a tile (C2SP tlog-tiles); NotFound beyond the published tree."""
        available = (self.size >> (8 * level)) - index * _TILE_WIDTH if level < 8 else 0
        if not 0 < width <= min(available, _TILE_WIDTH):
            raise NotFound("there is no such tile in the published tree")
        return self.tree.tile(level, index, width)

    def entry_bundle(self, index: int, width: int = _TILE_WIDTH) -> bytes:
        """Entries of a bundle, each with its length; NotFound beyond the published tree."""
        start = index * _TILE_WIDTH
        if not 0 < width <= min(self.size - start, _TILE_WIDTH):
            raise NotFound("there is no such entry bundle in the published tree")
        return encode_entry_bundle(self.store.leaves(self.party, start, start + width))


class OwnLog(HeldLog):
    """The log that this node appends to. Only the conductor calls the methods that change it."""

    def __init__(self, store: Store, party: str, origin: str, signers: Sequence[NoteSigner]):
        super().__init__(store, party, origin)
        self._signers = tuple(signers)

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
        return note

    def sign(self, size: int, time_s: int) -> bytes:
        """A signed checkpoint over the first `size` leaves."""
        return sign_checkpoint(self.body(size), self._signers, time_s)

    def publish(self, note: bytes) -> None:
        """Show the staged leaves: they are durable now."""
        self.size, self.note = self.tree.size, note
