"""A peer with real keys that lies in what it sends: signatures, sizes, histories, receipts.

What it lies about in its statements stands in `test_lying_statements`.
"""

from __future__ import annotations

import gzip
import json
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import Liar, content, volume
from refusing import refused
from talking import liar  # noqa: F401 - fixtures, which pytest finds by name

from luftrom import limits
from luftrom.exchange.message import MAGIC, encode_message
from luftrom.exchange.signature import sign_body
from luftrom.transparency.note import ED25519, Note, NoteSigner, encode_note, parse_note
from parties import ed25519, make_keys

# -- who sent it ---------------------------------------------------------------------------------


def test_an_honest_peer_is_taken_at_its_word(liar: Liar) -> None:
    index = liar.declare()
    liar.talk()
    liar.rule(index)
    liar.talk()
    status = liar.house.status()
    assert status["airspace"]["operational_intents"] == 1
    assert liar.house.channel()["state"] == "fresh"
    assert liar.house.channel()["last_error"] is None


@pytest.mark.parametrize(("sender", "recipient", "role", "code"), [
    (BRAVO, ALFA, "statements", "wrong_signature"), (BRAVO, ALFA, "log", "wrong_signature"),
    (BRAVO, ALFA, "mirror", "wrong_signature"), (BRAVO, CHARLIE, "channel", "not_authenticated"),
    (BRAVO, BRAVO, "channel", "not_authenticated"), (ALFA, ALFA, "channel", "not_authenticated"),
    (CHARLIE, ALFA, "channel", "not_authenticated")])
def test_a_message_under_another_key_or_name(liar: Liar, sender: str, recipient: str, role: str,
                                             code: str) -> None:
    body = encode_message(liar.message())
    signed = sign_body(body, sender, recipient, time.time_ns(), ed25519(BRAVO, role))
    refused(liar, liar.post(body, signed), 401, code)


def test_a_message_that_was_altered(liar: Liar) -> None:
    body = encode_message(liar.message())
    refused(liar, liar.post(body + b"x", liar.sign(body)), 401, "wrong_signature")
    head, claims, signature = liar.sign(body).split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    refused(liar, liar.post(body, f"{head}.{claims}.{flipped}"), 401, "wrong_signature")
    refused(liar, liar.post(body, f"{claims}.{claims}.{signature}"), 401, "not_authenticated")


@pytest.mark.parametrize("counter", [0, -1, 2**63, True, 1.5, None, "7"])
def test_a_counter_that_is_none(liar: Liar, counter: Any) -> None:
    body = encode_message(liar.message())
    refused(liar, liar.post(body, liar.sign(body, counter) if counter is not None else sign_body(
        body, BRAVO, ALFA, None, liar.keys.channel)), 401, "not_authenticated")


def test_a_replayed_exchange_and_reordered_counters(liar: Liar) -> None:
    liar.declare()
    body = encode_message(liar.message())
    early, late = liar.sign(body), liar.sign(body)
    assert liar.post(body, late).status_code == 200
    for signature in (late, early):
        problem = refused(liar, liar.post(body, signature), 409, "replayed")
        assert problem["counter"] > 0
    liar.talk()


def test_a_message_for_somebody_else_inside(liar: Liar) -> None:
    refused(liar, liar.message(recipient=CHARLIE), 400, "bad_input")
    refused(liar, liar.message(sender=ALFA), 400, "bad_input")


# -- its form ------------------------------------------------------------------------------------

def test_messages_that_are_none(liar: Liar) -> None:
    whole = encode_message(liar.message())
    for body in (b"", MAGIC, b"luftrom-exchange/2\n" + whole[len(MAGIC):], whole[:-1],
                 whole + b"\0", whole[:len(MAGIC)] + b"\xff\xff\xff\xff" + whole[len(MAGIC) + 4:]):
        refused(liar, body, 400, "bad_input")


def framed(head: bytes) -> bytes:
    return MAGIC + struct.pack(">I", len(head)) + head + bytes(9)


HEAD = {"from": BRAVO, "to": ALFA, "first": 0, "old": 0, "have": 0, "whole": True,
        "receipt_size": 0, "count": 0}


@pytest.mark.parametrize("head", [
    b"{}", b"[]", b"null", b"[" * 4000, json.dumps(HEAD | {"more": 1}).encode(),
    json.dumps(HEAD | {"first": float("nan")}).encode(), json.dumps(HEAD | {"have": -1}).encode(),
    json.dumps(HEAD | {"have": 2**53}).encode(), json.dumps(HEAD | {"have": 1.0}).encode(),
    json.dumps(HEAD | {"have": True}).encode(), json.dumps(HEAD | {"whole": 1}).encode(),
    json.dumps(HEAD | {"from": None}).encode(), json.dumps(HEAD | {"count": 2**52}).encode(),
    json.dumps(HEAD | {"count": limits.EXCHANGE_LEAVES_MAX}).encode(),
    b'{"from":"x",' + json.dumps(HEAD).encode()[1:]], ids=range(15))
