"""TLS at both ends: real handshakes, and the sentence that each end says when one fails."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority, Issued
from luftrom import limits
from luftrom.api.http.auth import IssuerKeys
from luftrom.api.serving.places import Places
from luftrom.api.serving.server import Certificate
from luftrom.cli.client import NodeClient
from luftrom.clock import SystemClock
from luftrom.config.settings import Issuer
from luftrom.errors import BadInput, Forbidden, NotFound, Unavailable
from luftrom.exchange.http import HttpTransport
from luftrom.tls import (
    client_context,
    client_reason,
    examine_certificate,
    own_context,
    server_context,
    server_reason,
)
from served import Served, served

LOCALHOST = "localhost"


def uvloop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


LOOPS = (None, uvloop_factory()) if uvloop_factory() else (None,)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority that bears the same name."""
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    return authority.issue(LOCALHOST, "127.0.0.1", name="good")


def by_command(url: str, authority: Path | None) -> None:
    client = NodeClient(url, None, timeout_s=10, context=client_context(authority))
    try:
        assert client.fetch("/healthz") == (200, b"GET /healthz 0")
        assert client.fetch("/again") == (200, b"GET /again 0")
    finally:
        client.close()


def by_peer(url: str, authority: Path | None) -> None:
    async def post() -> None:
        transport = HttpTransport(client_context(authority))
        try:
            for _ in range(2):
                assert (await transport.post(url, b"abc", "s"))[:2] == (200, b"POST /exchange 3")
        finally:
            await transport.close()

    with asyncio.Runner(loop_factory=LOOPS[-1]) as runner:
        runner.run(post())


def by_key_set(url: str, authority: Path | None) -> None:
    async def fetch() -> None:
        keys = IssuerKeys(Issuer("i", "a", jwks_url=f"{url}/keys"), SystemClock(),
                          authority=authority)
        try:
            assert await keys._fetch(keys.issuer.jwks_url) == b"GET /keys 0"
        finally:
            await keys.close()

    with asyncio.Runner(loop_factory=LOOPS[-1]) as runner:
        runner.run(fetch())


CALLERS = (by_command, by_peer, by_key_set)


@pytest.fixture(params=LOOPS, ids=lambda each: "asyncio" if each is None else "uvloop")
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Issued | None], Served]]:
    """Starts servers that show a certificate, or speak plain HTTP."""
    open_ones = []

    def start(issued: Issued | None) -> Served:
        certificate = Certificate(issued.certificate, issued.key) if issued else None
        block = served(certificate=certificate, loop_factory=request.param)
        open_ones.append(block)
        return block.__enter__()

    yield start
    for block in open_ones:
        block.__exit__(None, None, None)


def wait_for(caplog: pytest.LogCaptureFixture, sentence: str) -> None:
    deadline_s = time.monotonic() + 10
    while sentence not in caplog.text:
        assert time.monotonic() < deadline_s, f"{sentence!r} is not in {caplog.text!r}"
        time.sleep(0.01)


