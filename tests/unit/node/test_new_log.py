"""A party's new log: where it starts, what it takes over, what the log before means after it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from holdings import ALFA, BRAVO, Pair, declare, play, silent
from luftrom.agreement.party import NewLog, parse_party
from luftrom.agreement.terms import Agreement
from luftrom.audit.equivocation import make_equivocation, verify_equivocation
from luftrom.audit.holding import audit_holding
from luftrom.errors import (
    BadInput,
    Equivocation,
    NotFound,
    TwoCheckpoints,
    TwoStatements,
    Unverified,
)
from luftrom.exchange.message import encode_message
from luftrom.logs.fork import Lacking, find_fork
from luftrom.logs.mirror import Mirror
from luftrom.node.conductor import Conductor
from luftrom.node.hearing import Convict, Hear
from luftrom.node.new_log import broken_channels, take_up_new_logs
from luftrom.node.wholeness import examine
from luftrom.statements.leaf import StatementSigner, parse_statement
from luftrom.store.protocol import Writes
from luftrom.transparency.checkpoint import sign_checkpoint
from luftrom.transparency.note import ED25519, NoteSigner
from parties import ed25519

ORIGIN = f"{BRAVO}/log/2"


@pytest.fixture
def pair() -> Pair:
    pair = play(Pair())
    pair.settle()
    return pair


def start_of(pair: Pair) -> NewLog:
    """All that alfa holds of bravo's log."""
    mirror = pair.nodes[ALFA].mirrors[BRAVO]
    return NewLog(2, mirror.size, mirror.root)


def renew(pair: Pair, start: NewLog) -> tuple[Agreement, Any]:
    """The next version of the agreement, in which bravo goes on with a new log; its keys."""
    signer = NoteSigner(ORIGIN, ED25519, ed25519(BRAVO, "log 2"))
    alfa, bravo = (pair.agreement.party(name) for name in (ALFA, BRAVO))
    keys = replace(bravo.keys, log=(signer.verifier.encode_vkey(),))
    agreement = replace(pair.agreement, version=2, digest="ab" * 32,
                        parties=(alfa, replace(bravo, keys=keys, new_log=start)),
                        earlier=(pair.agreement.digest,))
    return agreement, replace(pair.keys[BRAVO], log=(signer,))


def refused_by(pair: Pair, message: Any, draft: Any) -> Any:
    found: list[Any] = []
    pair.step(ALFA, Hear(message, pair.signed(draft, encode_message(message)),
                         lambda result, error: found.append(error)))
    return found[0]


def go_on(pair: Pair) -> None:
    """Both go by the next version, from what they hold."""
    agreement, keys = renew(pair, start_of(pair))
    pair.agreement, pair.keys[BRAVO] = agreement, keys
    log = pair.nodes[BRAVO].log            # `restore` signs what is taken over, by the new key
    note = sign_checkpoint(replace(log.body(log.size), origin=ORIGIN), keys.log, 1)
    pair.stores[BRAVO].commit(Writes(checkpoints=[(BRAVO, log.size, note)]))
    for name in (ALFA, BRAVO):
        take_up_new_logs(pair.stores[name], name, agreement, pair.keys[name], pair.clock)
        pair.nodes[name] = Conductor(name, pair.keys[name], agreement, pair.stores[name],
                                     pair.clock)


def test_it_is_read_as_it_is_written(pair: Pair) -> None:
    agreement, _ = renew(pair, start_of(pair))
    bravo = agreement.parties[1]
    assert bravo.log_origin == ORIGIN
    assert parse_party(bravo.document()) == bravo
    size = start_of(pair).size
    assert bravo.log_origins(size) == (f"{BRAVO}/log", ORIGIN)
    assert bravo.log_origins(size + 1) == (ORIGIN,)


@pytest.mark.parametrize(("member", "value", "said"), [
    ("number", 1, "at least 2"), ("number", True, "at least 2"), ("size", 0, "at least 1"),
    ("root", "AA", "32 bytes"), ("root", 3, "text"), ("more", 1, "more")])
def test_a_start_that_is_none_is_refused(pair: Pair, member: str, value: object, said: str) -> None:
    document = renew(pair, start_of(pair))[0].parties[1].document()
    document["log"] = {**document["log"], member: value}
    with pytest.raises(BadInput, match=said):
        parse_party(document)


