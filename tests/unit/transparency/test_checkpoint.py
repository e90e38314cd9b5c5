"""checkpoint: what is signed, by whom, and each way in which it does not verify."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.errors import BadInput, Unverified
from luftrom.transparency.checkpoint import (
    Checkpoint,
    VerifiedCheckpoint,
    parse_checkpoint,
    sign_checkpoint,
    sign_lines,
    signed_message,
    verify_checkpoint,
)
from luftrom.transparency.note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    NoteSigner,
    NoteVerifier,
    add_lines,
    encode_note,
    parse_note,
    parse_vkey,
)

VECTORS = Path(__file__).parents[2] / "vectors"
NOTES = json.loads((VECTORS / "notes.json").read_text(encoding="utf-8"))
MLDSA = json.loads((VECTORS / "mldsa-checkpoint.json").read_text(encoding="utf-8"))
ORIGIN, TIME_S = "alfa.example/log", 1_790_000_000
BODY = Checkpoint(ORIGIN, 20_852_163, bytes(range(32)))


def ed25519(n: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)


def mldsa(n: int) -> MLDSA44PrivateKey:
    return MLDSA44PrivateKey.from_seed_bytes(bytes([n]) * 32)


SIGNERS = (NoteSigner(ORIGIN, ED25519, ed25519(1)), NoteSigner(ORIGIN, ML_DSA_44, mldsa(1)))
KEYS = [signer.verifier for signer in SIGNERS]


def code_of(note: bytes, keys: list[NoteVerifier] = KEYS, origin: str = ORIGIN) -> str:
    with pytest.raises(Unverified) as refused:
        verify_checkpoint(note, keys, origin)
    return refused.value.code


# -- published vectors ---------------------------------------------------------------------------

def test_the_message_that_an_ed25519_cosigner_signs() -> None:
    item = NOTES["parsed"][1]
    body = parse_checkpoint(parse_note(item["note"].encode()).text)
    key = NoteVerifier("witness.example.com/w1", COSIGNATURE, bytes(32))
    assert signed_message(body, key, item["time_s"]).decode() == NOTES["cosigned_message"]
    line = parse_note(item["note"].encode()).signatures[1]
    assert int.from_bytes(line.signature[:8], "big") == item["time_s"]


def test_the_message_that_an_ml_dsa_44_cosigner_signs() -> None:
    """Laid out by hand from tlog-cosignature, ML-DSA-44 signed message."""
    key = NoteVerifier("witness.example/w", ML_DSA_44, SIGNERS[1].verifier.public_key)
    assert signed_message(BODY, key, TIME_S) == (
        b"subtree/v1\n\x00" + b"\x11witness.example/w" + TIME_S.to_bytes(8, "big")
        + b"\x10alfa.example/log" + bytes(8) + (20_852_163).to_bytes(8, "big") + bytes(range(32)))


def test_a_checkpoint_that_another_implementation_signed_with_ml_dsa_44() -> None:
    key = parse_vkey(MLDSA["vkey"])
    note = MLDSA["note"].encode()
    verified = verify_checkpoint(note, [key], MLDSA["origin"])
    assert (verified.checkpoint.size, verified.time_s) == (1, None)
    assert code_of(note.replace(b"\n1\n", b"\n2\n"), [key], MLDSA["origin"]) == "wrong_signature"


# -- texts ---------------------------------------------------------------------------------------

origins = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1,
                  max_size=60).filter(lambda text: len(text.encode()) <= 255)


@given(origins, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_come_back(origin: str, size: int, root: bytes) -> None:
    body = Checkpoint(origin, size, root)
    assert parse_checkpoint(body.text) == body and body.encode() == body.text.encode()


@pytest.mark.parametrize("text", [
    "", "o\n1\n", "o\n1\nAAAA\n", BODY.text + "extension\n", BODY.text[:-1], BODY.text + "\n",
    "\n" + BODY.text.split("\n", 1)[1], BODY.text.replace("\n2", "\n02"),
    BODY.text.replace("\n2", "\n+2"), BODY.text.replace("\n2", "\n-2"),
    BODY.text.replace("20852163", "٢"), BODY.text.replace("20852163", str(2**63)),
    BODY.text.replace("=", ""), BODY.text.replace("8=", "9="), BODY.text.replace("AAEC", "-_EC")])
def test_other_texts_are_none(text: str) -> None:
    with pytest.raises(BadInput):
        parse_checkpoint(text)


# -- signatures ----------------------------------------------------------------------------------

def test_signed_by_both_keys() -> None:
    verified = verify_checkpoint(sign_checkpoint(BODY, SIGNERS, TIME_S), KEYS, ORIGIN)
    assert (verified.checkpoint, verified.time_s) == (BODY, TIME_S)
    one = sign_checkpoint(BODY, SIGNERS[:1], TIME_S)
    assert verify_checkpoint(one, KEYS[:1], ORIGIN).time_s is None


def test_unknown_signatures_are_ignored() -> None:
    stranger = NoteSigner("witness.example/w", COSIGNATURE, ed25519(9))
    note = sign_checkpoint(BODY, (stranger, *SIGNERS), TIME_S)
    assert verify_checkpoint(note, KEYS, ORIGIN).checkpoint == BODY
    assert verify_checkpoint(note, KEYS[:1], ORIGIN).checkpoint == BODY


def test_each_failure_has_its_code() -> None:
    note = sign_checkpoint(BODY, SIGNERS, TIME_S)
    assert code_of(note, origin="bravo.example/log") == "wrong_origin"
    assert code_of(sign_checkpoint(BODY, SIGNERS[1:], TIME_S)) == "missing_signature"
    assert code_of(note, []) == "missing_signature"
    # Where no agreed key is Ed25519 there is nothing to wait behind.
    stranger = NoteSigner("witness.example/w", COSIGNATURE, ed25519(9))
    assert code_of(sign_checkpoint(BODY, (stranger,), TIME_S), KEYS[1:]) == "missing_signature"
    other = Checkpoint(ORIGIN, BODY.size + 1, BODY.root)
    assert code_of(note.replace(BODY.encode(), other.encode())) == "wrong_signature"


def test_ed25519_alone_is_enough_unless_every_key_is_asked_for() -> None:
    note = sign_checkpoint(BODY, SIGNERS[:1], TIME_S)
    assert verify_checkpoint(note, KEYS, ORIGIN) == VerifiedCheckpoint(BODY, None)
    with pytest.raises(Unverified) as refused:
        verify_checkpoint(note, KEYS, ORIGIN, every_key=True)
    assert refused.value.code == "missing_signature"
    # ML-DSA-44 follows later; from then on it must be true.
    whole = add_lines(note, sign_lines(BODY, SIGNERS[1:], TIME_S + 1))
    assert verify_checkpoint(whole, KEYS, ORIGIN, every_key=True
                             ) == VerifiedCheckpoint(BODY, TIME_S + 1)
    other = sign_lines(Checkpoint(ORIGIN, 1, BODY.root), SIGNERS[1:], TIME_S)
    assert code_of(add_lines(note, other)) == "wrong_signature"


def test_every_ed25519_key_must_have_signed() -> None:
    second = NoteSigner(ORIGIN, ED25519, ed25519(7))
    keys = [*KEYS, second.verifier]
    assert code_of(sign_checkpoint(BODY, SIGNERS, TIME_S), keys) == "missing_signature"
    both = sign_checkpoint(BODY, (SIGNERS[0], second), TIME_S)
    assert verify_checkpoint(both, keys, ORIGIN).checkpoint == BODY


def test_keys_of_other_roles_do_not_sign_checkpoints() -> None:
    mirror = NoteSigner("alfa.example/mirror", COSIGNATURE, ed25519(3))
    note = sign_checkpoint(BODY, (mirror, *SIGNERS), TIME_S)
    assert code_of(note, [*KEYS, mirror.verifier]) == "wrong_role"
    # The mirror's private key under the log's name is another key.
    posing = NoteSigner(ORIGIN, ED25519, ed25519(3))
    assert code_of(sign_checkpoint(BODY, (posing, SIGNERS[1]), TIME_S)) == "wrong_role"
    assert code_of(note, [NoteSigner("bravo.example/log", ED25519, ed25519(1)).verifier]
                   ) == "wrong_role"


def test_a_name_is_part_of_what_ml_dsa_44_signs() -> None:
    mirror = NoteSigner("alfa.example/mirror", ML_DSA_44, mldsa(1))
    line = parse_note(sign_checkpoint(BODY, (mirror,), TIME_S)).signatures[0]
    note = parse_note(sign_checkpoint(BODY, SIGNERS, TIME_S))
    forged = type(line)(ORIGIN, KEYS[1].key_id, line.signature)
    assert code_of(encode_note(type(note)(note.text, (note.signatures[0], forged)))
                   ) == "wrong_signature"


def test_a_second_line_of_a_known_key_must_be_true_as_well() -> None:
    note = parse_note(sign_checkpoint(BODY, SIGNERS, TIME_S))
    line = note.signatures[0]
    false = type(line)(line.name, line.key_id, bytes(64))
    doubled = type(note)(note.text, (*note.signatures, false))
    assert code_of(encode_note(doubled)) == "wrong_signature"


@pytest.mark.parametrize("time_s", [0, -1, 2**63])
def test_times_that_nothing_is_signed_at(time_s: int) -> None:
    with pytest.raises(BadInput):
        sign_checkpoint(BODY, SIGNERS, time_s)


def test_a_checkpoint_has_a_signer() -> None:
    with pytest.raises(BadInput):
        sign_checkpoint(BODY, (), TIME_S)


@settings(max_examples=300)
@given(st.data())
def test_no_changed_byte_verifies(data: st.DataObject) -> None:
    note = SIGNED
    at = data.draw(st.integers(0, len(note) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != note[at]))
    with pytest.raises((Unverified, BadInput)):
        verify_checkpoint(note[:at] + bytes([byte]) + note[at + 1:], KEYS, ORIGIN, every_key=True)


SIGNED = sign_checkpoint(BODY, SIGNERS, TIME_S)
