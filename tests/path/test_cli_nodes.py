"""The command line with real nodes: two parties, two processes, as in the tutorial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ports import free_ports
from ran import Ran

READY_S_MAX = 300.0                        # the first start on a machine compiles the kernels
TERMS = {"name": "Test skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 100, "vertical_m": 50, "time_s": 0},
         "priority_levels": [{"priority": 0, "conflicts_permitted": False},
                             {"priority": 10, "conflicts_permitted": True}],
         "undeclared_priority_permits": False, "silence": {"mode": "hold", "after_s": 2}}


def luftrom(*arguments: object) -> Ran:
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("LUFTROM_")}
    ran = subprocess.run([sys.executable, "-m", "luftrom", *map(str, arguments)],
                         capture_output=True, text=True, check=False, env=environment,
                         timeout=READY_S_MAX, stdin=subprocess.DEVNULL)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@dataclass
class Node:
    directory: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "luftrom", "serve", "--dir", str(self.directory)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline_s = time.monotonic() + READY_S_MAX
        while luftrom("status", "--dir", self.directory).code == 3:
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline_s, "the node does not answer"

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        out = self.process.communicate(timeout=60)[0]
        return self.process.returncode, out


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    place = tmp_path_factory.mktemp("parties")
    found = {}
    for name, port in zip(("alfa", "bravo"), free_ports(2), strict=True):
        found[name] = Node(place / name, port)
        assert luftrom("init", "--dir", place / name, "--party", f"{name}.example",
                       "--base-url", found[name].url).code == 0
    (place / "terms.json").write_text(json.dumps(TERMS))
    assert luftrom("agreement", "new", "--terms", place / "terms.json", "--out", place / "a.json",
                   *(node.directory / "keycard.json" for node in found.values())).code == 0
    for node in found.values():
        assert luftrom("agreement", "sign", "--yes", "--dir", node.directory,
                       place / "a.json").code == 0
    for node in found.values():
        assert luftrom("agreement", "install", "--dir", node.directory, place / "a.json").code == 0
    for node in found.values():
        node.start()
    yield found
    for node in found.values():
        if node.process.poll() is None:
            node.process.kill()
        node.process.communicate()


def feature(name: str, lng: float, **properties: object) -> dict[str, Any]:
    now_s = time.time()
    times = {key: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s + after_s))
             for key, after_s in (("time_start", 3600), ("time_end", 7200))}
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lng, 46.0]},
            "properties": {"name": name, "radius_m": 300, "altitude_m_w84_lower": 500,
                           "altitude_m_w84_upper": 600} | times | properties}


def declare(node: Node, place: Path, *features: dict[str, Any], extra: tuple[str, ...] = ()) -> Ran:
    path = place / "file.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return luftrom("declare", "--dir", node.directory, "--json", *extra, path)


def wait_for(holds: Callable[[], bool], s_max: float = 120.0) -> None:
    deadline_s = time.monotonic() + s_max
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def digests(nodes: dict[str, Node]) -> set[str]:
    return {luftrom("status", "--dir", node.directory, "--json").json["airspace"]["digest"]
            for node in nodes.values()}


def test_the_doctor_finds_nothing(nodes: dict[str, Node]) -> None:
    assert declare(nodes["alfa"], nodes["alfa"].directory, feature("FIRST", 1.0)).code == 0
    for node in nodes.values():
        ran = luftrom("doctor", "--dir", node.directory, "--json")
        assert [c for c in ran.json["checks"] if c["verdict"] == "fail"] == []
        assert ran.code == 0
        assert {"Python", "SQLite", "settings", "permissions", "keys", "key card", "store", "disk",
                "port", "agreement", "clocks", "peer's log"} <= {
                    check["name"] for check in ran.json["checks"]}


def test_declare_look_and_withdraw(nodes: dict[str, Node], tmp_path: Path) -> None:
    alfa, bravo = nodes.values()
    assert declare(alfa, tmp_path, feature("HOP-1", 2.0), feature("HOP-2", 2.1)).code == 0
    wait_for(lambda: len(digests(nodes)) == 1)
    names = [item["name"] for item in luftrom("activities", "--dir", bravo.directory,
                                              "--json").json["operational_intents"]]
    assert {"HOP-1", "HOP-2"} <= set(names)
    lost = declare(bravo, tmp_path, feature("HOP-3", 2.0))
    assert lost.code == 1
    result, = lost.json["results"]
    assert (result["status"], result["against"][0]["name"]) == ("refused", "HOP-1")
    assert [each["kind"] for each in result["suggestions"]] == ["time", "altitude", "lateral"]
    assert luftrom("withdraw", "--dir", alfa.directory, "HOP-1").code == 0
    assert luftrom("withdraw", "--dir", alfa.directory, "HOP-1").code == 1
    wait_for(lambda: len(digests(nodes)) == 1)
    assert declare(bravo, tmp_path, feature("HOP-3", 2.0)).code == 0


def test_prior_notices_and_conflicts(nodes: dict[str, Node], tmp_path: Path) -> None:
    alfa, bravo = nodes.values()
    assert declare(alfa, tmp_path, feature("CLOSED", 3.0, kind="constraint")).code == 0
    assert declare(alfa, tmp_path, feature("A-10", 4.0, priority=10)).code == 0
    assert declare(bravo, tmp_path, feature("B-10", 4.0, priority=10)).code == 0
    wait_for(lambda: len(digests(nodes)) == 1)
    seen = [luftrom("conflicts", "--dir", node.directory, "--json").json["conflicts"]
            for node in nodes.values()]
    assert seen[0] == seen[1]
    assert {"A-10", "B-10"} in [{c["first"]["name"], c["second"]["name"]} for c in seen[0]]
    shown = luftrom("conflicts", "--dir", alfa.directory).out
    assert "has right of way" in " ".join(shown.split())   # wherever the lines break
    for node in nodes.values():            # what a node exports has the conflicts that it knows
        export = tmp_path / "export.geojson"
        export.write_text(luftrom("activities", "--dir", node.directory, "--geojson").out)
        found = luftrom("conflicts", "--in", export, "--dir", node.directory, "--json").json
        assert _meetings(found["conflicts"]) == _meetings(seen[0])
    assert luftrom("withdraw", "--dir", alfa.directory, "CLOSED").code == 0


def _meetings(conflicts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Conflicts without right of way, and without an order."""
    return sorted((sorted((c["first"]["id"], c["second"]["id"])), c["time_start"], c["time_end"],
                   c["lateral_m"], c["vertical_m"], c["where"]["lat"], c["where"]["lng"])
                  for c in conflicts)


