"""One HTTP/1.1 connection with bounds: bytes in, requests to the application, answers out.

uvicorn's protocol on httptools (llhttp) does HTTP and ASGI; here stands what it leaves open: how
long a request line, a head and its headers may be (RFC 9112, section 3: 414; RFC 6585: 431), how
long a head, a body, an answer and a pause may take, and that nothing of a request is kept when it
is answered. Time is looked at by `check`, which the server calls every second: no request sets a
timer.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from functools import partial
from typing import Any, Final, cast

import httptools
from uvicorn import Config
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from luftrom import limits
from luftrom.api.http.problem import problem_answer
from luftrom.api.http.standing import ROOM, VOUCH
from luftrom.api.serving.budget import Budget, Share
from luftrom.api.serving.places import Place, Places
from luftrom.api.serving.signal import Signal
from luftrom.errors import LuftromError, Unavailable

_LOG = logging.getLogger("luftrom.server")
# Fed at once, so that a limit is met soon behind it; few, where whole requests may follow another.
_BODY_PIECE_BYTES, _PIECE_BYTES = 16_384, 1_024
_TLS_RECORD = b"\x16\x03"                  # how a ClientHello begins (RFC 8446, section 5.1)
# Of all connections on which no second request has come yet; nothing stays in it.
_NONE_WAIT: Final[deque[Any]] = deque(maxlen=0)


class Connection(HttpToolsProtocol):
    """The protocol of one connection; its place is left when the connection is lost.

    Thousands may sit here at once, so each holds little: slots beside uvicorn's own attributes,
    whose names then are few enough for all instances to share, and no queue where nobody waits.
    """

    __slots__ = ("_budget", "_due_s", "_fault", "_fruitless_bytes", "_head_bytes", "_in_head",
                 "_is_refused", "_leftover_bytes", "_line_bytes", "_places", "_running", "_share",
                 "_stuck_since_s", "_unread", "_unread_since_s", "_unsent_bytes", "place")

    def __init__(self, config: Config, state: ServerState, places: Places, place: Place,
                 budget: Budget, loop: asyncio.AbstractEventLoop):
        super().__init__(config, state, {}, loop)
        self.pipeline = _NONE_WAIT
        self.place = place
        self._places = places
        self._budget = budget
        self._share = Share(budget, place) # of the request that is read
        self._unsent_bytes = 0             # as far as they are counted in the budget
        self._unread_since_s = math.inf    # when its client was found not to read
        self._due_s = math.inf
        self._stuck_since_s: float | None = None
        self._in_head = False              # between a request's first byte and its empty line
        self._is_refused = False
        self._fruitless_bytes = 0          # since the last byte that completed something
        self._line_bytes = 0
        self._head_bytes = 0
        self._leftover_bytes = 0
        self._fault: LuftromError | None = None
        self._unread = b""                 # behind requests that wait, of which there are enough
        self._running: RequestResponseCycle | None = None

    # -- bytes in ----------------------------------------------------------------------------

    def connection_made(  # type: ignore[override]  # asyncio never gives another one here
            self, transport: asyncio.Transport) -> None:
        """A TLS handshake, if there is one, is done by now."""
        super().connection_made(transport)
        self.flow._is_writable_event = cast(asyncio.Event, Signal(is_set=True))
        self._due_s = self.loop.time() + limits.HEAD_S_MAX
        self.place.give_way = self._give_way

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back, wake whoever waits for a body, and let go of all that was read."""
        self._places.leave(self.place)
        self._count_unsent(0)
        self.place.give_way = lambda: None
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True      # uvicorn tells the newest request alone
            self._running.message_event.set()
        for cycle, _ in self.pipeline:     # those that began give back when they end
            cast(dict[str, Any], cycle.scope)[ROOM].give_back()
        self.pipeline.clear()
        self._unread = b""
        for left in (self.cycle, self._running):
            if left is not None:
                left.body = bytearray()
        # Connection, parser and request hold each other; circles are looked for rarely.
        self.cycle = None  # type: ignore[assignment]  # as uvicorn begins
        self._running = self._fault = None

    def data_received(self, data: bytes) -> None:
        """Take bytes in as far as there is room for the requests in them."""
        if self._is_refused or self.parser is None:
            return
        if self._is_idle() and not self._fruitless_bytes:      # the first bytes of a request
            self._due_s = self.loop.time() + limits.HEAD_S_MAX
        self._unread += data
        self._feed()

    def _feed(self) -> None:
        """Feed the parser in pieces, and refuse what grows without leading to anything."""
        data, at, self._unread = self._unread, 0, b""
        while at < len(data):
            if len(self.pipeline) >= limits.PIPELINED_MAX:     # `on_response_complete` goes on
                self._unread = data[at:]
                self.flow.pause_reading()
                return
            in_body = not self._in_head and self.cycle is not None and self.cycle.more_body
            piece = data[at:at + (_BODY_PIECE_BYTES if in_body else _PIECE_BYTES)]
            at += len(piece)
            self._fruitless_bytes += len(piece)
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                self.cycle.keep_alive = False   # answered as if it had not asked for the upgrade
            except httptools.HttpParserError:
                fault = self._fault or self._no_request(piece)
                self._refuse(fault.with_traceback(None))   # its frames hold what was read
            if self._fruitless_bytes > limits.HEAD_BYTES_MAX:
                self._refuse(_long_head())
            if self._is_refused or self.transport.is_closing():
                return

    # -- what the parser finds ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_head = True
        self._line_bytes = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Some of the request's target."""
        self._line_bytes += len(url)
        if self._line_bytes > limits.REQUEST_LINE_BYTES_MAX:
            self._fail(LuftromError("the request line has more than "
                                    f"{limits.REQUEST_LINE_BYTES_MAX} bytes", code="too_large",
                                    status=414))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what comes behind a body is dropped (RFC 9110, section 6.5.1)."""
        if not self._in_head:
            return
        self._head_bytes += len(name) + len(value) + 4
        if (self._line_bytes + self._head_bytes > limits.HEAD_BYTES_MAX
                or len(self.headers) >= limits.HEADERS_MAX):
            self._fail(_long_head())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is whole: its request begins, or waits behind the one before."""
        if self.parser.should_upgrade() and any(
                name in (b"content-length", b"transfer-encoding") and value != b"0"
                for name, value in self.headers):
            self._fail(LuftromError("a request with a body cannot ask for an Upgrade here; leave "
                                    "out the headers Upgrade and Connection", code="bad_input",
                                    status=400))
        self._check_framing()
        self._in_head = False
        self._fruitless_bytes = self._leftover_bytes = 0
        self._due_s = self.loop.time() + limits.BODY_S_MAX
        self.place.waiting_since_s = None
        self._share = Share(self._budget, self.place)
        cast(dict[str, Any], self.scope).update({
            ROOM: self._share, VOUCH: partial(self._places.vouch, self.place)})
        if self.pipeline is _NONE_WAIT and self.cycle is not None:
            self.pipeline = deque()        # it may have to wait there
        super().on_headers_complete()
        self.cycle.message_event = cast(asyncio.Event, Signal())   # nobody waits for it yet
        if not self.pipeline:
            self._running = self.cycle

    def _check_framing(self) -> None:
        """Refuse what a proxy in front might read as another request (RFC 9112, 3.2 and 6.1)."""
        names = [name for name, _ in self.headers]
        if names.count(b"host") > 1:
            self._fail(LuftromError("a request has one header Host", code="bad_input", status=400))
        if b"transfer-encoding" in names and any(
                name == b"transfer-encoding" and value.strip().lower() != b"chunked"
                for name, value in self.headers):
            self._fail(LuftromError("a body comes in no other Transfer-Encoding than chunked",
                                    code="not_built", status=501))
        # HTTP/1.0 knows no 100 (RFC 9110, 10.1.1): its client would take that for the answer.
        if self.expect_100_continue and self.parser.get_http_version() != "1.1":
            self.expect_100_continue = False

    def on_body(self, body: bytes) -> None:
        """Some of a body: it gains time, and is thrown away if the answer is out already."""
        self._fruitless_bytes = 0
        self._due_s = min(self._due_s + len(body) / limits.BODY_BYTES_PER_S_MIN,
                          self.loop.time() + limits.BODY_S_MAX)
        if self.cycle.response_complete:
            self._leftover_bytes += len(body)
            if self._leftover_bytes > limits.LEFTOVER_BYTES_MAX:
                self._hang_up()
            return
        if self.cycle is not self._running:
            # One that waits is not read yet. One that runs takes room as its application reads it:
            # by then it may have been vouched for, and what is not read has a few KiB.
            try:
                self._share.take(len(body))
            except Unavailable as error:
                self._fail(error)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; from here the time is the application's."""
        self._fruitless_bytes = 0
        if self.cycle.response_complete:
            self._wait()
        else:
            self._due_s = math.inf
            super().on_message_complete()
        # What stays marks the request as whole also where its answer came first.
        self.cycle.more_body = False

    def on_response_complete(self) -> None:
        """An answer is out: forget its request, go on with the next or wait for one."""
        self.server_state.total_requests += 1
        self._bound_unsent()
        if not self.pipeline:
            self._forget()
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._running, app = self.pipeline.pop()
            cast(dict[str, Any], self._running.scope)[ROOM].give_back()
            self._start_asgi_task(self._running, app)
        elif not self.cycle.more_body:
            self._wait()
        if self._unread:
            self._feed()
        if not self._unread:
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        """The client does not read what is sent to it."""
        self._unread_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unread_since_s = math.inf
        self._count_unsent(self.transport.get_write_buffer_size())
        super().resume_writing()

    def _bound_unsent(self) -> None:
        """Where strangers leave too much unread, those end that have not read for longest."""
        self._count_unsent(self.transport.get_write_buffer_size())
        while self._budget.unsent_bytes > limits.UNSENT_BYTES_MAX:
            stuck = min((each for each in self.connections
                         if isinstance(each, Connection) and each._unsent_bytes),
                        key=lambda each: each._unread_since_s)
            _LOG.info("%s does not read its answer; it is cut off, since unread answers have %d "
                      "bytes", stuck.place.address, limits.UNSENT_BYTES_MAX)
            stuck._count_unsent(0)
            stuck._is_refused = True
            stuck.transport.abort()

    def _count_unsent(self, count: int) -> None:
        count = 0 if self.place.is_vouched or self._is_refused else count
        self._budget.unsent_bytes += count - self._unsent_bytes
        self._unsent_bytes = count

    # -- time --------------------------------------------------------------------------------

    def check(self, now_s: float) -> None:
        """Close what takes too long; called every second."""
        closing, stuck = self.transport.is_closing(), self.flow.write_paused
        if closing or stuck:
            if self._stuck_since_s is None:
                self._stuck_since_s = now_s
            elif now_s - self._stuck_since_s > (limits.CLOSE_S_MAX if closing
                                                else limits.WRITE_S_MAX):
                self.transport.abort()
            return
        self._stuck_since_s = None
        if now_s <= self._due_s:
            return
        if self.flow.read_paused:          # it is the application that does not read
            self._due_s = now_s + limits.BODY_S_MAX
        elif self._in_head or not (self._is_idle() or self.cycle.response_complete):
            self._refuse(LuftromError("the request did not come to its end in time",
                                      code="too_slow", status=408))
        else:
            self._hang_up()

    def shutdown(self) -> None:
        """The server stops: what a stranger has not even asked yet is not waited for."""
        cycle = self.cycle
        if not (self.place.is_vouched or self._is_idle()) and cycle is not None and (
                cycle.more_body and not cycle.response_started):
            self.transport.abort()
        else:
            super().shutdown()

    # -- ends --------------------------------------------------------------------------------

    def _is_idle(self) -> bool:
        """Is there no request, not even the beginning of one?"""
        return not self._in_head and (self.cycle is None or (
            self.cycle.response_complete and not self.cycle.more_body))

    def _wait(self) -> None:
        now_s = self.loop.time()
        self._due_s = now_s + limits.IDLE_S_MAX
        self.place.waiting_since_s = now_s

    def _forget(self) -> None:
        """Keep nothing of the request: a connection may stay open for long after it."""
        self.pipeline = _NONE_WAIT
        self.cycle.body = bytearray()
        self.cycle.scope = cast(HTTPScope, {"method": self.cycle.scope["method"]})
        if not self._in_head:
            self.headers, self.scope, self.url = [], cast(HTTPScope, {}), b""

    def _no_request(self, piece: bytes) -> LuftromError:
        if piece.startswith(_TLS_RECORD):
            _LOG.warning("%s speaks TLS to a port without it; its URL must begin with http:, or "
                         "tls.certificate of config.toml is to be set", self.place.address)
            return LuftromError("this port speaks plain HTTP, no TLS", code="bad_input", status=400)
        return LuftromError("this is no request of HTTP/1.1", code="bad_input", status=400)

    def _fail(self, fault: LuftromError) -> None:
        """End the parser's work from within one of its callbacks."""
        self._fault = fault
        raise ValueError(fault.message)

    def _give_way(self) -> None:
        _LOG.info("strangers at %s have %d connections; one is closed for a new one",
                  self.place.address, self._places.of(self.place.address) + 1)
        self._is_refused = True
        self.transport.abort()             # what it has not read must not keep its descriptor

    def _hang_up(self) -> None:
        self._is_refused = True
        self.transport.close()

    def _refuse(self, fault: LuftromError) -> None:
        """Answer what is no request, or not in time, and close; an answer on its way is ended."""
        if self._is_refused:
            return
        self._is_refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:        # the fault is in what follows: all before is answered
                cycle.keep_alive = False
                self.flow.pause_reading()
                return
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        answer = problem_answer(fault)
        lines = [STATUS_LINE.get(fault.status, STATUS_LINE[400])]
        for name, value in (*self.server_state.default_headers, *answer.raw_headers,
                            (b"connection", b"close")):
            lines += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*lines, b"\r\n", answer.body]))
        self.transport.close()


def _long_head() -> LuftromError:
    return LuftromError(f"a head has at most {limits.HEADERS_MAX} headers and "
                        f"{limits.HEAD_BYTES_MAX} bytes", code="too_large", status=431)
