"""Write formats-2/: what this version leaves on disks and on wires, for later versions to read.

    python tests/vectors/make_formats.py [PLACE]

Three parties live through a small story under two versions of their agreement. The script knows the
command line and HTTP and nothing of the code, so it can be run beside any version; the one that
ran is named in `expected.json`. Between the nodes stand relays that keep each message. Keys,
salts and times are new each time, so two runs never make the same bytes. Kept files are not made
anew when the code changes: a version that writes something else adds a folder of its own.
(`formats-1` was written by this script as it stood at commit 3ea2f5d.)
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
PLACE = HERE / "formats-2"
PARTIES = ("alfa.example", "bravo.example", "charlie.example")
# Where the relays answer, which the agreement names, and where the nodes listen behind them.
RELAY_PORT, NODE_PORT = 18651, 18661
WAIT_S_MAX = 300.0
SIGNATURE = "Luftrom-Head"
TERMS = {"name": "Kept skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 100, "vertical_m": 50, "time_s": 60},
         "priority_levels": [{"priority": 0, "conflicts_permitted": False},
                             {"priority": 10, "conflicts_permitted": True}],
         "undeclared_priority_permits": False, "silence": {"mode": "hold", "after_s": 20}}
LATER = TERMS | {"version": 2, "silence": {"mode": "proceed", "after_s": 1}}
README = """\
# formats-2

Three parties' directories, their logs as served and a bundle of messages, as version 0.1.0 wrote
them at commit {commit}: statements of version 2, `luftrom-exchange/2`, stores of format 2,
`luftrom-agreement/2`. `tests/vectors/make_formats.py` made them,
`tests/federation/test_kept_formats.py` reads them. Suspensions, subscriptions and whatever else
came later are not in here.

The private keys under `*/keys/` were made for this folder and have never guarded anything.

| path | holds |
|---|---|
| `alfa.example/` and so on | the directories: settings, keys, card, agreements, store |
| `served/<party>/` | the party's log and its mirrors of the others' as tlog-tiles, path by path |
| `exchange.json` | messages that carried leaves or opened some, in order: request, answer, heads |
| `expected.json` | who wrote it; what `luftrom rebuild`, `luftrom audit` and the API said |
"""


def entity(name: str) -> str:
    """The same identifier for the same name, of version 4 as the standard wants it."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes, version=4))


def luftrom(*arguments: object) -> Any:
    """What a command says with --json; a command that fails ends the script."""
    ran = subprocess.run([sys.executable, "-m", "luftrom", *map(str, arguments), "--json"],
                         capture_output=True, check=False, timeout=WAIT_S_MAX)
    if ran.returncode:
        raise SystemExit(f"luftrom {arguments[0]}: {ran.stdout.decode()} {ran.stderr.decode()}")
    return json.loads(ran.stdout)


# -- the relays ----------------------------------------------------------------------------------

