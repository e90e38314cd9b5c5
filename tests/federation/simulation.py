"""A seeded simulation: conductors, a network that loses, repeats, delays and reorders, crashes,
failing commits, strangers that upload logs, and clocks that jump. Everything but sockets and
threads is the real code; what a thread could do between a step and its commit is played as well.
In a world of `hours` time passes, so that much is over, and each node drops it when it likes.

`run(seed)` plays one schedule and raises AssertionError with what broke; the seed is the report.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rulebook import Rulebook

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import OFF_NOMINAL_STATES, Intent
from luftrom.audit.holding import audit_holding
from luftrom.clock import NS_PER_S
from luftrom.errors import LuftromError, OutOfStep
from luftrom.exchange.message import Message, encode_message, parse_message
from luftrom.exchange.sending import Position
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.logs.head import Head, sign_head, verify_head
from luftrom.node.conductor import Conductor
from luftrom.node.hearing import AddCheckpoint, AddEntries, Hear, HearAnswer
from luftrom.node.operations.constraints import GiveNotice
from luftrom.node.operations.operational_intents import Declare, Withdraw
from luftrom.node.step import Request
from luftrom.state.loading import load_state
from luftrom.state.record import ACCEPTED
from luftrom.state.state import State
from luftrom.statements.leaf import parse_statement
from luftrom.statements.opening import open_item
from memory_store import MemoryStore
from parties import NOON_NS, FakeClock, make_agreement, make_keys, make_party
from tlog_client import add_checkpoint_body, add_entries_body, packages

NAMES = ("alfa.example", "bravo.example", "charlie.example", "delta.example")
MINUTE_NS = 60 * NS_PER_S
LANE_DEG, LANES, RADIUS_M = 0.004, 3, 150.0   # lanes lie 445 m apart: circles of two never meet


@dataclass
class Letter:
    """A message on the wire, with its signed head."""

    sender: str
    recipient: str
    body: bytes
    head: str
    is_answer: bool


class Party:
    """One simulated node: its store outlives its conductor."""

    talks_while_it_commits = True

    def __init__(self, world: World, name: str):
        self.world, self.name = world, name
        self.store, self.clock = world.make_store(name), FakeClock()
        self.at = {peer: Position() for peer in world.names if peer != name}
        self.counter = itertools.count(1)
        self.acknowledged: list[tuple[str, Any]] = []
        self.wake()

    def wake(self) -> None:
        """Start from the store, as after a crash."""
        self.conductor = Conductor(self.name, self.world.keys[self.name], self.world.agreement,
                                   self.store, self.clock)

    def step(self, *requests: Request, fault: str | None = None) -> None:
        step = self.conductor.step(requests)
        if (self.world.random.random() < (.5 if fault else .05)
                and self.talks_while_it_commits):
            # A message can leave while the commit is being synced: it tells nothing of the step.
            self.world.wire.append(self.send(self.world.random.choice(list(self.at))))
        self.store.fault = fault
        try:
            self.store.commit(step.writes)
        except LuftromError as error:
            self.conductor.fail(step, error)
            self.conductor.load()
            return
        finally:
            self.store.fault = None
        self.conductor.publish(step)
        if self.world.hours and self.world.random.random() < .3:
            self.conductor.airspace.drop_over()

    def go_on(self) -> None:
        """Step until no leaf of a peer rests since it takes more work than one step has."""
        while self.conductor.memory.work.due_ns() is not None:
            self.step()

    def send(self, peer: str) -> Letter:
        return self.letter(*self.conductor.message_to(peer, self.at[peer], next(self.counter)),
                           is_answer=False)

    def letter(self, message: Message, draft: Head, is_answer: bool) -> Letter:
        body = encode_message(message)
        head = sign_head(draft, body, self.world.keys[self.name].channel)
        return Letter(self.name, draft.recipient, body, head, is_answer)

    def hear(self, letter: Letter, fault: str | None = None) -> Letter | None:
        """Take a letter in; returns the answer to a request that was taken."""
        message, sender = parse_message(letter.body), letter.sender
        key = self.world.keys[sender].channel.public_key().public_bytes_raw()
        head = verify_head(letter.head, sender, self.name, key)
        answers: list[Letter] = []

        def reply(result: Any, error: LuftromError | None) -> None:
            if error is not None:
                self.refuse(letter, error)
                return
            self.at[sender] = Position(head.mirrored, head.opened, message.known)
            self.took(head)
            if result is not None:
                answers.append(self.letter(*result, is_answer=True))

        self.step((HearAnswer if letter.is_answer else Hear)(message, head, reply), fault=fault)
        return answers[0] if answers else None

    def took(self, head: Head) -> None:
        """A message was taken in, with that head."""

    def refuse(self, letter: Letter, error: LuftromError) -> None:
        """What came is not taken."""
        self.world.check_refusal(self.name, error)
        if isinstance(error, OutOfStep):
            self.tell_position(letter, error)

    def tell_position(self, letter: Letter, error: OutOfStep) -> None:
        """Whoever sent what could not be taken is told where we are, as by a 409."""
        if letter.is_answer:
            self.at[letter.sender] = Position()
        else:
            self.world.parties[letter.sender].at[self.name] = Position(
                error.mirrored, error.have, lacks=error.code == "unseen")


class World:
    """All parties, the wire between them, and one seed that decides everything."""

    liars: tuple[str, ...] = ()            # who may rest its rulings on less than the honest do

    def __init__(self, seed: int, parties: int = 2, mode: str = "hold",
                 make_store: Callable[[str], Any] = lambda name: MemoryStore(),
                 hours: bool = False):
        self.seed, self.make_store, self.hours = seed, make_store, hours
        self.random = random.Random(seed)
        self.names = NAMES[:parties]
        self.keys = {name: _keys(name) for name in self.names}
        self.agreement = make_agreement(
            tuple(make_party(name, self.keys[name]) for name in self.names), mode=mode,
            # Now and then a declaration may wait too long; else what waits at the end is ruled on.
            pending_s=600.0 if seed % 3 == 0 else 30 * 86_400.0)
        self.honest = self.names
        self.parties = {name: self.seat(name) for name in self.names}
        self.wire: list[Letter] = []
        self.ids = [new_id(self.random) for _ in range(12)]

    def seat(self, name: str) -> Party:
        """The party of that name."""
        return Party(self, name)

    # -- what can happen ---------------------------------------------------------------------

    def turn(self) -> None:
        """One event at one party, or time passes for all."""
        if self.hours and self.random.random() < .15:
            self.pass_time(self.random.choice((600, 1200, 3600, 6000)))
        party = self.parties[self.random.choice(self.names)]
        fault = self.random.choice(("fails", "persists")) if self.random.random() < .04 else None
        chance = self.random.random()
        if chance < .35:
            party.step(*[self.request(party) for _ in range(self.random.randint(1, 3))],
                       fault=fault)
        elif chance < .53:
            peer = self.random.choice([n for n in self.names if n != party.name])
            self.wire.append(party.send(peer))
        elif chance < .55:
            self.upload(party, fault)
        elif chance < .92:
            self.deliver(fault)
        elif chance < .96:
            party.wake()
        elif chance < .98:
            party.clock.now += self.random.choice((-3600, 3600, 7)) * NS_PER_S
        else:
            party.clock.advance(self.random.choice((.5, 6)))
            party.step(fault=fault)

    def pass_time(self, seconds: float) -> None:
        """Time passes for all, and now and then somebody's clock is set an hour wrong."""
        for party in self.parties.values():
            party.clock.advance(seconds)
            if self.random.random() < .4:
                party.clock.now += self.random.choice((-3600, 3600)) * NS_PER_S

    def deliver(self, fault: str | None) -> None:
        if not self.wire:
            return
        letter = self.random.choice(self.wire)
        if self.random.random() < .85:
            self.wire.remove(letter)       # otherwise it will come again
        if self.random.random() < .15:
            return                         # lost
        answer = self.parties[letter.recipient].hear(letter, fault)
        if answer is not None:
            self.wire.append(answer)

    def upload(self, author: Party, fault: str | None) -> None:
        """A stranger copies a party's public log to another party's mirror, as C2SP lets it."""
        log = author.conductor.log
        names = [name for name in self.names if name != author.name]
        recipient = self.parties[self.random.choice(names)]
        mirror = recipient.conductor.mirrors[author.name]
        if not log.size or log.size <= mirror.pending[0]:
            return
        leaves = author.store.leaves(author.name, 0, log.size)
        start = min(mirror.tree.size, log.size)
        bodies = ((AddCheckpoint, add_checkpoint_body(mirror.pending[0], leaves, log.note)),
                  (AddEntries, add_entries_body(log.origin, start, log.size,
                                                packages(leaves, start, log.size))))
        for add, body in bodies[:self.random.choice((1, 2, 2))]:
            def reply(result: Any, error: LuftromError | None, name: str = recipient.name) -> None:
                if error is not None:
                    self.check_refusal(name, error)

            recipient.step(add(body, reply), fault=fault)

    def request(self, party: Party) -> Request:
        chance, entity_id = self.random.random(), self.random.choice(self.ids)
        standing = party.conductor.airspace.current.get((entity_id, party.name))

        def reply(result: Any, error: LuftromError | None) -> None:
            if error is not None:
                self.check_refusal(party.name, error)
            else:
                party.acknowledged.append((entity_id, result))

        if chance < .1:
            return Withdraw(entity_id, None, "m", reply)
        if chance < .2:
            return GiveNotice(Constraint(entity_id, "m", "Closed", "hazard", (self.volume(),)),
                                  reply)
        ovn = standing.ovn if standing and standing.intent else None
        return Declare(self.intent(party, entity_id), ovn, False, reply)

    def intent(self, party: Party, entity_id: str) -> Intent:
        state = self.random.choice(("Accepted",) * 8 + ("Activated", "Nonconforming"))
        priority = self.random.choice((0, 0, 0, 10, 20, None))
        intent = Intent(entity_id, "m", "Flight", state, priority,
                        tuple(self.volume() for _ in range(self.random.randint(1, 2))))
        if priority is not None or self.random.random() < .2:
            return intent
        known = {record.ovn for record in party.conductor.airspace.relevant(
            intent, party.name, party.clock.now // NS_PER_S)}
        return replace(intent, key=frozenset(known))

    def volume(self) -> Volume4D:
        lat = 46.0 + self.random.randrange(LANES) * LANE_DEG
        start = NOON_NS + self.random.randrange(3) * 50 * MINUTE_NS
        if self.hours:                     # it ends four hours ago, or in one, or in between
            now = max(party.clock.now for party in self.parties.values()) - NOON_NS
            start += (now // (50 * MINUTE_NS) - 6 + self.random.randrange(5)) * 50 * MINUTE_NS
        return Volume4D(Circle(lat, 7.0, RADIUS_M), 100.0, 200.0, start, start + 60 * MINUTE_NS)

    def check_refusal(self, name: str, error: LuftromError) -> None:
        """Honest parties never prove each other liars, whatever the network does."""
        expected = {"gap", "rolled_back", "replayed", "exists", "pending", "stale_ovn", "conflict",
                    "not_found", "forbidden", "bad_input", "not_recorded", "not_acknowledged",
                    "out_of_step", "ahead_of_clock", "unseen"}
        assert error.code in expected, f"{name}: {error.code}: {error}"

    # -- the end -----------------------------------------------------------------------------

    def settle(self) -> None:
        """A fair network and right clocks at last: talk until nobody has anything new to say."""
        self.wire.clear()
        for _ in range(2):                 # what is on its way arrives in time
            self.talk_all()
        latest = max(party.clock.now for party in self.parties.values())
        for party in self.parties.values():
            party.clock.now = latest
            party.clock.advance(3600 * 3)  # whoever waited for a dead peer gives up now
        for _ in range(12):
            before = [p.conductor.log.size for p in self.parties.values()]
            self.talk_all()
            if before == [p.conductor.log.size for p in self.parties.values()]:
                return
        raise AssertionError("the nodes never come to rest")

    def talk_all(self) -> None:
        """A round trip of everybody with everybody, and a step of each."""
        for one, other in itertools.permutations(self.names, 2):
            for _ in range(2):
                answer = self.parties[other].hear(self.parties[one].send(other))
                self.parties[other].go_on()
                if answer is None:
                    self.resynchronise(one, other)
                    continue
                self.parties[one].hear(answer)
                self.parties[one].go_on()
        for party in self.parties.values():
            party.step()

    def resynchronise(self, one: str, other: str) -> None:
        """What a 409 tells a sender: where the recipient is, and its counter."""
        peer = self.parties[other].conductor
        at, mirror = self.parties[one].at[other], peer.mirrors[one]
        self.parties[one].at[other] = Position(mirror.size, mirror.applied, at.known, at.lacks)
        self.parties[one].counter = itertools.count(peer.counters[one] + 1)

    def check(self) -> int:
        """Everything that must be true once all is said; returns the number of accepted."""
        views = [self.parties[name].conductor.airspace for name in self.honest]
        assert len({view.digest() for view in views}) == 1, "the nodes hold different airspaces"
        for name in self.honest:
            proofs = {accused for accused, _, _ in self.parties[name].store.proofs()}
            assert not proofs & set(self.honest), f"{name} holds a proof against honest peers"
            self.check_party(self.parties[name])
        self.check_rules()
        for pair in views[0].conflicts()[0]:
            first, second = pair.first, pair.second
            assert second.is_constraint or self.may_both_stand(first, second), (
                f"leaf {first.index} of {first.party} and leaf {second.index} of {second.party} "
                "conflict and are both accepted")
        return sum(record.status == ACCEPTED for record in views[0].records.values())

    def check_rules(self) -> None:
        """Whatever was ruled, the logs alone say the same; one identifier has one home."""
        logs, contents = {}, {}
        for name in self.honest:
            party = self.parties[name]
            leaves = party.store.leaves(name, 0, party.store.size(name))
            logs[name] = [parse_statement(leaf) for leaf in leaves]
            records = party.conductor.airspace.records
            contents |= {where: (r.intent, r.ovn) for where, r in records.items() if r.intent}
        forked, ends = self.forked_logs()
        rulebook = Rulebook(self.agreement, logs | forked, contents, overlap_start_ns, ends)
        rulebook.check()
        rulebook.check_silence([name for name in self.honest if name not in self.liars])
        if self.hours:
            self.check_dropping()
        homes: dict[str, Any] = {}
        view = self.parties[self.names[0]].conductor.airspace
        for (entity_id, _), record in view.current.items():
            other = homes.setdefault(entity_id, record)
            assert other is record or other.is_constraint or record.is_constraint or (
                other.ruling.unacknowledged or record.ruling.unacknowledged), (
                f"{entity_id} stands at {other.party} and at {record.party}")

    def forked_logs(self) -> tuple[dict[str, list[Any]], dict[str, int]]:
        """What counts of the log of a party that forked, and of how many leaves it could: nobody
        does here."""
        return {}, {}

    def check_dropping(self) -> None:
        """Two who read the same logs, each in its own order, and drop at times of their own or
        never, hold the same airspace as everybody."""
        states = [State(self.agreement) for _ in range(3)]
        for state, chance in zip(states, (.3, 1, 0), strict=True):
            ahead = {name: 0 for name in self.names}
            while ahead:
                name = self.random.choice(list(ahead))
                store, index = self.parties[name].store, ahead[name]
                leaf, = store.leaves(name, index, index + 1)
                statement = parse_statement(leaf)
                if not state.knowledge.covers(statement):
                    continue
                opened = store.disclosures(name, index, index + 1).get(index, ())
                state.mirror(statement)
                state.apply(open_item(statement, tuple(opened)))
                if self.random.random() < chance:
                    state.collect()
                    state.entities.drop_over()
                ahead[name] += 1
                if ahead[name] == store.size(name):
                    del ahead[name]
        digest = self.parties[self.names[0]].conductor.airspace.digest()
        views = [state.entities for state in states]
        assert all(view.digest() == digest for view in views), "dropping tells"
        assert [p.encounter for p in views[0].conflicts()[0]] == [
            p.encounter for p in views[2].conflicts()[0]], "dropping changed how two meet"

    def may_both_stand(self, one: Any, other: Any) -> bool:
        if yields(one, other) or yields(other, one):
            return True
        if {one.intent.state, other.intent.state} & set(OFF_NOMINAL_STATES):
            return True
        x, y = one.intent.priority, other.intent.priority
        if (x or 0) != (y or 0):
            return True
        if None in (x, y):                 # the later one named the earlier one in its key
            return one.ovn in other.intent.key or other.ovn in one.intent.key
        return self.agreement.permits_conflicts(x)

    def check_party(self, party: Party) -> None:
        view = party.conductor.airspace
        assert not view.unruled(party.name), f"{party.name} has not ruled on everything"
        if self.seed % 4 == 0:             # as long as all the rest
            report = audit_holding(party.store, self.agreement.party(party.name), self.agreement)
            assert report.verified, f"{party.name} does not pass the audit: {report}"
        for peer in {*self.honest} - {party.name}:
            mirror = party.conductor.mirrors[peer]
            assert mirror.receipt_size == party.conductor.log.size, f"{peer} owes a receipt"
        rebuilt = load_state(party.store, party.name, self.agreement).entities
        assert rebuilt.digest() == view.digest(), f"{party.name}: a rebuild differs"
        stored = list(party.store.airspace())
        assert stored == list(view.rows()), f"{party.name}: stored rows differ"
        for entity_id, result in party.acknowledged:
            record = getattr(result, "operational_intent", result)
            held = view.records.get((party.name, record.index))
            assert held is not None and held.entity_id == entity_id, "an answer was lost"
            if hasattr(result, "accepted"):
                assert held.ruling.accepted == result.accepted, "a ruling changed"


def new_id(chance: random.Random) -> str:
    """An identifier by chance."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def yields(one: Any, other: Any) -> bool:
    """Of two that stand: was the other accepted without the party of the one, which knows of it?

    Whoever was answered that nobody was silent never has to yield to one that names it so.
    """
    return one.party in other.ruling.unacknowledged and bool(one.ruling.unacknowledged)


_KEYS: dict[str, Any] = {}


def _keys(name: str) -> Any:
    return _KEYS.setdefault(name, make_keys(name, post_quantum=False))


def overlap_start_ns(one: Sequence[Volume4D], other: Sequence[Volume4D]) -> int | None:
    """When two sets of volumes of this world first meet, by its own simple geometry."""
    starts = [max(a.time_start_ns, b.time_start_ns)
              for a in one for b in other
              if a.outline == b.outline and max(a.time_start_ns, b.time_start_ns) < min(
                  a.time_end_ns, b.time_end_ns)]
    return min(starts, default=None)


def run(seed: int, parties: int = 2, mode: str = "hold",
        turns: tuple[int, int] = (8, 40), hours: bool = False) -> int:
    """Play one schedule to its end; returns how many records were accepted."""
    world = World(seed, parties, mode, hours=hours)
    for _ in range(world.random.randint(*turns)):
        world.turn()
    world.settle()
    return world.check()
