"""What versions left on disks and wires is read, or refused clearly: the folders vectors/formats-*.

`formats-1` is of the version before sealed declarations, which is refused with what to do. A kept
folder never changes. Each test works on a copy, through the doors that an operator or a
peer has: commands, HTTP, and the parsers of what travels.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
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
from luftrom.errors import BadInput, NotAuthenticated
from luftrom.exchange.message import Message, encode_message, parse_message
from luftrom.exchange.verification import prove_leaves
from luftrom.logs.head import Head, check_body, read_sender, verify_head
from luftrom.statements.leaf import parse_statement, verify_statement
from luftrom.statements.opening import match_disclosures, open_or_void
from luftrom.store.sqlite import SqliteStore
from luftrom.transparency.checkpoint import verify_checkpoint
from luftrom.transparency.note import parse_vkey
from ports import free_ports

VECTORS = Path(__file__).parents[1] / "vectors"
PLACES = sorted(VECTORS.glob("formats-*"))
OLD = VECTORS / "formats-1"                # what this version refuses, and says what to do
READ = [place for place in PLACES if place != OLD]


def names_of(place: Path) -> list[str]:
    """Whose directories a folder has."""
    return sorted(path.parent.name for path in place.glob("*/config.toml"))


EACH = [pytest.param(place, name, id=f"{place.name}-{name}") for place in READ
        for name in names_of(place)]
OF_OLD = names_of(OLD)
# Of all three airspaces of formats-2 and of their rows, as `luftrom-airspace/2` says them. The
# folder was written when a digest was `luftrom-airspace/1`, which covered how each pair meets.
DIGEST = "ae54ea7220e8c03bd6b9ec6e67404683c26d254d99a2110eebb19b670b7197a5"
DIGEST_OF_ROWS = "59816bf2b52f9f36275f3bed84707e8cbffa05a0ef85a81b92c6f3f4640ee0d2"


def expected(place: Path, name: str) -> dict[str, Any]:
    """What the version that wrote the folder said of this party."""
    return json.loads((place / "expected.json").read_text(encoding="utf-8"))["parties"][name]


def copied(place: Path, name: str, tmp_path: Path) -> Path:
    """A copy of a party's directory whose keys only we can read, which no repository keeps.

    It has a port of its own, since others may have the one that it was written with.
    """
    directory = Path(shutil.copytree(place / name, tmp_path / name))
    port, = free_ports(1)
    config = directory / "config.toml"
    config.write_text(re.sub(r"(?m)^port = \d+$", f"port = {port}", config.read_text()))
    for key in (directory / "keys").iterdir():
        key.chmod(0o600)
    return directory


def test_there_are_kept_formats() -> None:
    assert [place.name for place in PLACES] == ["formats-1", "formats-2"]
    assert names_of(OLD) == ["alfa.example", "bravo.example"]
    assert names_of(READ[0]) == ["alfa.example", "bravo.example", "charlie.example"]


# -- what the version before left ----------------------------------------------------------------

@pytest.mark.parametrize("name", OF_OLD)
def test_an_old_store_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    settings = load_settings(copied(OLD, name, tmp_path))
    before = settings.store_path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(BadInput) as refused:
            SqliteStore(settings.store_path, read_only=read_only)
        assert refused.value.message == (
            f"{settings.store_path} has format 1; this version reads 2: use the version of Luftrom "
            "that wrote it, or begin a new directory")
    assert settings.store_path.read_bytes() == before


@pytest.mark.parametrize("name", OF_OLD)
def test_an_old_agreement_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    settings = load_settings(copied(OLD, name, tmp_path))
    assert all(load_key(settings, role) for role in ROLES)
    assert load_key_card(settings.key_card_path).party == load_public_party(settings)
    with pytest.raises(BadInput, match="draft it anew from the same terms"):
        load_agreement(settings)


@pytest.mark.parametrize("name", OF_OLD)
def test_commands_refuse_an_old_directory_with_what_to_do(name: str, tmp_path: Path) -> None:
    directory = copied(OLD, name, tmp_path)
    for command in (("serve", "--dir"), ("rebuild", "--dir"), ("audit",)):
        ran = subprocess.run([sys.executable, "-m", "luftrom", *command, str(directory)],
                             capture_output=True, check=False, text=True, timeout=300)
        assert ran.returncode == 2, ran.stdout + ran.stderr
        said = (("has format 1", "begin a new directory") if command[0] == "rebuild"
                else ("luftrom-agreement/1", "luftrom agreement new"))
        assert all(words in ran.stderr for words in said), ran.stderr


@pytest.mark.parametrize("name", OF_OLD)
def test_an_old_log_as_served_is_refused_leaf_by_leaf(name: str) -> None:
    bundle, = (OLD / "served" / name / "log" / "tile" / "entries").glob("*/*")
    leaves, at, data = 0, 0, bundle.read_bytes()
    while at < len(data):
        size = int.from_bytes(data[at:at + 2], "big")
        with pytest.raises(BadInput, match=r"is of the format 'vnd\.luftrom\.statement\.v1"):
            parse_statement(data[at + 2:at + 2 + size])
        at, leaves = at + 2 + size, leaves + 1
    assert leaves == expected(OLD, name)["audit"]["size"]


def test_old_messages_are_refused_with_what_to_do() -> None:
    kept = json.loads((OLD / "exchange.json").read_text(encoding="utf-8"))
    for each in kept:
        for body, header in (("body", "signature"), ("answer", "answer_signature")):
            with pytest.raises(BadInput, match="both nodes need one version of Luftrom"):
                parse_message(base64.b64decode(each[body]))
            with pytest.raises(NotAuthenticated, match="typ luftrom-head"):
                read_sender(each[header])
    assert len(kept) > 5


# -- what this version left ----------------------------------------------------------------------

@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_kept_directory_is_opened(place: Path, name: str, tmp_path: Path) -> None:
    settings = load_settings(copied(place, name, tmp_path))
    assert settings.party == name
    keys = load_keys(settings)
    assert len(keys.log) == len(keys.mirror) == 2
    assert all(load_key(settings, role) for role in ROLES)
    assert load_key_card(settings.key_card_path).party == load_public_party(settings)
    agreement = load_agreement(settings)
    assert [party.name for party in agreement.parties] == names_of(place)
    earlier = verify_agreement(load_agreement_file(settings.directory / "agreement-1.json"))
    assert (earlier.version, agreement.version) == (1, 2)
    with closing(SqliteStore(settings.store_path, read_only=True)) as store:
        assert store.parties() == names_of(place)
        assert store.size(name) == expected(place, name)["audit"]["size"]
        peers = [peer for peer in names_of(place) if peer != name]
        for peer in peers:
            row = store.head(peer)
            head = verify_head(row.text, peer, name, agreement.party(peer).keys.channel)
            assert (head.size, head.time_s) == (row.size, row.time_s)
        for receipt in store.receipts():
            assert receipt.head and receipt.cosigner.removesuffix("/mirror") in peers


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
    for key in ("applied", "rows_after"):
        assert rebuilt[key] == before[key], key
    assert (rebuilt["digest"], rebuilt["rows_digest_after"]) == (DIGEST, DIGEST_OF_ROWS)


@pytest.mark.parametrize(("place", "name"), EACH)
def test_a_node_starts_where_it_was_stopped(place: Path, name: str, tmp_path: Path) -> None:
    directory = copied(place, name, tmp_path)
    port = load_settings(directory).port
    node = PartyNode(name, directory, f"http://127.0.0.1:{port}", "")
    client = Client(node, twonodes.mint(node, "uss1", 3600))
    before = expected(place, name)
    try:
        twonodes.start([node])
        twonodes.wait_until_linked([node])
        assert client.get("/v1/status")["airspace"]["digest"] == DIGEST
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
    mirrors = {hashlib.sha256(f"{then['party']}/log".encode()).hexdigest(): then
               for then in before["mirrors"]}
    assert set(mirrors) == {path.name for path in (place / "served" / name / "mirror").iterdir()}
    with web_server(place / "served" / name) as url:
        for path, then in (("log", before["log"]), *(
                (f"mirror/{prefix}", then) for prefix, then in mirrors.items())):
            _, report = luftrom("audit", f"{url}/{path}", "--agreement",
                                place / name / "agreement.json")
            assert (report["size"], report["root"]) == (then["size"], then["root"])
            steps = {step["name"]: step["verdict"] for step in report["log"]["steps"]}
            # The log began under version 1 of the agreement, and this auditor knows the second.
            assert steps.pop("seen") in ("ok", "failed")
            assert set(steps.values()) == {"ok"} and {"statements", "tree", "tiles"} <= set(steps)


# -- messages ------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Told:
    """A kept message: its head, and what it says."""

    head: Head
    message: Message


def told(body: bytes, header: str, recipient: str, agreement: Agreement) -> Told:
    """A message that is its sender's, as it was signed, and encodes to the same bytes."""
    sender = agreement.party(read_sender(header))
    head = verify_head(header, sender.name, recipient, sender.keys.channel)
    check_body(body, head)
    message = parse_message(body)
    assert encode_message(message) == body
    assert message.own.party == sender.name and head.size >= message.own.end
    for part in message.parts:
        party = agreement.party(part.party)
        verify_checkpoint(part.checkpoint, [parse_vkey(key) for key in party.keys.log],
                          party.log_origin)
        for leaf in part.leaves:
            verify_statement(leaf, party.keys.statements, party.name)
    proven = prove_leaves(message, 0, sender.name, sender.keys.statements)
    assert len(proven) == len(message.own.leaves)
    return Told(head, message)