def test_headers_that_are_not_what_they_should_be(liar: Liar, head: bytes) -> None:
    refused(liar, framed(head), 400, "bad_input")


def test_lengths_beyond_the_limits(liar: Liar) -> None:
    parts = b"".join([MAGIC, struct.pack(">I", len(h := json.dumps(HEAD | {"count": 1}).encode())),
                      h])
    large = struct.pack(">I", limits.NOTE_BYTES_MAX + 1)
    note = struct.pack(">I", 0)
    leaf = struct.pack(">H", 1) + b"x"
    for rest in (large + bytes(limits.NOTE_BYTES_MAX + 1), note + large, note + note + b"\x40",
                 note + note + b"\0" + leaf
                 + struct.pack(">HI", 1, limits.DISCLOSURE_BYTES_MAX + 1),
                 note + note + b"\0" + leaf + struct.pack(">H", 0xFFFE)):
        refused(liar, parts + rest, 400, "bad_input")


def test_giant_bodies_and_bombs(liar: Liar) -> None:
    giant = bytes(limits.EXCHANGE_BODY_BYTES_MAX + 1)
    bomb = gzip.compress(giant, 1)
    assert len(bomb) < 400_000
    refused(liar, liar.post(bomb, liar.sign(giant), **{"Content-Encoding": "gzip"}), 413,
            "too_large", str(limits.EXCHANGE_BODY_BYTES_MAX))
    twice = gzip.compress(bomb)
    refused(liar, liar.post(twice, liar.sign(giant), **{"Content-Encoding": "gzip"}), 401,
            "wrong_signature")
    refused(liar, liar.post(giant, "a.b.c"), 401, "not_authenticated")


# -- checkpoints ---------------------------------------------------------------------------------

def signed_by(liar: Liar, name: str) -> bytes:
    """A checkpoint over all leaves whose signatures are wrong in one way."""
    ours, lines = liar.keys.log, list(parse_note(liar.note()).signatures)
    if name == "without Ed25519":
        return liar.note(signers=ours[1:])
    if name.startswith("broken"):
        at = int(name.endswith("ML-DSA-44"))
        raw = bytearray(lines[at].signature)
        raw[-1] ^= 1
        lines[at] = type(lines[at])(lines[at].name, lines[at].key_id, bytes(raw))
        return encode_note(Note(parse_note(liar.note()).text, tuple(lines)))
    roles = {"channel": ed25519(BRAVO, "channel"), "statements": ed25519(BRAVO, "statements"),
             "mirror": ed25519(BRAVO, "mirror"), "another party's log": ed25519(ALFA, "log")}
    return liar.note(signers=(NoteSigner(f"{BRAVO}/log", ED25519, roles[name]), ours[1]))


@pytest.mark.parametrize(("name", "code"), [
    ("without Ed25519", "missing_signature"),
    ("broken Ed25519", "wrong_signature"), ("broken ML-DSA-44", "wrong_signature"),
    ("channel", "wrong_role"), ("statements", "wrong_role"), ("mirror", "wrong_role"),
    ("another party's log", "wrong_role")])
def test_checkpoints_by_the_wrong_keys(liar: Liar, name: str, code: str) -> None:
    liar.declare()
    note = signed_by(liar, name)
    refused(liar, liar.message(checkpoint=note), 422, code)
    liar.talk()


def test_a_checkpoint_and_a_receipt_need_not_wait_for_ml_dsa_44(liar: Liar) -> None:
    liar.declare()
    note, receipt = liar.note(signers=liar.keys.log[:1]), liar.receipt(signers=liar.keys.mirror[:1])
    assert liar.post(liar.message(checkpoint=note, **receipt)).status_code == 200


def test_checkpoints_of_something_else(liar: Liar) -> None:
    liar.declare()
    refused(liar, liar.message(checkpoint=liar.note(origin=f"{ALFA}/log")), 422, "wrong_origin")
    refused(liar, liar.message(checkpoint=liar.note(size=len(liar.leaves) - 1)), 400, "bad_input")
    refused(liar, liar.message(checkpoint=liar.note(root=bytes(32))), 422, "wrong_root")
    refused(liar, liar.message(checkpoint=b""), 400, "bad_input")
    refused(liar, liar.message(checkpoint=liar.note() + b"x"), 400, "bad_input")
    refused(liar, liar.message(old=1, proof=(bytes(32),)), 422, "not_consistent")
    liar.talk()


def test_signatures_of_strangers_do_no_harm(liar: Liar) -> None:
    liar.declare()
    stranger = NoteSigner("witness.example", ED25519, ed25519("witness.example", "log"))
    assert liar.post(liar.message(checkpoint=liar.note(
        signers=(stranger, *liar.keys.log)))).status_code == 200


# -- histories -----------------------------------------------------------------------------------

