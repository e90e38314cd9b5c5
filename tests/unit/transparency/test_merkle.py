"""merkle: published vectors, every proof of every small tree, and nothing else verifies."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luftrom.errors import BadInput, TooLarge, Unverified
from luftrom.transparency.merkle import (
    EMPTY_ROOT,
    Tree,
    encode_entry_bundle,
    is_subtree,
    leaf_hash,
    node_hash,
    parse_entry_bundle,
    parse_tile_path,
    tile_path,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
)

VECTORS = Path(__file__).parents[2] / "vectors"
RFC6962 = json.loads((VECTORS / "rfc6962-merkle.json").read_text())
ACCUMULATED = json.loads((VECTORS / "subtrees-accumulated.json").read_text())


def tree_of(size: int) -> Tree:
    tree = Tree()
    tree.extend(leaf_hash(i.to_bytes(3, "big")) for i in range(size))
    return tree


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as it is written there."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else EMPTY_ROOT
    split = 1
    while 2 * split < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


@pytest.fixture(scope="module")
def reference() -> Tree:
    tree = Tree()
    for leaf in RFC6962["leaves"]:
        tree.append(leaf_hash(bytes.fromhex(leaf)))
    return tree


# -- published vectors ---------------------------------------------------------------------------

def test_roots_of_rfc_6962(reference: Tree) -> None:
    assert [reference.root(n).hex() for n in range(9)] == RFC6962["roots"]
    assert reference.root() == reference.root(8)


def test_proofs_of_rfc_6962(reference: Tree) -> None:
    for item in RFC6962["inclusion"]:
        proof = reference.inclusion_proof(item["index"], item["size"])
        assert [c.hex() for c in proof] == item["proof"]
    for item in RFC6962["consistency"]:
        proof = reference.consistency_proof(item["old"], item["new"])
        assert [c.hex() for c in proof] == item["proof"]


def test_every_subtree_and_its_proofs_as_the_draft_accumulates_them() -> None:
    tree = Tree()
    tree.extend(leaf_hash(bytes([i])) for i in range(130))
    hashes, proofs = hashlib.sha256(), hashlib.sha256()
    intervals = [(start, end) for end in range(131) for start in range(end + 1)
                 if is_subtree(start, end)]
    for start, end in intervals:
        hashes.update(f"[{start}, {end}) {tree.subtree_root(start, end).hex()}\n".encode())
    for size in range(131):
        root = tree.root(size)
        for start, end in intervals:
            if end > size:
                break
            proof = tree.subtree_proof(start, end, size)
            line = "".join(f" {c.hex()}" for c in proof)
            proofs.update(f"[{start}, {end}) {size}{line}\n".encode())
            verify_subtree_consistency(start, end, size, proof, tree.subtree_root(start, end), root)
    assert hashes.hexdigest() == ACCUMULATED["hashes"]
    assert proofs.hexdigest() == ACCUMULATED["consistency"]


# -- properties ----------------------------------------------------------------------------------

def test_every_leaf_is_proven_in_every_tree_up_to_70() -> None:
    tree = tree_of(70)
    for size in range(1, 71):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            verify_inclusion(index, size, proof, tree.leaf_hash_at(index), root)


def test_every_prefix_is_consistent_with_every_later_one() -> None:
    tree = tree_of(70)
    roots = [tree.root(size) for size in range(71)]
    for new in range(71):
        for old in range(new + 1):
            verify_consistency(old, new, tree.consistency_proof(old, new), roots[old], roots[new])


@given(st.integers(0, 600), st.data())
def test_the_fast_root_is_the_naive_one(size: int, data: st.DataObject) -> None:
    tree = Tree()
    hashes = [leaf_hash(i.to_bytes(2, "big")) for i in range(size)]
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, size], strict=True):
        tree.extend(hashes[start:end])
    part = data.draw(st.integers(0, size))
    assert tree.size == size
    assert tree.root() == naive_root(hashes) and tree.root(part) == naive_root(hashes[:part])


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 40))
def test_truncating_forgets_and_nothing_more(size: int, keep: int, more: int) -> None:
    tree, keep = tree_of(size), min(keep, size)
    tree.truncate(keep)
    assert tree.size == keep and tree.root() == tree_of(keep).root()
    hashes = [leaf_hash(b"new %d" % i) for i in range(more)]
    tree.extend(hashes)
    fresh = tree_of(keep)
    for each in hashes:
        fresh.append(each)
    assert tree.root() == fresh.root()
    assert tree.consistency_proof(keep, tree.size) == fresh.consistency_proof(keep, fresh.size)


@given(st.integers(1, 200), st.data())
def test_no_mutated_proof_verifies(size: int, data: st.DataObject) -> None:
    tree = tree_of(size)
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size).filter(lambda e: is_subtree(start, e)))
    proof = tree.subtree_proof(start, end, size)
    subtree, root = tree.subtree_root(start, end), tree.root(size)
    verify_subtree_consistency(start, end, size, proof, subtree, root)
    at = data.draw(st.integers(0, 31))
    kinds = ["root", "subtree", "longer"] + ["flip", "drop", "swap"] * bool(proof)
    kind = data.draw(st.sampled_from(kinds))
    if kind in ("root", "subtree"):
        root, subtree = (flip(root, at), subtree) if kind == "root" else (root, flip(subtree, at))
    elif kind == "longer":
        proof = [*proof, leaf_hash(b"")]
    else:
        n = data.draw(st.integers(0, len(proof) - 1))
        proof = {"flip": [*proof[:n], flip(proof[n], at), *proof[n + 1:]],
                 "drop": [*proof[:n], *proof[n + 1:]],
                 "swap": [*proof[:n], proof[n][:31], *proof[n + 1:]]}[kind]
    with pytest.raises(Unverified) as refused:
        verify_subtree_consistency(start, end, size, proof, subtree, root)
    assert refused.value.code == "not_consistent"


def flip(data: bytes, at: int) -> bytes:
    return bytes(b ^ (1 if i == at else 0) for i, b in enumerate(data))


@given(st.integers(1, 120), st.integers(-3, 130), st.integers(-3, 130))
def test_a_proof_proves_one_place_only(size: int, index: int, other: int) -> None:
    index %= size
    tree = tree_of(size)
    proof, leaf = tree.inclusion_proof(index, size), tree.leaf_hash_at(index)
    if other == index:
        verify_inclusion(other, size, proof, leaf, tree.root())
    else:
        with pytest.raises(Unverified):
            verify_inclusion(other, size, proof, leaf, tree.root())


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2), (0, -1), (2**70, 2**70 - 1)])
def test_impossible_sizes_prove_nothing(old: int, new: int) -> None:
    with pytest.raises(Unverified):
        verify_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT)


def test_nothing_is_consistent_with_everything_and_equal_sizes_need_equal_roots() -> None:
    tree = tree_of(5)
    verify_consistency(0, 5, [], EMPTY_ROOT, tree.root())
    verify_consistency(5, 5, [], tree.root(), tree.root())
    for proof, old_root in (([tree.root()], EMPTY_ROOT), ([], tree.root())):
        with pytest.raises(Unverified):
            verify_consistency(0, 5, proof, old_root, tree.root())
    with pytest.raises(Unverified):
        verify_consistency(5, 5, [], tree.root(4), tree.root())


def test_what_is_not_in_the_tree_is_refused() -> None:
    tree = tree_of(10)
    for ask in (lambda: tree.root(11), lambda: tree.leaf_hash_at(10), lambda: tree.root(-1),
                lambda: tree.inclusion_proof(10, 10), lambda: tree.consistency_proof(3, 11),
                lambda: tree.subtree_root(1, 3), lambda: tree.subtree_proof(3, 5, 10),
                lambda: tree.tile(0, 0, 11), lambda: tree.tile(1, 0, 1), lambda: tree.tile(9, 0, 1),
                lambda: tree.tile(0, -1, 1), lambda: tree.tile(0, 0, 0)):
        with pytest.raises(BadInput):
            ask()


# -- tiles and bundles ---------------------------------------------------------------------------

def test_tiles_hold_what_tlog_tiles_says() -> None:
    tree = tree_of(70_000)                 # the example of C2SP tlog-tiles, Partial Tiles
    assert len(tree.tile(0, 272)) == 8192 and len(tree.tile(0, 273, 112)) == 112 * 32
    assert len(tree.tile(1, 0)) == 8192 and len(tree.tile(1, 1, 17)) == 17 * 32
    assert tree.tile(2, 0, 1) == tree.subtree_root(0, 65_536)
    for level, index, width in ((0, 273, 113), (1, 1, 18), (2, 0, 2), (3, 0, 1)):
        with pytest.raises(BadInput):
            tree.tile(level, index, width)
    assert tree.tile(1, 0)[:32] == tree.subtree_root(0, 256)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_entry_bundles_come_back(leaves: list[bytes]) -> None:
    assert parse_entry_bundle(encode_entry_bundle(leaves)) == leaves


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=4), st.data())
def test_cut_entry_bundles_are_refused_or_shorter(leaves: list[bytes], data: st.DataObject) -> None:
    bundle = encode_entry_bundle(leaves)
    cut = bundle[:data.draw(st.integers(0, len(bundle) - 1))]
    try:
        found = parse_entry_bundle(cut)
    except BadInput:
        return
    assert encode_entry_bundle(found) == cut and found == leaves[:len(found)]


def test_entry_bundles_have_limits() -> None:
    with pytest.raises(TooLarge):
        encode_entry_bundle([bytes(65_536)])
    for bad in (b"", encode_entry_bundle([b"x"] * 257), b"\0", b"\0\2x"):
        with pytest.raises(BadInput):
            parse_entry_bundle(bad)


@given(st.one_of(st.just("entries"), st.integers(0, 63)), st.integers(0, 2**62),
       st.integers(1, 256))
def test_tile_paths_come_back(level: int | str, index: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, index, width)) == (level, index, width)


def test_a_tile_path_as_the_specification_has_it() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 273, 112) == "tile/entries/273.p/112"
    assert tile_path(1, 1, 17) == "tile/1/001.p/17"


@pytest.mark.parametrize("path", [
    "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/000",
    "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/",
    "tile/0/001/000", "tile/0/x001", "/tile/0/000", "tile/0/000\n", "tile/entries/00a",
    "tile/0/\u0660\u0660\u0660", "tile/data/000", "tile/0/" + "x001/" * 30 + "000", "",
    "tile/0/../000"])
def test_other_paths_are_none(path: str) -> None:
    with pytest.raises(BadInput):
        parse_tile_path(path)


def test_tile_paths_of_nothing() -> None:
    for level, index, width in ((64, 0, 1), ("leaves", 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0),
                                (0, 0, 257)):
        with pytest.raises(BadInput):
            tile_path(level, index, width)
