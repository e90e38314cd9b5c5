"""Four parties as real processes: one is slow, one dies, one lies, and clients ask the others.

A world is founded once and plays rounds, each of one seed. In a round seeded clients declare,
change and withdraw overlapping activities at the three honest nodes, while one of these is stopped
and continued, one is killed and started again, and the fourth party lies (`lying_node`). Then the
faults end, the nodes come to rest, and all that must hold is checked on the disks of the honest.
"""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from liar import volume
from lying_node import Lies, LyingNode, lying
from nursery import Nursery
from processes import Client, Start, end, kill, start, terms, wait_for
from rulebook import Rulebook

from luftrom.agreement.terms import Agreement
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.config.agreements import load_agreement
from luftrom.config.settings import load_settings
from luftrom.config.storing import open_store
from luftrom.geometry.volume import Volume4D
from luftrom.state.loading import load_state
from luftrom.state.record import ACCEPTED, PENDING, VOID, WITHDRAWN, Record
from luftrom.statements.leaf import parse_statement
from luftrom.statements.statement import Statement

NAMES = ("alfa.example", "bravo.example", "charlie.example", "delta.example")
WORKERS, OPERATIONS = 2, 4                 # clients of a node, and what each of them asks for
LANES, LANE_DEG = 6, 0.01                  # a round has lanes of its own, 1.1 km apart
PERMITTED = 10
STALLS_MAX = 1_000                         # more than a round has room for
QUIET_S = 0.4
Where = tuple[str, int]


# -- clients -------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Told:
    """What a client was told: the identifier, what it asked for, and the answer; status 0 where
    none came, and nobody knows what became of it."""

    entity_id: str
    asked: str
    status: int
    body: dict[str, Any]


@dataclass
class Asker:
    """A client of one node, with activities of its own."""

    client: Client
    seed: str
    lane: int
    told: list[Told] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    answered: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        chance = random.Random(self.seed)
        for _ in range(OPERATIONS):
            self._ask(chance)
            time.sleep(chance.uniform(0, .2))

    def _ask(self, chance: random.Random) -> None:
        asked = chance.choice(("declare",) * 4 + ("update",) * 2 + ("withdraw",))
        if asked == "declare" or not self.standing:
            asked, entity_id = "declare", str(uuid.UUID(int=chance.getrandbits(128), version=4))
        else:
            entity_id = chance.choice(self.standing)
        path, headers = f"/v1/operational_intents/{entity_id}", {"If-Match": "*"}
        body = {"name": entity_id[:8], "priority": chance.choice((0, 0, 0, PERMITTED, 20)),
                "volumes": [self._volume(chance) for _ in range(chance.randint(1, 2))]}
        http = self.client.http
        if asked == "withdraw":
            answer = _answer(lambda: http.delete(path, headers=headers))
        else:
            answer = _answer(lambda: http.put(path, json=body,
                                              headers=headers if asked == "update" else {}))
        status, said = answer
        if status in (200, 201):
            self.answered.set()
        self.told.append(Told(entity_id, asked, status, said))
        if status == 201:
            self.standing.append(entity_id)
        elif asked == "withdraw" and entity_id in self.standing:
            self.standing.remove(entity_id)

    def _volume(self, chance: random.Random) -> dict[str, Any]:
        lat = 46.0 + (self.lane + chance.randrange(LANES)) * LANE_DEG
        return volume(lat=lat, start_s=3600 + chance.randrange(3) * 3000)


def _answer(ask: Callable[[], httpx.Response]) -> tuple[int, dict[str, Any]]:
    """The status and body of an answer. A node that is away was not asked: it is asked again."""
    while True:
        try:
            answer = ask()
            return answer.status_code, answer.json()
        except httpx.ConnectError:
            time.sleep(.1)
        except (httpx.HTTPError, ValueError):
            return 0, {}


# -- faults --------------------------------------------------------------------------------------

@dataclass
class Fault:
    """Something that is done to a node at random, at most so often, until it is told to stop."""

    act: Callable[[random.Random], None]
    seed: str
    times: int
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        chance = random.Random(self.seed)
        for _ in range(self.times):
            if self.ended.wait(chance.uniform(.05, .6)):
                return
            self.act(chance)


def stall(node: PartyNode, chance: random.Random) -> None:
    """Nothing that it would say or hear for a while is said or heard."""
    node.process.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(.05, .8))
    node.process.send_signal(signal.SIGCONT)


def die(node: PartyNode, answered: threading.Event, begin: Start, chance: random.Random) -> None:
    """kill -9 at any moment, or as soon as it has accepted something, and a start after a while;
    now and then also while it starts."""
    if chance.random() < .5:
        answered.clear()
        answered.wait(3)
    else:
        time.sleep(chance.uniform(0, 1.5))
    kill(node)
    time.sleep(chance.uniform(0, .5))
    begin([node])
    if chance.random() < .3:
        time.sleep(chance.uniform(0, .4))
        kill(node)
        begin([node])
    twonodes.wait_until_linked([node])


