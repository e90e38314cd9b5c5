"""The reference pages of command line, config.toml, API and limits, from what they describe.

`python -m luftrom.cli.reference docs/reference` writes cli.md, config.md, api.md, limits.md and
agreement.md anew; a test says when that is due.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from luftrom.agreement.bounds import TERMS
from luftrom.agreement.terms import FORMAT as AGREEMENT_FORMAT
from luftrom.api.http.problem import CODES
from luftrom.api.routes import ROUTES
from luftrom.cli.bounds import BOUNDS
from luftrom.cli.main import EXIT_CODES, cli
from luftrom.config.keys import ROLES
from luftrom.config.settings import FORMAT, SETTINGS

VARIABLES = {
    "LUFTROM_DIR": "the party's directory, as `--dir`",
    "LUFTROM_URL": "the node to ask, as `--url`",
    "LUFTROM_TOKEN": "the bearer token for it, as `--token`",
    "LUFTROM_RECORDING": "recorded positions for the demo, as `--recording`",
    "LUFTROM_TRACEBACK": "if set, a defect ends with its traceback instead of one line",
    "NO_COLOR": "if set, no colour even on a terminal",
}
_ROLE_TEXTS = {
    "statements": "signs the statements of the log, agreements and the key card",
    "channel": "signs messages to peers' nodes",
    "token": "signs the tokens of `luftrom token`; known to the own node alone",
    "log": "signs checkpoints of the log (C2SP signed note, Ed25519)",
    "log-mldsa": "signs them once more (ML-DSA-44)",
    "mirror": "signs receipts: cosignatures on peers' checkpoints (Ed25519)",
    "mirror-mldsa": "signs them once more (ML-DSA-44)",
}
_CLI_HEAD = """\
# The command line

Written by `python -m luftrom.cli.reference`; do not edit.

`luftrom COMMAND --help` shows what stands here. With `--json` a command prints one JSON document on
standard output and nothing else. Whatever goes wrong is one line on standard error that says what
mends it. Colour appears only on a terminal. Times are UTC.
"""
_CONFIG_HEAD = """\
# The directory of a party

Written by `python -m luftrom.cli.reference`; do not edit.

`luftrom init` makes it, and nothing else needs configuring. Back it up as a whole; whoever has a
copy of `keys` can speak as the party.

| file | what it is |
|---|---|
| `config.toml` | settings, read once when a command starts |
| `keys/<role>.pem` | private keys, PKCS #8 in PEM, mode 0600 |
| `keys/log.json` | where the own log starts, if it is a new one; its keys bear its number |
| `keycard.json` | the party's name, base URL and public keys, signed; for the other parties |
| `agreement.json` | the agreement in force, signed by all its parties |
| `agreement-<version>.json` | agreements that were in force before |
| `luftrom.sqlite3` (`-wal`, `-shm`) | logs, disclosures, receipts, index |
| `luftrom.lock` | locked by the one process that may write |
"""
_CONFIG_EXAMPLE = f"""\
## Example

```toml
format = "{FORMAT}"
party = "alfa.example"
base_url = "https://alfa.example"

[listen]
host = "127.0.0.1"
port = 8600

[tls]
certificate = "tls/alfa.example.pem"
key = "tls/alfa.example.key"
authority = "tls/closed-network-ca.pem"

[[auth.issuer]]
issuer = "https://auth.example"
keys_file = "auth.pem"

[[auth.issuer]]
issuer = "https://other.example"
audience = "alfa.example"
jwks_url = "https://other.example/.well-known/jwks.json"
```
"""
_FINGERPRINT = """\
## Fingerprints

The fingerprint of a key card is the first 120 bits of the SHA-256 of its signed payload in base32
(RFC 4648: A to Z and 2 to 7), 24 letters in six groups of four. Two people who know each other's
voice read it aloud; `luftrom card check FILE FINGERPRINT` compares.
"""
_API_HEAD = """\
# The API

Written by `python -m luftrom.cli.reference`; do not edit.

