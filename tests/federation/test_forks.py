"""A party that shows two histories of its log: the others learn it, and go on with each other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import forking
import httpx
import pytest
from hosting import ALFA, BRAVO, CHARLIE, House, agreement_of, hosted
from liar import Liar, new_id, root_of, volume
from processes import wait_for
from refusing import keeps, refused
from talking import befriend, gang, swap  # noqa: F401 - a fixture, found by name

import tlog_client as tlog
from forks import fork_of
from luftrom.agreement.terms import Agreement
from luftrom.audit.holding import audit_holding
from luftrom.base64url import encode_base64url
from luftrom.errors import Unavailable
from luftrom.exchange.http import HttpTransport
from luftrom.exchange.message import Part
from luftrom.exchange.word import Word, sign_word, verify_ask
from luftrom.logs.fork import Fork
from luftrom.node.gate import Gate
from luftrom.state.loading import load_state
from luftrom.statements.disclosure import make_disclosure
from luftrom.statements.kinds.forked import encode
from luftrom.statements.leaf import parse_statement
from luftrom.store.sqlite import SqliteStore
from parties import make_keys


@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(3, 40), (4, 25)])
def test_schedules_with_a_fork(parties: int, count: int, mode: str) -> None:
    """The honest hold one airspace, by the rules, also after a restart; whatever each declares
    afterwards the others accept."""
    play(range(count), parties, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(3, 150), (4, 75)])
def test_many_more_schedules_with_a_fork(parties: int, count: int, mode: str) -> None:
    play(range(10_000, 10_000 + count), parties, mode)


def play(seeds: range, parties: int, mode: str) -> None:
    shown = 0
    for seed in seeds:
        try:
            shown += forking.run(seed, parties, mode)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {parties} parties, {mode}: "
                                 f"{type(error).__name__}: {error}") from error
    assert shown > len(seeds) // 3         # else it is empty talk


# -- real nodes -----------------------------------------------------------------------------------

URLS = {name: f"http://{name}" for name in (ALFA, BRAVO, CHARLIE)}


class Turned(HttpTransport):
    """Carries to where a party's node listens now; whoever is not in `places` is not reached."""

    def __init__(self, places: dict[str, str]):
        super().__init__()
        self.places = places

    async def _send(self, method: str, base_url: str, *more: Any) -> Any:
        named = "/".join(base_url.split("/")[:3])
        turned = self.places.get(named, "http://127.0.0.1:1") + base_url.removeprefix(named)
        return await super()._send(method, turned, *more)


