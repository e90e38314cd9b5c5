"""An ASGI application behind the node's own HTTP server, in a thread on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from luftrom.api.serving.places import Places
from luftrom.api.serving.server import Certificate, Server


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with method, path and size of the body; at /refuse without reading a body."""
    size, more = 0, scope["path"] != "/refuse"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = f"{scope['method']} {scope['path']} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Served:
    """The running server; `ended` says that `serve` came back without an error."""

    server: Server
    port: int
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    failure: BaseException | None = None

    def connect(self) -> socket.socket:
        """A plain connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def stop(self) -> None:
        """End the server and wait for it; raises what `serve` raised."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.server.stop)
            self.thread.join(20)
        if self.failure is not None:
            raise self.failure


@contextlib.contextmanager
def served(app: Any = echo, certificate: Certificate | None = None, places: Places | None = None,
           loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> Iterator[Served]:
    """The application, served until the end of the block."""
    door = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    state: list[Served] = []

    async def serve() -> None:
        server = Server(app, door, certificate, places)
        state.append(Served(server, door.getsockname()[1], asyncio.get_running_loop(), thread))
        task = asyncio.create_task(server.serve())
        await server.started.wait()
        ready.set()
        await task

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(serve())
        except BaseException as error:     # noqa: BLE001 - for `stop` to raise where the test sees it
            state[0].failure = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20), "the server did not start"
    try:
        yield state[0]
    finally:
        state[0].stop()
