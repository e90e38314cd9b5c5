"""A peer with real keys that rules as it likes, ends what does not stand, takes others' names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hosting import ALFA, BRAVO
from liar import HOUR_S, Liar, content, new_id, volume
from refusing import refused
from talking import hasty, liar  # noqa: F401 - fixtures, which pytest finds by name

from luftrom.clock import NS_PER_S, parse_time
from luftrom.statements.disclosure import make_disclosure
from parties import NOON_NS


def accepted(liar: Liar, entity_id: str | None = None, **more: Any) -> tuple[str, int]:
    """An intent of bravo's that stands: identifier and leaf."""
    entity_id = entity_id or new_id()
    index = liar.declare(entity_id=entity_id, **more)
    liar.talk()
    liar.rule(index)
    liar.talk()
    return entity_id, index


@contextmanager
def asking(liar: Liar, entity_id: str, volumes: list[Any], replaces: bool = False, **more: Any
           ) -> Iterator[Future[httpx.Response]]:
    """A client of alfa's that declares, and waits while bravo acts."""
    size = liar.house.status()["log"]["size"]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(liar.house.http.put, f"/v1/operational_intents/{entity_id}",
                             json={"name": "Ours", "volumes": volumes} | more,
                             headers={"If-Match": "*"} if replaces else {})
        while liar.house.status()["log"]["size"] == size and not future.done():
            time.sleep(0.005)
        yield future


def ours(liar: Liar, volumes: list[Any], **more: Any) -> str:
    """An intent of alfa's that bravo receipted and that was accepted."""
    entity_id = new_id()
    with asking(liar, entity_id, volumes, **more) as future:
        liar.talk()
        liar.talk()
        assert future.result(20).status_code == 201
    liar.talk()
    return entity_id


def hour_of(liar: Liar, party: str) -> int:
    """Seconds from now at which a volume may begin so that the party has the turn there."""
    for start_s in range(HOUR_S, 4 * HOUR_S, HOUR_S):
        start_ns = parse_time(volume(start_s=start_s)["time_start"]["value"])
        if liar.agreement.turn(ALFA, BRAVO, start_ns) == party:
            return start_s
    raise AssertionError("nobody ever has the turn")


def test_the_turn_changes_each_hour(liar: Liar) -> None:
    turns = [liar.agreement.turn(ALFA, BRAVO, NOON_NS + h * HOUR_S * NS_PER_S) for h in range(4)]
    assert sorted(turns[:2]) == [ALFA, BRAVO] and turns[:2] == turns[2:]


# -- rulings -------------------------------------------------------------------------------------

def test_it_may_refuse_itself(liar: Liar) -> None:
    index = liar.declare()
    liar.talk()
    liar.rule(index, accepted=False)
    liar.talk()
    assert liar.house.status()["airspace"]["operational_intents"] == 0


def test_it_accepts_what_loses_to_its_own(liar: Liar) -> None:
    accepted(liar)
    index = liar.declare()
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "declared_first", proof="contradiction",
            proves=False)


def test_it_accepts_what_loses_to_ours_that_it_knew(liar: Liar) -> None:
    ours(liar, [volume()])
    index = liar.declare(content(volume(lat=46.001)))
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "declared_first", proof="contradiction",
            proves=False)


def test_it_accepts_what_ours_outranks(liar: Liar) -> None:
    ours(liar, [volume()], priority=20)
    index = liar.declare(content(priority=10))
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "priority", proof="contradiction",
            proves=False)


def test_it_accepts_what_it_did_not_name(liar: Liar) -> None:
    ours(liar, [volume()])
    reference, _ = content()
    unnamed = make_disclosure("details", {"volumes": [volume()]})
    index = liar.declare((reference, unnamed))
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "unnamed", proof="contradiction",
            proves=False)


def crossing(liar: Liar, turn: str) -> tuple[int, Future[httpx.Response], Any]:
    """Bravo's declaration crosses one of alfa's; `turn` has right of way."""
    start_s = hour_of(liar, turn)
    context = asking(liar, new_id(), [volume(start_s=start_s)])
    future = context.__enter__()
    index = liar.declare(content(volume(start_s=start_s)))   # it has not seen ours
    liar.talk()
    return index, future, context


def test_it_accepts_what_lost_on_the_wire(liar: Liar) -> None:
    index, future, context = crossing(liar, turn=ALFA)
    liar.talk()                            # with its receipt for ours
    assert future.result(20).status_code == 201
    context.__exit__(None, None, None)
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "turn", proof="contradiction",
            proves=False)


def test_what_won_on_the_wire_stands(liar: Liar) -> None:
    index, future, context = crossing(liar, turn=BRAVO)
    liar.rule(index)
    liar.talk()
    answer = future.result(20)
    context.__exit__(None, None, None)
    assert answer.status_code == 409
    assert [item["rule"] for item in answer.json()["against"]] == ["turn"]


def test_it_rules_before_it_has_a_receipt(liar: Liar) -> None:
    liar.rule(liar.declare())
    refused(liar, liar.message(), 422, "unlawful_ruling", "before alfa.example has given",
            proof="contradiction", proves=False)


