"""Every kind of statement is whole: one file, and a row in the table of each floor."""

from __future__ import annotations

import json

import pytest

from forks import fork_of
from holdings import ALFA, BRAVO, IDS, Pair, play
from luftrom.api.v1.statements import SHOWN, statement_document
from luftrom.exchange.sending import Position
from luftrom.node.hearing import TAKEN
from luftrom.node.operations import OPERATIONS
from luftrom.state.state import CHECKS, EFFECTS
from luftrom.statements.disclosure import digests_of, make_disclosure
from luftrom.statements.kind import NOBODY, Audience
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.lost import Lost
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.leaf import StatementSigner, parse_statement
from luftrom.statements.opening import Item, open_item
from luftrom.statements.statement import Seen, Statement
from luftrom.transparency.merkle import EMPTY_ROOT


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """All statements of two parties that have said something of every kind."""
    pair = play(Pair())
    found = []
    for name, store in pair.stores.items():
        opened = store.disclosures(name, 0, store.size(name))
        found += [open_item(parse_statement(leaf), tuple(opened.get(index, ())))
                  for index, leaf in enumerate(store.leaves(name, 0, store.size(name)))]
    # What a node says of a log that came back is said by `luftrom restore` and the start behind it.
    signer = StatementSigner(ALFA, pair.keys[ALFA].statements)
    seen = {BRAVO: Seen(0, EMPTY_ROOT)}
    words = make_disclosure("words", {"words": ["a.b.c"]})
    for kind, body, opened in (
            ("restored", Restored((), "All of them are away."), (words,)),
            ("lost", Lost((2, 3)), ()), ("passed_over", PassedOver((2,), {BRAVO: 0}), ()),
            ("forked", fork_of(BRAVO, pair.keys[BRAVO].log, (b"a", b"b"), (b"a", b"c")), ())):
        draft = Statement(ALFA, kind, 90, 1, body, pair.agreement.digest, seen, digests_of(opened))
        found.append(open_item(signer.sign(draft), opened))
    return found


def test_the_tables_agree() -> None:
    assert set(KINDS) == set(EFFECTS) == set(SHOWN)
    assert set(CHECKS) <= set(KINDS)
    assert all(kind.name == name for name, kind in KINDS.items())
    assert not OPERATIONS.keys() & TAKEN.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_is_consistent_in_itself(kind) -> None:
    assert not {"iss", "type", "seen", "_sd"} & kind.signed
    assert not set(kind.opens) & kind.signed and len(set(kind.opens)) == len(kind.opens)
    assert kind.opens or not (kind.must_open or kind.ovn_of or kind.sealed)
    assert len(kind.opens) == kind.cost.disclosures_max
    assert not kind.ovn_of or kind.ovn_of in kind.opens
    assert not (kind.sealed and kind.safety_of_life)


def test_the_story_has_every_kind(items: list[Item]) -> None:
    """So that what holds of it holds of all of them."""
    assert {item.statement.type for item in items} == set(KINDS)
    for item in items:
        kind = KINDS[item.statement.type]
        assert len(item.disclosures) == len(item.statement.digests) == len(kind.opens)
        assert item.content is not None or not kind.must_open
        assert bool(item.ovn) == bool(kind.ovn_of) == (item.entity is not None)


def test_every_statement_is_shown(items: list[Item]) -> None:
    for item in items:
        shown = json.loads(json.dumps(statement_document(item)))
        assert shown["log"] in (f"{ALFA}/log", f"{BRAVO}/log")
        assert (shown["index"], shown["type"]) == (item.statement.index, item.statement.type)
        assert set(shown["seen"]) == {ALFA, BRAVO} - {item.statement.party}
    shown = [statement_document(item) for item in items if item.statement.type == "declaration"]
    assert shown[0]["operational_intent"]["name"] == "Flight 1" and "ovn" not in shown[0]
    assert (shown[0]["id"], shown[0]["version"], shown[0]["audience"]) == (IDS[1], 1, None)
    assert shown[0]["size_class"] == -7    # pi * 150 m squared, 100 m, 1 h: 0.0071 km3 h
    closed = statement_document(Item(next(item.statement for item in items
                                          if item.statement.type == "declaration")))
    assert closed["operational_intent"] is closed["id"] is closed["version"] is None
    assert closed["size_class"] == -7


def test_who_is_shown_what() -> None:
    assert not NOBODY.includes(ALFA)
    assert Audience(False, frozenset({ALFA})).includes(ALFA)
    pair = play(Pair())
    notified = next(statement for statement in map(parse_statement, pair.stores[ALFA].leaves(
        ALFA, 0, pair.stores[ALFA].size(ALFA))) if statement.type == "notification")
    message, _ = pair.nodes[ALFA].message_to(BRAVO, Position(notified.index, notified.index), 9)
    assert message.own.leaves[0] == notified.leaf
    assert notified.index not in dict(message.own.openings)
    assert not pair.stores[BRAVO].disclosures(ALFA, notified.index, notified.index + 1)
