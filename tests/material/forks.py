"""Forks made of leaves: two histories of a log, signed by its keys, and the proof of that."""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.logs.fork import Branch, Fork
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.merkle import Tree, full_nodes, leaf_hash
from luftrom.transparency.note import NoteSigner


def tree_of(leaves: Sequence[bytes]) -> Tree:
    """The tree over leaves."""
    tree = Tree()
    tree.extend([leaf_hash(leaf) for leaf in leaves])
    return tree


def note_of(party: str, signers: Sequence[NoteSigner], leaves: Sequence[bytes]) -> bytes:
    """A signed checkpoint over all of them."""
    body = Checkpoint(f"{party}/log", len(leaves), tree_of(leaves).root())
    return sign_checkpoint(body, signers, 1_800_000_000)


def fork_of(party: str, signers: Sequence[NoteSigner], one: Sequence[bytes],
            other: Sequence[bytes]) -> Fork:
    """The proof that the party signed both, made without the code that finds one."""
    end = next(k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    tree = tree_of(one)
    branches = sorted((Branch(note_of(party, signers, leaves), leaf_hash(leaves[end]),
                              tuple(tree_of(leaves).consistency_proof(end + 1, len(leaves))))
                       for leaves in (one, other)), key=lambda branch: branch.leaf)
    return Fork(party, end, tuple(tree.node(*node) for node in full_nodes(0, end)),
                (branches[0], branches[1]))
