"""Merkle trees: hashes, proofs and tiles of a log.

Hashes and proofs follow RFC 6962, section 2.1 (RFC 9162, section 2.1); subtrees and their
consistency proofs draft-ietf-plants-merkle-tree-certs, section "Subtrees", to which C2SP
tlog-mirror refers; tiles, entry bundles and their paths C2SP tlog-tiles. An inclusion proof is the
subtree proof of one leaf, a consistency proof that of a subtree which begins at leaf 0.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from luftrom import limits
from luftrom.errors import BadInput, TooLarge, Unverified

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32
TILE_WIDTH = 256
_TILE_HEIGHT = 8
_LEVEL_MAX = 63                            # tlog-tiles, Merkle Tree
_INDEX_MAX = 2**63
_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?",
                   re.ASCII)


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, section 2.1)."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with two children (RFC 6962, section 2.1)."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """An append-only tree over leaf hashes.

    Kept are the hashes of all full nodes, level by level: 64 bytes a leaf in all. Appending costs
    one hash a leaf in the mean, a root or a proof a number that grows with the tree's height.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes behind the last."""
        self._levels[0] += b"".join(leaves)
        level = 0
        while True:
            below = self._levels[level]
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level]
            done = 2 * len(above)
            full = len(below) - len(below) % (2 * HASH_BYTES)
            if done == full:
                break
            above += b"".join([sha256(b"\1" + below[i:i + 2 * HASH_BYTES]).digest()
                               for i in range(done, full, 2 * HASH_BYTES)])

    def truncate(self, size: int) -> None:
        """Forget every leaf from `size` on."""
        for level, hashes in enumerate(self._levels):
            del hashes[(size >> level) * HASH_BYTES:]

    def leaf_hash_at(self, index: int) -> bytes:
        """The hash of one leaf."""
        self._check(index, index + 1, self.size)
        return self.node(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root hash of the first `size` leaves, or of all."""
        if size is None:
            size = self.size
        self._check(0, size, self.size)
        return self._hash(0, size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """That leaf `index` is in the tree of the first `size` leaves (RFC 6962, 2.1.1)."""
        return self.subtree_proof(index, index + 1, size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """That the first `old` leaves begin the first `new` ones (RFC 6962, 2.1.2)."""
        return self.subtree_proof(0, old, new)

    def subtree_root(self, start: int, end: int) -> bytes:
        """The hash of the subtree [start, end)."""
        self._check(start, end, self.size)
        _check_subtree(start, end)
        return self._hash(start, end)

    def subtree_proof(self, start: int, end: int, size: int) -> list[bytes]:
        """That the subtree [start, end) is part of the tree of the first `size` leaves."""
        self._check(start, end, size)
        self._check(0, size, self.size)
        _check_subtree(start, end)
        if start == end:
            return []
        low, high, known, proof = 0, size, True, []
        while (low, high) != (start, end):
            # The verifier can hash what it knows; beside each step it needs the other side.
            middle = low + _split(high - low)
            if end <= middle:
                proof.append(self._hash(middle, high))
                high = middle
            else:
                proof.append(self._hash(low, middle))
                if start < middle:         # the subtree goes on beyond the middle: it has no node
                    known, start = False, middle
                low = middle
        if not known:
            proof.append(self._hash(start, end))
        return proof[::-1]

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """The hashes of a tile, or of the first `width` of it (tlog-tiles)."""
        height = _TILE_HEIGHT * level
        start = index * TILE_WIDTH
        if not 0 < width <= TILE_WIDTH or start < 0 or start + width > self.size >> height:
            raise BadInput("there is no such tile in this tree")
        return bytes(self._levels[height][start * HASH_BYTES:(start + width) * HASH_BYTES])

    def node(self, level: int, index: int) -> bytes:
        """The hash of a full node, which is there."""
        return bytes(self._levels[level][index * HASH_BYTES:(index + 1) * HASH_BYTES])

    def _hash(self, start: int, end: int) -> bytes:
        """MTH of [start, end), which begins where a full node of its size would."""
        return root_of_nodes([self.node(level, index) for level, index in full_nodes(start, end)])

    @staticmethod
    def _check(start: int, end: int, size: int) -> None:
        if not 0 <= start <= end <= size:
            raise BadInput(f"[{start}, {end}) is not within a tree of {size} leaves")


def full_nodes(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Level and index of the largest full nodes over the leaves [start, end), from left to right.

    It must begin where a full node of its size would.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def root_of_nodes(nodes: Sequence[bytes]) -> bytes:
    """The root of the tree whose largest full nodes these are, from left to right."""
    if not nodes:
        return EMPTY_ROOT
    *others, result = nodes
    for node in reversed(others):
        result = node_hash(node, result)
    return result


def is_subtree(start: int, end: int) -> bool:
    """Is [start, end) so placed that it can be a subtree of a tree that holds it?"""
    return 0 <= start <= end and start % (1 << max(0, end - start - 1).bit_length()) == 0


def _check_subtree(start: int, end: int) -> None:
    if not is_subtree(start, end):
        raise BadInput(f"[{start}, {end}) is no subtree: it must begin at a multiple of its size, "
                       "rounded up to a power of two")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


# -- proofs --------------------------------------------------------------------------------------

def verify_inclusion(index: int, size: int, proof: Sequence[bytes], leaf: bytes, root: bytes
                     ) -> None:
    """Unverified unless `leaf` is the hash of leaf `index` in the tree that `root` stands for."""
    if not 0 <= index < size:
        raise Unverified(f"there is no leaf {index} in a tree of {size}", code="not_included")
    if not _proves(index, index + 1, size, proof, leaf, root):
        raise Unverified(f"the proof does not show leaf {index} in the tree of {size}",
                         code="not_included")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes,
                       new_root: bytes) -> None:
    """Unverified unless the tree of `old` leaves begins the tree of `new` ones."""
    if not _proves(0, old, new, proof, old_root, new_root):
        raise Unverified(f"the proof does not show that the tree of {new} leaves continues the "
                         f"tree of {old}", code="not_consistent")


def verify_subtree_consistency(start: int, end: int, size: int, proof: Sequence[bytes],
                               subtree_root: bytes, root: bytes) -> None:
    """Unverified unless the subtree [start, end) with its hash is part of the tree of `size`."""
    if not _proves(start, end, size, proof, subtree_root, root):
        raise Unverified(f"the proof does not show leaves {start} to {end} in the tree of {size}",
                         code="not_consistent")


def _proves(start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes,
            root: bytes) -> bool:
    """Verifying a subtree consistency proof; `sub` grows into its hash, `whole` into the root.

    `first` and `last` are the subtree's ends and `top` the tree's last node, all on the level that
    the proof has reached.
    """
    if not is_subtree(start, end) or end > size or any(len(c) != HASH_BYTES for c in proof):
        return False
    if start == end:
        return not proof and subtree_root == EMPTY_ROOT
    first, last, top = start, end - 1, size - 1
    # Climb while the subtree's last node has no right sibling that the proof would bring.
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    rest = iter(proof)
    sub = whole = subtree_root if first == last else next(rest, b"")
    for other in rest:
        if top == 0:
            return False
        if last & 1 or last == top:
            if first < last:
                sub = node_hash(other, sub)
            whole = node_hash(other, whole)
            while not last & 1:            # a node without a sibling stands for its parents too
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            whole = node_hash(whole, other)
        first, last, top = first >> 1, last >> 1, top >> 1
    return top == 0 and sub == subtree_root and whole == root


# -- tiles and entry bundles ---------------------------------------------------------------------

def encode_entry_bundle(leaves: Iterable[bytes]) -> bytes:
    """Leaves, each behind its length in two bytes, big-endian."""
    parts = []
    for leaf in leaves:
        if len(leaf) > limits.LEAF_BYTES_MAX:
            raise TooLarge(f"a leaf has {len(leaf)} bytes; at most {limits.LEAF_BYTES_MAX} are "
                           "taken")
        parts += [struct.pack(">H", len(leaf)), leaf]
    return b"".join(parts)


def parse_entry_bundle(data: bytes) -> list[bytes]:
    """An entry bundle to its 1 to 256 leaves; BadInput if it ends early or late."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise BadInput(f"the entry bundle ends inside its entry {len(leaves)}")
        leaves.append(data[start:at])
        if len(leaves) > TILE_WIDTH:
            raise BadInput(f"an entry bundle holds at most {TILE_WIDTH} entries")
    if not leaves:
        raise BadInput("an entry bundle holds at least one entry")
    return leaves


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile below a log's prefix; `level` is `"entries"` for an entry bundle."""
    if level != "entries" and (not isinstance(level, int) or not 0 <= level <= _LEVEL_MAX):
        raise BadInput(f"must be 0 to {_LEVEL_MAX} or entries", field="level")
    if not 0 <= index < _INDEX_MAX:
        raise BadInput("must be a whole number from 0 on", field="index")
    if not 0 < width <= TILE_WIDTH:
        raise BadInput(f"must be 1 to {TILE_WIDTH}", field="width")
    digits = f"{index:03d}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{name}" + ("" if width == TILE_WIDTH else f".p/{width}")


def parse_tile_path(path: str) -> tuple[int | str, int, int]:
    """A path to level (or `"entries"`), index and width; BadInput if it is not canonical."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise BadInput("must be tile/<level>/<index>, with .p/<width> if it is partial")
    level: int | str = match[1] if match[1] == "entries" else int(match[1])
    index = int(match[2].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if match[3] is None else int(match[3])
    if (match[3] is not None and width == TILE_WIDTH) or tile_path(level, index, width) != path:
        raise BadInput("must write numbers without more zeroes than the format asks for")
    return level, index, width
