"""Parties that flew alone before they agreed: what they declared then is history, not a lie."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from luftrom.airspace.intent import Intent
from luftrom.audit.holding import audit_holding
from luftrom.clock import NS_PER_S
from luftrom.exchange.message import Message, encode_message
from luftrom.exchange.sending import Position
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.logs.head import Head, sign_head, verify_head
from luftrom.node.conductor import Conductor
from luftrom.node.hearing import Hear, HearAnswer
from luftrom.node.operations.operational_intents import Declare
from memory_store import MemoryStore
from parties import NOON_NS, FakeClock, make_agreement, make_keys, make_party

NAMES = ("alfa.example", "bravo.example")
KEYS = {name: make_keys(name, post_quantum=False) for name in NAMES}
AGREEMENT = make_agreement(tuple(make_party(name, KEYS[name]) for name in NAMES))
HERE = Volume4D(Circle(46.0, 7.0, 100.0), 0.0, 100.0, NOON_NS, NOON_NS + 3600 * NS_PER_S)


class House:
    """One party's conductor over a store that outlives it."""

    def __init__(self, name: str):
        self.name, self.store, self.clock, self.counter = name, MemoryStore(), FakeClock(), 0
        self.told: list[tuple[Any, Any]] = []
        self.open(None)

    def open(self, agreement: Any) -> None:
        self.conductor = Conductor(self.name, KEYS[self.name], agreement, self.store, self.clock)

    def step(self, *requests: Any) -> None:
        step = self.conductor.step(requests)
        self.store.commit(step.writes)
        self.conductor.publish(step)

    def reply(self, result: Any, error: Any) -> None:
        self.told.append((result, error))

    def declare(self, entity_id: str, **more: Any) -> Any:
        intent = replace(Intent(entity_id, "m", "Flight", "Accepted", 0, (HERE,)), **more)
        self.step(Declare(intent, None, False, self.reply))
        return self.told[-1]

    def talk_to(self, other: House) -> None:
        self.counter += 1
        self.step()
        mirror = other.conductor.mirrors[self.name]
        message, head = self.conductor.message_to(
            other.name, Position(mirror.size, mirror.applied), self.counter)
        other.step(Hear(message, signed(head, message), other.reply))
        told, error = other.told[-1]
        assert error is None, error
        answer, head = told
        self.step(HearAnswer(answer, signed(head, answer), self.reply))


def signed(draft: Head, message: Message) -> Head:
    """A head as whoever gets it reads it."""
    key = KEYS[draft.sender].channel
    text = sign_head(draft, encode_message(message), key)
    return verify_head(text, draft.sender, draft.recipient, key.public_key().public_bytes_raw())


def test_what_stood_before_stands_and_is_shown_as_a_conflict() -> None:
    alfa, bravo = House(NAMES[0]), House(NAMES[1])
    for house, entity_id in ((alfa, "a"), (bravo, "b")):
        outcome, error = house.declare(entity_id)
        assert error is None and outcome.accepted
    assert not alfa.declare("c")[0].accepted   # its own rules held then as well
    for house in (alfa, bravo):
        house.open(AGREEMENT)
    for _ in range(3):
        alfa.talk_to(bravo)
        bravo.talk_to(alfa)
    views = [house.conductor.airspace for house in (alfa, bravo)]
    assert views[0].digest() == views[1].digest()
    conflict, = views[0].conflicts()[0]
    assert (conflict.first.entity_id, conflict.second.entity_id) == ("a", "b")
    for house in (alfa, bravo):
        assert house.store.proofs() == []
        report = audit_holding(house.store, AGREEMENT.party(house.name), AGREEMENT)
        assert report.verified, report


def test_what_comes_after_must_keep_clear_of_it() -> None:
    alfa, bravo = House(NAMES[0]), House(NAMES[1])
    assert alfa.declare("a")[0].accepted
    for house in (alfa, bravo):
        house.open(AGREEMENT)
    for _ in range(2):
        alfa.talk_to(bravo)
    intent = Intent("b", "m", "Flight", "Accepted", 0, (HERE,))
    answers: list[Any] = []
    bravo.step(Declare(intent, None, False, lambda *told: answers.append(told)))
    for _ in range(3):
        bravo.talk_to(alfa)
        bravo.step()
    (outcome, error), = answers
    assert error is None and not outcome.accepted
    assert [item.rule for item in outcome.against] == ["declared_first"]
