"""submission: C2SP tlog-mirror's endpoints, fed by a client written from the specification."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.errors import BadInput, Equivocation, LuftromError, NotFound, TwoCheckpoints
from luftrom.logs.mirror import Mirror
from luftrom.logs.submission import (
    MIRROR_INFO_TYPE,
    SIZE_TYPE,
    Elsewhere,
    Held,
    Partial,
    add_checkpoint,
    add_entries,
)
from luftrom.store.protocol import Writes
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.receipt import verify_receipt
from memory_store import MemoryStore
from parties import make_keys, make_party
from tlog_client import (
    add_checkpoint_body,
    add_entries_body,
    hash_of,
    packages,
    subtree_proof,
)

ALFA, BRAVO = "alfa.example", "bravo.example"
ORIGIN = f"{BRAVO}/log"
KEYS = {name: make_keys(name, post_quantum=False) for name in (ALFA, BRAVO)}
LEAVES = [b"leaf %d" % i for i in range(700)]


def note_of(leaves: list[bytes], party: str = BRAVO, origin: str = ORIGIN) -> bytes:
    body = Checkpoint(origin, len(leaves), hash_of(leaves))
    return sign_checkpoint(body, KEYS[party].log, 1_790_000_000)


class Host:
    """A node's mirror of bravo's log, and nothing else of a node."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.mirror = Mirror(self.store, make_party(BRAVO, KEYS[BRAVO]), KEYS[ALFA].mirror)

    def ask(self, handle: Any, body: bytes) -> Any:
        writes = Writes()
        try:
            return handle(body, {ORIGIN: self.mirror}, writes)
        finally:
            self.store.commit(writes)
            self.mirror.publish()

    def checkpoint(self, old: int, leaves: list[bytes], note: bytes | None = None) -> None:
        self.ask(add_checkpoint, add_checkpoint_body(old, leaves, note or note_of(leaves)))

    def open(self, size: int) -> None:
        """What an exchange does that opens the leaves: the mirror moves, and cosigns them."""
        writes = Writes()
        self.mirror.move(Checkpoint(ORIGIN, size, hash_of(LEAVES[:size])), note_of(LEAVES[:size]),
                         writes)
        self.mirror.apply_up_to(size, writes)
        self.mirror.give_receipt(writes, 1_790_000_000)
        self.store.commit(writes)
        self.mirror.publish()

    def entries(self, start: int, end: int, parts: list[bytes] | None = None) -> Held | Partial:
        parts = packages(LEAVES, start, end) if parts is None else parts
        taken: Held | Partial = self.ask(add_entries, add_entries_body(ORIGIN, start, end, parts))
        return taken

    def refused(self, start: int, end: int, parts: list[bytes] | None = None) -> LuftromError:
        with pytest.raises(LuftromError) as refused:
            self.entries(start, end, parts)
        return refused.value


@pytest.fixture
def host() -> Host:
    return Host()


# -- add-checkpoint (C2SP tlog-witness) ----------------------------------------------------------

def test_checkpoints_follow_each_other(host: Host) -> None:
    for old, new in ((0, 1), (1, 5), (5, 256), (256, 257), (257, 700), (700, 700)):
        host.checkpoint(old, LEAVES[:new])
        assert host.mirror.pending == (new, note_of(LEAVES[:new]))
    again = Mirror(host.store, make_party(BRAVO, KEYS[BRAVO]), KEYS[ALFA].mirror)
    assert again.pending == host.mirror.pending


@pytest.mark.parametrize("how, status", [
    ("unknown origin", 404), ("another's signature", 403), ("another's key for the log", 403),
    ("a false signature", 403), ("beyond the checkpoint", 400), ("out of step", 409),
    ("another history", 422), ("no proof", 422), ("a proof from nothing", 422)])
