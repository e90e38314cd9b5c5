"""audit.equivocation: proofs that convince a stranger, and documents that prove nothing."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdings import ALFA, BRAVO, IDS, Pair, declare, intent, play
from leaves import LeafSigner
from luftrom.audit.equivocation import make_equivocation, run_of_leaves, verify_equivocation
from luftrom.audit.holding import audit_holding
from luftrom.base64url import encode_base64url
from luftrom.config.keys import NodeKeys
from luftrom.errors import (
    BadInput,
    BadStatement,
    Contradiction,
    Equivocation,
    HeadAgainstCheckpoint,
    LuftromError,
    SeenBehindReceipt,
    TwoCheckpoints,
    TwoHeads,
    TwoStatements,
    Unverified,
)
from luftrom.exchange.message import encode_message
from luftrom.exchange.sending import Position
from luftrom.logs.head import Head, sign_head
from luftrom.node.conductor import Conductor
from luftrom.node.hearing import Hear
from luftrom.statements.disclosure import make_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.declaration import Version
from luftrom.statements.leaf import parse_statement
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.merkle import EMPTY_ROOT, Tree, leaf_hash
from luftrom.transparency.note import COSIGNATURE, ED25519, NoteSigner
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


def head(size: int, mirrored: int, root: bytes = bytes(32), *, by: str = BRAVO, to: str = ALFA,
         key: str = "") -> bytes:
    """A head by a party: its own size, and how much of the other's log it holds."""
    draft = Head(by, to, AGREEMENT.digest, size + mirrored + 1, "", size, root, mirrored, 0, TIME_S)
    return sign_head(draft, b"a body", KEYS[key or by].channel).encode()


def noticed(index: int, n: int, version: int) -> bytes:
    return leaf(index, "notice", disclosures=(make_disclosure("notice", {}),),
                entity={"id": IDS[n], "version": version})


def restored(index: int, told: bytes, giver: str = ALFA) -> bytes:
    """On a word that tells of this head."""
    held = {"party": giver, "size": index, "root": encode_base64url(bytes(32)),
            "head": encode_base64url(hashlib.sha256(told).digest())}
    return leaf(index, "restored", disclosures=(make_disclosure("words", []),), held=[held])


def ruling(index: int) -> dict[str, Any]:
    return {"rulings": [{"index": index, "accepted": True, "against": [],
                         "unacknowledged": []}]}


FLIGHT = Version(intent(1, 1), 1)
SOUND = tuple(make_disclosure(name, value) for name, value in zip(
    KINDS["declaration"].opens, KINDS["declaration"].disclose(FLIGHT), strict=True))


def opens(details: Any = None) -> tuple[bytes, bytes, bytes]:
    """What a declaration commits to, which is no content unless it is said to be."""
    return (make_disclosure("details", {"volumes": []} if details is None else details),
            make_disclosure("reference", {}), make_disclosure("remarks", ""))


