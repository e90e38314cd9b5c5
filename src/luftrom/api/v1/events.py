"""Server-sent events: every change of the airspace as its revision, and the status now and then.

A client that comes back with Last-Event-ID is told at once if anything changed meanwhile, and
reads what from /v1/operational_intents?after=<revision>; so a lost connection loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from luftrom import limits
from luftrom.api.http.call import NO_STORE, Call
from luftrom.api.http.doors import Doors
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS
from luftrom.api.v1 import documents
from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput, Unavailable

STATUS_S = 5.0


class EventStream(StreamingResponse):
    """Server-sent events, counted while they are open; they end when their client goes away."""

    def __init__(self, events: AsyncIterator[bytes], doors: Doors):
        super().__init__(events, 200, NO_STORE | {"content-type": "text/event-stream",
                                                  "x-accel-buffering": "no"})
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._doors.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._doors.streams -= 1


async def stream_events(call: Call) -> Response:
    """`change` events with the revision as id, and `status` events every five seconds."""
    header = call.headers.get("last-event-id", "").strip()
    if header and not (header.isascii() and header.isdigit() and len(header) <= 18):
        raise BadInput("must be a revision: a whole number", field="Last-Event-ID")
    if call.doors.streams >= limits.STREAMS_MAX:
        raise Unavailable(f"{limits.STREAMS_MAX} event streams are open already")
    return EventStream(_events(call, int(header) if header else -1), call.doors)


async def _events(call: Call, last: int) -> AsyncIterator[bytes]:
    node, clock = call.node, call.node.clock
    yield b"retry: 2000\n\n"
    if last > node.airspace.revision:      # an id of another history of this node
        last = -1
    status_due_ns = clock.elapsed_ns()
    while not call.doors.closing:
        wait_s = (status_due_ns - clock.elapsed_ns()) / NS_PER_S
        if wait_s <= 0:
            yield _event("status", await node.apart(lambda: documents.status_document(node)))
            status_due_ns = clock.elapsed_ns() + int(STATUS_S * NS_PER_S)
            continue
        revision = await node.changed(last, wait_s)
        if revision > last:
            await node.settled()
            last = node.airspace.revision
            yield _event("change", {"revision": last}, last)
        elif clock.elapsed_ns() < status_due_ns - NS_PER_S // 10:
            return                         # the node waits no more: it is stopping


def _event(name: str, value: object, identifier: int | None = None) -> bytes:
    head = f"event: {name}\n" + (f"id: {identifier}\n" if identifier is not None else "")
    return f"{head}data: {json.dumps(value, separators=(',', ':'))}\n\n".encode()


ROUTES = (
    Route("GET", "/v1/events", stream_events, "Changes and status as server-sent events", "REST",
          READERS, responses=((200, "text/event-stream"),), parameters=("Last-Event-ID",)),
)
