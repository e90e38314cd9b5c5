"""A peer with real keys that rules as it likes, ends what does not stand, takes others' names."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import HOUR_S, Liar, content, new_id, volume
from refusing import keeps, refused, void
from talking import asking, hasty, hour_of, liar, ours  # noqa: F401 - fixtures, found by name

from luftrom.clock import NS_PER_S
from luftrom.logs.head import sign_head
from luftrom.statements.disclosure import make_disclosure
from parties import NOON_NS


def test_the_turn_changes_each_hour(liar: Liar) -> None:
    turns = [liar.agreement.turn(ALFA, BRAVO, NOON_NS + h * HOUR_S * NS_PER_S) for h in range(4)]
    assert sorted(turns[:2]) == [ALFA, BRAVO] and turns[:2] == turns[2:]


# -- rulings -------------------------------------------------------------------------------------

def test_it_may_refuse_itself(liar: Liar) -> None:
    index = liar.declare()
    liar.settle()
    liar.rule(index, accepted=False)
    liar.talk()
    assert liar.house.status()["airspace"]["operational_intents"] == 0
    assert liar.house.node.airspace.records[BRAVO, index].status == "refused"


def accepts(liar: Liar, index: int, says: str, **claims: Any) -> None:
    """It accepts what is open, receipted, and loses: refused, and the proof is kept."""
    liar.settle()
    liar.rule(index, **claims)
    refused(liar, liar.message(), 422, "unlawful_ruling", says, proof="contradiction",
            proves=False)


def test_it_accepts_what_loses_to_its_own(liar: Liar) -> None:
    liar.stand()
    accepts(liar, liar.declare(), "declared_first")


def test_it_accepts_what_loses_to_ours_that_it_knew(liar: Liar) -> None:
    ours(liar, [volume()])
    accepts(liar, liar.declare(content(volume(lat=46.001))), "declared_first")


def test_it_accepts_what_ours_outranks(liar: Liar) -> None:
    ours(liar, [volume()], priority=20)
    accepts(liar, liar.declare(content(priority=10)), "priority")


def test_it_accepts_what_it_did_not_name(liar: Liar) -> None:
    ours(liar, [volume()])
    accepts(liar, liar.declare(content(priority=None)), "unnamed")


def crossing(liar: Liar, turn: str) -> tuple[int, Future[httpx.Response], Any]:
    """Bravo's declaration crosses one of alfa's; `turn` has right of way."""
    start_s = hour_of(liar, turn)
    before = liar.seen()
    context = asking(liar, new_id(), [volume(start_s=start_s)])
    future = context.__enter__()
    index = liar.declare(content(volume(start_s=start_s)), seen=before)   # it has not seen ours
    liar.settle()
    return index, future, context


def test_it_accepts_what_lost_on_the_wire(liar: Liar) -> None:
    index, future, context = crossing(liar, turn=ALFA)
    liar.talk()
    assert future.result(20).status_code == 201
    context.__exit__(None, None, None)
    accepts(liar, index, "turn")


def test_what_won_on_the_wire_stands(liar: Liar) -> None:
    index, future, context = crossing(liar, turn=BRAVO)
    liar.rule(index)
    liar.settle()
    answer = future.result(20)
    context.__exit__(None, None, None)
    assert answer.status_code == 409
    assert [item["rule"] for item in answer.json()["against"]] == ["turn"]
    assert liar.house.node.airspace.records[BRAVO, index].status == "accepted"


def test_it_rules_before_it_has_a_receipt(liar: Liar) -> None:
    index = liar.declare()
    liar.rule(index)
    refused(liar, liar.message(opens=[index]), 422, "unlawful_ruling",
            "before alfa.example has given", proof="contradiction", proves=False)


def test_it_rules_before_it_opens(liar: Liar) -> None:
    """The ruling waits behind what it rules on, and counts once that is open."""
    index = liar.declare()
    liar.talk()
    liar.rule(index)
    liar.talk(opens=[])
    record = liar.house.node.airspace.records.get((BRAVO, index))
    assert record is None and liar.house.channel()["applied_size"] == index
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, index].status == "accepted"


@pytest.mark.parametrize("silent", [ALFA, BRAVO, CHARLIE])
def test_it_proceeds_where_the_agreement_says_hold(liar: Liar, silent: str) -> None:
    accepts(liar, liar.declare(), "hold", unacknowledged=[silent])


# -- the heads that a ruling rests on ------------------------------------------------------------

def forged(liar: Liar, index: int) -> dict[str, str]:
    """A head of alfa's that bravo signed itself, with the size that would suit it."""
    head = liar.covering(index)
    return {ALFA: sign_head(replace(head, size=1), b"", liar.keys.channel)}


