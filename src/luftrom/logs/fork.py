"""A fork: the proof that a party signed two histories of its log, and where the two part.

Both checkpoints bear the party's log key. The proof shows the same first `end` leaves in both, and
behind them another leaf in each: everybody learns from it alone how much of the log is common
(PROTOCOL.md, 21). It holds hashes and no leaf, so that no forker can make it too large to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from luftrom.agreement.party import Party
from luftrom.errors import LuftromError, Unverified
from luftrom.transparency.checkpoint import verify_checkpoint
from luftrom.transparency.merkle import (
    TILE_WIDTH,
    Tree,
    full_nodes,
    node_hash,
    root_of_nodes,
    tile_path,
    verify_consistency,
)
from luftrom.transparency.note import ED25519, Note, encode_note, parse_note, parse_vkey

_TILE_HEIGHT = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """One of two histories: its signed checkpoint, the hash of its leaf behind the common ones,
    and the consistency proof from there to the checkpoint."""

    note: bytes
    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """A party's two histories, which have the first `end` leaves in common and no more.

    `before` are the hashes of the largest full nodes over these, from left to right. The branches
    are sorted by their leaf: one proof has one text.
    """

    party: str
    end: int
    before: tuple[bytes, ...]
    branches: tuple[Branch, Branch]


def verify_fork(fork: Fork, party: Party) -> None:
    """Unverified (not_proven) unless the party signed both histories, and they part at `end`."""
    one, other = fork.branches
    try:
        if one.leaf >= other.leaf:
            raise Unverified("its two histories go on with one leaf, or are not in their order")
        if len(fork.before) != fork.end.bit_count():
            raise Unverified(f"{len(fork.before)} hashes do not stand for {fork.end} leaves")
        for branch in fork.branches:
            _verify_branch(fork, branch, party)
    except LuftromError as error:
        raise Unverified(f"does not prove that {party.name} has forked: {error}",
                         code="not_proven") from None


def _verify_branch(fork: Fork, branch: Branch, party: Party) -> None:
    keys = [parse_vkey(vkey) for vkey in party.keys.log]
    body = verify_checkpoint(branch.note, keys, party.log_origin).checkpoint
    if body.size <= fork.end:
        raise Unverified(f"a checkpoint of {body.size} leaves says nothing of leaf {fork.end}")
    verify_consistency(fork.end + 1, body.size, branch.proof,
                       root_of_nodes((*fork.before, branch.leaf)), body.root)


# -- finding it ----------------------------------------------------------------------------------

class Lacking(Exception):
    """A tile that is needed next, by its path below the log's prefix."""

    def __init__(self, path: str):
        super().__init__(path)
        self.path = path


class ShownTree(Tree):
    """The tree of a log as somebody shows it, read from those tiles that are here so far.

    Reading a node of another tile raises Lacking: fetch it, put it into `tiles`, and read again.
    """

    __slots__ = ("_shown_size", "tiles")

    def __init__(self, size: int, tiles: Mapping[str, bytes]):
        super().__init__()
        self._shown_size, self.tiles = size, tiles

    @property
    def size(self) -> int:
        """How many leaves its checkpoint covers."""
        return self._shown_size

    def node(self, level: int, index: int) -> bytes:
        """The hash of a full node, from the tile that holds it or the nodes below it."""
        height = level % _TILE_HEIGHT
        if height:
            return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))
        tile, place = divmod(index, TILE_WIDTH)
        width = min(TILE_WIDTH, (self.size >> level) - tile * TILE_WIDTH)
        path = tile_path(level // _TILE_HEIGHT, tile, width)
        if path not in self.tiles:
            raise Lacking(path)
        return self.tiles[path][32 * place:32 * place + 32]


def find_fork(party: Party, tree: Tree, note: bytes, shown: bytes, tiles: Mapping[str, bytes]
              ) -> Fork | None:
    """The proof that a log is another one elsewhere than here, or None: as far as both go they
    are one.

    `note` covers the leaves of `tree`, as they are held here; `shown` is the checkpoint that is
    shown elsewhere, and `tiles` are those fetched of that log so far. Raises Lacking for the next,
    and Unverified where what is shown proves nothing.
    """
    keys = [parse_vkey(vkey) for vkey in party.keys.log]
    size, other_size = (verify_checkpoint(each, keys, party.log_origin).checkpoint.size
                        for each in (note, shown))
    other = ShownTree(other_size, tiles)
    end = _first_difference(tree, other, min(size, other_size))
    if end is None:
        return None
    before = tuple(tree.node(level, index) for level, index in full_nodes(0, end))
    branches = [Branch(_spare(each, party), log.node(0, end),
                       tuple(log.consistency_proof(end + 1, size)))
                for each, log, size in ((note, tree, size), (shown, other, other_size))]
    one, two = sorted(branches, key=lambda branch: branch.leaf)
    fork = Fork(party.name, end, before, (one, two))
    verify_fork(fork, party)
    return fork


def _first_difference(one: Tree, other: Tree, size: int) -> int | None:
    """The first of `size` leaves in which two logs differ, or None: a few nodes of each tell."""
    for level, index in full_nodes(0, size):
        if one.node(level, index) == other.node(level, index):
            continue
        while level:
            level, index = level - 1, 2 * index
            index += one.node(level, index) == other.node(level, index)
        return index
    return None


def _spare(note: bytes, party: Party) -> bytes:
    """The checkpoint with what proves it alone: whatever else stands below it may be large."""
    parsed = parse_note(note)
    keys = {key.key for key in map(parse_vkey, party.keys.log) if key.type == ED25519}
    lines = {line.key: line for line in parsed.signatures if line.key in keys}
    return encode_note(Note(parsed.text, tuple(lines[key] for key in sorted(lines))))
