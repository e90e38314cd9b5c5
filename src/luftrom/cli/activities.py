"""`luftrom activities`: what is declared, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import json_option, node_options

if TYPE_CHECKING:
    from luftrom.cli.client import NodeClient

STANDING = ("accepted", "pending")
STATUS_STYLES = {"refused": "bad", "pending": "warning", "withdrawn": "dim", "superseded": "dim"}


@click.command(short_help="List what is declared.")
@node_options
@click.option("--all", "everything", is_flag=True, help="Also what was refused or withdrawn.")
@click.option("--party", metavar="NAME", help="Only what this party declared.")
@click.option("--geojson", is_flag=True, help="As GeoJSON that `luftrom declare` reads.")
@json_option
def activities(client: NodeClient, everything: bool, party: str | None, geojson: bool,
               as_json: bool) -> None:
    """List activities (operational intents) and prior notices (constraints), by their start.

    \b
    Examples:
      luftrom activities --dir alfa
      luftrom activities --dir alfa --party bravo.example --all --json
      luftrom activities --dir alfa --geojson > today.geojson

    Times are UTC; altitudes are metres above the WGS84 ellipsoid.
    """
    from luftrom.cli.terminal import print_json

    found = {kind: [item for item in read(client, kind)
                    if (everything or item["status"] in STANDING)
                    and party in (None, item["party"])]
             for kind in ("operational_intents", "constraints")}
    if geojson:
        print_json({"type": "FeatureCollection", "features": [
            feature for items in found.values() for item in items for feature in features(item)]})
    elif as_json:
        print_json(found)
    else:
        _print(found["operational_intents"], found["constraints"], everything)


def read(client: NodeClient, kind: str) -> list[dict[str, Any]]:
    """All `operational_intents` or `constraints` that the node knows, by their start."""
    items = client.pages(f"/v1/{kind}", kind)
    return sorted(items, key=lambda item: (item["time_start"] or "", item["name"], item["id"]))


def features(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A document of the REST API as GeoJSON features, one a volume (docs/geojson.md)."""
    shared = {name: item[name] for name in ("id", "name", "remarks", "party", "manager", "status")}
    if "state" in item:
        shared |= {"kind": "operational_intent", "state": item["state"],
                   "priority": item["priority"]}
    else:
        shared |= {"kind": "constraint", "constraint_kind": item["kind"]}
    volumes: list[tuple[Any, dict[str, Any]]] = [(volume, {}) for volume in item["volumes"]]
    volumes += [(volume, {"off_nominal": True}) for volume in item.get("off_nominal_volumes", ())]
    return [_feature(volume, shared | more) for volume, more in volumes]


def _feature(volume4d: Mapping[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    volume = volume4d["volume"]
    properties = properties | {
        "time_start": volume4d["time_start"]["value"], "time_end": volume4d["time_end"]["value"],
        "altitude_m_w84_lower": volume["altitude_lower"]["value"],
        "altitude_m_w84_upper": volume["altitude_upper"]["value"]}
    if volume.get("outline_circle"):
        center, radius = volume["outline_circle"]["center"], volume["outline_circle"]["radius"]
        properties["radius_m"] = radius["value"]
        geometry = {"type": "Point", "coordinates": [center["lng"], center["lat"]]}
    else:
        ring = [[v["lng"], v["lat"]] for v in volume["outline_polygon"]["vertices"]]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _print(intents: Sequence[Mapping[str, Any]], notices: Sequence[Mapping[str, Any]],
           everything: bool) -> None:
    from luftrom.cli.terminal import plural, print_line, print_table

    if intents or notices:
        print_table(("Name", "Party", "State", "Prio", "When", "m W84"), [
            (item["name"] or item["id"][:8], item["party"], _state(item),
             "" if item.get("priority") is None else item["priority"], _when(item),
             _altitudes(item))
            for item in (*intents, *notices)], right=("Prio",), whole=("State", "When", "m W84"))
    counted = (f"{plural(len(intents), 'activity', 'activities')}, "
               f"{plural(len(notices), 'prior notice')}")
    print_line(counted if everything else f"{counted}; --all lists the refused and withdrawn too",
               "dim")


def _state(item: Mapping[str, Any]) -> tuple[str, str]:
    """The state as the standard names it, or what became of the declaration, in lower case."""
    if item["status"] != "accepted":
        return STATUS_STYLES.get(item["status"], ""), item["status"]
    if item.get("unacknowledged"):
        return "warning", f"{item['state']}\nunacknowledged"
    if "state" in item:
        return "", item["state"] or "not shown"
    return "warning", "closed area"


def _when(item: Mapping[str, Any]) -> str:
    from luftrom.cli.terminal import format_span

    span = format_span(item["time_start"], item["time_end"])
    return span if len(span) < 20 else span.replace("–", "–\n")


def _altitudes(item: Mapping[str, Any]) -> str:
    from luftrom.cli.terminal import span_of

    volumes = [*item["volumes"], *item.get("off_nominal_volumes", ())]
    span = span_of(volumes, "altitude")
    return f"{span[0]:,.0f}–{span[1]:,.0f}" if span else ""
