"""cli.audit: directories, logs over HTTP and kept proofs; what fails is named, with status 1."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from holdings import ALFA, BRAVO, Pair, play
from luftrom.cli.main import NO, USAGE, run
from luftrom.config.agreements import (
    install_agreement,
    new_agreement,
    sign_agreement,
    verify_agreement,
)
from luftrom.config.keycard import load_key_card
from luftrom.config.keys import load_keys
from luftrom.config.settings import load_settings
from luftrom.logs.held import HeldLog
from luftrom.store.sqlite import SqliteStore
from luftrom.transparency.merkle import parse_tile_path
from ran import Luftrom, Ran, in_process

TERMS = {"name": "Test skies", "altitude_m_w84_lower": -500, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 100, "vertical_m": 50, "time_s": 0},
         "priority_levels": [{"priority": 0, "conflicts_permitted": False}],
         "undeclared_priority_permits": False, "silence": {"mode": "proceed", "after_s": 5}}


@pytest.fixture
def luftrom(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Luftrom:
    for name in ("LUFTROM_DIR", "LUFTROM_URL", "LUFTROM_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    return in_process(capsys)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two directories as `luftrom init` makes them, with the logs of two honest parties."""
    place = tmp_path_factory.mktemp("audit")
    for n, name in enumerate((ALFA, BRAVO)):
        assert run(["init", "--dir", str(place / name), "--party", name, "--base-url",
                    f"http://127.0.0.1:{8601 + n}"]) == 0
    settings = [load_settings(place / name) for name in (ALFA, BRAVO)]
    envelope = new_agreement([load_key_card(s.key_card_path) for s in settings], TERMS)
    for each in settings:
        envelope = sign_agreement(envelope, each)
    for each in settings:
        install_agreement(envelope, each)
    stores = {s.party: SqliteStore(s.store_path) for s in settings}
    pair = Pair(stores=stores.__getitem__, keys={s.party: load_keys(s) for s in settings},
                agreement=verify_agreement(envelope))
    play(pair)
    for store in stores.values():
        store.close()
    return place


@pytest.fixture
def alfa(place: Path, tmp_path: Path) -> Path:
    """A copy of alfa's directory that a test may spoil."""
    return Path(shutil.copytree(place / ALFA, tmp_path / ALFA))


