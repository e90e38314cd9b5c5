"""`luftrom doctor`: each precondition of a node that works, checked, with the mend if it fails."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from luftrom.cli.options import dir_option, json_option

if TYPE_CHECKING:
    from luftrom.agreement.party import Party
    from luftrom.agreement.terms import Agreement
    from luftrom.cli.client import NodeClient
    from luftrom.config.settings import Settings

OK, FAIL, SKIPPED = "ok", "fail", "skipped"
STYLES = {OK: "ok", FAIL: "bad", SKIPPED: "warning"}
PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 22, 0)                    # reads a WAL database read-only from here on
FREE_BYTES_MIN = 512 * 1024 * 1024
CLOCK_OFF_S_MAX = 5.0
PROBE_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One precondition: what was seen and, if it fails, what mends it."""

    name: str
    verdict: str
    seen: str
    mend: str = ""


@click.command(short_help="Check each precondition and say how to mend what fails.")
@dir_option
@json_option
def doctor(directory: Path, as_json: bool) -> None:
    """Check everything that a node needs: this machine, the directory, the agreement, the peers.

    \b
    Example:
      luftrom doctor --dir alfa

    Each line is ok, fail or skipped; below a line that fails stands what mends it. The exit code
    is 1 if anything fails. Nothing is changed.
    """
    from luftrom.cli.terminal import print_json, print_line, print_table

    checks = list(examine(directory))
    failed = sum(check.verdict == FAIL for check in checks)
    if as_json:
        print_json({"directory": str(directory), "ok": not failed,
                    "checks": [asdict(check) for check in checks]})
    else:
        print_table(("verdict", "name", "seen"), [
            ((STYLES[check.verdict], check.verdict), check.name,
             check.seen + (f"\nmend: {check.mend}" if check.mend else ""))
            for check in checks], header=False, whole=("verdict", "name"))
        print_line(f"{failed} of {len(checks)} fail" if failed else "nothing fails",
                   "bad" if failed else "ok")
    click.get_current_context().exit(1 if failed else 0)


def examine(directory: Path) -> Iterator[Check]:
    """All checks in the order in which they depend on each other."""
    from luftrom.errors import LuftromError

    yield _python()
    yield _sqlite()
    try:
        from luftrom.config.settings import load_settings

        settings = load_settings(directory)
    except LuftromError as error:
        yield Check("settings", FAIL, str(error), f"luftrom init --dir {directory}, or correct "
                    "config.toml")
        return
    yield Check("settings", OK, f"{settings.party} at {settings.base_url}")
    for name, look in (("permissions", _permissions), ("keys", _keys), ("key card", _key_card),
                       ("store", _store), ("wholeness", _wholeness), ("forks", _forks),
                       ("disk", _disk), ("certificate", _certificate),
                       ("authorities", _authorities), ("port", _port)):
        yield _guarded(name, look, settings)
    agreement, check = _agreement(settings)
    yield check
    if agreement is None:
        return
    for party in agreement.parties:
        if party.name != settings.party:
            yield from _peer(party, agreement, settings)


def _guarded(name: str, look: Callable[[Settings], Check], settings: Settings) -> Check:
    from luftrom.errors import LuftromError

    try:
        return look(settings)
    except (LuftromError, OSError) as error:
        return Check(name, FAIL, str(error), "see the message")


# -- this machine --------------------------------------------------------------------------------

def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return Check("Python", FAIL, version, "install Python 3.11 or newer")
    return Check("Python", OK, version)


def _sqlite() -> Check:
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return Check("SQLite", FAIL, sqlite3.sqlite_version,
                     f"install SQLite {'.'.join(map(str, SQLITE_MIN))} or newer")
    return Check("SQLite", OK, sqlite3.sqlite_version)


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.directory).free
    seen = f"{free / 1024**3:,.1f} GiB free"
    if free < FREE_BYTES_MIN:
        return Check("disk", FAIL, seen, f"make room where {settings.directory} is")
    return Check("disk", OK, seen)


# -- the directory -------------------------------------------------------------------------------

