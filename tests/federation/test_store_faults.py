"""Every commit {fails, fails but persisted}, a full disk, a disk that cannot be read: nothing that
was acknowledged is lost, clients are told, and the node goes on by itself when it can.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import simulation
from hosting import House, agreement_of, hosted
from liar import volume
from processes import check_on_disk, start, two_nodes, wait_for, wait_until_equal

from luftrom.airspace.constraint import Constraint
from luftrom.audit.holding import audit_holding
from luftrom.cli.demo import twonodes
from luftrom.errors import Unavailable
from luftrom.node.operations.constraints import GiveNotice
from luftrom.node.operations.operational_intents import Declare, Withdraw
from luftrom.node.step import Request
from luftrom.store.protocol import Writes
from luftrom.store.sqlite import SqliteStore

FAULTS = ("fails", "persists")


class FaultyStore(SqliteStore):
    """The real store, whose commits fail on demand, and which can be made unreadable."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.fault: str | None = None
        self.unreadable = False
        self.meanwhile: Callable[[], None] = lambda: None      # called where a commit fails

    def commit(self, writes: Writes) -> None:
        fault, self.fault = self.fault, None
        if fault:
            self.meanwhile()
        if fault != "fails":
            super().commit(writes)
        if fault:
            raise Unavailable(f"the store {fault}")

    def _rows(self, *query: Any) -> list[tuple]:
        if self.unreadable:
            raise Unavailable("no such device")
        return super()._rows(*query)


# -- every commit of a short story ---------------------------------------------------------------

class Story:
    """Two parties declare, cross, rule, withdraw and give notice; step `at` meets a fault."""

    def __init__(self, place: Path, at: int, fault: str):
        self.world = simulation.World(0, 2, "hold",
                                      lambda name: FaultyStore(place / f"{name}.sqlite3"))
        self.world.random.random = lambda: 0.99   # nothing happens by chance here
        self.at, self.fault, self.count = at, fault, 0

    def act(self, name: str, *requests: Any) -> None:
        self.world.parties[name].step(*requests, fault=self._fault())

    def talk(self, sender: str, recipient: str) -> None:
        letter = self.world.parties[sender].send(recipient)
        answer = self.world.parties[recipient].hear(letter, self._fault())
        if answer is not None:
            self.world.parties[sender].hear(answer, self._fault())

    def _fault(self) -> str | None:
        self.count += 1
        return self.fault if self.count == self.at else None

    def declare(self, name: str, n: int, ovn: str | None = None) -> Request:
        party = self.world.parties[name]
        return Declare(self.world.intent(party, self.world.ids[n]), ovn, False,
                           self.reply(name, self.world.ids[n]))

    def reply(self, name: str, entity_id: str) -> Callable[[Any, Any], None]:
        def reply(result: Any, error: Any) -> None:
            if error is not None:
                self.world.check_refusal(name, error)
            else:
                self.world.parties[name].acknowledged.append((entity_id, result))
        return reply

    def play(self) -> int:
        """From the first word to rest; returns how many steps there were."""
        alfa, bravo = self.world.names
        self.act(alfa)
        self.talk(alfa, bravo)
        self.act(alfa, self.declare(alfa, 0), self.declare(alfa, 1))
        self.act(bravo, self.declare(bravo, 2), self.declare(bravo, 3))   # they cross
        self.talk(alfa, bravo)
        self.talk(bravo, alfa)
        notice = Constraint(self.world.ids[4], "m", "Closed", "hazard", (self.world.volume(),))
        self.act(bravo, GiveNotice(notice, self.reply(bravo, notice.entity_id)))
        entity_id = self.world.ids[1]
        self.act(alfa, Withdraw(entity_id, None, "m", self.reply(alfa, entity_id)))
        self.talk(bravo, alfa)
        self.act(alfa, self.declare(alfa, 5))
        self.talk(alfa, bravo)
        self.world.settle()
        self.world.check()
        return self.count

    def close(self) -> None:
        for party in self.world.parties.values():
            party.store.close()


def test_every_commit_fails_in_each_way(tmp_path: Path) -> None:
    at, count = 0, 1
    while at <= count:
        for fault in FAULTS:
            place = tmp_path / f"{at}-{fault}"
            place.mkdir()
            story = Story(place, at, fault)
            try:
                count = story.play()
            except Exception as error:
                raise AssertionError(f"step {at} {fault}: {error}") from error
            finally:
                story.close()
        at += 1
    assert count > 12


# -- a node whose store fails --------------------------------------------------------------------

@contextmanager
def faulty(place: Path, **more: Any) -> Iterator[tuple[House, FaultyStore]]:
    store = FaultyStore(place / "alfa.sqlite3")
    with hosted(place, None, store=store, **more) as house:
        yield house, store