def all_told(place: Path) -> list[Told]:
    """Every kept message of a folder, in order."""
    names = names_of(place)
    agreements = {each.digest: each for name in ("agreement-1.json", "agreement.json")
                  for each in [verify_agreement(load_agreement_file(place / names[0] / name))]}
    keys = next(iter(agreements.values()))             # the same keys in both
    found = []
    for each in json.loads((place / "exchange.json").read_text(encoding="utf-8")):
        assert each["status"] == 200
        asked = told(base64.b64decode(each["body"]), each["signature"], each["to"], keys)
        answer = told(base64.b64decode(each["answer"]), each["answer_signature"],
                      asked.head.sender, keys)
        assert answer.head.sender == each["to"] and answer.head.counter == asked.head.counter
        assert {asked.head.agreement, answer.head.agreement} <= agreements.keys()
        found += [asked, answer]
    return found


@pytest.mark.parametrize("place", READ, ids=lambda place: place.name)
def test_kept_messages_are_parsed_and_verified(place: Path) -> None:
    messages = all_told(place)
    leaves = {(part.party, part.first + n) for each in messages for part in each.message.parts
              for n in range(len(part.leaves))}
    assert len(leaves) == sum(expected(place, name)["audit"]["size"] for name in names_of(place))
    assert any(part.leaves for each in messages for part in each.message.parts[1:])   # handed on


