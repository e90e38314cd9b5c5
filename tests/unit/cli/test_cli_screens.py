"""cli: what the commands that ask a node print, with a node that says what the test wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from luftrom.cli.main import NO, NO_ANSWER, USAGE, run
from luftrom.errors import LuftromError

CHANNEL = {"peer": "bravo.example", "base_url": "http://127.0.0.1:8602", "state": "fresh",
           "last_heard": "2026-11-24T15:20:02Z", "age_s": 0.84, "round_trip_ms": 4.4,
           "mirror_size": 1200, "applied_size": 1200, "receipt_size": 1203,
           "receipts_outstanding": 0, "last_error": None, "checks_made": 70, "checks_missed": 2,
           "withheld": []}
STATUS = {
    "party": "alfa.example", "time": "2026-11-24T15:20:03Z", "version": "0.1.0",
    "kernels_digest": "5e" * 32,
    "agreement": {"name": "Lake district, winter", "digest": "3f" * 32, "parties": [
        {"name": "alfa.example", "base_url": "http://127.0.0.1:8601"},
        {"name": "bravo.example", "base_url": "http://127.0.0.1:8602"}]},
    "state": "in_force", "log": {"origin": "alfa.example/log", "size": 1203, "root": "ab" * 32},
    "airspace": {"revision": 9, "digest": "cd" * 32, "operational_intents": 412, "constraints": 1,
                 "conflicts": 17},
    "channels": [CHANNEL]}


def volume(lower: float, upper: float) -> dict[str, Any]:
    return {"volume": {"altitude_lower": {"value": lower, "units": "M", "reference": "W84"},
                       "altitude_upper": {"value": upper, "units": "M", "reference": "W84"}}}


def intent(number: int, **changed: object) -> dict[str, Any]:
    return {"id": f"2f8343be-6482-4d1b-a474-16847e01af{number:02x}", "party": "alfa.example",
            "manager": "drones", "name": f"SURVEY-{number:02}", "version": 1, "state": "Accepted",
            "priority": 0, "status": "accepted", "unacknowledged": [],
            "time_start": "2026-11-24T15:20:00Z", "time_end": "2026-11-24T16:20:00Z",
            "volumes": [volume(700, 820), volume(750, 910)], "off_nominal_volumes": [],
            "remarks": "", "ovn": f"ovn-{number}"} | changed


NOTICE = {"id": "aa8343be-6482-4d1b-a474-16847e01af1e", "party": "bravo.example",
          "manager": "range", "name": "RANGE 3", "kind": "danger area", "version": 1,
          "status": "accepted", "time_start": "2026-11-24T12:00:00Z",
          "time_end": "2026-11-25T12:00:00Z", "volumes": [volume(0, 3000)], "remarks": ""}
CONFLICT = {
    "id": "alfa.example.1.bravo.example.2", "kind": "operational_intents",
    "first": {"id": "1", "party": "alfa.example", "name": "ALFA-12"},
    "second": {"id": "2", "party": "bravo.example", "name": "BRAVO-7"},
    "time_start": "2026-11-24T12:04:00Z", "time_end": "2026-11-24T12:09:00Z", "lateral_m": 0,
    "vertical_m": 60, "where": {"lat": -46.75, "lng": 7.4301}, "altitude_m_w84_lower": 700,
    "altitude_m_w84_upper": 760,
    "right_of_way": {"party": "alfa.example", "id": "1", "name": "ALFA-12",
                     "rule": "declared_first", "reason": "it was declared first"},
    "sentence": "ALFA-12 and BRAVO-7 come close 12:04–12:09Z, 60 m vertical. "
                "ALFA-12 has right of way: it was declared first."}


def conflicts(*found: dict[str, Any]) -> dict[str, Any]:
    return {"conflicts": list(found), "digest": "ef" * 32, "method": "exact volumes", "next": None,
            "horizon": {"time_start": "2026-11-24T11:00:00Z", "time_end": "2026-11-24T19:00:00Z"}}


@dataclass
class FakeNode:
    """A client of a node that answers from a table."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any, Any]] = field(default_factory=list)

    def get(self, path: str) -> Any:
        return self.answers[path]

    def pages(self, path: str, member: str) -> list[Any]:
        return self.answers[path][member]

    def request(self, method: str, path: str, document: Any = None, *, headers: Any = None,
                expected: tuple[int, ...] = ()) -> tuple[int, Any]:
        self.asked.append((method, path, document, headers))
        answer = self.answers.get(f"{method} {path}", (404, {"detail": "nothing there"}))
        if callable(answer):
            answer = answer(document)
        if answer[0] >= 400 and answer[0] not in expected:
            raise LuftromError(answer[1]["detail"], status=answer[0])
        return answer

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    fake = FakeNode()
    monkeypatch.setattr("luftrom.cli.options.open_client", lambda *_: fake)
    return fake


