"""Two honest parties that have declared, exchanged and ruled: what each of them holds.

Everything but sockets and disks is the real code; the same call always makes the same logs but for
the salts of disclosures. `Holding.copy` gives a test rows of its own to spoil.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.clock import NS_PER_S
from luftrom.exchange.message import Message, encode_message
from luftrom.exchange.sending import Position
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.logs.head import Head, sign_head, verify_head
from luftrom.node.conductor import Conductor
from luftrom.node.gate import Gate
from luftrom.node.hearing import Hear, HearAnswer
from luftrom.node.operations.constraints import GiveNotice, WithdrawNotice
from luftrom.node.operations.notifications import Notify
from luftrom.node.operations.operational_intents import Declare, Withdraw
from luftrom.node.step import Request
from luftrom.statements.leaf import parse_statement
from memory_store import MemoryStore
from parties import NOON_NS, FakeClock, make_agreement, make_keys, make_party

ALFA, BRAVO = "alfa.example", "bravo.example"
IDS = [f"00000000-0000-4000-8000-{n:012d}" for n in range(99)]


@dataclass
class Holding:
    """One party's database, and what is needed to audit it."""

    own: Party
    agreement: Agreement
    store: Any

    def copy(self) -> Holding:
        return Holding(self.own, self.agreement, copy.deepcopy(self.store))


class Pair:
    """Two conductors and no network: `talk` is one round trip."""

    def __init__(self, post_quantum: bool = False, stores: Callable[[str], Any] | None = None,
                 keys: dict[str, Any] | None = None, agreement: Agreement | None = None):
        keys = keys or {name: make_keys(name, post_quantum) for name in (ALFA, BRAVO)}
        self.keys = keys
        self.agreement = agreement or make_agreement(
            tuple(make_party(n, k) for n, k in keys.items()), mode="proceed")
        self.clock = FakeClock()
        self.stores = {name: stores(name) if stores else MemoryStore() for name in keys}
        self.nodes = {name: Conductor(name, keys[name], self.agreement, self.stores[name],
                                      self.clock) for name in keys}
        self.counter = 0

    def step(self, name: str, *requests: Request) -> None:
        step = self.nodes[name].step(requests)
        self.stores[name].commit(step.writes)
        self.nodes[name].publish(step)
        self.clock.advance(1)

    def talk(self, one: str, other: str) -> None:
        answer, head = self.hear(other, *self.nodes[one].message_to(
            other, self.position(other, one), self.next_counter()))
        self.hear(one, answer, head, HearAnswer)

    def next_counter(self) -> int:
        """Above all before it."""
        self.counter += 1
        return self.counter

    def position(self, at: str, of: str) -> Position:
        """Where one party stands in the log of another."""
        mirror = self.nodes[at].mirrors[of]
        return Position(mirror.size, mirror.applied)

    def hear(self, name: str, message: Message, draft: Head, kind: Any = Hear) -> Any:
        """A message arrives at a party; what it answers."""
        answers: list[Any] = []

        def reply(result: Any, error: Any) -> None:
            if error is not None:
                raise error
            answers.append(result)

        self.step(name, kind(message, self.signed(draft, encode_message(message)), reply))
        return answers[0]

    def signed(self, draft: Head, body: bytes) -> Head:
        """A head as whoever gets it reads it."""
        key = self.keys[draft.sender].channel
        return verify_head(sign_head(draft, body, key), draft.sender, draft.recipient,
                           key.public_key().public_bytes_raw())

    def settle(self) -> None:
        for _ in range(3):
            self.talk(ALFA, BRAVO)
            self.talk(BRAVO, ALFA)

    def holding(self, name: str) -> Holding:
        return Holding(self.agreement.party(name), self.agreement, self.stores[name])


def intent(n: int, lane: int, priority: int = 0) -> Intent:
    start_ns = NOON_NS + 3600 * NS_PER_S   # in an hour in which alfa has the turn
    volume = Volume4D(Circle(46.0 + lane * .01, 7.0, 150.0), 100.0, 200.0, start_ns,
                      start_ns + 3600 * NS_PER_S)
    return Intent(IDS[n], "manager", f"Flight {n}", "Accepted", priority, (volume,),
                  remarks="Nothing to say." if n % 2 else "")


def silent(result: Any, error: Any) -> None:
    """Nobody waits for the answer."""
    if error is not None:
        raise error


def declare(n: int, lane: int, priority: int = 0, ovn: str | None = None) -> Declare:
    return Declare(intent(n, lane, priority), ovn, False, silent)


def play(pair: Pair) -> Pair:
    """Declarations that are accepted and refused, an update, withdrawals, notices, a note."""
    pair.step(ALFA)
    pair.step(BRAVO)
    pair.settle()
    pair.step(ALFA, declare(1, 1), declare(2, 2))
    pair.step(BRAVO, declare(3, 1), declare(4, 3))           # 3 crosses 1
    pair.settle()
    standing = pair.nodes[ALFA].airspace.current[IDS[2], ALFA]
    pair.step(ALFA, declare(2, 4, ovn=standing.ovn), Withdraw(IDS[1], None, "manager", silent),
              Notify("manager", {"x": 1}, silent))
    pair.settle()
    volumes = intent(5, 5).volumes
    pair.step(BRAVO, GiveNotice(Constraint(IDS[5], "manager", "Closed", "hazard", volumes),
                                    silent))
    pair.settle()
    pair.step(BRAVO, WithdrawNotice(IDS[5], "manager", silent))
    pair.settle()
    reopen(pair)
    pair.settle()
    return pair


def reopen(pair: Pair) -> None:
    """Alfa's directory was a copy, and what nobody else had of it is gone: it goes on."""
    node, own = pair.nodes[ALFA], pair.agreement.party(ALFA)
    leaves = map(parse_statement, pair.stores[ALFA].leaves(ALFA, 0, node.log.size))
    lost = tuple(each.index for each in leaves if each.type == "notification")
    node.gate = Gate(own, doubts=("it was a copy",), reason="the story has it so", lost=lost)
    pair.step(ALFA)
    node.gate.settle()
