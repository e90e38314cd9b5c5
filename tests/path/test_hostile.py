"""Hostile input over HTTP: a clear refusal that names the fault, and nothing changed."""

from __future__ import annotations

import gzip
import json
import math
import socket
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conftest import AN_ID, new_id, volume
from luftrom import limits
from luftrom.api.routes import ROUTES
from luftrom.exchange.message import CONTENT_TYPE
from luftrom.logs.head import HEAD_HEADER, Head, sign_head
from luftrom.transparency.merkle import EMPTY_ROOT
from parties import ed25519
from tokens import bearer

pytestmark = pytest.mark.usefixtures("unchanged")

INTENTS = "/v1/operational_intents"
REFERENCES = "/dss/v1/operational_intent_references"
JSON = {"Content-Type": "application/json"}
WRITES = [("PUT", f"{INTENTS}/{new_id()}"), ("POST", INTENTS),
          ("PUT", f"/v1/constraints/{new_id()}"), ("PUT", f"{REFERENCES}/{new_id()}"),
          ("POST", f"{REFERENCES}/query"),
          ("PUT", f"{REFERENCES}/{new_id()}/{'o' * 20}"), ("POST", "/uss/v1/operational_intents")]


def message_of(answer):
    document = answer.json()
    return document.get("message") or document["detail"]


