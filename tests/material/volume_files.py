"""Files of many volumes for tests, in each format, written by libraries that are not ours."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow
import shapely
from pyarrow import ipc, parquet

from luftrom.clock import NS_PER_S, parse_time
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.geometry.volume import Circle, Polygon, Volume4D

DAY_NS = parse_time("2026-11-24T00:00:00Z")
MINUTE_NS = 60 * NS_PER_S


@dataclass(frozen=True)
class Plan:
    """An intent of a file."""

    id: str
    party: str
    volumes: tuple[Volume4D, ...] = field(default=())
    name: str = ""


def plans(count: int, seed: int, *, degrees: float = 1.0, volumes_max: int = 3) -> list[Plan]:
    """Plans of 1 to `volumes_max` volumes within a day and a square over the Alps."""
    random = np.random.default_rng(seed)
    found = []
    for k in range(count):
        entity_id = str(uuid.UUID(bytes=random.bytes(16), version=4))
        party = ("alfa.example", "bravo.example")[random.integers(2)]
        volumes = [_volume(random, degrees) for _ in range(random.integers(1, volumes_max + 1))]
        found.append(Plan(entity_id, party, tuple(volumes), f"PLAN-{k}"))
    return found


def _volume(random: np.random.Generator, degrees: float) -> Volume4D:
    lat, lng = (round(low + degrees * random.random(), 7) for low in (46.0, 7.0))
    lower = float(random.integers(300, 2000))
    start_ns = DAY_NS + int(random.integers(0, 1380)) * MINUTE_NS + int(random.integers(NS_PER_S))
    if random.random() < 0.2:
        outline = Circle(lat, lng, round(random.uniform(50, 800), 2))
    else:
        high, wide = (round(random.uniform(0.001, 0.01), 7) for _ in range(2))
        outline = Polygon(((lat, lng), (lat, lng + wide), (lat + high, lng + wide),
                           (lat + high, lng)))
    return Volume4D(outline, lower, lower + float(random.integers(20, 200)), start_ns,
                    start_ns + int(random.integers(2, 50)) * MINUTE_NS)


# -- JSON ----------------------------------------------------------------------------------------

def features(items: Sequence[Plan]) -> list[dict]:
    """GeoJSON features, one a volume."""
    return [_feature(plan, volume) for plan in items for volume in plan.volumes]


def _feature(plan: Plan, volume: Volume4D) -> dict:
    times = encode_volume4d(volume)
    properties = {"id": plan.id, "name": plan.name, "party": plan.party,
                  "altitude_m_w84_lower": volume.altitude_m_w84_lower,
                  "altitude_m_w84_upper": volume.altitude_m_w84_upper,
                  "time_start": times["time_start"]["value"],
                  "time_end": times["time_end"]["value"]}
    outline = volume.outline
    if isinstance(outline, Circle):
        properties["radius_m"] = outline.radius_m
        geometry = {"type": "Point", "coordinates": [outline.lng_deg, outline.lat_deg]}
    else:
        ring = [[lng, lat] for lat, lng in outline.vertices]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geojson(items: Sequence[Plan], path: Path) -> Path:
    """A FeatureCollection."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features(items)}))
    return path


def geojson_lines(items: Sequence[Plan], path: Path) -> Path:
    """A Feature a line."""
    path.write_text("".join(json.dumps(each) + "\n" for each in features(items)))
    return path


def f3548(items: Sequence[Plan], path: Path) -> Path:
    """A list of OperationalIntent: the last volume of several is off nominal."""
    path.write_text(json.dumps([
        {"reference": {"id": plan.id, "manager": plan.party, "state": "Nonconforming"},
         "details": {"volumes": [encode_volume4d(v) for v in plan.volumes[:-1] or plan.volumes],
                     "off_nominal_volumes": [encode_volume4d(plan.volumes[-1])]
                     if len(plan.volumes) > 1 else [], "priority": 0}} for plan in items]))
    return path


# -- Arrow ---------------------------------------------------------------------------------------

def shape(volume: Volume4D) -> shapely.Geometry:
    """The outline as shapely has it; a circle is its centre."""
    outline = volume.outline
    if isinstance(outline, Circle):
        return shapely.Point(outline.lng_deg, outline.lat_deg)
    return shapely.Polygon([(lng, lat) for lat, lng in outline.vertices])


def table(items: Sequence[Plan], *, byte_order: int = 1) -> pyarrow.Table:
    """The columns of docs/batch.md, geometry as WKB."""
    rows = [(plan, volume) for plan in items for volume in plan.volumes]
    shapes = np.array([shape(volume) for _, volume in rows])
    utc = pyarrow.timestamp("ns", "UTC")
    return pyarrow.table({
        "id": [plan.id for plan, _ in rows], "name": [plan.name for plan, _ in rows],
        "party": pyarrow.array([plan.party for plan, _ in rows]).dictionary_encode(),
        "geometry": pyarrow.array(shapely.to_wkb(shapes, byte_order=byte_order).tolist(),
                                  pyarrow.binary()),
        "radius_m": [getattr(volume.outline, "radius_m", None) for _, volume in rows],
        "altitude_m_w84_lower": [volume.altitude_m_w84_lower for _, volume in rows],
        "altitude_m_w84_upper": [volume.altitude_m_w84_upper for _, volume in rows],
        "time_start": pyarrow.array([volume.time_start_ns for _, volume in rows], utc),
        "time_end": pyarrow.array([volume.time_end_ns for _, volume in rows], utc)})


def to_parquet(columns: pyarrow.Table, path: Path) -> Path:
    """A Parquet file."""
    parquet.write_table(columns, path)
    return path


def to_arrow(columns: pyarrow.Table, path: Path, rows: int | None = None) -> Path:
    """An Arrow IPC file of record batches."""
    with ipc.new_file(path, columns.schema) as writer:
        writer.write_table(columns, rows)
    return path


def to_stream(columns: pyarrow.Table, path: Path) -> Path:
    """An Arrow IPC stream."""
    with ipc.new_stream(path, columns.schema) as writer:
        writer.write_table(columns)
    return path