@pytest.fixture
def luftrom(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        told = capsys.readouterr()
        assert all(len(line) <= 80 for line in told.out.splitlines() if "--json" not in arguments)
        assert "\x1b" not in told.out
        return Ran(code, told.out, told.err)

    return call


Luftrom = Callable[..., Ran]


def test_status_fits_one_screen(node: FakeNode, luftrom: Luftrom) -> None:
    node.answers["/v1/status"] = STATUS
    ran = luftrom("status")
    assert ran.code == 0
    for words in ("alfa.example   2026-11-24T15:20:03Z", "“Lake district, winter” in force with "
                  "bravo.example", "1,203 statements", "412 activities, 1 prior notice, 17 "
                  "conflicts", "bravo.example is fresh", "0.8 s ago, at 2026-11-24T15:20:02Z; "
                  "round trip 4 ms", "none outstanding", "70 made, 2 missed",
                  f"digest {'5e' * 8}…"):
        assert words in ran.out
    assert len(ran.out.splitlines()) < 20
    assert json.loads(luftrom("status", "--json").out) == STATUS


def test_status_names_a_peer_that_decides_by_other_code(node: FakeNode, luftrom: Luftrom) -> None:
    channel = STATUS["channels"][0] | {"kernels_digest": "77" * 32}
    node.answers["/v1/status"] = STATUS | {"channels": [channel]}
    assert f"others than ours, digest {'77' * 8}" in luftrom("status").out
    same = STATUS["channels"][0] | {"kernels_digest": STATUS["kernels_digest"]}
    node.answers["/v1/status"] = STATUS | {"channels": [same]}
    assert "others than ours" not in luftrom("status").out


def test_status_of_a_broken_or_lonely_node(node: FakeNode, luftrom: Luftrom) -> None:
    broken = CHANNEL | {"state": "broken", "age_s": None, "last_heard": None,
                        "round_trip_ms": None, "receipts_outstanding": 1234,
                        "last_error": "two histories\x1b[31m"}
    node.answers["/v1/status"] = STATUS | {"channels": [broken]}
    ran = luftrom("status")
    assert ran.code == NO
    assert "not since this node started" in ran.out and "1,234 outstanding" in ran.out
    assert "two histories\ufffd[31m" in ran.out
    node.answers["/v1/status"] = STATUS | {"channels": [], "agreement": None}
    assert "this node talks to no peer" in luftrom("status").out


def test_activities_as_a_table(node: FakeNode, luftrom: Luftrom) -> None:
    node.answers["/v1/operational_intents"] = {"operational_intents": [
        intent(2, time_start="2026-11-24T15:30:00Z", state="Nonconforming"), intent(1),
        intent(3, status="refused"), intent(4, status="pending", party="bravo.example"),
        intent(5, unacknowledged=["bravo.example"]),
        intent(6, volumes=[], time_start=None, time_end=None, state=None, priority=None)]}
    node.answers["/v1/constraints"] = {"constraints": [NOTICE]}
    ran = luftrom("activities")
    assert ran.code == 0
    words = " ".join(ran.out.split())
    assert "SURVEY-01" in words and "24 Nov 15:20–16:20Z 700–910" in words
    assert "RANGE 3" in words and "24 Nov 12:00–" in words and "25 Nov 12:00Z" in words
    assert "SURVEY-03" not in words
    assert "5 activities, 1 prior notice" in words
    assert words.index("SURVEY-01") < words.index("SURVEY-02")
    assert "refused" in luftrom("activities", "--all").out
    only = json.loads(luftrom("activities", "--party", "bravo.example", "--json").out)
    assert [item["name"] for item in only["operational_intents"]] == ["SURVEY-04"]
    assert only["constraints"] == [NOTICE]


def test_activities_as_geojson_are_read_back(node: FakeNode, luftrom: Luftrom) -> None:
    from luftrom.cli.declare import read_requests

    def placed(shape: dict[str, Any], hour: int) -> dict[str, Any]:
        times = {f"time_{side}": {"value": f"2026-11-24T{hour + i}:00:00Z", "format": "RFC3339"}
                 for i, side in enumerate(("start", "end"))}
        return {"volume": shape | volume(500.5, 600.25)["volume"]} | times

    circle = {"outline_circle": {"center": {"lat": 46.1, "lng": 7.2},
                                 "radius": {"value": 300.0, "units": "M"}}}
    ring = {"outline_polygon": {"vertices": [{"lat": 46.0, "lng": 7.0}, {"lat": 46.1, "lng": 7.0},
                                             {"lat": 46.1, "lng": 7.1}]}}
    first = intent(1, volumes=[placed(circle, 12), placed(ring, 13)], remarks="low", priority=7,
                   state="Contingent", off_nominal_volumes=[placed(ring, 15)])
    second = NOTICE | {"volumes": [placed(ring, 14)]}
    node.answers["/v1/operational_intents"] = {"operational_intents": [first]}
    node.answers["/v1/constraints"] = {"constraints": [second]}
    back = read_requests(luftrom("activities", "--geojson").out.encode(), "f")
    for request, item in zip(back, (first, second), strict=True):
        assert request.entity_id == item["id"]
        assert all(item[name] == value for name, value in request.body.items())


def test_conflicts_are_sentences_with_their_horizon(node: FakeNode, luftrom: Luftrom) -> None:
    node.answers["/v1/conflicts"] = conflicts(CONFLICT, CONFLICT)
    ran = luftrom("conflicts")
    words = " ".join(ran.out.split())
    assert ran.code == 0
    assert words.startswith("2 conflicts") and words.count(CONFLICT["sentence"]) == 2
    assert "46.750° S 7.430° E, 700–760 m W84" in words
    assert "Looked at 24 Nov 11:00–19:00Z; exact volumes" in words
    assert "and 1 more" in luftrom("conflicts", "--rows", "1").out
    assert luftrom("conflicts", "--check").code == NO
    node.answers["/v1/conflicts"] = conflicts()
    calm = luftrom("conflicts", "--check")
    assert calm.code == 0
    assert calm.out.startswith("No conflict\n") and "Looked at" in calm.out


FEATURE = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [7.0, 46.0]},
           "properties": {"name": "HOP", "radius_m": 300, "time_start": "2026-11-24T12:00:00Z",
                          "time_end": "2026-11-24T13:00:00Z", "altitude_m_w84_lower": 500,
                          "altitude_m_w84_upper": 600}}