class Relay(ThreadingHTTPServer):
    """Stands at a party's base URL, passes its peers' messages on and keeps them."""

    daemon_threads = True

    def __init__(self, number: int, kept: list[dict[str, Any]]):
        super().__init__(("127.0.0.1", RELAY_PORT + number), _Handler)
        self.party, self.kept = PARTIES[number], kept
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{NODE_PORT + number}",
                                   trust_env=False, timeout=30)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A node that stops hangs up; what it would have been told is kept all the same."""

    def end(self) -> None:
        """Let go of the port."""
        self.shutdown()
        self.server_close()
        self.client.close()


class _Handler(BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = self.headers["Content-Length"]
        body = self.rfile.read(int(length)) if length else b"".join(self._chunks())
        signature = self.headers[SIGNATURE]
        try:
            answer = self.server.client.post(self.path, content=body, headers={
                "Content-Type": self.headers["Content-Type"], SIGNATURE: signature})
        except httpx.TransportError:       # the node is away
            self.send_error(502)
            return
        self.server.kept.append({
            "to": self.server.party, "signature": signature, "body": body,
            "status": answer.status_code, "answer_signature": answer.headers.get(SIGNATURE),
            "answer": answer.content})
        self.send_response(answer.status_code)
        for name in ("Content-Type", SIGNATURE):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        pass


# -- the nodes -----------------------------------------------------------------------------------

class Node:
    """A party: its directory, its process while it runs, and a client of its API."""

    def __init__(self, place: Path, number: int):
        self.party, self.directory = PARTIES[number], place / PARTIES[number]
        self.url = f"http://127.0.0.1:{NODE_PORT + number}"
        luftrom("init", "--dir", self.directory, "--party", self.party, "--base-url",
                f"http://127.0.0.1:{RELAY_PORT + number}", "--listen",
                self.url.removeprefix("http://"))
        self.process: subprocess.Popen[bytes] | None = None

    def trust_an_issuer(self) -> None:
        """Take tokens of somebody else too, so that a setting with a file is kept."""
        public = Ed25519PrivateKey.generate().public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (self.directory / "issuer.pem").write_bytes(public)
        with open(self.directory / "config.toml", "a", encoding="utf-8") as settings:
            settings.write('\n[[auth.issuer]]\nissuer = "https://auth.example"\n'
                           'audience = "alfa.example"\nkeys_file = "issuer.pem"\n')

    def client(self, manager: str = "uss1") -> httpx.Client:
        token = luftrom("token", "--dir", self.directory, "--manager", manager)["token"]
        return httpx.Client(base_url=self.url, trust_env=False, timeout=WAIT_S_MAX,
                            headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str) -> Any:
        with self.client() as client:
            return client.get(path).json()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "luftrom", "serve", "--dir", str(self.directory)],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_for(lambda: answers(self.url), f"{self.party} does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WAIT_S_MAX)
            self.process = None


def answers(url: str) -> bool:
    """Does a node answer there?"""
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Wait until it holds; WAIT_S_MAX is against what hangs."""
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not holds():
        if time.monotonic() > deadline_s:
            raise SystemExit(what)
        time.sleep(0.1)


def settle(*nodes: Node) -> None:
    """Wait until all hold the same and owe each other nothing."""
    def is_quiet() -> bool:
        told = [node.get("/v1/status") for node in nodes]
        return (len({each["airspace"]["digest"] for each in told}) == 1
                and all(c["receipts_outstanding"] == 0 for s in told for c in s["channels"]))

    wait_for(is_quiet, "the nodes do not come to the same")


def agree(nodes: list[Node], terms: dict[str, Any], draft: Path) -> None:
    """All sign these terms and put them in force."""
    (draft.with_suffix(".terms")).write_text(json.dumps(terms))
    luftrom("agreement", "new", "--terms", draft.with_suffix(".terms"), "--out", draft,
            *(node.directory / "keycard.json" for node in nodes))
    for command in (("sign", "--yes"), ("install",)):
        for node in nodes:
            luftrom("agreement", command[0], "--dir", node.directory, *command[1:], draft)


# -- the story -----------------------------------------------------------------------------------

def moment(minutes: float) -> str:
    """So many minutes from now, in whole minutes."""
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 60 * minutes))


def volume(lat: float, *, circle: bool = True, start_min: int = 60) -> dict[str, Any]:
    """An F3548 Volume4D beside no other, unless the latitude is the same."""
    outline = {"outline_circle": {"center": {"lat": lat, "lng": 7.0},
                                  "radius": {"value": 150, "units": "M"}}}
    if not circle:
        outline = {"outline_polygon": {"vertices": [
            {"lat": lat + a, "lng": 7.0 + b}
            for a, b in ((0, 0), (0, .01), (.01, .012), (.01, 0))]}}
    heights = {name: {"value": value, "units": "M", "reference": "W84"}
               for name, value in (("altitude_lower", 100), ("altitude_upper", 200))}
    return {"volume": outline | heights,
            "time_start": {"value": moment(start_min), "format": "RFC3339"},
            "time_end": {"value": moment(start_min + 60), "format": "RFC3339"}}