def test_each_log_has_keys_of_its_own(pair: Pair) -> None:
    document = pair.agreement.parties[1].document()
    document["log"] = start_of(pair).document()
    with pytest.raises(BadInput, match=f"must bear the name {ORIGIN}"):
        parse_party(document)


def test_what_is_taken_over_is_what_all_signed_for(pair: Pair) -> None:
    start = start_of(pair)
    alfa = pair.agreement.party(ALFA)
    for log, is_whole in ((start, True), (replace(start, root=bytes(32)), False),
                          (replace(start, size=start.size - 1), False),
                          (replace(start, size=start.size + 1), False)):
        found = examine(pair.stores[ALFA], alfa, renew(pair, log)[0])
        assert (found.faults == ()) == is_whole
        assert all("restore --from-peers" in fault.mend for fault in found.faults)


def test_two_nodes_go_on_with_it(pair: Pair) -> None:
    before = pair.agreement
    go_on(pair)
    with pytest.raises(NotFound):          # bravo has signed nothing under the new origin yet
        pair.nodes[ALFA].mirrors[BRAVO].checkpoint()
    pair.step(BRAVO, declare(7, 7))
    pair.settle()
    assert pair.nodes[ALFA].mirrors[BRAVO].checkpoint().startswith(f"{ORIGIN}\n".encode())
    for name in (ALFA, BRAVO):
        own = pair.agreement.party(name)
        report = audit_holding(pair.stores[name], own, pair.agreement, [before])
        steps = [step for log in report.logs for step in log.steps] + list(report.steps)
        assert report.verified, [step for step in steps if step.verdict != "ok"]
        assert examine(pair.stores[name], own, pair.agreement).faults == ()


def test_nothing_older_than_its_start_is_taken(pair: Pair) -> None:
    start = start_of(pair)
    agreement, keys = renew(pair, start)
    mirror = Mirror(pair.stores[ALFA], agreement.parties[1], pair.keys[ALFA].mirror)
    body = replace(pair.nodes[BRAVO].log.body(start.size - 1), origin=ORIGIN)
    with pytest.raises(Unverified, match=f"starts from {start.size}"):
        mirror.verify_checkpoint(sign_checkpoint(body, keys.log, 1))


def test_a_log_does_not_fall_back_behind_a_version(pair: Pair) -> None:
    go_on(pair)
    pair.step(BRAVO, declare(7, 7))
    pair.settle()
    size = pair.nodes[BRAVO].log.size
    # The same log, with one more statement that names the version before.
    liar = Conductor(BRAVO, pair.keys[BRAVO], replace(
        pair.agreement, digest=pair.agreement.earlier[0]), pair.stores[BRAVO], pair.clock)
    step = liar.step([declare(8, 8)])
    pair.stores[BRAVO].commit(step.writes)
    liar.publish(step)
    message, draft = liar.message_to(ALFA, pair.position(ALFA, BRAVO), 10**9)
    error = refused_by(pair, message, replace(draft, agreement=pair.agreement.digest))
    assert isinstance(error, Unverified) and error.code == "other_agreement"
    assert f"leaf {size} falls back" in error.message


def test_proofs_of_the_log_before_break_no_channel(pair: Pair) -> None:
    store, agreement = pair.stores[ALFA], renew(pair, start_of(pair))[0]
    store.commit(Writes(proofs=[(BRAVO, "checkpoints", b"1"), (BRAVO, "statement", b"2")]))
    assert broken_channels(store, pair.agreement) == {BRAVO}
    assert broken_channels(store, agreement) == {BRAVO}   # it has not been taken up
    for _ in range(2):
        take_up_new_logs(store, ALFA, agreement, pair.keys[ALFA], pair.clock)
        assert broken_channels(store, agreement) == set()
    store.commit(Writes(proofs=[(BRAVO, "statement", b"3")]))
    assert broken_channels(store, agreement) == set()     # a single bad one breaks none
    store.commit(Writes(proofs=[(BRAVO, "checkpoints", b"4")]))
    assert broken_channels(store, agreement) == {BRAVO}


