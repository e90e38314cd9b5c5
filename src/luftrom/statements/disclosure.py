"""Disclosures: opened claims that travel beside a statement (RFC 9901, section 4.2).

A disclosure is one line, base64url over the JSON array of salt, name and value; the statement
commits to its SHA-256. Here they are made, digested and read; `opening` matches them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Container, Iterable
from typing import Any

from luftrom import limits
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, TooLarge
from luftrom.reading import parse_json

# Claims that nobody may disclose over the signed ones (RFC 9901, section 7.1; RFC 7519). Those of
# a kind alone are looked at where the kind is known (`opening`).
_REGISTERED = frozenset((
    "iss", "type", "index", "iat", "agreement", "seen", "rulings", "heads", "opened", "of",
    "entity", "reason", "audience", "size", "_sd", "_sd_alg", "...", "exp", "nbf", "aud", "sub",
    "jti", "cnf", "status"))
_SALT_BYTES = 16                           # RFC 9901, section 9.3: at least 128 bits


def make_disclosure(name: str, value: Any) -> bytes:
    """A claim with a fresh salt, as it travels (RFC 9901, section 4.2.1)."""
    salt = encode_base64url(secrets.token_bytes(_SALT_BYTES))
    return encode_base64url(dump([salt, name, value])).encode()


def disclosure_digest(disclosure: bytes) -> str:
    """The digest that commits to a disclosure (RFC 9901, section 4.2.3)."""
    return encode_base64url(hashlib.sha256(disclosure).digest())


def digests_of(disclosures: Iterable[bytes]) -> tuple[str, ...]:
    """What a statement commits to, in the order of the claims."""
    return tuple(disclosure_digest(item) for item in disclosures)


def parse_disclosure(disclosure: bytes) -> tuple[str, Any]:
    """A disclosure to the name and the value of its claim; BadInput if it is none."""
    if len(disclosure) > limits.DISCLOSURE_BYTES_MAX:
        raise TooLarge(f"a disclosure has {len(disclosure)} bytes; at most "
                       f"{limits.DISCLOSURE_BYTES_MAX} are taken")
    item = parse_json(parse_base64url(disclosure, "disclosure"), field="disclosure")
    if not isinstance(item, list) or len(item) != 3 or not all(
            isinstance(text, str) for text in item[:2]):
        raise BadInput("must be a list of salt, name and value", field="disclosure")
    salt, name, value = item
    if len(salt) < len(encode_base64url(bytes(_SALT_BYTES))):
        raise BadInput(f"has a salt of less than {8 * _SALT_BYTES} bits", field="disclosure")
    check_name(name, _REGISTERED)
    return name, value


def check_name(name: str, signed: Container[str]) -> None:
    """BadInput where a claim of that name is signed, so that nobody may disclose another."""
    if not name or name in signed:
        raise BadInput(f"must not disclose a claim named {name!r}", field="disclosure")


# -- small parts ---------------------------------------------------------------------------------

_dump_text = json.JSONEncoder(separators=(",", ":")).encode


def dump(value: Any) -> bytes:
    """Compact JSON in ASCII: the one text of what is signed or disclosed."""
    return _dump_text(value).encode()