SEALED = opens()
DECLARED = leaf(4, "declaration", disclosures=SEALED, size=0)
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
    "two heads, two roots": ("heads", {
        "heads": [head(5, 1, bytes(32)), head(5, 1, bytes([1] * 32))], "leaves": []}),
    "a later head says less": ("heads", {
        "heads": [head(5, 7), head(7, 6)], "leaves": [leaf(5), leaf(6)]}),
    "a later head says less, named first": ("heads", {
        "heads": [head(6, 6), head(5, 7)], "leaves": [leaf(5)]}),
    "a later head says less, behind a word of that head": ("heads", {
        "heads": [head(5, 7), head(6, 6)], "leaves": [restored(5, head(5, 7))]}),
    "a head against a checkpoint": ("head", {"head": head(5, 1), "note": checkpoint(STRAIGHT)}),
    "a head against a larger checkpoint": ("head", {
        "head": head(3, 1), "note": checkpoint(STRAIGHT), "root": STRAIGHT.root(3),
        "proof": STRAIGHT.consistency_proof(3, 5)}),
    "seen less than its head says": ("seen", {"leaves": [leaf(4, seen=6)], "head": head(4, 7)}),
    "seen nothing, later": ("seen", {
        "leaves": [leaf(4, seen=1), leaf(5, seen=1), leaf(6, seen=0)], "head": head(4, 1)}),
    "seen less, behind a word of that head": ("seen", {
        "leaves": [restored(4, head(4, 7)), leaf(5, seen=6)], "head": head(4, 7)}),
    "ruled on twice": ("contradiction", {
        "leaves": [DECLARED, leaf(5, "ruling", **ruling(4)), leaf(6, "ruling", **ruling(4))]}),
    "ruled on the future": ("contradiction", {"leaves": [leaf(6, "ruling", **ruling(9))]}),
    "withdrew what is none": ("contradiction", {
        "leaves": [leaf(3), leaf(4, "withdrawal", of=3)]}),
    "withdrew it twice": ("contradiction", {
        "leaves": [DECLARED, leaf(5, "withdrawal", of=4), leaf(6, "withdrawal", of=4)]}),
    "left a version out": ("contradiction", {"leaves": [noticed(4, 1, 3), noticed(5, 1, 5)]}),
    "no statement": ("statement", {"leaf": leaf(4, "greeting")}),
    "no content": ("statement", {"leaf": DECLARED, "disclosures": SEALED}),
    "content of another size class": ("statement", {
        "leaf": leaf(4, "declaration", disclosures=SOUND, size=-6),
        "disclosures": SOUND}),
}


