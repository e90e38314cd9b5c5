"""kill -9 of either node, or both, at any moment while clients declare at both.

Whatever was acknowledged must be there afterwards, with the same ruling, at both nodes.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from liar import volume
from nursery import nursery
from processes import Client, Start, check_on_disk, kill, two_nodes, wait_until_equal

from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode

LANES, WORKERS = 30, 3
PERMITTED = 10
ROUNDS_OF_A_WORLD = 50                     # more would have longer logs to read at each start


@dataclass
class Load:
    """Clients of one node that declare without pause, and remember what they were told."""

    client: Client
    seed: int
    told: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self.threads = [threading.Thread(target=self._work, args=(self.seed * 100 + i,))
                        for i in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _work(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self.stopping.is_set():
            entity_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            body = {"priority": chance.choice((0, 0, 0, PERMITTED, 20)), "name": entity_id[:8],
                    "volumes": [volume(lat=chance.randrange(LANES) * 0.01)]}
            try:
                answer = self.client.http.put(f"/v1/operational_intents/{entity_id}", json=body)
                self.told.append((entity_id, answer.status_code, answer.json()))
            except (httpx.HTTPError, ValueError):
                time.sleep(0.02)           # the node is away


@dataclass(frozen=True)
class Pace:
    """How nodes are started; how long, in seconds, they are under load before a kill, and into a
    start before the next, both from and to."""

    start: Start = twonodes.start
    load_s: tuple[float, float] = (0.05, 0.7)
    starting_s: tuple[float, float] = (0.3, 1.2)


def sweep(place: Path, seed: int, rounds: int, mode: str, pace: Pace) -> None:
    """Rounds of load, kills at random moments and restarts; then everything is compared."""
    chance = random.Random(seed)
    after_s = 3.0 if mode == "hold" else 0.5
    with two_nodes(place, mode, after_s, pace.start) as (nodes, clients):
        loads = [Load(client, seed + i) for i, client in enumerate(clients)]
        for load in loads:
            load.start()
        try:
            for _ in range(rounds):
                time.sleep(chance.uniform(*pace.load_s))
                play_round(chance, nodes, pace)
            time.sleep(0.3)
        finally:
            for load in loads:
                load.stop()
        digest = wait_until_equal(*clients)
        check_told(loads, clients)
        check_conflicts(clients[0], mode)
        twonodes.stop(nodes)
        check_on_disk(nodes, digest)


def play_round(chance: random.Random, nodes: list[PartyNode], pace: Pace) -> None:
    victims = chance.choice(([nodes[0]], [nodes[1]], nodes))
    for node in chance.sample(victims, len(victims)):
        kill(node)
        time.sleep(chance.uniform(0, 0.1))
    time.sleep(chance.uniform(0, 0.3))
    pace.start(victims)
    if chance.random() < 0.3:              # and again while it starts
        time.sleep(chance.uniform(*pace.starting_s))
        kill(victims[0])
        pace.start(victims[:1])
    twonodes.wait_until_linked(nodes)


def check_told(loads: list[Load], clients: list[Client]) -> None:
    """Each answer that was given is what both nodes say now."""
    everything = [records_of(client) for client in clients]
    count = {201: 0, 409: 0}
    for load in loads:
        for entity_id, status, body in load.told:
            assert status in (201, 409, 503, 500), (status, body)
            assert status != 500, body
            if status not in count:
                continue
            count[status] += 1
            for records in everything:
                record = records[entity_id]
                expected = "accepted" if status == 201 else "refused"
                assert record["status"] == expected, (status, body, record)
                assert record["ruling"]["accepted"] == (status == 201)
                if status == 201:
                    assert record["statement"] == body["statement"]
    assert count[201] > 10, count


def records_of(client: Client) -> dict[str, dict[str, Any]]:
    path, found = "/v1/operational_intents", {}
    while path:
        page = client.get(path)
        found |= {item["id"]: item for item in page["operational_intents"]}
        path = page["next"]
    return found


def check_conflicts(client: Client, mode: str) -> None:
    """Two accepted conflict only where the agreement permits it or one outranks the other."""
    for conflict in client.get("/v1/conflicts")["conflicts"]:
        first, second = conflict["first"]["priority"], conflict["second"]["priority"]
        permitted = first != second or first == PERMITTED
        assert permitted or mode == "proceed", conflict["sentence"]


def test_kill_either_at_any_moment(tmp_path: Path) -> None:
    sweep(tmp_path, 1, 3, "hold", Pace())


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "mode"), [(2, "hold"), (3, "proceed"), (4, "hold")])
def test_many_kills(tmp_path: Path, seed: int, mode: str) -> None:
    sweep(tmp_path, seed, 8, mode, Pace())


@pytest.fixture(scope="module")
def forked() -> Iterator[Pace]:
    """Nodes that start at once, and so die more often."""
    with nursery() as each:
        yield Pace(each.start, load_s=(0.02, 0.3), starting_s=(0.0, 0.3))


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1000 + 1000 // ROUNDS_OF_A_WORLD))
def test_a_thousand_kills(tmp_path: Path, forked: Pace, seed: int) -> None:
    sweep(tmp_path, seed, ROUNDS_OF_A_WORLD, "proceed" if seed % 3 == 0 else "hold", forked)
