"""A peer that names us as silent though we had answered, under an agreement to proceed.

Nothing here waits for a time to pass: the agreement gives everybody a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import feigning
import pytest
import simulation
from hosting import ALFA, BRAVO, CHARLIE, agreement_of, hosted
from liar import Liar, content, new_id, volume
from refusing import refused
from talking import asking, befriend, hour_of, swap

from luftrom.logs.head import read_counts, sign_head
from luftrom.node.operations.operational_intents import Declare
from luftrom.state.record import Record
from luftrom.statements.leaf import parse_statement


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Liar]:
    """Alfa's node under an agreement to proceed, and bravo, who was honest with it so far."""
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=60.0)) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[tuple[Liar, Liar]]:
    """Alfa's node, bravo, who lies, and charlie, who does not."""
    agreement = agreement_of(names=(ALFA, BRAVO, CHARLIE), mode="proceed", after_s=60.0)
    with hosted(tmp_path, agreement) as house:
        bravo, charlie = Liar(house), Liar(house, CHARLIE)
        with bravo.http, charlie.http:
            befriend(bravo, charlie)
            yield bravo, charlie


def newest_of_ours(liar: Liar) -> Record:
    """What alfa's client declared last."""
    return max((r for r in liar.house.node.airspace.records.values() if r.party == ALFA),
               key=lambda r: r.index)


def answered(liar: Liar, **more: Any) -> Record:
    """An intent of alfa's that bravo receipted, was shown and acknowledged, and that stands."""
    with asking(liar, new_id(), [volume(**more)]) as future:
        liar.settle()
        liar.talk()
        assert future.result(20).status_code == 201, future.result().text
    return newest_of_ours(liar)


def pass_over(liar: Liar, of: int, opened: int) -> int:
    """Go on without alfa, as if it gave no receipt."""
    return liar.append(liar.statement("passed_over", of=[of], opened={ALFA: opened}))


def caught(liar: Liar) -> None:
    """Alfa does not take the ruling, and keeps what shows it."""
    refused(liar, liar.message(), 422, "unlawful_ruling", "less of the log of alfa.example",
            proof="contradiction", proves=False)


# -- what an answer waits for ---------------------------------------------------------------------

def test_an_answer_waits_for_a_head_that_acknowledges_the_opening(patient: Liar) -> None:
    with asking(patient, new_id(), [volume()]) as future:
        patient.settle()                   # receipted, and shown; it has not said that it was
        assert newest_of_ours(patient).ruling is None
        patient.talk()
        assert future.result(20).status_code == 201
    record = newest_of_ours(patient)
    assert record.ruling.unacknowledged == ()
    patient.talk()
    ruling = parse_statement(patient.alfa[record.ruling_index])
    assert read_counts(ruling.body.heads[BRAVO])[1] > record.index


def test_all_below_the_head_that_acknowledges_must_be_open(patient: Liar) -> None:
    """Behind a closed leaf it may hide a ruling that names us."""
    with asking(patient, new_id(), [volume()]) as future:
        patient.settle()
        patient.declare(content(volume(lat=50.0)))
        patient.talk()
        assert newest_of_ours(patient).ruling is None
        patient.talk()
        assert future.result(20).status_code == 201


def crossed(liar: Liar) -> int:
    """Bravo's leaf, which crosses what alfa's client declares meanwhile, in an hour of alfa's."""
    return liar.declare(content(volume(start_s=hour_of(liar, ALFA))), seen=liar.seen())


def test_who_was_passed_over_waits_for_that_ruling(patient: Liar) -> None:
    """It may be accepted without a look at ours: then ours yields, and was never answered."""
    rival = crossed(patient)
    before = len(patient.alfa)
    with asking(patient, new_id(), [volume(start_s=hour_of(patient, ALFA))]) as future:
        pass_over(patient, rival, before)
        patient.settle()
        patient.talk()
        assert patient.house.channel()["applied_size"] == len(patient.leaves)
        assert newest_of_ours(patient).ruling is None
        patient.rule(rival, unacknowledged=[ALFA], opened={ALFA: before})
        patient.settle()
        assert [item["rule"] for item in future.result(20).json()["against"]] == ["silent"]