A node shows the same at `/docs`, with schemas, and as OpenAPI 3.1 at `/openapi.json`. Paths with
scopes take a bearer token (JWT; RS256, ES256 or Ed25519) that has any one of them; `luftrom token`
makes one. Refusals are problem+json (RFC 9457), on F3548-21 paths the standard's `ErrorResponse`;
both carry `code` and, where one is at fault, `field`.

Bodies are JSON of at most 4 MiB, plain or gzip. Below /v1 unknown members are refused by name; on
F3548-21 paths they are ignored, as the standard asks. Where a body names a member twice the last is
read, but in notifications of peer USSs, which are recorded and signed: there it is refused. All
bounds stand on [a page of their own](limits.md).
"""
_LIMITS_HEAD = """\
# Bounds and budgets

Written by `python -m luftrom.cli.reference`; do not edit.

Nothing that a client, a peer or a stranger sends costs more than it may: each bound is looked at
before the work that it bounds. What stands here is default and most at once, since none is a
setting; what parties bound for each other stands in their agreement's terms. A statement of a
peer that exceeds one is answered 422 where it is signed, and kept as evidence.

A *stranger* is a connection on which no valid token and no peer's signature was seen. An *address*
is one of IPv4, or an IPv6 /64; behind a reverse proxy it is the proxy's, which then has to count.
"""


_AGREEMENT_HEAD = f"""\
# The agreement

Written by `python -m luftrom.cli.reference`; do not edit.

`luftrom agreement new --terms FILE` takes the terms as one JSON object, adds the parties from their
key cards, and writes out every default, so that what is signed leaves nothing open. The format is
`{AGREEMENT_FORMAT}`; version 1 is refused: draft it anew from the same terms. What is outside the
terms is refused to own clients as `outside_terms`, with `term`, `value` and `bound`; what a peer
signs all the same has the status `void`, wins nothing and is nobody's conflict.
`GET /v1/agreement`, `luftrom status` and the metrics show how much of each bound each party uses.
Why it is so: [decisions/terms.md](../decisions/terms.md).

## Terms

| member | needed | what it says |
|---|---|---|
| `name`, `version` | `name` | the agreement's name; 1, or higher than the one that it replaces |
| `area` | no | `vertices` of a polygon; without it, everywhere. What lies wholly outside is \
refused as `area`; of what crosses the border the volumes that touch the area count, and all are \
recorded |
| `altitude_m_w84_lower`, `altitude_m_w84_upper` | yes | the band, in the same way: `altitude` |
| `separation` | yes | minima: `lateral_m`, `vertical_m`, `time_s` |
| `priority_levels` | yes | the priorities that may be declared, each with `conflicts_permitted` \
and, if not all parties may use it, `parties`. Any other is refused as `priority` |
| `undeclared_priority_permits` | yes | may whoever tells no priority conflict with what its key \
names? |
| `silence` | yes | `mode` (`hold` or `proceed`), and how long a receipt (`after_s`), the \
opening of what it covers (`opening_s`; to proceed, also a head that acknowledges one) and a \
ruling (`ruling_s`) may take, 0.1 to 600 s each; the last two are `after_s` by default |
| `sealed` | no | does content follow the receipts of all parties? `true` by default |
| `bounds` | no | how much of the sky one party may ask for; below |

Of two parties whose declarations crossed at one priority, the one that stands first in the
agreement has the turn when hours plus days since 1970 UTC are even, at the hour in which the
overlap begins.

## Bounds

