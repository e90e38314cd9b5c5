"""datasets and meetings: the same volumes from each format, and what breaks each of them."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import volume_files as files
from luftrom import limits
from luftrom.batch.chunks import DataSet, Gathering
from luftrom.batch.files import read_chunks
from luftrom.batch.json_text import read_json
from luftrom.batch.meetings import digest, intent_pairs, meetings, volume_pairs
from luftrom.errors import BadInput, LuftromError
from luftrom.geometry.encounter import encounter
from luftrom.geometry.volume import Circle, Separation, Volume4D

MINIMA = Separation(300.0, 100.0, 60.0)
PLANS = files.plans(150, 1, degrees=0.08)


def data_of(*paths: Path) -> DataSet:
    gathering = Gathering()
    for number, path in enumerate(paths):
        with open(path, "rb") as file:
            for chunk in read_chunks(file):
                gathering.add(chunk, number)
    return gathering.data_set()


def data_in(text: str | bytes) -> DataSet:
    gathering = Gathering()
    data = text.encode() if isinstance(text, str) else text
    for chunk in read_chunks(io.BufferedReader(io.BytesIO(data))):
        gathering.add(chunk, 0)
    return gathering.data_set()


def feature(**properties: object) -> dict:
    [found] = files.features(files.plans(1, 3, volumes_max=1))
    return found | {"properties": found["properties"] | properties}


def found_in(data: DataSet) -> tuple[list, str]:
    groups = intent_pairs(data, volume_pairs(data, MINIMA))
    return ([(m.first.id, m.second.id, m.encounter) for m in meetings(data, groups, MINIMA)],
            digest(data, groups, MINIMA))


# -- the formats agree ---------------------------------------------------------------------------

WRITERS = {
    "a.geojson": files.geojson, "a.ndjson": files.geojson_lines, "a.json": files.f3548,
    "a.parquet": lambda plans, path: files.to_parquet(files.table(plans), path),
    "big-endian.parquet": lambda plans, path: files.to_parquet(
        files.table(plans, byte_order=0), path),
    "a.arrow": lambda plans, path: files.to_arrow(files.table(plans), path, 7),
    "a.arrows": lambda plans, path: files.to_stream(files.table(plans), path)}


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_gives_the_same_volumes(name: str, tmp_path: Path) -> None:
    data = data_of(WRITERS[name](PLANS, tmp_path / name))
    assert list(data.ids) == [plan.id for plan in PLANS]
    assert list(data.parties) == [plan.party for plan in PLANS]
    assert not data.notices.any()
    wanted = [(k, volume) for k, plan in enumerate(PLANS) for volume in plan.volumes]
    assert [(int(k), data.columns.volume(i)) for i, k in enumerate(data.owners)] == wanted


def test_the_pairs_are_those_of_every_intent_with_every_other(tmp_path: Path) -> None:
    found, _ = found_in(data_of(files.geojson(PLANS, tmp_path / "a.geojson")))
    wanted = []
    by_id = sorted(PLANS, key=lambda plan: plan.id)
    for k, one in enumerate(by_id):
        for other in by_id[k + 1:]:
            met = encounter(one.volumes, other.volumes, MINIMA)
            if met is not None:
                wanted.append((one.id, other.id, met))
    assert len(wanted) > 20
    assert found == wanted


def test_neither_format_nor_order_nor_division_changes_the_digest(tmp_path: Path) -> None:
    wanted = found_in(data_of(files.f3548(PLANS, tmp_path / "a.json")))
    backwards = files.to_parquet(files.table(PLANS[::-1]), tmp_path / "b.parquet")
    halves = [files.geojson(PLANS[:70], tmp_path / "c.geojson"),
              files.to_arrow(files.table(PLANS[70:]), tmp_path / "d.arrow")]
    assert found_in(data_of(backwards)) == wanted
    assert found_in(data_of(*halves)) == wanted
    fewer, changed = found_in(data_of(halves[1]))
    assert len(fewer) < len(wanted[0]) and changed != wanted[1]


def test_geoarrow_polygons_and_points(tmp_path: Path) -> None:
    rings = [plan for plan in PLANS if not any(isinstance(v.outline, Circle)
                                               for v in plan.volumes)]
    circles = [plan for plan in PLANS if all(isinstance(v.outline, Circle) for v in plan.volumes)]
    pair, double = pyarrow.list_(pyarrow.float64(), 2), pyarrow.float64()
    for plans, places in ((rings, _rings), (circles, _centres)):
        assert len(plans) >= 10
        table = files.table(plans)
        wanted = data_of(files.to_arrow(table, tmp_path / "wkb.arrow"))
        struct_type = pyarrow.struct([("x", double), ("y", double)])
        for kind, place in ((pair, list), (struct_type, lambda x: {"x": x[0], "y": x[1]})):
            native = pyarrow.array(places(plans, place), pyarrow.list_(pyarrow.list_(kind))
                                   if places is _rings else kind)
            whole = table.set_column(table.schema.get_field_index("geometry"), "geometry", native)
            for part in (whole, whole.slice(3)):
                data = data_of(files.to_arrow(part, tmp_path / "native.arrow", 4))
                count = len(part)
                assert [data.columns.volume(k) for k in range(count)] == [
                    wanted.columns.volume(k) for k in range(len(wanted.columns) - count,
                                                            len(wanted.columns))]


def _rings(plans, place):
    return [[[place(point) for point in shapely.get_coordinates(files.shape(v)).tolist()]]
            for plan in plans for v in plan.volumes]


def _centres(plans, place):
    return [place([v.outline.lng_deg, v.outline.lat_deg]) for plan in plans for v in plan.volumes]


def test_times_may_be_texts_or_other_units(tmp_path: Path) -> None:
    table = files.table(PLANS[:5])
    whole = table.set_column(
        table.schema.get_field_index("time_end"), "time_end",
        table["time_end"].cast(pyarrow.timestamp("ms", "Europe/Zurich"), safe=False))
    texts = [str(np.datetime64(value.value, "ns")) + "Z" for value in whole["time_start"]]
    whole = whole.set_column(whole.schema.get_field_index("time_start"), "time_start", [texts])
    data = data_of(files.to_parquet(whole, tmp_path / "a.parquet"))
    wanted = [volume for plan in PLANS[:5] for volume in plan.volumes]
    assert data.columns.times_ns[:, 0].tolist() == [v.time_start_ns for v in wanted]
    assert data.columns.times_ns[:, 1].tolist() == [v.time_end_ns // 10**6 * 10**6 for v in wanted]


def test_a_file_in_geoparquet_says_where_its_geometry_is(tmp_path: Path) -> None:
    table = files.table(PLANS[:3]).rename_columns(
        ["outline" if name == "geometry" else name for name in files.table(PLANS[:1]).column_names])

    def described(**column: object) -> Path:
        geo = {"version": "1.1.0", "primary_column": "outline",
               "columns": {"outline": {"encoding": "WKB", "geometry_types": []} | column}}
        return files.to_parquet(table.replace_schema_metadata({"geo": json.dumps(geo)}),
                                tmp_path / "a.parquet")

    for column in ({}, {"crs": {"id": {"authority": "EPSG", "code": 4326}}}):
        assert list(data_of(described(**column)).ids) == [plan.id for plan in PLANS[:3]]
    with pytest.raises(BadInput, match=r"geo\.columns\.outline\.crs: must be OGC:CRS84"):
        data_of(described(crs={"id": {"authority": "EPSG", "code": 2056}}))
    with pytest.raises(BadInput, match="crs"):
        data_of(described(crs=None))


# -- intents, parties and notices ----------------------------------------------------------------

NAME = feature()["properties"]["name"]


def here(**more: object) -> dict:
    """A feature of one place and time without an identifier."""
    plain = feature(**more)
    for name in {"id", "party"} - set(more):
        del plain["properties"][name]
    return plain


def test_volumes_without_an_id_stand_alone_and_those_with_one_together() -> None:
    lines = [here(), here(id="one"), here(id="one"), here(name="")]
    data = data_in("\n".join(map(json.dumps, lines)))
    assert list(data.ids) == ["#1", "one", "#4"]
    assert data.owners.tolist() == [0, 1, 1, 2]
    found, _ = found_in(data)
    assert [each[:2] for each in found] == [("#1", "#4"), ("#1", "one"), ("#4", "one")]


def test_only_conflicts_between_parties() -> None:
    lines = [here(id=name, party=party) for name, party in
             (("a", "alfa.example"), ("b", "alfa.example"), ("c", "bravo.example"))]
    data = data_in("\n".join(map(json.dumps, lines)))
    assert volume_pairs(data, MINIMA).tolist() == [[0, 1], [0, 2], [1, 2]]
    assert volume_pairs(data, MINIMA, between_parties=True).tolist() == [[0, 2], [1, 2]]
    nobody = data_in("\n".join(map(json.dumps, [*lines, here(id="d")])))
    with pytest.raises(BadInput, match="party: d names no party"):
        volume_pairs(nobody, MINIMA, between_parties=True)


def test_prior_notices_meet_intents_and_not_each_other() -> None:
    lines = [here(id="a", kind="constraint"), here(id="b", kind="constraint"), here(id="c")]
    data = data_in("\n".join(map(json.dumps, lines)))
    assert data.notices.tolist() == [True, True, False]
    assert volume_pairs(data, MINIMA).tolist() == [[0, 2], [1, 2]]


def test_what_is_said_of_an_intent_is_said_once(tmp_path: Path) -> None:
    def lines(*items: dict) -> str:
        return "\n".join(map(json.dumps, items))

    data = data_in(lines(here(id="a", party="p", kind="constraint"), here(id="a", name="late")))
    assert (data.parties, data.names, data.notices.tolist()) == (["p"], [NAME], [True])
    data = data_in(lines(here(id="a", name=""), here(id="a", name="late")))
    assert data.names == ["late"]
    for wrong, words in ((here(id="a", party="q"), "party: a is of p, and here of q"),
                         (here(id="a", kind="constraint"), "kind: a is an operational intent and")):
        with pytest.raises(BadInput, match=words):
            data_in(lines(here(id="a", party="p"), wrong))
    with pytest.raises(BadInput, match=r"volume 1\.id: must not begin with #"):
        data_in(lines(here(id="#2")))
    path = files.geojson(PLANS[:2], tmp_path / "a.geojson")
    with pytest.raises(BadInput, match="stands in a file before this one too"):
        data_of(path, path)


def test_documents_of_the_standard_and_of_luftrom() -> None:
    plan = PLANS[0]
    volumes = [files.encode_volume4d(v) for v in plan.volumes]
    intent = {"reference": {"id": plan.id.upper(), "manager": "uss1"},
              "details": {"volumes": volumes}}
    notice = {"reference": {"manager": "uss2"}, "details": {"volumes": volumes, "type": "x"}}
    for document, ids, notices in (
            ({"operational_intent": intent}, [plan.id], [False]),
            ({"constraint": notice}, ["#1"], [True]),
            ([intent, notice], [plan.id, f"#{len(volumes) + 1}"], [False, True]),
            ({"volumes": volumes, "priority": 3}, ["#1"], [False]),
            ({"operational_intents": [{"id": plan.id, "party": "p", "name": "N",
                                       "volumes": volumes, "off_nominal_volumes": []}],
              "constraints": [{"kind": "closed area", "volumes": volumes}]},
             [plan.id, f"#{len(volumes) + 1}"], [False, True])):
        data = data_in(json.dumps(document))
        assert list(data.ids) == ids and data.notices.tolist() == notices
        assert len(data.columns) == len(volumes) * len(ids)


# -- text ----------------------------------------------------------------------------------------

def items_of(data: bytes) -> list:
    return list(read_json(io.BytesIO(data)))


class Dripping(io.BytesIO):
    """A file that gives one byte, or a few, at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(3, size or 3))


