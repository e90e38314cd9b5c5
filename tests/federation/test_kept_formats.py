"""What earlier versions left on disks and on wires is still read: the folders vectors/formats-*.

A kept folder never changes. Each test works on a copy, through the doors that an operator or a
peer has: commands, HTTP, and the parsers of what travels.
"""

from __future__ import annotations

import base64
import functools
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from processes import Client, luftrom

from luftrom.agreement.terms import Agreement
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.config.agreements import load_agreement, load_agreement_file, verify_agreement
from luftrom.config.keycard import load_key_card
from luftrom.config.keys import ROLES, load_key, load_keys, load_public_party
from luftrom.config.settings import load_settings
from luftrom.exchange.message import encode_message, parse_message
from luftrom.exchange.signature import read_sender, verify_body, verify_header
from luftrom.exchange.verification import prove_leaves
from luftrom.store.sqlite import SqliteStore
from luftrom.transparency.checkpoint import verify_checkpoint
from luftrom.transparency.note import parse_vkey
from ports import free_ports

PLACES = sorted((Path(__file__).parents[1] / "vectors").glob("formats-*"))
NAMES = ("alfa.example", "bravo.example")
# Under luftrom-agreement/1, which is refused by name since the terms have bounds.
REFUSED = [place for place in PLACES if place.name == "formats-1"]
READ = [place for place in PLACES if place not in REFUSED]
EACH = [pytest.param(place, name, id=f"{place.name}-{name}") for place in READ for name in NAMES]


def expected(place: Path, name: str) -> dict[str, Any]:
    """What the version that wrote the folder said of this party."""
    return json.loads((place / "expected.json").read_text(encoding="utf-8"))["parties"][name]


def copied(place: Path, name: str, tmp_path: Path) -> Path:
    """A copy of a party's directory whose keys only we can read, which no repository keeps."""
    directory = Path(shutil.copytree(place / name, tmp_path / name))
    for key in (directory / "keys").iterdir():
        key.chmod(0o600)
    return directory


def test_there_are_kept_formats() -> None:
    assert "formats-1" in [place.name for place in PLACES]


@pytest.mark.parametrize("place", REFUSED, ids=lambda place: place.name)
@pytest.mark.parametrize("name", NAMES)
def test_an_agreement_without_bounds_is_refused_with_what_to_do(place: Path, name: str,
                                                               tmp_path: Path) -> None:
    directory = copied(place, name, tmp_path)
    for command in ("serve", "rebuild"):
        ran = subprocess.run([sys.executable, "-m", "luftrom", command, "--dir", str(directory)],
                             capture_output=True, check=False, text=True, timeout=300)
        assert ran.returncode == 2
        assert "luftrom-agreement/1" in ran.stderr and "luftrom agreement new" in ran.stderr


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_kept_directory_is_opened(place: Path, name: str, tmp_path: Path) -> None:
    settings = load_settings(copied(place, name, tmp_path))
    assert settings.party == name
    keys = load_keys(settings)
    assert len(keys.log) == len(keys.mirror) == 2
    assert all(load_key(settings, role) for role in ROLES)
    assert load_key_card(settings.key_card_path).party == load_public_party(settings)
    agreement = load_agreement(settings)
    assert [party.name for party in agreement.parties] == list(NAMES)
    earlier = verify_agreement(load_agreement_file(settings.directory / "agreement-1.json"))
    assert (earlier.version, agreement.version) == (1, 2)
    with closing(SqliteStore(settings.store_path, read_only=True)) as store:
        assert store.parties() == list(NAMES)
        assert store.size(name) == expected(place, name)["audit"]["size"]


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_kept_directory_is_audited(place: Path, name: str, tmp_path: Path) -> None:
    code, report = luftrom("audit", copied(place, name, tmp_path))
    assert code == 0, report
    before = expected(place, name)["audit"]
    for key in ("party", "size", "root", "statements", "receipts_held", "verified"):
        assert report[key] == before[key], key
    # A later version may look at more; what was looked at then is looked at still.
    for now, then in zip([report["log"], *report["mirrors"]], [before["log"], *before["mirrors"]],
                         strict=True):
        assert (now["party"], now["size"], now["root"]) == (
            then["party"], then["size"], then["root"])
        assert {step["name"] for step in then["steps"]} <= {step["name"] for step in now["steps"]}


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_kept_directory_is_rebuilt_to_the_same_airspace(place: Path, name: str, tmp_path: Path
                                                          ) -> None:
    code, rebuilt = luftrom("rebuild", "--dir", copied(place, name, tmp_path))
    before = expected(place, name)["rebuilt"]
    assert code == 0 and rebuilt["same"], rebuilt
    for key in ("applied", "digest", "rows_after", "rows_digest_after"):
        assert rebuilt[key] == before[key], key


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_node_starts_where_it_was_stopped(place: Path, name: str, tmp_path: Path) -> None:
    directory = copied(place, name, tmp_path)
    port, = free_ports(1)
    path = directory / "config.toml"
    path.write_text(re.sub(r"(?m)^port = \d+$", f"port = {port}", path.read_text()))
    node = PartyNode(name, directory, f"http://127.0.0.1:{port}", "")
    client = Client(node, twonodes.mint(node, "uss1", 3600))
    before = expected(place, name)
    try:
        twonodes.start([node])
        twonodes.wait_until_linked([node])
        assert client.get("/v1/status")["airspace"]["digest"] == before["rebuilt"]["digest"]
        for kind in ("operational_intents", "constraints"):
            then = {each["id"]: each for each in before["listed"][kind][kind]}
            now = {each["id"]: each for each in client.get(f"/v1/{kind}")[kind]}
            assert then and then.keys() == now.keys()
            for key, each in then.items():     # a later version may say more of each
                del each["revision"]           # counts what one process saw change
                assert now[key] | each == now[key]
    finally:
        client.http.close()
        twonodes.stop([node])


