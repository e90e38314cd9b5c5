"""JSON items to volumes: GeoJSON Features, and operational intents and constraints of F3548-21.

In go decoded items with their places, out come chunks. A Feature is read as `docs/geojson.md` says,
but its `id` may be any text. Of F3548-21 (OpenAPI 1.0.0) the schemas OperationalIntent, its
details, the answers that hold one, and the same of constraints are read; and what
`luftrom activities --json` prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from luftrom import limits
from luftrom.batch.chunks import CHUNK_VOLUMES, Chunk
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import (
    CONSTRAINT,
    OPERATIONAL_INTENT,
    parse_entity_id,
    parse_priority,
    parse_volumes,
)
from luftrom.formats.geojson import parse_feature_volume
from luftrom.geometry.columns import Columns
from luftrom.geometry.volume import Volume4D
from luftrom.reading import join_field, parse_text

_KINDS = (OPERATIONAL_INTENT, CONSTRAINT)


def read_items(items: Iterable[tuple[str, Any]]) -> Iterator[Chunk]:
    """Items with their places to chunks of CHUNK_VOLUMES or a few more volumes; raises BadInput."""
    volumes: list[Volume4D] = []
    said: list[tuple[str, str, str, str]] = []
    for place, item in items:
        if not isinstance(item, dict):
            raise BadInput("must be an object", field=place)
        one, more = (_feature if item.get("type") == "Feature" else _activity)(item, place)
        said += [one] * len(more)
        volumes += more
        if len(volumes) >= CHUNK_VOLUMES:
            yield _chunk(volumes, said)
            volumes, said = [], []
    if volumes:
        yield _chunk(volumes, said)


def _chunk(volumes: list[Volume4D], said: list[tuple[str, str, str, str]]) -> Chunk:
    return Chunk(Columns.of(volumes), *zip(*said, strict=True))


def _feature(feature: Mapping[str, Any], place: str
             ) -> tuple[tuple[str, str, str, str], list[Volume4D]]:
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise BadInput("must be an object", field=join_field(place, "properties"))
    volume = parse_feature_volume(feature, properties, place)
    inner = join_field(place, "properties")
    kind = properties.get("kind", "")
    if kind not in ("", *_KINDS):
        raise BadInput(f"must be {' or '.join(_KINDS)}", field=f"{inner}.kind")
    own = properties if properties.get("id") is not None else feature
    entity_id = _text(own, "id", inner if own is properties else place)
    return (entity_id, _text(properties, "name", inner), _text(properties, "party", inner),
            kind), [volume]


def _activity(item: Mapping[str, Any], place: str
              ) -> tuple[tuple[str, str, str, str], list[Volume4D]]:
    notice = place.startswith("constraints[")
    for kind in _KINDS:                    # the standard's answers hold one under its name
        if isinstance(item.get(kind), dict):
            item, place, notice = item[kind], join_field(place, kind), kind == CONSTRAINT
    reference, details, inner = item.get("reference", item), item, place
    if "details" in item:
        details, inner = item["details"], join_field(place, "details")
    if not isinstance(reference, dict) or not isinstance(details, dict):
        raise BadInput("reference and details must be objects", field=place)
    volumes = [volume for name in ("volumes", "off_nominal_volumes")
               for volume in parse_volumes(details.get(name), join_field(inner, name))]
    if not volumes:
        raise BadInput("holds no 4D volume: it is neither a GeoJSON Feature nor an operational "
                       "intent of F3548-21 with its details", field=place)
    parse_priority(details.get("priority", 0), join_field(inner, "priority"))
    given = reference.get("id")
    entity_id = "" if given is None else parse_entity_id(given, join_field(place, "id"))
    party = _text(item, "party", place) or _text(reference, "manager", place)
    # ConstraintDetails has these members, OperationalIntentDetails has neither.
    notice = notice or "type" in details or "geozone" in details
    return (entity_id, _text(item, "name", place), party, _KINDS[notice]), volumes


def _text(values: Mapping[str, Any], name: str, place: str) -> str:
    """A member that may be left out; then it is empty."""
    value = values.get(name)
    return "" if value is None else parse_text(value, join_field(place, name),
                                               limits.NAME_CHARS_MAX)
