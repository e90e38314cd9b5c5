"""The simulation with a party that forks: two nodes of the same keys, from one copy of the store.

Each of them is the real code and honest in all it signs; that there are two is the lie. Some peers
talk to one, the others to the other, and now and then to the wrong one.

`run(seed)` plays one schedule and raises AssertionError with what broke; the seed is the report.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from simulation import LANE_DEG, LANES, Letter, Party, World, new_id

from luftrom.airspace.intent import Intent
from luftrom.errors import LuftromError
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.logs.fork import Fork, Lacking
from luftrom.node.comparing import find_fork_of, suspect_of
from luftrom.node.hearing import Convict
from luftrom.node.operations.operational_intents import Declare
from luftrom.node.step import Request
from luftrom.statements.leaf import parse_statement
from luftrom.transparency.merkle import parse_tile_path
from parties import NOON_NS

HOUR_NS = 3600 * 10**9


class Honest(Party):
    """Compares histories with whoever shows that it saw another one."""

    world: ForkingWorld

    def __init__(self, world: World, name: str):
        self.suspects: list[tuple[str, str]] = []
        super().__init__(world, name)

    def refuse(self, letter: Letter, error: LuftromError) -> None:
        super().refuse(letter, error)
        party = suspect_of(error)
        if party is not None and party != self.name:
            self.suspects.append((letter.sender, party))

    def hear(self, letter: Letter, fault: str | None = None) -> Letter | None:
        answer = super().hear(letter, fault)
        while self.suspects:
            self.compare(*self.suspects.pop())
        return answer

    def compare(self, peer: str, party: str) -> None:
        if party in self.conductor.memory.forked:
            return
        other = self.world.parties[peer].conductor
        log = other.log if peer == party else other.mirrors[party]
        tiles: dict[str, bytes] = {}
        while log.note:
            try:
                fork = find_fork_of(self.conductor.mirrors[party], log.note, tiles)
            except Lacking as lacking:
                level, index, width = parse_tile_path(lacking.path)
                assert isinstance(level, int)
                tiles[lacking.path] = log.tile(level, index, width)
                continue
            if fork is not None:
                self.step(Convict(fork, lambda result, error: None))
            return


class Forker(Party):
    """One node until it forks, then two."""

    world: ForkingWorld
    twin: Party | None = None
    hears = False

    def fork(self) -> None:
        twin = Party(self.world, self.name)
        twin.store, twin.at, twin.counter = copy.deepcopy(self.store), self.at, self.counter
        twin.clock.now = self.clock.now
        twin.wake()
        self.twin = twin
        for node in (twin, super()):       # so that each has leaves of its own
            node.step(*[self.world.request(self) for _ in range(self.world.random.randint(1, 3))])
        for peer in self.world.honest:
            if self.world.random.random() < .8:
                self.world.parties[peer].hear(self.send(peer))

    def side(self, peer: str) -> Party | None:
        """The twin, if it is what a peer talks to."""
        return self.twin if self.world.names.index(peer) % 2 else None

    def step(self, *requests: Request, fault: str | None = None) -> None:
        if self.twin is not None and not self.hears and self.world.random.random() < .5:
            self.twin.step(*requests, fault=fault)
        else:
            super().step(*requests, fault=fault)

    def send(self, peer: str) -> Letter:
        twin = self.side(peer)
        return super().send(peer) if twin is None else twin.send(peer)

    def hear(self, letter: Letter, fault: str | None = None) -> Letter | None:
        twin = self.side(letter.sender)
        if twin is not None:
            return twin.hear(letter, fault)
        self.hears = True
        try:
            return super().hear(letter, fault)
        finally:
            self.hears = False


class ForkingWorld(World):
    """A world in which the last party forks at some time."""

    def __init__(self, seed: int, parties: int = 3, mode: str = "hold", hours: bool = False):
        super().__init__(seed, parties, mode, hours=hours)
        self.honest = self.names[:-1]
        self.forker = self.parties[self.names[-1]]

    def seat(self, name: str) -> Party:
        return (Forker if name == self.names[-1] else Honest)(self, name)

    def check_refusal(self, name: str, error: LuftromError) -> None:
        """What a fork brings about, and what the forker's own two nodes hear, is expected."""
        if name in self.honest and error.code not in (
                "broken", "equivocation", "seen_unknown", "wrong_root", "not_consistent"):
            super().check_refusal(name, error)

    def forks(self) -> list[Fork | None]:
        """What each honest party goes by."""
        return [self.parties[name].conductor.state.forks.known.get(self.forker.name)
                for name in self.honest]

    def has_shown_two(self) -> bool:
        """Do honest parties hold two histories?"""
        held = [self.parties[name].store for name in self.honest]
        logs = [store.leaves(self.forker.name, 0, store.size(self.forker.name)) for store in held]
        return any(a != b for one in logs for other in logs for a, b in zip(one, other,
                                                                            strict=False))

    def forked_logs(self) -> tuple[dict[str, list[Any]], dict[str, int]]:
        """What counts of the forker's log: of the common leaves those that are open."""
        name, one = self.forker.name, self.parties[self.honest[0]]
        leaves = one.store.leaves(name, 0, one.conductor.airspace.applied.get(name, 0))
        return ({name: [parse_statement(leaf) for leaf in leaves]},
                {fork.party: fork.end for fork in self.forks() if fork is not None})

    def talk_on(self) -> None:
        """Each honest party declares where nobody else is, and all are accepted by the others."""
        accepted: list[Any] = []
        for n, name in enumerate(self.honest):
            def reply(result: Any, error: LuftromError | None) -> None:
                assert error is None, error
                accepted.append(result)

            where = Volume4D(Circle(46.0 + (LANES + 5 + n) * LANE_DEG, 7.0, 150.0), 100.0, 200.0,
                             NOON_NS + 12 * HOUR_NS, NOON_NS + 13 * HOUR_NS)
            intent = Intent(new_id(self.random), "m", "Flight", "Accepted", 0, (where,))
            party = self.parties[name]
            if self.hours:
                intent = replace(intent, volumes=(self.volume_of(party, where),))
            party.step(Declare(intent, None, False, reply))
        for _ in range(4):
            self.talk_all()
        assert [result.accepted for result in accepted] == [True] * len(self.honest), accepted
        assert all(not result.unacknowledged for result in accepted)

    def volume_of(self, party: Party, where: Volume4D) -> Volume4D:
        start = party.clock.now + HOUR_NS
        return replace(where, time_start_ns=start, time_end_ns=start + HOUR_NS)


def run(seed: int, parties: int = 3, mode: str = "hold", turns: tuple[int, int] = (8, 40)) -> int:
    """Play one schedule with a fork; 1 if honest parties held two histories at its end."""
    world = ForkingWorld(seed, parties, mode)
    assert isinstance(world.forker, Forker)
    for _ in range(world.random.randint(*turns)):
        world.turn()
    world.forker.fork()
    for _ in range(world.random.randint(*turns)):
        world.turn()
    world.settle()
    if not world.has_shown_two():
        return 0
    forks = world.forks()
    assert all(forks) and len({fork.end for fork in forks if fork}) == 1, forks
    world.check()
    world.talk_on()
    world.check()
    for name in world.honest:
        world.parties[name].wake()
    world.check()
    return 1