@pytest.mark.parametrize("call", CALLERS)
def test_a_good_certificate(serve: Callable, authority: Authority, good: Issued,
                            call: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    house = serve(good)
    call(f"https://{LOCALHOST}:{house.port}", authority.path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    call(f"https://127.0.0.1:{house.port}", None)


CASES = {
    "wrong CA": ("its certificate is from an authority that is not trusted here; if it should be, "
                 "name it in tls.authority of config.toml, or in SSL_CERT_FILE",
                 "it does not trust the authority of our certificate (unknown ca)"),
    "same name, other CA": ("its certificate is from an authority that is not trusted here",
                            "it does not trust|it refuses our certificate|decrypt error"),
    "expired": ("its certificate has expired; its operator must renew it, or our clock is wrong",
                "our certificate has expired, it says; renew it, or its clock is wrong"),
    "not yet": ("its certificate is not valid yet; compare the two clocks",
                "it refuses our certificate (bad certificate)"),
    "wrong host": ("its certificate is for another host than localhost:PORT",
                   "it refuses our certificate (bad certificate): most often it reached us under a "
                   "host name that the certificate does not have"),
    "no TLS there": ("it speaks no TLS there; the URL begins with http:, or the port is another",
                     "127.0.0.1 speaks TLS to a port without it"),
}


@pytest.mark.parametrize("call", CALLERS)
@pytest.mark.parametrize("case", CASES)
def test_each_failure_has_a_sentence_at_both_ends(
        serve: Callable, authority: Authority, stranger: Authority, case: str, call: Callable,
        caplog: pytest.LogCaptureFixture, tmp_path_factory: pytest.TempPathFactory) -> None:
    caplog.set_level(logging.WARNING)
    trusted = authority
    if case == "wrong CA":
        trusted = Authority(tmp_path_factory.mktemp("third"), "third")
    if case == "same name, other CA":
        trusted = stranger
    days = {"expired": (-9, -1), "not yet": (1, 9)}.get(case, (-1, 9))
    host = "elsewhere.example" if case == "wrong host" else LOCALHOST
    house = serve(None if case == "no TLS there" else
                  authority.issue(host, days=days, name=case.replace(" ", "-")))
    at_client, at_server = CASES[case]
    url = f"https://{LOCALHOST}:{house.port}"
    with pytest.raises(Unavailable) as refused:
        call(url, trusted.path)
    assert f"no answer from {url}" in refused.value.message
    assert at_client.replace("PORT", str(house.port)) in refused.value.message
    if "|" in at_server:
        deadline_s = time.monotonic() + 10
        while not re.search(f"TLS with 127.0.0.1 failed: ({at_server})", caplog.text):
            assert time.monotonic() < deadline_s, caplog.text
            time.sleep(0.01)
    else:
        wait_for(caplog, at_server if case == "no TLS there"
                 else f"TLS with 127.0.0.1 failed: {at_server}")


@pytest.mark.parametrize("call", CALLERS)
def test_nobody_listens(call: Callable, authority: Authority) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        url = f"https://localhost:{door.getsockname()[1]}"
        with pytest.raises(Unavailable, match="nobody listens there"):
            call(url, authority.path)


@pytest.mark.parametrize("call", CALLERS)
def test_plain_http_to_a_port_with_tls(serve: Callable, good: Issued, call: Callable,
                                       caplog: pytest.LogCaptureFixture) -> None:
    house = serve(good)
    with pytest.raises(Unavailable, match="if it speaks TLS there, the URL begins with https:"):
        call(f"http://{LOCALHOST}:{house.port}", None)
    wait_for(caplog, "TLS with 127.0.0.1 failed: it speaks plain HTTP to a port with TLS; its URL "
                     "must begin with https:")


def test_garbage_old_tls_and_silence(serve: Callable, good: Issued,
                                     caplog: pytest.LogCaptureFixture,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_S_MAX", 0.2)
    caplog.set_level(logging.INFO, "luftrom.server")
    house = serve(good)
    with house.connect() as client:
        client.sendall(b"\xff" * 100)
        wait_for(caplog, "TLS with 127.0.0.1 failed: it speaks no TLS")
    with house.connect():
        pass
    wait_for(caplog, "TLS with 127.0.0.1 failed: it hung up during the handshake")
    with house.connect() as client:
        assert client.recv(1) == b""
    wait_for(caplog, "TLS with 127.0.0.1 failed: it did not finish the handshake in time")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with house.connect() as client, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(client)
    wait_for(caplog, "it speaks no TLS that is spoken here, 1.2 and newer")


def test_silent_handshakes_take_places_and_give_way(good: Issued) -> None:
    with served(certificate=Certificate(good.certificate, good.key), places=Places(9, 2)) as house:
        strangers = [house.connect() for _ in range(3)]
        assert strangers[0].recv(1) == b""
        assert house.server.places.count == 2
        for each in strangers:
            each.close()


def test_http_2_is_off(serve: Callable, authority: Authority, good: Issued) -> None:
    house = serve(good)
    context = client_context(authority.path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with house.connect() as plain, context.wrap_socket(plain, server_hostname=LOCALHOST) as client:
        assert (client.version(), client.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")


def test_a_renewed_certificate_is_taken(tmp_path: Path, authority: Authority,
                                        caplog: pytest.LogCaptureFixture) -> None:
    old = authority.issue("old.example", name="renewed")
    certificate = Certificate(old.certificate, old.key)
    certificate.renew()
    assert not caplog.records
    with served(certificate=certificate) as house:
        url = f"https://localhost:{house.port}"
        with pytest.raises(Unavailable, match="another host"):
            by_command(url, authority.path)
        old.certificate.write_text("half a file")
        certificate.renew()
        assert "the new TLS certificate is not taken, the old one goes on" in caplog.text
        # The certificate is there before its key: what does not fit must not be half taken.
        new = authority.issue(LOCALHOST, name="beside")
        old.certificate.write_bytes(new.certificate.read_bytes())
        certificate.renew()
        with pytest.raises(Unavailable, match="another host"):
            by_command(url, authority.path)
        old.key.write_bytes(new.key.read_bytes())
        old.key.chmod(0o644)
        certificate.renew()
        old.key.chmod(0o600)               # the mend that the refusal named, and no other change
        certificate.renew()
        by_command(url, authority.path)
        assert "is in use" in caplog.text


def test_commands_know_their_own_nodes_certificate(tmp_path: Path, authority: Authority) -> None:
    own, other = (authority.issue("alfa.example", name=name) for name in ("own", "another"))
    with served(certificate=Certificate(own.certificate, own.key)) as house:
        url = f"https://127.0.0.1:{house.port}"
        for issued in (own, other):
            client = NodeClient(url, None, context=own_context(issued.certificate))
            try:
                if issued is own:
                    assert client.fetch("/")[0] == 200
                else:
                    with pytest.raises(Unavailable, match="authority that is not trusted here"):
                        client.fetch("/")
            finally:
                client.close()


def test_serve_takes_certificate_and_key_together(good: Issued, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from luftrom.cli.main import cli

    said = CliRunner().invoke(cli, ["serve", "--dir", str(tmp_path), "--tls-key", str(good.key)])
    assert said.exit_code == 2 and "--tls-certificate and --tls-key go together" in said.output


# -- files ---------------------------------------------------------------------------------------

def test_files_that_are_not_what_they_should_be(tmp_path: Path, authority: Authority, good: Issued,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    other = authority.issue(LOCALHOST, name="other-key")
    nothing, missing = tmp_path / "nothing.pem", tmp_path / "missing.pem"
    nothing.write_text("nothing")
    for certificate, key, kind, said in (
            (missing, good.key, NotFound, "missing.pem"),
            (good.certificate, missing, NotFound, "missing.pem"),
            (nothing, good.key, BadInput, "must be a certificate chain and its private key"),
            (good.certificate, nothing, BadInput, "must be a certificate chain"),
            (good.certificate, other.key, BadInput, "is not the key of the certificate")):
        nothing.chmod(0o600)
        with pytest.raises(kind, match=said):
            server_context(certificate, key)
    for act in (client_context, own_context):
        with pytest.raises(NotFound, match=r"missing\.pem"):
            act(missing)
        with pytest.raises(BadInput, match="must be certificates in PEM"):
            act(nothing)
    monkeypatch.setenv("SSL_CERT_FILE", str(missing))
    with pytest.raises(NotFound, match="SSL_CERT_FILE names it"):
        client_context()


def test_a_key_that_everybody_reads_or_nobody_can(tmp_path: Path, good: Issued) -> None:
    from cryptography.hazmat.primitives import serialization

    key = shutil.copy(good.key, tmp_path / "wide.key")
    if os.name == "posix":
        os.chmod(key, 0o644)
        with pytest.raises(Forbidden, match="everybody can read"):
            server_context(good.certificate, Path(key))
    secret = serialization.load_pem_private_key(good.key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"))
    os.chmod(key, 0o600)
    Path(key).write_bytes(secret)
    with pytest.raises(BadInput, match="is encrypted"):
        server_context(good.certificate, Path(key))


@pytest.mark.parametrize(("hosts", "days", "base_url", "seen", "mend"), [
    (("alfa.example",), (-1, 9), "https://alfa.example", "for alfa.example, until ", ""),
    (("*.example",), (-1, 9), "https://ALFA.example/luftrom", "for *.example, until ", ""),
    (("127.0.0.1",), (-1, 9), "https://127.0.0.1:8600", "for 127.0.0.1, until ", ""),
    (("alfa.example",), (-9, -1), "https://alfa.example", "expired: for alfa", "renew it"),
    (("alfa.example",), (1, 9), "https://alfa.example", "not valid yet", "clock"),
    (("*.example",), (-1, 9), "https://a.alfa.example", "not for a.alfa.example", "have one"),
    (("alfa.example",), (-1, 9), "http://alfa.example", "base_url begins with http:", "found"),
])
def test_what_the_doctor_sees(authority: Authority, hosts: tuple[str, ...],
                              days: tuple[float, float], base_url: str, seen: str, mend: str
                              ) -> None:
    issued = authority.issue(*hosts, days=days, name="seen")
    found = examine_certificate(issued.certificate, base_url, SystemClock().now_ns())
    assert seen in found[0] and mend in found[1] and bool(mend) == bool(found[1])


def test_other_errors_have_a_reason_too() -> None:
    assert client_reason(OSError(113, "No route to host"), "http://a") == "No route to host"
    assert client_reason(ValueError(), "http://a") == "ValueError"
    assert client_reason(TimeoutError(), "http://a") == "it took too long"
    assert client_reason(ConnectionResetError(), "https://a") == "it hung up without an answer"
    assert server_reason(ConnectionResetError()).startswith("it hung up during the handshake")


def test_redirects_are_not_followed_and_answers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"accept-encoding"] == b"identity"
        await send({"type": "http.response.start", "status": 307, "headers": [
            (b"location", b"/there"), (b"content-encoding", b"gzip")]})
        await send({"type": "http.response.body", "body": b"not gzip at all"})

    async def post(url: str) -> tuple[int, bytes, str | None]:
        transport = HttpTransport()
        try:
            return await transport.post(url, b"abc", "s")
        finally:
            await transport.close()

    with served(elsewhere) as house:
        url = f"http://127.0.0.1:{house.port}"
        assert asyncio.run(post(url)) == (307, b"not gzip at all", None)
        client = NodeClient(url, None)
        assert client.fetch("/here") == (307, b"not gzip at all")
        with pytest.raises(Unavailable, match="is larger than 5 bytes"):
            client.fetch("/here", 5)
        client.close()
        monkeypatch.setattr(limits, "EXCHANGE_BODY_BYTES_MAX", 10)
        with pytest.raises(Unavailable, match="answers more than 10 bytes"):
            asyncio.run(post(url))
