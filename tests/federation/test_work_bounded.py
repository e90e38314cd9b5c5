"""What a peer's leaves and a client's requests may cost in a step, counted in units of work."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from simulation import World

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.errors import LuftromError
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.node.operations.constraints import GiveNotice
from luftrom.node.operations.operational_intents import Declare
from parties import NOON_NS

HOUR_NS = 3600 * 10**9
LEAVES = 12


def volume(k: int = 0) -> Volume4D:
    return Volume4D(Circle(46.0, 7.0, 500.0 - k), 100.0, 200.0, NOON_NS, NOON_NS + HOUR_NS)


def notice(world: World, k: int, reply: Any = lambda *_: None) -> GiveNotice:
    return GiveNotice(Constraint(f"{k:08x}-0000-4000-8000-000000000000", "m", "Closed", "hazard",
                                 (volume(k),)), reply)


@pytest.fixture
def world() -> World:
    """Bravo has given a dozen notices; alfa hears of them when it is told to."""
    world = World(0)
    alfa, bravo = world.parties.values()
    alfa.step()
    bravo.step()
    for _ in range(2):
        alfa.hear(bravo.hear(alfa.send(bravo.name)))
    for k in range(LEAVES):
        bravo.step(notice(world, k))
    return world


def test_a_step_takes_no_more_than_its_budget(world: World, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    alfa, bravo = world.parties.values()
    monkeypatch.setattr(limits, "STEP_PEERS_WORK_MAX", 1.0)    # one leaf is read in each
    mirror = alfa.conductor.mirrors[bravo.name]
    before = mirror.applied
    letter = bravo.send(alfa.name)
    alfa.hear(letter)
    assert mirror.size == before + LEAVES, "what is signed is mirrored at once"
    applied, answered = [mirror.applied], []
    while alfa.conductor.memory.work.due_ns() is not None:
        alfa.step(notice(world, 100 + len(answered), lambda result, error: answered.append(result)))
        applied.append(mirror.applied)
        assert len(answered) == len(applied) - 1, "own clients are served in between"
    assert applied[0] == before and applied[-1] == before + LEAVES
    assert max(b - a for a, b in pairwise(applied)) <= 1
    assert alfa.conductor.next_deadline_ns() is None


def test_what_rests_is_taken_up_after_a_start(world: World, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    alfa, bravo = world.parties.values()
    with monkeypatch.context() as patch:
        patch.setattr(limits, "STEP_PEERS_WORK_MAX", 1.0)
        alfa.hear(bravo.send(alfa.name))
    alfa.wake()
    alfa.step()
    mirror = alfa.conductor.mirrors[bravo.name]
    assert mirror.applied == mirror.size and alfa.conductor.memory.work.due_ns() is None


def test_a_minute_has_a_budget_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alfa, bravo = world.parties.values()
    mirror = alfa.conductor.mirrors[bravo.name]
    before = mirror.applied
    alfa.clock.advance(60)
    monkeypatch.setattr(limits, "PEER_WORK_PER_MINUTE_MAX", 25_000.0)    # two or three leaves
    alfa.hear(bravo.send(alfa.name))
    taken = mirror.applied - before
    assert 0 < taken < LEAVES and alfa.conductor.is_costly(bravo.name)
    assert alfa.conductor.next_deadline_ns() == alfa.clock.elapsed_ns() + 60 * 10**9
    alfa.clock.advance(59)
    alfa.step()
    assert mirror.applied == before + taken
    alfa.clock.advance(1)
    alfa.step()
    assert mirror.applied > before + taken
    while alfa.conductor.is_costly(bravo.name):
        alfa.clock.advance(60)
        alfa.step()
    assert mirror.applied == before + LEAVES


@pytest.mark.parametrize(("spare", "is_taken"), [(1.0, True), (-1.0, False)])
def test_a_client_may_ask_for_so_much_work(spare: float, is_taken: bool, world: World,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    bravo = world.parties["bravo.example"]
    entities, size = bravo.conductor.airspace, bravo.conductor.log.size
    held = entities.meetings.volumes
    leaf = bravo.name, entities.applied[bravo.name]
    needed, _ = entities.meetings.prepare(leaf, (volume(),), NOON_NS // 10**9, False, 1e9)
    entities.meetings.forget(leaf)
    monkeypatch.setattr(limits, "CLIENT_WORK_MAX", needed + spare)
    errors: list[LuftromError | None] = []
    bravo.step(Declare(Intent(world.ids[0], "m", "Flight", "Accepted", 0, (volume(),)), None, False,
                       lambda _, error: errors.append(error)))
    assert (bravo.conductor.log.size > size) is is_taken
    if not is_taken:
        error, = errors
        assert (error.code, error.status) == ("too_much_work", 413)
        assert entities.meetings.volumes == held, "nothing is left of it"


def test_clients_share_the_work_of_a_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bravo = world.parties["bravo.example"]
    monkeypatch.setattr(limits, "CLIENT_WORK_MAX", 3_000.0)
    errors: list[LuftromError | None] = []
    bravo.step(*[Declare(Intent(entity_id, "m", "Flight", "Accepted", 0, (volume(),)), None, False,
                         lambda _, error: errors.append(error)) for entity_id in world.ids[:6]])
    assert {(error.code, error.status) for error in errors} == {("too_much_work", 429)}
    assert 0 < len(errors) < 6
