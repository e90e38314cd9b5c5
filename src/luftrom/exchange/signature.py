"""Who sent a message: a compact JWS (RFC 7515) over names, counter and the digest of the body."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, NotAuthenticated
from luftrom.reading import parse_json

SIGNATURE_HEADER = "Luftrom-Signature"
_SIGNATURE_TYPE = "luftrom-exchange+json"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def sign_body(body: bytes, sender: str, recipient: str, counter: int,
              key: Ed25519PrivateKey, kernels: str | None = None) -> str:
    """The value of the signature header: a compact JWS over names, counter and body digest.

    `kernels` says by which code the sender decides conflicts (`kernel_sources.sources_digest`).
    """
    told = {"from": sender, "to": recipient, "counter": counter,
            "sha256": hashlib.sha256(body).hexdigest()}
    if kernels is not None:
        told["kernels"] = kernels
    head = encode_base64url(json.dumps({"alg": "Ed25519", "kid": f"{sender}#channel",
                            "typ": _SIGNATURE_TYPE}, separators=(",", ":")).encode())
    claims = encode_base64url(json.dumps(told, separators=(",", ":")).encode())
    signed = f"{head}.{claims}"
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def read_sender(header: str | None) -> str:
    """The name a signature header claims, still unverified: whose key to check it with."""
    return str(_parse_signature(header)[1].get("from", ""))


@dataclass(frozen=True, slots=True)
class BodySignature:
    """What a verified signature header says: whose message this is, and which body it has.

    `kernels` is the digest of the code by which its sender decides conflicts, if it tells.
    """

    sender: str
    counter: int
    sha256: str
    kernels: str | None = None


def verify_header(header: str | None, sender: str, recipient: str, key: bytes) -> BodySignature:
    """Check that `sender` signed the header for `recipient`, before any body is read.

    The counter rises with every message, so a captured message is worth nothing a second time; no
    clock is involved. Raises NotAuthenticated with the step that failed.
    """
    signed, claims, signature = _parse_signature(header)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise NotAuthenticated(f"the signature is not by the channel key of {sender}",
                               code="wrong_signature") from None
    if (claims.get("from"), claims.get("to")) != (sender, recipient):
        raise NotAuthenticated(f"the message is not from {sender} to {recipient}")
    counter = claims.get("counter")
    if isinstance(counter, bool) or not isinstance(counter, int) or not 0 < counter < 2**63:
        raise NotAuthenticated("the counter is not a number above 0")
    kernels = claims.get("kernels")
    if not isinstance(kernels, str) or not _DIGEST.fullmatch(kernels):
        kernels = None                     # nothing rests on it: it is shown to people
    return BodySignature(sender, counter, str(claims.get("sha256")), kernels)


def verify_body(body: bytes, signature: BodySignature) -> None:
    """Check that this is the body that was signed. Raises NotAuthenticated."""
    if signature.sha256 != hashlib.sha256(body).hexdigest():
        raise NotAuthenticated("the body is not the one that was signed", code="wrong_signature")


def _parse_signature(header: str | None) -> tuple[bytes, dict[str, Any], bytes]:
    if not header or header.count(".") != 2 or len(header) > 4096 or not header.isascii():
        raise NotAuthenticated(f"needs a {SIGNATURE_HEADER} header: a compact JWS",
                               code="not_authenticated")
    head, claims, signature = header.split(".")
    try:
        parsed = [parse_json(parse_base64url(part)) for part in (head, claims)]
        raw = parse_base64url(signature)
    except (BadInput, ValueError):
        raise NotAuthenticated(f"{SIGNATURE_HEADER} is not a compact JWS") from None
    if not all(isinstance(part, dict) for part in parsed) or (
            parsed[0].get("alg"), parsed[0].get("typ")) != ("Ed25519", _SIGNATURE_TYPE):
        raise NotAuthenticated(f"{SIGNATURE_HEADER} must have alg Ed25519 and typ "
                               f"{_SIGNATURE_TYPE}")
    if "crit" in parsed[0]:                # RFC 7515, section 4.1.11: none of them is known here
        raise NotAuthenticated(f"{SIGNATURE_HEADER} has critical parameters that are not known")
    return f"{head}.{claims}".encode(), parsed[1], raw
