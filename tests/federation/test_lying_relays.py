"""Lies about what others signed: charlie's leaves and what opens them, handed on by bravo.

Whoever hands on what another party signed is no liar for it: the proof is against the author.
"""

from __future__ import annotations

from typing import Any

import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import Liar, content, new_id, root_of, volume
from refusing import keeps, refused, serves, void
from talking import asking, befriend, gang, hour_of, swap  # noqa: F401 - fixtures, found by name

from luftrom.exchange.message import Part

Gang = tuple[Liar, Liar]


def part_of(charlie: Liar, first: int | None = None, opens: Any = (), **changes: Any) -> Part:
    """What bravo hands on of charlie's log: the leaves from `first` on, as charlie signed them."""
    first = charlie.taken if first is None else first
    whole: dict[str, Any] = {
        "party": CHARLIE, "first": first, "old": 0, "checkpoint": charlie.note(),
        "leaves": tuple(charlie.leaves[first:]), "openings": charlie.openings(opens)}
    return Part(**(whole | changes))


def test_what_is_handed_on_is_taken(gang: Gang) -> None:
    bravo, charlie = gang
    bravo.house.http.put(f"/v1/constraints/{new_id()}",
                         json={"name": "Closed", "volumes": [volume(lat=50.0)]})
    bravo.talk()
    index = charlie.declare()
    bravo.talk(relays=(part_of(charlie),))
    channel = bravo.house.channel(CHARLIE)
    assert (channel["mirror_size"], channel["applied_size"]) == (len(charlie.leaves), index)
    assert channel["receipt_size"] < len(bravo.alfa)   # bravo's head is no receipt of charlie's
    bravo.talk(relays=(part_of(charlie, len(charlie.leaves), [index]),))
    assert bravo.house.channel(CHARLIE)["applied_size"] == len(charlie.leaves)
    assert bravo.house.node.proofs() == []


def test_what_a_statement_had_seen_comes_with_it(gang: Gang) -> None:
    """Without charlie's leaf bravo's is not taken, and bravo is told so; nothing is kept of it."""
    bravo, charlie = gang
    charlie.append(charlie.statement("agreement"))
    swap(bravo, charlie)
    bravo.append(bravo.statement("agreement"))
    problem = refused(bravo, bravo.message(), 409, "unseen", CHARLIE)
    assert problem["mirrored"] == bravo.taken
    bravo.talk(relays=(part_of(charlie),))
    assert bravo.taken == len(bravo.leaves)


def test_a_size_that_it_invents_stops_itself_alone(gang: Gang) -> None:
    """It says to have seen leaves of charlie's that nobody signed: no leaf behind it is taken,
    and the other two go on."""
    bravo, charlie = gang
    invented = bravo.seen() | {CHARLIE: {"size": len(charlie.leaves) + 3, "root": bytes(32)}}
    bravo.append(bravo.statement("agreement", seen=invented))
    refused(bravo, bravo.message(), 409, "unseen")
    charlie.append(charlie.statement("agreement"))
    charlie.talk()
    assert bravo.house.channel(CHARLIE)["applied_size"] == len(charlie.leaves)
    assert bravo.house.channel(BRAVO)["mirror_size"] == bravo.taken
    for _ in range(2):                     # once charlie has so many, the root tells
        charlie.append(charlie.statement("agreement"))
    charlie.talk()
    refused(bravo, bravo.message(), 422, "seen_unknown", "another history of charlie.example")


