"""Schedules in which the last party feigns silence, under an agreement to proceed.

It is a real conductor that signs more than it should: rulings that name peers as silent whose heads
it has, with no more of their logs than its own statements had admitted; statements that pass them
over before their time, long before it rules; and rulings that it hides behind a leaf which it keeps
closed. Some of its heads do not tell that anything was opened to it.

Nobody who was answered that nobody was silent may have to yield to what names it so; and whoever
holds a head of the liar's takes no ruling that counts less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simulation import Letter, Party, World, new_id

from luftrom.errors import LuftromError
from luftrom.exchange.message import Message
from luftrom.geometry.measure import size_class
from luftrom.logs.head import Head
from luftrom.node.conductor import Conductor
from luftrom.node.desk import Desk
from luftrom.node.step import Reply, Request, Step
from luftrom.state.record import ACCEPTED, Record
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.kinds.passed_over import KIND as PASSED_OVER
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.leaf import parse_statement


@dataclass(frozen=True)
class Feign:
    """Rule on what waits as if nobody had answered, or pass everybody over."""

    reply: Reply[None]


class FeigningConductor(Conductor):
    """Signs what it likes before it rules on what is left as everybody does; but what it passed
    somebody over for it keeps waiting."""

    feigner: Feigner

    def _work(self, requests: Sequence[Request], desk: Desk, step: Step) -> None:
        unruled, hidden = desk.entities._unruled, {}
        if self.feigner.world.is_feigning:
            for request in requests:
                if isinstance(request, Feign):
                    for record in desk.entities.unruled(self.party):
                        self.feigner.feign(record, desk)
                    desk.then(request.reply, lambda: None)
            hidden = {where: record for where, record in unruled.items()
                      if record.party == self.party and record.passed_over}
        for where in hidden:
            del unruled[where]
        super()._work(requests, desk, step)
        desk.entities._unruled = dict(sorted((unruled | hidden).items()))


class Feigner(Party):
    """The liar. `shut` are own leaves that it opens at the end alone."""

    world: FeigningWorld

    def __init__(self, world: FeigningWorld, name: str):
        self.shut: set[int] = set()
        self.told: dict[str, int] = {}         # to whom its heads say that so much is open
        super().__init__(world, name)

    def wake(self) -> None:
        self.conductor = FeigningConductor(self.name, self.world.keys[self.name],
                                           self.world.agreement, self.store, self.clock)
        self.conductor.feigner = self

    def letter(self, message: Message, draft: Head, is_answer: bool) -> Letter:
        if self.world.is_feigning:
            own = replace(message.own, openings=tuple(
                each for each in message.own.openings if each[0] not in self.shut))
            message = replace(message, parts=(own, *message.parts[1:]))
            if self.world.random.random() < .3:
                draft = replace(draft, opened=self.told.get(draft.recipient, 0))
        self.told[draft.recipient] = draft.opened
        return super().letter(message, draft, is_answer)

    def feign(self, record: Record, desk: Desk) -> None:
        chance = self.world.random.random()
        if chance < .4 and not record.passed_over:
            desk.append(PASSED_OVER.name, PassedOver((record.index,), {
                name: self.admitted(record, name) for name in self.some_peers()}))
        elif chance < .8:
            if record.passed_over and self.world.random.random() < .7:
                self.shut.add(self.declare_blind(desk))
            self.rule(record, desk)

    def some_peers(self) -> tuple[str, ...]:
        names = sorted(self.conductor.mirrors)
        return tuple(names if self.world.random.random() < .5 else
                     [self.world.random.choice(names)])

    def admitted(self, record: Record, name: str) -> int:
        """The least that its own statements let it say to have open of a peer's log."""
        if name in record.passed_over:
            return record.passed_over[name]
        return max((statement.body.opened.get(name, 0) for statement in self.statements()
                    if statement.type in (RULING.name, PASSED_OVER.name)), default=0)

    def statements(self) -> Iterator[Any]:
        """Those of its log, up to the last step."""
        for leaf in self.store.leaves(self.name, 0, self.conductor.log.size):
            yield parse_statement(leaf)

    def declare_blind(self, desk: Desk) -> int:
        intent = replace(self.world.intent(self, new_id(self.world.random)), state="Accepted")
        item = desk.append(DECLARATION.name, Declared(size_class(intent.all_volumes)),
                           Version(intent, 1))
        return item.statement.index

    def rule(self, record: Record, desk: Desk) -> None:
        receipts = desk.receipts_for(record.index)
        silent = {*record.passed_over, *self.some_peers(),
                  *(name for name, receipt in receipts.items() if receipt is None)}
        desk.append(RULING.name, Rulings(
            (Ruling(record.index, True, (), tuple(sorted(silent))),),
            {name: receipt.head for name, receipt in receipts.items()
             if receipt is not None and name not in silent},
            {name: self.admitted(record, name) for name in silent}))