def change(directory: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(directory / "luftrom.sqlite3") as database:
        database.execute(statement, values)
    database.close()


# -- a directory ---------------------------------------------------------------------------------

def test_a_directory_that_is_whole(place: Path, luftrom: Luftrom) -> None:
    ran = luftrom("audit", place / ALFA, "--json")
    assert ran.code == 0, ran.out
    report = ran.json
    assert (report["party"], report["verified"], report["verdict"]) == (ALFA, True, "verified")
    assert report["statements"] == report["size"] == report["log"]["size"] > 5
    assert report["receipts_held"] > 2 and len(report["root"]) == 64
    assert [mirror["party"] for mirror in report["mirrors"]] == [BRAVO]
    assert {step["verdict"] for step in report["log"]["steps"]} == {"ok"}
    shown = luftrom("audit", place / ALFA)
    assert shown.code == 0 and f"{ALFA}: verified" in shown.out
    assert all(len(line) <= 80 for line in shown.out.splitlines())


def test_beside_a_node_that_writes(place: Path, alfa: Path, luftrom: Luftrom) -> None:
    """A reader's transaction sees one moment, whatever is committed meanwhile."""
    store = SqliteStore(alfa / "luftrom.sqlite3", read_only=True)
    size = store.size(ALFA)
    change(alfa, "INSERT INTO leaf VALUES (?, ?, ?)", ALFA, size, b"late")
    assert store.size(ALFA) == size and len(store.leaves(ALFA, 0, 99)) == size
    store.close()
    assert "leaves" in failed(luftrom("audit", alfa, "--json"))[ALFA]


def failed(ran: Ran) -> dict[str, dict[str, Any]]:
    """Party to the steps that failed; `''` for those of the whole."""
    assert ran.code == NO, ran.out
    report = ran.json
    assert report["verified"] is False and report["verdict"] != "verified"
    found = {log["party"]: {step["name"]: step for step in log["steps"]
                            if step["verdict"] == "failed"}
             for log in (report["log"], *report["mirrors"])}
    found[""] = {s["name"]: s for s in report["steps"] if s["verdict"] == "failed"}
    return found


@pytest.mark.parametrize("statement, party, step, leaf", [
    ("UPDATE leaf SET leaf = x'00' WHERE party = 'alfa.example' AND idx = 3", ALFA,
     "statements", 3),
    ("UPDATE leaf SET leaf = replace(leaf, '.', ',') WHERE party = 'bravo.example' AND idx = 1",
     BRAVO, "leaves", 1),
    ("DELETE FROM leaf WHERE party = 'alfa.example' AND idx = 4", ALFA, "statements", 4),
    ("UPDATE leaf SET idx = 1152921504606846975 WHERE party = 'alfa.example' AND idx = 7", ALFA,
     "leaves", None),
    ("UPDATE leaf SET party = 'x.example' WHERE party = 'bravo.example' AND idx = 0", "",
     "strangers", None),
    ("UPDATE checkpoint SET note = 'text' WHERE party = 'alfa.example'", ALFA, "checkpoint", None),
    ("UPDATE checkpoint SET size = size + 1 WHERE party = 'bravo.example'", BRAVO, "checkpoint",
     None),
    ("DELETE FROM checkpoint WHERE party = 'alfa.example'", ALFA, "checkpoint", None),
    ("UPDATE receipt SET note = substr(note, 2)", ALFA, "receipts", None),
    ("DELETE FROM receipt", ALFA, "rulings", 4),
    ("UPDATE given SET size = 1", BRAVO, "receipt given", None),
    ("DELETE FROM disclosure WHERE party = 'alfa.example' AND idx = 2 AND n = 0", ALFA,
     "disclosures", 2),
    ("INSERT INTO proof (party, kind, body) VALUES ('bravo.example', 'seen', x'7b7d')", "",
     "proofs", None)])
def test_what_was_changed_is_named(alfa: Path, luftrom: Luftrom, statement: str, party: str,
                                   step: str, leaf: int | None) -> None:
    change(alfa, statement)
    found = failed(luftrom("audit", alfa, "--json"))
    assert step in found[party], found
    if leaf is not None and step != "rulings":
        assert found[party][step]["leaf"] == leaf
    shown = luftrom("audit", alfa)
    assert shown.code == NO and "failed" in shown.out
    assert shown.out.rstrip().splitlines()[-1] != f"{ALFA}: verified"


def test_a_flipped_bit_of_the_file_is_never_verified_silently(alfa: Path, luftrom: Luftrom) -> None:
    """In a leaf, in a note, anywhere: it is named, or it changed no row that an audit reads."""
    path = alfa / "luftrom.sqlite3"
    whole = path.read_bytes()
    held = rows_of(path)
    leaf = whole.index(b"eyJhbGciOiJFZDI1NTE5")
    note = whole.index("\n\n— alfa.example/log".encode())
    places = [leaf + 90, leaf + 200, note + 60, note - 20, *range(7, len(whole), 1999)]
    unseen = 0
    for n, at in enumerate(places):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
        ran = luftrom("audit", alfa, "--json")
        assert ran.code in (NO, USAGE) or (n >= 4 and rows_of(path) == held), f"byte {at}"
        assert ran.out or ran.err.startswith("luftrom: ")
        unseen += ran.code == 0
    assert unseen < len(places)


def rows_of(path: Path) -> list[Any]:
    store = SqliteStore(path, read_only=True)
    held = [[store.leaves(p, 0, 99), store.checkpoint(p), store.checkpoint(f"{p} pending"),
             store.given(p), {i: sorted(d) for i, d in store.disclosures(p, 0, 99).items()}]
            for p in (ALFA, BRAVO)]
    held.append(list(store.receipts()))
    store.close()
    return held


@pytest.mark.parametrize("data", [b"", b"not a database" * 400, b"SQLite format 3\0" + bytes(4080)])
def test_a_file_that_is_no_database(alfa: Path, luftrom: Luftrom, data: bytes) -> None:
    (alfa / "luftrom.sqlite3").write_bytes(data)
    ran = luftrom("audit", alfa)
    assert ran.code in (NO, USAGE) and ran.out == "" and "luftrom.sqlite3" in ran.err


def test_a_changed_agreement_verifies_nothing(alfa: Path, luftrom: Luftrom) -> None:
    path = alfa / "agreement.json"
    document = json.loads(path.read_text())
    document["signatures"].pop()
    path.write_text(json.dumps(document))
    ran = luftrom("audit", alfa)
    assert ran.code == NO and f"not signed by {BRAVO}" in ran.err


def test_what_is_not_there(tmp_path: Path, luftrom: Luftrom) -> None:
    assert luftrom("audit", tmp_path / "nowhere").code == USAGE
    assert luftrom("audit", tmp_path).code != 0
    assert luftrom("audit", "http://127.0.0.1:9").code == USAGE      # whose keys?
    ran = luftrom("audit", "http://127.0.0.1:9", "--key", "alfa.example/log+00000000+AAAA")
    assert ran.code == USAGE


# -- over HTTP -----------------------------------------------------------------------------------

class Tiles(ThreadingHTTPServer):
    """A party's log and its mirror of the other, as tlog-tiles; `spoil` changes an answer."""

    def __init__(self, directory: Path, party: str, peer: str):
        super().__init__(("127.0.0.1", 0), _Handler)
        store = SqliteStore(directory / "luftrom.sqlite3", read_only=True)
        self.store = store
        prefix = hashlib.sha256(f"{peer}/log".encode()).hexdigest()
        self.logs = {"/log/": HeldLog(store, party, f"{party}/log"),
                     f"/mirror/{prefix}/": HeldLog(store, peer, f"{peer}/log")}
        self.spoil: Callable[[str, bytes], bytes] = lambda path, data: data
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.mirror_url = f"{self.url}/mirror/{prefix}"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        pass                               # a client that has seen enough hangs up

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.store.close()


class _Handler(BaseHTTPRequestHandler):
    server: Tiles

    def do_GET(self) -> None:
        log, path = next((log, self.path[len(prefix):]) for prefix, log in self.server.logs.items()
                         if self.path.startswith(prefix))
        if path == "checkpoint":
            data = log.checkpoint()
        else:
            level, index, width = parse_tile_path(path)
            data = (log.entry_bundle(index, width) if level == "entries"
                    else log.tile(level, index, width))
        data = self.server.spoil(path, data)
        self.send_response(200 if data else 404)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(place: Path) -> Iterator[Tiles]:
    server = Tiles(place / ALFA, ALFA, BRAVO)
    yield server
    server.close()


def test_a_log_over_http(place: Path, served: Tiles, luftrom: Luftrom) -> None:
    agreement = place / ALFA / "agreement.json"
    here = luftrom("audit", place / ALFA, "--json").json
    there = luftrom("audit", served.url, "--agreement", agreement, "--json")
    assert there.code == 0 and there.json["verified"]
    assert (there.json["party"], there.json["root"]) == (ALFA, here["root"])
    assert {step["name"] for step in there.json["log"]["steps"]} >= {"tiles", "seen"}
    mirror = luftrom("audit", served.mirror_url, "--agreement", agreement, "--json").json
    assert (mirror["party"], mirror["root"]) == (BRAVO, here["mirrors"][0]["root"])
    assert luftrom("audit", served.url + "/log/", "--agreement", agreement).code == 0


def test_a_log_over_http_with_keys_alone(place: Path, served: Tiles, luftrom: Luftrom) -> None:
    keys = {name: load_key_card(place / name / "keycard.json").party.keys for name in (ALFA, BRAVO)}
    both = [part for vkey in keys[ALFA].log for part in ("--key", vkey)]
    ran = luftrom("audit", served.url, *both, "--json")
    assert ran.code == 0
    steps = {step["name"]: step["verdict"] for step in ran.json["log"]["steps"]}
    assert (steps["checkpoint"], steps["statements"]) == ("ok", "skipped")
    wrong = luftrom("audit", served.url, "--key", keys[BRAVO].log[0])
    assert wrong.code == NO and "alfa.example/log" in wrong.out
    more = luftrom("audit", served.url, *both, "--key", keys[BRAVO].log[0])
    assert more.code == NO


@pytest.mark.parametrize("path, step", [
    ("checkpoint", "checkpoint"), ("tile/entries/", "leaves"), ("tile/0/", "tiles"),
    ("leaf", "statements")])
def test_a_server_that_lies(place: Path, served: Tiles, luftrom: Luftrom, path: str, step: str
                            ) -> None:
    def spoil(asked: str, data: bytes) -> bytes:
        if path == "leaf" and asked.startswith("tile/entries/"):
            at = data.index(b".", 900)
            return data[:at - 3] + bytes([data[at - 3] ^ 1]) + data[at - 2:]
        if not asked.startswith(path):
            return data
        if path == "checkpoint":
            return re.sub(rb"\n(\d+)\n", lambda size: b"\n%d\n" % (int(size[1]) - 1), data, count=1)
        return data[:-1] + bytes([data[-1] ^ 1]) if path == "tile/0/" else data[:-1]

    served.spoil = spoil
    ran = luftrom("audit", served.url, "--agreement", place / ALFA / "agreement.json", "--json")
    assert step in failed(ran)[ALFA]


def test_a_server_without_end_or_content(place: Path, served: Tiles, luftrom: Luftrom) -> None:
    agreement = place / ALFA / "agreement.json"
    served.spoil = lambda path, data: bytes(100_000) if path == "checkpoint" else data
    ran = luftrom("audit", served.url, "--agreement", agreement)
    assert ran.code != 0 and "larger than" in ran.err
    served.spoil = lambda path, data: b"" if path == "checkpoint" else data
    ran = luftrom("audit", served.url, "--agreement", agreement)
    assert ran.code == NO and "there is no" in ran.err
    served.spoil = lambda path, data: b"hello" if path == "checkpoint" else data
    assert luftrom("audit", served.url, "--agreement", agreement).code == USAGE
    served.spoil = lambda path, data: bytes(10**7) if path.startswith("tile/0") else data
    ran = luftrom("audit", served.url, "--agreement", agreement, "--json")
    assert "tiles" in failed(ran)[ALFA]


# -- proofs --------------------------------------------------------------------------------------

def test_a_kept_proof_is_written_out_and_verified(place: Path, alfa: Path, tmp_path: Path,
                                                  luftrom: Luftrom) -> None:
    from leaves import LeafSigner
    from luftrom.audit.equivocation import make_equivocation
    from luftrom.errors import TwoStatements

    settings = load_settings(place / BRAVO)
    signer = LeafSigner(BRAVO, load_keys(settings).statements)
    leaves = [signer.sign({"type": "agreement", "index": 5, "iat": iat}, ()) for iat in (1, 2)]
    proof = make_equivocation(TwoStatements(BRAVO, tuple(leaves)), "equivocation", "x")
    change(alfa, "INSERT INTO proof (party, kind, body) VALUES (?, ?, ?)", BRAVO, "statements",
           proof)
    ran = luftrom("audit", alfa, "--proofs", tmp_path / "proofs")
    assert ran.code == 0 and "Proven: bravo.example signed two different statements" in ran.out
    kept, = (tmp_path / "proofs").iterdir()
    agreement = place / BRAVO / "agreement.json"
    shown = luftrom("audit", kept, "--agreement", agreement)
    assert shown.code == 0 and shown.out.startswith("Proven: bravo.example")
    assert luftrom("audit", kept, "--agreement", agreement, "--json").json["kind"] == "statements"
    assert luftrom("audit", kept).code == USAGE
    kept.write_bytes(proof.replace(b'"bravo.example"', b'"alfa.example"', 1))
    assert luftrom("audit", kept, "--agreement", agreement).code == NO
    kept.write_bytes(b"{}")
    assert luftrom("audit", kept, "--agreement", agreement).code == USAGE
