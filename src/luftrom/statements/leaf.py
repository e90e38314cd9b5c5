"""The signed leaf: statements to bytes and back.

A leaf is the issuer-signed JWT of an SD-JWT (RFC 9901) as compact JWS (RFC 7515) with the
algorithm `Ed25519` (RFC 9864): the signed bytes are the leaf. Its content stands in disclosures
beside it; the leaf holds one salted digest for each (RFC 9901, section 4.2). Leaves have exactly
one form, so that a second text of the same statement is refused: `_payload` writes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom import limits
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.clock import NS_PER_S, TIME_NS_MAX
from luftrom.errors import BadInput, LuftromError, TooLarge, Unverified
from luftrom.statements.claims import (
    DIGEST,
    HEX,
    NAME,
    Claims,
    read_list,
    read_matching,
    read_number,
    read_object,
)
from luftrom.statements.disclosure import dump
from luftrom.statements.kinds import KINDS
from luftrom.statements.statement import Seen, Statement

TYP = "vnd.luftrom.statement.v2+sd-jwt"    # the media type names the format's version
_TYP_START = "vnd.luftrom.statement."
ROLE = "statements"


# -- writing -------------------------------------------------------------------------------------

class StatementSigner:
    """Signs the statements of one party."""

    def __init__(self, party: str, key: Ed25519PrivateKey):
        self.party = party
        self._head = _header(party, ROLE)
        self._key = key

    def sign(self, draft: Statement[Any]) -> Statement[Any]:
        """A statement with the leaf that says it; TooLarge beyond the size of a leaf.

        What comes back was read from the leaf: what peers could not take is refused here
        (BadInput), and nothing else is applied than what they will read.
        """
        signed = self._head + b"." + encode_base64url(_payload(draft)).encode()
        leaf = signed + b"." + encode_base64url(self._key.sign(signed)).encode()
        if len(leaf) > limits.LEAF_BYTES_MAX:
            raise TooLarge(f"the statement has {len(leaf)} bytes; at most "
                           f"{limits.LEAF_BYTES_MAX} fit into a leaf")
        return parse_statement(leaf)


# -- reading -------------------------------------------------------------------------------------

def parse_statement(leaf: bytes) -> Statement[Any]:
    """A leaf to its value, strictly; BadInput names the claim at fault. Nothing is verified."""
    head, payload, _ = _parts(leaf)
    _check_version(head)
    statement = _parse_payload(payload, leaf)
    if head != _header(statement.party, ROLE):
        raise BadInput(f"is not that of a statement of {statement.party}", field="header")
    return statement


def verify_statement(leaf: bytes, public_key: bytes, party: str, *,
                     is_proven: bool = False) -> Statement[Any]:
    """A leaf to its value, once its signature by the party's statements key was checked.

    `is_proven` says that `verify_signature` took this leaf before, for the same key and party.
    Raises Unverified with the code wrong_party, wrong_role (the header names another of its keys)
    or wrong_signature; BadInput if what was signed is no statement.
    """
    payload = (_parts(leaf)[1] if is_proven else verify_signature(leaf, public_key, party))
    statement = _parse_payload(payload, leaf)
    if statement.party != party:
        raise Unverified(f"a statement of {statement.party}, signed by {party}",
                         code="wrong_party")
    return statement


def verify_signature(leaf: bytes, public_key: bytes, party: str) -> bytes:
    """The payload of a leaf that the party's statements key signed, whatever it says.

    Raises as `verify_statement`.
    """
    head, payload, signature = _parts(leaf)
    if head != _header(party, ROLE):
        _check_version(head)
        raise _wrong_header(head, party)
    try:
        _public_key(public_key).verify(signature, leaf[:leaf.rindex(b".")])
    except InvalidSignature:
        raise Unverified(f"the signature is not by the statements key of {party}",
                         code="wrong_signature") from None
    return payload


def _parts(leaf: bytes) -> tuple[bytes, bytes, bytes]:
    """Header as it stands, payload and signature of a compact JWS (RFC 7515, section 7.1)."""
    if len(leaf) > limits.LEAF_BYTES_MAX:
        raise TooLarge(f"a leaf has {len(leaf)} bytes; at most {limits.LEAF_BYTES_MAX} are taken")
    parts = leaf.split(b".")
    if len(parts) != 3:
        raise BadInput("must be a compact JWS: three parts between dots", field="leaf")
    signature = parse_base64url(parts[2], "signature")
    if len(signature) != 64:
        raise BadInput("must be the 64 bytes of an Ed25519 signature", field="signature")
    return parts[0], parse_base64url(parts[1], "payload"), signature


@lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


@lru_cache(maxsize=128)
def _header(party: str, role: str) -> bytes:
    head = {"alg": "Ed25519", "kid": f"{party}#{role}", "typ": TYP}
    return encode_base64url(dump(head)).encode()


@lru_cache(maxsize=128)
def _check_version(head: bytes) -> None:
    """BadInput where a header is that of a statement, and of another version of the format."""
    try:
        claims = json.loads(parse_base64url(head, "header"))
    except (LuftromError, ValueError, RecursionError):
        return                             # whoever reads on says what it is instead
    typ = claims.get("typ") if isinstance(claims, dict) else None
    if isinstance(typ, str) and typ != TYP and typ.startswith(_TYP_START):
        raise BadInput(f"is of the format {typ[:64]!r}; this version of Luftrom reads {TYP}: read "
                       "it with the version that wrote it", field="header")


def _wrong_header(head: bytes, party: str) -> Unverified:
    for role in ("log", "mirror", "channel", "witness"):
        if head == _header(party, role):
            return Unverified(f"signed with the {role} key of {party}", code="wrong_role")
    return Unverified(f"the header is not that of a statement of {party}", code="wrong_party")


def _parse_payload(payload: bytes, leaf: bytes) -> Statement[Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadInput("is not JSON", field="payload") from None
    if not isinstance(claims, dict):
        raise BadInput("must be a JSON object", field="payload")
    statement = _read(claims, leaf)
    # One statement, one text: this also refuses duplicate members, other orders and spaces.
    if _payload(statement) != payload:
        raise BadInput("is not written as the format has it", field="payload")
    return statement


def _read(claims: Claims, leaf: bytes) -> Statement[Any]:
    name = claims.get("type")
    if not isinstance(name, str) or name not in KINDS:
        raise BadInput(f"must be one of {', '.join(KINDS)}", field="type")
    kind = KINDS[name]
    return Statement(
        party=read_matching(NAME, claims.get("iss"), "iss"), type=name,
        index=read_number(claims.get("index"), "index"),
        iat_s=read_number(claims.get("iat"), "iat", most=TIME_NS_MAX // NS_PER_S),
        agreement=read_matching(HEX, claims["agreement"], "agreement")
        if "agreement" in claims else "",
        seen=_read_seen(claims.get("seen", {})), body=kind.read(claims),
        digests=_read_digests(claims.get("_sd"), len(kind.opens)) if kind.opens else (), leaf=leaf)


def _read_seen(value: Any) -> dict[str, Seen]:
    if not isinstance(value, dict) or len(value) > limits.PARTIES_MAX:
        raise BadInput("must be an object, a member for each peer", field="seen")
    seen = {}
    for name, item in value.items():
        read_object(item, "seen", ("size", "root", "time"))
        root = read_matching(DIGEST, item["root"], "seen.root")
        seen[read_matching(NAME, name, "seen")] = Seen(
            read_number(item["size"], "seen.size"), parse_base64url(root, "seen.root"),
            read_number(item["time"], "seen.time", most=TIME_NS_MAX // NS_PER_S))
    return seen


def _read_digests(value: Any, count: int) -> tuple[str, ...]:
    """One digest for each claim that the kind opens: none is to spare for another reader."""
    digests = tuple(read_matching(DIGEST, item, "_sd") for item in read_list(value, "_sd"))
    if len(digests) != count or len(set(digests)) != count:
        raise BadInput(f"must hold {count} digests, each once", field="_sd")
    return digests


def _payload(statement: Statement[Any]) -> bytes:
    """The one text of a statement: compact JSON in ASCII, its claims in their order."""
    s = statement
    claims: dict[str, Any] = {"iss": s.party, "type": s.type, "index": s.index, "iat": s.iat_s}
    if s.agreement:
        claims["agreement"] = s.agreement
        claims["seen"] = {name: {"size": seen.size, "root": encode_base64url(seen.root),
                                 "time": seen.time_s} for name, seen in s.seen.items()}
    claims |= KINDS[s.type].encode(s.body)
    if s.digests:
        claims["_sd"], claims["_sd_alg"] = list(s.digests), "sha-256"
    return dump(claims)
