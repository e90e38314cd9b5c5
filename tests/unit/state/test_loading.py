"""state.loading: a store is read in the order of knowledge, or it is named what it lacks."""

from __future__ import annotations

import copy

import pytest

from holdings import ALFA, BRAVO, IDS, Pair, declare, play
from luftrom.errors import Unavailable
from luftrom.exchange.sending import Position
from luftrom.state.loading import load_state
from luftrom.state.record import ACCEPTED
from memory_store import MemoryStore


@pytest.fixture(scope="module")
def pair() -> Pair:
    return play(Pair())


@pytest.mark.parametrize("name", [ALFA, BRAVO])
def test_a_store_is_read_to_the_state_that_wrote_it(pair: Pair, name: str) -> None:
    node = pair.nodes[name]
    state = load_state(pair.stores[name], name, pair.agreement)
    assert state.entities.digest() == node.airspace.digest()
    assert dict(state.progress.applied) == dict(node.airspace.applied)
    assert {party: state.knowledge.size(party) for party in (ALFA, BRAVO)} == {
        ALFA: pair.stores[name].size(ALFA), BRAVO: pair.stores[name].size(BRAVO)}
    assert not any(state.waiting.values())


def test_both_hold_the_same(pair: Pair) -> None:
    digests = {load_state(pair.stores[name], name, pair.agreement).entities.digest()
               for name in (ALFA, BRAVO)}
    assert len(digests) == 1


def test_what_is_mirrored_and_closed_waits(pair: Pair) -> None:
    """Bravo has alfa's sealed leaf and nothing that opens it: it is known, and not applied."""
    both = play(Pair())
    both.step(ALFA, declare(7, 7))
    size = both.nodes[ALFA].log.size
    both.talk(ALFA, BRAVO)
    state = load_state(both.stores[BRAVO], BRAVO, both.agreement)
    assert state.knowledge.size(ALFA) == size
    assert state.progress.applied[ALFA] == size - 1
    waiting, = state.waiting[ALFA]
    assert waiting.index == size - 1 and not state.is_next_open(ALFA)
    assert state.entities.entity(IDS[7]) is None
    both.settle()
    state = load_state(both.stores[BRAVO], BRAVO, both.agreement)
    assert not state.waiting[ALFA]
    assert state.entities.current[IDS[7], ALFA].status == ACCEPTED


def test_a_store_that_lacks_what_others_had_seen_is_named(pair: Pair) -> None:
    with pytest.raises(Unavailable) as refused:
        load_state(cut_to_one(pair, ALFA), ALFA, pair.agreement)
    assert "it is no whole copy; restore it from the peers" in refused.value.message
    assert f"of {BRAVO} had seen" in refused.value.message


def test_an_own_log_is_read_before_the_mirrors_that_it_had_seen(pair: Pair) -> None:
    """After a restore the peers' logs come by the exchange; the gate waits for them."""
    state = load_state(cut_to_one(pair, BRAVO), ALFA, pair.agreement)
    assert state.knowledge.size(ALFA) == pair.nodes[ALFA].log.size
    assert state.progress.applied[BRAVO] == 1


def cut_to_one(pair: Pair, party: str) -> MemoryStore:
    """Alfa's store with one leaf of a log."""
    store = copy.deepcopy(pair.stores[ALFA])
    size, note = store._checkpoints[party]
    assert size > 1
    store._checkpoints[party] = (1, note)
    store._leaves[party] = store._leaves[party][:1]
    return store


def test_without_an_agreement_the_own_log_is_all() -> None:
    alone = Pair()
    state = load_state(alone.stores[ALFA], ALFA, None)
    assert state.progress.applied == {} and state.entities.records == {}


def test_nobody_is_sent_what_is_still_sealed() -> None:
    """What opens a declaration is due once everybody has receipted its leaf, and not before."""
    both = Pair()
    both.step(ALFA)
    both.step(BRAVO)
    both.settle()
    both.step(ALFA, declare(1, 1))
    node, index = both.nodes[ALFA], both.nodes[ALFA].log.size - 1

    def openings() -> dict[int, tuple[bytes, ...]]:
        message, _ = node.message_to(BRAVO, Position(index, index), 99)
        return dict(message.own.openings)

    assert index not in openings() and not node.memory.is_due(BRAVO, index)
    both.talk(ALFA, BRAVO)
    assert node.memory.is_due(BRAVO, index) and len(openings()[index]) == 3