def test_two_histories_of_one_size(liar: Liar) -> None:
    liar.declare()
    liar.talk()
    liar.give_up(1)
    liar.declare(content(name="Another"))
    refused(liar, liar.message(first=0), 422, "equivocation", "two histories", proof="checkpoints")
    refused(liar, liar.message(first=0), 403, "broken", proof="checkpoints")
    proofs = liar.house.http.get("/v1/proofs").json()["proofs"]
    assert [(p["party"], p["kind"]) for p in proofs] == [(BRAVO, "checkpoints")]


def test_another_history_of_a_smaller_size(liar: Liar) -> None:
    for _ in range(3):
        liar.declare()
    liar.talk()
    liar.give_up(3)
    liar.declare(content(name="Another"))
    refused(liar, liar.message(first=len(liar.leaves)), 422, "equivocation", proof="checkpoints")


def test_two_statements_for_one_leaf(liar: Liar) -> None:
    liar.declare()
    liar.talk()
    liar.give_up(1)
    liar.declare(content(name="Another"))
    liar.declare()
    refused(liar, liar.message(first=1), 422, "equivocation", "two statements",
            proof="statements")


def test_another_history_below_what_is_carried(liar: Liar) -> None:
    """The fork lies before the first leaf sent: only the root tells."""
    liar.declare()
    liar.talk()
    first = len(liar.leaves)
    liar.leaves[first - 1] = liar.statement("agreement", index=first - 1)
    liar.declare()
    refused(liar, liar.message(first=first), 422, "wrong_root")
    refused(liar, liar.message(first=0), 422, "equivocation", proof="statements")


def test_a_rolled_back_checkpoint(liar: Liar) -> None:
    liar.declare()
    liar.talk()
    size = len(liar.leaves) - 1
    older = liar.message(first=0, checkpoint=liar.note(size), leaves=tuple(liar.leaves[:size]),
                         disclosures=tuple(liar.opened[:size]))
    problem = refused(liar, older, 409, "rolled_back")
    assert (problem["have"], problem["mirrored"]) == (len(liar.leaves), len(liar.leaves))
    empty = liar.message(first=0, checkpoint=liar.note(0), leaves=(), disclosures=())
    refused(liar, empty, 409, "rolled_back")
    liar.talk()


def test_gaps(liar: Liar) -> None:
    liar.declare()
    liar.declare()
    refused(liar, liar.message(first=len(liar.leaves) - 1), 409, "gap")
    refused(liar, liar.message(old=len(liar.leaves)), 409, "gap")
    liar.leaves[-2:-1] = []                # the second last leaf is left out
    liar.opened[-2:-1] = []
    refused(liar, liar.message(), 422, "wrong_index", proof="statement", proves=False)


# -- receipts ------------------------------------------------------------------------------------

def without_ed25519(liar: Liar) -> dict[str, Any]:
    receipt = liar.receipt()
    return receipt | {"receipt": receipt["receipt"].splitlines(keepends=True)[1]}


def broken_tail(liar: Liar) -> dict[str, Any]:
    first, second = liar.receipt()["receipt"].splitlines(keepends=True)
    return liar.receipt() | {"receipt": first + second[:-9] + b"AAAAAAA=\n"}


RECEIPTS: dict[str, tuple[Callable[[Liar], dict[str, Any]], int, str]] = {
    "for more than there is": (lambda liar: liar.receipt(len(liar.alfa) + 5, root=bytes(32)), 422,
                               "unverified"),
    "for another history": (lambda liar: liar.receipt(root=bytes(32)), 422, "wrong_signature"),
    "by the log keys": (lambda liar: liar.receipt(signers=liar.keys.log), 422,
                        "missing_signature"),
    "by another party": (lambda liar: liar.receipt(signers=make_keys(CHARLIE).mirror), 422,
                         "missing_signature"),
    "without Ed25519": (without_ed25519, 422, "missing_signature"),
    "with a broken ML-DSA-44": (broken_tail, 422, "wrong_signature"),
    "that is no receipt": (lambda liar: liar.receipt() | {"receipt": b"thanks\n"}, 400,
                           "bad_input"),
    "that is not text": (lambda liar: liar.receipt() | {"receipt": b"\xff\n"}, 400, "bad_input"),
    "beside half of the leaves": (lambda liar: liar.receipt() | {"whole": False}, 400,
                                  "bad_input")}


@pytest.mark.parametrize("name", RECEIPTS)
def test_receipts(liar: Liar, name: str) -> None:
    liar.house.http.put("/v1/constraints/2f8343be-6482-4d1b-a474-16847e01af1e",
                        json={"name": "Closed", "volumes": [volume(lat=50.0)]})
    liar.talk(gives_receipt=False)
    make, status, code = RECEIPTS[name]
    refused(liar, liar.message(**make(liar)), status, code)
    liar.talk()
    assert liar.house.channel()["receipt_size"] > 0