HEADS: dict[str, tuple[Callable[[Liar, int], Any], str]] = {
    "none": (lambda liar, index: None, "before alfa.example has given"),
    "its own": (lambda liar, index: {BRAVO: liar.sign(b"")}, "is no peer"),
    "its own as ours": (lambda liar, index: {ALFA: liar.sign(b"")}, "not signed by the channel"),
    "of a stranger": (lambda liar, index: {CHARLIE: liar.covering(index).text}, "is no peer"),
    "forged": (forged, "not signed by the channel"),
    "altered": (lambda liar, index: {ALFA: liar.covering(index).text[:-4] + "AAAA"},
                "a head of alfa.example that is none"),
    "that does not cover it": (lambda liar, index: {ALFA: liar.heads[ALFA][0].text},
                               "before alfa.example has given"),
}


@pytest.mark.parametrize("name", HEADS)
def test_it_rests_on_a_head_that_is_none(liar: Liar, name: str) -> None:
    make, says = HEADS[name]
    index = liar.declare()
    liar.settle()
    liar.rule(index, heads=make(liar, index))
    refused(liar, liar.message(), 422, "unlawful_ruling", says, proof="contradiction",
            proves=False)


def test_it_rests_on_a_head_of_more_than_it_had_seen(liar: Liar) -> None:
    """What crossed its declaration would stand in leaves that it does not admit to hold."""
    index = liar.declare()
    before = len(liar.alfa)
    with asking(liar, new_id(), [volume(lat=48.0)]):
        liar.talk(gives_receipt=False)
        assert liar.covering(index).size > before
        liar.talk(gives_receipt=False)
        liar.rule(index, seen=liar.seen(before))
        refused(liar, liar.message(gives_receipt=False), 422, "unlawful_ruling",
                "of which it had seen", proof="contradiction", proves=False)


def test_it_takes_a_later_head_than_the_first(liar: Liar) -> None:
    """A later head cuts the same: what stands behind an earlier one has seen its declaration."""
    index = liar.declare()
    liar.settle()
    ours_id = new_id()
    with asking(liar, ours_id, [volume()]) as future:
        liar.settle()
        assert future.result(20).status_code == 409
    liar.rule(index, heads={ALFA: liar.heads[ALFA][-1].text})
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, index].status == "accepted"


# -- silence that is feigned -----------------------------------------------------------------------

def test_it_proceeds_without_us_as_the_terms_let_it(hasty: Liar) -> None:
    index = hasty.declare()
    hasty.rule(index, unacknowledged=[ALFA])
    hasty.settle()
    hasty.talk()
    record = hasty.house.node.airspace.records[BRAVO, index]
    assert (record.status, record.ruling.unacknowledged) == ("accepted", (ALFA,))


def test_under_proceed_it_may_not_have_known_but_not_ignore(hasty: Liar) -> None:
    hasty.rule(hasty.declare(), unacknowledged=[ALFA])
    hasty.settle()                         # lawful: it says that it heard nothing from us
    hasty.talk()
    assert hasty.house.status()["airspace"]["operational_intents"] == 1
    index = hasty.declare()
    hasty.settle()
    hasty.rule(index, unacknowledged=[ALFA])
    refused(hasty, hasty.message(), 422, "unlawful_ruling", "declared_first",
            proof="contradiction", proves=False)