@pytest.mark.parametrize("place", READ, ids=lambda place: place.name)
def test_a_kept_declaration_is_sealed_and_opened_later(place: Path) -> None:
    """The message that first brings a leaf to a party does not open it; a later one does.

    A node that starts says all of it once more, to those who have receipted it.
    """
    sealed: dict[tuple[str, str, int], Any] = {}
    opened = 0
    for each in all_told(place):
        part, reader = each.message.own, each.head.recipient
        for index, leaf in enumerate(part.leaves, part.first):
            statement = parse_statement(leaf)
            if statement.type == "declaration" and (reader, part.party, index) not in sealed:
                assert index not in dict(part.openings)
                assert open_or_void(statement, ()).entity is None
                sealed[reader, part.party, index] = statement
        for index, disclosures in part.openings:
            statement = sealed.get((reader, part.party, index))
            if statement is not None:
                match_disclosures(statement, disclosures)
                item = open_or_void(statement, disclosures)
                assert not item.void and item.entity is not None and item.ovn
                opened += 1
    assert opened > 10


@pytest.mark.parametrize(("place", "name"), EACH)
def test_kept_rulings_bear_heads_and_all_kinds_are_kept(place: Path, name: str, tmp_path: Path
                                                        ) -> None:
    settings = load_settings(copied(place, name, tmp_path))
    agreement = load_agreement(settings)
    kinds, heads = set(), 0
    with closing(SqliteStore(settings.store_path, read_only=True)) as store:
        for party in store.parties():
            for leaf in store.leaves(party, 0, store.size(party)):
                statement = parse_statement(leaf)
                kinds.add(statement.type)
                if statement.type != "ruling":
                    continue
                for peer, text in statement.body.heads.items():
                    head = verify_head(text, peer, party, agreement.party(peer).keys.channel)
                    assert head.mirrored > statement.body.rulings[0].index
                    heads += 1
    assert kinds >= {"agreement", "declaration", "withdrawal", "notice", "notice_withdrawal",
                     "ruling", "notification"}
    assert heads > 10