TEXTS = {
    "nothing": b"", "half": b'{"volumes": [', "not UTF-8": b'{"name": "\xff"}',
    "a key twice": b'{"name": "a", "name": "b"}', "NaN": b'{"priority": NaN}',
    "infinity": b'{"priority": -Infinity}', "beyond a float": b'{"priority": 1e999}',
    "deep lists": b"[" * 100_000, "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "just too deep": b"[" * 33 + b"]" * 33, "half a surrogate pair": b'{"name": "\\ud800"}',
    "two values": b"{} {}", "a list": b"[]", "a number": b"7", "null": b"null",
    "a giant number": b"1" * 100_000, "an endless text": b'{"name": "' + b"x" * 70_000 + b'"}',
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_not_what_they_should_be(client, name):
    for method, path in WRITES:
        answer = client.request(method, path, content=TEXTS[name], headers=JSON)
        assert answer.status_code == 400, (path, answer.text[:300])
        assert 0 < len(message_of(answer)) < 400


def test_giant_bodies(house, client):
    for method, path in WRITES:
        answer = client.request(method, path, content=b" " * (limits.REQUEST_BODY_BYTES_MAX + 1),
                                headers=JSON)
        assert answer.status_code == 413 and str(limits.REQUEST_BODY_BYTES_MAX) in answer.text

    def endless():
        for _ in range(100):
            yield b" " * 100_000

    try:
        answer = client.post(INTENTS, content=endless(), headers=JSON)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass                               # the node hung up on us, which is as good


def test_gzip_bombs_are_refused(client):
    """Long before they are unpacked: the client waits 30 s for an answer, on any machine."""
    bomb = gzip.compress(bytes(200_000_000))
    for method, path in WRITES:
        answer = client.request(method, path, content=bomb,
                                headers=JSON | {"Content-Encoding": "gzip"})
        assert answer.status_code == 413
    assert client.post(INTENTS, content=b"x", headers=JSON | {
        "Content-Encoding": "br"}).status_code == 415
    assert client.post(INTENTS, content=b"{}", headers={
        "Content-Type": "text/xml"}).status_code == 415


def ring(count, lat=50.0, lng=8.0):
    return [{"lat": lat + 0.1 * math.sin(2 * math.pi * i / count),
             "lng": lng + 0.1 * math.cos(2 * math.pi * i / count)} for i in range(count)]


def shaped(vertices):
    value = volume(50, 8)
    value["volume"]["outline_polygon"]["vertices"] = vertices
    return value


SQUARE = [(0, 0), (0, 1), (1, 1), (1, 0)]
RINGS = {
    "10,001 vertices": ring(10_001), "two vertices": ring(2),
    "one point again and again": [{"lat": 1, "lng": 1}] * 50,
    "a bow tie": [{"lat": a, "lng": b} for a, b in ((0, 0), (1, 1), (0, 1), (1, 0))],
    "a closing vertex": [{"lat": a, "lng": b} for a, b in (*SQUARE, SQUARE[0])],
    "a line": [{"lat": 0, "lng": i / 10} for i in range(5)],
    "a star of 4,000": ring(4_000)[::2] + ring(4_000)[1::2],
    "half the Earth": [{"lat": a, "lng": b}
                       for a, b in ((-80, -90), (-80, 90), (80, 90), (80, -90))],
    "off the Earth": [{"lat": 91, "lng": 0}, {"lat": 0, "lng": 1}, {"lat": 1, "lng": 1}],
}


@pytest.mark.parametrize("name", RINGS)
def test_rings_that_enclose_nothing_or_too_much(client, name):
    value = shaped(RINGS[name])
    rest = client.put(f"{INTENTS}/{new_id()}", json={"volumes": [value]})
    assert rest.status_code == 400, rest.text
    assert rest.json()["field"].startswith("volumes[0].volume.outline_polygon")
    f3548 = client.put(f"{REFERENCES}/{new_id()}", json={
        "extents": [value], "state": "Accepted", "uss_base_url": "https://uss.example"})
    assert f3548.status_code == 400
    assert f3548.json()["field"].startswith("extents[0].volume.outline_polygon")


@pytest.mark.parametrize(("change", "field"), [
    ({"volumes": []}, "volumes"), ({"volumes": [volume(50, 8)] * 1025}, "volumes"),
    ({"volumes": [shaped(ring(4_000))] * 6}, "volumes"),
    ({"volumes": [volume(50, 8, lower=200)]}, "volumes[0].volume.altitude"),
    ({"volumes": [volume(50, 8, start=40)]}, "volumes[0].time"),
    ({"volumes": [volume(50, 8, start=-50, end=-10)]}, "volumes"),
    ({"state": "Ended"}, "state"), ({"priority": "high"}, "priority"),
    ({"priority": 2**31}, "priority"), ({"name": "x" * 129}, "name"), ({"name": "a\u0000"}, "name"),
    ({"remarks": ["x"]}, "remarks"), ({"colour": "red"}, "colour"), ({"id": new_id()}, "id"),
    ({"uss_base_url": "javascript:alert(1)"}, "uss_base_url"),
    ({"off_nominal_volumes": [volume(50, 8)]}, "off_nominal_volumes"),
])
def test_each_field_at_fault_is_named(client, change, field):
    body = {"volumes": [volume(50, 8)]} | change
    answer = client.put(f"{INTENTS}/{new_id()}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"].startswith(field)


@pytest.mark.parametrize("query", [
    "after=-1", "after=x", "limit=99999", "after=1&after=2", "after=1e3", "after=%F0%28",
    "&".join(f"a{i}=1" for i in range(100)), "after=" + "9" * 30])
def test_queries(client, query):
    assert client.get(f"{INTENTS}?{query}").status_code == 400


@pytest.mark.parametrize("path", [
    f"{INTENTS}/1", f"{INTENTS}/{AN_ID[:-1]}", f"{INTENTS}/{AN_ID[:14]}1{AN_ID[15:]}",
    f"{REFERENCES}/..", "/v1/constraints/%00"])
def test_identifiers(client, path):
    assert client.get(path).status_code in (400, 404)


def raw(house, text: bytes) -> bytes:
    """What the node answers to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", house.settings.port), timeout=10) as line:
        line.sendall(text)
        line.settimeout(5)
        answer = b""
        try:
            while part := line.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer:
                    break
        except TimeoutError:
            pass
        return answer


@pytest.mark.parametrize("path", [
    "/console/../../../../etc/passwd", "/console/%2e%2e/%2e%2e/etc/passwd", "/console/..%5cx",
    "/log/tile/../../keys/log.pem", "/log/tile/%2e%2e/checkpoint", "/console//etc/passwd",
    "/mirror/../keys/token.pem", "/log/tile/0/%00", "/..//..//etc/passwd", "*", "//"])
def test_paths_that_would_lead_out(house, path):
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer = raw(house, request)
    assert answer.split(b" ")[1] in (b"404", b"400"), answer[:200]
    assert b"root:" not in answer and b"PRIVATE" not in answer


def test_without_a_token_no_path_that_needs_one_answers(house):
    with httpx.Client(base_url=house.url, trust_env=False) as stranger:
        for route in ROUTES:
            if not route.scopes:
                continue
            path = route.path
            for name in ("id", "entityid", "subscriptionid"):
                path = path.replace("{" + name + "}", new_id())
            for header in ({}, bearer("x.y.z"), bearer(house.token(aud="other.example")),
                           bearer(house.token(scope="none"))):
                answer = stranger.request(route.method, path, headers=header, content=b"")
                expected = 403 if "Authorization" in header and header == bearer(
                    house.token(scope="none")) else (401, 403)
                assert answer.status_code in (
                    expected if isinstance(expected, tuple) else (expected, 401)), path
                assert "www-authenticate" in answer.headers


def signed(body: bytes, sender: str, key: Ed25519PrivateKey, counter: int = 1) -> str:
    """A head over that body, from a party to alfa, which says that its log is empty."""
    return sign_head(Head(sender, "alfa.example", "ab" * 32, counter, "", 0, EMPTY_ROOT, 0, 0, 1),
                     body, key)


def test_strangers_are_turned_away_before_their_body_is_read(lonely):
    body = b"x" * 1000
    key = ed25519("mallory.example", "channel")
    heads = [None, "", "x", "a.b.c", signed(body, "mallory.example", key),
             signed(body, "bravo.example", key), signed(body, "alfa.example", key)]
    with httpx.Client(base_url=lonely.url, trust_env=False) as stranger:
        before = lonely.digest()
        for head in heads:
            headers = {"Content-Type": CONTENT_TYPE}
            if head is not None:
                headers[HEAD_HEADER] = head
            answer = stranger.post("/exchange", content=body, headers=headers)
            assert answer.status_code in (400, 401), (head, answer.text)
        # What a node of the version before sends is told apart from a stranger's.
        answer = stranger.post("/exchange", content=body, headers={"Luftrom-Signature": "a.b.c"})
        assert answer.status_code == 401 and "another version of Luftrom" in answer.text
        assert lonely.digest() == before


def test_a_body_that_nobody_vouched_for_is_not_waited_for(lonely):
    forged = signed(b"", "bravo.example", ed25519("mallory.example", "channel"))
    answer = raw(lonely, (f"POST /exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n"
                          f"{HEAD_HEADER}: {forged}\r\n\r\n").encode())
    assert answer.startswith(b"HTTP/1.1 401")


def test_a_peers_garbage_and_bombs(lonely):
    bomb = gzip.compress(bytes(limits.EXCHANGE_BODY_BYTES_MAX + 1))
    key = ed25519("bravo.example", "channel")
    before = lonely.digest()
    with httpx.Client(base_url=lonely.url, trust_env=False, timeout=30) as peer:
        for body in (b"", b"x", b"luftrom-exchange/1\n", b"luftrom-exchange/2\n",
                     b"luftrom-exchange/2\n" + b"\xff" * 99):
            head = signed(body, "bravo.example", key, time.time_ns())
            answer = peer.post("/exchange", content=body, headers={
                "Content-Type": CONTENT_TYPE, HEAD_HEADER: head})
            assert 400 <= answer.status_code < 500, answer.text
        answer = peer.post("/exchange", content=bomb, headers={
            "Content-Type": CONTENT_TYPE, HEAD_HEADER: head,
            "Content-Encoding": "gzip"})
        assert answer.status_code == 413
        for path in ("/mirror/add-checkpoint", "/mirror/add-entries"):
            for body in (b"", b"old 0\n\n", b"old 00\n\nx", b"\x00\x05alfa", b"\xff" * 5000):
                answer = peer.post(path, content=body)
                assert 400 <= answer.status_code < 500, (path, body, answer.text)
    assert lonely.digest() == before


def test_a_client_that_leaves_half_way_leaves_nothing(house, client):
    body = json.dumps({"volumes": [volume(52, 8)]}).encode()
    head = (f"POST {INTENTS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {house.token()}\r\nContent-Length: {len(body)}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", house.settings.port), timeout=10) as line:
        line.sendall(head.encode() + body[:-5])
    assert client.get("/healthz").status_code == 200