# -- the world -----------------------------------------------------------------------------------

@dataclass(frozen=True)
class Held:
    """What the disk of one honest node holds: leaves and statements by party, records, digest."""

    leaves: dict[str, list[bytes]]
    statements: dict[str, list[Statement[Any]]]
    records: dict[Where, Record]
    digest: str


class World:
    """Four nodes that run: `nodes` are the honest ones, with a client each; `liar` is ours."""

    def __init__(self, nodes: list[PartyNode], liar: LyingNode, clients: list[Client],
                 nursery: Nursery):
        self.liar, self.clients, self.nursery = liar, clients, nursery
        self.nodes = nodes
        self.agreement: Agreement = load_agreement(load_settings(nodes[0].directory))
        self.rounds = 0
        self.told: dict[str, list[Told]] = {node.party: [] for node in nodes}

    def play(self, seed: int) -> dict[str, int]:
        """One round; returns how many answers there were of each status."""
        chance = random.Random(seed)
        slow, dying = chance.sample(self.nodes, 2)
        answered = {node.party: threading.Event() for node in self.nodes}
        askers = [Asker(client, f"{seed} {client.node.party} {i}", self.rounds * LANES,
                        answered=answered[client.node.party])
                  for client in self.clients for i in range(WORKERS)]
        self.rounds += 1
        faults = [Fault(lambda c: stall(slow, c), f"{seed} slow", STALLS_MAX),
                  Fault(lambda c: die(dying, answered[dying.party], self.nursery.start, c),
                        f"{seed} dying", chance.randint(1, 2))]
        self.liar.lies.begin(seed, [node.party for node in self.nodes])
        with ThreadPoolExecutor(len(faults)) as hands, ThreadPoolExecutor(len(askers)) as pool:
            done = [hands.submit(fault.run) for fault in faults]
            try:
                for asker in [pool.submit(each.work) for each in askers]:
                    asker.result()
            finally:
                for fault in faults:
                    fault.ended.set()
                for each in done:
                    each.result()
        self.liar.lies.end()
        for asker in askers:
            self.told[asker.client.node.party] += asker.told
        self.settle()
        self.check()
        counts: dict[str, int] = {}
        for asker in askers:
            for told in asker.told:
                key = f"{told.status} {told.body.get('code', '')}".strip()
                counts[key] = counts.get(key, 0) + 1
        return counts

    # -- to rest -----------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until nobody owes anybody anything, and the honest say so twice running."""
        seen: list[Any] = []

        def is_quiet() -> bool:
            time.sleep(QUIET_S)
            seen[:] = [*seen[-1:], self.rest()]
            return len(seen) == 2 and seen[0] is not None and seen[0] == seen[1]

        try:
            wait_for(is_quiet, "the nodes do not come to rest")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.explain()}") from None

    def rest(self) -> tuple[Any, ...] | None:
        """How large all logs are, and what flies, if all honest nodes hold it all; else None."""
        try:
            status = [client.get("/v1/status") for client in self.clients]
        except httpx.HTTPError:
            return None
        sizes = {each["party"]: each["log"]["size"] for each in status}
        sizes[self.liar.party] = self.liar.log.size
        holds_all = all(channel["receipts_outstanding"] == 0
                        and channel["applied_size"] == sizes[channel["peer"]]
                        for each in status for channel in each["channels"])
        digests = {each["airspace"]["digest"] for each in status}
        if not holds_all or len(digests) != 1:
            return None
        return (*sorted(sizes.items()), *digests)

    def explain(self) -> str:
        status = [client.get("/v1/status") for client in self.clients]
        return "; ".join(
            f"{each['party']}: log {each['log']['size']}, airspace "
            f"{each['airspace']['digest'][:8]}, wholeness {each['wholeness']}, "
            + ", ".join(f"{c['peer']} {c['state']} mirror {c['mirror_size']} applied "
                        f"{c['applied_size']} receipts {c['receipt_size']} {c['last_error']}"
                        for c in each["channels"]) for each in status) + (
            f"; liar: log {self.liar.log.size}, {sorted(self.liar.lies.done.items())}")

    # -- what must hold ----------------------------------------------------------------------

    def check(self) -> None:
        assert len({client.state for client in self.clients}) == 1
        assert not self.liar.lies.taken, self.liar.lies.taken
        self.check_proofs()
        holdings = {node.party: self.held(node) for node in self.nodes}
        assert len({held.digest for held in holdings.values()}) == 1
        assert {held.digest for held in holdings.values()} == {
            self.clients[0].get("/v1/status")["airspace"]["digest"]}, "a rebuild differs"
        for node in self.nodes:
            own = holdings[node.party]
            for told in self.told[node.party]:
                assert told.status != 500, told
            check_last_told(self.told[node.party], own, node.party)
            for told in self.told[node.party]:
                for held in holdings.values():
                    check_told(told, node.party, own, held)
        check_conflicts(self.agreement, holdings[self.nodes[0].party].records)
        with ThreadPoolExecutor(2) as pool:
            for report in pool.map(self.nursery.audit, self.nodes):
                assert report["verified"], report

    def check_proofs(self) -> None:
        """Nobody holds anything against the honest; of the liar, what is void and no more."""
        for client in self.clients:
            held = {(each["party"], each["kind"]) for each in client.get("/v1/proofs")["proofs"]}
            assert held <= {(self.liar.party, "void"), (self.liar.party, "statement")}, held
            assert all(c["state"] != "broken" for c in client.get("/v1/status")["channels"])

    def held(self, node: PartyNode) -> Held:
        store = open_store(load_settings(node.directory), read_only=True)
        with contextlib.closing(store):
            leaves = {name: store.leaves(name, 0, store.size(name)) for name in NAMES}
            entities = load_state(store, node.party, self.agreement).entities
        statements = {name: [parse_statement(leaf) for leaf in log]
                      for name, log in leaves.items()}
        return Held(leaves, statements, dict(entities.records), entities.digest())

    def check_rules(self) -> int:
        """Whatever was ruled in this world, the logs alone say the same."""
        held = self.held(self.nodes[0])
        void = frozenset(where for where, record in held.records.items()
                         if record.status == VOID or not record.counts)
        contents = {where: (record.intent, record.ovn) for where, record in held.records.items()
                    if record.intent and where not in void}
        return Rulebook(self.agreement, held.statements, contents, overlap_start_ns,
                        void=void).check()


