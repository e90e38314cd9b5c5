"""`luftrom status`: the node, its log and its links to peers, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import json_option, node_options
from luftrom.cli.sentences import print_usage

if TYPE_CHECKING:
    from luftrom.cli.client import NodeClient

CLOCK_OFF_S_MAX = 5.0                      # as in `node.channel`, which is not read for a line
STATE_STYLES = {"fresh": "ok", "withholding": "bad", "stale": "warning", "silent": "bad",
                "broken": "bad"}


@click.command(short_help="Show the node, its log and its links to peers.")
@node_options
@json_option
def status(client: NodeClient, as_json: bool) -> None:
    """Show the node: the agreement, the log, the airspace, and for each peer how old its word is.

    \b
    Examples:
      luftrom status --dir alfa
      luftrom status --url https://alfa.example --token "$TOKEN" --json

    A peer is fresh, stale (over 6 s), silent (over 60 s) or broken (it was caught with two
    histories). The exit code is 1 while a peer is broken or this node signs nothing.
    """
    from luftrom.cli.terminal import print_json

    document = client.get("/v1/status")
    if as_json:
        print_json(document)
    else:
        _print(document)
    broken = any(channel["state"] == "broken" for channel in document["channels"])
    shut = document.get("wholeness", {"state": "open"})["state"] != "open"
    click.get_current_context().exit(1 if broken or shut else 0)


def _print(document: Mapping[str, Any]) -> None:
    from luftrom.cli.terminal import plural, print_line, print_pairs, short

    agreement, log, airspace = document["agreement"], document["log"], document["airspace"]
    print_line(f"{document['party']}   {_second(document['time'])}   "
               f"Luftrom {document['version']}", "title")
    others = [p["name"] for p in agreement["parties"] if p["name"] != document["party"]] \
        if agreement else []
    whole = document.get("wholeness", {"state": "open"})
    if whole["state"] != "open":
        print_line(f"This node signs nothing now ({whole['state']}): {'; '.join(whole['reasons'])}",
                   "bad")
        print_line(f"  mend: {whole['mend']}")
    print_pairs([
        ("agreement", f"“{agreement['name']}” in force with {', '.join(others)}"
         if agreement else ("warning", "none: this node talks to no peer")),
        ("log", f"{plural(log['size'], 'statement')}, root {short(log['root'])}"),
        ("airspace", f"{plural(airspace['operational_intents'], 'activity', 'activities')}, "
         f"{plural(airspace['constraints'], 'prior notice')}, "
         f"{plural(airspace['conflicts'], 'conflict')}, digest {short(airspace['digest'])}"),
        ("kernels", f"compiled from sources with digest {short(document['kernels_digest'])}")])
    print_usage(document.get("bounds", ()))
    for channel in document["channels"]:
        _print_channel(channel, document["kernels_digest"])


def _second(time: str) -> str:
    return f"{time[:19]}Z"


def _print_channel(channel: Mapping[str, Any], kernels_digest: str) -> None:
    from luftrom.cli.terminal import format_age, plural, print_line, print_pairs, short

    print_line(f"{channel['peer']} is {channel['state']}",
               STATE_STYLES.get(channel["state"], ""))
    heard = ("not since this node started" if channel["age_s"] is None
             else f"{format_age(channel['age_s'])} ago, at {_second(channel['last_heard'])}")
    trip = channel["round_trip_ms"]
    left = channel["receipts_outstanding"]
    pairs: list[tuple[str, object]] = [
        ("  last heard", heard + (f"; round trip {trip:.0f} ms" if trip is not None else "")),
        ("  our log there", f"{plural(channel['receipt_size'], 'statement')} receipted, "
         + (f"{left:,} outstanding" if left else "none outstanding")),
        ("  its log here", f"{channel['mirror_size']:,} held, "
         f"{channel['applied_size']:,} applied"),
        ("  checks", f"{channel['checks_made']:,} made, {channel['checks_missed']:,} missed")]
    pairs += [("  withholds", ("bad", f"{each['sentence']}, for {format_age(each['age_s'])}"))
              for each in channel["withheld"]]
    if forked := channel.get("forked"):
        pairs.append(("  forked", ("bad", f"it signed two histories, which part behind "
                                   f"{plural(forked['end'], 'statement')}; known since "
                                   f"{_second(forked['since'])}, and nobody waits for it")))
    other = channel.get("kernels_digest")
    if other not in (None, kernels_digest):
        pairs.append(("  kernels", ("warning", f"others than ours, digest {short(other)}: bring "
                                               "both nodes to one version")))
    off_s = channel.get("clock_offset_s")
    if off_s is not None and abs(off_s) > CLOCK_OFF_S_MAX:
        where = "ahead of" if off_s > 0 else "behind"
        pairs.append(("  clock", ("warning", f"{abs(off_s):.0f} s {where} ours: set both by NTP")))
    if channel["last_error"]:
        pairs.append(("  last error", channel["last_error"]))
    print_pairs(pairs)
