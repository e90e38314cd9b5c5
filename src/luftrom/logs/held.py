"""A log as it is held here: the tree over its leaves, and what is durable of it."""

from __future__ import annotations

from luftrom.errors import NotFound
from luftrom.store.protocol import Store
from luftrom.transparency.checkpoint import Checkpoint
from luftrom.transparency.merkle import Tree, encode_entry_bundle, leaf_hash

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
        if not self.is_of_this_log(self.note):
            raise NotFound(f"the log {self.origin} has no checkpoint yet")
        return self.note

    def is_of_this_log(self, note: bytes) -> bool:
        """Is a checkpoint held here not one of the log before it, which goes on as this one?"""
        return note.startswith(self.origin.encode() + b"\n")

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