ENTITY = "2f8343be-6482-4d1b-a474-16847e01af1e"


def declared(tmp_path: Path, **properties: object) -> Path:
    path = tmp_path / "file.geojson"
    path.write_text(json.dumps(FEATURE | {"properties": FEATURE["properties"] | properties}))
    return path


@pytest.mark.parametrize(("result", "code", "words"), [
    ({"status": "accepted", "problem": None, "against": []}, 0, "1 of 1 accepted"),
    ({"status": "accepted", "unacknowledged": ["bravo.example"]}, 0, "accepted, unacknowledged"),
    ({"status": "refused", "against": [{"sentence": "BRAVO-7 was declared first."}]}, NO,
     "BRAVO-7 was declared first."),
    ({"status": "failed", "problem": {"status": 503, "detail": "no receipt"}}, NO_ANSWER,
     "no receipt"),
    ({"status": "failed", "problem": {"status": 400, "title": "Bad request"}}, NO,
     "Bad request")])
def test_declare_says_what_became_of_it(node: FakeNode, luftrom: Luftrom, tmp_path: Path,
                                        result: dict[str, Any], code: int, words: str) -> None:
    node.answers["POST /v1/operational_intents"] = lambda document: (200, {"results": [
        result | {"id": item["id"]} for item in document["operational_intents"]]})
    ran = luftrom("declare", declared(tmp_path))
    assert ran.code == code
    assert words in " ".join(ran.out.split()) and "HOP" in ran.out
    assert json.loads(luftrom("declare", declared(tmp_path), "--json").out)["results"][0][
        "status"] == result["status"]


