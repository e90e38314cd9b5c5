"""`luftrom demo`: two parties, two nodes, one airspace, from nothing to two verified logs.

The demo is a client of everything it shows: it founds two parties as `luftrom init` and `luftrom
agreement` do, starts two nodes as `luftrom serve` does, declares over HTTP with tokens, and
verifies the logs offline as `luftrom audit` does. It knows nothing that a user could not know.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from luftrom.cli.demo import recorded
from luftrom.cli.demo.loading import Door, Result, declare_activities, declare_flights
from luftrom.cli.demo.recorded import Flight
from luftrom.cli.demo.report import Report
from luftrom.cli.demo.scenario import PARTIES, Scenario, load_scenario
from luftrom.cli.demo.twonodes import (
    PartyNode,
    audit_node,
    found,
    mint,
    start,
    stop,
    wait_until_linked,
)
from luftrom.cli.serve import warm_up_aloud
from luftrom.clock import NS_PER_S
from luftrom.errors import LuftromError, NotFound
from luftrom.geometry.index.warming import end, start_warming_up

AGREE_S_MAX = 30.0
NS_PER_HOUR = 3600 * NS_PER_S
TOKEN_S = 12 * 3600


@click.command("demo", short_help="Two parties, two nodes, a day of flights: the whole path.")
@click.option("--once", is_flag=True, help="Do all of it, then stop: status 0 only if the two "
              "nodes agree and both logs verify.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N",
              help="Declare only the first N recorded flights.")
@click.option("--scenario", default="switzerland", show_default=True, metavar="NAME|FILE",
              help="switzerland, eastern-mediterranean, or a scenario file of your own.")
@click.option("--recording", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              envvar="LUFTROM_RECORDING", help="Recorded positions, gzipped JSON; by default the "
              "sample in the installed `traffic` package.")
@click.option("--rows", default=12, show_default=True, type=click.IntRange(min=0),
              help="Conflicts to show in the table.")
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path),
              help="Keep keys, logs and agreement here; by default they go when the demo ends.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on standard output.")
def demo(once: bool, limit: int | None, scenario: str, recording: Path | None, rows: int,
         directory: Path | None, as_json: bool) -> None:
    """Run two parties that do not trust each other, on this machine.

    \b
    Examples:
      luftrom demo
      luftrom demo --once --limit 200
      luftrom demo --scenario eastern-mediterranean

    Both nodes stay until Ctrl-C, with a console in the browser for each.
    """
    report = Report(Console(stderr=as_json, highlight=False))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if directory is not None and directory.exists() and any(directory.iterdir()):
        raise click.UsageError(f"{directory} is not empty; --dir wants a new directory")
    place = directory or Path(tempfile.mkdtemp(prefix="luftrom-demo-"))
    nodes: list[PartyNode] = []
    status = 1
    compiling = start_warming_up()
    try:
        start_ns = -(-time.time_ns() // NS_PER_HOUR) * NS_PER_HOUR
        story = load_scenario(scenario, start_ns)
        report.title(story.title)
        flights = _flights(story, recording, limit, start_ns, report)
        nodes = _set_up(place, story, report)
        outcome = asyncio.run(_run(nodes, story, flights, rows, report))
        status = 0 if outcome["agree"] and outcome["verified"] else 1
        if as_json:
            click.echo(json.dumps(outcome, indent=2))
        if not once:
            _stay(nodes, report)
            status = 0
    except KeyboardInterrupt:
        report.line("stopped")
        status = 130
    finally:
        stop(nodes)
        end(compiling)
        if directory is None:
            shutil.rmtree(place, ignore_errors=True)
    sys.exit(status)


def _flights(story: Scenario, recording: Path | None, limit: int | None, start_ns: int,
             report: Report) -> list[Flight]:
    if not story.recorded_flights or limit == 0:
        return []
    try:
        tracks = recorded.read_tracks(recording or recorded.find_recording())
    except NotFound as error:
        report.line(f"Without recorded flights: {error.message}.", "yellow")
        return []
    return recorded.flights(tracks[:limit], start_ns)


def _set_up(place: Path, story: Scenario, report: Report) -> list[PartyNode]:
    report.step("Two parties with keys of their own, one agreement signed by both")
    nodes, digest = found(place, PARTIES, story.terms)
    for node in nodes:
        report.line(f"{node.party}  key card {node.fingerprint}")
    report.line(f"agreement “{story.terms['name']}”, SHA-256 {digest[:16]}…")
    # What began with the demo is waited for here, or both nodes would wait for it silently.
    warm_up_aloud(report.line)
    report.step("Two nodes, each a process with a directory, keys and a port of its own")
    start(nodes)
    wait_until_linked(nodes)
    for node in nodes:
        process = f"  process {node.process.pid}" if node.process else ""
        report.line(f"{node.party}  {node.base_url}{process}")
    return nodes


async def _run(nodes: Sequence[PartyNode], story: Scenario, flights: Sequence[Flight], rows: int,
               report: Report) -> dict[str, Any]:
    """Declare, compare, audit; the whole result as a JSON document."""
    async with AsyncExitStack() as stack:
        doors = {node.party: await stack.enter_async_context(
            Door(node.party, node.base_url, _minter(node))) for node in nodes}
        results, seconds = await _declare(doors, story, flights, report)
        report.step("Conflicts, as each node computed them for itself")
        agree, conflicts, digest = await _compare(doors)
        flown = {result.name for result in results[len(story.activities):]}
        names = {item["id"] for conflict in conflicts for item in
                 (conflict["first"], conflict["second"]) if item["name"] in flown}
        report.conflicts(conflicts, names, rows)
        report.line(f"Both nodes hold the same {len(conflicts):,} conflicts and the same airspace, "
                    f"digest {digest[:16]}…" if agree else
                    "The two nodes DISAGREE about the airspace.", "green" if agree else "bold red")
        report.step("Both logs, verified offline from the nodes' directories")
        verdicts = [await asyncio.to_thread(audit_node, node) for node in nodes]
        report.verdicts(verdicts)
    return {"scenario": story.title, "parties": [_party_document(node) for node in nodes],
            "flights": len(flights), "seconds": round(seconds, 3),
            "results": [asdict(result) for result in results], "conflicts": conflicts,
            "agree": agree, "digest": digest, "audit": verdicts,
            "verified": all(verdict["verified"] for verdict in verdicts)}


async def _declare(doors: Mapping[str, Door], story: Scenario, flights: Sequence[Flight],
                   report: Report) -> tuple[list[Result], float]:
    began_s = time.monotonic()
    report.step("Planned activities, declared one after the other over HTTP")
    with report.progress("activities", len(story.activities)) as tell:
        results = await declare_activities(doors, story.activities, tell)
    report.results(results)
    if flights:
        report.step("A recorded day, declared at both nodes at once")
        with report.progress("flights", len(flights)) as tell:
            flown = await declare_flights(doors, flights, tell)
        report.results(flown)
        results = results + flown
    return results, time.monotonic() - began_s


async def _compare(doors: Mapping[str, Door]) -> tuple[bool, list[Any], str]:
    """Do the nodes hold the same airspace and conflicts? Waits for the last receipts to arrive."""
    deadline_s = time.monotonic() + AGREE_S_MAX
    while True:
        before = [(await door.get("/v1/status"))["airspace"] for door in doors.values()]
        lists = [sorted(await door.pages("/v1/conflicts", "conflicts"), key=lambda c: c["id"])
                 for door in doors.values()]
        digests = {airspace["digest"] for airspace in before}
        agree = len(digests) == 1 and all(each == lists[0] for each in lists)
        if agree or time.monotonic() > deadline_s:
            return agree, lists[0], before[0]["digest"]
        await asyncio.sleep(0.3)


def _minter(node: PartyNode) -> Any:
    return lambda manager: mint(node, manager, TOKEN_S)


def _party_document(node: PartyNode) -> dict[str, Any]:
    return {"party": node.party, "base_url": node.base_url, "directory": str(node.directory),
            "fingerprint": node.fingerprint}


def _stay(nodes: Sequence[PartyNode], report: Report) -> None:
    """Show where to look, and stay until Ctrl-C; raises LuftromError if a node ends by itself."""
    report.step("Both nodes go on; open their consoles in a browser")
    for node in nodes:
        report.link(node.party, f"{node.base_url}/console/#token={mint(node, 'operator', TOKEN_S)}")
    report.line("Ctrl-C stops both nodes.")
    try:
        while not any(node.has_ended() for node in nodes):
            time.sleep(0.3)
    except KeyboardInterrupt:
        report.line("stopped")
        return
    raise LuftromError("a node ended by itself; its last lines:\n"
                       + "\n".join(node.last_lines() for node in nodes))
