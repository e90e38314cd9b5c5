"""A client of C2SP tlog-mirror's submission endpoints, written from the specification alone.

It shares nothing with the node: hashes, proofs and request bodies are made here from plain leaves.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from hashlib import sha256

PACKAGE = 256


def hash_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\1" + hash_of(leaves[:k]) + hash_of(leaves[k:])).digest()


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def subtree_proof(leaves: Sequence[bytes], start: int, end: int, known: bool = True) -> list[bytes]:
    """SUBTREE_SUBPROOF of draft-ietf-plants-merkle-tree-certs; from 0 it is PROOF of RFC 6962."""
    n = len(leaves)
    if start == 0 and end == n:
        return [] if known else [hash_of(leaves)]
    k = largest_power_below(n)
    if end <= k:
        return [*subtree_proof(leaves[:k], start, end, known), hash_of(leaves[k:])]
    if k <= start:
        return [*subtree_proof(leaves[k:], start - k, end - k, known), hash_of(leaves[:k])]
    return [*subtree_proof(leaves[k:], 0, end - k, False), hash_of(leaves[:k])]


def add_checkpoint_body(old: int, leaves: Sequence[bytes], note: bytes) -> bytes:
    """The `add-checkpoint` request for a checkpoint over all the leaves."""
    proof = subtree_proof(leaves, 0, old) if 0 < old < len(leaves) else []
    lines = [f"old {old}", *(base64.b64encode(item).decode() for item in proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def packages(leaves: Sequence[bytes], start: int, end: int) -> list[bytes]:
    """The canonical sequence of entry packages for [start, end); an empty one has none."""
    result: list[bytes] = []
    if start == end:
        return result
    for low in range(start - start % PACKAGE, end, PACKAGE):
        first, last = max(start, low), min(end, low + PACKAGE)
        proof = subtree_proof(leaves[:end], low, last)
        result.append(b"".join([struct.pack(">H", len(leaf)) + leaf for leaf in leaves[first:last]])
                      + bytes([len(proof)]) + b"".join(proof))
    return result


def add_entries_body(origin: str, start: int, end: int, parts: Sequence[bytes],
                     ticket: bytes = b"") -> bytes:
    """The `add-entries` request with these packages."""
    name = origin.encode()
    return (struct.pack(">H", len(name)) + name + struct.pack(">QQH", start, end, len(ticket))
            + ticket + b"".join(parts))


def parse_entry_bundle(data: bytes) -> list[bytes]:
    """Entries of a tlog-tiles bundle."""
    entries, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 2], "big")
        entries.append(data[at + 2:at + 2 + size])
        at += 2 + size
    return entries