@given(st.lists(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8), max_size=4),
    st.sampled_from([None, 1]))
def test_items_are_those_of_the_whole_text_however_it_is_cut(values: list, indent) -> None:
    text = json.dumps({"type": "FeatureCollection", "number": 12.5e-3, "features": values,
                       "more": [1, 20]}, indent=indent)
    wanted = [(f"features[{k}]", value) for k, value in enumerate(values)]
    assert items_of(text.encode()) == wanted
    assert list(read_json(Dripping(text.encode()))) == wanted
    plain = json.dumps({"a": values, "n": 12345})
    lines = f"\x1e{plain}\n\x1e{plain}\n".encode()
    assert list(read_json(Dripping(lines))) == [("[0]", json.loads(plain)),
                                                ("[1]", json.loads(plain))]


@pytest.mark.parametrize(("text", "words"), [
    (b"", "is empty"), (b" \n ", "holds nothing"), (b"GIF89a", "none of the formats"),
    (b"[1]", r"\[0\]: must be an object"), (b'{"features": [', "is cut off"),
    (b'{"type":"FeatureCollection","features":[{"type":"Feature"', r"features\[0\]: is cut off"),
    (b'{"type":"FeatureCollection","features":[]', "is cut off"),
    (b'{"type":"Other","features":[]}', "type: must be a GeoJSON FeatureCollection"),
    (b'{"a":1,"a":2}', "has the member 'a' twice"), (b'{"a":1,}', "comma"),
    (b'{"a" 1}', "stands where ':' must"), (b'{1:2}', "a member has no name"),
    (b'{"a":NaN}', "holds NaN"), (b'{"a":1e999}', "too large"), (b'{"a":"\xff"}', "UTF-8"),
    (b'{"a":"\\ud800"}', "half a surrogate"), (b'{"a":' + b"[" * 99, "is cut off"),
    (b'{"a":' + b"[" * 99 + b"]" * 99 + b"}", "nested deeper"),
    (b'[{"a":x}' + b" " * 300_000 + b"]", r"\[0\]: is not JSON: Expecting value")])
