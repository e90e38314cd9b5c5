"""Conflicts to a file: JSON lines, GeoJSON of the places, GeoParquet. Documents in, bytes out."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

from luftrom.batch.arrow import GEOMETRY, require_pyarrow

Documents = Iterable[Mapping[str, Any]]

_ROWS = 65_536
_GEO = {"version": "1.1.0", "primary_column": GEOMETRY,
        "columns": {GEOMETRY: {"encoding": "WKB", "geometry_types": ["Point"]}}}


def write_json_lines(file: IO[bytes], documents: Documents) -> None:
    """A document a line."""
    for document in documents:
        file.write(_compact(document) + b"\n")


def write_geojson(file: IO[bytes], documents: Documents) -> None:
    """A FeatureCollection (RFC 7946) of the places where two come closest."""
    file.write(b'{"type":"FeatureCollection","features":[')
    for number, document in enumerate(documents):
        place = document["where"]
        file.write((b",\n" if number else b"\n") + _compact({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [place["lng"], place["lat"]]},
            "properties": _flat(document)}))
    file.write(b"\n]}\n")


def write_parquet(file: IO[bytes], documents: Documents) -> None:
    """GeoParquet 1.1 of the same places; LuftromError without pyarrow."""
    pyarrow = require_pyarrow()
    from pyarrow import parquet

    texts = ("kind", "first_id", "first_party", "first_name", "second_id", "second_party",
             "second_name", "sentence")
    times = ("time_start", "time_end")
    numbers = ("lateral_m", "vertical_m", "altitude_m_w84_lower", "altitude_m_w84_upper")
    schema = pyarrow.schema(
        [(name, pyarrow.string()) for name in (*texts, *times)]
        + [(name, pyarrow.float64()) for name in numbers] + [(GEOMETRY, pyarrow.binary())],
        metadata={"geo": json.dumps(_GEO)})
    with parquet.ParquetWriter(file, schema) as writer:
        rows: list[dict[str, Any]] = []
        for document in documents:
            place = document["where"]
            point = struct.pack("<BIdd", 1, 1, place["lng"], place["lat"])
            rows.append(_flat(document) | {GEOMETRY: point})
            if len(rows) == _ROWS:
                writer.write_batch(pyarrow.RecordBatch.from_pylist(rows, schema))
                rows = []
        writer.write_batch(pyarrow.RecordBatch.from_pylist(rows, schema))


WRITERS: dict[str, Callable[[IO[bytes], Documents], None]] = {
    ".jsonl": write_json_lines, ".geojson": write_geojson, ".parquet": write_parquet}


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `first_id` for `first.id`, and without its place."""
    flat = {name: value for name, value in document.items()
            if name not in ("where", "first", "second")}
    for side in ("first", "second"):
        flat |= {f"{side}_{name}": value for name, value in document[side].items()}
    return flat


def _compact(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
