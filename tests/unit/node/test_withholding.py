"""A veto has a name: what a peer owes beyond the time that the agreement gives, and since when."""

from __future__ import annotations

from holdings import ALFA, BRAVO, Pair, declare
from luftrom.agreement.terms import Silence
from luftrom.clock import NS_PER_S
from luftrom.node.channel import FRESH, STALE, WITHHOLDING, Link
from luftrom.node.withholding import OPENINGS, RECEIPTS, RULINGS, Debts, owed_by

TERMS = Silence("hold", 1.0, 2.0, 3.0)


def befriended() -> Pair:
    pair = Pair()
    for name in (ALFA, BRAVO):
        pair.step(name)
    pair.settle()
    return pair


def owed(pair: Pair) -> dict[str, int | None]:
    """What bravo owes alfa."""
    return owed_by(BRAVO, pair.nodes[ALFA].memory)


def test_whoever_gives_what_it_owes_withholds_nothing() -> None:
    pair = befriended()
    pair.step(BRAVO, declare(1, 1))
    pair.settle()
    assert owed(pair) == {RECEIPTS: None, OPENINGS: None, RULINGS: None}


def test_receipts_that_do_not_come() -> None:
    pair = befriended()
    size = pair.nodes[ALFA].log.size
    pair.step(ALFA, declare(1, 1))
    assert owed(pair) == {RECEIPTS: size, OPENINGS: None, RULINGS: None}


def test_an_opening_that_does_not_come() -> None:
    """Owed from the moment at which everybody has signed for the leaf; then the ruling is."""
    pair = befriended()
    size = pair.nodes[BRAVO].log.size
    pair.step(BRAVO, declare(1, 1))
    message, head = pair.nodes[BRAVO].message_to(
        ALFA, pair.position(ALFA, BRAVO), pair.next_counter())
    assert not message.own.openings
    pair.hear(ALFA, message, head)
    assert owed(pair)[OPENINGS] == size and owed(pair)[RULINGS] is None
    pair.talk(ALFA, BRAVO)
    pair.talk(BRAVO, ALFA)
    assert owed(pair)[OPENINGS] is None


def test_a_ruling_that_does_not_come() -> None:
    pair = befriended()
    index = pair.nodes[BRAVO].log.size
    pair.step(BRAVO, declare(1, 1))
    memory = pair.nodes[ALFA].memory
    statement, disclosures = pair.nodes[BRAVO].memory.state, pair.stores[BRAVO].disclosures(
        BRAVO, index, index + 1)[index]
    assert statement.entities.unruled(BRAVO)
    message, head = pair.nodes[BRAVO].message_to(
        ALFA, pair.position(ALFA, BRAVO), pair.next_counter())
    pair.hear(ALFA, message, head)
    memory.state.open(BRAVO, index, tuple(disclosures))
    pair.step(ALFA)
    assert owed(pair)[RULINGS] == index


def test_since_when_and_for_how_long() -> None:
    debts = Debts()
    debts.look({RECEIPTS: 5, OPENINGS: None, RULINGS: 7}, 0)
    debts.look({RECEIPTS: 5, OPENINGS: None, RULINGS: 8}, 2 * NS_PER_S)
    assert not debts.overdue(TERMS, 3 * NS_PER_S)          # one, and a heartbeat
    first, = debts.overdue(TERMS, 3 * NS_PER_S + 1)
    assert (first.what, first.age_s) == (RECEIPTS, 3.000000001)
    assert not debts.overdue(TERMS, 10 * NS_PER_S)[1:]     # it came further two seconds ago
    assert {each.what for each in debts.overdue(TERMS, 11 * NS_PER_S)} == {RECEIPTS, RULINGS}
    debts.look({RECEIPTS: None, OPENINGS: None, RULINGS: None}, 11 * NS_PER_S)
    assert not debts.overdue(TERMS, 99 * NS_PER_S)


def test_a_channel_says_so_while_the_peer_talks() -> None:
    link = Link(BRAVO, "http://localhost")
    link.heard(0, 0)
    assert link.state(NS_PER_S, False, withholds=False) == FRESH
    assert link.state(NS_PER_S, False, withholds=True) == WITHHOLDING
    assert link.state(30 * NS_PER_S, False, withholds=True) == STALE