def test_who_was_passed_over_goes_on_once_that_is_withdrawn(patient: Liar) -> None:
    rival = crossed(patient)
    with asking(patient, new_id(), [volume(start_s=hour_of(patient, ALFA))]) as future:
        pass_over(patient, rival, len(patient.alfa))
        patient.settle()
        patient.talk()
        patient.append(patient.statement("withdrawal", of=rival))
        patient.settle()
        assert future.result(20).status_code == 201, future.result().text


# -- what it may not do ---------------------------------------------------------------------------

def test_it_names_us_though_it_had_acknowledged(patient: Liar) -> None:
    answered(patient)
    patient.rule(patient.declare(), unacknowledged=[ALFA], opened={ALFA: 0})
    caught(patient)


def test_it_names_us_before_it_was_open_to_it(patient: Liar) -> None:
    """It says that all is open which its heads had said to be: so it may."""
    record = answered(patient)
    index = patient.declare(content(volume(lat=50.0)))
    patient.rule(index, unacknowledged=[ALFA], opened={ALFA: record.index + 1})
    patient.settle()
    patient.talk()
    assert patient.house.node.airspace.records[BRAVO, index].status == "accepted"


def test_it_counts_all_of_ours_and_rules_against_it(patient: Liar) -> None:
    answered(patient)
    index = patient.declare()
    patient.talk()
    patient.rule(index, unacknowledged=[ALFA])
    refused(patient, patient.message(), 422, "unlawful_ruling", "declared_first",
            proof="contradiction", proves=False)


def test_it_passes_us_over_after_its_head(patient: Liar) -> None:
    answered(patient)
    index = patient.declare()
    pass_over(patient, index, 0)
    patient.rule(index, unacknowledged=[ALFA], opened={ALFA: 0})
    caught(patient)


def test_it_hides_the_ruling_behind_a_closed_leaf(patient: Liar) -> None:
    """What it says stands in the clear: nobody has to wait until the leaf before it is open."""
    answered(patient)
    index = patient.declare()
    patient.declare(content(volume(lat=50.0)))
    patient.rule(index, unacknowledged=[ALFA], opened={ALFA: 0})
    refused(patient, patient.message(opens=[]), 422, "unlawful_ruling", "less of the log",
            proof="contradiction", proves=False)


def test_it_passed_us_over_and_leaves_out_what_it_had_seen(patient: Liar) -> None:
    """Ours was closed to it then, but its declaration had seen it, and it was opened since."""
    with asking(patient, new_id(), [volume()]) as future:
        patient.talk()                     # mirrored there, closed
        before = patient.open_of(ALFA)
        index = patient.declare(content(volume(lat=50.0)))   # else ours would wait for its ruling
        pass_over(patient, index, before)
        patient.settle()
        patient.talk()
        patient.talk()
        assert future.result(20).status_code == 201
    assert patient.open_of(ALFA) > before
    patient.rule(index, unacknowledged=[ALFA], opened={ALFA: before})
    caught(patient)


# -- a third party --------------------------------------------------------------------------------

def rests_on_bravo(bravo: Liar, charlie: Liar) -> None:
    """Charlie rules on a flight of its own, on a head of bravo's that acknowledges it."""
    index = charlie.declare(content(volume(lat=55.0)))
    charlie.talk()
    bravo.talk()
    swap(bravo, charlie)
    charlie.talk()
    heads = {peer: charlie.heads[peer][-1].text for peer in (ALFA, BRAVO)}
    charlie.rule(index, heads=heads)


def feign(bravo: Liar) -> None:
    """Bravo accepts what is its own, and says that it never heard of charlie."""
    index = bravo.declare(content(volume(lat=50.0)))
    bravo.talk()
    bravo.rule(index, unacknowledged=[CHARLIE], opened={CHARLIE: 0})


def proofs(house: Any) -> list[tuple[str, str]]:
    return [(party, kind) for party, kind, _ in house.node.proofs()]


