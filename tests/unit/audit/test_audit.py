"""audit: what is whole verifies, whatever is changed is found and named, and nothing crashes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from holdings import ALFA, BRAVO, IDS, Holding, Pair, declare, intent, play
from leaves import LeafSigner
from luftrom.audit.holding import audit_holding, subject_of
from luftrom.audit.log import LogAudit, Subject, Terms, audit_log
from luftrom.audit.report import Report
from luftrom.errors import Unavailable
from luftrom.statements.disclosure import make_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.declaration import Version
from luftrom.statements.leaf import parse_statement
from luftrom.store.protocol import ReceiptRow, Writes
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.merkle import EMPTY_ROOT, Tree, leaf_hash
from memory_store import MemoryStore
from parties import make_agreement, make_keys, make_party


@pytest.fixture(scope="module")
def pair() -> Pair:
    return play(Pair())


@pytest.fixture
def alfa(pair: Pair) -> Holding:
    return pair.holding(ALFA).copy()


def audit(holding: Holding) -> Report:
    return audit_holding(holding.store, holding.own, holding.agreement)


def failures(report: Report) -> dict[str, Any]:
    """`party step` to the step, for all that failed."""
    found = {f"{log.party} {step.name}": step for log in report.logs for step in log.failures}
    found |= {step.name: step for step in report.steps if step.verdict == "failed"}
    assert report.verified == (not found) == (" fails: " not in report.verdict)
    return found


# -- what is whole -------------------------------------------------------------------------------

def test_what_honest_parties_hold_verifies(pair: Pair) -> None:
    for name, peer in ((ALFA, BRAVO), (BRAVO, ALFA)):
        report = audit(pair.holding(name))
        assert failures(report) == {} and report.party == name
        own, mirror = report.logs
        assert (own.party, own.kind, mirror.party, mirror.kind) == (name, "log", peer, "mirror")
        assert own.size == pair.nodes[name].log.size and own.root == pair.nodes[name].log.root
        assert own.receipts > 2 and not report.proofs
        assert {step.verdict for log in report.logs for step in log.steps} == {"ok"}


def test_with_both_kinds_of_signatures() -> None:
    pair = Pair(post_quantum=True)
    pair.step(ALFA, declare(1, 1))
    pair.settle()
    report = audit(pair.holding(ALFA))
    assert failures(report) == {}
    assert "2 keys" in report.logs[0].steps[0].said


def test_a_node_without_an_agreement_audits_its_own_log() -> None:
    keys = make_keys(ALFA, post_quantum=False)
    own = make_party(ALFA, keys)
    empty = MemoryStore()
    assert audit_holding(empty, own, None).verified
    sealed(empty, ALFA, keys, [{"type": "notification", "index": 0, "iat": 1}])
    report = audit_holding(empty, own, None)
    assert failures(report) == {} and report.logs[0].size == 1
    # Its first statement under an agreement may follow.
    agreement = make_agreement((own, make_party(BRAVO, make_keys(BRAVO, post_quantum=False))))
    assert audit_holding(empty, own, agreement).verified


def test_entries_that_were_uploaded_wait_behind_the_mirror_checkpoint(alfa: Holding) -> None:
    """What add-entries brought and no exchange has opened yet is pending, and no failure."""
    store = alfa.store
    store._checkpoints[f"{BRAVO} pending"] = store._checkpoints.pop(BRAVO)
    del store._given[BRAVO], store._applied[BRAVO]
    found = failures(audit(alfa))          # the own statements had seen more than nothing, though
    assert set(found) == {f"{BRAVO} receipt given"}
    del store._checkpoints[f"{BRAVO} pending"]
    assert f"{BRAVO} leaves" in failures(audit(alfa))


# -- every byte ----------------------------------------------------------------------------------

Change = Callable[[bytes], bytes]


def places(holding: Holding) -> Iterator[tuple[str, int | None, int, Callable[[Change], None]]]:
    """All rows whose bytes matter: the step that must fail, the leaf, how long, how to change."""
    store = holding.store
    for party, leaves in store._leaves.items():
        for i, leaf in enumerate(leaves):
            yield f"{party} statements", i, len(leaf), setter(leaves, i)
    for key, (_, note) in store._checkpoints.items():
        party = key.split(" ")[0]
        yield f"{party} checkpoint", None, len(note), setter(store._checkpoints, key, 1)
    for party, (_, lines) in store._given.items():
        yield f"{party} receipt given", None, len(lines), setter(store._given, party, 1)
    for i, row in enumerate(store._receipts):
        yield f"{ALFA} receipts", None, len(row.note), setter(store._receipts, i, "note")
        yield f"{ALFA} receipts", None, len(row.head), setter(store._receipts, i, "head")
    for party, rows in store._disclosures.items():
        for index, items in rows.items():
            for n, item in enumerate(items):
                yield f"{party} disclosures", index, len(item), setter(items, n)


def setter(rows: Any, key: Any, part: Any = None) -> Callable[[Change], None]:
    def change(how: Change) -> None:
        row = rows[key]
        if part is None:
            rows[key] = how(row)
        elif part == "note":
            rows[key] = replace(row, note=how(row.note))
        elif part == "head":
            rows[key] = replace(row, head=how(row.head.encode("latin-1")).decode("latin-1"))
        else:
            rows[key] = (row[0], how(row[1]))
    return change


def flip_every(pair: Pair, stride: int) -> int:
    count = 0
    holding = pair.holding(ALFA).copy()
    for number, (step, index, length, change) in enumerate(places(holding)):
        for at in range(number % stride, length, stride):
            for bit in (1, 128):
                def flipped(data: bytes, at: int = at, bit: int = bit) -> bytes:
                    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]

                change(flipped)
                found = failures(audit(holding))
                assert step in found, f"byte {at} of {step} {index}"
                assert found[step].index == index or step.endswith(
                    ("checkpoint", "given", "receipts")), f"byte {at} of {step} {index}"
                change(flipped)            # and back
                count += 1
    assert failures(audit(holding)) == {}
    return count


def test_a_flipped_bit_is_found_and_its_place_named(pair: Pair) -> None:
    assert flip_every(pair, stride=97) > 300


@pytest.mark.slow
@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_every_flipped_byte_is_found_and_its_place_named(pair: Pair, stride: int) -> None:
    assert flip_every(pair, stride) > 30_000 / stride


# -- rows ----------------------------------------------------------------------------------------



SPOILT: dict[str, Callable[[MemoryStore], Any]] = {
    f"{ALFA} leaves": lambda s: s._leaves[ALFA].pop(),
    f"{BRAVO} leaves": lambda s: s._leaves[BRAVO].pop(),
    f"{ALFA} statements": lambda s: s._leaves[ALFA].__setitem__(3, s._leaves[ALFA][4]),
    f"{BRAVO} statements": lambda s: s._leaves[BRAVO].__setitem__(2, s._leaves[ALFA][2]),
    f"{ALFA} checkpoint": lambda s: s._checkpoints.pop(ALFA),
    f"{ALFA} disclosures": lambda s: s._disclosures[ALFA][2].pop(),
    f"{ALFA} rulings": lambda s: s._receipts.clear(),
    f"{ALFA} receipts": lambda s: s._receipts.__setitem__(0, replace(
        s._receipts[0], cosigner="charlie.example/mirror", size=1, peer_size=1)),
    f"{BRAVO} receipt given": lambda s: s._given.pop(BRAVO),
    "strangers": lambda s: s._leaves.__setitem__("charlie.example", s._leaves[BRAVO][:1]),
}


@pytest.mark.parametrize("name", SPOILT)
def test_rows_that_are_lost_or_moved(alfa: Holding, name: str) -> None:
    SPOILT[name](alfa.store)
    assert name in failures(audit(alfa))


def test_disclosures_of_a_peer_that_are_gone(alfa: Holding, monkeypatch: pytest.MonkeyPatch
                                             ) -> None:
    """A mirror need not have them all: that some are gone the account of them all shows."""
    held, counted = alfa.store.disclosure_count()
    monkeypatch.setattr(alfa.store, "disclosure_count", lambda: (held - 1, counted))
    found = failures(audit(alfa))
    assert set(found) == {f"{ALFA} disclosures"}
    assert found[f"{ALFA} disclosures"].said.startswith(f"1 of the {counted} that were written")


@pytest.mark.parametrize(("applied", "holds"), [(0, True), (1, True), (-1, False), (10**6, False)])
def test_what_is_mirrored_and_still_closed_is_not_applied(alfa: Holding, applied: int, holds: bool
                                                          ) -> None:
    """`seen` counts what is mirrored: a peer that opens nothing makes no audit of ours fail."""
    alfa.store._applied[BRAVO] = applied
    assert (failures(audit(alfa)) == {}) is holds


def test_sizes_that_do_not_fit_their_notes(alfa: Holding) -> None:
    size, note = alfa.store._checkpoints[ALFA]
    alfa.store._checkpoints[ALFA] = (size - 1, note)
    row = alfa.store._receipts[-1]
    alfa.store._receipts[-1] = replace(row, peer_size=0)
    alfa.store._given[BRAVO] = (1, alfa.store._given[BRAVO][1])
    assert {f"{ALFA} checkpoint", f"{ALFA} receipts", f"{BRAVO} receipt given"} <= set(
        failures(audit(alfa)))


def test_an_old_checkpoint_over_more_leaves(alfa: Holding, pair: Pair) -> None:
    keys, leaves = pair.keys[ALFA], alfa.store._leaves[ALFA]
    tree = Tree()
    tree.extend(map(leaf_hash, leaves[:-1]))
    note = sign_checkpoint(Checkpoint(f"{ALFA}/log", tree.size, tree.root()), keys.log, 1)
    alfa.store._checkpoints[ALFA] = (tree.size, note)
    found = failures(audit(alfa))
    assert found[f"{ALFA} leaves"].index == tree.size


def test_a_root_over_other_leaves(alfa: Holding, pair: Pair) -> None:
    size = len(alfa.store._leaves[ALFA])
    note = sign_checkpoint(Checkpoint(f"{ALFA}/log", size, EMPTY_ROOT), pair.keys[ALFA].log, 1)
    alfa.store._checkpoints[ALFA] = (size, note)
    assert set(failures(audit(alfa))) == {f"{ALFA} tree"}


@pytest.mark.parametrize("value", [None, 7, "text", 2.5])
def test_rows_of_another_type_are_named_and_crash_nothing(alfa: Holding, value: Any) -> None:
    s = alfa.store
    changes: dict[str, Callable[[MemoryStore], Any]] = {
        f"{ALFA} leaves": lambda s: s._leaves[ALFA].__setitem__(2, value),
        f"{BRAVO} checkpoint": lambda s: s._checkpoints.__setitem__(BRAVO, (value, value)),
        f"{BRAVO} receipt given": lambda s: s._given.__setitem__(BRAVO, (value, value)),
        f"{ALFA} receipts": lambda s: s._receipts.__setitem__(0, ReceiptRow(
            f"{BRAVO}/mirror", 1, value, value, value)),
        f"{ALFA} disclosures": lambda s: s._disclosures[ALFA].__setitem__(2, [value]),
    }
    for name, change in changes.items():
        alfa.store = copy.deepcopy(s)
        change(alfa.store)
        assert name in failures(audit(alfa)), name
    alfa.store = copy.deepcopy(s)
    alfa.store._applied[BRAVO] = value
    assert f"{BRAVO} receipt given" in failures(audit(alfa))


@pytest.mark.parametrize("method", ["size", "leaves", "checkpoint", "disclosures", "receipts",
                                    "given", "applied", "parties", "proofs",
                                    "disclosure_count"])
def test_a_database_that_cannot_be_read_is_a_failure(alfa: Holding, method: str) -> None:
    def broken(*_: object) -> None:
        raise Unavailable("the disk image is malformed")

    setattr(alfa.store, method, broken)
    report = audit(alfa)
    assert not report.verified and "malformed" in report.verdict


# -- what statements say -------------------------------------------------------------------------

def sealed(store: MemoryStore, party: str, keys: Any, said: list[dict[str, Any]]) -> None:
    """A log that its party signed as it is, whether it is true or not."""
    signer, tree, writes = LeafSigner(party, keys.statements), Tree(), Writes()
    for index, claims in enumerate(said):
        said_of_it = dict(claims)
        version = said_of_it.pop("version", None)
        values = (KINDS["declaration"].disclose(version) if version is not None
                  else [{} for _ in KINDS[claims["type"]].opens])
        disclosures = [make_disclosure(name, value) for name, value in zip(
            KINDS[claims["type"]].opens, values, strict=True)]
        leaf = signer.sign(said_of_it, disclosures)
        tree.append(leaf_hash(leaf))
        writes.leaves.append((party, index, leaf))
        writes.disclosures += [(party, index, n, d) for n, d in enumerate(disclosures)]
    note = sign_checkpoint(Checkpoint(f"{party}/log", tree.size, tree.root()), keys.log, 1)
    writes.checkpoints.append((party, tree.size, note))
    store.commit(writes)


def told(pair: Pair, *said: dict[str, Any], seen: tuple[int, ...] = ()) -> Report:
    """The audit of a log of alfa that says this, beside a whole mirror of bravo's."""
    honest = pair.holding(ALFA).copy()
    store = MemoryStore()
    for name in ("_leaves", "_disclosures", "_checkpoints", "_given", "_applied"):
        rows = getattr(honest.store, name)
        setattr(store, name, {key: row for key, row in rows.items() if key.startswith(BRAVO)})
    tree = pair.nodes[ALFA].mirrors[BRAVO].tree
    statements = []
    for index, claims in enumerate(said):
        size = seen[index] if index < len(seen) else 0
        head = {"index": index, "iat": 1, "agreement": pair.agreement.digest,
                "seen": {BRAVO: {"size": size, "root": tree.root(min(size, tree.size))}}}
        statements.append(head | claims)
    sealed(store, ALFA, pair.keys[ALFA], statements)
    return audit_holding(store, honest.own, honest.agreement)


