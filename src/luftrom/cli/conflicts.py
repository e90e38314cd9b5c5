"""`luftrom conflicts`: who meets whom, of a node's airspace or of files, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from luftrom.cli import options
from luftrom.cli.options import existing_file, json_option, node_parameters

if TYPE_CHECKING:
    from luftrom.cli.client import NodeClient


@click.command(short_help="List conflicts and who has right of way.")
@node_parameters
@click.option("--in", "files", multiple=True, type=click.File("rb"), metavar="FILE",
              help="Compare the volumes of this file (`-` is standard input) and ask no node; "
              "several make one data set. GeoJSON, F3548-21 JSON, Arrow or Parquet.")
@click.option("--agreement", "agreement_file", type=existing_file,
              help="For files: the signed agreement whose separation minima count. By default that "
              "of --dir.")
@click.option("--lateral", type=float, metavar="METRES", help="For files: the lateral minimum.")
@click.option("--vertical", type=float, metavar="METRES", help="For files: the vertical minimum.")
@click.option("--time", "time_s", type=float, metavar="SECONDS",
              help="For files: the minimum in time.")
@click.option("--between-parties", is_flag=True,
              help="For files: only conflicts between different parties.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="For files: write all conflicts there, as the name ends: .jsonl, .geojson or "
              ".parquet.")
@click.option("--rows", type=click.IntRange(min=0), metavar="N",
              help="Show only the first N; for files without --json by default 20.")
@click.option("--check", is_flag=True, help="Exit with code 1 if there is a conflict.")
@json_option
def conflicts(directory: Path | None, url: str | None, token: str | None, manager: str,
              files: Sequence[IO[bytes]], rows: int | None, check: bool, as_json: bool,
              **only_for_files: Any) -> None:
    """List conflicts by the time they begin: who, when, how close, who has right of way and why.

    \b
    Examples:
      luftrom conflicts --dir alfa
      luftrom conflicts --dir alfa --check || echo "look at it"
      luftrom conflicts --in plans.parquet --in survey.geojson --dir alfa
      luftrom conflicts --in day.geojson --lateral 500 --vertical 100 --time 60

    Files need no node, and say nothing of right of way. The digest at the end is equal for two
    data sets exactly if the same ids are in conflict under the same minima (docs/batch.md).
    """
    if files:
        from luftrom.cli.batch import compare_files

        found = compare_files(files, directory, rows=rows, as_json=as_json, **only_for_files)
    elif any(only_for_files.values()):
        raise click.UsageError("this is for files: say which with --in FILE")
    else:
        client = options.open_client(directory, url, token, manager)
        try:
            found = _list(client, rows, as_json)
        finally:
            client.close()
    click.get_current_context().exit(1 if check and found else 0)


def _list(client: NodeClient, rows: int | None, as_json: bool) -> int:
    """Show the conflicts that a node knows; how many."""
    from luftrom.cli.terminal import format_span, print_json, print_line

    document = client.get("/v1/conflicts")
    found, following = list(document["conflicts"]), document["next"]
    if following:
        found += client.pages(following, "conflicts")
        found.sort(key=lambda item: (item["time_start"], item["id"]))
    if as_json:
        print_json(document | {"conflicts": found[:rows], "next": None})
        return len(found)
    from luftrom.cli.sentences import print_conflicts

    print_conflicts(found[:rows], len(found))
    horizon = document["horizon"]
    span = format_span(horizon["time_start"], horizon["time_end"]) if horizon else ""
    digest = "" if following else f"; digest {document['digest'][:16]}…"
    print_line(f"Looked at {span or 'all that is declared'}; {document['method']}{digest}", "dim")
    return len(found)
