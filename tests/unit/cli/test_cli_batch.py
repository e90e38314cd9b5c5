"""`luftrom conflicts --in FILE`: the page's example, what is written, minima, refusals."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
import shapely
from pyarrow import parquet

import volume_files as files
from luftrom.cli.main import NO, USAGE
from luftrom.config.agreements import install_agreement, new_agreement, sign_agreement
from luftrom.config.keycard import load_key_card
from luftrom.config.settings import load_settings
from ran import Luftrom, in_process

PAGE = (Path(__file__).parents[3] / "docs" / "batch.md").read_text(encoding="utf-8")
DAY = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
MINIMA = ("--lateral", "500", "--vertical", "100", "--time", "60")
TERMS = {"name": "Test skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 500, "vertical_m": 100, "time_s": 60},
         "priority_levels": [], "undeclared_priority_permits": False,
         "silence": {"mode": "hold", "after_s": 10}}


@pytest.fixture(autouse=True)
def plain_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LUFTROM_DIR", "LUFTROM_URL", "LUFTROM_TOKEN", "LUFTROM_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    Path("day.ndjson").write_text(DAY)


@pytest.fixture
def luftrom(capsys: pytest.CaptureFixture[str]) -> Luftrom:
    return in_process(capsys)


def test_the_example_of_the_page(luftrom: Luftrom) -> None:
    command, shown = re.search(r"```\n\$ luftrom (.*?)\n(.*?)```", PAGE, re.DOTALL).groups()
    ran = luftrom(*command.split())
    assert (ran.code, ran.err) == (0, "")
    assert [line.rstrip() for line in ran.out.splitlines()] == shown.splitlines()
    assert luftrom(*command.split(), "--check").code == NO
    apart = luftrom("conflicts", "--in", "day.ndjson", "--lateral", 0, "--vertical", 0, "--time", 0,
                    "--check")
    assert apart.code == 0 and apart.out.startswith("No conflict\n")


def test_errors_of_the_page(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"^luftrom: .*", PAGE, re.MULTILINE)
    table = files.table(files.plans(9, 1, volumes_max=1))
    numbers = [*table["altitude_m_w84_lower"].to_pylist()[:8], 1e6]
    files.to_parquet(table.set_column(table.column_names.index("altitude_m_w84_lower"),
                                      "altitude_m_w84_lower", [numbers]), Path("plans.parquet"))
    features = files.features(files.plans(2, 1, volumes_max=1))
    del features[1]["properties"]["time_end"]
    Path("day.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for name, line in zip(("plans.parquet", "day.geojson"), shown, strict=True):
        ran = luftrom("conflicts", "--in", name, *MINIMA)
        assert (ran.code, ran.out, ran.err) == (USAGE, "", line + "\n")


def test_formats_and_standard_input_give_one_digest(luftrom: Luftrom,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    plans = files.plans(200, 2, degrees=0.1)
    paths = [files.geojson(plans, Path("a.geojson")), files.f3548(plans, Path("b.json")),
             files.to_parquet(files.table(plans), Path("c.parquet")),
             files.to_arrow(files.table(plans), Path("d.arrow"), 50)]
    found = [luftrom("conflicts", "--in", path, *MINIMA, "--json").json for path in paths]
    assert found[0]["count"] == len(found[0]["conflicts"]) > 20
    assert [each["digest"] for each in found] == [found[0]["digest"]] * 4
    for document in found[2:]:
        assert document == found[0]
    stream = files.to_stream(files.table(plans), Path("e.arrows"))
    for path in (paths[0], stream):
        with io.TextIOWrapper(open(path, "rb")) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert luftrom("conflicts", "--in", "-", *MINIMA, "--json").json == found[0]
    few = luftrom("conflicts", "--in", paths[0], *MINIMA, "--json", "--rows", 2).json
    assert few == found[0] | {"conflicts": found[0]["conflicts"][:2]}
    shown = luftrom("conflicts", "--in", paths[0], *MINIMA).out
    assert f"and {found[0]['count'] - 20:,} more" in shown
    assert max(map(len, shown.splitlines())) <= 80
    times = [each["time_start"] for each in found[0]["conflicts"]]
    assert times == sorted(times)


def test_only_between_parties(luftrom: Luftrom) -> None:
    path = files.geojson(files.plans(200, 2, degrees=0.1), Path("a.geojson"))
    every = luftrom("conflicts", "--in", path, *MINIMA, "--json").json["conflicts"]
    between = luftrom("conflicts", "--in", path, *MINIMA, "--json", "--between-parties").json
    assert 0 < between["count"] < len(every)
    assert between["conflicts"] == [each for each in every
                                    if each["first"]["party"] != each["second"]["party"]]


def test_all_conflicts_are_written_out(luftrom: Luftrom) -> None:
    path = files.geojson(files.plans(200, 2, degrees=0.1), Path("a.geojson"))
    every = luftrom("conflicts", "--in", path, *MINIMA, "--json").json["conflicts"]
    for name in ("out.jsonl", "out.geojson", "out.parquet"):
        Path(name).write_text("what was there before")
        assert luftrom("conflicts", "--in", path, *MINIMA, "--rows", 0, "--out", name).code == 0
    lines = Path("out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == every
    features = json.loads(Path("out.geojson").read_text(encoding="utf-8"))["features"]
    rows = parquet.read_table("out.parquet").to_pylist()
    for conflict, feature, row in zip(every, features, rows, strict=True):
        place = [conflict["where"]["lng"], conflict["where"]["lat"]]
        assert feature["geometry"] == {"type": "Point", "coordinates": place}
        assert shapely.get_coordinates(shapely.from_wkb(row.pop("geometry"))).tolist() == [place]
        assert row == feature["properties"]
        assert row["first_id"] == conflict["first"]["id"]
        assert row["sentence"] == conflict["sentence"]
    assert json.loads(parquet.read_schema("out.parquet").metadata[b"geo"])["version"] == "1.1.0"


def test_what_fails_writes_nothing_over_what_was_there(luftrom: Luftrom) -> None:
    Path("out.jsonl").write_text("before")
    Path("bad.json").write_text("[{}]")
    assert luftrom("conflicts", "--in", "bad.json", *MINIMA, "--out", "out.jsonl").code == USAGE
    assert Path("out.jsonl").read_text() == "before"
    assert sorted(path.name for path in Path().iterdir()) == ["bad.json", "day.ndjson", "out.jsonl"]


def test_minima_of_an_agreement(luftrom: Luftrom) -> None:
    cards = []
    for number, name in enumerate(("alfa", "bravo")):
        assert luftrom("init", "--dir", name, "--party", f"{name}.example", "--base-url",
                       f"http://127.0.0.1:{8601 + number}").code == 0
        cards.append(load_key_card(load_settings(Path(name)).key_card_path))
    none = luftrom("conflicts", "--in", "day.ndjson", "--dir", "alfa")
    assert none.code == USAGE and "say how near is too near" in none.err
    envelope = new_agreement(cards, TERMS)
    for name in ("alfa", "bravo"):
        envelope = sign_agreement(envelope, load_settings(Path(name)))
    install_agreement(envelope, load_settings(Path("alfa")))
    given = luftrom("conflicts", "--in", "day.ndjson", *MINIMA).out
    assert "1 conflict" in given
    for source in (("--dir", "alfa"), ("--agreement", "alfa/agreement.json")):
        assert luftrom("conflicts", "--in", "day.ndjson", *source).out == given
    assert luftrom("conflicts", "--in", "day.ndjson", "--dir", "alfa", *MINIMA[:2]).code == USAGE
    both = luftrom("conflicts", "--in", "day.ndjson", "--agreement", "alfa/agreement.json", *MINIMA)
    assert both.code == USAGE and "--agreement says" in both.err


@pytest.mark.parametrize(("arguments", "words"), [
    (("--in", "day.ndjson"), "say how near is too near"),
    (("--in", "day.ndjson", *MINIMA[:4]), "give all of"),
    (("--in", "day.ndjson", "--lateral", "-1", *MINIMA[2:]), "lateral_m: must be 0 to"),
    (("--in", "day.ndjson", *MINIMA, "--out", "a.csv"), "must end in .jsonl, .geojson, .parquet"),
    (("--in", "none.json", *MINIMA), "No such file"), (MINIMA, "this is for files"),
    (("--between-parties",), "this is for files"),
    (("--in", "empty", *MINIMA), "empty: is empty"),
    (("--in", "text", *MINIMA), "text: is in none of the formats that are read: GeoJSON"),
    (("--in", "day.ndjson", "--in", "day.ndjson", *MINIMA), "stands in a file before this one")])
def test_what_is_no_use_is_refused_in_one_line(luftrom: Luftrom, arguments: tuple[str, ...],
                                               words: str) -> None:
    Path("empty").touch()
    Path("text").write_text("hello")
    ran = luftrom("conflicts", *arguments)
    assert (ran.code, ran.out) == (USAGE, "")
    assert words in ran.err and ran.err.count("\n") == 1


def test_parquet_from_a_pipe(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.to_parquet(files.table(files.plans(2, 1)), Path("a.parquet"))
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(path.read_bytes())
    with io.TextIOWrapper(open(reading, "rb")) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ran = luftrom("conflicts", "--in", "-", *MINIMA)
    assert ran.code == USAGE and "cannot be read from a pipe" in ran.err


def test_without_pyarrow(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.to_parquet(files.table(files.plans(2, 1)), Path("a.parquet"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for arguments in (("--in", path), ("--in", "day.ndjson", "--out", "b.parquet")):
        ran = luftrom("conflicts", *arguments, *MINIMA)
        assert ran.code == NO and "pip install 'luftrom[arrow]'" in ran.err
    assert not Path("b.parquet").exists()


def test_progress_on_a_terminal(luftrom: Luftrom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ran = luftrom("conflicts", "--in", "day.ndjson", *MINIMA)
    assert "Reading 2 volumes" in ran.err and "Comparing 2 volumes" in ran.err
    assert ran.out.startswith("1 conflict\n")