def test_text_that_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        data_in(text)


def test_what_stands_between_items_is_read_strictly() -> None:
    for text, words in ((b'{"a":1} x', r"\[1\]: is not JSON: 'x' begins no object"),
                        (b'[{"a":1} {"a":1}]', r"\[1\]: is not JSON: '{' stands where ',' must"),
                        (b'[{"a":1},]', r"\[1\]: is")):
        with pytest.raises(BadInput, match=words):
            items_of(text)


def test_a_feature_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DATASET_ITEM_CHARS_MAX", 1000)
    filler = ["x"] * 300
    for text in (json.dumps([{"a": filler}]), json.dumps({"a": filler}),
                 json.dumps({f"{k}": filler[:50] for k in range(9)}), '{"a": "' + "x" * 1_000_000):
        with pytest.raises(BadInput, match="longer than 1000 characters"):
            items_of(text.encode())


@pytest.mark.parametrize(("wrong", "words"), [
    ({"time_end": None}, r"features\[1\]\.properties\.time_end: must be text"),
    ({"altitude_m_w84_lower": 1e6}, r"features\[1\]\.properties\.altitude_m_w84_lower: must be"),
    ({"kind": "other"}, r"features\[1\]\.properties\.kind: must be"),
    ({"id": 7}, r"features\[1\]\.properties\.id: must be text"),
    ({"name": "x" * 129}, r"features\[1\]\.properties\.name: has 129 characters")])