def test_it_may_not_ignore_what_it_said_to_be_open(hasty: Liar) -> None:
    """Ours is open to it; then it rules as if it had been closed."""
    ours(hasty, [volume()])
    index = hasty.declare(content(volume(lat=50.0)))
    hasty.rule(index, unacknowledged=[ALFA])
    hasty.settle()
    hasty.talk()
    rival = hasty.declare()
    hasty.settle()
    hasty.rule(rival, unacknowledged=[ALFA], opened={ALFA: 0})
    refused(hasty, hasty.message(), 422, "unlawful_ruling", "less of the log",
            proof="contradiction", proves=False)


Sign = Callable[[Liar, int], Any]


RULINGS: dict[str, Sign] = {
    "twice": lambda liar, index: (liar.rule(index), liar.rule(index)),
    "twice, the other way round": lambda liar, index: (
        liar.rule(index), liar.rule(index, accepted=False)),
    "on the agreement": lambda liar, index: liar.rule(0),
    "on a leaf to come": lambda liar, index: liar.rule(len(liar.leaves) + 1),
    "on itself": lambda liar, index: liar.rule(len(liar.leaves)),
    "after a withdrawal": lambda liar, index: (withdraw(liar, index), liar.rule(index)),
}


def withdraw(liar: Liar, index: int, kind: str = "withdrawal") -> None:
    """Withdraw a leaf."""
    liar.append(liar.statement(kind, of=index))


@pytest.mark.parametrize("name", RULINGS)
def test_rulings_on_what_does_not_wait_for_one(liar: Liar, name: str) -> None:
    index = liar.declare()
    liar.settle()
    RULINGS[name](liar, index)
    refused(liar, liar.message(), 422, "unverified", "waits for a ruling", proof="contradiction")


def test_a_leaf_that_rules_twice_on_one(liar: Liar) -> None:
    index = liar.declare()
    liar.settle()
    ruling = {"index": index, "accepted": True, "unacknowledged": [], "against": []}
    liar.rule(index, rulings=[ruling, ruling])
    refused(liar, liar.message(), 422, "bad_input", "twice", proof="statement")


WITHDRAWALS: dict[str, Sign] = {
    "of the agreement": lambda liar, index: withdraw(liar, 0),
    "of a leaf to come": lambda liar, index: withdraw(liar, len(liar.leaves) + 3),
    "as if it were a notice": lambda liar, index: withdraw(liar, index, "notice_withdrawal"),
    "twice": lambda liar, index: (withdraw(liar, index), withdraw(liar, index)),
}


@pytest.mark.parametrize("name", WITHDRAWALS)
def test_withdrawals_of_what_does_not_stand(liar: Liar, name: str) -> None:
    index = liar.stand()
    WITHDRAWALS[name](liar, index)
    refused(liar, liar.message(), 422, "unverified", "does not stand", proof="contradiction")


def test_it_withdraws_what_is_sealed(liar: Liar) -> None:
    """It never opens that; whatever it was, it is over, and opened late it wins nothing."""
    start_s = hour_of(liar, BRAVO)
    index = liar.declare(content(volume(start_s=start_s)))
    withdraw(liar, index)
    liar.talk(opens=[])
    assert liar.house.channel()["applied_size"] == index
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, index].status == "withdrawn"
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    ours(liar, [volume(start_s=start_s)])


# -- identifiers ---------------------------------------------------------------------------------

def test_it_declares_under_our_identifier(liar: Liar) -> None:
    entity_id = ours(liar, [volume()])
    accepts(liar, liar.declare(content(volume(lat=48.0), entity_id=entity_id)), "same_entity")


def test_it_flies_off_nominal_under_our_identifier(liar: Liar) -> None:
    entity_id = ours(liar, [volume()])
    accepts(liar, liar.declare(content(volume(lat=48.0), entity_id=entity_id,
                                       state="Nonconforming")), "same_entity")


def give_notice(liar: Liar, entity_id: str, lat: float = 48.0, version: int = 1,
                **claims: Any) -> int:
    shown = (make_disclosure("notice", {"manager": "m", "name": "Closed", "kind": "k",
                                        "remarks": "", "volumes": [volume(lat=lat)]}),)
    return liar.append(liar.statement("notice", shown, entity={
        "id": entity_id, "version": version}, **claims), shown)