def a(kind: str, n: int, version: int = 1) -> dict[str, Any]:
    if kind == "declaration":
        return {"type": kind, "size": -7, "version": Version(intent(n, n), version)}
    return {"type": kind, "entity": {"id": IDS[n], "version": version}}


def ends(of: int, kind: str = "withdrawal", **claims: Any) -> dict[str, Any]:
    return {"type": kind, "of": of} | claims


VOID = {"type": "declaration", "size": 3}  # what it commits to is no content


def rule(*rulings: tuple[int, bool]) -> dict[str, Any]:
    return {"type": "ruling", "rulings": [
        {"index": index, "accepted": accepted, "unacknowledged": [BRAVO],
         "against": [] if accepted else [[BRAVO, 1, "turn"]]} for index, accepted in rulings]}


LAWFUL = {
    "accepted, updated, withdrawn": [
        a("declaration", 1), rule((0, True)), a("declaration", 1, 2), rule((2, True)),
        ends(2), a("declaration", 1, 3)],
    "refused and declared again": [
        a("declaration", 1), rule((0, False)), a("declaration", 1), rule((2, True))],
    "given up, then anew": [
        a("declaration", 1), ends(0, reason="no receipt"),
        a("declaration", 1, 2), rule((2, True))],
    "an update refused leaves the old one": [
        a("declaration", 1), rule((0, True)), a("declaration", 1, 2), rule((2, False)), ends(0)],
    "two rulings at once": [
        a("declaration", 1), a("declaration", 2), rule((0, True), (1, False))],
    "a notice replaced and withdrawn": [
        a("notice", 1), a("notice", 1, 2), ends(1, "notice_withdrawal")],
    "void content, refused or withdrawn": [VOID, VOID, rule((0, False)), ends(1)],
    "a void version, refused": [a("declaration", 1, 2), rule((0, False)), a("declaration", 1)],
    "declared while it waits, and withdrawn": [
        a("declaration", 1), a("declaration", 1, 2), ends(1), rule((0, True))],
}
UNLAWFUL = {
    "a version is left out": (3, [a("declaration", 1), rule((0, True)), a("declaration", 1, 3),
                                  rule((2, True))]),
    "a version comes twice": (3, [a("declaration", 1), rule((0, True)), a("declaration", 1),
                                  rule((2, True))]),
    "the first is not 1": (1, [a("declaration", 1, 2), rule((0, True))]),
    "declared while it waits": (2, [a("declaration", 1), a("declaration", 1, 2),
                                    rule((1, True))]),
    "ruled on twice": (2, [a("declaration", 1), rule((0, True)), rule((0, False))]),
    "ruled on what is to come": (0, [rule((1, True)), a("declaration", 1)]),
    "ruled on a notice": (1, [a("notice", 1), rule((0, True))]),
    "ruled on what was withdrawn": (2, [a("declaration", 1), ends(0), rule((0, True))]),
    "withdrawn twice": (3, [a("declaration", 1), rule((0, True)), ends(0), ends(0)]),
    "withdrawn what was refused": (2, [a("declaration", 1), rule((0, False)), ends(0)]),
    "withdrawn what was replaced": (
        4, [a("declaration", 1), rule((0, True)), a("declaration", 1, 2), rule((2, True)),
            ends(0)]),
    "withdrawn what is to come": (0, [ends(1), a("declaration", 1)]),
    "a notice withdrawn as an intent": (1, [a("notice", 1), ends(0)]),
    "a notice leaves a version out": (1, [a("notice", 1), a("notice", 1, 3)]),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_what_may_follow_what(pair: Pair, name: str) -> None:
    assert failures(told(pair, *LAWFUL[name])).keys() <= {f"{BRAVO} seen"}


@pytest.mark.parametrize("name", UNLAWFUL)
def test_what_may_not_follow_is_named_by_its_leaf(pair: Pair, name: str) -> None:
    index, said = UNLAWFUL[name]
    found = failures(told(pair, *said))
    assert found[f"{ALFA} order"].index == index
    assert found[f"{ALFA} order"].said.startswith(f"leaf {index}")


NOTE = {"type": "agreement"}
SEEN: dict[str, tuple[int, tuple[dict[str, Any], ...], tuple[int, ...]]] = {
    "went back": (2, (NOTE, NOTE, NOTE), (1, 3, 2)),
    "beyond what is held": (0, (NOTE,), (99,)),
    "another history": (0, (NOTE | {"seen": {BRAVO: {"size": 2, "root": bytes(32)}}},), ()),
    "nothing of a peer": (0, (NOTE | {"seen": {}},), ()),
    "of a stranger": (0, (NOTE | {"seen": {"charlie.example": {"size": 0, "root": EMPTY_ROOT}}},),
                      ()),
    "of itself": (0, (NOTE | {"seen": {ALFA: {"size": 0, "root": EMPTY_ROOT}}},), ()),
    "another agreement": (0, (NOTE | {"agreement": "ab" * 32},), ()),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_statements_cannot_have_seen(pair: Pair, name: str) -> None:
    index, said, seen = SEEN[name]
    found = failures(told(pair, *said, seen=seen))
    assert found[f"{ALFA} seen"].index == index


def test_a_statement_falls_back_behind_no_agreement(pair: Pair) -> None:
    report = told(pair, NOTE, NOTE)
    assert f"{ALFA} seen" not in failures(report)
    honest, store = pair.holding(ALFA), MemoryStore()
    head = {"type": "agreement", "iat": 1}
    seen = {BRAVO: {"size": 0, "root": EMPTY_ROOT}}
    under = {"agreement": honest.agreement.digest, "seen": seen}
    earlier = {"agreement": "cd" * 32, "seen": seen}
    for said, fails in (([{}, earlier, under], False), ([under, {}], True),
                        ([under, earlier], True)):
        store = MemoryStore()
        sealed(store, ALFA, pair.keys[ALFA], [head | {"index": i} | s for i, s in enumerate(said)])
        report = audit_holding(store, honest.own, honest.agreement,
                               [replace(honest.agreement, digest="cd" * 32)])
        assert (f"{ALFA} seen" in failures(report)) == fails


def test_a_peer_behind_the_receipt_that_it_gave() -> None:
    """Bravo's next statement has seen less of alfa's log than its last receipt covers."""
    pair = play(Pair())
    pair.step(ALFA, declare(6, 6))
    pair.settle()
    alfa = pair.holding(ALFA)
    mirror = pair.nodes[ALFA].mirrors[BRAVO]
    index, tree = mirror.tree.size, copy.deepcopy(mirror.tree)
    for size, fails in ((mirror.receipt_size, False), (mirror.receipt_size - 1, True)):
        store = copy.deepcopy(alfa.store)
        leaf = LeafSigner(BRAVO, pair.keys[BRAVO].statements).sign(
            {"type": "agreement", "index": index, "iat": 1, "agreement": pair.agreement.digest,
             "seen": {ALFA: {"size": size, "root": pair.nodes[ALFA].log.tree.root(size)}}}, ())
        grown = copy.deepcopy(tree)
        grown.append(leaf_hash(leaf))
        note = sign_checkpoint(Checkpoint(f"{BRAVO}/log", grown.size, grown.root()),
                               pair.keys[BRAVO].log, 1)
        for key in (BRAVO, f"{BRAVO} pending"):
            store._checkpoints[key] = (grown.size, note)
        store._leaves[BRAVO].append(leaf)
        found = failures(audit_holding(store, alfa.own, alfa.agreement))
        assert (f"{BRAVO} seen" in found) == fails
        if fails:
            assert found[f"{BRAVO} seen"].index == index
            assert "behind the receipt" in found[f"{BRAVO} seen"].said


def test_what_follows_a_broken_statement_is_not_judged(alfa: Holding) -> None:
    alfa.store._leaves[ALFA][1] = b"x.y.z"
    report = audit(alfa)
    steps = {step.name: step for step in report.logs[0].steps}
    assert steps["order"].verdict == steps["seen"].verdict == "skipped"
    assert steps["statements"].index == 1 and steps["statements"].failures == 1
    assert steps["tree"].verdict == "failed"


def test_kept_proofs_are_verified(alfa: Holding) -> None:
    alfa.store._proofs.append((BRAVO, "statements", b"{}"))
    assert "proofs" in failures(audit(alfa))


# -- one log by itself ---------------------------------------------------------------------------

def test_one_log_with_its_tiles(pair: Pair) -> None:
    store, log = pair.stores[BRAVO], pair.nodes[BRAVO].log
    subject = subject_of(pair.agreement.party(BRAVO))
    report = audit_log(store, subject, Terms(pair.agreement), log.tile)
    assert report.verified and report.kind == "remote"
    assert [s.verdict for s in report.steps] == ["ok"] * 8
    wrong = audit_log(store, subject, Terms(pair.agreement), lambda *_: bytes(32 * log.size))
    assert [s.name for s in wrong.failures] == ["tiles"]
    keyless = Subject(BRAVO, subject.origin, subject.log_keys, None)
    steps = {s.name: s for s in audit_log(store, keyless, Terms()).steps}
    assert steps["statements"].verdict == "skipped"


def test_nothing_is_read_behind_a_checkpoint_of_strangers(pair: Pair) -> None:
    subject = subject_of(pair.agreement.party(ALFA))
    report = audit_log(pair.stores[BRAVO], Subject(BRAVO, f"{BRAVO}/log", subject.log_keys, None),
                       Terms())
    assert not report.verified and report.size == 0
    assert {s.verdict for s in report.steps[1:]} == {"skipped"}


def test_a_log_beside_another_history_of_its_peer(pair: Pair) -> None:
    """The mirrors that two parties hold of a third tell a fork from the statements alone."""
    log = LogAudit(pair.stores[BRAVO], subject_of(pair.agreement.party(BRAVO)), "mirror")
    other = LogAudit(pair.stores[ALFA], subject_of(pair.agreement.party(ALFA)), "mirror")
    for each in (log, other):
        each.read_checkpoint()
        each.build_tree()
    other.tree.truncate(2)
    other.tree.extend([bytes(32)] * 9)
    log.check_statements(Terms(pair.agreement), {ALFA: other})
    failed = log.report().failures
    assert [step.name for step in failed] == ["seen"]
    index = failed[0].index
    leaf, = pair.stores[BRAVO].leaves(BRAVO, index, index + 1)
    assert parse_statement(leaf).seen[ALFA].size > 2
