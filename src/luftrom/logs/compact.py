"""Heads and small signed words between nodes: one compact JWS (RFC 7515) by a party's channel key.

The header's `typ` says what is said, so that a word of one type is never taken for another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, NotAuthenticated
from luftrom.reading import parse_json


def sign_compact(typ: str, sender: str, claims: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """The compact JWS of these claims, by the channel key of the sender."""
    head = {"alg": "Ed25519", "kid": f"{sender}#channel", "typ": typ}
    signed = ".".join(encode_base64url(json.dumps(part, separators=(",", ":")).encode())
                      for part in (head, claims))
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def read_compact(text: bytes, typ: str) -> dict[str, Any]:
    """The claims as they stand, still unverified: whose key to check them with."""
    return _parts(text, typ)[1]


def verify_compact(text: bytes, typ: str, sender: str, public_key: bytes) -> dict[str, Any]:
    """The claims that the channel key of `sender` signed. Raises NotAuthenticated."""
    signed, claims, signature = _parts(text, typ)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except InvalidSignature:
        raise NotAuthenticated(f"the signature is not by the channel key of {sender}",
                               code="wrong_signature") from None
    return claims


def _parts(text: bytes, typ: str) -> tuple[bytes, dict[str, Any], bytes]:
    """What is signed, the claims and the signature; strict, since there is one writer."""
    parts = text.split(b".")
    if len(parts) != 3:
        raise NotAuthenticated(f"is not a compact JWS of the type {typ}")
    try:
        head, claims = (parse_json(parse_base64url(part)) for part in parts[:2])
        signature = parse_base64url(parts[2])
    except BadInput:
        raise NotAuthenticated(f"is not a compact JWS of the type {typ}") from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise NotAuthenticated(f"is not a compact JWS of the type {typ}")
    if head.keys() != {"alg", "kid", "typ"} or (head["alg"], head["typ"]) != ("Ed25519", typ):
        raise NotAuthenticated(f"must have alg Ed25519, typ {typ} and no parameter besides a kid")
    return b".".join(parts[:2]), claims, signature
