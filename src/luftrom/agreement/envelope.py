"""Signed documents: the bytes of a JSON document with one Ed25519 signature for each signatory.

The form is the general JSON serialisation of a JWS (RFC 7515, section 7.2.1), so that any JOSE
library verifies it. Agreements and key cards travel like this; `typ` in the protected header keeps
a signature on the one from being taken for a signature on the other, or for a statement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, Unverified
from luftrom.limits import PARTIES_MAX
from luftrom.reading import parse_json

AGREEMENT_TYPE = "luftrom-agreement+json"
KEY_CARD_TYPE = "luftrom-keycard+json"


@dataclass(frozen=True, slots=True)
class EnvelopeSignature:
    """One signatory's signature; `protected` is the base64url text that was signed."""

    signatory: str
    protected: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A document of type `typ` as the bytes that were signed, and the signatures it bears."""

    typ: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...] = ()

    def signatories(self) -> tuple[str, ...]:
        """The names that stand under the document; nothing here says that they are genuine."""
        return tuple(signature.signatory for signature in self.signatures)


def sign_envelope(envelope: Envelope, signatory: str, key: Ed25519PrivateKey) -> Envelope:
    """The same document with `signatory`'s signature added, or renewed if it was there."""
    header = {"alg": "Ed25519", "kid": signatory, "typ": envelope.typ}
    protected = encode_base64url(json.dumps(header, separators=(",", ":")).encode())
    signature = key.sign(f"{protected}.{encode_base64url(envelope.payload)}".encode())
    others = tuple(s for s in envelope.signatures if s.signatory != signatory)
    return Envelope(envelope.typ, envelope.payload,
                    (*others, EnvelopeSignature(signatory, protected, signature)))


def verify_envelope(envelope: Envelope, keys: Mapping[str, bytes]) -> None:
    """Check that everybody in `keys` (name to raw Ed25519 key), and nobody else, signed.

    Raises Unverified, naming the signatory at fault.
    """
    for signature in envelope.signatures:
        if signature.signatory not in keys:
            raise Unverified(f"{signature.signatory} signed but is not a party")
        signed = f"{signature.protected}.{encode_base64url(envelope.payload)}".encode()
        try:
            key = Ed25519PublicKey.from_public_bytes(keys[signature.signatory])
            key.verify(signature.signature, signed)
        except InvalidSignature:
            raise Unverified(f"the signature of {signature.signatory} does not verify") from None
    missing = set(keys) - set(envelope.signatories())
    if missing:
        raise Unverified(f"not signed by {', '.join(sorted(missing))}", code="not_signed")


def encode_envelope(envelope: Envelope) -> bytes:
    """The file: readable JSON; the payload itself stays base64url so that no byte can change."""
    document = {"payload": encode_base64url(envelope.payload),
                "signatures": [{"protected": s.protected,
                                "signature": encode_base64url(s.signature)}
                               for s in envelope.signatures]}
    return json.dumps(document, indent=1).encode() + b"\n"


def parse_envelope(data: bytes, typ: str) -> Envelope:
    """A file back to its value; BadInput if it is not a signed document of type `typ`."""
    document = parse_json(data)
    if not isinstance(document, dict) or set(document) != {"payload", "signatures"}:
        raise BadInput("must be a JSON object with payload and signatures, and nothing else")
    items = document["signatures"]
    if not isinstance(items, list) or len(items) > PARTIES_MAX:
        raise BadInput(f"must be a list of at most {PARTIES_MAX}", field="signatures")
    signatures = tuple(_parse_signature(item, f"signatures[{i}]", typ)
                       for i, item in enumerate(items))
    if len({s.signatory for s in signatures}) != len(signatures):
        raise BadInput("one signatory stands there twice", field="signatures")
    return Envelope(typ, _unb64(document["payload"], "payload"), signatures)


def _parse_signature(item: Any, field: str, typ: str) -> EnvelopeSignature:
    if not isinstance(item, dict) or set(item) != {"protected", "signature"}:
        raise BadInput("must be an object with protected and signature", field=field)
    header = parse_json(_unb64(item["protected"], f"{field}.protected"), field=f"{field}.protected")
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"}:
        raise BadInput("must hold alg, kid and typ, and nothing else", field=f"{field}.protected")
    if header["alg"] != "Ed25519":
        raise BadInput("alg must be Ed25519", field=f"{field}.protected")
    if header["typ"] != typ:
        raise BadInput(f"typ is {header['typ']!r}, not {typ}", field=f"{field}.protected")
    if not isinstance(header["kid"], str):
        raise BadInput("kid must be the signatory's name", field=f"{field}.protected")
    return EnvelopeSignature(header["kid"], item["protected"],
                             _unb64(item["signature"], f"{field}.signature"))


def _unb64(text: Any, field: str) -> bytes:
    if not isinstance(text, str):
        raise BadInput("must be base64url text", field=field)
    return parse_base64url(text, field)
