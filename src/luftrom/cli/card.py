"""`luftrom card`: key cards and their fingerprints."""

from __future__ import annotations

from pathlib import Path

import click

from luftrom.cli.options import dir_option, existing_file, json_option


@click.group(short_help="Show or check key cards and their fingerprints.")
def card() -> None:
    """Show or check key cards and their fingerprints.

    \b
    Examples:
      luftrom card show bravo-keycard.json
      luftrom card show --dir alfa
      luftrom card check bravo-keycard.json "K7QD M3XA 52LP WQ4R ZTBN 6FHC"
    """


@card.command("show", short_help="Show a key card and its fingerprint.")
@click.argument("file", type=existing_file, required=False)
@dir_option
@json_option
def show(file: Path | None, directory: Path, as_json: bool) -> None:
    """Show a key card, by default the own one, after checking its signature.

    \b
    Examples:
      luftrom card show bravo-keycard.json
      luftrom card show --dir alfa

    The card is the other party's if it reads out the same fingerprint to you.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json, print_line, print_pairs
    from luftrom.clock import format_time
    from luftrom.config.keycard import load_key_card

    loaded = load_key_card(file or settings_of(directory).key_card_path)
    document = loaded.party.document()
    if as_json:
        print_json({"party": loaded.party.name, "base_url": loaded.party.base_url,
                    "created": format_time(loaded.created_ns),
                    "fingerprint": loaded.fingerprint, "keys": document["keys"]})
        return
    print_line(f"Key card of {loaded.party.name}", "title")
    print_pairs([("fingerprint", ("title", loaded.fingerprint)),
                 ("base URL", loaded.party.base_url),
                 ("made", format_time(loaded.created_ns)),
                 ("keys", ", ".join(dict.fromkeys(key["role"] for key in document["keys"])))])
    print_line("Its signature verifies. That it is theirs, only the fingerprint shows: have it "
               "read aloud by somebody whose voice you know.", "dim")


@card.command("check", short_help="Compare a key card with a fingerprint.")
@click.argument("file", type=existing_file)
@click.argument("fingerprint", nargs=-1, required=True)
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, fingerprint: tuple[str, ...], as_json: bool) -> None:
    """Compare a key card with the fingerprint that was read to you.

    \b
    Example:
      luftrom card check bravo-keycard.json K7QD M3XA 52LP WQ4R ZTBN 6FHC

    Spaces and case do not matter. The exit code is 1 if it is another card.
    """
    from luftrom.cli.terminal import print_json
    from luftrom.config.keycard import load_key_card
    from luftrom.errors import Unverified

    loaded = load_key_card(file)
    same = _letters("".join(fingerprint)) == _letters(loaded.fingerprint)
    if as_json:
        print_json({"party": loaded.party.name, "fingerprint": loaded.fingerprint, "same": same})
        ctx.exit(0 if same else 1)
    if not same:
        raise Unverified(f"{file} is another card: its fingerprint is {loaded.fingerprint}; "
                         "do not use it")
    click.echo(f"The same: {file} is the card that was read to you, of {loaded.party.name}.")


def _letters(text: str) -> str:
    return "".join(sign for sign in text.upper() if sign.isalnum())