EVIDENCE = {"checkpoints": partial(TwoCheckpoints, notes=()), "statements": TwoStatements,
            "heads": TwoHeads, "head": HeadAgainstCheckpoint, "seen": SeenBehindReceipt,
            "contradiction": Contradiction,
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
    "one head twice": ("heads", {"heads": [head(5, 7)] * 2, "leaves": []}),
    "a later head says more": ("heads", {
        "heads": [head(5, 7), head(6, 8)], "leaves": [leaf(5)]}),
    "a head of one size says less": ("heads", {
        "heads": [head(5, 7), head(5, 6)], "leaves": []}),
    "one head": ("heads", {"heads": [head(5, 7)], "leaves": []}),
    "heads of two authors": ("heads", {
        "heads": [head(5, 7), head(6, 6, by=ALFA, to=BRAVO)], "leaves": [leaf(5)]}),
    "a head of a stranger": ("heads", {
        "heads": [head(5, 7), head(6, 6, to="charlie.example")], "leaves": [leaf(5)]}),
    "a head by another key": ("heads", {
        "heads": [head(5, 7), head(6, 6, key=ALFA)], "leaves": [leaf(5)]}),
    "no heads": ("heads", {"heads": [b"a.b.c", b""], "leaves": []}),
    "a head as its checkpoint": ("head", {"head": head(5, 1, STRAIGHT.root()),
                                          "note": checkpoint(STRAIGHT)}),
    "a head of its checkpoint's history": ("head", {
        "head": head(3, 1, STRAIGHT.root(3)), "note": checkpoint(STRAIGHT),
        "root": STRAIGHT.root(3), "proof": STRAIGHT.consistency_proof(3, 5)}),
    "a head against a root that is made up": ("head", {
        "head": head(3, 1, STRAIGHT.root(3)), "note": checkpoint(STRAIGHT), "root": FORK.root(3),
        "proof": STRAIGHT.consistency_proof(3, 5)}),
    "a head of another size": ("head", {"head": head(4, 1), "note": checkpoint(STRAIGHT)}),
    "a head and another's checkpoint": ("head", {
        "head": head(5, 1), "note": checkpoint(STRAIGHT, party=ALFA)}),
    "seen enough": ("seen", {"leaves": [leaf(4, seen=7)], "head": head(4, 7)}),
    "heads with a leaf between them left out": ("heads", {
        "heads": [head(5, 7), head(7, 6)], "leaves": [leaf(5)]}),
    "heads with a restore between them": ("heads", {
        "heads": [head(5, 7), head(6, 6)], "leaves": [restored(5, head(5, 6))]}),
    "restored on a word without that head": ("seen", {
        "leaves": [restored(4, b""), leaf(5, seen=6)], "head": head(4, 7)}),
    "leaves left out behind the head": ("seen", {"leaves": [leaf(5, seen=6)], "head": head(4, 7)}),
    "no leaves behind the head": ("seen", {"leaves": [], "head": head(4, 7)}),
    "said before the head": ("seen", {"leaves": [leaf(4, seen=6)], "head": head(5, 7)}),
    "a head to another": ("seen", {
        "leaves": [leaf(4)], "head": head(4, 7, to="charlie.example")}),
    "a head of another": ("seen", {
        "leaves": [leaf(4)], "head": head(4, 7, by=ALFA, to=BRAVO)}),
    "under no agreement": ("seen", {
        "leaves": [LeafSigner(BRAVO, KEYS[BRAVO].statements).sign(
            {"type": "agreement", "index": 4, "iat": 1}, ())], "head": head(4, 7)}),
    "no contradiction": ("contradiction", {"leaves": [
        DECLARED, leaf(5, "ruling", **ruling(4))]}),
    "a gap": ("contradiction", {"leaves": [
        DECLARED, leaf(6, "ruling", **ruling(4)), leaf(7, "ruling", **ruling(4))]}),
    # Which versions they are is sealed: two of one entity may be void, and contradict nothing.
    "two declarations that wait": ("contradiction", {"leaves": [
        DECLARED, leaf(5, "declaration", disclosures=SEALED, size=0)]}),
    "no leaves": ("contradiction", {}),
    "what came before is not shown": ("contradiction", {
        "leaves": [noticed(6, 1, 5)]}),
    "a good statement": ("statement", {"leaf": leaf(4)}),
    "a sealed statement": ("statement", {"leaf": DECLARED}),
    "good content": ("statement", {
        "leaf": leaf(4, "declaration", disclosures=SOUND, size=-7), "disclosures": SOUND}),
    "a false disclosure": ("statement", {"leaf": DECLARED, "disclosures": [
        make_disclosure("details", {}), *SEALED[1:]]}),
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
    b"", b"[]", b"{}", change(lambda d: d.update(format="luftrom-equivocation/1")),
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


def test_a_document_of_the_version_before_is_named() -> None:
    with pytest.raises(BadInput, match=r"luftrom-equivocation/1.*this version reads") as refused:
        verify_equivocation(change(lambda d: d.update(format="luftrom-equivocation/1")), AGREEMENT)
    assert refused.value.field == "format"


@pytest.mark.parametrize("shown", [SOUND[:1], SOUND[:2], SOUND[1:]])
def test_what_was_not_shown_convicts_nobody(shown: tuple[bytes, ...]) -> None:
    """An honest leaf commits to all of its content; who has it may hold back a part of it."""
    honest = leaf(4, "declaration", disclosures=SOUND, size=-7)
    with pytest.raises(Unverified) as refused:
        verify_equivocation(make("statement", {"leaf": honest, "disclosures": shown}), AGREEMENT)
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
    assert needed(leaf(9, "withdrawal", of=3)) == 3 and needed(leaf(9, "withdrawal", of=12)) == 9
    assert needed(noticed(4, 1, 2), before=2) == 2 and needed(noticed(4, 1, 1)) == 0
    assert needed(DECLARED) == 0 and needed(leaf(3)) == 0


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
    message, draft = liar.message_to(ALFA, Position(2, 2), 10**6)
    pair.step(ALFA, Hear(message, pair.signed(draft, encode_message(message)),
                         lambda result, error: refused.append(error)))
    assert isinstance(refused[0], Equivocation)
    assert BRAVO in pair.nodes[ALFA].broken
    (party, kind, document), = pair.stores[ALFA].proofs()
    found = verify_equivocation(document, pair.agreement)
    assert (party, kind, found.party) == (BRAVO, found.kind, BRAVO)
    own = pair.agreement.party(ALFA)
    report = audit_holding(pair.stores[ALFA], own, pair.agreement)
    assert report.verified and report.proofs == (found.sentence,)