Each may be left out. A bound is held against the volumes that count, at the times that its author
signed: no clock of anybody else plays a part. Names in capitals and camel case are limits of ASTM
F3548-21.
"""


def agreement_page() -> str:
    """docs/reference/agreement.md."""
    rows = "".join(f"| `bounds.{term.name}` | {term.unit or 'number'} | {term.default} | "
                   f"{term.least:,g} to {term.most:,.0f} | {term.text} | {term.source} |\n"
                   for term in TERMS)
    return (f"{_AGREEMENT_HEAD}\n| bound | unit | default | from, to | what it bounds | why |\n"
            f"|---|---|---|---|---|---|\n{rows}")


def cli_page() -> str:
    """docs/reference/cli.md."""
    parts = [_CLI_HEAD, "## Exit codes\n\n| code | meaning |\n|---|---|\n" + "".join(
        f"| {code} | {text} |\n" for code, text in EXIT_CODES.items()),
        "## Environment\n\n| variable | meaning |\n|---|---|\n" + "".join(
            f"| `{name}` | {text} |\n" for name, text in VARIABLES.items())]
    for path, context in contexts():
        parts.append(f"## {path}\n\n```\n{context.get_help().rstrip()}\n```\n")
    return "\n".join(parts)


def contexts() -> Iterator[tuple[str, click.Context]]:
    """Each command with its subcommands: `luftrom agreement sign`, and a context to ask it in."""
    root = click.Context(cli, info_name="luftrom", terminal_width=80, max_content_width=80,
                         **cli.context_settings)
    for name, context in _inside(cli, root):
        yield f"luftrom {name}", context
        if isinstance(context.command, click.Group):
            for inner, child in _inside(context.command, context):
                yield f"luftrom {name} {inner}", child


def _inside(group: click.Group, parent: click.Context) -> Iterator[tuple[str, click.Context]]:
    """The commands of a group in the order in which it lists them."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is not None:
            yield name, click.Context(command, parent=parent, info_name=name)


def config_page() -> str:
    """docs/reference/config.md."""
    rows = "".join(f"| `{setting.name}` | {'text' if setting.kind is str else 'number'} | "
                   f"{'yes' if setting.required else 'no'} | {setting.text} |\n"
                   for setting in SETTINGS)
    roles = "".join(f"| `{role}` | {_ROLE_TEXTS[role]} |\n" for role in ROLES)
    return "\n".join([
        _CONFIG_HEAD,
        "## config.toml\n\nAn unknown setting is refused, with its line. `auth.issuer.*` stand in "
        "`[[auth.issuer]]`, once for\neach issuer whose tokens the node takes; the own `token` key "
        f"is one without being listed.\n\n| setting | type | needed | what it says |\n"
        f"|---|---|---|---|\n{rows}", _CONFIG_EXAMPLE,
        f"## Keys\n\n| role | what the key does |\n|---|---|\n{roles}", _FINGERPRINT])


def api_page() -> str:
    """docs/reference/api.md."""
    parts = [_API_HEAD]
    for tag in dict.fromkeys(route.tag for route in ROUTES):
        rows = "".join(
            f"| `{route.method} {route.shown_path}` | {route.summary} | "
            f"{', '.join(f'`{scope}`' for scope in route.scopes) or 'open'} |\n"
            for route in ROUTES if route.tag == tag)
        parts.append(f"## {tag}\n\n| path | what it does | scopes, any of |\n|---|---|---|\n{rows}")
    codes = "".join(f"| `{code}` | {text} |\n" for code, text in CODES.items())
    parts.append(f"## Errors\n\n| code | meaning |\n|---|---|\n{codes}")
    return "\n".join(parts)


def limits_page() -> str:
    """docs/reference/limits.md."""
    parts = [_LIMITS_HEAD]
    for title, bounds in BOUNDS.items():
        rows = "".join(f"| `{bound.name}` | {bound.what} | {_number(bound.value)} | {bound.unit} | "
                       f"{bound.beyond} |\n" for bound in bounds)
        parts.append(f"## {title}\n\n| bound | of what | default and most | unit | beyond it |\n"
                     f"|---|---|---|---|---|\n{rows}")
    return "\n".join(parts)


def _number(value: float) -> str:
    """A number without a useless `.0`."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def main(folder: Path) -> None:
    """Write all pages."""
    for name, page in (("cli.md", cli_page()), ("config.md", config_page()),
                       ("api.md", api_page()), ("limits.md", limits_page()),
                       ("agreement.md", agreement_page())):
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
