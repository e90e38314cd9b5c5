"""receipt: a mirror's cosignature, its time, and each way in which it does not verify."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.errors import BadInput, Unverified
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from luftrom.transparency.note import COSIGNATURE, ED25519, ML_DSA_44, NoteSigner
from luftrom.transparency.receipt import (
    attach_receipt,
    sign_receipt,
    verify_kept_receipt,
    verify_receipt,
)

ORIGIN, TIME_S = "alfa.example/log", 1_790_000_000
BODY = Checkpoint(ORIGIN, 12, bytes(range(32)))
LOG = (NoteSigner(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(bytes(32))),)
MIRROR = (NoteSigner("bravo.example/mirror", COSIGNATURE,
                     Ed25519PrivateKey.from_private_bytes(b"m" * 32)),
          NoteSigner("bravo.example/mirror", ML_DSA_44,
                     MLDSA44PrivateKey.from_seed_bytes(b"m" * 32)))
KEYS = [signer.verifier for signer in MIRROR]
LINES = sign_receipt(BODY, MIRROR, TIME_S)


def code_of(body: Checkpoint, lines: bytes, keys: list = KEYS) -> str:
    with pytest.raises(Unverified) as refused:
        verify_receipt(body, lines, keys)
    return refused.value.code


def test_a_receipt_says_since_when() -> None:
    assert verify_receipt(BODY, LINES, KEYS) == TIME_S
    assert LINES.count(b"\n") == 2 and LINES.startswith("— bravo.example/mirror ".encode())


def test_a_receipt_stands_under_the_checkpoint_signed_or_not() -> None:
    note = sign_checkpoint(BODY, LOG, TIME_S)
    both = attach_receipt(note, LINES)
    assert verify_kept_receipt(both, KEYS, ORIGIN) == (BODY, TIME_S)
    assert verify_checkpoint(both, [LOG[0].verifier], ORIGIN).checkpoint == BODY
    assert verify_kept_receipt(attach_receipt(BODY.encode(), LINES), KEYS, ORIGIN)[0] == BODY
    with pytest.raises(Unverified) as refused:
        verify_kept_receipt(both, KEYS, "charlie.example/log")
    assert refused.value.code == "wrong_origin"
    with pytest.raises(Unverified) as refused:
        verify_kept_receipt(note, KEYS, ORIGIN)
    assert refused.value.code == "missing_signature"


def test_each_failure_has_its_code() -> None:
    for body in (Checkpoint(ORIGIN, 13, BODY.root), Checkpoint(ORIGIN, 12, bytes(32)),
                 Checkpoint("alfa.example/log2", 12, BODY.root)):
        assert code_of(body, LINES) == "wrong_signature"
    assert code_of(BODY, sign_receipt(BODY, MIRROR[1:], TIME_S)) == "missing_signature"
    assert code_of(BODY, LINES, []) == "missing_signature"
    assert code_of(BODY, LINES, [LOG[0].verifier]) == "wrong_role"
    # A log's checkpoint signature is no receipt, whoever asks for it as one.
    posing = NoteSigner(ORIGIN, ML_DSA_44, MLDSA44PrivateKey.from_seed_bytes(b"m" * 32))
    assert code_of(BODY, sign_receipt(BODY, (posing,), TIME_S), [posing.verifier]) == "wrong_role"


def test_ed25519_alone_is_a_receipt_unless_every_key_is_asked_for() -> None:
    early = sign_receipt(BODY, MIRROR[:1], TIME_S)
    note = attach_receipt(BODY.encode(), early)
    assert verify_receipt(BODY, early, KEYS) == TIME_S
    assert verify_kept_receipt(note, KEYS, ORIGIN) == (BODY, TIME_S)
    for ask in (lambda: verify_receipt(BODY, early, KEYS, every_key=True),
                lambda: verify_kept_receipt(note, KEYS, ORIGIN, every_key=True)):
        with pytest.raises(Unverified) as refused:
            ask()
        assert refused.value.code == "missing_signature"
    # ML-DSA-44 follows later, on the note that is kept.
    whole = attach_receipt(note, sign_receipt(BODY, MIRROR[1:], TIME_S + 1))
    assert verify_kept_receipt(whole, KEYS, ORIGIN, every_key=True) == (BODY, TIME_S + 1)
    assert verify_receipt(BODY, LINES, KEYS, every_key=True) == TIME_S


def test_a_line_of_ml_dsa_44_that_is_there_must_be_true() -> None:
    first, second = LINES.splitlines(keepends=True)
    assert code_of(BODY, first + second[:-9] + b"AAAAAAA=\n") == "wrong_signature"


def test_a_receipt_bears_no_line_of_an_unknown_key() -> None:
    stranger = NoteSigner("bravo.example/mirror", COSIGNATURE,
                          Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    assert code_of(BODY, LINES + sign_receipt(BODY, (stranger,), TIME_S)) == "wrong_role"


def test_the_time_is_signed() -> None:
    for at in (0, 1):
        later = list(sign_receipt(BODY, MIRROR, TIME_S + 1).splitlines(keepends=True))
        now = LINES.splitlines(keepends=True)
        now[at] = later[at]
        assert verify_receipt(BODY, b"".join(now), KEYS) == TIME_S + 1


@pytest.mark.parametrize("lines", [b"", b"\n", LINES[:-1], LINES + b"\n", b"x" + LINES,
                                   b"\xff" + LINES, LINES.replace(b" ", b"  ", 1), LINES * 9])
def test_lines_that_are_none(lines: bytes) -> None:
    with pytest.raises(BadInput):
        verify_receipt(BODY, lines, KEYS)


@settings(max_examples=300)
@given(st.data())
def test_no_changed_byte_verifies(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(LINES) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != LINES[at]))
    with pytest.raises((Unverified, BadInput)):
        verify_receipt(BODY, LINES[:at] + bytes([byte]) + LINES[at + 1:], KEYS)