CHECKPOINTS: dict[str, tuple[Any, int, str]] = {
    "by bravo": (lambda b, c: b.note(size=len(c.leaves), origin=f"{CHARLIE}/log",
                                     root=root_of(c.leaves)), 422, "missing_signature"),
    "of bravo's log": (lambda b, c: b.note(), 422, "wrong_origin"),
    "of fewer leaves": (lambda b, c: c.note(len(c.leaves) - 1), 400, "bad_input"),
    "with another root": (lambda b, c: c.note(root=bytes(32)), 422, "wrong_root"),
    "none": (lambda b, c: b"", 400, "bad_input"),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_leaves_of_another_party_under_a_wrong_checkpoint(gang: Gang, name: str) -> None:
    bravo, charlie = gang
    make, status, code = CHECKPOINTS[name]
    charlie.append(charlie.statement("agreement"))
    note = make(bravo, charlie)
    refused(bravo, bravo.message(relays=(part_of(charlie, checkpoint=note),)), status, code)
    if code == "wrong_root":               # charlie signed it: two histories of one size
        refused(bravo, bravo.message(relays=(part_of(charlie),)), 422, "equivocation",
                proof="checkpoints", by=CHARLIE)
        return
    bravo.talk(relays=(part_of(charlie),))
    assert bravo.house.channel(CHARLIE)["mirror_size"] == len(charlie.leaves)


def test_leaves_that_it_signs_in_another_s_name(gang: Gang) -> None:
    bravo, charlie = gang
    leaf = bravo.statement("agreement", party=CHARLIE, index=len(charlie.leaves))
    leaves = [*charlie.leaves, leaf]
    note = bravo.note(size=len(leaves), origin=f"{CHARLIE}/log", root=root_of(leaves))
    refused(bravo, bravo.message(relays=(part_of(charlie, leaves=(leaf,), checkpoint=note),)),
            422, "missing_signature")


def test_the_log_of_alfa_or_of_a_stranger(gang: Gang) -> None:
    bravo, charlie = gang
    for party in (ALFA, "stranger.example"):
        refused(bravo, bravo.message(relays=(part_of(charlie, party=party),)), 400, "bad_input",
                "not mirrored")


def test_gaps_in_what_is_handed_on(gang: Gang) -> None:
    bravo, charlie = gang
    for _ in range(2):
        charlie.append(charlie.statement("agreement"))
    refused(bravo, bravo.message(relays=(part_of(charlie, len(charlie.leaves) - 1),)), 409, "gap")


def test_a_fork_that_is_handed_on_convicts_its_author(gang: Gang) -> None:
    """Charlie signed two histories and told each party one: alfa learns it from bravo, who is
    heard as before; the channel with charlie is broken."""
    bravo, charlie = gang
    charlie.append(charlie.statement("agreement"))
    charlie.talk()
    charlie.give_up(1)
    charlie.declare()
    said = bravo.message(relays=(part_of(charlie, len(charlie.leaves) - 1),))
    refused(bravo, said, 422, "equivocation", "two histories", proof="checkpoints", by=CHARLIE)
    assert bravo.house.channel(BRAVO)["state"] != "broken"
    bravo.append(bravo.statement("agreement"))
    bravo.talk()
    assert bravo.house.channel(BRAVO)["applied_size"] == len(bravo.leaves)


def test_an_unlawful_ruling_that_is_handed_on(gang: Gang) -> None:
    """What charlie may not accept is charlie's contradiction, and bravo's message is taken."""
    bravo, charlie = gang
    index = charlie.declare()
    charlie.rule(index, heads=None)
    bravo.talk(relays=(part_of(charlie, opens=[index]),))
    keeps(bravo, "contradiction", proves=False, by=CHARLIE)
    assert bravo.house.channel(CHARLIE)["state"] == "broken"
    assert bravo.house.channel(BRAVO)["state"] == "fresh"
    assert bravo.taken == len(bravo.leaves)
    serves(bravo)


def test_wrong_openings_that_are_handed_on(gang: Gang) -> None:
    """Not charlie's fault: refused, and the right ones mend it."""
    bravo, charlie = gang
    index = charlie.declare()
    bravo.talk(relays=(part_of(charlie),))
    for shown in (content(), charlie.opened[index][:2], (b"*", *charlie.opened[index][1:])):
        part = part_of(charlie, len(charlie.leaves), openings=((index, tuple(shown)),))
        refused(bravo, bravo.message(relays=(part,)), 422, "wrong_disclosure")
    charlie.talk()
    charlie.talk()
    assert bravo.house.channel(CHARLIE)["applied_size"] == len(charlie.leaves)


def test_garbage_that_was_opened_to_bravo_alone(gang: Gang) -> None:
    """Charlie keeps it from alfa; bravo passes it on as the proof, and it is void there too."""
    bravo, charlie = gang
    index = charlie.declare(content(state="Pending"))
    charlie.talk()
    charlie.talk(opens=[])
    assert bravo.house.channel(CHARLIE)["applied_size"] == index
    bravo.talk(relays=(part_of(charlie, len(charlie.leaves), [index]),))
    void(charlie, index, "state", proof=True)


def test_what_was_opened_to_one_only_reaches_the_other(gang: Gang) -> None:
    bravo, charlie = gang
    index = charlie.declare()
    charlie.talk()
    charlie.talk(opens=[])
    bravo.talk(relays=(part_of(charlie, len(charlie.leaves), [index]),))
    record = bravo.house.node.airspace.records[CHARLIE, index]
    assert record.status == "pending" and record.volumes


def test_what_is_not_for_bravo_is_not_handed_to_it(gang: Gang) -> None:
    """Charlie's leaf names alfa alone: bravo gets the leaf from alfa, and never what opens it."""
    bravo, charlie = gang
    index = charlie.declare(audience=[ALFA])
    charlie.settle()
    befriend(bravo, charlie)
    for _ in range(3):
        bravo.talk()
    assert len(bravo.logs[CHARLIE]) == len(charlie.leaves)
    bravo.shown.pop((CHARLIE, index), None)
    bravo.talk(known={CHARLIE: (0, 0)})    # it says that it lacks all of it
    assert (CHARLIE, index) not in bravo.shown
    assert bravo.house.channel(CHARLIE)["applied_size"] == len(charlie.leaves)


def test_what_is_not_shown_to_all_wins_nothing(gang: Gang) -> None:
    """It crosses ours in bravo's own hour, and charlie could not judge it."""
    bravo, charlie = gang
    place, before = volume(start_s=hour_of(bravo, BRAVO)), bravo.seen()
    with asking(bravo, new_id(), [place]) as future:
        index = bravo.declare(content(place), seen=before, audience=[ALFA])
        for _ in range(3):
            bravo.talk()
            charlie.talk()
            swap(bravo, charlie)
        assert future.result(20).status_code == 201, future.result().text
    assert bravo.house.node.airspace.records[BRAVO, index].status == "void"


def test_alfa_waits_for_what_may_have_crossed_of_both(gang: Gang) -> None:
    """Charlie's leaf is closed: alfa's client waits for charlie, whatever bravo says."""
    bravo, charlie = gang
    before = charlie.seen()
    with asking(bravo, new_id(), [volume(lat=47.0)]) as future:
        index = charlie.declare(content(volume(lat=48.0)), seen=before)
        charlie.talk(opens=[])
        charlie.talk(opens=[])
        for _ in range(3):
            bravo.talk()
        assert not future.done()
        charlie.talk(opens=[index])
        for each in (bravo, charlie):
            each.talk()
        assert future.result(20).status_code == 201
