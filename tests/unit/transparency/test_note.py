"""note: C2SP signed notes and their keys; published notes verify, and nothing has two forms."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from luftrom import limits
from luftrom.errors import BadInput, TooLarge, Unverified
from luftrom.transparency.note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    Note,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    add_lines,
    encode_note,
    encode_signatures,
    parse_note,
    parse_signatures,
    parse_vkey,
)

VECTORS = Path(__file__).parents[2] / "vectors"
NOTES = json.loads((VECTORS / "notes.json").read_text(encoding="utf-8"))
RFC8032 = json.loads((VECTORS / "rfc8032-ed25519.json").read_text())
BAD = sorted((VECTORS / "bad").glob("note-*.txt"))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
GOOD = NOTES["verified"][0]["note"].encode()


def signers() -> list[NoteSigner]:
    return [NoteSigner("alfa.example/log", ED25519, KEY),
            NoteSigner("alfa.example/mirror", COSIGNATURE, KEY),
            NoteSigner("alfa.example/log", ML_DSA_44, MLDSA44PrivateKey.from_seed_bytes(bytes(32)))]


# -- published vectors ---------------------------------------------------------------------------

@pytest.mark.parametrize("item", NOTES["verified"], ids=lambda item: item["name"])
def test_published_notes_verify(item: dict[str, str]) -> None:
    note, verifier = parse_note(item["note"].encode()), parse_vkey(item["vkey"])
    line, = (line for line in note.signatures if line.key == verifier.key)
    verifier.verify(note.text.encode(), line.signature)
    assert encode_note(note).decode() == item["note"] and verifier.encode_vkey() == item["vkey"]
    with pytest.raises(Unverified) as refused:
        verifier.verify(note.text.encode() + b" ", line.signature)
    assert refused.value.code == "wrong_signature"


def test_a_published_note_signed_again_is_the_same() -> None:
    item = NOTES["verified"][1]
    seed = base64.b64decode(item["seed"])[1:]
    signer = NoteSigner("PeterNeumann", ED25519, Ed25519PrivateKey.from_private_bytes(seed))
    assert signer.verifier.encode_vkey() == item["vkey"]
    text = parse_note(item["note"].encode()).text
    line = NoteSignature("PeterNeumann", signer.verifier.key_id, signer.sign(text.encode()))
    assert encode_note(Note(text, (line,))).decode() == item["note"]


@pytest.mark.parametrize("item", NOTES["parsed"], ids=lambda item: item["name"])
def test_published_notes_without_a_key_come_back(item: dict[str, str]) -> None:
    note = parse_note(item["note"].encode())
    assert encode_note(note).decode() == item["note"]
    assert note.text == item["note"][:item["note"].rindex("\n\n") + 1]


@pytest.mark.parametrize("seed, public, message, signature", RFC8032["vectors"])
def test_ed25519_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    signer = NoteSigner("a", ED25519, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))
    assert signer.verifier.public_key.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    signer.verifier.verify(bytes.fromhex(message), bytes.fromhex(signature))


# -- notes ---------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z"), exclude_characters="+"),
                min_size=1, max_size=20)
lines = st.builds(NoteSignature, names, st.binary(min_size=4, max_size=4),
                  st.binary(min_size=1, max_size=80))
texts = st.text(st.characters(exclude_categories=("Cs",), min_codepoint=32), max_size=60)


@given(st.lists(texts, min_size=1, max_size=5), st.lists(lines, min_size=1, max_size=16))
def test_notes_come_back(text: list[str], signatures: list[NoteSignature]) -> None:
    note = Note("".join(f"{line}\n" for line in text), tuple(signatures))
    assert parse_note(encode_note(note)) == note
    assert parse_signatures(encode_signatures(note.signatures)) == note.signatures


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_whatever_parses_is_written_just_so(at: int, byte: int) -> None:
    data = GOOD[:at] + bytes([byte]) + GOOD[at + 1:]
    try:
        note = parse_note(data)
    except BadInput:
        return
    assert encode_note(note) == data


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_notes_are_refused(path: Path) -> None:
    with pytest.raises(BadInput):
        parse_note(path.read_bytes())


def test_there_are_bad_notes() -> None:
    assert len(BAD) >= 8


def test_sixteen_signatures_and_no_more() -> None:
    line = NoteSignature("a", b"abcd", b"x")
    assert len(parse_note(encode_note(Note("t\n", (line,) * 16))).signatures) == 16
    with pytest.raises(BadInput):
        Note("t\n", (line,) * 17)
    with pytest.raises(BadInput):
        parse_note(b"t\n\n" + line.encode().encode() * 17)
    with pytest.raises(TooLarge):
        parse_note(b"x" * 70_000 + GOOD)


def line_of(n: int, name: str = "w") -> bytes:
    return NoteSignature(name, n.to_bytes(4, "big"), b"signature").encode().encode()


def test_added_lines_stand_below_and_take_the_place_of_those_of_their_keys() -> None:
    note = b"text\n\n" + line_of(1) + line_of(2)
    assert add_lines(note, line_of(3)) == note + line_of(3)
    assert add_lines(note, line_of(2)) == note
    newer = NoteSignature("w", (1).to_bytes(4, "big"), b"another").encode().encode()
    assert add_lines(note, newer) == b"text\n\n" + line_of(2) + newer
    # Another name makes another key.
    assert add_lines(note, line_of(1, "v")) == note + line_of(1, "v")


def test_a_note_has_room_for_16_lines_and_no_more() -> None:
    note = b"text\n\n" + b"".join(line_of(n) for n in range(15))
    full = add_lines(note, line_of(15))
    assert len(parse_note(full).signatures) == limits.NOTE_SIGNATURES_MAX == 16
    assert add_lines(full, line_of(15)) == full
    with pytest.raises(BadInput):
        add_lines(full, line_of(16))


@pytest.mark.parametrize("lines", [b"", b"\xff\n", b"\n", line_of(1)[:-1], line_of(1) + b"\n"])
def test_what_is_no_lines_is_not_added(lines: bytes) -> None:
    with pytest.raises(BadInput):
        add_lines(b"text\n\n" + line_of(1), lines)


@pytest.mark.parametrize("text", ["", "no line end", "a\tb\n", "a\rb\n", "nul \0\n"])
def test_texts_that_no_note_has(text: str) -> None:
    with pytest.raises(BadInput):
        Note(text, (NoteSignature("a", b"abcd", b"x"),))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\nb", "a\0"])
def test_names_that_no_key_has(name: str) -> None:
    with pytest.raises(BadInput):
        NoteVerifier(name, ED25519, bytes(32))


# -- keys ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("signer", signers(), ids=lambda s: f"0x{s.verifier.type:02x}")
def test_vkeys_come_back_and_signatures_verify(signer: NoteSigner) -> None:
    key = signer.verifier
    assert parse_vkey(key.encode_vkey()) == key
    key.verify(b"message", signer.sign(b"message"))
    for message, signature in ((b"massage", signer.sign(b"message")), (b"message", b""),
                               (b"message", signer.sign(b"message") + b"\0")):
        with pytest.raises(Unverified) as refused:
            key.verify(message, signature)
        assert refused.value.code == "wrong_signature"


def test_one_key_of_three_types_has_three_ids() -> None:
    ids = [signer.verifier.key_id for signer in signers()]
    assert len(set(ids)) == 3
    head = b"alfa.example/log\n\x01" + KEY.public_key().public_bytes_raw()
    assert ids[0] == hashlib.sha256(head).digest()[:4]


@given(st.data())
def test_a_changed_vkey_is_none(data: st.DataObject) -> None:
    vkey = NOTES["verified"][1]["vkey"]    # of golang.org/x/mod: each mangling is refused
    at = data.draw(st.integers(0, len(vkey) - 1))
    with pytest.raises(BadInput):
        parse_vkey(vkey[:at] + chr(ord(vkey[at]) + 1) + vkey[at + 1:])
    start, end = sorted((at, data.draw(st.integers(0, len(vkey)))))
    if (start, end) != (0, len(vkey)):
        with pytest.raises(BadInput):
            parse_vkey(vkey[start:end])


@pytest.mark.parametrize("vkey", [
    "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+c74f20a3+", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"])
def test_bad_vkeys(vkey: str) -> None:
    with pytest.raises(BadInput):
        parse_vkey(vkey)


def test_a_signer_needs_the_key_of_its_type() -> None:
    for kind, key in ((ML_DSA_44, KEY), (ED25519, MLDSA44PrivateKey.from_seed_bytes(bytes(32))),
                      (0x02, KEY)):
        with pytest.raises(BadInput):
            NoteSigner("a", kind, key)
