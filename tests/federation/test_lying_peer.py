"""A peer with real keys that lies in what it sends: signatures, sizes, histories, heads, receipts.

What it lies about in its statements stands in `test_lying_statements`.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import Liar, Said, content, new_id, root_of, volume
from refusing import refused, serves
from talking import liar  # noqa: F401 - fixtures, which pytest finds by name

from luftrom import limits
from luftrom.exchange.message import MAGIC, encode_message
from luftrom.logs.head import sign_head
from luftrom.transparency.note import ED25519, Note, NoteSigner, encode_note, parse_note
from parties import ed25519, make_keys

# -- who sent it ---------------------------------------------------------------------------------


def test_an_honest_peer_is_taken_at_its_word(liar: Liar) -> None:
    liar.stand()
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
    said = liar.message(head={"sender": sender, "recipient": recipient, "counter": 2**62})
    body = encode_message(said.message)
    signed = sign_head(said.head, body, ed25519(BRAVO, role))
    refused(liar, liar.post(body, signed), 401, code)


def test_a_message_that_was_altered(liar: Liar) -> None:
    body = encode_message(liar.message().message)
    refused(liar, liar.post(body + b"x", liar.sign(body)), 401, "wrong_signature")
    head, claims, signature = liar.sign(body).split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    refused(liar, liar.post(body, f"{head}.{claims}.{flipped}"), 401, "wrong_signature")
    refused(liar, liar.post(body, f"{claims}.{claims}.{signature}"), 401, "not_authenticated")


@pytest.mark.parametrize("counter", [0, -1, 2**63, True, 1.5, None, "7"])
def test_a_counter_that_is_none(liar: Liar, counter: Any) -> None:
    body = encode_message(liar.message().message)
    draft = replace(liar.head(), counter=counter)
    refused(liar, liar.post(body, sign_head(draft, body, liar.keys.channel)), 401,
            "not_authenticated")


def test_a_replayed_exchange_and_reordered_counters(liar: Liar) -> None:
    liar.declare()
    said = liar.message()
    body = encode_message(said.message)
    early, late = liar.sign(body, draft=said.head), liar.sign(body, draft=said.head)
    assert liar.post(body, late).status_code == 200
    for head in (late, early):
        problem = refused(liar, liar.post(body, head), 409, "replayed")
        assert problem["counter"] > 0
    liar.talk()


def test_a_log_of_somebody_else_in_front(liar: Liar) -> None:
    for party in (ALFA, CHARLIE):
        refused(liar, liar.message(party=party), 400, "bad_input", "parts")


# -- its form ------------------------------------------------------------------------------------

def test_messages_that_are_none(liar: Liar) -> None:
    whole = encode_message(liar.message().message)
    for body in (b"", MAGIC, b"luftrom-exchange/1\n" + whole[len(MAGIC):], whole[:-1],
                 whole + b"\0", whole[:len(MAGIC)] + b"\xff\xff\xff\xff" + whole[len(MAGIC) + 4:]):
        refused(liar, body, 400, "bad_input")


HEADER = {"known": {}, "parts": 1}
PART = {"party": BRAVO, "first": 0, "old": 0, "leaves": 0, "openings": 0}


def block(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def framed(header: bytes, *rest: bytes) -> bytes:
    """A message with that header and no receipt; `rest` are the blocks behind them."""
    return MAGIC + block(header) + block(b"") + b"".join(rest)


def dumped(members: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(members | changes).encode()


@pytest.mark.parametrize("header", [
    b"{}", b"[]", b"null", b"[" * 4000, dumped(HEADER, more=1), dumped(HEADER, parts=float("nan")),
    dumped(HEADER, parts=0), dumped(HEADER, parts=-1), dumped(HEADER, parts=True),
    dumped(HEADER, parts=1.0), dumped(HEADER, parts=limits.PARTIES_MAX + 1),
    dumped(HEADER, known=[]), dumped(HEADER, known={CHARLIE: 1}),
    dumped(HEADER, known={CHARLIE: [1]}), dumped(HEADER, known={CHARLIE: [1, -1]}),
    dumped(HEADER, known={CHARLIE: [2**53, 0]}), dumped(HEADER, known={"Not a name": [1, 1]}),
    dumped(HEADER, known={f"p{n}.example": [0, 0] for n in range(limits.PARTIES_MAX + 1)}),
    b'{"parts":1,' + dumped(HEADER)[1:]], ids=range(19))
def test_headers_that_are_not_what_they_should_be(liar: Liar, header: bytes) -> None:
    refused(liar, framed(header, block(dumped(PART)), block(b""), b"\0"), 400, "bad_input")


@pytest.mark.parametrize("header", [
    b"{}", b"7", dumped(PART, more=1), dumped(PART, party=None), dumped(PART, party="A b"),
    dumped(PART, first=-1), dumped(PART, first=2**53), dumped(PART, old=1.0),
    dumped(PART, leaves=True), dumped(PART, leaves=limits.EXCHANGE_LEAVES_MAX + 1),
    dumped(PART, leaves=limits.EXCHANGE_LEAVES_MAX),
    dumped(PART, openings=limits.EXCHANGE_LEAVES_MAX + 1), dumped(PART, openings=1),
    b'{"first":0,' + dumped(PART)[1:]], ids=range(14))
def test_parts_whose_headers_are_not_what_they_should_be(liar: Liar, header: bytes) -> None:
    refused(liar, framed(dumped(HEADER), block(header), block(b""), b"\0"), 400, "bad_input")


def test_two_parts_of_one_log(liar: Liar) -> None:
    part = liar.message().message.own
    refused(liar, liar.message(relays=(part,)), 400, "bad_input", "one log each")


def test_openings_out_of_order_and_of_nothing(liar: Liar) -> None:
    one, two = liar.declare(), liar.declare()
    liar.talk()
    shown = [(one, liar.opened[one]), (two, liar.opened[two])]
    for openings in (shown[::-1], [shown[0], shown[0]], [(one, ())],
                     [(one, liar.opened[one] * 3)]):
        refused(liar, liar.message(openings=tuple(openings)), 400, "bad_input", "openings")
    refused(liar, liar.message(openings=((len(liar.leaves), liar.opened[one]),)), 409, "gap")
    liar.talk()
    assert liar.applied == len(liar.leaves)


def test_lengths_beyond_the_limits(liar: Liar) -> None:
    before = framed(dumped(HEADER), block(dumped(PART, leaves=1, openings=1)))
    large = struct.pack(">I", limits.NOTE_BYTES_MAX + 1) + bytes(limits.NOTE_BYTES_MAX + 1)
    leaf, opening = struct.pack(">H", 1) + b"x", struct.pack(">QH", 0, 1)
    refused(liar, MAGIC + block(dumped(HEADER)) + large, 400, "bad_input", "the receipt")
    for rest, says in ((large, "the checkpoint"), (block(b"") + b"\x40", "64 hashes"),
                       (block(b"") + b"\0" + leaf + opening + struct.pack(
                           ">I", limits.DISCLOSURE_BYTES_MAX + 1), "a disclosure of leaf 0"),
                       (block(b"") + b"\0" + leaf + struct.pack(
                           ">QH", 0, limits.DISCLOSURES_MAX + 1), "disclosures"),
                       (block(b"") + b"\0" + leaf + struct.pack(">QH", 0, 0), "disclosures")):
        refused(liar, before + rest, 400, "bad_input", says)


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
    assert liar.post(liar.message(checkpoint=note, receipt=receipt)).status_code == 200


def test_checkpoints_of_something_else(liar: Liar) -> None:
    liar.declare()
    refused(liar, liar.message(checkpoint=liar.note(origin=f"{ALFA}/log")), 422, "wrong_origin")
    refused(liar, liar.message(checkpoint=liar.note(size=len(liar.leaves) - 1)), 400, "bad_input")
    refused(liar, liar.message(checkpoint=b""), 400, "bad_input")
    refused(liar, liar.message(checkpoint=liar.note() + b"x"), 400, "bad_input")
    refused(liar, liar.message(old=1, proof=(bytes(32),)), 422, "not_consistent")
    liar.talk()


def test_a_checkpoint_that_was_refused_contradicts_a_later_one(liar: Liar) -> None:
    liar.declare()
    refused(liar, liar.message(checkpoint=liar.note(root=bytes(32))), 422, "wrong_root")
    refused(liar, liar.message(), 422, "equivocation", proof="checkpoints")


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
    liar.settle()
    size = len(liar.leaves) - 1
    older = {"size": size, "root": root_of(liar.leaves[:size])}
    said = liar.message(first=0, checkpoint=liar.note(size), leaves=tuple(liar.leaves[:size]),
                        head=older)
    problem = refused(liar, said, 409, "rolled_back")
    assert (problem["have"], problem["mirrored"]) == (len(liar.leaves), len(liar.leaves))
    said = liar.message(first=0, checkpoint=liar.note(0), leaves=(),
                        head={"size": 0, "root": root_of(())})
    refused(liar, said, 409, "rolled_back")
    liar.talk()


def test_gaps(liar: Liar) -> None:
    liar.declare()
    liar.declare()
    refused(liar, liar.message(first=len(liar.leaves) - 1), 409, "gap")
    refused(liar, liar.message(old=len(liar.leaves)), 409, "gap")
    liar.leaves[-2:-1] = []                # the second last leaf is left out
    liar.opened[-2:-1] = []
    refused(liar, liar.message(), 422, "wrong_index", proof="statement", proves=False)


# -- heads ---------------------------------------------------------------------------------------

def test_a_head_of_another_agreement(liar: Liar) -> None:
    refused(liar, liar.message(head={"agreement": "0" * 64}), 422, "other_agreement")
    refused(liar, liar.message(head={"agreement": ""}), 422, "other_agreement")
    liar.talk()


def test_a_head_of_a_smaller_log_than_its_checkpoint(liar: Liar) -> None:
    liar.declare()
    size = len(liar.leaves) - 1
    less = {"size": size, "root": root_of(liar.leaves[:size])}
    refused(liar, liar.message(head=less), 400, "bad_input", "head.size")
    liar.talk()


def test_a_head_that_says_to_have_opened_more_than_it_mirrored(liar: Liar) -> None:
    more = len(liar.alfa) + 1
    refused(liar, liar.message(head={"opened": more}), 400, "bad_input", "head.opened")
    refused(liar, liar.message(head={"mirrored": 2**40, "opened": more}), 422, "unverified",
            "a receipt for")
    liar.talk()


def test_a_head_against_its_checkpoint(liar: Liar) -> None:
    """Both are signed, and name one size: bravo signed two histories."""
    liar.declare()
    refused(liar, liar.message(head={"root": bytes(32)}), 422, "equivocation", "another root",
            proof="head")
    refused(liar, liar.message(), 403, "broken", proof="head")


def notice(liar: Liar) -> None:
    liar.house.http.put(f"/v1/constraints/{new_id()}",
                        json={"name": "Closed", "volumes": [volume(lat=50.0)]})


def test_a_head_that_takes_a_receipt_back(liar: Liar) -> None:
    """Of two heads the one of the larger log says that less of ours is mirrored."""
    before = len(liar.alfa)
    notice(liar)
    liar.talk()
    liar.talk()
    assert liar.house.channel()["receipt_size"] == len(liar.alfa) > before
    liar.append(liar.statement("agreement"))
    refused(liar, liar.message(head={"mirrored": before, "opened": before}), 422, "equivocation",
            "in a later head", proof="heads")


def test_a_head_of_one_log_that_says_less_is_an_old_one(liar: Liar) -> None:
    """It may have been signed before: it changes nothing, and proves nothing."""
    before = len(liar.alfa)
    notice(liar)
    liar.talk()
    liar.talk()
    receipt = liar.house.channel()["receipt_size"]
    assert liar.post(liar.message(head={"mirrored": before, "opened": before})).status_code == 200
    assert liar.house.channel()["receipt_size"] == receipt
    assert liar.house.node.proofs() == []
    serves(liar)


def test_a_head_of_more_leaves_than_are_shown_is_no_receipt(liar: Liar) -> None:
    """What stands between is not here: it counts once it is."""
    notice(liar)
    liar.talk()
    before = liar.house.channel()["receipt_size"]
    size = len(liar.leaves)
    for _ in range(2):
        liar.append(liar.statement("agreement"))
    assert len(liar.alfa) > before
    for _ in range(2):
        said = liar.message(checkpoint=liar.note(size), leaves=tuple(liar.leaves[liar.taken:size]))
        assert liar.post(said).status_code == 200
        assert liar.house.channel()["receipt_size"] == before
    liar.talk()
    assert liar.house.channel()["receipt_size"] == liar.given > before


# -- receipts ------------------------------------------------------------------------------------

def without_ed25519(liar: Liar) -> Said:
    return liar.message(receipt=liar.receipt().splitlines(keepends=True)[1])


def broken_tail(liar: Liar) -> Said:
    first, second = liar.receipt().splitlines(keepends=True)
    return liar.message(receipt=first + second[:-9] + b"AAAAAAA=\n")


def for_more(liar: Liar) -> Said:
    size = len(liar.alfa) + 5
    return liar.message(receipt=liar.receipt(size, root=bytes(32)), head={"mirrored": size})


RECEIPTS: dict[str, tuple[Callable[[Liar], Said], int, str]] = {
    "for more than there is": (for_more, 422, "unverified"),
    "for another history": (lambda liar: liar.message(receipt=liar.receipt(root=bytes(32))), 422,
                            "wrong_signature"),
    "for less than the head says": (lambda liar: liar.message(receipt=liar.receipt(1)), 422,
                                    "wrong_signature"),
    "that is not there": (lambda liar: liar.message(receipt=b""), 400, "bad_input"),
    "by the log keys": (lambda liar: liar.message(receipt=liar.receipt(signers=liar.keys.log)),
                        422, "missing_signature"),
    "by another party": (lambda liar: liar.message(receipt=liar.receipt(
        signers=make_keys(CHARLIE).mirror)), 422, "missing_signature"),
    "without Ed25519": (without_ed25519, 422, "missing_signature"),
    "with a broken ML-DSA-44": (broken_tail, 422, "wrong_signature"),
    "that is no receipt": (lambda liar: liar.message(receipt=b"thanks\n"), 400, "bad_input"),
    "that is not text": (lambda liar: liar.message(receipt=b"\xff\n"), 400, "bad_input")}


@pytest.mark.parametrize("name", RECEIPTS)
def test_receipts(liar: Liar, name: str) -> None:
    notice(liar)
    liar.talk(gives_receipt=False)
    make, status, code = RECEIPTS[name]
    refused(liar, make(liar), status, code)
    liar.talk()
    assert liar.house.channel()["receipt_size"] > 0
