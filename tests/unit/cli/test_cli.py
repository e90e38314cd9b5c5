"""cli: the group, exit codes, and the commands that need no node."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from luftrom.cli.main import COMMANDS, DEFECT, INTERRUPTED, NO, NO_ANSWER, USAGE, cli, exit_code
from luftrom.cli.reference import contexts
from luftrom.cli.terminal import clean, format_age, format_span, plural
from luftrom.errors import (
    BadInput,
    Conflict,
    Forbidden,
    LuftromError,
    NotAcknowledged,
    TooLarge,
    Unavailable,
    Unverified,
)
from ran import Luftrom, in_process

TERMS = {"name": "Test skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 500, "vertical_m": 100, "time_s": 60},
         "priority_levels": [{"priority": 0, "conflicts_permitted": False}],
         "undeclared_priority_permits": False, "silence": {"mode": "hold", "after_s": 10}}


@pytest.fixture(autouse=True)
def plain_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LUFTROM_DIR", "LUFTROM_URL", "LUFTROM_TOKEN", "LUFTROM_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def luftrom(capsys: pytest.CaptureFixture[str]) -> Luftrom:
    return in_process(capsys)


def found(luftrom: Luftrom, *names: str) -> list[Path]:
    for i, name in enumerate(names):
        assert luftrom("init", "--dir", name, "--party", f"{name}.example",
                       "--base-url", f"http://127.0.0.1:{8601 + i}").code == 0
    return [Path(name) for name in names]


def draft(luftrom: Luftrom, *directories: Path) -> Path:
    Path("terms.json").write_text(json.dumps(TERMS))
    cards = [directory / "keycard.json" for directory in directories]
    assert luftrom("agreement", "new", "--terms", "terms.json", "--out", "a.json",
                   *cards).code == 0
    return Path("a.json")


# -- the group -----------------------------------------------------------------------------------

def test_every_command_is_listed_as_it_describes_itself() -> None:
    context = click.Context(cli)
    for name, (*_, line) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command.name == name
        assert command.short_help == line
        assert len(line) <= 66


@pytest.mark.parametrize(("path", "context"), [pytest.param(*each, id=each[0])
                                               for each in contexts()])
def test_help_has_an_example_and_fits_the_screen(path: str, context: click.Context) -> None:
    text = context.get_help()
    assert "Example" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    arguments = [word for line in text.splitlines() for word in [line.strip()]
                 if word.startswith("luftrom ")]
    assert any(line.startswith(path) for line in arguments)


@pytest.mark.parametrize(("path", "context"), [pytest.param(*each, id=each[0])
                                               for each in contexts()])
def test_every_command_that_reports_has_json(path: str, context: click.Context) -> None:
    options = {name for parameter in context.command.params for name in parameter.opts}
    if isinstance(context.command, click.Group) or path in ("luftrom serve", "luftrom completion"):
        return
    assert "--json" in options


def test_help_imports_nothing_heavy() -> None:
    code = ("import sys; from luftrom.cli.main import run; run(['--help']); "
            "heavy = {'numba', 'numpy', 'rich', 'aiohttp', 'cryptography'}; "
            "print(sorted(heavy & set(sys.modules)))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["token", "--dir", "alfa", "--manager", "x"],
                                       ["card", "show", "--dir", "alfa"]])
def test_light_commands_do_not_load_the_engine(luftrom: Luftrom, arguments: list[str]) -> None:
    found(luftrom, "alfa")
    code = (f"import sys; from luftrom.cli.main import run; run({arguments!r}); "
            "print(sorted({'numba', 'starlette', 'uvicorn'} & set(sys.modules)))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_command_is_suggested(luftrom: Luftrom) -> None:
    ran = luftrom("agrement")
    assert (ran.code, ran.out) == (USAGE, "")
    assert "did you mean agreement?" in ran.err


def test_version(luftrom: Luftrom) -> None:
    assert luftrom("--version").out.startswith("luftrom 0.")


# -- exit codes ----------------------------------------------------------------------------------

@pytest.mark.parametrize(("error", "code"), [
    (BadInput("x"), USAGE), (TooLarge("x"), USAGE), (Unverified("x"), NO), (Conflict("x"), NO),
    (Forbidden("x"), NO), (Unavailable("x"), NO_ANSWER), (NotAcknowledged("x"), NO_ANSWER),
    (LuftromError("x", status=503), NO_ANSWER), (LuftromError("x", status=404), NO)])
def test_exit_codes_of_refusals(error: LuftromError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(("error", "code", "words"), [
    (KeyboardInterrupt(), INTERRUPTED, "stopped"), (click.Abort(), INTERRUPTED, "stopped"),
    (PermissionError(13, "Permission denied", "/x"), NO, "Permission denied: /x"),
    (ValueError("bug"), DEFECT, "a defect of Luftrom: ValueError: bug"),
    (Unavailable("no answer\x1b[2J"), NO_ANSWER, "no answer\ufffd[2J"),
    (click.FileError("f", "broken"), USAGE, "broken")])
def test_whatever_goes_wrong_is_one_line(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch,
                                         error: BaseException, code: int, words: str) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fail)
    ran = luftrom("status")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("luftrom: ") and words in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m luftrom --help | head -1"
    out = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert out.stderr == ""


# -- founding, cards, tokens -----------------------------------------------------------------------

def test_init_says_what_it_made(luftrom: Luftrom) -> None:
    made = luftrom("init", "--dir", "alfa", "--party", "alfa.example", "--base-url",
                   "http://127.0.0.1:8601", "--json").json
    assert made["listen"] == {"host": "127.0.0.1", "port": 8601}
    assert made["fingerprint"] == luftrom("card", "show", "--dir", "alfa",
                                          "--json").json["fingerprint"]
    again = luftrom("init", "--dir", "alfa", "--party", "alfa.example", "--base-url", "http://x")
    assert (again.code, again.out) == (NO, "")
    assert "nothing is overwritten" in again.err


@pytest.mark.parametrize("listen", ["8600", "host", "host:", "host:99999", ":8600", "a:b"])
def test_bad_listen_addresses_are_refused(luftrom: Luftrom, listen: str) -> None:
    ran = luftrom("init", "--dir", "alfa", "--party", "alfa.example", "--base-url", "http://x",
                  "--listen", listen)
    assert ran.code == USAGE and "listen" in ran.err
    assert not Path("alfa").exists()


def test_listen_takes_ipv6(luftrom: Luftrom) -> None:
    made = luftrom("init", "--dir", "alfa", "--party", "alfa.example", "--base-url", "http://x",
                   "--listen", "[::1]:8600", "--json").json
    assert made["listen"] == {"host": "::1", "port": 8600}


def test_card_check_compares_what_was_read_aloud(luftrom: Luftrom) -> None:
    found(luftrom, "alfa")
    letters = luftrom("card", "show", "alfa/keycard.json", "--json").json["fingerprint"]
    assert luftrom("card", "check", "alfa/keycard.json", *letters.lower().split()).code == 0
    assert luftrom("card", "check", "alfa/keycard.json", letters.replace(" ", "-")).code == 0
    wrong = luftrom("card", "check", "alfa/keycard.json", letters[:-1])
    assert wrong.code == NO and "another card" in wrong.err
    assert luftrom("card", "check", "alfa/keycard.json", "AAAA", "--json").json["same"] is False


def test_a_token_says_who_for_whom_and_how_long(luftrom: Luftrom) -> None:
    found(luftrom, "alfa")
    made = luftrom("token", "--dir", "alfa", "--manager", "drones", "--scope", "luftrom.read",
                   "--minutes", "5", "--json").json
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "=="))
                      for part in made["token"].split(".")[:2])
    assert header == {"alg": "Ed25519", "kid": "alfa.example#token", "typ": "JWT"}
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["iss"], claims["aud"], claims["sub"], claims["scope"]) == (
        "alfa.example/token", "127.0.0.1", "drones", "luftrom.read")
    assert luftrom("token", "--dir", "alfa", "--manager", "drones").out.count(".") == 2


@pytest.mark.parametrize("arguments", [["--manager", ""], ["--manager", "x" * 200],
                                       ["--manager", "a", "--scope", "two words"],
                                       ["--manager", "a", "--minutes", "0"]])
def test_tokens_that_cannot_be_are_refused(luftrom: Luftrom, arguments: list[str]) -> None:
    found(luftrom, "alfa")
    ran = luftrom("token", "--dir", "alfa", *arguments)
    assert (ran.code, ran.out) == (USAGE, "")


# -- agreements ------------------------------------------------------------------------------------

def test_an_agreement_from_draft_to_force(luftrom: Luftrom) -> None:
    alfa, bravo = found(luftrom, "alfa", "bravo")
    path = draft(luftrom, alfa, bravo)
    assert luftrom("agreement", "show", path).code == NO
    early = luftrom("agreement", "install", "--dir", "alfa", path)
    assert early.code == NO and "not signed by" in early.err
    for directory in (alfa, bravo):
        assert luftrom("agreement", "sign", "--dir", directory, "--yes", path).code == 0
    shown = luftrom("agreement", "show", path, "--json")
    assert shown.code == 0
    assert shown.json["signatures"] == {"alfa.example": "signed", "bravo.example": "signed"}
    for directory in (alfa, bravo):
        installed = luftrom("agreement", "install", "--dir", directory, path, "--json").json
        assert installed["digest"] == shown.json["digest"]
    words = luftrom("agreement", "show", "--dir", "alfa").out
    assert "Test skies" in words and "500 m lateral" in words and shown.json["digest"] in words


def test_signing_asks_first(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draft(luftrom, *found(luftrom, "alfa", "bravo"))
    before = path.read_bytes()
    for answer in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", __import__("io").StringIO(answer))
        ran = luftrom("agreement", "sign", "--dir", "alfa", path)
        assert ran.code == NO and "not signed" in ran.err
        assert "Test skies" in ran.out
    assert path.read_bytes() == before


def test_a_draft_overwrites_nothing_and_names_bad_terms(luftrom: Luftrom) -> None:
    alfa, bravo = found(luftrom, "alfa", "bravo")
    draft(luftrom, alfa, bravo)
    cards = [alfa / "keycard.json", bravo / "keycard.json"]
    again = luftrom("agreement", "new", "--terms", "terms.json", "--out", "a.json", *cards)
    assert again.code == NO and "nothing is overwritten" in again.err
    Path("bad.json").write_text(json.dumps(TERMS | {"silence": {"mode": "sulk", "after_s": 1}}))
    bad = luftrom("agreement", "new", "--terms", "bad.json", "--out", "b.json", *cards)
    assert bad.code == USAGE and "bad.json: silence.mode must be one of hold, proceed" in bad.err
    assert not Path("b.json").exists()


def test_nothing_is_called_verified_that_was_not(luftrom: Luftrom) -> None:
    found(luftrom, "alfa")
    for arguments in (["audit", "alfa"], ["audit", "http://127.0.0.1:8601", "--json"]):
        ran = luftrom(*arguments)
        assert ran.code != 0 and ran.out == ""
        assert ran.err.startswith("luftrom: ")


# -- input of declare ------------------------------------------------------------------------------

def volume(**changed: object) -> dict[str, Any]:
    def altitude(value: float) -> dict[str, Any]:
        return {"value": value, "reference": "W84", "units": "M"}

    return {"volume": {
        "outline_circle": {"center": {"lat": 46.0, "lng": 7.0},
                           "radius": {"value": 300, "units": "M"}},
        "altitude_lower": altitude(500), "altitude_upper": altitude(600)},
        "time_start": {"value": "2026-11-24T12:00:00Z", "format": "RFC3339"},
        "time_end": {"value": "2026-11-24T13:00:00Z", "format": "RFC3339"}} | changed


FEATURE = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [7.0, 46.0]},
           "properties": {"name": "HOP", "radius_m": 300, "time_start": "2026-11-24T12:00:00Z",
                          "time_end": "2026-11-24T13:00:00Z", "altitude_m_w84_lower": 500,
                          "altitude_m_w84_upper": 600}}
ENTITY = "2f8343be-6482-4d1b-a474-16847e01af1e"


def read(value: object) -> Any:
    from luftrom.cli.declare import read_requests

    return read_requests(json.dumps(value).encode(), "file.json")


@pytest.mark.parametrize("value", [
    FEATURE, {"type": "FeatureCollection", "features": [FEATURE]}, {"volumes": [volume()]},
    {"operational_intents": [{"volumes": [volume()]}]},
    {"extents": [volume()], "state": "Accepted", "uss_base_url": "https://u.example", "key": []},
    {"reference": {"id": ENTITY, "state": "Accepted"}, "details": {"volumes": [volume()]}},
    {"operational_intent": {"reference": {"id": ENTITY}, "details": {"volumes": [volume()]}}}])
def test_every_form_of_a_file_declares_the_same(value: object) -> None:
    request, = read(value)
    assert not request.is_constraint
    assert request.path.startswith("/v1/operational_intents/")
    (entry,) = request.body["volumes"]
    assert entry["volume"]["outline_circle"]["radius"]["value"] == 300
    assert (request.body["state"], request.body["priority"]) == ("Accepted", 0)
    assert request.body["off_nominal_volumes"] == []


def test_prior_notices_are_told_apart() -> None:
    closed = {**FEATURE, "properties": FEATURE["properties"] | {"kind": "constraint"}}
    intent, notice = read({"type": "FeatureCollection", "features": [FEATURE, closed]})
    assert (intent.is_constraint, notice.is_constraint) == (False, True)
    assert notice.path.startswith("/v1/constraints/")
    both = read({"operational_intents": [], "constraints": [
        {"id": ENTITY, "name": "Range", "kind": "danger area", "volumes": [volume()]}]})
    assert (both[0].path, both[0].body["kind"]) == (f"/v1/constraints/{ENTITY}", "danger area")


@pytest.mark.parametrize(("value", "words"), [
    (3, "must be an object"), ({}, "volumes"), ({"volumes": []}, "at least one 4D volume"),
    ({"volumes": [volume(), volume(time_end=None)]}, r"volumes\[1\].time_end"),
    ({"reference": {"id": "x"}, "details": {"volumes": [volume()]}}, "id must be"),
    ({"reference": 3, "details": {"volumes": [volume()]}}, "must be"),
    ({"operational_intents": [{"volumes": [volume()]}, 3]}, r"operational_intents\[1\]"),
    ({"type": "Feature", "geometry": None, "properties": {}}, "file.json: ")])
def test_bad_files_name_the_file_and_the_place(value: object, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refusal:
        read(value)
    assert str(refusal.value).startswith("file.json: ")


def test_online_commands_want_to_know_which_node(luftrom: Luftrom) -> None:
    ran = luftrom("status")
    assert ran.code == USAGE and "--dir" in ran.err


def test_nobody_answering_is_its_own_exit_code(luftrom: Luftrom) -> None:
    found(luftrom, "alfa")
    for arguments in (["status", "--dir", "alfa"], ["conflicts", "--url", "http://127.0.0.1:8601"]):
        ran = luftrom(*arguments)
        assert (ran.code, ran.out) == (NO_ANSWER, "")
        assert "no answer from http://127.0.0.1:8601: nobody listens there" in ran.err
    assert "luftrom serve --dir alfa" in luftrom("status", "--dir", "alfa").err


# -- the screen ------------------------------------------------------------------------------------

def test_texts_from_elsewhere_cannot_move_the_cursor() -> None:
    assert clean("a\x1b[31mb\x07\u202ec\r\nd\u200be") == "a\ufffd[31mb\ufffd\ufffdc\ufffd\nd\ufffde"


@pytest.mark.parametrize(("start", "end", "text"), [
    ("2026-11-24T15:20:00Z", "2026-11-24T16:20:00Z", "24 Nov 15:20–16:20Z"),
    ("2026-11-24T23:20:00Z", "2026-11-25T00:20:00Z", "24 Nov 23:20–25 Nov 00:20Z"),
    (None, None, "")])
def test_spans_of_time(start: str | None, end: str | None, text: str) -> None:
    assert format_span(start, end) == text


def test_ages_and_counts() -> None:
    assert [format_age(age) for age in (None, 0.84, 59.6, 600, 8000, 200_000)] == [
        "never", "0.8 s", "60 s", "10 min", "2 h", "2 days"]
    assert [plural(1, "conflict"), plural(1203, "conflict"), plural(0, "vertex", "vertices")] == [
        "1 conflict", "1,203 conflicts", "0 vertices"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(luftrom: Luftrom, shell: str) -> None:
    assert "_LUFTROM_COMPLETE" in luftrom("completion", shell).out


def test_completion_completes() -> None:
    out = subprocess.run([sys.executable, "-m", "luftrom"], capture_output=True, text=True,
                         check=False, env={"_LUFTROM_COMPLETE": "bash_complete", "PATH": "",
                                           "COMP_WORDS": "luftrom agreement in", "COMP_CWORD": "2"})
    assert out.stdout.splitlines() == ["plain,install"]