class Town:
    """Directories of three parties, and where their nodes listen. Charlie's is copied: two nodes
    run in its name, one of which talks to alfa alone, and one to bravo."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.agreement: Agreement = agreement_of(URLS, (ALFA, BRAVO, CHARLIE), mode="hold",
                                                 after_s=120.0)
        self.places: dict[str, dict[str, str]] = {}

    @contextmanager
    def node(self, name: str, place: str | None = None) -> Iterator[House]:
        place = place or name
        places = self.places.setdefault(place, {})
        directory = self.directory / place
        directory.mkdir(exist_ok=True)
        with hosted(directory, self.agreement, party=name, transport=Turned(places)) as house:
            yield house

    def link(self, **houses: House) -> None:
        """All of these reach each other, at the places that they are named by."""
        for place in houses:
            self.places[f"{place}.example"].update(
                (URLS[other.settings.party], other.url) for other in houses.values())


def declare(house: House, lat: float) -> int:
    answer = house.http.put(f"/v1/operational_intents/{new_id()}",
                            json={"volumes": [volume(lat=lat)]}, timeout=180)
    assert answer.status_code != 201 or answer.json()["unacknowledged"] == []
    return answer.status_code


def notice(house: House, lat: float) -> str:
    entity_id = new_id()
    assert house.http.put(f"/v1/constraints/{entity_id}", json={
        "name": "Closed", "volumes": [volume(lat=lat)]}).status_code == 201
    return entity_id


def digests(*houses: House) -> set[str]:
    return {house.status()["airspace"]["digest"] for house in houses}


def test_two_go_on_without_one_that_forked(tmp_path: Path) -> None:
    """Three nodes; charlie's runs twice. What both its histories have in common stands, what is in
    one of them does not; alfa and bravo accept each other's activities, also after a restart."""
    town = Town(tmp_path)
    with town.node(ALFA) as alfa, town.node(BRAVO) as bravo:
        with town.node(CHARLIE) as charlie:
            town.link(alfa=alfa, bravo=bravo, charlie=charlie)
            for lat, house in enumerate((alfa, bravo, charlie)):
                assert declare(house, 10.0 + lat) == 201
            wait_for(lambda: len(digests(alfa, bravo, charlie)) == 1, "one airspace of three")
        common = alfa.channel(CHARLIE)["mirror_size"]
        shutil.copytree(tmp_path / CHARLIE, tmp_path / "south.example")
        town.places[CHARLIE].clear()
        with town.node(CHARLIE) as north, town.node(CHARLIE, "south.example") as south:
            town.link(alfa=alfa, charlie=north)
            town.link(bravo=bravo, south=south)
            town.link(alfa=alfa, bravo=bravo)
            shown = notice(north, 20.0), notice(south, 21.0)
            wait_for(lambda: all(house.channel(CHARLIE)["forked"] for house in (alfa, bravo)),
                     "alfa and bravo know it")
        go_on(town, alfa, bravo, common, shown)
        before = digests(alfa, bravo)
    with town.node(ALFA) as alfa, town.node(BRAVO) as bravo:
        town.link(alfa=alfa, bravo=bravo)
        assert digests(alfa, bravo) == before
        go_on(town, alfa, bravo, common, shown)
    for name in (ALFA, BRAVO):
        check_on_disk(tmp_path / name / f"{name}.sqlite3", name, town.agreement)


def go_on(town: Town, alfa: House, bravo: House, common: int, shown: tuple[str, ...]) -> None:
    """Both tell the same end of what is common, which is at least what was held before the copy."""
    assert len({house.channel(CHARLIE)["forked"]["end"] for house in (alfa, bravo)}) == 1
    for house in (alfa, bravo):
        channel = house.channel(CHARLIE)
        assert channel["state"] == "broken" and channel["forked"]["end"] >= common
        assert all(house.http.get(f"/v1/constraints/{each}").status_code == 404 for each in shown)
        assert "luftrom_channel_forked_time_seconds{" in house.http.get("/metrics").text
    with ThreadPoolExecutor(2) as pool:    # they cross, far from each other
        assert [*pool.map(declare, (alfa, bravo), (30.0, 31.0))] == [201, 201]
    lat = 40.0
    assert [declare(alfa, lat), declare(bravo, lat)] == [201, 409]
    assert declare(bravo, 12.0) == 409     # what charlie had before it forked still stands
    wait_for(lambda: len(digests(alfa, bravo)) == 1, "one airspace of two")
    for house in (alfa, bravo):
        standing = house.http.get("/v1/operational_intents").json()["operational_intents"]
        for each in standing:              # room for the next time
            if each["party"] == house.settings.party and each["version"] == 1:
                house.http.delete(f"/v1/operational_intents/{each['id']}",
                                  headers={"If-Match": "*"})
    wait_for(lambda: len(digests(alfa, bravo)) == 1, "one airspace of two")


def check_on_disk(path: Path, name: str, agreement: Agreement) -> None:
    """What is kept passes the audit, and says the same without a node."""
    with closing(SqliteStore(path, read_only=True)) as store:
        report = audit_holding(store, agreement.party(name), agreement)
        assert report.verified, report
        state = load_state(store, name, agreement)
        assert list(store.airspace()) == list(state.entities.rows())
        assert CHARLIE in state.forks.told_by(name) and CHARLIE in state.forks.ends


# -- accusations ----------------------------------------------------------------------------------

Gang = tuple[Liar, Liar]


def accuse(liar: Liar, fork: Fork) -> None:
    liar.append(liar.statement("forked", **encode(fork)))


def true_fork(charlie: Liar) -> Fork:
    """Charlie's own log, and another one from its last leaf on."""
    other = [*charlie.leaves[:-1], charlie.statement("agreement", index=len(charlie.leaves) - 1)]
    return fork_of(CHARLIE, charlie.keys.log[:1], charlie.leaves, other)