def test_declare_says_what_is_free_instead(node: FakeNode, luftrom: Luftrom,
                                           tmp_path: Path) -> None:
    def suggestion(sentence: str, **shifts: int) -> dict[str, Any]:
        later = volume(730, 850) | {"time_start": {"value": "2026-11-24T15:32:00Z"}}
        return {"time_shift_s": 0, "altitude_shift_m": 0, "sentence": sentence,
                "volumes": [later]} | shifts

    path = f"/v1/operational_intents/{ENTITY}/suggestions"
    node.answers["POST /v1/operational_intents"] = lambda document: (200, {"results": [
        {"status": "refused", "against": [{"sentence": "BRAVO-7 was declared first, and conflicts "
                                           "are not permitted at this priority."}], "id": ENTITY}]})
    node.answers[f"GET {path}"] = (200, {"id": ENTITY, "suggestions": [
        suggestion("12 minutes later is free", time_shift_s=720),
        suggestion("30 m higher is free", altitude_shift_m=30),
        suggestion("300 m to the north-east is free", lateral_shift_m=300)]})
    ran = luftrom("declare", declared(tmp_path, id=ENTITY))
    assert ran.code == NO and max(map(len, ran.out.splitlines())) <= 80
    lines = [line.strip() for line in ran.out.splitlines()]
    first = lines.index("12 minutes later is free: from 15:32Z")
    assert lines[first + 1:first + 3] == ["30 m higher is free: 730 to 850 m W84",
                                          "300 m to the north-east is free"]
    assert lines[-1] == "0 of 1 accepted"
    printed = json.loads(luftrom("declare", declared(tmp_path, id=ENTITY), "--json").out)
    assert len(printed["results"][0]["suggestions"]) == 3
    node.answers[f"GET {path}"] = (409, {"detail": "it is accepted"})
    assert "free" not in luftrom("declare", declared(tmp_path, id=ENTITY)).out


def test_declare_checks_everything_before_it_asks(node: FakeNode, luftrom: Luftrom,
                                                  tmp_path: Path) -> None:
    ran = luftrom("declare", declared(tmp_path, time_end="2026-11-24T11:00:00Z"))
    assert ran.code == USAGE and "file.geojson: properties" in ran.err
    assert node.asked == []
    assert luftrom("declare", tmp_path / "nowhere").code == USAGE


def test_declare_replaces_by_the_ovn_that_stands(node: FakeNode, luftrom: Luftrom,
                                                 tmp_path: Path) -> None:
    path = f"/v1/operational_intents/{ENTITY}"
    node.answers[f"GET {path}"] = (200, intent(1))
    node.answers[f"PUT {path}"] = (200, intent(1, version=2))
    assert luftrom("declare", "--replace", declared(tmp_path, id=ENTITY)).code == 0
    method, asked, body, headers = node.asked[-1]
    assert (method, asked, headers) == ("PUT", path, {"If-Match": '"ovn-1"'})
    assert body["name"] == "HOP" and "id" not in body


def test_declare_gives_prior_notices_one_by_one(node: FakeNode, luftrom: Luftrom,
                                                tmp_path: Path) -> None:
    path = f"/v1/constraints/{ENTITY}"
    node.answers[f"PUT {path}"] = (201, NOTICE)
    assert luftrom("declare", declared(tmp_path, id=ENTITY, kind="constraint")).code == 0
    assert node.asked[-1][2]["kind"] == "closed area"
    node.answers[f"PUT {path}"] = (403, {"detail": "it is of another manager"})
    ran = luftrom("declare", declared(tmp_path, id=ENTITY, kind="constraint"))
    assert ran.code == NO and "it is of another manager" in ran.out


def test_withdraw_finds_by_name_or_start_of_id(node: FakeNode, luftrom: Luftrom) -> None:
    first, second = intent(1), intent(2)
    node.answers |= {"/v1/operational_intents": {"operational_intents": [first, second]},
                     "/v1/constraints": {"constraints": [NOTICE]}}
    for item, kind, words in ((first, "operational_intents", "SURVEY-01"),
                              (second, "operational_intents", second["id"]),
                              (NOTICE, "constraints", "aa83")):
        path = f"/v1/{kind}/{item['id']}"
        node.answers[f"DELETE {path}"] = (200, item)
        assert luftrom("withdraw", words).code == 0
        assert node.asked[-1][:2] == ("DELETE", path)
    many = luftrom("withdraw", "2f8343be")
    assert many.code == USAGE and "may be any of" in many.err
    none = luftrom("withdraw", "SURVEY-99")
    assert none.code == NO and "nothing that stands" in none.err
