"""The server under strangers: each bound is met, told in a sentence, and nobody else is hurt."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from luftrom import limits
from luftrom.api.http.body import read_body
from luftrom.api.http.problem import problem_answer
from luftrom.api.http.standing import room_of, vouch
from luftrom.api.serving import server as module
from luftrom.api.serving.budget import Share
from luftrom.api.serving.connection import Connection
from luftrom.api.serving.places import Places
from luftrom.api.serving.signal import Signal
from luftrom.errors import Unavailable
from served import Served, echo, served

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture
def house() -> Iterator[Served]:
    with served() as each:
        yield each


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server whose patience ends at once."""
    for name in ("HEAD_S_MAX", "IDLE_S_MAX", "BODY_S_MAX", "CLOSE_S_MAX"):
        monkeypatch.setattr(limits, name, 0.1)
    monkeypatch.setattr(module, "TICK_S", 0.02)
    with served() as each:
        yield each


def answer_to(house: Served, *pieces: bytes) -> bytes:
    """All that a connection says until it is closed, to bytes of which not all may be taken."""
    with house.connect() as stranger:
        try:
            for piece in pieces:
                stranger.sendall(piece)
        except OSError:
            pass
        return until_closed(stranger)


def until_closed(stranger: socket.socket) -> bytes:
    parts = []
    try:
        while part := stranger.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def read_answer(stranger: socket.socket) -> bytes:
    """One whole answer with a Content-Length."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += stranger.recv(65_536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < length:
        body += stranger.recv(65_536)
    return body


def still_answers(house: Served) -> None:
    with house.connect() as client:
        client.sendall(GET)
        assert read_answer(client) == b"GET /a 0"


def wait_until(holds: Any) -> None:
    deadline_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_requests_of_one_connection_are_answered_in_order(house: Served) -> None:
    with house.connect() as client:
        client.sendall(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
                       b"Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: x\r\n"
                       b"Connection: close\r\n\r\n")
        said = until_closed(client)
    assert [part.split(b"HTTP/")[0] for part in said.split(b"\r\n\r\n")[1:]] == [
        b"GET /1 0", b"POST /2 3", b"GET /3 0"]


def test_a_thousand_requests_sent_at_once_are_answered_in_order(house: Served) -> None:
    asked = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(1000)]
    last = (b"POST /last HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
            b"Connection: close\r\n\r\nlast body")
    said = answer_to(house, b"".join(asked) + last)
    assert re.findall(rb"(?:GET|POST) /\w+ \d", said) == [
        *(b"GET /%d 0" % n for n in range(1000)), b"POST /last 9"]


def test_a_body_in_many_pieces(house: Served) -> None:
    with house.connect() as client:
        client.sendall(POST)
        for _ in range(100):
            client.sendall(b"b" * 10_000)
        assert read_answer(client) == b"POST /a 1000000"


@pytest.mark.parametrize(("pieces", "status"), [
    ((b"GET /", *[b"a" * 10_000] * 1000), b"414"),
    ((b"GET /" + b"a" * limits.REQUEST_LINE_BYTES_MAX + b" HTTP/1.1\r\n\r\n",), b"414"),
    ((b"GET / HTTP/1.1\r\n", *[b"A: " + b"a" * 8_000 + b"\r\n"] * 2000), b"431"),
    ((b"GET / HTTP/1.1\r\nA: ", *[b"a" * 10_000] * 1000), b"431"),
    ((b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * (limits.HEADERS_MAX + 1) + b"\r\n",), b"431"),
    ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", *[b"a" * 10_000] * 1000),
     b"431"),
    ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=", *[b"a" * 10_000] * 1000),
     b"431"),
    ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",), b"400"),
    ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 400,), b"400"),
    ((b"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",), b"400"),
    ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size",), b"400"),
    ((b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",), b"400"),
    ((b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",), b"501"),
    ((b"nonsense\r\n\r\n",), b"400"),
], ids=["endless line", "long line", "many long headers", "endless header", "many headers",
        "endless trailer", "endless chunk extension", "HTTP/2", "TLS", "two lengths", "bad chunk",
        "two hosts", "another coding", "nonsense"])
def test_what_is_too_long_or_no_request(house: Served, pieces: tuple[bytes, ...], status: bytes
                                        ) -> None:
    said = answer_to(house, *pieces)
    assert said[:12] in (b"HTTP/1.1 " + status, b"")   # none where the rest came too fast
    still_answers(house)


def test_the_longest_line_and_head_are_taken(house: Served) -> None:
    path = b"/" + b"a" * (limits.REQUEST_LINE_BYTES_MAX - 1)
    headers = b"A: " + b"b" * 20_000 + b"\r\n" + b"C: d\r\n" * (limits.HEADERS_MAX - 2)
    with house.connect() as client:
        client.sendall(b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n")
        assert read_answer(client) == b"GET " + path + b" 0"


@pytest.mark.parametrize(("path", "headers", "status"), [
    (limits.REQUEST_LINE_BYTES_MAX, [], b"200"), (limits.REQUEST_LINE_BYTES_MAX + 1, [], b"414"),
    (9, [b""] * limits.HEADERS_MAX, b"200"), (9, [b""] * (limits.HEADERS_MAX + 1), b"431"),
    # A header counts with its colon, its space and its line end.
    (9, [b"b" * (limits.HEAD_BYTES_MAX - 9 - 5)], b"200"),
    (9, [b"b" * (limits.HEAD_BYTES_MAX - 9 - 4)], b"431"),
], ids=["line", "line + 1", "headers", "headers + 1", "head", "head + 1"])
def test_a_line_and_a_head_at_their_bounds_and_one_above(
        house: Served, path: int, headers: list[bytes], status: bytes) -> None:
    lines = b"".join(b"A: " + value + b"\r\n" for value in headers)
    with house.connect() as client:
        client.sendall(b"GET /" + b"a" * (path - 1) + b" HTTP/1.1\r\n" + lines + b"\r\n")
        assert client.recv(12) == b"HTTP/1.1 " + status


def test_a_body_that_drips_is_cut_off_and_a_steady_one_is_not(
        hasty: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"POST /a HTTP/1.1\r\nContent-Length: 30\r\n\r\n"
    for rate, status in ((limits.BODY_BYTES_PER_S_MIN, b"408"), (10, b"200")):
        monkeypatch.setattr(limits, "BODY_BYTES_PER_S_MIN", rate)
        with hasty.connect() as client:
            client.sendall(head)
            with contextlib.suppress(OSError):
                for _ in range(30):        # a byte is worth 0.2 ms, or 100 ms
                    time.sleep(0.02)
                    client.sendall(b"b")
            assert client.recv(12) == b"HTTP/1.1 " + status


def test_an_upgrade_is_answered_without_it(house: Served) -> None:
    said = answer_to(house, b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                            b"Upgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200") and said.endswith(b"GET /a 0")


def test_a_body_is_not_lost_behind_an_upgrade(house: Served) -> None:
    said = answer_to(house, b"PUT /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
                            b"Content-Length: 3\r\n\r\nabc")
    assert said.startswith(b"HTTP/1.1 400") and b"Upgrade" in said
    still_answers(house)


# A proxy that reads one of these otherwise would take GET /hidden for a part of the body, or none.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "a length, then chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, then a length": b"Transfer-Encoding: chunked\r\nContent-Length: 45\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 40\r\n\r\n",
    "a coding that is none": b"Transfer-Encoding: xchunked\r\nContent-Length: 40\r\n\r\n",
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "chunks no more": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a length with a sign": b"Content-Length: +5\r\n\r\nabcde",
    "a list of lengths": b"Content-Length: 5, 5\r\n\r\nabcde",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551621\r\n\r\nabcde",
    "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nabcde\r\n",
    "a chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n+5\r\nabcde\r\n0\r\n\r\n",
    "chunks ended by LF": b"Transfer-Encoding: chunked\r\n\r\n5\nabcde\n0\n\n",
    "an extension with an LF": b"Transfer-Encoding: chunked\r\n\r\n5;a\nabcde\r\n0\r\n\r\n",
    "a length in a trailer": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
                             b"Content-Length: 50\r\n\r\n"),
    "a folded header": b"A: b\r\n c\r\n\r\n", "a NUL": b"A: b\0c\r\n\r\n",
    "a CR alone": b"A: b\rc\r\n\r\n", "two hosts": b"Host: y\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_read_in_none(house: Served, name: str) -> None:
    said = answer_to(house, b"POST /a HTTP/1.1\r\nHost: x\r\n" + AMBIGUOUS[name] + HIDDEN)
    assert said[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501") and said.count(b"HTTP/1.1 ") == 1, said
    still_answers(house)


@pytest.mark.parametrize(("version", "first"), [
    (b"1.0", b"HTTP/1.1 200"), (b"1.1", b"HTTP/1.1 100")])
def test_a_100_goes_to_who_knows_it(house: Served, version: bytes, first: bytes) -> None:
    said = answer_to(house, b"POST /a HTTP/" + version + b"\r\nHost: x\r\nContent-Length: 3\r\n"
                     b"Expect: 100-continue\r\nConnection: close\r\n\r\nabc")
    assert said.startswith(first) and said.endswith(b"POST /a 3")


def test_trailers_are_dropped(house: Served) -> None:
    with house.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
                       b"X-Sum: 9\r\n\r\n")
        assert read_answer(client) == b"POST /a 3"
        client.sendall(GET)
        assert read_answer(client) == b"GET /a 0"


@pytest.mark.parametrize(("sent", "said"), [
    (b"", b""), (b"GET / HT", b"408"), (POST, b"408"), (POST + b"some", b"408"),
    (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
    (b"POST /refuse HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"200"),
], ids=["silent", "half a head", "no body", "half a body", "idle", "half a body that nobody reads"])
def test_whoever_keeps_it_waiting_is_closed(hasty: Served, sent: bytes, said: bytes) -> None:
    assert answer_to(hasty, sent)[9:12] == said
    wait_until(lambda: hasty.server.places.count == 0)


def test_empty_lines_gain_no_time(hasty: Served) -> None:
    with hasty.connect() as client:
        client.settimeout(0.02)
        with pytest.raises(OSError):       # closed under it: nothing was said to it
            for _ in range(1000):
                client.sendall(b"\r\n")
                with contextlib.suppress(TimeoutError):
                    if client.recv(100) == b"":
                        raise ConnectionResetError
        wait_until(lambda: hasty.server.places.count == 0)


def test_a_body_behind_its_answer_is_cut_off(house: Served) -> None:
    with house.connect() as client:
        client.sendall(b"POST /refuse HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n")
        assert read_answer(client) == b"POST /refuse 0"
        with pytest.raises(OSError):
            for _ in range(2000):
                client.sendall(b"b" * 65_536)
    for count, is_taken in ((limits.LEFTOVER_BYTES_MAX, True),
                            (limits.LEFTOVER_BYTES_MAX + 1, False)):
        with house.connect() as client:    # a little of it does no harm
            client.sendall(b"POST /refuse HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % count)
            read_answer(client)
            client.sendall(b"b" * count)
            if is_taken:
                client.sendall(GET)
                assert read_answer(client) == b"GET /a 0"
            else:
                assert until_closed(client) == b""


def test_all_requests_of_a_connection_hear_that_it_is_gone() -> None:
    heard = []

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.append(scope["path"])

    with served(listen) as house:
        with house.connect() as client:
            client.sendall(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
            wait_until(lambda: house.server.places.count == 1)
            time.sleep(0.1)                # both are read
        wait_until(lambda: heard)
        assert heard == ["/first"]


def test_many_requests_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STOP_S_MAX", 0.1)
    taken = []

    async def never(scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        while (await receive())["type"] != "http.disconnect":
            pass

    with served(never) as house, house.connect() as client:
        client.sendall(GET * 2000)
        wait_until(lambda: house.server.places.count == 1 and taken)
        client.sendall(b"nothing that is read")
        (connection,) = house.server._state.connections
        wait_until(lambda: connection._unread)
        # Looked at behind each 1,024 bytes, which hold a few whole requests.
        assert 0 <= len(connection.pipeline) - limits.PIPELINED_MAX <= 1_024 // len(GET)
        assert len(taken) == 1


def test_an_address_has_so_many_connections(caplog: pytest.LogCaptureFixture) -> None:
    with served(places=Places(100, 3)) as house:
        strangers = [house.connect() for _ in range(3)]
        wait_until(lambda: house.server.places.count == 3)
        strangers.append(house.connect())  # in place of the one that was silent longest
        assert until_closed(strangers[0]) == b""
        strangers[3].sendall(GET)
        assert read_answer(strangers[3]) == b"GET /a 0"
        for busy in strangers[1:]:
            busy.sendall(POST)
        wait_until(lambda: all(place.waiting_since_s is None for place in
                               house.server.places._of["127.0.0.1"]))
        with house.connect() as late:
            assert until_closed(late) == b""
        for each in strangers:
            each.close()
        wait_until(lambda: house.server.places.count == 0)
        still_answers(house)
    assert "of 127.0.0.1 is turned away: strangers there have 3" in caplog.text


async def reader(scope: Any, receive: Any, send: Any) -> None:
    """Reads a body as the node does; at /known somebody vouches for it first."""
    request = Request(scope, receive)
    if scope["path"] == "/known":
        vouch(scope)
    try:
        body = await read_body(request.stream(), request.headers, 10**9, room_of(scope))
        answer: Response = Response(str(len(body)))
    except Unavailable as error:
        answer = problem_answer(error)
    except ClientDisconnect:
        return
    await answer(scope, receive, send)


def test_bodies_in_progress_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADDRESS_BODIES_BYTES_MAX", 50_000)
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 50001\r\n\r\n"
    with served(reader) as house, house.connect() as first, house.connect() as late:
        budget = house.server.budget
        first.sendall(head + b"b" * 30_000)
        wait_until(lambda: budget.all_bytes == 30_000)
        late.sendall(head + b"b" * 20_001)
        assert late.recv(12) == b"HTTP/1.1 503"
        first.sendall(b"b" * 20_000)       # at the bound, and one more
        wait_until(lambda: budget.all_bytes == 50_000)
        with house.connect() as known:     # who has a token needs no room of strangers
            known.sendall(head.replace(b"/a", b"/known") + b"b" * 50_001)
            assert read_answer(known) == b"50001"
        first.sendall(b"b")
        assert first.recv(12) == b"HTTP/1.1 503"
        wait_until(lambda: budget.all_bytes == 0)


def test_a_body_counts_until_its_request_ends_whoever_left() -> None:
    may_end, counts = threading.Event(), []

    async def busy(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await read_body(request.stream(), request.headers, 1_000, room_of(scope))
        while not may_end.is_set():
            await asyncio.sleep(0.01)

    with served(busy) as house:
        with house.connect() as client:
            client.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"
                           b"POST /a HTTP/1.1\r\nContent-Length: 900\r\n\r\n" + b"b" * 800)
            wait_until(lambda: house.server.budget.all_bytes == 805)
        wait_until(lambda: house.server.places.count == 0)
        counts.append(house.server.budget.all_bytes)   # the one that never began is gone
        may_end.set()
        wait_until(lambda: house.server.budget.all_bytes == 0)
    assert counts == [5]


def test_a_request_that_is_vouched_for_makes_its_connection_known() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        vouch(scope)
        await echo(scope, receive, send)

    with served(app, places=Places(16, 16, 2)) as house, house.connect() as client:
        client.sendall(GET)
        read_answer(client)
        assert (house.server.places.count, house.server.places.of("127.0.0.1")) == (1, 0)


def test_a_client_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE_S_MAX", 0.1)
    monkeypatch.setattr(module, "TICK_S", 0.02)

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"a" * 100_000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with served(endless) as house, house.connect() as client:
        client.sendall(GET)
        client.recv(1)
        wait_until(lambda: house.server.places.count == 0)


def test_answers_that_nobody_reads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNSENT_BYTES_MAX", 40_000_000)

    async def large(scope: Any, receive: Any, send: Any) -> None:
        size = int(scope["path"][1:])
        await send({"type": "http.response.start", "status": 200, "headers": [
            (b"content-length", str(size).encode())]})
        await send({"type": "http.response.body", "body": b"a" * size})

    with served(large) as house:
        budget, clients = house.server.budget, []
        for count in (1, 2):               # 16 MB each, of which the sockets take a few
            clients.append(house.connect())
            clients[-1].sendall(b"GET /16000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda count=count: budget.unsent_bytes > (count - 1) * 16_000_000)
        clients.append(house.connect())
        clients[2].sendall(b"GET /30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: house.server.places.count < 3)
        assert len(until_closed(clients[0])) < 16_000_000      # it has waited longest
        assert budget.unsent_bytes <= limits.UNSENT_BYTES_MAX
        assert len(read_answer(clients[2])) == 30_000_000
        for client in clients:
            client.close()
        wait_until(lambda: house.server.places.count == 0)
        assert budget.unsent_bytes == 0


def test_a_stop_ends_silent_slow_and_working_connections(caplog: pytest.LogCaptureFixture,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STOP_S_MAX", 0.2)
    caplog.set_level(logging.WARNING)
    with served(echo) as house:
        clients = [house.connect() for _ in range(3)]
        clients[1].sendall(POST)
        clients[2].sendall(b"GET / HT")
        wait_until(lambda: house.server.places.count == 3)
        house.stop()
        assert not house.thread.is_alive()
        for client in clients:
            until_closed(client)
            client.close()
    assert not caplog.records


def test_a_stop_says_nothing_of_whom_it_cuts_off(caplog: pytest.LogCaptureFixture,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may wait for longer than a stop does: for a database that is locked, say."""
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(limits, "STOP_S_MAX", 0.1)
    caplog.set_level(logging.WARNING)
    with served(hang) as house, house.connect() as client:
        client.sendall(GET)
        wait_until(lambda: house.server._state.tasks)
        house.stop()
    assert not caplog.records