def test_an_error_names_the_feature_and_the_field(wrong: dict, words: str) -> None:
    text = json.dumps({"type": "FeatureCollection", "features": [feature(), feature(**wrong)]})
    with pytest.raises(BadInput, match=words):
        data_in(text)


def test_json_of_another_kind_is_refused() -> None:
    for document in ({"a": 1}, {"reference": 1, "details": {}}, {"details": {"volumes": []}}):
        with pytest.raises(BadInput, match=r"\[0\]: "):
            data_in(json.dumps(document))


# -- Arrow that is refused -----------------------------------------------------------------------

TABLE = files.table(files.plans(6, 4, volumes_max=1))
NOT_UTC, WKB = pyarrow.timestamp("ns"), TABLE["geometry"].to_pylist()
RING = struct.pack("<BIII", 1, 3, 1, 4)
BOW = shapely.to_wkb(shapely.Polygon([(7, 46), (7.1, 46.1), (7.1, 46), (7, 46.1)]))


def with_column(name: str, values: object) -> pyarrow.Table:
    return TABLE.set_column(TABLE.schema.get_field_index(name), name, [values])


def with_geometry(value: bytes | None) -> pyarrow.Table:
    values = [*WKB[:2], value, *WKB[3:]]
    return with_column("geometry", pyarrow.array(values, pyarrow.binary()))


