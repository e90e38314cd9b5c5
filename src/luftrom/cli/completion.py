"""`luftrom completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click

SHELLS = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/luftrom.fish"}


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that lets bash, zsh or fish complete commands and options.

    \b
    Examples:
      luftrom completion bash >> ~/.bashrc
      luftrom completion zsh >> ~/.zshrc
      luftrom completion fish > ~/.config/fish/completions/luftrom.fish
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    from luftrom.cli.main import cli

    kind = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    # click runs a bash to look at its version before it prints a script for bash; the template
    # needs version 4.4, and older ones say so when they load it.
    source = kind(cli, {}, "luftrom", "_LUFTROM_COMPLETE")
    click.echo(source.source_template % source.source_vars())