def declare(house: House, lat: float, **more: Any) -> Any:
    return house.http.put(f"/v1/operational_intents/{uuid.uuid4()}",
                          json={"volumes": [volume(lat=lat)]} | more)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_client_is_told_that_nobody_knows(tmp_path: Path, fault: str) -> None:
    with faulty(tmp_path) as (house, store):
        assert declare(house, 0.0).status_code == 201
        store.fault = fault
        answer = declare(house, 1.0)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
        assert "retry-after" in answer.headers
        count = 1 + (fault == "persists")
        wait_for(lambda: house.status()["airspace"]["operational_intents"] == count,
                 "what is on the disk is not what is shown")
        assert declare(house, 2.0).status_code == 201


def test_a_store_that_cannot_be_read_is_waited_for(tmp_path: Path) -> None:
    with faulty(tmp_path) as (house, store):
        assert declare(house, 0.0).status_code == 201
        before = house.status()["airspace"]["digest"]
        store.fault, store.unreadable = "fails", True
        assert declare(house, 1.0).status_code == 503
        for answer in (declare(house, 2.0), house.http.get("/v1/status")):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        store.unreadable = False
        wait_for(lambda: house.http.get("/v1/status").status_code == 200, "it does not come back")
        assert house.status()["airspace"]["digest"] == before
        assert declare(house, 2.0).status_code == 201


def test_who_asks_while_a_commit_fails_is_told_too(tmp_path: Path) -> None:
    with faulty(tmp_path) as (house, store), ThreadPoolExecutor(1) as client:
        assert declare(house, 0.0).status_code == 201
        later = []

        def meanwhile() -> None:
            later.append(client.submit(declare, house, 2.0))
            wait_for(lambda: bool(house.node._inbox._requests), "it does not come in")

        store.fault, store.unreadable, store.meanwhile = "fails", True, meanwhile
        assert declare(house, 1.0).status_code == 503
        answer = later[0].result()
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        store.unreadable = False
        wait_for(lambda: house.http.get("/v1/status").status_code == 200, "it does not come back")
        assert house.status()["airspace"]["operational_intents"] == 1


def test_a_full_database(tmp_path: Path) -> None:
    """SQLite's own limit stands in for the disk's: the same error from the same call."""
    with faulty(tmp_path) as (house, store):
        assert declare(house, 0.0).status_code == 201
        with store._lock:
            pages = store._db.execute("PRAGMA page_count").fetchone()[0]
            store._db.execute(f"PRAGMA max_page_count={pages + 8}")
        told = [declare(house, 1 + i * 0.1, remarks="x" * 3000) for i in range(30)]
        stored = [t.json()["id"] for t in told if t.status_code == 201]
        failed = [t for t in told if t.status_code != 201]
        assert failed and {(t.status_code, t.json()["code"]) for t in failed} == {
            (503, "not_recorded")}
        assert "full" in failed[0].json()["detail"]
        assert house.status()["airspace"]["operational_intents"] == 1 + len(stored)
        with store._lock:
            store._db.execute("PRAGMA max_page_count=1000000")
        assert declare(house, 20.0).status_code == 201
        digest = house.status()["airspace"]["digest"]
    with hosted(tmp_path, None, store=SqliteStore(tmp_path / "alfa.sqlite3")) as house:
        assert house.status()["airspace"]["digest"] == digest
        for entity_id in stored:
            assert house.http.get(f"/v1/operational_intents/{entity_id}").json()[
                "status"] == "accepted"
    store = SqliteStore(tmp_path / "alfa.sqlite3", read_only=True)
    own = agreement_of().party("alfa.example")
    assert audit_holding(store, own, None).verified
    store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_full_disk_under_one_of_two_processes(tmp_path: Path) -> None:
    """No file of alfa's process may grow: it says so, bravo goes on, and both meet again."""
    import resource

    with two_nodes(tmp_path, "proceed", after_s=1.0) as (nodes, (alfa, bravo)):
        assert alfa.declare(0.0).status_code == 201
        wait_until_equal(alfa, bravo)
        pid = nodes[0].process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        wal = next(nodes[0].directory.glob("*-wal"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
        answer = alfa.declare(1.0)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
        assert alfa.get("/v1/status")["airspace"]["operational_intents"] == 1
        alone = bravo.declare(2.0)
        assert alone.status_code == 201
        assert alone.json()["unacknowledged"] == ["alfa.example"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_for(lambda: alfa.declare(3.0).status_code == 201, "alfa does not recover")
        digest = wait_until_equal(alfa, bravo)
        twonodes.stop(nodes)
        check_on_disk(nodes, digest)
        start(*nodes)
        assert wait_until_equal(alfa, bravo) == digest
