"""`luftrom serve`: the node of a directory as a process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import dir_option, existing_file

if TYPE_CHECKING:
    from luftrom.api.serving.server import Server
    from luftrom.config.settings import Settings
    from luftrom.node.gate import Gated

REPEAT_S = 60.0                            # the same line is not written again before this
BACKLOG = 2048
COMPILING_S = 2.0                          # kernels that take longer to load are being compiled


@click.command(short_help="Run the node of a directory.")
@dir_option
@click.option("--tls-certificate", type=existing_file, metavar="FILE",
              help="Speak TLS with this certificate chain, PEM, in place of tls.certificate of "
                   "config.toml.")
@click.option("--tls-key", type=existing_file, metavar="FILE",
              help="The private key of --tls-certificate, PEM.")
@click.option("--verbose", is_flag=True, help="Also what goes well, line by line.")
def serve(directory: Path, tls_certificate: Path | None, tls_key: Path | None,
          verbose: bool) -> None:
    """Run the node of a directory until Ctrl-C or SIGTERM.

    \b
    Example:
      luftrom serve --dir alfa

    One process at a time can serve a directory. Whatever was acknowledged is on the disk, so
    stopping it in any way loses nothing.
    """
    from luftrom.cli.options import settings_of
    from luftrom.files import exclusive

    if (tls_certificate is None) != (tls_key is None):
        raise click.UsageError("--tls-certificate and --tls-key go together")
    settings = settings_of(directory)
    if tls_certificate is not None:
        settings = replace(settings, certificate=tls_certificate, key=tls_key)
    _log_lines(logging.INFO if verbose else logging.WARNING)
    with (exclusive(settings.lock_path),
          contextlib.closing(listen(settings.host, settings.port)) as door,
          asyncio.Runner(loop_factory=_loop_factory()) as runner):
        runner.run(_serve(settings, door))


async def _serve(settings: Settings, door: socket.socket) -> None:
    """Everything is read before the first client is let in; a refusal here ends the command."""
    from luftrom.api.app import create_app
    from luftrom.api.http.mounting import mounted
    from luftrom.api.serving.places import Places
    from luftrom.api.serving.server import Certificate, Server, room_for_connections
    from luftrom.clock import SystemClock
    from luftrom.config.agreements import check_keys_are_ours, load_agreement
    from luftrom.config.keys import load_key, load_keys, load_public_party
    from luftrom.config.storing import open_store
    from luftrom.exchange.http import HttpTransport
    from luftrom.node.starting import make_node
    from luftrom.node.timekeeping import Timekeeper
    from luftrom.tls import client_context

    certificate = None
    if settings.certificate is not None and settings.key is not None:
        certificate = Certificate(settings.certificate, settings.key)
    agreement, keys = load_agreement(settings), load_keys(settings)
    if agreement is not None:
        check_keys_are_ours(agreement, settings)
    clock, transport = SystemClock(), HttpTransport(client_context(settings.authority))
    own = load_public_party(settings)
    store, instance, timekeeping = open_store(settings), None, None
    try:
        warm_up_aloud(click.echo)
        node, instance = make_node(settings, keys, own, agreement, store, clock, transport)
        if settings.ntp_server:
            keeper = Timekeeper(node.gate, clock, settings.ntp_server)
            await keeper.look()            # before anything is signed
            timekeeping = asyncio.create_task(keeper.run())
        _tell_wholeness(node.wholeness)
        await node.start()
        _tune()
        app = create_app(node, settings, load_key(settings, "token").public_key())
        _announce(settings, agreement is not None)
        await _run(node, app, Server(mounted(app, settings.base_path), door, certificate,
                                     Places(room_for_connections())))
    finally:
        if timekeeping is not None:
            timekeeping.cancel()
        await transport.close()
        store.close()
        if instance is not None:
            instance.close()
    click.echo(f"{settings.party} stopped")


def _tell_wholeness(gated: Gated) -> None:
    """Why the node signs nothing yet, where there is more to it than asking its peers."""
    from luftrom.node.gate import ASKING, OPEN

    if gated.state in (OPEN, ASKING):
        return
    click.echo(f"This node signs nothing now ({gated.state}):", err=True)
    for reason in gated.reasons:
        click.echo(f"  {reason}", err=True)
    click.echo(f"Mend: {gated.mend}", err=True)


def _tune() -> None:
    """Look for cycles rarely: a node's many values hold none, and each search visits them all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # Threads that commit and encode must not keep the loop waiting for the usual 5 ms.
    sys.setswitchinterval(0.0005)


def warm_up_aloud(tell: Callable[[str], object]) -> None:
    """Make the conflict kernels ready; say so if they are not in their cache yet."""
    from luftrom.geometry.index.warming import warm_up

    word = threading.Timer(COMPILING_S, tell, [
        "compiling the conflict kernels, once for each version: about 15 s on two cores"])
    word.daemon = True
    word.start()
    try:
        warm_up()
    finally:
        word.cancel()


async def _run(node: Any, app: Any, server: Server) -> None:
    """Serve until a signal. Then the node stops first, so that nobody waits for its answers."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(told.set))
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    await app.close()
    await node.stop()
    waiting.cancel()
    await serving


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises LuftromError with the mend if the address cannot be had."""
    from luftrom.errors import LuftromError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        door = socket.socket(family, kind, protocol)
    except OSError as error:
        raise LuftromError(f"cannot listen on {host}: {error.strerror or error}; change "
                           "[listen] in config.toml") from None
    try:
        if sys.platform != "win32":        # there it would let two processes share the port
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise LuftromError(f"cannot listen on {host} port {port}: {error.strerror or error}; stop "
                           "what has it, or change [listen] in config.toml",
                           code="port_in_use") from None
    door.setblocking(False)
    return door


def _loop_factory() -> Any:
    """uvloop's event loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _announce(settings: Settings, has_agreement: bool) -> None:
    from luftrom.cli.client import local_url

    click.echo(f"{settings.party} listens on {settings.host} port {settings.port}; console at "
               f"{settings.base_url if settings.certificate else local_url(settings)}/console/")
    if not has_agreement:
        click.echo("There is no agreement: the node talks to no peer.")


# -- log lines -----------------------------------------------------------------------------------

class _Line(logging.Formatter):
    """15:20:03Z warning: what happened."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(word)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """One line, or with its traceback several for a defect."""
        from luftrom.cli.terminal import clean

        record.word = record.levelname.lower()
        return clean(super().format(record))


class _Once(logging.Filter):
    """Lets the same message through once in REPEAT_S."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Is this news?"""
        now_s, text = time.monotonic(), record.getMessage()
        if len(self._told) > 1000:
            self._told.clear()
        if now_s - self._told.get(text, -REPEAT_S) < REPEAT_S:
            return False
        self._told[text] = now_s
        return True


def _log_lines(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    handler.addFilter(_Once())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("luftrom").setLevel(level)