@pytest.mark.parametrize("silent", [ALFA, BRAVO, "charlie.example"])
def test_it_proceeds_where_the_agreement_says_hold(liar: Liar, silent: str) -> None:
    liar.rule(liar.declare(), unacknowledged=[silent])
    refused(liar, liar.message(), 422, "unlawful_ruling", "hold", proof="contradiction",
            proves=False)


def test_under_proceed_it_may_not_have_known_but_not_ignore(hasty: Liar) -> None:
    first = hasty.rule(hasty.declare(), unacknowledged=[ALFA])
    hasty.talk()                           # lawful: it says that it heard nothing from us
    assert hasty.house.status()["airspace"]["operational_intents"] == 1
    assert first == len(hasty.leaves) - 1
    index = hasty.declare()
    hasty.rule(index, unacknowledged=[ALFA])
    refused(hasty, hasty.message(), 422, "unlawful_ruling", "declared_first",
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


def withdraw(liar: Liar, index: int, kind: str = "withdrawal", **entity: Any) -> None:
    """Withdraw a leaf; the entity is that of the declaration unless said otherwise."""
    record = liar.house.node.airspace.records.get((BRAVO, index))
    own = {"id": record.entity_id if record else new_id(),
           "version": record.version if record else 1}
    liar.append(liar.statement(kind, of=index, entity=own | entity))


@pytest.mark.parametrize("name", RULINGS)
def test_rulings_on_what_does_not_wait_for_one(liar: Liar, name: str) -> None:
    index = liar.declare()
    liar.talk()
    RULINGS[name](liar, index)
    refused(liar, liar.message(), 422, "unverified", "waits for a ruling", proof="contradiction")


def test_a_leaf_that_rules_twice_on_one(liar: Liar) -> None:
    index = liar.declare()
    liar.talk()
    ruling = {"index": index, "accepted": True, "unacknowledged": [], "against": []}
    liar.rule(index, rulings=[ruling, ruling])
    refused(liar, liar.message(), 422, "bad_input", "twice", proof="statement")


WITHDRAWALS: dict[str, Sign] = {
    "of the agreement": lambda liar, index: withdraw(liar, 0),
    "of a leaf to come": lambda liar, index: withdraw(liar, len(liar.leaves) + 3),
    "under another identifier": lambda liar, index: withdraw(liar, index, id=new_id()),
    "of another version": lambda liar, index: withdraw(liar, index, version=2),
    "as if it were a notice": lambda liar, index: withdraw(liar, index, "notice_withdrawal"),
    "twice": lambda liar, index: (withdraw(liar, index), withdraw(liar, index)),
}


@pytest.mark.parametrize("name", WITHDRAWALS)
def test_withdrawals_of_what_does_not_stand(liar: Liar, name: str) -> None:
    _, index = accepted(liar)
    WITHDRAWALS[name](liar, index)
    refused(liar, liar.message(), 422, "unverified", "does not stand", proof="contradiction")


# -- identifiers ---------------------------------------------------------------------------------

def test_it_declares_under_our_identifier(liar: Liar) -> None:
    entity_id = ours(liar, [volume()])
    index = liar.declare(content(volume(lat=48.0)), entity_id=entity_id)
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "same_entity", proof="contradiction",
            proves=False)


def test_it_flies_off_nominal_under_our_identifier(liar: Liar) -> None:
    entity_id = ours(liar, [volume()])
    index = liar.declare(content(volume(lat=48.0), state="Nonconforming"), entity_id=entity_id)
    liar.talk()
    liar.rule(index)
    refused(liar, liar.message(), 422, "unlawful_ruling", "same_entity", proof="contradiction",
            proves=False)


def give_notice(liar: Liar, entity_id: str, **claims: Any) -> None:
    shown = (make_disclosure("notice", {"manager": "m", "name": "Closed", "kind": "k",
                                        "remarks": "", "volumes": [volume(lat=48.0)]}),)
    liar.append(liar.statement("notice", shown, entity={"id": entity_id, "version": 1}, **claims),
                shown)


def test_it_gives_notice_under_our_identifier(liar: Liar) -> None:
    give_notice(liar, ours(liar, [volume()]))
    refused(liar, liar.message(), 422, "foreign_entity", ALFA, proof="contradiction", proves=False)


def test_nobody_is_locked_out_by_a_notice_that_crossed(liar: Liar) -> None:
    """Bravo has our declaration before it receipts it, and gives its identifier to a notice."""
    entity_id = new_id()
    before = liar.seen()
    with asking(liar, entity_id, [volume()]) as future:
        give_notice(liar, entity_id, seen=before)
        liar.talk(gives_receipt=False)
        liar.talk()
        assert future.result(20).status_code == 201
    with asking(liar, entity_id, [volume(lat=46.1)], replaces=True) as future:
        liar.talk()
        liar.talk()
        assert future.result(20).status_code == 200, future.result().text
    answer = liar.house.http.delete(f"/v1/operational_intents/{entity_id}",
                                    headers={"If-Match": "*"})
    assert answer.status_code == 200