def test_what_is_told_with_a_proof_is_gone_by_at_once(gang: Gang) -> None:
    """Alfa never saw the other history; it tells the proof on, and takes nothing more of charlie's
    in. What charlie had signed at the fork counts no more."""
    bravo, charlie = gang
    index = charlie.declare()
    charlie.settle()
    swap(bravo, charlie)
    charlie.rule(index)
    bravo.talk()
    charlie.talk()
    bravo.talk()
    fork = true_fork(charlie)
    house = bravo.house
    assert house.node.airspace.records[CHARLIE, index].status == "accepted"
    accuse(bravo, fork)
    bravo.talk()
    assert house.channel(CHARLIE)["forked"]["end"] == fork.end == len(charlie.leaves) - 1
    assert house.node.airspace.applied[CHARLIE] == fork.end
    record = house.node.airspace.records[CHARLIE, index]
    assert record.status == "pending"      # its ruling was the last leaf, which is void
    assert charlie.post(charlie.message()).status_code == 403
    last = parse_statement(house.node.log.store.leaves(ALFA, house.node.log.size - 1,
                                                       house.node.log.size)[0])
    assert (last.type, last.body) == ("forked", fork)


@pytest.mark.parametrize("name", ["signed by bravo", "of alfa", "of nobody"])
def test_a_false_accusation_is_refused_and_proves_itself(gang: Gang, name: str) -> None:
    bravo, charlie = gang
    leaves, other = [b"1", b"2"], [b"1", b"3"]
    fork = {"signed by bravo": fork_of(CHARLIE, bravo.keys.log[:1], leaves, other),
            "of alfa": fork_of(ALFA, charlie.keys.log[:1], leaves, other),
            "of nobody": fork_of("stranger.example", charlie.keys.log[:1], leaves, other)}[name]
    accuse(bravo, fork)
    refused(bravo, bravo.message(), 422, "not_proven", proof="statement")
    assert bravo.house.channel(CHARLIE)["forked"] is None


def test_made_up_words_excuse_no_fork(gang: Gang) -> None:
    """Charlie shows alfa a history that begins with a restore, on words that nobody gave."""
    bravo, charlie = gang
    size = len(charlie.leaves)
    old = [*charlie.leaves, charlie.statement("agreement")]
    held = [{"party": name, "size": size, "root": encode_base64url(root_of(charlie.leaves)),
             "head": encode_base64url(bytes(32))} for name in (ALFA, BRAVO)]
    words = (make_disclosure("words", {"words": []}),)
    charlie.append(charlie.statement("restored", words, held=held), words)
    charlie.talk()
    accuse(bravo, fork_of(CHARLIE, charlie.keys.log[:1], charlie.leaves, old))
    bravo.talk()
    assert bravo.house.channel(CHARLIE)["forked"]["end"] == size
    assert bravo.house.channel()["state"] != "broken"


@pytest.mark.parametrize("is_whole", [False, True])
def test_what_a_forker_uploads_cuts_nobody_off(gang: Gang, is_whole: bool) -> None:
    """Of one history alfa is brought a checkpoint, and its entries; bravo was shown the other."""
    bravo, charlie = gang
    size = len(charlie.leaves)
    for _ in range(2):                     # common, and not shown to alfa
        charlie.append(charlie.statement("agreement"))
    end = len(charlie.leaves)
    charlie.append(charlie.statement("agreement", iat=1_700_000_000))
    one, note = list(charlie.leaves), charlie.note()
    with httpx.Client(base_url=bravo.house.url, trust_env=False) as stranger:
        assert stranger.post("/mirror/add-checkpoint", content=tlog.add_checkpoint_body(
            size, one, note)).status_code == 200
        if is_whole:
            body = tlog.add_entries_body(f"{CHARLIE}/log", size, len(one),
                                         tlog.packages(one, size, len(one)))
            assert stranger.post("/mirror/add-entries", content=body, headers={
                "Content-Type": "application/octet-stream"}).status_code == 202
    charlie.give_up(1)
    for _ in range(2):
        charlie.append(charlie.statement("agreement"))
    swap(bravo, charlie)
    accuse(bravo, fork_of(CHARLIE, charlie.keys.log[:1], one, charlie.leaves))
    said = bravo.message(relays=(Part(CHARLIE, size, 0, charlie.note(), (),
                                      tuple(charlie.leaves[size:])),))
    bravo.post(said)                       # alfa learns of both
    assert bravo.post(said).status_code == 200
    assert bravo.house.channel()["mirror_size"] == len(bravo.leaves)
    assert bravo.house.channel(CHARLIE)["forked"]["end"] == end


