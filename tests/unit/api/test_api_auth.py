"""Bearer tokens: three algorithms are taken, each by its own key; everything else is refused."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey, OKPKey, RSAKey

from luftrom import limits
from luftrom.api.http.auth import (
    Authenticator,
    IssuerKeys,
    make_authenticator,
    parse_keys,
)
from luftrom.clock import NS_PER_S
from luftrom.config.settings import Issuer
from luftrom.errors import BadInput, Forbidden, NotAuthenticated, Unavailable
from tokens import b64, mint, pem

NOW_S = 1_800_000_000
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = Ed25519PrivateKey.generate()
KEYS = {"RS256": RSA, "ES256": EC, "Ed25519": ED}


class Clock:
    def __init__(self):
        self.now_s = NOW_S
        self.elapsed_s = 0

    def now_ns(self):
        return int(self.now_s * NS_PER_S)

    def elapsed_ns(self):
        return int(self.elapsed_s * NS_PER_S)


def token(key=ED, **more):
    return mint(key, now_s=NOW_S, **more)


def trusting(tmp_path, data, clock=None):
    path = tmp_path / "keys"
    path.write_bytes(data)
    clock = clock or Clock()
    return Authenticator([IssuerKeys(Issuer("test", "node.example", path), clock)], clock)


def check(auth, text):
    header = text.decode("latin-1") if isinstance(text, bytes) else f"Bearer {text}"
    return asyncio.run(auth.authenticate(header))


def jwks(**kinds):
    keys = []
    for kid, key in kinds.items():
        kind = {"RSA": RSAKey, "EC": ECKey, "ED": OKPKey}[kid]
        keys.append(kind.import_key(pem(key)).as_dict(private=False) | {"kid": kid})
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("algorithm", KEYS)
def test_each_algorithm_by_its_key_from_pem(tmp_path, algorithm):
    auth = trusting(tmp_path, pem(RSA) + pem(EC) + pem(ED))
    caller = check(auth, token(KEYS[algorithm]))
    assert caller.manager == "uss1" and "luftrom.read" in caller.scopes
    with pytest.raises(Forbidden) as refused:
        caller.require(["utm.constraint_management"])
    assert refused.value.code == "insufficient_scope"


def test_the_old_name_of_ed25519(tmp_path):
    assert check(trusting(tmp_path, pem(ED)), token(header={"alg": "EdDSA"})).manager == "uss1"


@pytest.mark.parametrize(("kid", "key"), [("RSA", RSA), ("EC", EC), ("ED", ED)])
def test_a_key_set_wants_its_keys_named(tmp_path, kid, key):
    auth = trusting(tmp_path, jwks(RSA=RSA, EC=EC, ED=ED))
    assert check(auth, token(key, header={"kid": kid})).manager == "uss1"
    for wrong in ({}, {"kid": "other"}, {"kid": 7}, {"kid": "RSA" if kid != "RSA" else "EC"}):
        with pytest.raises(NotAuthenticated):
            check(auth, token(key, header=wrong))


def swapped_payload():
    head, _, signature = token().split(".")
    claims = b64(json.dumps({"iss": "test", "aud": "node.example", "sub": "other",
                             "exp": NOW_S + 60}).encode())
    return f"{head}.{claims}.{signature}"


BAD = {
    "no algorithm": lambda: token(None, header={"alg": "none"}),
    "no algorithm, signed": lambda: token(header={"alg": "none"}),
    "the public key as a secret": lambda: token(pem(ED)),
    "an algorithm of another key type": lambda: token(header={"alg": "RS256"}),
    "another curve's name": lambda: token(header={"alg": "ES256"}),
    "a list as algorithm": lambda: token(header={"alg": ["Ed25519"]}),
    "critical extensions": lambda: token(header={"crit": ["b64"]}),
    "another type": lambda: token(header={"typ": "luftrom-statement+sd-jwt"}),
    "a stranger's key": lambda: token(Ed25519PrivateKey.generate()),
    "another payload": swapped_payload,
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "a signature cut short": lambda: token()[:-4],
    "a padded signature": lambda: token() + "==",
    "four parts": lambda: token() + ".AAAA",
    "no parts": lambda: "abc",
    "not base64": lambda: "!" + token(),
    "an unknown issuer": lambda: token(iss="other"),
    "no issuer": lambda: token(iss=None),
    "an issuer that is a list": lambda: token(iss=["test"]),
    "another audience": lambda: token(aud="other.example"),
    "no audience": lambda: token(aud=None),
    "no end": lambda: token(exp=None),
    "an end in the past": lambda: token(exp=NOW_S - 60),
    "an end that is text": lambda: token(exp="never"),
    "an end beyond numbers": lambda: token(exp=10**60),
    "a start in the future": lambda: token(nbf=NOW_S + 60),
    "made in the future": lambda: token(iat=NOW_S + 60),
    "no subject": lambda: token(sub=None),
    "an empty subject": lambda: token(sub=""),
    "an endless subject": lambda: token(sub="x" * 200),
    "scopes as a list": lambda: token(scope=["luftrom.read"]),
    "duplicate claims": lambda: ".".join((
        token().split(".")[0], b64(b'{"iss":"test","iss":"test"}'), token().split(".")[2])),
    "a giant": lambda: "a" * 20_000,
    "nothing": lambda: "",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens_are_refused(tmp_path, name):
    with pytest.raises(NotAuthenticated):
        check(trusting(tmp_path, pem(ED)), BAD[name]())


@pytest.mark.parametrize("header", [None, b"", b"Basic YTpi", b"Bearer", b"Bearer \xff\xfe"])
def test_headers_that_hold_no_token(tmp_path, header):
    with pytest.raises(NotAuthenticated):
        check(trusting(tmp_path, pem(ED)), header)


def test_audiences_may_be_many_and_scopes_none(tmp_path):
    auth = trusting(tmp_path, pem(ED))
    assert check(auth, token(aud=["x", "node.example"], scope=None)).scopes == frozenset()


def test_a_kept_token_ends_when_it_ends(tmp_path):
    clock = Clock()
    auth = trusting(tmp_path, pem(ED), clock)
    text = token(exp=NOW_S + 60)
    assert check(auth, text) is check(auth, text)
    clock.now_s += 75
    with pytest.raises(NotAuthenticated) as refused:
        check(auth, text)
    assert refused.value.code == "token_expired"


def test_no_more_tokens_are_kept_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("luftrom.limits.TOKENS_KEPT_MAX", 3)
    auth = trusting(tmp_path, pem(ED))
    for n in range(6):
        check(auth, token(sub=f"uss{n}"))
    assert len(auth._verified) == 3 and limits.TOKENS_KEPT_MAX == 3


def test_the_nodes_own_token_key():
    auth = make_authenticator((), "alfa.example/token", "alfa.example",
                              ED.public_key().public_bytes_raw(), Clock())
    assert check(auth, token(iss="alfa.example/token", aud="alfa.example")).manager == "uss1"


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("data", [
    b"", b"nothing", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA", "kid": "a"}]}',
    pem(ec.generate_private_key(ec.SECP384R1())),
    pem(rsa.generate_private_key(65537, 1024)),
    b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "a"}]}',
])
def test_files_without_a_usable_key(data):
    with pytest.raises(BadInput):
        parse_keys(data)


class KeyServer:
    """A JWKS endpoint that counts and can fail."""

    def __init__(self):
        self.asked, self.status, self.body = 0, 200, b""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def key_server():
    server = KeyServer()
    yield server
    server.close()


def test_keys_of_a_url_are_kept_while_it_is_away_and_not_asked_for_too_often(key_server):
    clock = Clock()
    issuer = Issuer("test", "node.example", jwks_url=key_server.url)
    auth = Authenticator([IssuerKeys(issuer, clock)], clock)

    async def story():
        async def ask(key, kid, **more):
            return await auth.authenticate(
                "Bearer " + token(key, header={"kid": kid}, **more))

        key_server.status = 500
        with pytest.raises(Unavailable):
            await ask(ED, "ED")
        with pytest.raises(Unavailable):   # not asked again at once
            await ask(ED, "ED")
        assert key_server.asked == 1
        clock.elapsed_s += limits.JWKS_PAUSE_S_MIN + 1
        key_server.status, key_server.body = 200, jwks(ED=ED)
        assert (await ask(ED, "ED")).manager == "uss1"
        for n in range(5):                 # unknown keys do not make us hammer the server
            with pytest.raises(NotAuthenticated):
                await ask(EC, "EC", sub=f"uss{n}")
        assert key_server.asked == 2
        clock.elapsed_s += limits.JWKS_PAUSE_S_MIN + 1
        key_server.body = jwks(ED=ED, EC=EC)
        assert (await ask(EC, "EC")).manager == "uss1"
        key_server.status = 503
        clock.elapsed_s += 7200
        assert (await ask(EC, "EC", sub="uss9")).manager == "uss9"
        assert key_server.asked == 4
        await auth.close()

    asyncio.run(story())


@pytest.mark.parametrize("more", [0, 1])
def test_a_giant_key_set_is_not_read(key_server, more):
    clock = Clock()
    key_server.body = jwks(ED=ED).ljust(limits.JWKS_BYTES_MAX + more)
    keys = IssuerKeys(Issuer("test", "node.example", jwks_url=key_server.url), clock)

    async def story():
        if more:
            with pytest.raises(Unavailable):
                await keys.find("ED", "Ed25519")
        else:
            assert len(await keys.find("ED", "Ed25519")) == 1
        await keys.close()

    asyncio.run(story())


def test_a_key_set_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(limits, "JWKS_S_MAX", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/keys"
        keys = IssuerKeys(Issuer("test", "node.example", jwks_url=url), Clock())

        async def story():
            with pytest.raises(Unavailable):
                await keys.find("ED", "Ed25519")
            await keys.close()

        asyncio.run(story())


def test_keys_of_a_url_are_fetched_again_when_they_are_old(key_server):
    clock = Clock()
    key_server.body = jwks(ED=ED)
    keys = IssuerKeys(Issuer("test", "node.example", jwks_url=key_server.url), clock)

    async def story():
        oldest_s = limits.JWKS_AGE_S_MAX
        for elapsed_s, asked in ((0, 1), (oldest_s - 1, 1), (oldest_s, 2)):
            clock.elapsed_s = elapsed_s
            await keys.find("ED", "Ed25519")
            assert key_server.asked == asked
        await keys.close()

    asyncio.run(story())