def check_told(told: Told, party: str, own: Held, held: Held) -> None:
    """What was acknowledged is in the log, and in every honest mirror, with the same ruling."""
    if "statement" not in told.body or not 200 <= told.status < 300:
        return
    index = told.body["statement"]["index"]
    assert held.leaves[party][index] == own.leaves[party][index], told
    record = held.records[party, index]
    assert record.entity_id == told.entity_id, told
    assert record.ruling is not None and record.ruling.accepted, told
    if told.asked == "withdraw":
        assert record.status == WITHDRAWN, (told, record)
    else:
        assert record.version == told.body["version"], told


def check_last_told(log: Sequence[Told], own: Held, party: str) -> None:
    """What stands of each activity is what its client was told last, where nothing is unknown."""
    answers: dict[str, list[Told]] = {}
    for told in log:
        answers.setdefault(told.entity_id, []).append(told)
    standing = {record.entity_id: record for record in own.records.values()
                if record.party == party and record.status == ACCEPTED}
    for entity_id, each in answers.items():
        expected: int | None = None
        for told in each:
            if told.status in (0, 503):    # whether it was recorded is not known
                break
            if 200 <= told.status < 300:
                expected = None if told.asked == "withdraw" else told.body["statement"]["index"]
        else:
            record = standing.get(entity_id)
            assert (record.index if record else None) == expected, (each, record)


def check_conflicts(agreement: Agreement, records: dict[Where, Record]) -> None:
    """No two that are accepted conflict, by the geometry of this world alone."""
    standing = [record for record in records.values()
                if record.status == ACCEPTED and not record.is_constraint]
    assert not any(record.status == PENDING for record in records.values())
    for n, one in enumerate(standing):
        for other in standing[n + 1:]:
            if overlap_start_ns(one.volumes, other.volumes) is None:
                continue
            x, y = one.intent.priority or 0, other.intent.priority or 0
            assert x != y or agreement.permits_conflicts(x) or (
                one.ruling.unacknowledged or other.ruling.unacknowledged), (
                f"leaf {one.index} of {one.party} and leaf {other.index} of {other.party} conflict "
                "and are both accepted")


def overlap_start_ns(one: Sequence[Volume4D], other: Sequence[Volume4D]) -> int | None:
    """When two sets of volumes of this world first meet: circles of one lane, at one altitude."""
    starts = [max(a.time_start_ns, b.time_start_ns) for a in one for b in other
              if abs(a.outline.lat_deg - b.outline.lat_deg) < LANE_DEG / 2
              and max(a.time_start_ns, b.time_start_ns) < min(a.time_end_ns, b.time_end_ns)]
    return min(starts, default=None)


@contextlib.contextmanager
def four_parties(place: Path, seed: int, nursery: Nursery) -> Iterator[World]:
    """All four, founded and running; the seed says who lies, and what holds for the silent."""
    chance = random.Random(seed)
    mode = chance.choice(("hold", "hold", "proceed"))
    parties, _ = twonodes.found(place, NAMES, terms(mode, 3.0 if mode == "hold" else 1.0))
    liar = parties.pop(chance.randrange(len(parties)))
    clients = []
    try:
        start(*parties, by=nursery.start)
        with lying(liar.directory, Lies()) as node:
            clients = [Client(each, twonodes.mint(each, "uss1", 86_400)) for each in parties]
            yield World(parties, node, clients, nursery)
    finally:
        end(parties, clients)