def test_a_notice_under_our_identifier_is_another_thing(liar: Liar) -> None:
    """Both stand, each in the log of its own party; ours can be changed and ended as before."""
    entity_id = ours(liar, [volume()])
    index = give_notice(liar, entity_id)
    liar.settle()
    airspace = liar.house.node.airspace
    assert airspace.records[BRAVO, index].status == "accepted"
    assert airspace.current[entity_id, ALFA].status == "accepted"
    with asking(liar, entity_id, [volume(lat=46.1)], replaces=True) as future:
        liar.settle()
        assert future.result(20).status_code == 200, future.result().text
    answer = liar.house.http.delete(f"/v1/operational_intents/{entity_id}",
                                    headers={"If-Match": "*"})
    assert answer.status_code == 200 and liar.house.node.proofs() == []


@pytest.mark.parametrize("version", [1, 3])
def test_a_notice_of_a_version_out_of_turn(liar: Liar, version: int) -> None:
    """Its identifier and version stand in the clear: the run of leaves shows it to a stranger."""
    entity_id = new_id()
    give_notice(liar, entity_id)
    liar.settle()
    index = give_notice(liar, entity_id, version=version)
    liar.talk(opens=[])
    refused(liar, liar.message(opens=[index]), 422, "unverified", "the next version is 2",
            proof="contradiction")


def test_nobody_is_locked_out_by_a_notice_that_crossed(liar: Liar) -> None:
    """Bravo has our declaration before it receipts it, and gives its identifier to a notice."""
    entity_id = new_id()
    before = liar.seen()
    with asking(liar, entity_id, [volume()]) as future:
        give_notice(liar, entity_id, seen=before)
        liar.talk(gives_receipt=False)
        liar.talk()
        liar.talk()
        assert future.result(20).status_code == 201
    with asking(liar, entity_id, [volume(lat=46.1)], replaces=True) as future:
        liar.settle()
        assert future.result(20).status_code == 200, future.result().text
    answer = liar.house.http.delete(f"/v1/operational_intents/{entity_id}",
                                    headers={"If-Match": "*"})
    assert answer.status_code == 200


# -- what can never stand ------------------------------------------------------------------------

def test_what_its_own_doomed_wins_nothing(liar: Liar) -> None:
    """Bravo's rival crosses ours in its own hour, and loses to what bravo itself had seen."""
    start_s = hour_of(liar, BRAVO)
    place = volume(start_s=start_s)
    liar.stand(content(volume(lat=46.003, start_s=start_s)))
    before = liar.seen()
    with asking(liar, new_id(), [volume(lat=45.998, start_s=start_s)]) as future:
        doomed = liar.declare(content(place), seen=before)
        liar.settle()
        liar.talk()
        assert future.result(20).status_code == 201, future.result().text
    liar.rule(doomed)
    refused(liar, liar.message(), 422, "unlawful_ruling", "declared_first", proof="contradiction",
            proves=False)


def test_what_it_had_withdrawn_when_it_signed_for_ours_wins_nothing(liar: Liar) -> None:
    start_s = hour_of(liar, BRAVO)
    before = liar.seen()
    with asking(liar, new_id(), [volume(start_s=start_s)]) as future:
        rival = liar.declare(content(volume(start_s=start_s)), seen=before)
        liar.append(liar.statement("withdrawal", of=rival, seen=before))
        liar.settle()
        liar.talk()
        assert future.result(20).status_code == 201, future.result().text


def test_what_is_void_wins_nothing(liar: Liar) -> None:
    """Its content crosses ours in bravo's hour, and is none."""
    start_s = hour_of(liar, BRAVO)
    before = liar.seen()
    with asking(liar, new_id(), [volume(start_s=start_s)]) as future:
        rival = liar.declare(content(volume(start_s=start_s), version=7), seen=before)
        liar.settle()
        liar.talk()
        assert future.result(20).status_code == 201, future.result().text
    void(liar, rival, "the next version is 1")


def test_garbage_wins_nothing(liar: Liar) -> None:
    before = liar.seen()
    with asking(liar, new_id(), [volume(start_s=hour_of(liar, BRAVO))]) as future:
        liar.declare((b"*", *content()[1:]), seen=before)
        liar.settle()
        liar.talk()
        assert future.result(20).status_code == 201, future.result().text
    keeps(liar, "statement")
