"""Statements: the signed entries of a log, and the disclosures that open them.

A statement is the issuer-signed JWT of an SD-JWT (RFC 9901) as compact JWS (RFC 7515) with the
algorithm `Ed25519` (RFC 9864): the signed bytes are the leaf. Its content stands in disclosures
beside it; the leaf holds one salted digest for each (RFC 9901, section 4.2). Leaves have exactly
one form, so that a second text of the same statement is refused: `_payload` writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom import limits
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.clock import NS_PER_S, TIME_NS_MAX
from luftrom.errors import BadInput, TooLarge, Unverified
from luftrom.statements.disclosure import HEAD_CLAIMS, disclosure_digest, dump

TYP = "vnd.luftrom.statement.v1+sd-jwt"    # the media type names the format's version
ROLE = "statements"
# What each type of statement says besides author, type, index, time, agreement and seen. With `?`:
# or not.
TYPES: Mapping[str, tuple[str, ...]] = {
    "agreement": (),
    "declaration": ("entity", "_sd"),
    "withdrawal": ("entity", "of", "reason?"),
    "notice": ("entity", "_sd"),
    "notice_withdrawal": ("entity", "of", "reason?"),
    "ruling": ("rulings",),
    "notification": ("_sd",),
}
_RULING = ("index", "accepted", "unacknowledged", "against")
_NUMBER_MAX = 2**53 - 1                    # RFC 7493: what every JSON reader reads exactly
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?", re.ASCII)
_ENTITY = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_RULE = re.compile(r"[a-z_]{1,32}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]", re.ASCII)   # 32 bytes in base64url


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of a peer's log the author had applied, and the root hash over it."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an author ruled on its own declaration at leaf `index`.

    `against` names whom it lost to: (party, leaf index, rule). `unacknowledged` lists peers whose
    receipt was missing when their time was up.
    """

    index: int
    accepted: bool
    against: tuple[tuple[str, int, str], ...] = ()
    unacknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One leaf, read. What its type does not have is empty; `leaf` are the bytes themselves.

    `of` is the leaf of the same log that a withdrawal ends. `digests` are those of the
    disclosures, sorted, so that their order tells nothing.
    """

    party: str
    type: str
    index: int
    iat_s: int
    agreement: str = ""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    entity_id: str = ""
    version: int = 0
    of: int | None = None
    rulings: tuple[Ruling, ...] = ()
    reason: str = ""
    digests: tuple[str, ...] = ()
    leaf: bytes = field(default=b"", repr=False)


# -- writing -------------------------------------------------------------------------------------

class StatementSigner:
    """Signs the statements of one party."""

    def __init__(self, party: str, key: Ed25519PrivateKey):
        self._party = party
        self._head = _header(party, ROLE)
        self._key = key

    def sign(self, claims: Mapping[str, Any], disclosures: Sequence[bytes]) -> bytes:
        """The leaf that says `claims` and commits to the disclosures; TooLarge beyond a leaf.

        `claims` are those of the format, in any order, with the roots in `seen` as bytes. They
        are not checked here: what is appended to a log is parsed first.
        """
        whole: dict[str, Any] = {"iss": self._party, **claims}
        if "seen" in whole:
            whole["seen"] = {name: {"size": seen["size"], "root": encode_base64url(seen["root"])}
                             for name, seen in whole["seen"].items()}
        if "entity" in whole:
            whole["entity"] = {name: whole["entity"][name] for name in ("id", "version")}
        if "rulings" in whole:
            whole["rulings"] = [{name: ruling[name] for name in _RULING} for ruling in
                                whole["rulings"]]
        if disclosures:
            whole["_sd"] = sorted(disclosure_digest(item) for item in disclosures)
            whole["_sd_alg"] = "sha-256"
        whole = {name: whole.pop(name) for name in HEAD_CLAIMS if name in whole} | whole
        signed = self._head + b"." + encode_base64url(dump(whole)).encode()
        leaf = signed + b"." + encode_base64url(self._key.sign(signed)).encode()
        if len(leaf) > limits.LEAF_BYTES_MAX:
            raise TooLarge(f"the statement has {len(leaf)} bytes; at most "
                           f"{limits.LEAF_BYTES_MAX} fit into a leaf")
        return leaf


# -- reading -------------------------------------------------------------------------------------

def parse_statement(leaf: bytes) -> Statement:
    """A leaf to its value, strictly; BadInput names the claim at fault. Nothing is verified."""
    head, payload, _ = _parts(leaf)
    statement = _parse_payload(payload, leaf)
    if head != _header(statement.party, ROLE):
        raise BadInput(f"is not that of a statement of {statement.party}", field="header")
    return statement


def verify_statement(leaf: bytes, public_key: bytes, party: str, *,
                     is_proven: bool = False) -> Statement:
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


def _wrong_header(head: bytes, party: str) -> Unverified:
    for role in ("log", "mirror", "channel", "witness"):
        if head == _header(party, role):
            return Unverified(f"signed with the {role} key of {party}", code="wrong_role")
    return Unverified(f"the header is not that of a statement of {party}", code="wrong_party")


def _parse_payload(payload: bytes, leaf: bytes) -> Statement:
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


def _read(claims: dict[str, Any], leaf: bytes) -> Statement:
    kind = claims.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise BadInput(f"must be one of {', '.join(TYPES)}", field="type")
    has = TYPES[kind]
    entity: dict[str, Any] = {}
    if "entity" in has:
        entity = _object(claims.get("entity"), "entity", ("id", "version"))
    reason = claims.get("reason", "")
    if not isinstance(reason, str) or len(reason) > limits.REMARKS_CHARS_MAX or any(
            sign < " " or "\ud800" <= sign < "\ue000" for sign in reason):
        raise BadInput(f"must be text of at most {limits.REMARKS_CHARS_MAX} characters",
                       field="reason")
    return Statement(
        party=_matching(_NAME, claims.get("iss"), "iss"), type=kind,
        index=_number(claims.get("index"), "index"),
        iat_s=_number(claims.get("iat"), "iat", most=TIME_NS_MAX // NS_PER_S),
        agreement=_matching(_HEX, claims["agreement"], "agreement")
        if "agreement" in claims else "",
        seen=_read_seen(claims.get("seen", {})),
        entity_id=_matching(_ENTITY, entity["id"], "entity.id") if entity else "",
        version=_number(entity["version"], "entity.version", 1) if entity else 0,
        of=_number(claims.get("of"), "of") if "of" in has else None,
        rulings=_read_rulings(claims.get("rulings")) if "rulings" in has else (),
        reason=reason, digests=_read_digests(claims.get("_sd")) if "_sd" in has else (), leaf=leaf)


def _read_seen(value: Any) -> dict[str, Seen]:
    if not isinstance(value, dict) or len(value) > limits.PARTIES_MAX:
        raise BadInput("must be an object, a member for each peer", field="seen")
    seen = {}
    for name, item in value.items():
        _object(item, "seen", ("size", "root"))
        root = _matching(_DIGEST, item["root"], "seen.root")
        seen[_matching(_NAME, name, "seen")] = Seen(
            _number(item["size"], "seen.size"), parse_base64url(root, "seen.root"))
    return seen


def _read_rulings(value: Any) -> tuple[Ruling, ...]:
    rulings = []
    for item in _list(value, "rulings"):
        _object(item, "rulings", _RULING)
        if not isinstance(item["accepted"], bool):
            raise BadInput("must be true or false", field="rulings.accepted")
        rulings.append(Ruling(
            _number(item["index"], "rulings.index"), item["accepted"],
            tuple(_read_against(one) for one in _list(item["against"], "rulings.against", 0)),
            tuple(_matching(_NAME, name, "rulings.unacknowledged")
                  for name in _list(item["unacknowledged"], "rulings.unacknowledged", 0))))
        if rulings[-1].accepted and rulings[-1].against:
            raise BadInput("must be empty where it is accepted", field="rulings.against")
    if any(one.index >= other.index for one, other in zip(rulings, rulings[1:], strict=False)):
        raise BadInput("must be sorted by leaf and rule on none twice", field="rulings")
    return tuple(rulings)


def _read_against(value: Any) -> tuple[str, int, str]:
    if len(_list(value, "rulings.against")) != 3:
        raise BadInput("must be party, leaf index and rule", field="rulings.against")
    return (_matching(_NAME, value[0], "rulings.against"), _number(value[1], "rulings.against"),
            _matching(_RULE, value[2], "rulings.against"))


def _read_digests(value: Any) -> tuple[str, ...]:
    digests = tuple(_matching(_DIGEST, item, "_sd") for item in _list(value, "_sd"))
    if any(one >= other for one, other in zip(digests, digests[1:], strict=False)):
        raise BadInput("must be sorted and hold nothing twice", field="_sd")
    return digests


def _payload(statement: Statement) -> bytes:
    """The one text of a statement: compact JSON in ASCII, its claims in their order."""
    s = statement
    claims: dict[str, Any] = {"iss": s.party, "type": s.type, "index": s.index, "iat": s.iat_s}
    if s.agreement:
        claims["agreement"] = s.agreement
        claims["seen"] = {name: {"size": seen.size, "root": encode_base64url(seen.root)}
                          for name, seen in s.seen.items()}
    if s.rulings:
        claims["rulings"] = [
            {"index": r.index, "accepted": r.accepted, "unacknowledged": list(r.unacknowledged),
             "against": [list(one) for one in r.against]} for r in s.rulings]
    if s.of is not None:
        claims["of"] = s.of
    if s.entity_id:
        claims["entity"] = {"id": s.entity_id, "version": s.version}
    if s.reason and "reason?" in TYPES[s.type]:
        claims["reason"] = s.reason
    if s.digests:
        claims["_sd"], claims["_sd_alg"] = list(s.digests), "sha-256"
    return dump(claims)


def _object(value: Any, name: str, members: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(members):
        raise BadInput(f"must be an object with exactly {', '.join(members)}", field=name)
    return value


def _list(value: Any, name: str, least: int = 1) -> list[Any]:
    if not isinstance(value, list) or len(value) < least:
        raise BadInput(f"must be a list of at least {least}", field=name)
    return value


def _number(value: Any, name: str, least: int = 0, most: int = _NUMBER_MAX) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadInput(f"must be a whole number from {least} to {most}", field=name)
    return value


def _matching(pattern: re.Pattern[str], value: Any, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadInput("is not what the format has there", field=name)
    return value
