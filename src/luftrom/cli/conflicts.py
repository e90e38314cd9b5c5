"""`luftrom conflicts`: who meets whom, and who has right of way, as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import json_option, node_options

if TYPE_CHECKING:
    from luftrom.cli.client import NodeClient


@click.command(short_help="List conflicts and who has right of way.")
@node_options
@click.option("--rows", type=click.IntRange(min=0), metavar="N", help="Show only the first N.")
@click.option("--check", is_flag=True, help="Exit with code 1 if there is a conflict.")
@json_option
def conflicts(client: NodeClient, rows: int | None, check: bool, as_json: bool) -> None:
    """List conflicts by the time they begin: who, when, how close, who has right of way and why.

    \b
    Examples:
      luftrom conflicts --dir alfa
      luftrom conflicts --dir alfa --check || echo "look at it"
    """
    from luftrom.cli.terminal import print_json

    document = client.get("/v1/conflicts")
    found, following = list(document["conflicts"]), document["next"]
    if following:
        found += client.pages(following, "conflicts")
    if as_json:
        print_json(document | {"conflicts": found[:rows], "next": None})
    else:
        _print(document, found, len(found) if rows is None else rows)
    click.get_current_context().exit(1 if check and found else 0)


def _print(document: Mapping[str, Any], found: list[Mapping[str, Any]], rows: int) -> None:
    from luftrom.cli.terminal import format_span, plural, print_line, print_table

    print_line(plural(len(found), "conflict") if found else "No conflict",
               "title" if found else "ok")
    print_table(("", ""), [(f"{number:,}", f"{item['sentence']}\n{_place(item)}")
                           for number, item in enumerate(found[:rows], 1)],
                header=False)
    if len(found) > rows:
        print_line(f"and {len(found) - rows:,} more", "dim")
    horizon = document["horizon"]
    span = format_span(horizon["time_start"], horizon["time_end"]) if horizon else ""
    print_line(f"Looked at {span or 'all that is declared'}; {document['method']}; digest "
               f"{document['digest'][:16]}…", "dim")


def _place(item: Mapping[str, Any]) -> str:
    """Where two meet: 46.75° N 7.43° E, 700–820 m W84."""
    lat, lng = item["where"]["lat"], item["where"]["lng"]
    return (f"{abs(lat):.3f}° {'N' if lat >= 0 else 'S'} {abs(lng):.3f}° "
            f"{'E' if lng >= 0 else 'W'}, {item['altitude_m_w84_lower']:,.0f}–"
            f"{item['altitude_m_w84_upper']:,.0f} m W84")