def test_of_many_forks_in_one_message_all_is_computed_anew_once(
        gang: Gang, monkeypatch: pytest.MonkeyPatch) -> None:
    bravo, charlie = gang
    for _ in range(20):
        charlie.append(charlie.statement("agreement"))
    charlie.settle()
    swap(bravo, charlie)
    size = len(charlie.leaves)
    for end in range(size - 1, size - 21, -1):     # each ends it earlier
        accuse(bravo, fork_of(CHARLIE, charlie.keys.log[:1], charlie.leaves,
                              [*charlie.leaves[:end], b"x"]))
    conductor, loads = bravo.house.node._conductor, []
    load = conductor.load
    monkeypatch.setattr(conductor, "load", lambda: (loads.append(1), load()))
    bravo.talk()
    assert bravo.house.channel(CHARLIE)["forked"]["end"] == size - 20
    assert len(loads) == 1


class Telling(HttpTransport):
    """What bravo and charlie say that they hold of alfa's log: so many leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, tuple[Liar, int, bytes]] = {}

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        liar, size, note = self.told[base_url.removeprefix("http://")]
        read = verify_ask(ask, liar.agreement.party(ALFA), liar.name, about)
        word = Word(liar.name, ALFA, liar.agreement.digest, read.nonce, size,
                    root_of(liar.alfa[:size]), note, size, "", b"", read.counter,
                    time.time_ns())
        return 200, sign_word(word, liar.keys.channel)

    async def _send(self, *_: Any) -> Any:
        raise Unavailable("nobody is there")


def test_who_was_restored_is_not_stopped_by_its_own_older_checkpoint(tmp_path: Path) -> None:
    """Alfa came back on the words of both, and bravo proves to alfa that alfa has forked."""
    agreement = agreement_of(URLS, (ALFA, BRAVO, CHARLIE), mode="hold", after_s=60.0)
    path = tmp_path / f"{ALFA}.sqlite3"
    with hosted(tmp_path, agreement) as house:
        bravo, charlie = Liar(house), Liar(house, CHARLIE)
        with bravo.http, charlie.http:
            befriend(bravo, charlie)
    size, note = len(bravo.alfa), bravo.notes[ALFA]
    shutil.copy(path, tmp_path / "older")
    with hosted(tmp_path, agreement) as house:
        notice(house, 1.0)
        log = house.node.log
        old = log.store.leaves(ALFA, 0, log.size)
    for each in tmp_path.glob(f"{path.name}*"):
        each.unlink()
    shutil.copy(tmp_path / "older", path)
    line = Telling()
    line.told = {BRAVO: (bravo, size, note), CHARLIE: (charlie, size, note)}
    gate = Gate(agreement.party(ALFA), [p for p in agreement.parties if p.name != ALFA],
                doubts=("an older copy",), agreement=agreement.digest)
    with hosted(tmp_path, agreement, transport=line, gate=gate) as house:
        wait_for(lambda: house.node.log.size > size, "alfa comes back on the words of both")
        log = house.node.log
        accuse(bravo, fork_of(ALFA, make_keys(ALFA).log[:1], old,
                              log.store.leaves(ALFA, 0, log.size)))
        bravo.house = house
        with httpx.Client(base_url=house.url, trust_env=False) as bravo.http:
            answer = bravo.post(bravo.message(gives_receipt=False))
            assert (answer.status_code, answer.json()["code"]) == (422, "not_proven"), answer.text
            keeps(bravo, "statement", proves=False)
        notice(house, 2.0)                 # and goes on
        assert house.status()["wholeness"]["state"] == "open"
