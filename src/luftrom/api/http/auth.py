"""Bearer tokens: a JWT in, the caller and what it may do out (RFC 6750, RFC 7519, F3548-21).

An issuer's public keys come from a PEM file, a JWKS file or a JWKS URL. A key verifies the one
algorithm of its own type and no other, so a token cannot choose how it is checked. Verified
tokens are kept until they expire, keyed by their SHA-256, since the same few come thousands of
times a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import ssl
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from luftrom import limits
from luftrom.api.http.refusals import InsufficientScope
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.settings import Issuer
from luftrom.errors import BadInput, LuftromError, NotAuthenticated, Unavailable
from luftrom.exchange.http import open_session, read_bounded, tell_refusal
from luftrom.files import read_file
from luftrom.reading import parse_json
from luftrom.tls import client_context, client_reason, is_refused_certificate

SKEW_S = 10                                # how far an issuer's clock may be from ours

# JOSE `alg` -> the algorithm that checks it. `EdDSA` is the old name of `Ed25519` (RFC 9864).
_ALGORITHMS = {"RS256": "RS256", "ES256": "ES256", "Ed25519": "Ed25519", "EdDSA": "Ed25519"}
_LOG = logging.getLogger("luftrom.auth")
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)

Key = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's `sub` (a manager, F3548-21) and its scopes."""

    manager: str
    scopes: frozenset[str]

    def require(self, scopes: Sequence[str]) -> None:
        """InsufficientScope unless the token has one of these scopes."""
        if not self.scopes.intersection(scopes):
            raise InsufficientScope(scopes)