def test_each_refusal_of_a_checkpoint(host: Host, how: str, status: int) -> None:
    host.checkpoint(0, LEAVES[:5])
    before = host.mirror.pending
    other = [b"other", *LEAVES[1:9]]
    bodies = {
        "unknown origin": add_checkpoint_body(5, LEAVES[:9], note_of(LEAVES[:9], origin="x/log")),
        "another's signature": add_checkpoint_body(5, LEAVES[:9], note_of(LEAVES[:9], ALFA)),
        "another's key for the log": add_checkpoint_body(
            5, LEAVES[:9], note_of(LEAVES[:9], ALFA).replace(b"alfa.example/log", ORIGIN.encode())),
        "a false signature": add_checkpoint_body(
            5, LEAVES[:9], note_of(LEAVES[:9]).replace(b"\n9\n", b"\n8\n")),
        "beyond the checkpoint": add_checkpoint_body(9, LEAVES[:5], note_of(LEAVES[:5])),
        "out of step": add_checkpoint_body(4, LEAVES[:9], note_of(LEAVES[:9])),
        "another history": add_checkpoint_body(5, other, note_of(other)),
        "no proof": b"old 5\n\n" + note_of(LEAVES[:9]),
        "a proof from nothing": None}
    if how == "a proof from nothing":
        host = Host()
        before = host.mirror.pending
        bodies[how] = b"old 0\n" + base64.b64encode(bytes(32)) + b"\n\n" + note_of(LEAVES[:9])
    with pytest.raises(LuftromError) as refused:
        host.ask(add_checkpoint, bodies[how])
    assert refused.value.status == status
    assert host.mirror.pending == before
    if status == 409:
        assert isinstance(refused.value, Elsewhere)
        assert (refused.value.body, refused.value.content_type) == (b"5\n", SIZE_TYPE)


def test_two_roots_of_one_size_are_evidence(host: Host) -> None:
    host.checkpoint(0, LEAVES[:5])
    fork = [b"other", *LEAVES[1:5]]
    with pytest.raises(Equivocation) as refused:
        host.checkpoint(5, fork)
    assert refused.value.status == 422
    assert refused.value.evidence == TwoCheckpoints(BRAVO, (note_of(LEAVES[:5]), note_of(fork)))


def test_a_checkpoint_needs_ed25519_and_no_false_line_beside_it() -> None:
    """tlog-witness: 403 without a valid signature; signed-note: lines of known keys are true."""
    both = make_keys(BRAVO)
    note = sign_checkpoint(Checkpoint(ORIGIN, 5, hash_of(LEAVES[:5])), both.log, 1_790_000_000)
    text, first, second = note[:note.index(b"\n\n") + 2], *note.splitlines(keepends=True)[4:]
    for lines, status in ((first, 200), (first + second, 200), (second, 403),
                          (first + second[:-9] + b"AAAAAAA=\n", 403)):
        mirror = Mirror(MemoryStore(), make_party(BRAVO, both), KEYS[ALFA].mirror)
        body, writes = add_checkpoint_body(0, LEAVES[:5], text + lines), Writes()
        if status == 200:
            add_checkpoint(body, {ORIGIN: mirror}, writes)
            assert mirror.pending == (5, text + lines)
        else:
            with pytest.raises(LuftromError) as refused:
                add_checkpoint(body, {ORIGIN: mirror}, writes)
            assert refused.value.status == status and mirror.pending == (0, b"")


@pytest.mark.parametrize("body", [
    b"", b"old 0", b"old 0\n", b"new 0\n\n", b"old 00\n\n", b"old -1\n\n", b"old +1\n\n",
    b"old 1e3\n\n", b"old \xd9\xa0\n\n", b"old 1" + b"0" * 40 + b"\n\n", b"old 0\nAAAA\n\n",
    b"old 0\n" + base64.b64encode(bytes(32))[:-1] + b"\n\n",
    b"old 0\n" + base64.b64encode(bytes(32))[:-2] + b"B=\n\n",
    b"old 0\n" + base64.b64encode(bytes(33)) + b"\n\n",
    b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n",
    b"old 0\n\n\n"])
def test_bodies_that_are_no_checkpoint_requests(host: Host, body: bytes) -> None:
    with pytest.raises(BadInput):
        host.ask(add_checkpoint, body + note_of(LEAVES[:9]))


# -- add-entries (C2SP tlog-mirror) --------------------------------------------------------------

def test_entries_are_held_when_they_are_proven(host: Host) -> None:
    host.checkpoint(0, LEAVES)
    taken = host.entries(0, 700)
    assert taken == Partial(700, 700) and taken.body() == b"700\n700\n\n"   # closed: never 200
    assert host.store.leaves(BRAVO, 0, 700) == LEAVES
    assert host.mirror.size == 0 and not host.store.given(BRAVO)   # closed: not receipted