def test_bad_requests_and_open_connections_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """bench/strangers.py does the same at a node, with 500,000 and 2,000, and measures."""
    # A slow machine must not end for their silence those that sit here to be counted.
    for name in ("HEAD_S_MAX", "IDLE_S_MAX", "BODY_S_MAX"):
        monkeypatch.setattr(limits, name, 600.0)
    with served(reader) as house:
        leave_nothing(house)


def leave_nothing(house: Served) -> None:
    sitting, budget = [], house.server.budget
    for sent in (b"", b"GET / HT", POST + b"b" * 9_000, GET) * 10:
        sitting.append(house.connect())
        sitting[-1].sendall(sent)
    bad = (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n",
           b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n",
           b"POST /b HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789" * 20 + b"\r\nx\r\n")
    for n in range(200):
        answer_to(house, bad[n % 4])
    wait_until(lambda: house.server.places.count == 40)
    assert len(house.server._state.connections) == 40
    wait_until(lambda: len(house.server._state.tasks) == 10)     # those that wait for their body
    assert budget.all_bytes == 90_000
    assert len(held_of(budget)) >= 40
    for each in sitting:
        each.close()
    wait_until(lambda: house.server.places.count == 0)
    wait_until(lambda: not house.server._state.tasks)
    assert (budget.all_bytes, budget.strangers_bytes, budget.unsent_bytes, budget.of
            ) == (0, 0, 0, {})
    wait_until(lambda: not held_of(budget))


