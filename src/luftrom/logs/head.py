"""Heads: what a node signs under every message of where its log stands and what it holds of ours.

A head is a compact JWS (RFC 7515) by the channel key over sender, recipient and agreement; over its
own size and root; over how much of the recipient's log is mirrored at the sender, which with the
mirror's cosignature is the receipt, and how much of it is open there; over a time, and the counter
and the digest of the message that it heads. Its numbers only grow. Whoever gave one signs nothing
behind it: a leaf at or beyond its size has seen all that it says to be mirrored.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, NotAuthenticated
from luftrom.logs.compact import sign_compact
from luftrom.reading import parse_json

HEAD_HEADER = "Luftrom-Head"
HEAD_TYPE = "luftrom-head+json"
HEAD_CHARS_MAX = 4_096
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_COUNT_MAX = 2**53 - 1                     # RFC 7493: what every JSON reader reads exactly
_COUNTER_MAX = 2**63 - 1
_ROOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Head:
    """A verified head. Sizes count leaves; `time_s` is in seconds since 1970.

    `size` and `root` are of the sender's log, `mirrored` and `opened` of the recipient's. `kernels`
    is the digest of the code by which the sender decides conflicts, None if it does not say.
    `text` is the JWS itself.
    """

    sender: str
    recipient: str
    agreement: str
    counter: int
    sha256: str
    size: int
    root: bytes
    mirrored: int
    opened: int
    time_s: int
    kernels: str | None = None
    text: str = ""


def sign_head(draft: Head, body: bytes, key: Ed25519PrivateKey) -> str:
    """The head as it travels; `sha256` and `text` of the draft are not looked at."""
    told: dict[str, Any] = {
        "from": draft.sender, "to": draft.recipient, "agreement": draft.agreement,
        "counter": draft.counter, "sha256": hashlib.sha256(body).hexdigest(), "size": draft.size,
        "root": encode_base64url(draft.root), "mirrored": draft.mirrored, "opened": draft.opened,
        "time": draft.time_s}
    if draft.kernels is not None:
        told["kernels"] = draft.kernels
    return sign_compact(HEAD_TYPE, draft.sender, told, key)


def read_sender(text: str | None) -> str:
    """The name that a head claims, still unverified: whose key to check it with."""
    return str(_parse(text)[1].get("from", ""))


def read_counts(text: str) -> tuple[int, int]:
    """The size that a head claims, and how much of the recipient's log it says to be open.

    Still unverified; 0 and 0 if it is no head.
    """
    try:
        claims = _parse(text)[1]
        return _count(claims, "size"), _count(claims, "opened")
    except NotAuthenticated:
        return 0, 0


@lru_cache(maxsize=256)
def verify_head(text: str | None, sender: str, recipient: str, key: bytes) -> Head:
    """A head to its value, once its signature by the sender's channel key was checked.

    Raises NotAuthenticated with the step that failed.
    """
    signed, claims, signature = _parse(text)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise NotAuthenticated(f"the head is not signed by the channel key of {sender}",
                               code="wrong_signature") from None
    if (claims.get("from"), claims.get("to")) != (sender, recipient):
        raise NotAuthenticated(f"the head is not from {sender} to {recipient}")
    kernels = claims.get("kernels")
    if not isinstance(kernels, str) or not _DIGEST.fullmatch(kernels):
        kernels = None                     # nothing rests on it: it is shown to people
    try:
        root = parse_base64url(str(claims.get("root")), "root")
    except BadInput:
        root = b""
    if len(root) != _ROOT_BYTES:
        raise NotAuthenticated("the root of the head is not 32 bytes in base64url")
    return Head(sender, recipient, str(claims.get("agreement")),
                _count(claims, "counter", 1, _COUNTER_MAX), str(claims.get("sha256")),
                _count(claims, "size"), root, _count(claims, "mirrored"),
                _count(claims, "opened"), _count(claims, "time"), kernels, text or "")


def check_body(body: bytes, head: Head) -> None:
    """NotAuthenticated unless this is the body that the head was signed for."""
    if head.sha256 != hashlib.sha256(body).hexdigest():
        raise NotAuthenticated("the body is not the one that was signed", code="wrong_signature")


def _count(claims: dict[str, Any], name: str, least: int = 0, most: int = _COUNT_MAX) -> int:
    value = claims.get(name)
    if type(value) is not int or not least <= value <= most:
        raise NotAuthenticated(f"the {name} of the head is not a number of at least {least}")
    return value


def _parse(text: str | None) -> tuple[bytes, dict[str, Any], bytes]:
    if not text:
        raise NotAuthenticated(f"needs a {HEAD_HEADER} header: a compact JWS. A node that sends "
                               "none runs another version of Luftrom; both need one",
                               code="not_authenticated")
    if text.count(".") != 2 or len(text) > HEAD_CHARS_MAX or not text.isascii():
        raise NotAuthenticated(f"needs a {HEAD_HEADER} header: a compact JWS",
                               code="not_authenticated")
    head, claims, signature = text.split(".")
    try:
        parsed = [parse_json(parse_base64url(part)) for part in (head, claims)]
        raw = parse_base64url(signature)
    except (BadInput, ValueError):
        raise NotAuthenticated(f"{HEAD_HEADER} is not a compact JWS") from None
    if not all(isinstance(part, dict) for part in parsed) or (
            parsed[0].get("alg"), parsed[0].get("typ")) != ("Ed25519", HEAD_TYPE):
        raise NotAuthenticated(f"{HEAD_HEADER} must have alg Ed25519 and typ {HEAD_TYPE}")
    if "crit" in parsed[0]:                # RFC 7515, section 4.1.11: none of them is known here
        raise NotAuthenticated(f"{HEAD_HEADER} has critical parameters that are not known")
    return f"{head}.{claims}".encode(), parsed[1], raw