def test_replace_makes_a_new_version(nodes: dict[str, Node], tmp_path: Path) -> None:
    alfa = nodes["alfa"]
    entity = "0b8343be-6482-4d1b-a474-16847e01af1e"
    assert declare(alfa, tmp_path, feature("MOVES", 5.0, id=entity)).code == 0
    assert declare(alfa, tmp_path, feature("MOVES", 5.1, id=entity)).code == 1
    assert declare(alfa, tmp_path, feature("MOVES", 5.1, id=entity), extra=("--replace",)).code == 0
    found = luftrom("activities", "--dir", alfa.directory, "--json").json["operational_intents"]
    assert [item["version"] for item in found if item["id"] == entity] == [2]


def test_tokens_open_the_node_by_url(nodes: dict[str, Node]) -> None:
    alfa, bravo = nodes.values()
    token = luftrom("token", "--dir", alfa.directory, "--manager", "map", "--scope",
                    "luftrom.read").out.strip()
    ran = luftrom("status", "--url", alfa.url, "--token", token, "--json")
    assert ran.json["party"] == "alfa.example"
    foreign = luftrom("status", "--url", bravo.url, "--token", token)
    assert foreign.code == 1 and "does not take the token" in foreign.err
    assert luftrom("status", "--url", alfa.url).code == 1
    entity = "0a8343be-6482-4d1b-a474-16847e01af1e"
    path = bravo.directory / "one.geojson"
    path.write_text(json.dumps(feature("NO", 6.0, id=entity)))
    refused = luftrom("declare", "--url", alfa.url, "--token", token, path)
    assert refused.code == 1 and "scope" in refused.err


def test_one_directory_has_one_process(nodes: dict[str, Node]) -> None:
    alfa = nodes["alfa"]
    for command in ("serve", "rebuild"):
        ran = luftrom(command, "--dir", alfa.directory)
        assert ran.code == 1
        assert f"is in use by process {alfa.process.pid}" in ran.err


def test_a_port_in_use_is_named(nodes: dict[str, Node], tmp_path: Path) -> None:
    port = nodes["alfa"].port
    assert luftrom("init", "--dir", tmp_path / "c", "--party", "charlie.example", "--base-url",
                   f"http://127.0.0.1:{port}").code == 0
    ran = luftrom("serve", "--dir", tmp_path / "c")
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert f"cannot listen on 127.0.0.1 port {port}" in ran.err
    checks = {check["name"]: check for check in
              luftrom("doctor", "--dir", tmp_path / "c", "--json").json["checks"]}
    assert checks["port"]["verdict"] == "fail" and checks["port"]["mend"]
    assert checks["agreement"]["verdict"] == "fail"


def test_audit_beside_running_nodes(nodes: dict[str, Node]) -> None:
    alfa, bravo = nodes.values()
    wait_for(lambda: len(digests(nodes)) == 1)
    own = luftrom("audit", alfa.directory, "--json")
    assert own.code == 0 and own.json["verified"]
    assert own.json["party"] == "alfa.example"
    assert [mirror["party"] for mirror in own.json["mirrors"]] == ["bravo.example"]
    over_http = luftrom("audit", alfa.url, "--agreement", alfa.directory / "agreement.json",
                        "--json")
    assert over_http.code == 0 and over_http.json["verified"]
    assert luftrom("audit", alfa.url).code == 2     # whose keys were not said
    wrong = luftrom("audit", bravo.url, "--key", json.loads(luftrom(
        "card", "show", "--dir", alfa.directory, "--json").out)["keys"][2]["vkey"])
    assert wrong.code == 1


def test_stop_kill_and_rebuild(nodes: dict[str, Node], tmp_path: Path) -> None:
    alfa = nodes["alfa"]
    before = digests({"alfa": alfa})
    code, out = alfa.end(signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in out and out.rstrip().endswith("alfa.example stopped")
    rebuilt = luftrom("rebuild", "--dir", alfa.directory, "--json")
    assert rebuilt.code == 0 and rebuilt.json["same"]
    assert {rebuilt.json["digest"]} == before
    assert luftrom("audit", alfa.directory).code == 0
    held = declare(nodes["bravo"], tmp_path, feature("ALONE", 7.0))
    assert held.code == 3 and held.json["results"][0]["problem"]["code"] == "not_acknowledged"
    alfa.start()
    wait_for(lambda: len(digests(nodes)) == 1)
    assert declare(alfa, tmp_path, feature("AGAIN", 8.0)).code == 0
    alfa.end(signal.SIGKILL)
    alfa.start()
    wait_for(lambda: len(digests(nodes)) == 1)
    assert "AGAIN" in luftrom("activities", "--dir", nodes["bravo"].directory).out
    assert alfa.end(signal.SIGINT)[0] == 0
