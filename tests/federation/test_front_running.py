"""A party that reads first cannot use it: whoever signed for nothing is shown nothing.

The liar of these tests wants the place that alfa's client declares, in an hour that is its own: a
declaration of its own that crossed alfa's would win. It reads what it is shown, asks others, and
signs what it likes; what it may know by then it has signed for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosting import ALFA, BRAVO, CHARLIE, agreement_of, hosted
from liar import Liar, content, new_id, volume
from refusing import keeps, refused, serves
from talking import (  # noqa: F401 - fixtures, found by name
    asking,
    befriend,
    gang,
    hasty,
    hour_of,
    liar,
    swap,
)

from luftrom.exchange.message import Part
from luftrom.statements.disclosure import parse_disclosure


def places_of(liar: Liar, shown: tuple[bytes, ...]) -> list[Any]:
    """The volumes that a disclosure of alfa's tells the liar."""
    return dict(parse_disclosure(each) for each in shown)["details"]["volumes"]


def read_of_ours(liar: Liar, before: int) -> list[Any]:
    """All volumes that the liar was shown of alfa's log from a leaf on."""
    return [place for (party, index), shown in liar.shown.items()
            if party == ALFA and index >= before for place in places_of(liar, shown)]


@contextmanager
def client_of(liar: Liar) -> Iterator[tuple[int, Future[httpx.Response], int]]:
    """Alfa's client asks for a place in bravo's hour: when that begins, its answer to come, and
    how many leaves alfa's log had before."""
    start_s = hour_of(liar, liar.name)
    liar.talk()
    before = len(liar.alfa)
    with asking(liar, new_id(), [volume(start_s=start_s)], priority=0) as future:
        yield start_s, future, before


def stands(future: Future[httpx.Response]) -> None:
    answer = future.result(20)
    assert answer.status_code == 201, answer.text


# -- two parties -----------------------------------------------------------------------------------

def test_whoever_has_not_signed_is_shown_nothing(liar: Liar) -> None:
    """Bravo reads what it gets, gives no receipt, and declares what it believes to be the place."""
    with client_of(liar) as (_, future, before):
        for _ in range(3):
            liar.talk(gives_receipt=False)
        assert len(liar.alfa) > before
        assert read_of_ours(liar, before) == []
        leaf = liar.alfa[before]
        assert b"Ours" not in leaf and len(leaf) < 1_200
        liar.settle()
        stands(future)
    assert len(read_of_ours(liar, before)) == 1


def test_a_rival_behind_its_own_receipt(liar: Liar) -> None:
    """It signs, reads, and then declares the place as if it had not known: both are signed, and
    the proof convinces a stranger offline."""
    with client_of(liar) as (start_s, future, before):
        liar.talk(gives_receipt=False)
        liar.talk()
        place, = read_of_ours(liar, before)
        assert place["time_start"]["value"].startswith(
            volume(start_s=start_s)["time_start"]["value"][:19])
        liar.declare(content(place, name="Peeked"), seen=liar.seen(before))
        refused(liar, liar.message(), 422, "equivocation", "behind the receipt", proof="seen")
        assert not future.done() or future.result().status_code == 201


def test_the_same_once_more_with_the_client_s_answer(liar: Liar) -> None:
    """What is caught takes nothing away: the declaration was receipted with all before it."""
    with client_of(liar) as (_, future, before):
        liar.talk(gives_receipt=False)
        liar.talk()
        place, = read_of_ours(liar, before)
        stands(future)
        liar.declare(content(place, name="Peeked"), seen=liar.seen(before))
        refused(liar, liar.message(), 422, "equivocation", proof="seen")
    standing = liar.house.http.get("/v1/operational_intents").json()["operational_intents"]
    assert [each["status"] for each in standing] == ["accepted"]
    assert liar.house.http.get("/v1/conflicts").json()["conflicts"] == []


def test_a_rival_that_has_seen_it_yields(liar: Liar) -> None:
    with client_of(liar) as (_, future, before):
        liar.talk(gives_receipt=False)
        liar.talk()
        rival = liar.declare(content(*read_of_ours(liar, before), name="Peeked"))
        liar.settle()
        stands(future)
    liar.rule(rival)
    refused(liar, liar.message(), 422, "unlawful_ruling", "declared_first",
            proof="contradiction", proves=False)