class IssuerKeys:
    """One issuer and its public keys. Keys of a URL are fetched when needed and kept meanwhile.

    `authority` is the file of those whose certificate the URL's server may have.
    """

    def __init__(self, issuer: Issuer, clock: Clock, keys: Sequence[Key] | None = None,
                 authority: Path | None = None):
        self.issuer = issuer
        self._clock = clock
        self._keys = tuple(keys or ())
        self._must_name = issuer.jwks_url is not None   # a key set's tokens name their key
        self._fetched_ns: int | None = None             # begun last, in `elapsed_ns`
        self._fetching = asyncio.Lock()
        self._authority = authority
        self._context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None
        if issuer.keys_file is not None:
            self._keys, self._must_name = parse_keys(read_file(issuer.keys_file))

    async def find(self, kid: str | None, algorithm: str) -> list[Key]:
        """The keys that may have signed a token. Raises NotAuthenticated, Unavailable."""
        if self._must_name and kid is None:
            raise NotAuthenticated("the token's header names no key (kid)")
        if self.issuer.jwks_url is not None:
            await self._refresh(self.issuer.jwks_url, kid)
        fitting = [key for key in self._keys if _ALGORITHMS[algorithm] == algorithm_of(key)
                   and (not self._must_name or key.kid == kid)]
        if not fitting:
            raise NotAuthenticated("no key of the issuer fits the token's kid and alg")
        return fitting

    async def _refresh(self, url: str, kid: str | None) -> None:
        """Fetch the key set if it is old or lacks a key, at most once in JWKS_PAUSE_S_MIN."""
        async with self._fetching:
            now_ns = self._clock.elapsed_ns()
            age_s = (None if self._fetched_ns is None
                     else (now_ns - self._fetched_ns) / NS_PER_S)
            known = any(key.kid == kid for key in self._keys)
            if age_s is not None and (age_s < limits.JWKS_PAUSE_S_MIN
                                      or (known and age_s < limits.JWKS_AGE_S_MAX)):
                if not self._keys:
                    raise Unavailable(f"the keys of {self.issuer.issuer} could not be fetched")
                return
            self._fetched_ns = now_ns
            try:
                self._keys, _ = parse_keys(await self._fetch(url), key_set=True)
            except LuftromError as error:
                # The issuer being away must not take the node with it: the old keys go on.
                _LOG.warning("keys of %s: %s", self.issuer.issuer, error)
                if not self._keys:
                    raise Unavailable(f"the keys of {self.issuer.issuer} could not be "
                                      "fetched") from None

    async def _fetch(self, url: str) -> bytes:
        if self._session is None or self._context is None:
            self._context = client_context(self._authority)
            self._session = open_session(limits.JWKS_S_MAX, self._context)
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                data = await read_bounded(answer, limits.JWKS_BYTES_MAX)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if is_refused_certificate(error):
                await tell_refusal(url, self._context)
            raise Unavailable(f"no answer from {url}: {client_reason(error, url)}") from None
        if data is None:
            raise BadInput(f"the key set is larger than {limits.JWKS_BYTES_MAX} bytes")
        if answer.status != 200:
            raise Unavailable(f"{url} answers with status {answer.status}")
        return data

    async def close(self) -> None:
        """Let go of open connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Authenticator:
    """Checks bearer tokens of all issuers that the node trusts."""

    def __init__(self, issuers: Sequence[IssuerKeys], clock: Clock):
        self._issuers = {keys.issuer.issuer: keys for keys in issuers}
        self._clock = clock
        self._verified: OrderedDict[bytes, tuple[int, Caller]] = OrderedDict()

    async def authenticate(self, header: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises NotAuthenticated, or Unavailable while an issuer's keys cannot be fetched.
        """
        if header is None:
            raise NotAuthenticated("a bearer token is needed", code="no_token")
        scheme, _, text = header.partition(" ")
        token = text.strip().encode("latin-1", "replace")
        if scheme.lower() != "bearer" or not 0 < len(token) <= limits.TOKEN_CHARS_MAX:
            raise NotAuthenticated("the Authorization header must be `Bearer` and a token of at "
                                   f"most {limits.TOKEN_CHARS_MAX} characters")
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is not None:
            if self._clock.now_ns() < known[0]:
                self._verified.move_to_end(digest)
                return known[1]
            del self._verified[digest]
        end_ns, caller = await self._verify(token)
        self._verified[digest] = (end_ns, caller)
        if len(self._verified) > limits.TOKENS_KEPT_MAX:
            self._verified.popitem(last=False)
        return caller

    async def _verify(self, token: bytes) -> tuple[int, Caller]:
        signed, _, signature = token.rpartition(b".")
        head, _, body = signed.partition(b".")
        header, claims = _members(head, "header"), _members(body, "claims")
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
            raise NotAuthenticated("the token's alg must be one of "
                                   f"{', '.join(_ALGORITHMS)}", code="bad_algorithm")
        if "crit" in header or str(header.get("typ", "JWT")).upper() not in ("JWT", "AT+JWT"):
            raise NotAuthenticated("the token's header has a crit, or a typ that is not JWT")
        kid, issuer = header.get("kid"), claims.get("iss")
        if kid is not None and not isinstance(kid, str):
            raise NotAuthenticated("the token's kid must be text")
        trusted = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if trusted is None:
            raise NotAuthenticated("the token's issuer (iss) is not trusted here")
        raw = _decode(signature, "signature")
        checker = JWSRegistry.algorithms[_ALGORITHMS[algorithm]]
        if not any(_holds(checker, signed, raw, key)
                   for key in await trusted.find(kid, algorithm)):
            raise NotAuthenticated("the token's signature does not verify")
        return self._check_claims(claims, trusted.issuer)

    def _check_claims(self, claims: Mapping[str, Any], issuer: Issuer) -> tuple[int, Caller]:
        """Until when the token counts, and for whom."""
        now_s = self._clock.now_ns() / NS_PER_S
        end_s = _seconds(claims, "exp")
        if end_s is None or now_s >= end_s + SKEW_S:
            raise NotAuthenticated("the token has no end (exp), or has expired",
                                   code="token_expired")
        for name in ("nbf", "iat"):
            start_s = _seconds(claims, name)
            if start_s is not None and now_s < start_s - SKEW_S:
                raise NotAuthenticated(f"the token is not valid yet ({name})")
        audience = claims.get("aud")
        if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
            raise NotAuthenticated(f"the token is not for {issuer.audience} (aud)")
        manager, scope = claims.get("sub"), claims.get("scope", "")
        if not isinstance(manager, str) or not 0 < len(manager) <= limits.NAME_CHARS_MAX:
            raise NotAuthenticated("the token's sub must be text of 1 to "
                                   f"{limits.NAME_CHARS_MAX} characters")
        if not isinstance(scope, str):
            raise NotAuthenticated("the token's scope must be text")
        # Numbers of a token may be absurd; no token counts longer than a float can say exactly.
        return int(min(end_s + SKEW_S, 2.0**33) * NS_PER_S), Caller(
            manager, frozenset(scope.split()))

    async def close(self) -> None:
        """Let go of open connections."""
        for keys in self._issuers.values():
            await keys.close()


