"""`luftrom declare` and `luftrom withdraw`: activities from a file to the own node, and back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from luftrom.cli.main import DONE, NO, NO_ANSWER
from luftrom.cli.options import json_option, node_options

if TYPE_CHECKING:
    from luftrom.airspace.constraint import Constraint
    from luftrom.airspace.intent import Intent
    from luftrom.cli.client import NodeClient

BATCH_ITEMS = 100
SUGGESTED_MAX = 10                         # refused activities of one file that are asked about
STATUS_STYLES = {"accepted": "ok", "refused": "warning", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to declare: its identifier and the body that the REST API takes."""

    entity_id: str
    is_constraint: bool
    body: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Where it stands in the REST API."""
        kind = "constraints" if self.is_constraint else "operational_intents"
        return f"/v1/{kind}/{self.entity_id}"


@click.command(short_help="Declare activities from a file.")
@click.argument("file", type=click.File("rb"))
@node_options
@click.option("--replace", is_flag=True,
              help="What stands under the same id is replaced by a new version.")
@json_option
def declare(file: IO[bytes], client: NodeClient, replace: bool, as_json: bool) -> None:
    """Declare the activities and prior notices of a file (`-` is standard input).

    \b
    Examples:
      luftrom declare --dir alfa survey.geojson
      luftrom declare --dir alfa --manager drones --replace survey.geojson

    The file is GeoJSON (docs/geojson.md), an F3548-21 operational intent, or JSON as
    `luftrom activities --json` prints it. All of it is checked before anything is declared. Below
    what is refused stands what is free instead, for the first ten. The exit code is 0 only if
    everything is accepted, and 3 if nothing is wrong but a silent peer.
    """
    from luftrom.cli.terminal import print_json

    requests = read_requests(file.read(), file.name)
    results = _send(client, requests, replace)
    _ask_what_is_free(client, requests, results)
    if as_json:
        print_json({"results": results})
    else:
        _print(requests, results)
    click.get_current_context().exit(_exit_code(results))


def _exit_code(results: Iterable[Mapping[str, Any]]) -> int:
    """0 if all were accepted; 3 if the only trouble is a silent peer; else 1."""
    troubles = [result for result in results if result["status"] != "accepted"]
    silent = [(result.get("problem") or {}).get("status") == 503 for result in troubles]
    return (NO_ANSWER if all(silent) else NO) if troubles else DONE


def read_requests(data: bytes, name: str) -> list[Request]:
    """The bytes of a file to what they declare; BadInput names the file and the place in it."""
    from luftrom.files import naming
    from luftrom.formats.geojson import is_geojson, parse_geojson
    from luftrom.reading import parse_json

    with naming(Path(name)):
        value = parse_json(data)
        if is_geojson(value):
            return [_from_value(item) for item in parse_geojson(value)]
        return [_from_json(item, field) for field, item in _items(value)]


def _from_value(value: Intent | Constraint) -> Request:
    from luftrom.airspace.constraint import Constraint
    from luftrom.formats.f3548.volumes import encode_volume4d

    entity_id = value.entity_id or str(uuid.uuid4())
    body = {"name": value.name, "volumes": [encode_volume4d(v) for v in value.volumes],
            "remarks": value.remarks}
    if isinstance(value, Constraint):
        return Request(entity_id, True, body | {"kind": value.kind})
    return Request(entity_id, False, body | {
        "state": value.state, "priority": value.priority,
        "off_nominal_volumes": [encode_volume4d(v) for v in value.off_nominal_volumes]})


def _items(value: Any) -> list[tuple[str, Any]]:
    """The documents of a JSON file, each with its place."""
    if isinstance(value, dict):
        lists = [name for name in ("operational_intents", "constraints")
                 if isinstance(value.get(name), list)]
        if lists:
            return [(f"{name}[{i}]", item | {"constraint": name == "constraints"}
                     if isinstance(item, dict) else item)
                    for name in lists for i, item in enumerate(value[name])]
        if isinstance(value.get("operational_intent"), dict):
            return [("operational_intent", value["operational_intent"])]
    return [("", value)]


def _from_json(item: Any, field: str) -> Request:
    """An item of our REST API, an F3548 OperationalIntent, or the parameters of its PUT."""
    from luftrom.airspace.intent import ACCEPTED
    from luftrom.errors import BadInput
    from luftrom.formats.f3548.volumes import parse_entity_id, parse_volumes
    from luftrom.reading import join_field

    if not isinstance(item, dict):
        raise BadInput("must be an object", field=field or None)
    reference, details = item.get("reference", item), item.get("details", item)
    place = field
    if isinstance(item.get("details"), dict) and isinstance(reference, dict):
        place = join_field(field, "details")
    elif not isinstance(reference, dict) or not isinstance(details, dict):
        raise BadInput("reference and details must be objects", field=field or None)
    member = "extents" if "extents" in details and "volumes" not in details else "volumes"
    if not parse_volumes(details.get(member), join_field(place, member)):
        raise BadInput("must hold at least one 4D volume; the file is neither GeoJSON nor an "
                       "F3548-21 operational intent", field=join_field(place, member))
    given = reference.get("id")
    entity_id = str(uuid.uuid4()) if given is None else parse_entity_id(given, "id")
    body = {"name": item.get("name", ""), "volumes": details[member],
            "remarks": item.get("remarks", "")}
    if item.get("constraint"):
        return Request(entity_id, True, body | {"kind": item.get("kind", "closed area")})
    own = {"uss_base_url": reference["uss_base_url"]} if reference.get("uss_base_url") else {}
    return Request(entity_id, False, body | own | {
        "state": reference.get("state", ACCEPTED), "priority": details.get("priority", 0),
        "off_nominal_volumes": details.get("off_nominal_volumes", [])})


def _send(client: NodeClient, requests: Sequence[Request], replace: bool) -> list[dict[str, Any]]:
    """Declare in the order of the file, new operational intents in batches; a result for each."""
    results: list[dict[str, Any]] = []
    batch: list[Request] = []

    def flush() -> None:
        if batch:
            document = {"operational_intents": [{**r.body, "id": r.entity_id} for r in batch]}
            answer = client.request("POST", "/v1/operational_intents", document)[1]
            results.extend(answer["results"])
            batch.clear()

    for request in requests:
        ovn = _ovn(client, request) if replace and not request.is_constraint else None
        if request.is_constraint or ovn:
            flush()
            results.append(_put(client, request, ovn))
        else:
            batch.append(request)
            if len(batch) == BATCH_ITEMS:
                flush()
    flush()
    return results


def _ovn(client: NodeClient, request: Request) -> str | None:
    """The OVN of what stands under the identifier, or None."""
    code, item = client.request("GET", request.path, expected=(404,))
    return item.get("ovn") if code == 200 and item["status"] == "accepted" else None


def _put(client: NodeClient, request: Request, ovn: str | None) -> dict[str, Any]:
    headers = {"If-Match": f'"{ovn}"'} if ovn else None
    code, answer = client.request("PUT", request.path, request.body, headers=headers,
                                  expected=(400, 403, 404, 409, 412, 413, 503))
    if code < 300:
        return {"id": request.entity_id, "status": "accepted", "problem": None, "against": []}
    return {"id": request.entity_id, "status": "refused" if code == 409 else "failed",
            "problem": answer, "against": (answer or {}).get("against", [])}


def _ask_what_is_free(client: NodeClient, requests: Sequence[Request],
                      results: Sequence[dict[str, Any]]) -> None:
    """Put into the results of what was refused what is free now instead."""
    refused = [(request, result) for request, result in zip(requests, results, strict=True)
               if result["status"] == "refused" and not request.is_constraint]
    for request, result in refused[:SUGGESTED_MAX]:
        # 409: it was not refused by a ruling, but stands or waits under this identifier.
        code, answer = client.request("GET", f"{request.path}/suggestions", expected=(404, 409))
        result["suggestions"] = answer["suggestions"] if code == 200 else []


def _print(requests: Sequence[Request], results: Iterable[Mapping[str, Any]]) -> None:
    from luftrom.cli.terminal import print_line, print_table

    rows: list[Sequence[object]] = []
    count = 0
    for request, result in zip(requests, results, strict=True):
        accepted = result["status"] == "accepted"
        count += accepted
        alone = accepted and result.get("unacknowledged")
        status = "accepted, unacknowledged" if alone else result["status"]
        rows.append((("warning" if alone else STATUS_STYLES.get(status, ""), status),
                     request.body["name"] or "unnamed",
                     ("dim", request.entity_id) if accepted else reason_of(result)))
        rows += [("", "", ("ok", line_of(each))) for each in result.get("suggestions", ())]
    print_table(("", "", ""), rows, header=False)
    print_line(f"{count:,} of {len(requests):,} accepted", "dim")


def reason_of(result: Mapping[str, Any]) -> str:
    """Why an item was not accepted: the sentences of those it lost to, or the problem."""
    sentences = [item["sentence"] for item in result.get("against") or ()]
    problem = result.get("problem") or {}
    return " ".join(sentences) or problem.get("detail") or problem.get("title") or "no reason given"


def line_of(suggestion: Mapping[str, Any]) -> str:
    """A suggestion as its sentence and the figures that it leads to."""
    from luftrom.cli.terminal import span_of

    volumes, sentence = suggestion["volumes"], str(suggestion["sentence"])
    if suggestion["time_shift_s"]:
        start = min(volume["time_start"]["value"] for volume in volumes)
        return f"{sentence}: from {start[11:16]}Z"
    span = span_of(volumes, "altitude")
    if suggestion["altitude_shift_m"] and span is not None:
        lower, upper = span
        return f"{sentence}: {lower:,.0f} to {upper:,.0f} m W84"
    return sentence


@click.command(short_help="Withdraw an activity or a prior notice.")
@click.argument("what", metavar="ID|NAME")
@node_options
@json_option
def withdraw(what: str, client: NodeClient, as_json: bool) -> None:
    """Withdraw what stands under an id, the first letters of an id, or a name.

    \b
    Examples:
      luftrom withdraw --dir alfa SURVEY-01
      luftrom withdraw --dir alfa --manager drones 2f8343be

    Only its manager may withdraw it: see --manager. The record of it stays in the log.
    """
    from luftrom.cli.terminal import print_json, print_line

    kind, item = _find(client, what)
    client.request("DELETE", f"/v1/{kind}/{item['id']}")
    if as_json:
        print_json({"id": item["id"], "name": item["name"], "status": "withdrawn"})
    else:
        print_line(f"Withdrawn: {item['name'] or 'unnamed'}, {item['id']}.", "ok")


def _find(client: NodeClient, what: str) -> tuple[str, dict[str, Any]]:
    """The one thing that stands and is meant, with its kind in the REST API."""
    from luftrom.cli.activities import read
    from luftrom.errors import NotFound

    standing = [(kind, item) for kind in ("operational_intents", "constraints")
                for item in read(client, kind) if item["status"] == "accepted"]
    found = ([each for each in standing if each[1]["id"] == what.lower()]
             or [each for each in standing if each[1]["name"] == what]
             or [each for each in standing if len(what) >= 4
                 and each[1]["id"].startswith(what.lower())])
    if not found:
        raise NotFound(f"nothing that stands has the id or name {what}; `luftrom activities` "
                       "lists what does")
    if len(found) > 1:
        raise click.UsageError(f"{what} may be any of "
                               + ", ".join(item["id"] for _, item in found[:5])
                               + "; give more of the id")
    return found[0]
