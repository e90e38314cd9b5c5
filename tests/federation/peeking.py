"""Schedules in which the last party peeks: it reads what it is shown before it signs anything more.

It is a real conductor with a signer of its own. To each declaration that is open to it, or to the
party before it, which tells it all that it is shown, it signs a rival for the same place, with the
oldest `seen` that the heads it gave and its own earlier statements allow. In some schedules
its heads name more leaves than it has signed, so that there would be room for rivals below them; it
is found out as soon as these are there. Nobody may lose to a rival that was made with knowledge of
what it beats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import simulation
from rivals import Given, Where, append_having_seen, oldest_seen, open_intents, sign_rival
from simulation import Letter, Party, World

from luftrom.airspace.intent import Intent
from luftrom.errors import Equivocation, HeadAgainstCheckpoint, LuftromError, TwoHeads
from luftrom.exchange.message import Message
from luftrom.logs.head import Head
from luftrom.node.conductor import Conductor
from luftrom.node.desk import Desk
from luftrom.node.step import Reply, Request

AHEAD_MAX = 3


@dataclass(frozen=True)
class Peek:
    """Look at what is open, and sign what would displace it."""

    reply: Reply[None]


class PeekingConductor(Conductor):
    """Signs rivals in the same step in which it reads: before the head that answers."""

    peeker: Peeker

    def _operate(self, request: Request, desk: Desk) -> None:
        super()._operate(request, desk)
        if self.peeker.world.is_peeking:
            self.peeker.sign_rivals(desk)
        if isinstance(request, Peek):
            self.peeker.fill(desk)
            desk.then(request.reply, lambda: None)


class Peeker(Party):
    """The party that peeks. `heads` are those it signed: to whom, its size, what is mirrored."""

    world: PeekingWorld

    # What it signs in a step says less than a head that leaves meanwhile might: it would be caught.
    talks_while_it_commits = False

    def __init__(self, world: PeekingWorld, name: str):
        self.heads: list[Given] = []
        self.answered: set[Where] = set()
        self.claimed = 0
        self.claims = world.random.random() < .2
        super().__init__(world, name)

    def wake(self) -> None:
        self.conductor = PeekingConductor(self.name, self.world.keys[self.name],
                                          self.world.agreement, self.store, self.clock)
        self.conductor.peeker = self

    def letter(self, message: Message, draft: Head, is_answer: bool) -> Letter:
        ahead = 0
        if self.world.is_peeking and self.claims and self.world.random.random() < .2:
            ahead = self.world.random.randint(1, AHEAD_MAX)
        # A head of a smaller log than it named before could be held against it.
        self.claimed = max(self.claimed, draft.size + ahead)
        draft = replace(draft, size=self.claimed)
        self.heads.append((draft.recipient, draft.size, draft.mirrored))
        return super().letter(message, draft, is_answer)

    def fill(self, desk: Desk) -> None:
        """Fill the room below its heads, blind; then those that it gave anew are receipts."""
        while desk._memory.log.tree.size < self.claimed:
            self.append(desk, "agreement", None)

    def append(self, desk: Desk, kind: str, body: Any) -> None:
        """Sign a statement that has seen no more than it must."""
        append_having_seen(desk, oldest_seen(self.conductor, desk, self.heads), kind, body)

    # -- rivals ------------------------------------------------------------------------------

    def sign_rivals(self, desk: Desk) -> None:
        known = dict(self.known())
        for where, intent in known.items():
            if where in self.answered or self.world.random.random() < .1:
                continue
            self.answered.add(where)
            self.sign_rival(intent, frozenset(known), desk)

    def known(self) -> Iterator[tuple[Where, Intent]]:
        """Every declaration of the honest that is open to it, or to its accomplice."""
        for party in (self, *self.world.accomplices):
            yield from open_intents(party.conductor.memory.state, self.world.victims)

    def sign_rival(self, intent: Intent, known: frozenset[Where], desk: Desk) -> None:
        item = sign_rival(desk, intent, oldest_seen(self.conductor, desk, self.heads),
                          self.world.new_id())
        assert not item.void and not desk.entities.records[self.name, item.statement.index].void
        self.world.rivals[item.statement.leaf] = known


class FoundOut(Exception):
    """A head of the party that peeks was shown to be false; its channel is over, and the play."""


class PeekingWorld(World):
    """The last party peeks; with more than two the one before it tells it all it is shown."""

    is_peeking = True

    def __init__(self, *args: Any, **more: Any):
        self.rivals: dict[bytes, frozenset[Where]] = {}   # by leaf: what was known to its signer
        super().__init__(*args, **more)

    def seat(self, name: str) -> Party:
        return Peeker(self, name) if name == self.names[-1] else super().seat(name)

    @property
    def peeker(self) -> Party:
        return self.parties[self.names[-1]]

    @property
    def accomplices(self) -> list[Party]:
        return [self.parties[name] for name in self.names[1:-1][-1:]]

    @property
    def victims(self) -> tuple[str, ...]:
        """Whoever neither peeks nor tells."""
        return self.names[:-1] if len(self.names) == 2 else self.names[:-2]

    def new_id(self) -> str:
        return simulation.new_id(self.random)

    def turn(self) -> None:
        if self.random.random() < .5:      # else too little is ever open to be peeked at
            self.talk(*self.random.sample(self.names, 2))
        else:
            super().turn()
        if self.random.random() < .3:
            self.peeker.step(Peek(lambda result, error: None))

    def talk(self, one: str, other: str) -> None:
        """A round trip in which nothing is lost."""
        answer = self.parties[other].hear(self.parties[one].send(other))
        if answer is not None:
            self.parties[one].hear(answer)

    def check_refusal(self, name: str, error: LuftromError) -> None:
        """The root of a head of leaves that it has not signed yet is false, and shows when they are
        there."""
        if isinstance(error, Equivocation) and isinstance(
                error.evidence, HeadAgainstCheckpoint | TwoHeads):
            assert error.evidence.party == self.peeker.name, f"{name}: {error}"
            raise FoundOut
        super().check_refusal(name, error)

    def settle(self) -> None:
        """It gives up, and fills what it claimed, so that all can be ruled on."""
        self.is_peeking = False
        self.peeker.step(Peek(lambda result, error: None))
        super().settle()

    def check(self) -> int:
        accepted = super().check()
        self.check_displaced()
        return accepted

    def check_displaced(self) -> None:
        """Nobody lost to what was made with knowledge of it."""
        liar, store = self.peeker.name, self.peeker.store
        leaves = store.leaves(liar, 0, store.size(liar))
        for name in self.victims:
            for record in self.parties[name].conductor.airspace.records.values():
                if record.party != name or record.ruling is None:
                    continue
                for party, index, rule in record.ruling.against:
                    assert party != liar or (name, record.index) not in self.rivals.get(
                        leaves[index], ()), (
                        f"leaf {record.index} of {name} was displaced by leaf {index} of {liar}, "
                        f"made with knowledge of it: {rule}")


def run(seed: int, parties: int = 2, mode: str = "hold", turns: tuple[int, int] = (8, 40)
        ) -> tuple[int, int]:
    """Play one schedule to its end; returns how many were accepted, and how many rivals signed.

    None are accepted where it was found out before the end.
    """
    world = PeekingWorld(seed, parties, mode)
    try:
        for _ in range(world.random.randint(*turns)):
            world.turn()
        world.settle()
    except FoundOut:
        world.check_displaced()
        return 0, len(world.rivals)
    return world.check(), len(world.rivals)
