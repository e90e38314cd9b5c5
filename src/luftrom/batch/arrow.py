"""Arrow IPC and Parquet files to volumes, a record batch at a time (docs/batch.md, its columns).

Geometry is GeoParquet 1.1 or GeoArrow: WKB, or native polygons and points, longitude before
latitude, in OGC:CRS84. Needs the extra `luftrom[arrow]`, which is imported here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from luftrom.batch.chunks import CHUNK_VOLUMES, Chunk
from luftrom.batch.wkb import decode_wkb
from luftrom.errors import BadInput, LuftromError
from luftrom.formats.f3548.volumes import CONSTRAINT, OPERATIONAL_INTENT, parse_time_text
from luftrom.geometry.columns import Columns, check
from luftrom.reading import parse_json

GEOMETRY = "geometry"
_NUMBERS = ("altitude_m_w84_lower", "altitude_m_w84_upper", "time_start", "time_end")
_TEXTS = ("id", "name", "party", "kind")
_CRS = (("OGC", "CRS84"), ("EPSG", "4326"))
_FIELDS = {"time_start_ns": "time_start", "time_end_ns": "time_end",
           "lat_deg": GEOMETRY, "lng_deg": GEOMETRY}


def require_pyarrow() -> Any:
    """The library. Raises LuftromError that says how to get it."""
    try:
        import pyarrow
    except ImportError:
        raise LuftromError("Arrow and Parquet need pyarrow: `pip install 'luftrom[arrow]'` brings "
                           "it", code="not_installed") from None
    return pyarrow


def read_arrow(file: IO[bytes], head: bytes) -> Iterator[Chunk]:
    """The volumes of a seekable Arrow IPC or Parquet file, or of an Arrow stream.

    `head` is how the file begins. Raises BadInput that names the row, counted from 0, and column;
    LuftromError without pyarrow.
    """
    pyarrow = require_pyarrow()
    if not head.startswith(b"\xff") and not file.seekable():
        raise BadInput("Parquet and Arrow files cannot be read from a pipe; an Arrow stream can")
    first = 0
    try:
        for geometry, batch in _batches(file, head):
            batch.validate(full=True)      # offsets of a damaged file may point anywhere
            for at in range(0, len(batch), CHUNK_VOLUMES):
                part = batch.slice(at, CHUNK_VOLUMES)
                yield _chunk(pyarrow, part, geometry, first)
                first += len(part)
    except (pyarrow.ArrowException, OSError, UnicodeError, MemoryError) as error:
        reason = str(error).split("\n")[0][:200]
        raise BadInput(f"is damaged, or no file of this kind: {reason}") from None
    if first == 0:
        raise BadInput("holds no row")


def _batches(file: IO[bytes], head: bytes) -> Iterator[tuple[str, Any]]:
    """The record batches, each with the name of its geometry column."""
    import pyarrow.ipc as ipc

    if head.startswith(b"PAR1"):
        import pyarrow.parquet as parquet

        table = parquet.ParquetFile(file)
        geometry = _geometry_name(table.schema_arrow)
        wanted = {geometry, *_NUMBERS, *_TEXTS, "radius_m"}
        names = [name for name in table.schema_arrow.names if name in wanted]
        for batch in table.iter_batches(CHUNK_VOLUMES, columns=names):
            yield geometry, batch
    elif head.startswith(b"ARROW1"):
        reader = ipc.open_file(file)
        for i in range(reader.num_record_batches):
            yield _geometry_name(reader.schema), reader.get_batch(i)
    else:
        stream = ipc.open_stream(file)
        for batch in stream:
            yield _geometry_name(stream.schema), batch


# -- where the geometry is -----------------------------------------------------------------------

def _geometry_name(schema: Any) -> str:
    """The name of the geometry column, once it is clear that it is in longitude and latitude."""
    geometry = GEOMETRY
    if b"geo" in (schema.metadata or {}):
        described = parse_json(schema.metadata[b"geo"], field="geo")
        columns = described.get("columns") if isinstance(described, dict) else None
        if not isinstance(columns, dict) or described.get("primary_column") not in columns:
            raise BadInput("names no primary column", field="geo")
        geometry = described["primary_column"]
        column = columns[geometry]
        if isinstance(column, dict) and "crs" in column:
            _check_crs(column["crs"], f"geo.columns.{geometry}.crs")
    if schema.get_field_index(geometry) < 0:
        raise BadInput("is missing, or there twice", field=geometry)
    told = (schema.field(geometry).metadata or {}).get(b"ARROW:extension:metadata")
    extension = parse_json(told, field=geometry) if told else None
    if isinstance(extension, dict) and extension.get("crs") is not None:
        _check_crs(extension["crs"], f"{geometry}.crs")
    return geometry


def _check_crs(crs: Any, field: str) -> None:
    """OGC:CRS84 or EPSG:4326, as text or PROJJSON; the order is longitude, latitude in either."""
    known = [":".join(pair) for pair in _CRS]
    named = crs.get("id") if isinstance(crs, dict) else None
    if isinstance(named, dict):
        crs = f"{named.get('authority')}:{named.get('code')}"
    if crs not in known:
        raise BadInput(f"must be {' or '.join(known)}", field=field)


# -- a batch -------------------------------------------------------------------------------------

def _chunk(pyarrow: Any, batch: Any, geometry: str, first: int) -> Chunk:
    rows = _Rows(pyarrow, batch, first)
    places, ends, is_point = rows.geometry(geometry)
    radii_m = np.zeros(len(batch))
    if is_point.any():
        given = rows.numbers("radius_m", is_point)
        rows.refuse(is_point & ~(given > 0.0), "radius_m", "must be the radius around the point")
        radii_m[is_point] = given[is_point]
    lower, upper = (rows.numbers(name) for name in _NUMBERS[:2])
    start, end = (rows.times(name) for name in _NUMBERS[2:])
    columns = Columns(places, ends, radii_m, np.stack((lower, upper), 1),
                      np.stack((start, end), 1))
    _check(columns, first)
    ids, names, parties, kinds = (rows.texts(name) for name in _TEXTS)
    for k, kind in enumerate(kinds):
        if kind not in ("", OPERATIONAL_INTENT, CONSTRAINT):
            raise BadInput(f"must be {OPERATIONAL_INTENT} or {CONSTRAINT}",
                           field=f"rows[{first + k}].kind")
    return Chunk(columns, ids, names, parties, kinds)


def _check(columns: Columns, first: int) -> None:
    """Every volume as if built by hand; BadInput names the row and the column."""
    try:
        check(columns)
    except BadInput as error:
        k, _, field = (error.field or "").removeprefix("volumes[").partition("].")
        field = f"{GEOMETRY}.{field}" if field.startswith("vertices") else _FIELDS.get(field, field)
        raise BadInput(error.message, field=f"rows[{first + int(k)}].{field}") from None


class _Rows:
    """The columns of one batch as arrays; BadInput names a row, counted from `first`."""

    def __init__(self, pyarrow: Any, batch: Any, first: int):
        self._pyarrow = pyarrow
        self._batch = batch
        self._first = first

    def refuse(self, wrong: np.ndarray, name: str, message: str) -> None:
        """Refuse the first row that is wrong, if one is."""
        if wrong.any():
            raise BadInput(message, field=f"rows[{self._first + int(np.argmax(wrong))}].{name}")

    def _column(self, name: str, needed: np.ndarray | None = None) -> Any:
        """A column that must be there, with a value where one is needed: by default everywhere."""
        if self._batch.schema.get_field_index(name) < 0:
            raise BadInput("is missing, or there twice", field=name)
        column = self._batch.column(name)
        if isinstance(column, self._pyarrow.ExtensionArray):
            column = column.storage
        if column.null_count:
            absent = column.is_null().to_numpy(zero_copy_only=False)
            self.refuse(absent if needed is None else absent & needed, name, "is missing")
        return column

    def _cast(self, column: Any, kind: Any, name: str) -> Any:
        try:
            return column.cast(kind)
        except self._pyarrow.ArrowException:
            raise BadInput(f"holds a value of type {column.type} that is none of {kind}",
                           field=f"rows[{self._first}:{self._first + len(column)}].{name}"
                           ) from None

    def numbers(self, name: str, needed: np.ndarray | None = None) -> np.ndarray:
        """A column of numbers as float64, NaN where there is none and none is needed."""
        column, types = self._column(name, needed), self._pyarrow.types
        if not types.is_floating(column.type) and not types.is_integer(column.type):
            raise BadInput(f"must be a column of numbers, not of {column.type}", field=name)
        return self._cast(column, self._pyarrow.float64(), name).to_numpy(zero_copy_only=False)

    def times(self, name: str) -> np.ndarray:
        """A column of times as int64 nanoseconds: timestamps of a time zone, or RFC 3339."""
        column, types = self._column(name), self._pyarrow.types
        if types.is_timestamp(column.type):
            if column.type.tz is None:
                raise BadInput("must have a time zone, such as UTC", field=name)
            whole = self._cast(column, self._pyarrow.timestamp("ns", column.type.tz), name)
            return whole.cast(self._pyarrow.int64()).to_numpy()
        texts = self._texts(column, name)
        return np.array([parse_time_text(text, f"rows[{self._first + k}].{name}")
                         for k, text in enumerate(texts)], np.int64)

    def texts(self, name: str) -> list[str]:
        """A column of texts, empty where there is none; it may be left out."""
        if name not in self._batch.schema.names:
            return [""] * len(self._batch)
        column = self._column(name, np.zeros(len(self._batch), np.bool_))
        return [text or "" for text in self._texts(column, name)]

    def _texts(self, column: Any, name: str) -> list[str | None]:
        types = self._pyarrow.types
        inner = column.type.value_type if types.is_dictionary(column.type) else column.type
        if not any(is_kind(inner) for is_kind in (types.is_string, types.is_large_string,
                                                  types.is_string_view, types.is_null)):
            raise BadInput(f"must be a column of texts, not of {column.type}", field=name)
        return self._cast(column, self._pyarrow.large_string(), name).to_pylist()

    # -- geometry ----------------------------------------------------------------------------

    def geometry(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(m, 2) latitudes and longitudes, (n + 1,) ends, and (n,) whether a row is a point."""
        column, types = self._column(name), self._pyarrow.types
        if any(is_kind(column.type) for is_kind in (types.is_binary, types.is_large_binary,
                                                    types.is_binary_view)):
            whole = self._cast(column, self._pyarrow.large_binary(), name)
            _, offsets, data = whole.buffers()
            ends = np.frombuffer(offsets, np.int64)[whole.offset:whole.offset + len(whole) + 1]
            found = decode_wkb(np.frombuffer(data or b"", np.uint8), ends, self._first)
        elif types.is_list(column.type) or types.is_large_list(column.type):
            found = self._polygons(column, name)
        else:
            places = self._places(column, name)
            found = places, np.arange(len(column) + 1), np.ones(len(column), np.bool_)
        return self._opened(*found, name)

    def _polygons(self, column: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """GeoArrow polygons: lists of rings, which are lists of places."""
        bounds = column.offsets.to_numpy()
        counts = np.diff(bounds)
        self.refuse(counts > 1, name, "has holes, which are not taken: split the outline")
        self.refuse(counts < 1, name, "is empty")
        rings = column.values.slice(bounds[0], len(column))
        types = self._pyarrow.types
        if not types.is_list(rings.type) and not types.is_large_list(rings.type):
            raise BadInput(f"is neither WKB nor GeoArrow polygons or points, but {column.type}",
                           field=name)
        bounds = rings.offsets.to_numpy().astype(np.int64)
        places = self._places(rings.values.slice(bounds[0], bounds[-1] - bounds[0]), name)
        return places, bounds - bounds[0], np.zeros(len(column), np.bool_)

    def _places(self, column: Any, name: str) -> np.ndarray:
        """GeoArrow coordinates, separate or interleaved, as (m, 2) longitudes and latitudes."""
        types = self._pyarrow.types
        if types.is_struct(column.type) and [f.name for f in column.type] == ["x", "y"]:
            parts = column.flatten()
        elif types.is_fixed_size_list(column.type) and column.type.list_size == 2:
            parts = [column.flatten()]
        else:
            raise BadInput("is neither WKB nor GeoArrow polygons or points of two dimensions, but "
                           f"has {column.type}", field=name)
        numbers = [self._cast(part, self._pyarrow.float64(), name).to_numpy(zero_copy_only=False)
                   for part in parts]
        return np.stack(numbers, 1) if len(numbers) == 2 else numbers[0].reshape(-1, 2)

    def _opened(self, places: np.ndarray, ends: np.ndarray, is_point: np.ndarray, name: str
                ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rings without their closing place, and latitude before longitude as `Columns` has it."""
        counts = np.diff(ends)
        self.refuse(~is_point & (counts < 4), name, "must be a ring of at least 4 places, the last "
                    "equal to the first")
        last = ends[1:] - 1
        open_rings = ~is_point & (places[ends[:-1]] != places[last]).any(1)
        self.refuse(open_rings, name, "is not closed: the last place must equal the first")
        kept = np.ones(len(places), np.bool_)
        kept[last[~is_point]] = False
        opened = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts - ~is_point)))
        return np.ascontiguousarray(places[kept][:, ::-1]), opened, is_point