def tell(client: httpx.Client, status: int, method: str, path: str, body: Any = None,
         **headers: str) -> Any:
    """Ask, and insist on the status."""
    answer = client.request(method, path, json=body, headers=headers)
    if answer.status_code != status:
        raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def declare(client: httpx.Client, status: int, name: str, *volumes: dict[str, Any],
            ovn: str | None = None, **more: Any) -> Any:
    """Declare, or replace the version that has this OVN."""
    return tell(client, status, "PUT", f"/v1/operational_intents/{entity(name)}",
                {"volumes": list(volumes), "name": name, **more},
                **({"If-Match": f'"{ovn}"'} if ovn else {}))


def first_part(alfa: Node, bravo: Node, charlie: Node) -> None:
    """Under the first agreement: everything that can be declared, refused and withdrawn."""
    with alfa.client() as a, bravo.client("uss2") as b:
        declare(a, 201, "Survey", volume(46.0), volume(46.1, circle=False), remarks="Über allem.")
        declare(b, 409, "Crossing", volume(46.0))
        declare(b, 201, "Photo", volume(46.2, circle=False))
        ovn = declare(a, 201, "Moved", volume(46.3))["ovn"]
        declare(a, 200, "Moved", volume(46.35), ovn=ovn, state="Activated")
        declare(b, 201, "Withdrawn", volume(46.25))
        tell(b, 200, "DELETE", f"/v1/operational_intents/{entity('Withdrawn')}",
             **{"If-Match": "*"})
        for client, name in ((a, "Permitted A"), (b, "Permitted B")):
            declare(client, 201, name, volume(46.4), priority=10)
        for name in ("Closed", "Closed no more"):
            tell(b, 201, "PUT", f"/v1/constraints/{entity(name)}",
                 {"volumes": [volume(46.5)], "name": name, "kind": "hazard"})
        tell(b, 200, "DELETE", f"/v1/constraints/{entity('Closed no more')}")
        tell(a, 200, "POST", "/v1/operational_intents",
             {"operational_intents": [{"id": entity("Batch"), "name": "Batch",
                                       "volumes": [volume(46.6)]}]},
             **{"Idempotency-Key": entity("key")})
        tell(b, 201, "PUT", f"/dss/v1/operational_intent_references/{entity('Reference')}",
             {"extents": [volume(46.7)], "key": [], "state": "Accepted",
              "uss_base_url": "https://uss2.example"})
        notify(a)
        settle(alfa, bravo, charlie)


def notify(client: httpx.Client) -> None:
    """A manager tells the node of a change elsewhere: a closed statement."""
    reference = {"id": entity("Elsewhere"), "manager": "uss1", "state": "Accepted", "version": 1,
                 "ovn": "0123456789abcdef", "uss_base_url": "https://uss1.example",
                 "uss_availability": "Unknown", "time_start": volume(46.8)["time_start"],
                 "time_end": volume(46.8)["time_end"], "subscription_id": entity("subscription")}
    tell(client, 204, "POST", "/uss/v1/operational_intents", {
        "operational_intent_id": entity("Elsewhere"),
        "subscriptions": [{"subscription_id": entity("subscription"), "notification_index": 1}],
        "operational_intent": {"reference": reference,
                               "details": {"volumes": [volume(46.8)], "priority": 0}}})


def second_part(alfa: Node, bravo: Node, charlie: Node) -> None:
    """Under the second, which says proceed: one of them is away, and back."""
    bravo.stop()
    with alfa.client() as a:
        alone = declare(a, 201, "Alone", volume(46.9))
    if alone["unacknowledged"] != [bravo.party]:
        raise SystemExit("nobody was silent")
    bravo.start()
    settle(alfa, bravo, charlie)
    with bravo.client("uss2") as b, charlie.client("uss3") as c:
        declare(b, 409, "Late", volume(46.9))
        declare(b, 201, "Last", volume(47.0))
        declare(c, 201, "Third", volume(47.1))
    settle(alfa, bravo, charlie)


