"""The application without a node: which route answers a path, and what it says where none does."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import httpx
import pytest

from luftrom import limits
from luftrom.api.app import App
from luftrom.api.http.auth import Authenticator, Caller
from luftrom.api.http.call import Call
from luftrom.api.http.scopes import STRATEGIC
from luftrom.api.routes import ROUTES

ID = "2f8343be-6482-4d1b-a474-16847e01af1e"


class Clock:
    def now_ns(self):
        return 1_800_000_000_000_000_000


class AnyToken(Authenticator):
    """Whoever says who they are is believed."""

    async def authenticate(self, header):
        if header is None:
            return await super().authenticate(header)
        return Caller("uss1", frozenset((STRATEGIC,)))


class StubNode:
    party = "alfa.example"
    clock = Clock()
    airspace = SimpleNamespace(entity=lambda entity_id: None)

    async def settled(self):
        pass


@pytest.fixture
def app():
    return App(StubNode(), AnyToken([], Clock()), "https://alfa.example")


def ask(app, method, path, **more):
    async def story():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://alfa") as client:
            return await client.request(method, path, **more)

    return asyncio.run(story())


def counted(app):
    return app.doors.metrics._requests


TOKEN = {"Authorization": "Bearer x"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_row_hides_another(app, route):
    path = route.path
    for name in ("id", "entityid", "subscriptionid"):
        path = path.replace("{" + name + "}", ID)
    scope = {"type": "http", "method": route.method, "path": path, "headers": []}
    matches = [each.name for each in app._asgi.routes if each.matches(scope)[0].name == "FULL"]
    assert matches[0] == route.name


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/status/", "/dss", "/consolex",
                                  "/v1/operational_intents/a/b", "/mirror/a", "/healthz/"])
def test_other_paths_are_not_found(app, path):
    answer = ask(app, "GET", path)
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert answer.headers["content-type"] == "application/problem+json"
    assert counted(app) == {("unknown", 404): 1}


def test_another_method_is_told_what_is_allowed(app):
    answer = ask(app, "PATCH", "/v1/operational_intents")
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["code"] == "method_not_allowed"
    both = ask(app, "PATCH", "/dss/v1/operational_intent_references/query")
    assert both.headers["allow"] == "GET, HEAD, POST, PUT"
    assert "message" in both.json() and both.headers["content-type"] == "application/json"


def test_head_is_get_without_its_body(app):
    answer = ask(app, "HEAD", "/healthz")
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["content-length"] == ask(app, "GET", "/healthz").headers[
        "content-length"]
    assert counted(app) == {("get_health", 200): 2}


def test_a_stream_is_not_begun_for_head(app):
    answer = ask(app, "HEAD", "/v1/events", headers=TOKEN)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
    assert app.doors.streams == 0


def test_event_streams_are_counted(app):
    for streams, status in ((limits.STREAMS_MAX - 1, 200), (limits.STREAMS_MAX, 503)):
        app.doors.streams = streams
        assert ask(app, "HEAD", "/v1/events", headers=TOKEN).status_code == status


def test_a_refusal_has_the_form_of_its_path(app):
    standard = ask(app, "GET", f"/dss/v1/operational_intent_references/{ID}", headers=TOKEN)
    assert standard.status_code == 404 and set(standard.json()) == {"message", "code"}
    ours = ask(app, "GET", f"/v1/operational_intents/{ID}", headers=TOKEN)
    assert ours.status_code == 404 and ours.json()["status"] == 404
    challenge = ask(app, "GET", "/v1/status")
    assert challenge.status_code == 401
    assert challenge.headers["www-authenticate"] == 'Bearer realm="luftrom"'
    scopes = ask(app, "POST", "/uss/v1/constraints", headers=TOKEN)
    assert scopes.status_code == 403 and 'error="insufficient_scope"' in scopes.headers[
        "www-authenticate"]
    unbuilt = ask(app, "GET", "/uss/v1/log_sets/1", headers=TOKEN)
    assert unbuilt.status_code == 501 and unbuilt.json()["code"] == "not_built"


def test_bodies_that_are_not_read_here(app):
    path = f"/v1/operational_intents/{ID}"
    plain = ask(app, "PUT", path, content=b"{}", headers=TOKEN | {"Content-Type": "text/plain"})
    assert plain.status_code == 415 and plain.json()["code"] == "unsupported"
    packed = ask(app, "PUT", path, content=b"{}", headers=TOKEN | {"Content-Encoding": "br"})
    assert packed.status_code == 415 and packed.headers["accept-encoding"] == "gzip, identity"
    large = ask(app, "PUT", path, content=b" " * (4 * 1024 * 1024 + 1), headers=TOKEN)
    assert large.status_code == 413 and large.headers["connection"] == "close"


def test_a_defect_is_told_to_the_log_and_not_to_the_client(app, caplog, monkeypatch):
    def broken():
        raise ZeroDivisionError("secret")

    app.doors.docs = broken
    with caplog.at_level(logging.ERROR, "luftrom.api"):
        answer = ask(app, "GET", "/docs")
    assert answer.status_code == 500 and answer.json()["code"] == "error"
    assert "secret" not in answer.text and "get_docs" in caplog.text
    assert counted(app) == {("get_docs", 500): 1}


def test_a_client_that_leaves_is_counted_and_not_answered(app):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": f"/v1/operational_intents/{ID}",
             "headers": [(b"authorization", b"Bearer x")], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert not sent and counted(app) == {("put_operational_intent", 499): 1}


def test_a_stream_ends_when_its_client_leaves(app):
    """It is counted while it is open, whatever ends it."""
    seen = []

    async def story():
        left = asyncio.Event()

        async def receive():
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            seen.append((message["type"], app.doors.streams))
            if message.get("body"):
                left.set()

        class Waiting(StubNode):
            airspace = SimpleNamespace(revision=1)

            async def settled(self):
                await asyncio.Event().wait()

        app.doors.node = Waiting()
        Waiting.clock = SimpleNamespace(elapsed_ns=lambda: 0)
        scope = {"type": "http", "method": "GET", "path": "/v1/events", "query_string": b"",
                 "headers": [(b"authorization", b"Bearer x")], "asgi": {"spec_version": "2.3"}}
        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(story())
    assert [kind for kind, _ in seen[:2]] == ["http.response.start", "http.response.body"]
    assert all(streams == 1 for _, streams in seen) and app.doors.streams == 0


def test_who_calls_an_open_route_is_not_known(app):
    with pytest.raises(RuntimeError):
        _ = Call(app.doors, None).caller
