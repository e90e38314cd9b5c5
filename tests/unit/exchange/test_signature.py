"""The signature header of messages: what it says is what was signed."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import NotAuthenticated
from luftrom.exchange.signature import sign_body, verify_body, verify_header

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
DIGEST = "5e" * 32


@pytest.mark.parametrize(("told", "read"), [
    (DIGEST, DIGEST), (None, None), ("5E" * 32, None), (DIGEST + "0", None), ("", None)])
def test_the_digest_of_the_kernels_is_carried_and_shown_only_if_it_is_one(
        told: str | None, read: str | None) -> None:
    header = sign_body(b"body", "alfa.example", "bravo.example", 7, KEY, told)
    signature = verify_header(header, "alfa.example", "bravo.example", PUBLIC)
    verify_body(b"body", signature)
    assert (signature.sender, signature.counter, signature.kernels) == ("alfa.example", 7, read)


def test_critical_parameters_are_refused() -> None:
    head, claims, _ = sign_body(b"body", "alfa.example", "bravo.example", 7, KEY).split(".")
    told = json.loads(parse_base64url(head)) | {"crit": ["b64"], "b64": True}
    signed = f"{encode_base64url(json.dumps(told).encode())}.{claims}"
    header = f"{signed}.{encode_base64url(KEY.sign(signed.encode()))}"
    with pytest.raises(NotAuthenticated, match="critical"):
        verify_header(header, "alfa.example", "bravo.example", PUBLIC)


def test_a_header_of_others_is_refused() -> None:
    header = sign_body(b"body", "alfa.example", "bravo.example", 7, KEY, DIGEST)
    with pytest.raises(NotAuthenticated, match="not from charlie"):
        verify_header(header, "charlie.example", "bravo.example", PUBLIC)
    with pytest.raises(NotAuthenticated, match="channel key"):
        verify_header(header, "alfa.example", "bravo.example", bytes(32))
    signature = verify_header(header, "alfa.example", "bravo.example", PUBLIC)
    with pytest.raises(NotAuthenticated, match="not the one"):
        verify_body(b"another", signature)