# -- what is kept --------------------------------------------------------------------------------

def serve_out(node: Node, place: Path) -> None:
    """The own log and the mirror, path by path as they are served."""
    prefixes = [hashlib.sha256(f"{peer}/log".encode()).hexdigest()
                for peer in PARTIES if peer != node.party]
    with httpx.Client(base_url=node.url, trust_env=False) as stranger:
        for log in ("log", *(f"mirror/{prefix}" for prefix in prefixes)):
            note = stranger.get(f"/{log}/checkpoint")
            size = int(note.text.split("\n")[1])
            if not 0 < size < 256:
                raise SystemExit(f"{size} leaves: this script reads one partial tile a level")
            for path in ("checkpoint", f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
                answer = stranger.get(f"/{log}/{path}").raise_for_status()
                file = place / "served" / node.party / log / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(answer.content)


def close_store(directory: Path) -> None:
    """All of it in the one file, and no larger than it must be."""
    with closing(sqlite3.connect(directory / "luftrom.sqlite3")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("VACUUM")
    for rest in ("luftrom.lock", "luftrom.sqlite3-wal", "luftrom.sqlite3-shm"):
        (directory / rest).unlink(missing_ok=True)


def expected(nodes: list[Node]) -> dict[str, Any]:
    """What the writing version says of what it wrote; both nodes have stopped."""
    parties = {}
    for node in nodes:
        rebuilt, audit = luftrom("rebuild", "--dir", node.directory), luftrom(
            "audit", node.directory)
        parties[node.party] = {"rebuilt": rebuilt, "audit": audit}
    return parties


def carried(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages that carried leaves or opened some, bytes in base64."""
    def says_something(body: bytes) -> bool:
        return re.search(rb'"leaves":[1-9]|"openings":[1-9]', body) is not None

    return [{name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
             for name, value in each.items()} for each in kept if each["status"] == 200
            and (says_something(each["body"]) or says_something(each["answer"]))]


def write(document: Any, path: Path) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def running(nodes: list[Node]) -> Iterator[None]:
    """The nodes, running; whatever happens they are stopped."""
    try:
        for node in nodes:
            node.start()
        settle(*nodes)
        yield
    finally:
        for node in nodes:
            node.stop()


def main(place: Path) -> None:
    """Live through the story and write the folder anew."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    kept: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as drafts, ExitStack() as relays:
        for number in range(len(PARTIES)):
            relays.callback(Relay(number, kept).end)
        nodes = [Node(place, number) for number in range(len(PARTIES))]
        nodes[0].trust_an_issuer()
        agree(nodes, TERMS, Path(drafts) / "first.json")
        with running(nodes):
            first_part(*nodes)
        agree(nodes, LATER, Path(drafts) / "second.json")
        with running(nodes):
            second_part(*nodes)
            listed = {node.party: {path: node.get(f"/v1/{path}") for path in (
                "operational_intents", "constraints", "conflicts")} for node in nodes}
            for node in nodes:
                serve_out(node, place)
    parties = expected(nodes)
    for node in nodes:
        close_store(node.directory)
        parties[node.party]["listed"] = listed[node.party]
    version = subprocess.run([sys.executable, "-m", "luftrom", "--version"], check=True,
                             capture_output=True, text=True).stdout.strip()
    write({"written_by": version, "written_at": moment(0), "parties": parties},
          place / "expected.json")
    write(carried(kept), place / "exchange.json")
    commit = subprocess.run(["git", "rev-parse", "--short=7", "HEAD"], check=True, cwd=HERE,
                            capture_output=True, text=True).stdout.strip()
    (place / "README.md").write_text(README.format(commit=commit), encoding="utf-8")
    for path in place.rglob("*"):
        os.chmod(path, 0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE)
