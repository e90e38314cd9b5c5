"""Bad days: old copies, lost rows and files, clones. Nobody signs blind, and everything comes back.

Two real nodes as processes; each finding of the red team is a test of its kind.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from processes import (
    Client,
    check_on_disk,
    kill,
    luftrom,
    start,
    two_nodes,
    wait_for,
    wait_until_equal,
)
from test_clocks import serve

from luftrom.audit.equivocation import kind_of, make_equivocation
from luftrom.base64url import parse_base64url
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.config.settings import load_settings
from luftrom.config.token import mint_token
from luftrom.errors import TwoCheckpoints
from luftrom.statements.leaf import parse_statement
from luftrom.store.protocol import Writes
from luftrom.store.sqlite import SqliteStore
from luftrom.transparency.merkle import Tree, leaf_hash

ALFA, BRAVO = "alfa.example", "bravo.example"


def wholeness(client: Client) -> dict[str, Any]:
    return client.get("/v1/status")["wholeness"]


def waits(client: Client, state: str) -> dict[str, Any]:
    """Until the node stands there; what it says of it."""
    deadline_s = time.monotonic() + 60.0   # it says why, sooner than `wait_for` gives up
    while (told := wholeness(client))["state"] != state:
        assert time.monotonic() < deadline_s, told
        time.sleep(0.05)
    return told


def check_shut(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "not_whole"), answer.text
    assert "Mend" in answer.json()["detail"]


def fly(alfa: Client, bravo: Client, lat: float = 0.0) -> None:
    """A flight of each, known to both."""
    answer = alfa.declare(lat)
    assert answer.status_code == 201, answer.text
    assert bravo.declare(lat + 0.5).status_code == 201
    wait_until_equal(alfa, bravo)


def alter(node: PartyNode, *statements: str) -> None:
    with sqlite3.connect(node.directory / "luftrom.sqlite3") as database:
        for statement in statements:
            assert database.execute(statement).rowcount, statement
    database.close()


def replace(node: PartyNode, copy: Path) -> None:
    """The directory is lost, and the copy is put in its place."""
    shutil.rmtree(node.directory)
    shutil.copytree(copy, node.directory)


def test_a_restored_backup_signs_nothing_until_its_peer_says_so(tmp_path: Path) -> None:
    """`rollback.py` of the red team, with the peer there and with the peer away."""
    with two_nodes(tmp_path, "proceed") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[:1])
        shutil.copytree(nodes[0].directory, tmp_path / "copy")
        start(nodes[0])
        fly(alfa, bravo, 1.0)
        size = alfa.get("/v1/status")["log"]["size"]
        twonodes.stop(nodes)
        replace(nodes[0], tmp_path / "copy")
        start(nodes[0])
        told = waits(alfa, "suspect")
        assert BRAVO in told["mend"] and "copied" in told["reasons"][0]
        check_shut(alfa.declare(2.0))
        before = alfa.get("/v1/status")["log"]
        start(nodes[1])
        told = waits(alfa, "behind")
        assert told["reasons"] == [f"{BRAVO} holds {size} leaves of our log; {before['size']} are "
                                   "here"]
        assert "restore --from-peers" in told["mend"]
        check_shut(alfa.declare(2.0))
        assert alfa.get("/v1/status")["log"] == before
        assert bravo.get("/v1/proofs")["proofs"] == []


def test_a_copy_that_is_whole_goes_on_at_its_peers_word(tmp_path: Path) -> None:
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[:1])
        shutil.copytree(nodes[0].directory, tmp_path / "copy")
        replace(nodes[0], tmp_path / "copy")
        size = bravo.get("/v1/status")["channels"][0]["mirror_size"]
        start(nodes[0])
        waits(alfa, "open")
        assert alfa.declare(1.0).status_code == 201
        wait_until_equal(alfa, bravo)
        twonodes.stop(nodes)
        with sqlite3.connect(nodes[1].directory / "luftrom.sqlite3") as database:
            leaf, = database.execute("SELECT leaf FROM leaf WHERE party = ? AND idx = ?",
                                     (ALFA, size)).fetchone()
        database.close()
        assert b"restored" in _payload(leaf)
        # From now on this is the directory: an ordinary start waits for nobody.
        start(nodes[0])
        waits(alfa, "open")


def _payload(leaf: bytes) -> bytes:
    return parse_base64url(leaf.split(b".")[1])


def test_an_ordinary_start_waits_for_nobody(tmp_path: Path) -> None:
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        kill(nodes[1])
        kill(nodes[0])
        start(nodes[0])
        waits(alfa, "open")
        assert alfa.declare(1.0).status_code == 201
        start(nodes[1])
        wait_until_equal(alfa, bravo)


def test_marks_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    """The log has begun again, once, and the next start asks again."""
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        size = alfa.get("/v1/status")["log"]["size"]
        twonodes.stop(nodes[:1])
        shutil.copytree(nodes[0].directory, tmp_path / "copy")
        replace(nodes[0], tmp_path / "copy")
        (nodes[0].directory / "luftrom.reason").mkdir()    # it is to be removed with other marks
        start(nodes[0])
        fly(alfa, bravo, 1.0)
        assert "luftrom.reason: Is a directory; the next start" in nodes[0].last_lines(20)
        twonodes.stop(nodes)
        assert types_of(nodes[0], size).count("restored") == 1


def _gone(pattern: str) -> Callable[[PartyNode], None]:
    def damage(node: PartyNode) -> None:
        paths = list(node.directory.glob(pattern))
        assert paths
        for path in paths:
            path.unlink()
    return damage


def _emptied(node: PartyNode) -> None:
    alter(node, *(f"DELETE FROM {table}" for table in (
        "leaf", "disclosure", "checkpoint", "applied", "receipt", "given", "counter",
        "airspace")))


def _truncated(node: PartyNode) -> None:
    path = node.directory / "luftrom.sqlite3"
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])


def _rows(*statements: str) -> Callable[[PartyNode], None]:
    return lambda node: alter(node, *statements)


LAST = f"(SELECT MAX(idx) FROM leaf WHERE party = '{ALFA}')"
# What happens to the disk of a node that is down: (damage, the state it wakes in while its peer is
# silent, a part of its reasons). None: it does not start, and says why.
DAMAGES: dict[str, tuple[Callable[[PartyNode], None], str | None, str]] = {
    "the database is deleted": (_gone("luftrom.sqlite3*"), "suspect", "new or was emptied"),
    "the database is emptied": (_emptied, "suspect", "new or was emptied"),
    "the database is truncated": (_truncated, None, "malformed"),
    "everything but keys and agreement is deleted": (
        _gone("luftrom.*"), "suspect", "no luftrom.new"),
    "the last own leaf is gone": (
        _rows(f"DELETE FROM leaf WHERE party = '{ALFA}' AND idx = {LAST}"), None, "table leaf"),
    "an own leaf in the middle is gone": (
        _rows(f"DELETE FROM leaf WHERE party = '{ALFA}' AND idx = 1"), None, "table leaf"),
    "the own checkpoint is gone": (
        _rows(f"DELETE FROM checkpoint WHERE party = '{ALFA}'"), "damaged", "table checkpoint"),
    "own disclosures are gone": (
        _rows(f"DELETE FROM disclosure WHERE party = '{ALFA}' AND idx = 1"), "damaged",
        "table disclosure"),
    "disclosures of a mirror are gone": (
        _rows(f"DELETE FROM disclosure WHERE party = '{BRAVO}'"), "damaged", "table disclosure"),
    "a leaf of a mirror is gone": (
        _rows(f"DELETE FROM leaf WHERE party = '{BRAVO}' AND idx = 1"), None, "table leaf"),
    "the own receipt is gone": (_rows("DELETE FROM given"), "damaged", "table given"),
    "the counters are gone": (_rows("DELETE FROM counter"), "suspect", "does not say which"),
    "the mark is gone": (_gone("luftrom.mark"), "suspect", "luftrom.mark is gone"),
    "the instance is gone": (_gone("luftrom.instance-*"), "suspect", "is gone"),
}


@pytest.mark.parametrize("row", ["UPDATE applied SET size = size - 1", "DELETE FROM applied"])
def test_a_mirror_that_is_applied_less_far_goes_on(tmp_path: Path, row: str) -> None:
    """Its leaves and what opens them are there: they are applied again, and nothing is asked."""
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        digest = wait_until_equal(alfa, bravo)
        twonodes.stop(nodes)
        alter(nodes[0], row)
        twonodes.start(nodes[:1])
        twonodes.wait_until_linked(nodes[:1])
        waits(alfa, "open")
        wait_for(lambda: alfa.get("/v1/status")["airspace"]["digest"] == digest, "it is not whole")


@pytest.mark.parametrize("name", DAMAGES)
def test_a_lost_disk_is_named_and_nothing_is_signed(tmp_path: Path, name: str) -> None:
    damage, state, reason = DAMAGES[name]
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes)
        damage(nodes[0])
        twonodes.start(nodes[:1])
        if state is None:
            assert nodes[0].process.wait(60) > 0
            said = nodes[0].last_lines(4)
            assert reason in said and "restore --from-peers" in said
            return
        twonodes.wait_until_linked(nodes[:1])
        told = waits(alfa, state)
        assert any(reason in each for each in told["reasons"]), told
        assert told["mend"]
        check_shut(alfa.declare(2.0))
        assert told["reasons"][0] in nodes[0].last_lines(60)


def test_a_deleted_write_ahead_log(tmp_path: Path) -> None:
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[:1])           # all of it is in the database by now
        start(nodes[0])
        fly(alfa, bravo, 1.0)
        kill(nodes[0])
        twonodes.stop(nodes[1:])
        for path in nodes[0].directory.glob("luftrom.sqlite3-*"):
            path.unlink()
        start(nodes[0])
        told = waits(alfa, "suspect")
        check_shut(alfa.declare(2.0))
        start(nodes[1])
        assert BRAVO in waits(alfa, "behind")["reasons"][0], told


def test_a_clone_that_runs_beside_it(tmp_path: Path) -> None:
    """One of two that run on one machine is kept out by the lock or by the marks of the other."""
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[:1])
        clone = tmp_path / "clone"
        shutil.copytree(nodes[0].directory, clone)
        start(nodes[0])
        fly(alfa, bravo, 1.0)
        with (nodes[0].directory / "config.toml").open() as file:
            text = file.read()
        port, = twonodes.free_ports(1)
        old = text.split("port = ")[1].split("\n")[0]
        (clone / "config.toml").write_text(text.replace(f"port = {old}", f"port = {port}"))
        other = PartyNode(ALFA, clone, f"http://127.0.0.1:{port}", "")
        start(other)
        try:
            twin = Client(other, twonodes.mint(other, "uss1", 3600))
            with twin.http:
                assert BRAVO in waits(twin, "behind")["reasons"][0]
                check_shut(twin.declare(3.0))
        finally:
            twonodes.stop([other])
        fly(alfa, bravo, 4.0)
        assert bravo.get("/v1/proofs")["proofs"] == []


@pytest.mark.parametrize("name", ["directory", "backup"])
def test_a_directory_that_is_lost_beneath_a_running_node(tmp_path: Path, name: str) -> None:
    """Removed, or a backup put in its place: nothing more is acknowledged, and the way back is
    told.
    """
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        directory, size = nodes[0].directory, alfa.get("/v1/status")["log"]["size"]
        if name == "backup":
            assert luftrom("backup", "--dir", directory, tmp_path / "copy")[0] == 0
            (tmp_path / "copy" / "luftrom.sqlite3").replace(directory / "luftrom.sqlite3")
        else:
            directory.rename(tmp_path / "lost")
        answer = alfa.declare(1.0)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
        assert "removed, moved or replaced" in answer.json()["detail"]
        assert "restore --from-peers" in answer.json()["detail"]
        assert alfa.get("/v1/status")["log"]["size"] == size
        if name == "directory":            # put back it is what it was
            (tmp_path / "lost").rename(directory)
            assert alfa.declare(1.0).status_code == 201
            wait_until_equal(alfa, bravo)


# -- the way back --------------------------------------------------------------------------------

def restored(node: PartyNode) -> dict[str, Any]:
    code, document = luftrom("restore", "--from-peers", "--dir", node.directory)
    assert code == 0, document
    return document


def types_of(node: PartyNode, first: int) -> list[str]:
    """The types of the own statements from a leaf on, with the node stopped."""
    with sqlite3.connect(node.directory / "luftrom.sqlite3") as database:
        rows = database.execute("SELECT leaf FROM leaf WHERE party = ? AND idx >= ? ORDER BY idx",
                                (node.party, first)).fetchall()
    database.close()
    return [parse_statement(leaf).type for leaf, in rows]


RESTORED: dict[str, Callable[[PartyNode], None]] = {
    name: damage for name, (damage, _, _) in DAMAGES.items()
    if name in ("the database is deleted", "the database is truncated",
                "an own leaf in the middle is gone", "own disclosures are gone",
                "disclosures of a mirror are gone", "the own checkpoint is gone",
                "a leaf of a mirror is gone")}


@pytest.mark.parametrize("name", RESTORED)
def test_the_way_back(tmp_path: Path, name: str) -> None:
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        fly(alfa, bravo, 1.0)
        before = alfa.get("/v1/status")
        twonodes.stop(nodes[:1])
        RESTORED[name](nodes[0])
        document = restored(nodes[0])
        size = before["log"]["size"]
        assert (document["size"], document["lost"]) == (size, [])
        start(nodes[0])
        waits(alfa, "open")
        wait_until_equal(alfa, bravo)
        assert alfa.get("/v1/status")["airspace"]["operational_intents"] == before["airspace"][
            "operational_intents"]
        assert alfa.declare(0.5).status_code == 409   # over a flight of bravo's
        assert alfa.declare(3.0).status_code == 201
        digest = wait_until_equal(alfa, bravo)
        assert bravo.get("/v1/proofs")["proofs"] == []
        twonodes.stop(nodes)
        assert types_of(nodes[0], size)[0] == "restored"
        check_on_disk(nodes, digest)


def test_content_that_nobody_has_is_named_and_void(tmp_path: Path) -> None:
    """A notification is closed to everybody else: with the disk its content is gone."""
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        index = alfa.get("/v1/status")["log"]["size"]
        token = twonodes._luftrom("token", "--dir", nodes[0].directory, "--manager", "uss2",
                                  "--scope", "utm.strategic_coordination")["token"]
        told = httpx.post(
            f"{nodes[0].base_url}/uss/v1/operational_intents", trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
            json={"operational_intent_id": "2f8343be-6482-4d1b-a474-16847e01af1e",
                  "subscriptions": [{"subscription_id": "3f8343be-6482-4d1b-a474-16847e01af1e",
                                     "notification_index": 1}]})
        assert told.status_code == 204, told.text
        wait_until_equal(alfa, bravo)
        twonodes.stop(nodes[:1])
        for path in nodes[0].directory.glob("luftrom.sqlite3*"):
            path.unlink()
        assert restored(nodes[0])["lost"] == [index]
        start(nodes[0])
        waits(alfa, "open")
        assert alfa.declare(3.0).status_code == 201
        digest = wait_until_equal(alfa, bravo)
        twonodes.stop(nodes)
        assert types_of(nodes[0], index + 1)[:2] == ["restored", "lost"]
        check_on_disk(nodes, digest)
        start(*nodes)                      # it is known to be lost: no fault any more
        waits(alfa, "open")


def test_a_backup_of_a_running_node(tmp_path: Path) -> None:
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        code, _ = luftrom("backup", "--dir", nodes[0].directory, tmp_path / "copy")
        assert code == 0
        copied = {path.name: path.stat().st_mode & 0o777
                  for path in (tmp_path / "copy").iterdir()}
        assert copied["keys"] == 0o700 and copied["luftrom.sqlite3"] == 0o600
        assert "luftrom.copy" in copied and "luftrom.mark" not in copied
        assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700
        assert luftrom("audit", tmp_path / "copy")[1]["verified"]
        fly(alfa, bravo, 1.0)
        twonodes.stop(nodes)
        replace(nodes[0], tmp_path / "copy")
        start(nodes[0])
        assert "is a copy of" in waits(alfa, "suspect")["reasons"][0]
        start(nodes[1])
        waits(alfa, "behind")
        twonodes.stop(nodes[:1])
        assert restored(nodes[0])["source"] == BRAVO
        start(nodes[0])
        waits(alfa, "open")
        fly(alfa, bravo, 2.0)


def test_an_operator_goes_on(tmp_path: Path) -> None:
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        size = alfa.get("/v1/status")["log"]["size"]
        twonodes.stop(nodes)
        shutil.copytree(nodes[0].directory, tmp_path / "copy")
        replace(nodes[0], tmp_path / "copy")
        start(nodes[0])
        waits(alfa, "suspect")
        twonodes.stop(nodes[:1])
        said = subprocess.run(
            [sys.executable, "-m", "luftrom", "channel", "go-on", "--dir",
             str(nodes[0].directory), "--reason", "moved to another disk"],
            capture_output=True, text=True, check=True)
        assert "goes on" in said.stdout
        start(nodes[0])
        waits(alfa, "open")
        assert alfa.declare(3.0).status_code == 201
        start(nodes[1])
        wait_until_equal(alfa, bravo)
        twonodes.stop(nodes[:1])
        assert types_of(nodes[0], size)[0] == "restored"


def test_the_drill_of_the_documentation(tmp_path: Path) -> None:
    """The commands of docs/recovery.md as they stand there; its comments start and stop nodes."""
    page = (Path(__file__).parents[2] / "docs" / "recovery.md").read_text(encoding="utf-8")
    lines = [line for block in page.split("```sh\n")[1:]
             for line in block.split("```")[0].splitlines()]
    assert len(lines) == 9
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        twonodes.stop(nodes[:1])
        nodes[0].directory = nodes[0].directory.rename(tmp_path / "alfa")
        start(nodes[0])
        fly(alfa, bravo)
        for line in lines:
            if line.startswith("#"):
                {"# stop alfa": twonodes.stop, "# start alfa": lambda n: start(*n)}[line](nodes[:1])
                continue
            command = line.split()
            if command[0] == "luftrom":
                command[:1] = [sys.executable, "-m", "luftrom"]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
            if "backup" in line and "mv" not in line and "cp" not in line:
                fly(alfa, bravo, 1.0)
        fly(alfa, bravo, 2.0)
        assert bravo.get("/v1/proofs")["proofs"] == []


class Forger(http.server.BaseHTTPRequestHandler):
    """Whoever answers in a peer's place: an unsigned refusal with a huge counter."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = b'{"code": "replayed", "counter": %d}' % (2**62 - 1)
        self.send_response(409)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        if self.path == "/exchange":
            self.server.told.set()

    def log_message(self, *arguments: object) -> None:
        pass