def make_authenticator(issuers: Sequence[Issuer], token_issuer: str, audience: str,
                       token_key: bytes, clock: Clock, authority: Path | None = None
                       ) -> Authenticator:
    """The issuers of config.toml, and the node's own `token` key (a raw Ed25519 public key).

    `authority` is the file of authorities whose certificates servers of key sets may have.
    """
    own = Issuer(token_issuer, audience)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519",
                              "x": encode_base64url(token_key)})
    return Authenticator([IssuerKeys(own, clock, [key]),
                          *(IssuerKeys(issuer, clock, authority=authority)
                            for issuer in issuers)], clock)


def parse_keys(data: bytes, *, key_set: bool = False) -> tuple[tuple[Key, ...], bool]:
    """Public keys from PEM or a JWKS, and whether tokens must name theirs. Raises BadInput.

    Keys of other types, of other uses or that are too short are left out; none left is an error.
    """
    if not key_set and _PEM_BLOCK.search(data):
        found = [_import(block[0]) for block in _PEM_BLOCK.finditer(data)]
        named = False
    else:
        document = parse_json(data)
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise BadInput("must be public keys in PEM, or a JSON Web Key Set with `keys`")
        found = [_import_jwk(item) for item in document["keys"]
                 if isinstance(item, dict) and item.get("use", "sig") == "sig"]
        named = True
    fitting = tuple(key for key in found if key is not None and algorithm_of(key) is not None)
    if not fitting:
        raise BadInput("holds no RSA key of at least 2048 bits, P-256 key or Ed25519 key")
    return fitting, named


def algorithm_of(key: Any) -> str | None:
    """The one algorithm that a key verifies, or None if it is of no use here."""
    if isinstance(key, RSAKey):
        return "RS256" if key.public_key.key_size >= limits.RSA_BITS_MIN else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    if isinstance(key, OKPKey):
        return "Ed25519" if key.curve_name == "Ed25519" else None
    return None


def _import(pem: bytes) -> Key | None:
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
    return None


def _import_jwk(item: dict[str, Any]) -> Key | None:
    if item.get("kty") not in ("RSA", "EC", "OKP") or not isinstance(item.get("kid"), str):
        return None
    public = {name: value for name, value in item.items() if name in ("kty", "crv", "x", "y",
                                                                       "n", "e", "kid")}
    try:
        key = import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, Key) else None


def _holds(checker: Any, signed: bytes, signature: bytes, key: Key) -> bool:
    try:
        return bool(checker.verify(signed, signature, key))
    except (JoseError, ValueError):
        return False


def _members(part: bytes, what: str) -> dict[str, Any]:
    try:
        value = parse_json(_decode(part, what))
    except BadInput as error:
        raise NotAuthenticated(f"the token's {what}: {error.message}") from None
    if not isinstance(value, dict):
        raise NotAuthenticated(f"the token's {what} must be a JSON object")
    return value


def _decode(part: bytes, what: str) -> bytes:
    """Base64url without padding, in its one canonical form."""
    try:
        return parse_base64url(part)
    except BadInput:
        raise NotAuthenticated(f"the token's {what} is not base64url without padding") from None


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**53:
        raise NotAuthenticated(f"the token's {name} must be a number of seconds since 1970")
    return float(value)