def with_number(name: str, value: float | None) -> pyarrow.Table:
    values = TABLE[name].to_pylist()
    return with_column(name, [*values[:2], value, *values[3:]])


@pytest.mark.parametrize(("table", "words"), [
    (TABLE.drop_columns("time_end"), "time_end: is missing"),
    (TABLE.drop_columns("geometry"), "geometry: is missing"),
    (TABLE.slice(0, 0), "holds no row"),
    (with_number("altitude_m_w84_lower", None), r"rows\[2\]\.altitude_m_w84_lower: is missing"),
    (with_number("altitude_m_w84_upper", float("nan")), r"rows\[2\]\.altitude_m_w84_upper: must"),
    (with_column("altitude_m_w84_upper", ["1"] * 6), "must be a column of numbers"),
    (with_column("time_start", TABLE["time_start"].cast(NOT_UTC).combine_chunks()),
     "time_start: must have a time zone"),
    (with_column("time_start", pyarrow.array([10**15] * 6, pyarrow.timestamp("s", "UTC"))),
     "holds a value of type"),
    (with_column("time_start", ["yesterday"] * 6), r"rows\[0\]\.time_start: must be an RFC 3339"),
    (with_column("time_start", TABLE["time_end"].combine_chunks()), r"rows\[0\]\.time_end: must"),
    (with_column("id", [1.5] * 6), "id: must be a column of texts"),
    (with_column("name", ["x" * 129] * 6), r"volume 1\.name: has 129 characters"),
    (TABLE.append_column("kind", [["other"] * 6]), r"rows\[0\]\.kind: must be"),
    (with_geometry(None), r"rows\[2\]\.geometry: is missing"),
    (with_geometry(b""), r"rows\[2\]\.geometry: is no whole WKB"),
    (with_geometry(b"\x07" * 21), "its first byte is neither 0 nor 1"),
    (with_geometry(shapely.to_wkb(shapely.MultiPoint([(7, 46), (8, 46)]))), "neither a Polygon"),
    (with_geometry(shapely.to_wkb(shapely.Point(7, 46, 5))), "neither a Polygon"),
    (with_geometry(shapely.to_wkb(shapely.Point(7, 46).buffer(1).difference(
        shapely.Point(7, 46).buffer(0.5)))), "has holes"),
    (with_geometry(RING), "longer or shorter"), (with_geometry(WKB[2] + b"\0"), "longer or short"),
    (with_geometry(struct.pack("<BIII", 1, 3, 1, 2**32 - 1)), "longer or shorter"),
    (with_geometry(shapely.to_wkb(shapely.Polygon())), r"rows\[2\]\.geometry: is"),
    (with_geometry(RING + struct.pack("<8d", 7, 46, 7.1, 46, 7.1, 46.1, 7, 46.1)), "is not closed"),
    (with_geometry(struct.pack("<BIII2d", 1, 3, 1, 1, 7, 46)), "ring of at least 4 places"),
    (with_geometry(BOW), r"rows\[2\]\.geometry"),
    (with_geometry(RING + struct.pack("<8d", 7, 96, 7.1, 96, 7.1, 96.1, 7, 96)),
     r"rows\[2\]\.geometry\.vertices\[0\]: lat must be"),
    (with_geometry(struct.pack("<BI2d", 1, 1, float("nan"), 46)).set_column(
        4, "radius_m", [[90.0] * 6]), r"rows\[2\]\.geometry: must be -180 to 180"),
    (with_geometry(struct.pack("<BI2d", 1, 1, 7, 46)).set_column(4, "radius_m", [[0.0] * 6]),
     r"rows\[\d\]\.radius_m: must be the radius"),
    (with_geometry(struct.pack("<BI2d", 1, 1, 7, 46)).drop_columns("radius_m"), "radius_m: is mis"),
    (with_column("geometry", ["POINT (7 46)"] * 6), "is neither WKB nor GeoArrow"),
    (with_column("geometry", [[7.0]] * 6), "is neither WKB nor GeoArrow"),
    (with_column("geometry", pyarrow.array([[], [], [], [], [], []], pyarrow.list_(
        pyarrow.list_(pyarrow.list_(pyarrow.float64(), 2))))), r"rows\[0\]\.geometry: is empty"),
    (TABLE.replace_schema_metadata({"geo": "[]"}), "geo: names no primary column"),
    (TABLE.replace_schema_metadata({"geo": "{"}), "geo: is not JSON")])