def test_a_forged_refusal_persists_nowhere(tmp_path: Path) -> None:
    """`forged_counter.py` of the red team."""
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[1:])
        port = int(nodes[1].base_url.rpartition(":")[2])
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), Forger) as forger:
            forger.told = threading.Event()
            thread = threading.Thread(target=forger.serve_forever)
            thread.start()
            assert forger.told.wait(60)
            forger.shutdown()
            thread.join()
        start(nodes[1])
        fly(alfa, bravo, 1.0)
        for node in nodes:                 # after a restart of either, and of both
            twonodes.stop([node])
            start(node)
            wait_until_equal(alfa, bravo)
        fly(alfa, bravo, 2.0)
        with sqlite3.connect(nodes[1].directory / "luftrom.sqlite3") as database:
            counter, = database.execute("SELECT value FROM counter WHERE name = ?",
                                        (f"exchange {ALFA}",)).fetchone()
        database.close()
        assert counter < 2**61


# -- a log that was continued twice --------------------------------------------------------------

def _fork(tmp_path: Path, nodes: list[PartyNode], alfa: Client, bravo: Client) -> None:
    """alfa goes on from an old copy while bravo is away, and bravo is shown its checkpoint."""
    fly(alfa, bravo)
    twonodes.stop(nodes[:1])
    shutil.copytree(nodes[0].directory, tmp_path / "copy")
    start(nodes[0])
    fly(alfa, bravo, 1.0)
    fly(alfa, bravo, 1.2)
    twonodes.stop(nodes)
    replace(nodes[0], tmp_path / "copy")
    code, _ = luftrom("channel", "go-on", "--dir", nodes[0].directory, "--reason", "a new disk")
    assert code == 0
    start(nodes[0])
    waits(alfa, "open")
    assert alfa.declare(2.0).status_code == 201
    twonodes.stop(nodes[:1])
    with (contextlib.closing(SqliteStore(nodes[0].directory / "luftrom.sqlite3")) as forked,
          contextlib.closing(SqliteStore(nodes[1].directory / "luftrom.sqlite3")) as held):
        size, note = forked.checkpoint(ALFA) or (0, b"")
        larger, other = held.checkpoint(ALFA) or (0, b"")
        tree = Tree()
        tree.extend([leaf_hash(leaf) for leaf in held.leaves(ALFA, 0, larger)])
        evidence = TwoCheckpoints(ALFA, (other, note), root=tree.root(size),
                                  proof=tuple(tree.consistency_proof(size, larger)))
        document = make_equivocation(evidence, "equivocation", "two histories")
        held.commit(Writes(proofs=[(ALFA, kind_of(TwoCheckpoints), document)]))
    start(*nodes)
    waits(alfa, "forked")
    check_shut(alfa.declare(3.0))
    assert bravo.get("/v1/status")["channels"][0]["state"] == "broken"


