"""audit.equivocation: proofs that convince a stranger, and documents that prove nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdings import ALFA, BRAVO, IDS, Pair, declare, play
from leaves import LeafSigner
from luftrom.audit.equivocation import make_equivocation, run_of_leaves, verify_equivocation
from luftrom.audit.holding import audit_holding
from luftrom.config.keys import NodeKeys
from luftrom.errors import (
    BadInput,
    BadStatement,
    Contradiction,
    Equivocation,
    LuftromError,
    SeenBehindReceipt,
    TwoCheckpoints,
    TwoStatements,
    Unverified,
)
from luftrom.node.conductor import Conductor
from luftrom.node.hearing import Hear
from luftrom.statements.disclosure import make_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import parse_statement
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.merkle import EMPTY_ROOT, Tree, leaf_hash
from luftrom.transparency.note import COSIGNATURE, ED25519, NoteSigner
from luftrom.transparency.receipt import attach_receipt, sign_receipt
from parties import ed25519, make_agreement, make_keys, make_party

KEYS = {name: make_keys(name) for name in (ALFA, BRAVO)}
AGREEMENT = make_agreement(tuple(make_party(name, keys) for name, keys in KEYS.items()))
# The same names with the keys of others: what those sign convicts nobody here.
STRANGERS = make_agreement(tuple(make_party(name, NodeKeys(
    ed25519("x", f"{name} s"), ed25519("x", f"{name} c"),
    (NoteSigner(f"{name}/log", ED25519, ed25519("x", f"{name} l")),),
    (NoteSigner(f"{name}/mirror", COSIGNATURE, ed25519("x", f"{name} m")),)))
    for name in (ALFA, BRAVO)))
TIME_S = 1_790_000_000


def tree_of(*names: str) -> Tree:
    tree = Tree()
    tree.extend(leaf_hash(name.encode()) for name in names)
    return tree


def checkpoint(tree: Tree, time_s: int = TIME_S, party: str = BRAVO,
               keys: slice = slice(None)) -> bytes:
    return sign_checkpoint(Checkpoint(f"{party}/log", tree.size, tree.root()),
                           KEYS[party].log[keys], time_s)


def leaf(index: int, kind: str = "agreement", *, seen: int = 0, iat: int = TIME_S,
         disclosures: tuple[bytes, ...] = (), party: str = BRAVO, **claims: Any) -> bytes:
    other = ALFA if party == BRAVO else BRAVO
    head = {"type": kind, "index": index, "iat": iat, "agreement": AGREEMENT.digest,
            "seen": {other: {"size": seen, "root": EMPTY_ROOT}}}
    return LeafSigner(party, KEYS[party].statements).sign(head | claims, disclosures)


def receipt(size: int, time_s: int = TIME_S, log: str = ALFA, by: str = BRAVO) -> bytes:
    body = Checkpoint(f"{log}/log", size, bytes(32))
    return attach_receipt(body.encode(), sign_receipt(body, KEYS[by].mirror, time_s))


def entity(n: int, version: int = 1) -> dict[str, Any]:
    return {"entity": {"id": IDS[n], "version": version}}


def ruling(index: int) -> dict[str, Any]:
    return {"rulings": [{"index": index, "accepted": True, "against": [],
                         "unacknowledged": []}]}


ONE = make_disclosure("details", {"volumes": []})
DECLARED = leaf(4, "declaration", disclosures=(ONE,), **entity(1))
FORK, STRAIGHT = tree_of("a", "b", "x"), tree_of("a", "b", "c", "d", "e")
PROOFS: dict[str, tuple[str, dict[str, Any]]] = {
    "one size, two roots": ("checkpoints", {
        "notes": [checkpoint(tree_of("a", "b")), checkpoint(tree_of("a", "c"))]}),
    "before ML-DSA-44 followed": ("checkpoints", {
        "notes": [checkpoint(tree_of("a", tail), keys=slice(1)) for tail in "bc"]}),
    "two sizes": ("checkpoints", {
        "notes": [checkpoint(STRAIGHT), checkpoint(FORK)], "root": STRAIGHT.root(3),
        "proof": STRAIGHT.consistency_proof(3, 5)}),
    "two statements": ("statements", {"leaves": [leaf(4), leaf(4, seen=1)]}),
    "seen less than receipted": ("seen", {"leaf": leaf(4, seen=6, iat=TIME_S + 1),
                                          "note": receipt(7)}),
    "seen less, with a false time": ("seen", {
        "leaf": leaf(5, seen=6, iat=TIME_S - 99), "note": receipt(7),
        "checkpoint": checkpoint(STRAIGHT, TIME_S + 1)}),
    "declared while it waits": ("contradiction", {
        "leaves": [DECLARED, leaf(5), leaf(6, "declaration", disclosures=(ONE,), **entity(1, 2))]}),
    "ruled on twice": ("contradiction", {
        "leaves": [DECLARED, leaf(5, "ruling", **ruling(4)), leaf(6, "ruling", **ruling(4))]}),
    "ruled on the future": ("contradiction", {"leaves": [leaf(6, "ruling", **ruling(9))]}),
    "withdrew what is none": ("contradiction", {
        "leaves": [leaf(3), leaf(4, "withdrawal", of=3, **entity(1))]}),
    "no statement": ("statement", {"leaf": leaf(4, "greeting")}),
    "no content": ("statement", {"leaf": DECLARED, "disclosures": [ONE]}),
}


EVIDENCE = {"checkpoints": partial(TwoCheckpoints, notes=()), "statements": TwoStatements,
            "seen": SeenBehindReceipt, "contradiction": Contradiction,
            "statement": partial(BadStatement, leaf=b"")}


def make(kind: str, members: dict[str, Any], party: str = BRAVO) -> bytes:
    return make_equivocation(EVIDENCE[kind](party, **members), "equivocation", "caught")


@pytest.mark.parametrize("name", PROOFS)
def test_a_proof_verifies_from_the_agreement_alone(name: str) -> None:
    kind, detail = PROOFS[name]
    found = verify_equivocation(make(kind, detail), AGREEMENT)
    assert (found.party, found.kind) == (BRAVO, kind)
    assert found.sentence.startswith(BRAVO) and len(found.sentence) < 200


NOTHING: dict[str, tuple[str, dict[str, Any]]] = {
    "one history": ("checkpoints", {
        "notes": [checkpoint(STRAIGHT), checkpoint(tree_of("a", "b", "c"))],
        "root": STRAIGHT.root(3), "proof": STRAIGHT.consistency_proof(3, 5)}),
    "one checkpoint twice": ("checkpoints", {"notes": [checkpoint(FORK)] * 2}),
    "one checkpoint at two times": ("checkpoints", {
        "notes": [checkpoint(FORK), checkpoint(FORK, TIME_S + 1)]}),
    "an empty log": ("checkpoints", {"notes": [checkpoint(Tree()), checkpoint(FORK)],
                                     "root": EMPTY_ROOT}),
    "no proof of the root": ("checkpoints", {
        "notes": [checkpoint(STRAIGHT), checkpoint(FORK)], "root": STRAIGHT.root(3)}),
    "a root that is made up": ("checkpoints", {
        "notes": [checkpoint(STRAIGHT), checkpoint(tree_of("a", "b", "c"))], "root": FORK.root(),
        "proof": STRAIGHT.consistency_proof(3, 5)}),
    "one checkpoint": ("checkpoints", {"notes": [checkpoint(FORK)]}),
    "another log": ("checkpoints", {"notes": [checkpoint(FORK), checkpoint(
        tree_of("a", "b", "y"), party=ALFA)]}),
    "one statement twice": ("statements", {"leaves": [leaf(4), leaf(4)]}),
    "two places": ("statements", {"leaves": [leaf(4), leaf(5)]}),
    "another author": ("statements", {"leaves": [leaf(4), leaf(4, party=ALFA)]}),
    "seen enough": ("seen", {"leaf": leaf(4, seen=7, iat=TIME_S + 1), "note": receipt(7)}),
    "said before": ("seen", {"leaf": leaf(4, seen=6, iat=TIME_S), "note": receipt(7)}),
    "covered by the checkpoint": ("seen", {
        "leaf": leaf(4, seen=6), "note": receipt(7),
        "checkpoint": checkpoint(STRAIGHT, TIME_S + 1)}),
    "a checkpoint from before": ("seen", {
        "leaf": leaf(5, seen=6), "note": receipt(7), "checkpoint": checkpoint(STRAIGHT)}),
    "a receipt for another log": ("seen", {"leaf": leaf(4, iat=TIME_S + 1),
                                           "note": receipt(7, log="charlie.example")}),
    "a receipt by another": ("seen", {"leaf": leaf(4, iat=TIME_S + 1),
                                      "note": receipt(7, by=ALFA)}),
    "no contradiction": ("contradiction", {"leaves": [
        DECLARED, leaf(5, "ruling", **ruling(4))]}),
    "a gap": ("contradiction", {"leaves": [
        DECLARED, leaf(6, "declaration", disclosures=(ONE,), **entity(1, 2))]}),
    "no leaves": ("contradiction", {}),
    "what came before is not shown": ("contradiction", {
        "leaves": [leaf(6, "declaration", disclosures=(ONE,), **entity(1, 5))]}),
    "a good statement": ("statement", {"leaf": leaf(4)}),
    "a false disclosure": ("statement", {"leaf": DECLARED, "disclosures": [
        make_disclosure("details", {})]}),
    "not signed": ("statement", {"leaf": leaf(4)[:-4] + b"AAAA"}),
    "no leaf": ("statement", {}),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_proves_nothing_says_so(name: str) -> None:
    kind, detail = NOTHING[name]
    with pytest.raises((Unverified, BadInput)):
        verify_equivocation(make(kind, detail), AGREEMENT)


@pytest.mark.parametrize("name", PROOFS)
def test_nobody_else_is_convicted(name: str) -> None:
    kind, detail = PROOFS[name]
    for party in (ALFA, "charlie.example"):
        with pytest.raises(LuftromError):
            verify_equivocation(make(kind, detail, party), AGREEMENT)
    with pytest.raises(Unverified):
        verify_equivocation(make(kind, detail), STRANGERS)


@settings(max_examples=300)
@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_no_changed_evidence_convicts_of_something_else(name: str, data: st.DataObject) -> None:
    """A changed byte is refused, or it was one that the proof does not rest on."""
    kind, detail = PROOFS[name]
    document = make(kind, detail)
    whole = verify_equivocation(document, AGREEMENT)
    start = document.index(b'"evidence"')
    at = data.draw(st.integers(start, len(document) - 1))
    byte = data.draw(st.integers(32, 126).filter(lambda b: b != document[at]))
    try:
        found = verify_equivocation(document[:at] + bytes([byte]) + document[at + 1:], AGREEMENT)
    except LuftromError:
        return
    assert found == whole


def change(how: Callable[[dict[str, Any]], Any]) -> bytes:
    document = json.loads(make(*PROOFS["two sizes"]))
    how(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("document", [
    b"", b"[]", b"{}", change(lambda d: d.update(format="luftrom-equivocation/2")),
    change(lambda d: d.update(kind="rumour")), change(lambda d: d.update(more=1)),
    change(lambda d: d.pop("said")), change(lambda d: d.update(evidence=[])),
    change(lambda d: d["evidence"].update(leaf="x")), change(lambda d: d["evidence"].pop("root")),
    change(lambda d: d["evidence"].update(proof=["AA="])),
    change(lambda d: d["evidence"].update(proof="AAAA")),
    change(lambda d: d["evidence"].update(proof=[7])),
    change(lambda d: d["evidence"].update(notes=["x"] * 5_000)),
    change(lambda d: d["evidence"].update(root=None))])
def test_documents_that_are_none(document: bytes) -> None:
    with pytest.raises(BadInput):
        verify_equivocation(document, AGREEMENT)


def test_what_was_not_shown_convicts_nobody() -> None:
    """An honest leaf commits to all of its content; who has it may hold back a part of it."""
    whole = (make_disclosure("reference", {}), ONE)
    honest = leaf(4, "declaration", disclosures=whole, **entity(1))
    with pytest.raises(Unverified) as refused:
        verify_equivocation(make("statement", {"leaf": honest, "disclosures": (ONE,)}), AGREEMENT)
    assert refused.value.code == "not_proven"


def test_what_is_too_long_for_a_document_is_left_out() -> None:
    document = make("statement", {"leaf": DECLARED, "disclosures": [b"x" * 100_000]})
    assert len(document) < 10_000
    with pytest.raises((Unverified, BadInput)):
        verify_equivocation(document, AGREEMENT)
    assert run_of_leaves(lambda i: b"%d" % i, 3, 6) == (b"3", b"4", b"5")
    assert run_of_leaves(lambda i: b"", 0, 5_000) == ()


def test_which_leaves_a_contradiction_needs() -> None:
    def needed(made: bytes, before: int | None = None) -> int:
        statement = parse_statement(made)
        return KINDS[statement.type].first_needed(statement, lambda entity_id: before)

    assert needed(leaf(9, "ruling", rulings=[*ruling(4)["rulings"], *ruling(7)["rulings"]])) == 4
    assert needed(leaf(9, "ruling", **ruling(12))) == 9
    assert needed(leaf(9, "withdrawal", of=3, **entity(1))) == 3
    assert needed(DECLARED, before=2) == 2 and needed(DECLARED) == 0
    assert needed(leaf(3)) == 0


# -- caught by a node ----------------------------------------------------------------------------

def test_a_fork_is_caught_kept_and_proven() -> None:
    """Bravo goes back to an old copy of its database and says something else."""
    pair = play(Pair())
    old = copy.deepcopy(pair.stores[BRAVO])
    pair.step(BRAVO, declare(7, 7))
    pair.settle()
    liar = Conductor(BRAVO, pair.keys[BRAVO], pair.agreement, old, pair.clock)
    step = liar.step([declare(8, 8)])
    old.commit(step.writes)
    liar.publish(step)
    refused: list[Any] = []
    message = liar.message_to(ALFA, 2, 2)
    pair.step(ALFA, Hear(message, 10**6, lambda result, error: refused.append(error)))
    assert isinstance(refused[0], Equivocation)
    assert BRAVO in pair.nodes[ALFA].broken
    (party, kind, document), = pair.stores[ALFA].proofs()
    found = verify_equivocation(document, pair.agreement)
    assert (party, kind, found.party) == (BRAVO, found.kind, BRAVO)
    own = pair.agreement.party(ALFA)
    report = audit_holding(pair.stores[ALFA], own, pair.agreement)
    assert report.verified and report.proofs == (found.sentence,)