def held_of(budget: Any) -> list[Any]:
    """What is still in memory of the connections of one server, and not of others'."""
    gc.collect()
    return [each for each in gc.get_objects()
            if (isinstance(each, Connection) and each._budget is budget)
            or (isinstance(each, Share) and each.budget is budget)]


def test_what_was_asked_is_forgotten_when_it_is_answered(house: Served) -> None:
    with house.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nA: " + b"a" * 9_000 + b"\r\nContent-Length: 50000\r\n"
                       b"\r\n" + b"b" * 50_000)
        read_answer(client)
        (connection,) = house.server._state.connections
        wait_until(lambda: not connection.headers and not connection.cycle.body)
        assert connection.cycle.scope == {"method": "POST"}


def test_a_connection_at_rest_holds_no_queue_and_no_names_of_its_own() -> None:
    with served(loop_factory=asyncio.new_event_loop) as house, house.connect(), \
            house.connect() as client:
        wait_until(lambda: len(house.server._state.connections) == 2)
        for _ in range(3):                 # the second and the third have a queue while they run
            client.sendall(GET * 2)
            said = b""
            while said.count(b"GET /a 0") < 2:
                said += client.recv(65_536)
        wait_until(lambda: all(each.pipeline.maxlen == 0
                               for each in house.server._state.connections))
        for each in house.server._state.connections:
            events = [each.flow._is_writable_event, *([each.cycle.message_event] if each.cycle
                                                      else [])]
            assert all(isinstance(event, Signal) and event._waited is None for event in events)
            # CPython lets the instances of a class share the names of so many attributes.
            assert len(vars(each)) <= 30 and not vars(each).keys() & set(Connection.__slots__)
