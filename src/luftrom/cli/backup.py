"""`luftrom backup`: a consistent copy of a party's directory."""

from __future__ import annotations

from pathlib import Path

import click

from luftrom.cli.options import dir_option, json_option


@click.command(short_help="Copy a party's directory, beside a running node.")
@dir_option
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def backup(directory: Path, target: Path, as_json: bool) -> None:
    """Copy keys, agreement, settings and database to TARGET, a new directory for its owner alone.

    \b
    Example:
      luftrom backup --dir alfa /backups/alfa-2026-11-26

    The node may run meanwhile: the copy is of one moment. It says that it is a copy: a node that
    is started from it signs nothing until its peers have said that they hold no more of its log.
    The copy has the private keys: guard it as you guard them. docs/recovery.md has the drill.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json, print_line
    from luftrom.clock import SystemClock
    from luftrom.config.backup import back_up

    settings = settings_of(directory)
    back_up(settings, target, SystemClock())
    if as_json:
        print_json({"party": settings.party, "directory": str(directory), "copy": str(target)})
        return
    print_line(f"Copied {directory} of {settings.party} to {target}.", "title")