def test_what_the_log_before_has_behind_the_start_accuses_nobody(pair: Pair) -> None:
    start = start_of(pair)
    agreement, _ = renew(pair, start)
    signer = StatementSigner(BRAVO, pair.keys[BRAVO].statements)
    last = parse_statement(pair.nodes[ALFA].mirrors[BRAVO].leaf(start.size - 1))

    def leaf(index: int, digest: str, time_s: int) -> bytes:
        return signer.sign(replace(last, index=index, agreement=digest, iat_s=time_s)).leaf

    old, new = agreement.earlier[0], agreement.digest

    def proof(*leaves: bytes) -> bytes:
        return make_equivocation(TwoStatements(BRAVO, leaves), Equivocation.code, "two")

    with pytest.raises(Unverified, match="the log before"):
        verify_equivocation(proof(leaf(start.size, old, 1), leaf(start.size, new, 2)), agreement)
    for leaves in ((leaf(start.size, new, 1), leaf(start.size, new, 2)),
                   (leaf(start.size - 1, old, 1), leaf(start.size - 1, new, 2))):
        assert verify_equivocation(proof(*leaves), agreement).party == BRAVO


def test_a_kept_proof_verifies_by_the_version_that_it_was_made_under(pair: Pair) -> None:
    mirror = pair.nodes[ALFA].mirrors[BRAVO]
    other = replace(mirror.body(mirror.size), root=bytes(32))
    evidence = TwoCheckpoints(BRAVO, (mirror.note, sign_checkpoint(other, pair.keys[BRAVO].log, 1)))
    pair.stores[ALFA].commit(Writes(proofs=[
        (BRAVO, "checkpoints", make_equivocation(evidence, "equivocation", "two"))]))
    before = pair.agreement
    go_on(pair)
    pair.step(BRAVO, declare(7, 7))
    pair.settle()
    alfa = pair.agreement.party(ALFA)
    report = audit_holding(pair.stores[ALFA], alfa, pair.agreement, [before])
    assert report.verified and len(report.proofs) == 1
    assert not audit_holding(pair.stores[ALFA], alfa, pair.agreement).verified



def test_a_fork_that_is_told_is_over_with_the_new_log(pair: Pair) -> None:
    """Until then nothing that bravo signs is taken; then its log goes on from what alfa held."""
    old = copy.deepcopy(pair.stores[BRAVO])
    pair.step(BRAVO, declare(7, 7))
    pair.settle()
    liar = Conductor(BRAVO, pair.keys[BRAVO], pair.agreement, old, pair.clock)
    step = liar.step([declare(8, 8)])
    old.commit(step.writes)
    liar.publish(step)
    bravo, mirror = pair.agreement.party(BRAVO), pair.nodes[ALFA].mirrors[BRAVO]
    tiles: dict[str, bytes] = {}
    while True:
        try:
            fork = find_fork(bravo, mirror.tree, mirror.note, liar.log.note, tiles)
            break
        except Lacking as lacking:
            width = liar.log.size % 256
            level = int(lacking.path.split("/")[1])
            tiles[lacking.path] = liar.log.tile(level, 0, width)
    assert fork is not None
    pair.step(ALFA, Convict(fork, silent))
    pair.step(ALFA)
    assert pair.nodes[ALFA].memory.forked == {BRAVO}
    told = parse_statement(pair.stores[ALFA].leaves(ALFA, 0, 99)[-1])
    assert told.type == "forked"
    before = pair.agreement
    go_on(pair)
    assert pair.nodes[ALFA].memory.forked == set() and not pair.nodes[ALFA].broken
    pair.step(BRAVO, declare(9, 9))
    pair.settle()
    pair.step(ALFA, declare(10, 10))
    pair.settle()
    digests = {node.airspace.digest() for node in pair.nodes.values()}
    assert len(digests) == 1
    assert parse_statement(pair.nodes[BRAVO].mirrors[ALFA].leaf(told.index)).type == "forked"
    for name in (ALFA, BRAVO):
        report = audit_holding(pair.stores[name], pair.agreement.party(name), pair.agreement,
                               [before])
        steps = [step for log in report.logs for step in log.steps] + list(report.steps)
        assert report.verified, [step for step in steps if step.verdict != "ok"]