def test_a_ruling_that_carries_the_head_shows_it_to_others(trio: tuple[Liar, Liar]) -> None:
    bravo, charlie = trio
    rests_on_bravo(bravo, charlie)
    charlie.talk()
    assert proofs(charlie.house) == []
    feign(bravo)
    answer = bravo.post(bravo.message())
    assert (answer.status_code, answer.json()["code"]) == (422, "unlawful_ruling"), answer.text
    assert proofs(bravo.house) == [(BRAVO, "contradiction")]


def test_what_others_had_taken_is_held_against_it_later(trio: tuple[Liar, Liar]) -> None:
    """Nothing showed that it was false, until charlie's ruling came with the head."""
    bravo, charlie = trio
    rests_on_bravo(bravo, charlie)         # signed, and not sent yet
    feign(bravo)
    bravo.talk()
    assert proofs(bravo.house) == []
    charlie.talk()                         # who is heard all the same
    assert proofs(charlie.house) == [(BRAVO, "contradiction")]
    assert bravo.house.channel(BRAVO)["state"] == "broken"
    assert charlie.house.channel(CHARLIE)["applied_size"] == len(charlie.leaves)


# -- schedules ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("parties", "count"), [(2, 200), (3, 100), (4, 40)])
def test_schedules(parties: int, count: int) -> None:
    """Nobody yields who was answered, and the liar is caught in some of them and not in others."""
    played = [feigning.run(seed, parties) for seed in range(count)]
    assert sum(accepted for accepted, _ in played) > count // 2
    assert count // 10 < sum(is_caught for _, is_caught in played) < count * 9 // 10


def test_whoever_is_shown_it_late_has_its_time_to_acknowledge() -> None:
    """Charlie is passed over long after its time was up; only then bravo is shown what it is."""
    world = simulation.World(1, 3, "proceed")
    alfa, bravo, _ = world.parties.values()
    world.talk_all()
    alfa.step(Declare(replace(world.intent(alfa, world.ids[0]), state="Accepted"), None, False,
                      lambda result, error: None))
    bravo.hear(alfa.send(BRAVO))
    alfa.hear(bravo.send(ALFA))
    alfa.clock.advance(100)
    for _ in range(2):
        alfa.step()
    record, = alfa.conductor.airspace.unruled(ALFA)
    assert record.passed_over.keys() == {CHARLIE}
    for _ in range(2):
        alfa.hear(bravo.hear(alfa.send(BRAVO)))
    assert record.ruling.unacknowledged == (CHARLIE,)


def test_a_head_that_nobody_signed_is_held_against_nobody(tmp_path: Path) -> None:
    """Charlie's log begins with a ruling of before the agreement, on a head of bravo's that it made
    up; then charlie is silent, and bravo, who is honest, passes it over and rules."""
    agreement = agreement_of(names=(ALFA, BRAVO, CHARLIE), mode="proceed", after_s=60.0)
    with hosted(tmp_path, agreement) as house:
        bravo, charlie = Liar(house), Liar(house, CHARLIE)
        charlie.give_up(1)
        charlie.declare(content(volume(lat=70.0)), agreement=None, seen=None)
        draft = bravo.head(recipient=CHARLIE, size=0, opened=10**9, mirrored=10**9)
        text = sign_head(draft, b"", charlie.keys.channel)
        charlie.append(charlie.statement("ruling", agreement=None, seen=None, heads={BRAVO: text},
                                         rulings=[{"index": 0, "accepted": True, "against": [],
                                                   "unacknowledged": []}]))
        charlie.append(charlie.statement("agreement"))
        with bravo.http, charlie.http:
            befriend(bravo, charlie)
            index = bravo.declare(content(volume(lat=30.0)))
            bravo.talk()
            opened = {CHARLIE: bravo.open_of(CHARLIE)}
            bravo.append(bravo.statement("passed_over", of=[index], opened=opened))
            bravo.settle()
            bravo.rule(index, unacknowledged=[CHARLIE], opened=opened)
            bravo.talk()
        assert house.node.airspace.records[BRAVO, index].status == "accepted"
        assert house.node.proofs() == []