def _in_place(tmp_path: Path, nodes: list[PartyNode]) -> None:
    """The directories where the documentation has them."""
    for node, name in zip(nodes, ("alfa", "bravo"), strict=True):
        twonodes.stop([node])
        node.directory = node.directory.rename(tmp_path / name)
        start(node)


def _go_on_with_a_new_log(tmp_path: Path, nodes: list[PartyNode], alfa: Client, bravo: Client,
                          is_broken: bool) -> None:
    """The commands of docs/recovery.md as they stand there."""
    page = (Path(__file__).parents[2] / "docs" / "recovery.md").read_text(encoding="utf-8")
    lines = [line for block in page.split("```sh new-log\n")[1:]
             for line in block.split("```")[0].splitlines()]
    assert len(lines) == 15
    (tmp_path / "terms.json").write_text(json.dumps(
        {name: value for name, value in _terms(nodes[0]).items()
         if name not in ("format", "parties")} | {"version": 2}))
    by_name = {"alfa": nodes[:1], "bravo": nodes[1:]}
    for line in lines:
        if line.startswith("# "):
            _, what, name = line.split()
            {"stop": twonodes.stop, "start": lambda some: start(*some)}[what](by_name[name])
            if line == "# start alfa":
                waits(alfa, "open")
                wait_until_equal(alfa, bravo)
            continue
        code, said = luftrom(*line.split()[1:])
        shows = is_broken and line == "luftrom channel --dir bravo"
        assert code == (1 if shows else 0), (line, said)