@pytest.mark.parametrize("room", [1, 3])
def test_a_head_of_more_leaves_than_are_shown_leaves_no_room(liar: Liar, room: int) -> None:
    """Its receipt names leaves that are signed and not shown: it is none until they are here, and
    nothing is opened for it."""
    with client_of(liar) as (start_s, future, before):
        liar.talk(gives_receipt=False)
        # They are signed blind, with `seen` as old as it likes: that crosses, and wins nothing but
        # what it guessed without knowing.
        size = len(liar.leaves)
        for n in range(room):
            liar.declare(content(volume(lat=10.0 + n, start_s=start_s)), seen=liar.seen(before))
        for _ in range(3):
            liar.talk(checkpoint=liar.note(size), leaves=tuple(liar.leaves[liar.taken:size]))
        assert read_of_ours(liar, before) == []
        liar.settle()
        liar.talk()
        stands(future)
        assert len(read_of_ours(liar, before)) == 1
        place, = read_of_ours(liar, before)
        liar.declare(content(place, name="Peeked"), seen=liar.seen(before))
        refused(liar, liar.message(), 422, "equivocation", "behind the receipt", proof="seen")


@pytest.mark.parametrize("room", [1, 3])
def test_a_head_of_leaves_that_are_still_to_be_signed_proves_itself(liar: Liar, room: int) -> None:
    with client_of(liar) as (start_s, _, before):
        liar.talk(gives_receipt=False)
        ahead = {"size": len(liar.leaves) + room}
        for _ in range(3):
            liar.talk(head=ahead)
        assert read_of_ours(liar, before) == []
        for n in range(room + 1):
            liar.declare(content(volume(lat=10.0 + n, start_s=start_s)), seen=liar.seen(before))
        refused(liar, liar.message(), 422, "equivocation", proof="head")


def test_a_blind_rival_is_a_crossing_like_any_other(liar: Liar) -> None:
    """Who guesses the place without knowledge may win it: that is what crossing means."""
    with client_of(liar) as (start_s, future, before):
        liar.talk(gives_receipt=False)
        liar.declare(content(volume(start_s=start_s), name="Guessed"), seen=liar.seen(before))
        liar.settle()
        liar.talk()
        answer = future.result(20)
    assert answer.status_code == 409
    assert [item["rule"] for item in answer.json()["against"]] == ["turn"]


def test_many_blind_ones_of_which_the_fitting_one_is_opened(liar: Liar) -> None:
    """The others hold its log back: nothing behind them counts, the ruling of alfa neither waits
    for what is signed later nor is made without what was signed before."""
    with client_of(liar) as (start_s, future, before):
        liar.talk(gives_receipt=False)
        blind = [liar.declare(content(volume(lat=46.0 + n, start_s=start_s)),
                              seen=liar.seen(before)) for n in (4, 2, 0)]
        liar.talk()
        liar.talk(opens=blind[2:])         # it opens the last alone
        liar.talk(opens=blind[2:])
        assert not future.done()           # and is what alfa waits for, by name
        channel = liar.house.channel()
        assert channel["mirror_size"] > channel["applied_size"] == blind[0]
        liar.talk(opens=blind)
        liar.talk()
        answer = future.result(20)
    assert answer.status_code == 409       # a blind one; each of them is bound to be opened


def keeps_closed(liar: Liar) -> tuple[int, httpx.Response]:
    """It signs for ours and keeps its own blind rival closed: the time is up as for the silent."""
    with client_of(liar) as (start_s, future, before):
        liar.talk(gives_receipt=False)
        rival = liar.declare(content(volume(start_s=start_s)), seen=liar.seen(before))
        liar.talk(opens=[])
        liar.talk(opens=[])
        answer = future.result(20)
    assert liar.house.channel()["applied_size"] == rival
    return rival, answer


def test_what_it_never_opens_under_hold(tmp_path: Path) -> None:
    with hosted(tmp_path, agreement_of(mode="hold", after_s=0.5)) as house:
        liar = Liar(house)
        with liar.http:
            liar.befriend()
            _, answer = keeps_closed(liar)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_acknowledged")
            assert BRAVO in answer.json()["detail"]
            serves(liar)


def test_what_it_never_opens_under_proceed(hasty: Liar) -> None:
    """Ours is accepted without it. Opened late its rival may stand as well, where it rests on the
    head that it had when they crossed; then everybody sees that it yields."""
    rival, answer = keeps_closed(hasty)
    assert answer.status_code == 201
    ruled, = [r for r in hasty.house.node.airspace.records.values() if r.party == ALFA]
    assert ruled.ruling.unacknowledged == (BRAVO,)
    hasty.settle()
    hasty.rule(rival)
    hasty.talk()
    conflict, = hasty.house.http.get("/v1/conflicts").json()["conflicts"]
    right = conflict["right_of_way"]
    assert (right["party"], right["rule"]) == (ALFA, "silent")


