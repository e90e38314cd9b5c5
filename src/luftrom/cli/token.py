"""`luftrom token`: a bearer token for a client of the own node."""

from __future__ import annotations

from pathlib import Path

import click

from luftrom.cli.options import dir_option, json_option

SCOPES = ("luftrom.read", "luftrom.write", "utm.strategic_coordination")


@click.command(short_help="Make a bearer token for a client of the node.")
@dir_option
@click.option("--manager", required=True, metavar="NAME",
              help="Whose token: the claim `sub`, the manager of what is declared with it.")
@click.option("--scope", "scopes", multiple=True, default=SCOPES, show_default=True,
              metavar="SCOPE", help="What it permits; may be given several times.")
@click.option("--minutes", type=click.FloatRange(0, 366 * 1440, min_open=True), default=60.0,
              show_default=True, help="How long it is valid.")
@json_option
def token(directory: Path, manager: str, scopes: tuple[str, ...], minutes: float,
          as_json: bool) -> None:
    """Make a bearer token (JWT), signed with the directory's `token` key.

    \b
    Examples:
      luftrom token --dir alfa --manager drones
      luftrom token --dir alfa --manager map --scope luftrom.read --minutes 720

    The node needs to know nothing of it: the signature is enough. It cannot be taken back, so
    keep it short.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json
    from luftrom.clock import NS_PER_S, SystemClock, format_time
    from luftrom.config.token import mint_token

    settings, now_ns = settings_of(directory), SystemClock().now_ns()
    valid_s = max(1, round(minutes * 60))
    text = mint_token(settings, manager, scopes, valid_s, now_ns)
    if as_json:
        print_json({"token": text, "manager": manager, "scopes": list(scopes),
                    "issuer": settings.token_issuer, "audience": settings.audience,
                    "expires": format_time((now_ns // NS_PER_S + valid_s) * NS_PER_S)})
    else:
        click.echo(text)