class FeigningWorld(World):
    """The last party feigns. `taken` are the heads of its that others took, by whom: how large its
    log was, and how much of theirs it said to be open."""

    is_feigning = True

    def __init__(self, *args: Any, **more: Any):
        self.taken: list[tuple[str, int, int]] = []
        super().__init__(*args, **more)
        self.liars = self.names[-1:]

    def seat(self, name: str) -> Party:
        return Feigner(self, name) if name == self.names[-1] else HonestParty(self, name)

    @property
    def feigner(self) -> Party:
        return self.parties[self.names[-1]]

    @property
    def truthful(self) -> list[Party]:
        return [self.parties[name] for name in self.names[:-1]]

    @property
    def is_caught(self) -> bool:
        """Does anybody hold a proof?"""
        return any(party.store.proofs() for party in self.truthful)

    def turn(self) -> None:
        if self.random.random() < .5:      # else too little is ever acknowledged
            self.talk(*self.random.sample(self.names, 2))
        else:
            super().turn()
        if self.random.random() < .3:
            self.feigner.step(Feign(lambda result, error: None))

    def talk(self, one: str, other: str) -> None:
        """A round trip in which nothing is lost."""
        answer = self.parties[other].hear(self.parties[one].send(other))
        if answer is not None:
            self.parties[one].hear(answer)

    def check_refusal(self, name: str, error: LuftromError) -> None:
        """The honest may refuse what the liar says, and nobody else; nor does it prove anything."""
        if error.code not in ("unlawful_ruling", "broken"):
            super().check_refusal(name, error)

    def settle(self) -> None:
        """It opens at last what it kept shut; whoever has caught it hears it no more."""
        self.is_feigning = False
        super().settle()

    def check(self) -> int:
        for party in self.truthful:
            for name, _, document in party.store.proofs():
                assert name == self.feigner.name, f"{party.name} convicts {name}: {document!r}"
            self.check_heads(party)
            self.check_answers(party)
        if not self.is_caught:
            super().check()
        return sum(record.status == ACCEPTED for party in self.truthful
                   for record in party.conductor.airspace.records.values()
                   if record.party == party.name)

    def check_heads(self, party: Party) -> None:
        """No ruling was taken that counts less than its author had acknowledged before."""
        liar = self.feigner.name
        for record in party.conductor.airspace.records.values():
            ruling = record.ruling
            if record.party != liar or ruling is None or not (
                    ruling.accepted and party.name in ruling.unacknowledged):
                continue
            log = [parse_statement(leaf)
                   for leaf in party.store.leaves(liar, 0, record.ruling_index + 1)]
            counted = log[-1].body.opened[party.name]
            named_at = next((s.index for s in log if s.type == PASSED_OVER.name
                             and record.index in s.body.of and party.name in s.body.opened),
                            record.ruling_index)
            for taker, size, opened in self.taken:
                if taker != party.name or size > record.ruling_index:
                    continue
                owed = opened if size <= named_at else min(opened, record.seen[party.name])
                assert counted >= owed, (
                    f"{party.name} took leaf {record.ruling_index} of {liar}, which counts "
                    f"{counted} of its leaves; a head said that {owed} were open")

    def check_answers(self, party: Party) -> None:
        """What was accepted with nobody silent yields to nothing that names its author so."""
        for pair in party.conductor.airspace.conflicts()[0]:
            for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
                if (one.party != party.name or other.is_constraint or one.is_constraint
                        or one.knew(other) or other.knew(one)):
                    continue
                assert (one.ruling.unacknowledged
                        or party.name not in other.ruling.unacknowledged), (
                    f"leaf {one.index} of {one.party} was answered, and yields to leaf "
                    f"{other.index} of {other.party}, which names it as silent")


class HonestParty(Party):
    """Notes which of the liar's heads it took."""

    world: FeigningWorld

    def took(self, head: Head) -> None:
        if head.sender == self.world.feigner.name and (
                head.size == self.conductor.mirrors[head.sender].size):
            self.world.taken.append((self.name, head.size, head.opened))


def run(seed: int, parties: int = 2, turns: tuple[int, int] = (8, 40)) -> tuple[int, bool]:
    """Play one schedule to its end; returns how many of the honest's were accepted, and whether
    the liar was caught."""
    world = FeigningWorld(seed, parties, "proceed")
    for _ in range(world.random.randint(*turns)):
        world.turn()
    world.settle()
    return world.check(), world.is_caught