@pytest.mark.parametrize("size", [1, 5, 255, 256, 257, 511, 512, 700])
def test_an_empty_range_asks_for_the_cosignature_of_what_is_held(host: Host, size: int) -> None:
    """tlog-mirror: where upload_start is upload_end, the canonical sequence is empty."""
    host.checkpoint(0, LEAVES[:size])
    host.entries(0, size, packages(LEAVES[:size], 0, size))
    assert host.entries(size, size, []) == Partial(size, size)      # closed: to wait for
    host.open(size)
    held = host.entries(size, size, [])
    assert isinstance(held, Held) and held.body() == host.store.given(BRAVO)[1]
    keys = [signer.verifier for signer in KEYS[ALFA].mirror]
    body = Checkpoint(ORIGIN, size, hash_of(LEAVES[:size]))
    assert verify_receipt(body, held.body(), keys) == 1_790_000_000
    assert host.refused(size, size, [b"\0"]).status == 400          # a package, of nothing


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=4, unique=True).map(sorted), st.data())
def test_any_cut_of_an_upload_ends_with_the_whole_log(sizes: list[int], data: st.DataObject
                                                      ) -> None:
    host, pending = Host(), 0
    for size in sizes:
        host.checkpoint(pending, LEAVES[:size])
        pending = size
        while (held := host.mirror.tree.size) < size:
            start = data.draw(st.integers(max(0, held - 300), held), label="start")
            parts = packages(LEAVES[:size], start, size)
            some = data.draw(st.integers(1, len(parts)), label="packages")
            tail = data.draw(st.integers(0, 30), label="cut")
            body = b"".join(parts[:some]) + (parts[some][:tail] if some < len(parts) else b"")
            assert isinstance(host.entries(start, size, [body]), Partial)
            assert host.mirror.tree.size >= held
    assert host.store.leaves(BRAVO, 0, 700) == LEAVES[:sizes[-1]]
    assert host.mirror.tree.root() == hash_of(LEAVES[:sizes[-1]])


def test_each_refusal_of_entries(host: Host) -> None:
    asked = host.refused(0, 0)                        # no checkpoint was ever added
    assert isinstance(asked, Elsewhere) and (asked.status, asked.body) == (409, b"0\n0\n\n")
    assert host.refused(0, 5).status == 409
    host.checkpoint(0, LEAVES[:5])
    for refused in (host.refused(0, 4), host.refused(1, 5)):
        assert isinstance(refused, Elsewhere) and refused.status == 409
        assert (refused.body, refused.content_type) == (b"5\n0\n\n", MIRROR_INFO_TYPE)
    assert host.refused(0, 5, []).status == 400
    whole = packages(LEAVES[:5], 0, 5)[0]
    for cut in (1, 5, len(whole) - 1):
        assert host.refused(0, 5, [whole[:cut]]).status == 400
    assert host.refused(0, 5, [whole, b"more"]).status == 400
    assert host.mirror.tree.size == 5                 # what was proven before that stays
    assert host.refused(0, 5, [whole[:-1] + b"\x40" + bytes(64 * 32)]).status == 400
    fresh = Host()
    fresh.checkpoint(0, LEAVES[:5])
    assert fresh.refused(0, 5, [packages([b"other", *LEAVES[1:5]], 0, 5)[0]]).status == 422
    assert fresh.mirror.tree.size == 0
    with pytest.raises(NotFound):
        fresh.ask(add_entries, add_entries_body("x/log", 0, 5, [whole]))


@pytest.mark.parametrize("body", [
    b"", b"\0", struct.pack(">H", 9) + b"short", struct.pack(">H", 2) + b"\xff\xff" + bytes(18),
    add_entries_body(ORIGIN, 5, 4, [])])
def test_bodies_that_are_no_uploads(host: Host, body: bytes) -> None:
    with pytest.raises(BadInput):
        host.ask(add_entries, body)


@settings(max_examples=60)
@given(st.data())
def test_no_changed_byte_of_a_package_is_held(data: st.DataObject) -> None:
    host = Host()
    host.checkpoint(0, LEAVES[:300])
    first, second = packages(LEAVES[:300], 0, 300)
    at = data.draw(st.integers(0, len(first) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != first[at]))
    answer = host.refused(0, 300, [first[:at] + bytes([byte]) + first[at + 1:], second])
    assert answer.status in (400, 422) and host.mirror.tree.size == 0


def test_the_client_of_these_tests_knows_the_proofs_of_the_specification() -> None:
    """The example of draft-ietf-plants-merkle-tree-certs: [8, 13) in a tree of 14."""
    proof = subtree_proof(LEAVES[:14], 8, 13)
    assert proof == [hash_of([LEAVES[12]]), hash_of([LEAVES[13]]), hash_of(LEAVES[8:12]),
                     hash_of(LEAVES[:8])]
