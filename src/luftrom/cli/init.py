"""`luftrom init`: a party's keys, key card and settings."""

from __future__ import annotations

from pathlib import Path

import click

from luftrom.cli.options import json_option


@click.command(short_help="Make a party's directory: keys, key card, settings.")
@click.option("--dir", "directory", required=True, envvar="LUFTROM_DIR", show_envvar=True,
              metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="The directory to make.")
@click.option("--party", required=True, metavar="NAME",
              help="The party's name, in lower case, such as alfa.example.")
@click.option("--base-url", required=True, metavar="URL",
              help="Where peers and clients will reach the node.")
@click.option("--listen", metavar="HOST:PORT",
              help="Where the node listens on this machine, if the base URL does not say it: "
              "behind a proxy, for example.")
@json_option
def init(directory: Path, party: str, base_url: str, listen: str | None, as_json: bool) -> None:
    """Make the directory of a new party: private keys, key card and settings.

    \b
    Example:
      luftrom init --dir alfa --party alfa.example --base-url https://alfa.example

    The keys never leave the directory. Give keycard.json to the other parties and read them its
    fingerprint aloud.
    """
    from luftrom.cli.terminal import print_json, print_line, print_pairs
    from luftrom.clock import SystemClock
    from luftrom.config.founding import init_directory
    from luftrom.config.keycard import load_key_card

    settings = init_directory(directory, party, base_url, SystemClock(),
                              _listen(listen) if listen else None)
    card = load_key_card(settings.key_card_path)
    if as_json:
        print_json({"party": party, "base_url": base_url, "directory": str(directory),
                    "listen": {"host": settings.host, "port": settings.port},
                    "key_card": str(settings.key_card_path), "fingerprint": card.fingerprint})
        return
    print_line(f"Made {directory}, the directory of {party}.", "title")
    print_pairs([("key card", settings.key_card_path), ("fingerprint", card.fingerprint),
                 ("listens on", f"{settings.host} port {settings.port}")])
    print_line("Next: give the key card to the other party and read the fingerprint aloud; then "
               "`luftrom agreement new`.", "dim")


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit():
        raise click.BadParameter("must be HOST:PORT, such as 127.0.0.1:8600",
                                 param_hint="--listen")
    return host, int(port)
