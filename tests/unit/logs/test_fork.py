"""logs.fork: two histories of a log, found from a few tiles, and proven by hashes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forks import fork_of, note_of, tree_of
from luftrom.errors import Unverified
from luftrom.logs.fork import Branch, Fork, Lacking, find_fork, verify_fork
from luftrom.transparency.merkle import parse_tile_path
from parties import make_keys, make_party

NAME = "bravo.example"
KEYS = make_keys(NAME)
PARTY = make_party(NAME, KEYS)


def log(common: int, more: int, mark: str = "") -> list[bytes]:
    """A log of so many leaves that everybody has, and more that are marked."""
    return [b"%d" % n for n in range(common)] + [f"{mark} {n}".encode() for n in range(more)]


def found(one: Sequence[bytes], other: Sequence[bytes]) -> tuple[Fork | None, int]:
    """What is found by whoever holds the one and is shown the other, and of how many tiles."""
    tree, tiles = tree_of(other), dict[str, bytes]()
    notes = [note_of(NAME, KEYS.log, leaves) for leaves in (one, other)]
    while True:
        try:
            return find_fork(PARTY, tree_of(one), notes[0], notes[1], tiles), len(tiles)
        except Lacking as lacking:
            level, index, width = parse_tile_path(lacking.path)
            assert isinstance(level, int) and lacking.path not in tiles
            tiles[lacking.path] = tree.tile(level, index, width)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 700), st.integers(1, 300), st.integers(1, 300))
def test_what_is_found_is_the_end_of_what_is_common(end: int, one: int, other: int) -> None:
    """And the proof is the same whoever finds it, and what another way of making it makes."""
    logs = log(end, one, "one"), log(end, other, "other")
    fork, tiles = found(*logs)
    assert fork is not None and fork.end == end and tiles <= 4
    assert found(*reversed(logs))[0] == fork
    made = fork_of(NAME, [KEYS.log[0]], *logs)
    assert replace(fork, branches=made.branches) == made
    assert [(b.leaf, b.proof) for b in fork.branches] == [(b.leaf, b.proof) for b in made.branches]
    verify_fork(fork, PARTY)
    verify_fork(made, PARTY)


def test_a_large_log_is_compared_by_a_few_tiles() -> None:
    fork, tiles = found(log(70_000, 900, "one"), log(70_000, 3_000, "other"))
    assert fork is not None and fork.end == 70_000 and tiles <= 8


@pytest.mark.parametrize(("one", "other"), [(5, 5), (5, 300), (300, 5), (1, 257)])
def test_of_one_history_there_is_nothing_to_find(one: int, other: int) -> None:
    assert found(log(one, 0), log(other, 0))[0] is None


def test_what_bears_the_note_beside_its_key_does_not_make_the_proof_large() -> None:
    """ML-DSA-44 signatures, and lines that anybody can add, are left out."""
    fork, _ = found(log(3, 2, "one"), log(3, 2, "other"))
    assert fork is not None and all(len(branch.note) < 300 for branch in fork.branches)


FALSE: dict[str, Callable[[Fork], Fork]] = {
    "of another party's keys": lambda fork: fork_of(NAME, make_keys("alfa.example").log,
                                                    log(3, 2, "one"), log(3, 2, "other")),
    "one history twice": lambda fork: replace(fork, branches=(fork.branches[0],) * 2),
    "in the other order": lambda fork: replace(fork, branches=fork.branches[::-1]),
    "an earlier end": lambda fork: replace(fork, end=2, before=fork.before[:1]),
    "nothing in common": lambda fork: replace(fork, end=0, before=()),
    "hashes of other leaves": lambda fork: replace(fork, before=(bytes(32), *fork.before[1:])),
    "too few hashes": lambda fork: replace(fork, before=fork.before[:1]),
    "another leaf": lambda fork: replace(fork, branches=(
        replace(fork.branches[0], leaf=bytes(32)), fork.branches[1])),
    "no proof": lambda fork: replace(fork, branches=(
        replace(fork.branches[0], proof=()), fork.branches[1])),
    "a checkpoint of too few leaves": lambda fork: replace(fork, branches=(
        Branch(note_of(NAME, KEYS.log, log(3, 0)), fork.branches[0].leaf, ()), fork.branches[1])),
    "a later leaf": lambda fork: fork_later(),
}


def fork_later() -> Fork:
    """Of two histories that part at leaf 3, the leaves 4: what lies before is not common."""
    one, other = log(3, 3, "one"), log(3, 3, "other")
    made = fork_of(NAME, KEYS.log, one, [*one[:4], *other[4:]])
    return replace(made, branches=tuple(sorted((
        Branch(note_of(NAME, KEYS.log, leaves), branch.leaf, branch.proof)
        for leaves, branch in zip((one, other), made.branches, strict=True)),
        key=lambda branch: branch.leaf)))


@pytest.mark.parametrize("name", FALSE)
def test_what_proves_nothing_is_refused(name: str) -> None:
    fork = fork_of(NAME, KEYS.log, log(3, 2, "one"), log(3, 2, "other"))
    verify_fork(fork, PARTY)
    with pytest.raises(Unverified) as refused:
        verify_fork(FALSE[name](fork), PARTY)
    assert refused.value.code == "not_proven"


def test_tiles_that_are_none_prove_nothing() -> None:
    one, other = log(300, 9, "one"), log(300, 9, "other")
    notes = [note_of(NAME, KEYS.log, leaves) for leaves in (one, other)]
    tiles: dict[str, bytes] = {}
    with pytest.raises(Unverified):
        while True:
            try:
                find_fork(PARTY, tree_of(one), notes[0], notes[1], tiles)
            except Lacking as lacking:
                tiles[lacking.path] = b""
