"""Key cards: who a party is and its public keys, signed; and their fingerprints."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom.agreement.envelope import (
    KEY_CARD_TYPE,
    Envelope,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from luftrom.agreement.party import NewLog, Party, parse_party
from luftrom.clock import NS_PER_S, format_time, parse_time
from luftrom.config.keys import public_party
from luftrom.config.settings import Settings
from luftrom.errors import BadInput
from luftrom.files import naming, read_file
from luftrom.reading import parse_json
from luftrom.transparency.note import PrivateKey

KEY_CARD_FORMAT = "luftrom-keycard/1"
FINGERPRINT_BYTES = 15                     # 120 bits: 24 letters, and 2^60 work for two alike cards


# -- key cards -----------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class KeyCard:
    """A verified key card: signed with the `statements` key that it shows."""

    party: Party
    created_ns: int
    payload: bytes

    @property
    def fingerprint(self) -> str:
        """For two people to compare by voice: see `fingerprint`."""
        return fingerprint(self.payload)


def fingerprint(payload: bytes) -> str:
    """The first 120 bits of SHA-256 in base32 (RFC 4648: A-Z and 2-7), in groups of four.

    The alphabet has neither 0 nor 1, so no sign is mistaken for O, I or L when it is read aloud.
    """
    text = base64.b32encode(hashlib.sha256(payload).digest()[:FINGERPRINT_BYTES]).decode()
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4))


def make_key_card(settings: Settings, keys: Mapping[str, PrivateKey], now_ns: int,
                  new_log: NewLog | None = None) -> Envelope:
    """A signed key card; `created` is in whole seconds."""
    statements = keys["statements"]
    if not isinstance(statements, Ed25519PrivateKey):
        raise BadInput("must be an Ed25519 key", field="statements")
    created = format_time(now_ns - now_ns % NS_PER_S)
    document = {"format": KEY_CARD_FORMAT, "created": created,
                **public_party(settings, keys, new_log).document()}
    return sign_envelope(Envelope(KEY_CARD_TYPE, encode_payload(document)), settings.party,
                         statements)


def parse_key_card(data: bytes) -> KeyCard:
    """The bytes of a key card to its value. Raises BadInput; Unverified if the signature fails.

    That it verifies says that one hand made it, not whose: compare the fingerprint by voice.
    """
    envelope = parse_envelope(data, KEY_CARD_TYPE)
    document = parse_json(envelope.payload, field="payload")
    if not isinstance(document, dict) or document.pop("format", None) != KEY_CARD_FORMAT:
        raise BadInput(f"must be an object of format {KEY_CARD_FORMAT}", field="payload.format")
    created = document.pop("created", None)
    if not isinstance(created, str):
        raise BadInput("must be a time", field="payload.created")
    party = parse_party(document)
    verify_envelope(envelope, {party.name: party.keys.statements})
    return KeyCard(party, parse_time(created, "payload.created"), envelope.payload)


def load_key_card(path: Path) -> KeyCard:
    """A key card from a file; every refusal names the file."""
    with naming(path):
        return parse_key_card(read_file(path))


def encode_payload(document: Mapping[str, Any]) -> bytes:
    """A document as the bytes that are signed: compact JSON in ASCII."""
    return json.dumps(document, separators=(",", ":")).encode()