def _permissions(settings: Settings) -> Check:
    if os.name != "posix":
        return Check("permissions", SKIPPED, "not checked on this system")
    keys = settings.directory / "keys"
    paths = [settings.directory, keys, *sorted(keys.glob("*.pem"))]
    wide = [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if wide:
        return Check("permissions", FAIL, f"others can read {wide[0]}",
                     "chmod go-rwx " + " ".join(str(path) for path in wide))
    return Check("permissions", OK, "nobody else can read the keys")


def _keys(settings: Settings) -> Check:
    from luftrom.config.keys import ROLES, load_key

    for role in ROLES:
        load_key(settings, role)
    return Check("keys", OK, f"{len(ROLES)}, one for each role")


def _key_card(settings: Settings) -> Check:
    from luftrom.config.keycard import load_key_card
    from luftrom.config.keys import load_public_party

    card = load_key_card(settings.key_card_path)
    if card.party != load_public_party(settings):
        return Check("key card", FAIL, "shows other keys or another address than this directory",
                     "restore keycard.json, keys and config.toml from one backup")
    return Check("key card", OK, card.fingerprint)


def _store(settings: Settings) -> Check:
    from luftrom.cli.terminal import plural
    from luftrom.config.storing import open_store

    if not settings.store_path.exists():
        return Check("store", OK, "none yet; the node makes it when it starts")
    with closing(open_store(settings, read_only=True)) as store:
        sizes = ", ".join(f"{plural(store.size(party), 'statement')} of {party}"
                          for party in store.parties())
    try:
        with closing(sqlite3.connect(f"{settings.store_path.absolute().as_uri()}?mode=ro",
                                     uri=True)) as database:
            mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    except sqlite3.Error as error:         # read-only: it was read above all the same
        return Check("store", FAIL, f"{settings.store_path}: {error}",
                     f"let the user of the node write to {settings.directory}")
    if mode != "wal":
        return Check("store", FAIL, f"journal mode is {mode}, not wal",
                     "put the directory on a local disk; network file systems cannot hold it")
    return Check("store", OK, sizes or "empty")


def _wholeness(settings: Settings) -> Check:
    """Would a node that is started now sign? A running one says so itself."""
    from luftrom.cli.client import local_client
    from luftrom.cli.options import open_client
    from luftrom.config.agreements import load_agreement
    from luftrom.config.instance import Instance
    from luftrom.config.keys import load_public_party
    from luftrom.config.storing import open_store
    from luftrom.errors import LuftromError
    from luftrom.node.starting import look_at

    try:
        with closing(local_client(settings, None)) as probe:
            probe.fetch("/healthz")
        with closing(open_client(settings.directory, None, None, "doctor")) as client:
            told = client.get("/v1/status")["wholeness"]
    except (LuftromError, KeyError):
        told = None
    if told is not None:
        return (Check("wholeness", OK, "the node signs") if told["state"] == "open" else
                Check("wholeness", FAIL, "; ".join(told["reasons"]), told["mend"]))
    if not settings.store_path.exists():
        begun = Instance(settings).marked() or not settings.directory.joinpath(
            "luftrom.new").exists()
        return (Check("wholeness", FAIL, f"there is no {settings.store_path}, though the log had "
                      "begun", "luftrom restore --from-peers") if begun
                else Check("wholeness", OK, "the log has not begun"))
    instance = Instance(settings)
    with closing(open_store(settings, read_only=True)) as store:
        examined = look_at(store, load_public_party(settings), load_agreement(settings))
        doubts = instance.doubts(store)
    if examined.faults:
        return Check("wholeness", FAIL, "; ".join(map(str, examined.faults)),
                     examined.faults[0].mend)
    if doubts:
        return Check("wholeness", FAIL, "; ".join(doubts), "start the node: it asks its peers, and "
                     "says what is left to do")
    return Check("wholeness", OK, "every row that the logs rest on is there")


def _certificate(settings: Settings) -> Check:
    from luftrom.clock import SystemClock
    from luftrom.tls import examine_certificate, server_context

    if settings.certificate is None or settings.key is None:
        return Check("certificate", OK, "none: `serve` speaks plain HTTP"
                     + (", so a reverse proxy has to end TLS"
                        if settings.base_url.startswith("https:") else ""))
    server_context(settings.certificate, settings.key)
    seen, mend = examine_certificate(settings.certificate, settings.base_url,
                                     SystemClock().now_ns())
    return Check("certificate", FAIL if mend else OK, seen, mend)


def _authorities(settings: Settings) -> Check:
    from luftrom.tls import AUTHORITY_VARIABLE, client_context

    client_context(settings.authority)
    if settings.authority is not None:
        return Check("authorities", OK, f"those in {settings.authority}, and no other")
    named = os.environ.get(AUTHORITY_VARIABLE)
    return Check("authorities", OK, f"those in {named} ({AUTHORITY_VARIABLE}), and no other"
                 if named else "the system's")


def _port(settings: Settings) -> Check:
    from luftrom.cli.client import local_client
    from luftrom.cli.options import open_client
    from luftrom.errors import LuftromError, Unavailable

    where = f"{settings.host} port {settings.port}"
    with closing(local_client(settings, None)) as probe:
        try:
            probe.fetch("/healthz")
        except Unavailable:
            return _free_port(settings, where)
    with closing(open_client(settings.directory, None, None, "doctor")) as client:
        try:
            party = client.get("/v1/status")["party"]
        except (LuftromError, KeyError, TypeError) as error:
            return Check("port", FAIL, f"something else answers at {where}: {error}",
                         "stop it, or change listen.port in config.toml")
    if party != settings.party:
        return Check("port", FAIL, f"the node of {party} answers at {where}",
                     "change listen.port in config.toml")
    return Check("port", OK, f"our node answers at {where}")


def _free_port(settings: Settings, where: str) -> Check:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as trial:
            if os.name == "posix":
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return Check("port", FAIL, f"cannot listen on {where}: {error.strerror or error}",
                     "stop whatever has it, or change [listen] in config.toml")
    return Check("port", OK, f"{where} is free; the node does not run")


def _agreement(settings: Settings) -> tuple[Agreement | None, Check]:
    from luftrom.config.agreements import check_names_us, load_agreement
    from luftrom.errors import LuftromError

    try:
        agreement = load_agreement(settings)
        if agreement is None:
            return None, Check("agreement", FAIL, "none: the node would talk to no peer",
                               f"luftrom agreement install --dir {settings.directory} FILE")
        check_names_us(agreement, settings)
    except LuftromError as error:
        return None, Check("agreement", FAIL, str(error),
                           "install one that all parties have signed over the present key cards")
    return agreement, Check("agreement", OK, f"“{agreement.name}”, version {agreement.version}, "
                            f"SHA-256 {agreement.digest[:16]}…")


# -- peers ---------------------------------------------------------------------------------------

def _forks(settings: Settings) -> Check:
    from luftrom.clock import NS_PER_S, format_time
    from luftrom.config.agreements import load_agreement
    from luftrom.config.storing import open_store
    from luftrom.state.loading import told_forks

    if not settings.store_path.exists():
        return Check("forks", OK, "there is no log yet")
    with closing(open_store(settings, read_only=True)) as store:
        forks = told_forks(store, settings.party, load_agreement(settings))
    if not forks:
        return Check("forks", OK, "no party is told to have forked")
    return Check("forks", FAIL, "; ".join(
        f"{name} signed two histories of its log, as this log tells since "
        f"{format_time(told.iat_s * NS_PER_S)}" for name, told in forks.items()),
        "agree with the other parties on a next version, without it or with a new log of its own")


def _peer(peer: Party, agreement: Agreement, settings: Settings) -> Iterator[Check]:
    """Is it there, is it the one that signed, does it keep the same time and the same agreement?"""
    from luftrom.cli.client import NodeClient
    from luftrom.errors import LuftromError, Unavailable
    from luftrom.tls import client_context

    try:
        context = client_context(settings.authority)
    except LuftromError as error:
        yield Check(peer.name, SKIPPED, str(error))
        return
    with closing(NodeClient(peer.base_url, None, timeout_s=PROBE_S, context=context)) as client:
        try:
            offset_s = client.clock_offset_s()
        except Unavailable as error:
            yield Check(peer.name, FAIL, str(error), "ask whether its node runs and its "
                        "certificate holds; look for a firewall or a wrong base URL between you")
            yield Check("clocks", SKIPPED, f"{peer.name} does not answer")
            return
        yield Check(peer.name, OK, f"answers at {peer.base_url}")
        yield _clock(peer, offset_s)
        try:
            yield _same_agreement(client, peer, agreement)
        except LuftromError as error:
            yield Check("peer's log", FAIL, str(error), "compare the agreements' SHA-256 and the "
                        "key cards' fingerprints with the other party, by voice")


def _clock(peer: Party, offset_s: float) -> Check:
    seen = f"{peer.name} is {abs(offset_s):.0f} s {'ahead' if offset_s > 0 else 'behind'}"
    if abs(offset_s) > CLOCK_OFF_S_MAX:
        return Check("clocks", FAIL, seen, "set both clocks by NTP")
    return Check("clocks", OK, f"within {CLOCK_OFF_S_MAX:.0f} s of {peer.name}")


def _same_agreement(client: NodeClient, peer: Party, agreement: Agreement) -> Check:
    """The peer's own log, open to all, says with whose keys and under what agreement it speaks."""
    from luftrom.limits import LEAF_BYTES_MAX, NOTE_BYTES_MAX
    from luftrom.statements.leaf import parse_statement
    from luftrom.transparency.checkpoint import verify_checkpoint
    from luftrom.transparency.merkle import parse_entry_bundle, tile_path
    from luftrom.transparency.note import parse_vkey

    status, note = client.fetch("/log/checkpoint", NOTE_BYTES_MAX)
    if status != 200:
        return Check("peer's log", SKIPPED, f"{peer.name} has said nothing yet")
    verified = verify_checkpoint(note, [parse_vkey(vkey) for vkey in peer.keys.log],
                                 peer.log_origin).checkpoint
    bundle, width = (verified.size - 1) // 256, (verified.size - 1) % 256 + 1
    status, data = client.fetch("/log/" + tile_path("entries", bundle, width),
                                256 * (LEAF_BYTES_MAX + 2))
    last = parse_statement(parse_entry_bundle(data)[-1]) if status == 200 else None
    if last is None:
        return Check("peer's log", FAIL, f"{peer.name} does not show statement "
                     f"{verified.size - 1} of its log", "ask its operator to run luftrom doctor")
    if last.agreement != agreement.digest:
        theirs = f"SHA-256 {last.agreement[:16]}…" if last.agreement else "none"
        return Check("peer's log", FAIL, f"{peer.name} last spoke under another agreement: "
                     f"{theirs}", "install the same agreement at both and start both nodes anew")
    return Check("peer's log", OK, f"signed with the agreed keys, under the same agreement; "
                 f"{verified.size:,} statements")