def test_the_drill_of_a_new_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the mistake that makes it needed."""
    monkeypatch.chdir(tmp_path)
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        _in_place(tmp_path, nodes)
        _fork(tmp_path, nodes, alfa, bravo)
        proofs = bravo.get("/v1/proofs")["proofs"]
        _go_on_with_a_new_log(tmp_path, nodes, alfa, bravo, is_broken=True)
        assert alfa.declare(0.5).status_code == 409   # over a flight of bravo's from before
        assert bravo.declare(1.0).status_code == 409  # over one of alfa's that bravo had
        assert bravo.declare(2.0).status_code == 201  # nobody but alfa knew of the one there
        assert alfa.declare(4.0).status_code == 201
        digest = wait_until_equal(alfa, bravo)
        assert bravo.get("/v1/proofs")["proofs"] == proofs
        assert bravo.get("/v1/status")["channels"][0]["state"] == "fresh"
        with httpx.Client(trust_env=False) as stranger:
            origin = f"{ALFA}/log/2"
            prefix = hashlib.sha256(origin.encode()).hexdigest()
            for node, path in zip(nodes, ("log", f"mirror/{prefix}"), strict=True):
                note = stranger.get(f"{node.base_url}/{path}/checkpoint").text
                assert note.startswith(f"{origin}\n"), note
        twonodes.stop(nodes)
        check_on_disk(nodes, digest)
        start(*nodes)                      # and an ordinary start later
        waits(alfa, "open")
        fly(alfa, bravo, 5.0)


def test_a_clock_that_was_a_year_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What alfa signed meanwhile stops the channel by name, and nothing else; a new log leaves it
    behind."""
    year_s = 365 * 24 * 3600
    monkeypatch.chdir(tmp_path)
    with two_nodes(tmp_path, "proceed", after_s=0.3) as (nodes, (alfa, bravo)):
        _in_place(tmp_path, nodes)
        answer = alfa.declare(0.0)
        assert answer.status_code == 201
        wait_until_equal(alfa, bravo)
        twonodes.stop(nodes[:1])
        serve(nodes[0], year_s)
        twonodes.wait_until_linked(nodes[:1])
        scopes = ("luftrom.read", "luftrom.write")
        later = mint_token(load_settings(nodes[0].directory), "uss1", scopes, 4 * 3600,
                           time.time_ns() + (year_s - 7200) * 10**9)
        ahead = Client(nodes[0], later)
        with ahead.http:
            gone = ahead.http.delete(f"/v1/operational_intents/{answer.json()['id']}",
                                     headers={"If-Match": "*"})
            assert gone.status_code == 200, gone.text
        twonodes.stop(nodes[:1])
        start(nodes[0])                    # the clock is right again, the log is not
        wait_for(lambda: "ahead of the clock" in (
            bravo.get("/v1/status")["channels"][0]["last_error"] or ""), "nothing is named")
        assert bravo.declare(0.5).status_code == 201  # its own log goes on
        _go_on_with_a_new_log(tmp_path, nodes, alfa, bravo, is_broken=False)
        assert alfa.get("/v1/status")["airspace"]["operational_intents"] == 2
        assert bravo.declare(0.0).status_code == 409  # over what alfa had not ended, as it shows
        fly(alfa, bravo, 3.0)
        assert bravo.get("/v1/proofs")["proofs"] == []


def _terms(node: PartyNode) -> dict[str, Any]:
    envelope = json.loads((node.directory / "agreement.json").read_bytes())
    terms: dict[str, Any] = json.loads(parse_base64url(envelope["payload"]))
    return terms