def test_columns_that_are_refused(table: pyarrow.Table, words: str, tmp_path: Path) -> None:
    for write, name in ((files.to_parquet, "a.parquet"), (files.to_stream, "a.arrows")):
        with pytest.raises(BadInput, match=words):
            data_of(write(table, tmp_path / name))


def test_rows_are_counted_through_all_batches(tmp_path: Path) -> None:
    table = with_number("altitude_m_w84_lower", float("nan"))
    with pytest.raises(BadInput, match=r"^rows\[8\]\.altitude_m_w84_lower: "):
        data_of(files.to_arrow(pyarrow.concat_tables([TABLE, table]), tmp_path / "a.arrow", 4))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_damaged_files_are_refused_and_never_read_as_something_else(
        name: str, tmp_path: Path) -> None:
    path = WRITERS[name](PLANS[:4], tmp_path / name)
    data = path.read_bytes()
    wanted = data_of(path)
    for length in range(8, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:length])
        try:
            found = data_of(path)
        except BadInput:
            continue
        # An Arrow stream may end without its mark of the end, behind any whole batch.
        assert name == "a.arrows" and list(found.ids) == list(wanted.ids)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_bytes_that_changed_are_refused_or_still_volumes(name: str, tmp_path: Path) -> None:
    data = WRITERS[name](PLANS[:4], tmp_path / name).read_bytes()
    random = np.random.default_rng(6)
    refused = 0
    for _ in range(300):
        spoilt = bytearray(data)
        spoilt[random.integers(len(data))] = random.choice([0, 255, random.integers(256)])
        try:
            found = data_in(bytes(spoilt))
        except BadInput:
            refused += 1
        else:
            assert all(found.columns.volume(k) for k in range(len(found.columns)))
    assert refused > 100


def test_without_pyarrow_the_error_says_how_to_get_it(tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.to_parquet(TABLE, tmp_path / "a.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(LuftromError, match=r"pip install 'luftrom\[arrow\]'"):
        data_of(path)


# -- what files may hold -------------------------------------------------------------------------

def test_twenty_thousand_volumes(tmp_path: Path) -> None:
    many = files.plans(10_000, 5, degrees=2.0)
    data = data_of(files.to_parquet(files.table(many), tmp_path / "a.parquet"))
    assert len(data.columns) == sum(len(plan.volumes) for plan in many) > 19_000
    found, _ = found_in(data)
    by_id = {plan.id: plan.volumes for plan in many}
    assert len(found) > 100
    assert all(encounter(by_id[one], by_id[other], MINIMA) == met for one, other, met in found)


def test_an_empty_data_set_has_no_conflicts() -> None:
    data = Gathering().data_set()
    assert found_in(data)[0] == []
    assert isinstance(data_in(json.dumps(here())).columns.volume(0), Volume4D)