def test_what_it_opens_after_it_knew_that_it_was_silent(hasty: Liar) -> None:
    """Its ruling rests on a head that covers ours: who was silent yields."""
    rival, _ = keeps_closed(hasty)
    hasty.settle()
    hasty.rule(rival, heads={ALFA: hasty.heads[ALFA][-1].text})
    refused(hasty, hasty.message(), 422, "unlawful_ruling", "silent", proof="contradiction",
            proves=False)


# -- three parties, of whom two work together -----------------------------------------------------

def test_an_accomplice_is_shown_nothing_before_both_have_signed(gang: tuple[Liar, Liar]) -> None:
    bravo, charlie = gang
    with client_of(bravo) as (_, future, before):
        for _ in range(3):
            charlie.talk()                 # it signs at once
            bravo.talk(gives_receipt=False)
        assert len(charlie.alfa) > before
        assert read_of_ours(charlie, before) == read_of_ours(bravo, before) == []
        bravo.talk()
        charlie.talk()
        assert len(read_of_ours(charlie, before)) == len(read_of_ours(bravo, before)) == 1
        befriend(bravo, charlie)
        stands(future)


def test_what_an_accomplice_tells_comes_too_late(gang: tuple[Liar, Liar]) -> None:
    """Bravo signs, charlie is shown the place, and bravo declares it as if it had not signed."""
    bravo, charlie = gang
    with client_of(bravo) as (_, future, before):
        charlie.talk()
        bravo.talk(gives_receipt=False)
        bravo.talk(opens=[])               # it signs
        charlie.talk()
        place, = read_of_ours(charlie, before)
        befriend(bravo, charlie)
        stands(future)
        bravo.declare(content(place, name="Told"), seen=bravo.seen(before))
        refused(bravo, bravo.message(), 422, "equivocation", "behind the receipt", proof="seen")


def test_an_accomplice_hands_on_a_rival(gang: tuple[Liar, Liar]) -> None:
    """Bravo says nothing itself: charlie's message brings its leaf, and it is caught as well."""
    bravo, charlie = gang
    with client_of(bravo) as (_, future, before):
        charlie.talk()
        bravo.talk(gives_receipt=False)
        bravo.talk()
        charlie.talk()
        place, = read_of_ours(charlie, before)
        befriend(bravo, charlie)
        stands(future)
    held = bravo.taken
    rival = bravo.declare(content(place, name="Told"), seen=bravo.seen(before))
    relayed = Part(BRAVO, held, 0, bravo.note(), (), tuple(bravo.leaves[held:]),
                   bravo.openings([rival]))
    answer = charlie.post(charlie.message(relays=(relayed,)))
    assert (answer.status_code, answer.json()["code"]) == (422, "equivocation")
    keeps(bravo, "seen")
    assert bravo.house.channel(BRAVO)["state"] == "broken"
    assert charlie.house.channel(CHARLIE)["state"] != "broken"


def test_a_rival_of_the_accomplice_that_hides_bravo_s_receipt(gang: tuple[Liar, Liar]) -> None:
    """Charlie, who has not signed, is told by bravo, who has: alfa opens to neither until both."""
    bravo, charlie = gang
    with client_of(charlie) as (_, future, before):
        bravo.talk(gives_receipt=False)
        charlie.talk(gives_receipt=False)
        for _ in range(3):
            bravo.talk()
            charlie.talk(gives_receipt=False)
        assert read_of_ours(bravo, before) == []
        befriend(bravo, charlie)
        stands(future)


Seen = Callable[[Liar, Liar, int], dict[str, Any]]
# What bravo says to have seen, though charlie's leaf, which it names, had seen alfa's declaration.
NOT_CLOSED: dict[str, Seen] = {
    "of alfa less than charlie's leaf had": lambda bravo, charlie, before: bravo.seen(before),
}


@pytest.mark.parametrize("name", NOT_CLOSED)
def test_a_seen_that_names_what_had_seen_ours_and_not_ours(gang: tuple[Liar, Liar], name: str
                                                           ) -> None:
    """Void: had it held charlie's leaf, it had held what that speaks of."""
    bravo, charlie = gang
    with client_of(bravo) as (start_s, future, before):
        charlie.talk()
        charlie.append(charlie.statement("agreement"))
        charlie.talk()
        swap(bravo, charlie)
        bravo.talk(gives_receipt=False)
        rival = bravo.declare(content(volume(start_s=start_s), name="Guessed"),
                              seen=NOT_CLOSED[name](bravo, charlie, before))
        bravo.talk()
        befriend(bravo, charlie)
        stands(future)
    record = bravo.house.node.airspace.records[BRAVO, rival]
    assert record.status == "void" and "of the" in record.void
    assert bravo.house.node.proofs() == []
