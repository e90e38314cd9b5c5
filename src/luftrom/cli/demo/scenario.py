"""Scenarios of the demo: a GeoJSON file with relative times in, activities to declare out.

The format is GeoJSON as `docs/geojson.md` describes it, with the terms of an agreement beside the
features and, in each feature, the party, the manager, the times in minutes from the start, and
what is expected to come of it. What leaves has absolute times and identifiers of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from luftrom.clock import NS_PER_S, format_time
from luftrom.errors import BadInput, NotFound
from luftrom.reading import parse_json

FORMAT = "luftrom-scenario/1"
PARTIES = ("alfa.example", "bravo.example")
OUTCOMES = ("accepted", "declared_first", "priority")
NS_PER_MIN = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Activity:
    """One operational intent or constraint, as GeoJSON features that a node reads."""

    entity_id: str
    party: str
    manager: str
    name: str
    is_constraint: bool
    expected: str
    features: tuple[Mapping[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """The FeatureCollection that declares it."""
        return {"type": "FeatureCollection", "features": list(self.features)}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: the terms that the parties agree on, and what they declare, in order."""

    title: str
    recorded_flights: bool
    terms: Mapping[str, Any]
    activities: tuple[Activity, ...]


def scenario_names() -> list[str]:
    """The scenarios that come with Luftrom."""
    folder = resources.files("luftrom.cli.demo") / "scenarios"
    return sorted(item.name.removesuffix(".geojson") for item in folder.iterdir()
                  if item.name.endswith(".geojson"))


def load_scenario(name: str, start_ns: int) -> Scenario:
    """A scenario by its name, or by the path of a file. Raises NotFound, BadInput."""
    if name in scenario_names():
        data = (resources.files("luftrom.cli.demo") / "scenarios" / f"{name}.geojson").read_bytes()
    elif Path(name).is_file():
        data = Path(name).read_bytes()
    else:
        raise NotFound(f"there is no scenario and no file {name}; "
                       f"scenarios are {', '.join(scenario_names())}", field="scenario")
    return parse_scenario(data, start_ns)


def parse_scenario(data: bytes, start_ns: int) -> Scenario:
    """The bytes of a scenario file; its day starts at `start_ns`. Raises BadInput."""
    document = parse_json(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput(f"must be an object whose format is {FORMAT}", field="format")
    groups: dict[str, list[dict[str, Any]]] = {}
    for i, feature in enumerate(_member(document, "features", list)):
        properties = _member(feature, "properties", dict, f"features[{i}]")
        key = _member(properties, "id", str, f"features[{i}].properties")
        groups.setdefault(key, []).append(_absolute(feature, start_ns, f"features[{i}]"))
    return Scenario(title=_member(document, "title", str),
                    recorded_flights=_member(document, "recorded_flights", bool),
                    terms=_member(document, "agreement", dict),
                    activities=tuple(_activity(key, group) for key, group in groups.items()))


def _activity(key: str, features: list[dict[str, Any]]) -> Activity:
    """All features of one id; the first says whose it is."""
    entity_id, first = str(uuid.uuid4()), features[0]["properties"]
    texts = {name: _member(first, name, str, key)
             for name in ("party", "manager", "name", "expected")}
    for name, allowed in (("party", PARTIES), ("expected", OUTCOMES)):
        if texts[name] not in allowed:
            raise BadInput(f"must be one of {', '.join(allowed)}", field=f"{key}.{name}")
    own = ("party", "manager", "expected", "id")
    plain = [feature | {"properties": {name: value for name, value in feature["properties"].items()
                                       if name not in own} | {"id": entity_id}}
             for feature in features]
    return Activity(entity_id, is_constraint=first.get("kind") == "constraint",
                    features=tuple(plain), **texts)


def _absolute(feature: dict[str, Any], start_ns: int, field: str) -> dict[str, Any]:
    """The feature with times instead of minutes from the start."""
    properties, field = dict(feature["properties"]), f"{field}.properties"
    start_min = _minutes(properties.pop("start_min", None), f"{field}.start_min")
    duration_min = _minutes(properties.pop("duration_min", None), f"{field}.duration_min")
    begin_ns = start_ns + int(start_min * NS_PER_MIN)
    return feature | {"properties": properties | {
        "time_start": format_time(begin_ns),
        "time_end": format_time(begin_ns + int(duration_min * NS_PER_MIN))}}


def _minutes(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10_000:
        raise BadInput("must be a number of minutes from 0 to 10000", field=field)
    return value


def _member(value: Any, name: str, kind: type, field: str = "") -> Any:
    where = f"{field}.{name}" if field else name
    if not isinstance(value, dict) or not isinstance(value.get(name), kind):
        raise BadInput(f"must be there, as {kind.__name__}", field=where)
    return value[name]