# -- the log as served ---------------------------------------------------------------------------

class Files(SimpleHTTPRequestHandler):
    """A web server of files that says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Any web server can serve a log; returns its URL."""
    handler = functools.partial(Files, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_kept_log_is_audited_as_served(place: Path, name: str) -> None:
    before = expected(place, name)["audit"]
    mirror, = (place / "served" / name / "mirror").iterdir()
    with web_server(place / "served" / name) as url:
        for path, then in (("log", before["log"]),
                           (f"mirror/{mirror.name}", before["mirrors"][0])):
            _, report = luftrom("audit", f"{url}/{path}", "--agreement",
                                place / name / "agreement.json")
            assert (report["size"], report["root"]) == (then["size"], then["root"])
            steps = {step["name"]: step["verdict"] for step in report["log"]["steps"]}
            # The log began under version 1 of the agreement, and this auditor knows the second.
            assert steps.pop("seen") in ("ok", "failed")
            assert set(steps.values()) == {"ok"} and {"statements", "tree", "tiles"} <= set(steps)


# -- messages ------------------------------------------------------------------------------------

def check_message(body: bytes, header: str, recipient: str, agreement: Agreement) -> int:
    """A message is its sender's, says nothing that does not verify, and encodes to the same bytes.

    Returns how many leaves it carries.
    """
    sender = agreement.party(read_sender(header))
    verify_body(body, verify_header(header, sender.name, recipient, sender.keys.channel))
    message = parse_message(body)
    assert encode_message(message) == body
    assert (message.sender, message.recipient) == (sender.name, recipient)
    verify_checkpoint(message.checkpoint, [parse_vkey(key) for key in sender.keys.log],
                      sender.log_origin)
    proven = prove_leaves(message, 0, sender.keys.statements)
    assert len(proven) == len(message.leaves)
    return len(proven)


@pytest.mark.parametrize("place", READ, ids=lambda place: place.name)
def test_kept_messages_are_parsed_and_verified(place: Path) -> None:
    agreement = load_agreement(load_settings(place / NAMES[0]))
    kept = json.loads((place / "exchange.json").read_text(encoding="utf-8"))
    leaves = 0
    for each in kept:
        peer, = (name for name in NAMES if name != each["to"])
        assert each["status"] == 200
        leaves += check_message(base64.b64decode(each["body"]), each["signature"], each["to"],
                                agreement)
        leaves += check_message(base64.b64decode(each["answer"]), each["answer_signature"], peer,
                                agreement)
    assert leaves >= sum(expected(place, name)["audit"]["size"] for name in NAMES)
