"""Signed notes: text with signature lines, bytes in and values out, and the keys that sign them.

Format, key identifiers and verifier keys (vkeys) follow C2SP signed-note v1. What a signature of a
timestamped type covers is no matter of this module: `checkpoint` builds those messages.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from luftrom import limits
from luftrom.errors import BadInput, TooLarge, Unverified

ED25519 = 0x01                             # signed-note: Ed25519 over the note text
COSIGNATURE = 0x04                         # tlog-cosignature: timestamped Ed25519
ML_DSA_44 = 0x06                           # tlog-cosignature: timestamped ML-DSA-44

PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey
PublicKey = Ed25519PublicKey | MLDSA44PublicKey

_MARK = "\u2014 "
_CONTROL = re.compile("[\\x00-\\x09\\x0b-\\x1f]")
_KEY_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)
# Type: private key, public key, public key bytes, signature bytes.
_KINDS: dict[int, tuple[type[PrivateKey], type[PublicKey], int, int]] = {
    ED25519: (Ed25519PrivateKey, Ed25519PublicKey, 32, 64),
    COSIGNATURE: (Ed25519PrivateKey, Ed25519PublicKey, 32, 64),
    ML_DSA_44: (MLDSA44PrivateKey, MLDSA44PublicKey, 1312, 2420),
}


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who claims to have signed, by which key, and what follows the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != 4 or not self.signature:
            raise BadInput("a signature is a key id of 4 bytes with something behind it",
                           field="signature")

    @property
    def key(self) -> tuple[str, bytes]:
        """Name and key id, which together say which key it was."""
        return self.name, self.key_id

    def encode(self) -> str:
        """The line, with its line end."""
        text = base64.b64encode(self.key_id + self.signature).decode()
        return f"{_MARK}{self.name} {text}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a line end, and the signatures below it; nothing says they are true."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or _CONTROL.search(self.text):
            raise BadInput("must end in a line end and hold no other control character",
                           field="text")
        if not 0 < len(self.signatures) <= limits.NOTE_SIGNATURES_MAX:
            raise BadInput(f"must bear 1 to {limits.NOTE_SIGNATURES_MAX} signatures; it bears "
                           f"{len(self.signatures)}", field="signatures")


def parse_note(data: bytes) -> Note:
    """Bytes to a note, strictly; BadInput (or TooLarge) says what was wrong.

    The last empty line parts the text from the signatures, so that the text may hold empty lines.
    """
    if len(data) > limits.NOTE_BYTES_MAX:
        raise TooLarge(f"a note has {len(data)} bytes; at most {limits.NOTE_BYTES_MAX} are taken")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise BadInput("a note must be UTF-8 text") from None
    text, empty_line, below = whole.rpartition("\n\n")
    if not empty_line:
        raise BadInput("a note needs an empty line between its text and its signatures")
    return Note(text + "\n", parse_signatures(below))


def encode_note(note: Note) -> bytes:
    """A note to its bytes, the only ones that `parse_note` reads as this note."""
    return f"{note.text}\n{encode_signatures(note.signatures)}".encode()


def split_signers(signers: Sequence[NoteSigner]
                  ) -> tuple[tuple[NoteSigner, ...], tuple[NoteSigner, ...]]:
    """Those that sign at once, and those whose signature takes a millisecond and may follow."""
    return (tuple(each for each in signers if each.verifier.type != ML_DSA_44),
            tuple(each for each in signers if each.verifier.type == ML_DSA_44))


def add_lines(note: bytes, lines: bytes) -> bytes:
    """A note with more signature lines; one by a key whose line stands there takes its place.

    Neither the note's lines nor the new ones are verified here: the caller made them, or verified
    them. Raises BadInput, also where more than NOTE_SIGNATURES_MAX would stand below the text.
    """
    try:
        added = parse_signatures(lines.decode())
    except UnicodeDecodeError:
        raise BadInput("signature lines must be UTF-8 text") from None
    before, keys = parse_note(note), {line.key for line in added}
    kept = tuple(line for line in before.signatures if line.key not in keys)
    return encode_note(Note(before.text, kept + added))


def parse_signatures(below: str) -> tuple[NoteSignature, ...]:
    """Signature lines to values; BadInput unless there is at least one and each is canonical."""
    lines = below.split("\n")
    if lines.pop() or not lines:
        raise BadInput("signature lines must end in a line end", field="signatures")
    if len(lines) > limits.NOTE_SIGNATURES_MAX:
        raise BadInput(f"has {len(lines)} signature lines; at most {limits.NOTE_SIGNATURES_MAX} "
                       "are taken", field="signatures")
    return tuple(_parse_line(line) for line in lines)


def encode_signatures(signatures: tuple[NoteSignature, ...]) -> str:
    """Signatures to their lines."""
    return "".join(signature.encode() for signature in signatures)


def _parse_line(line: str) -> NoteSignature:
    name, space, text = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space:
        raise BadInput("must be an em dash, a name and base64, parted by spaces",
                       field="signatures")
    raw = parse_base64(text, "signatures")
    if len(raw) < 5:
        raise BadInput("is shorter than a key id and a signature", field="signatures")
    return NoteSignature(name, raw[:4], raw[4:])


def check_name(name: str) -> None:
    """BadInput unless it may be the name of a key."""
    if not name or "+" in name or any(sign.isspace() for sign in name) or _CONTROL.search(name):
        raise BadInput("a key name must not be empty nor hold a space or a plus", field="name")


# -- keys ----------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key with the name and the signature type that it is used under."""

    name: str
    type: int
    public_key: bytes
    key_id: bytes = field(init=False)
    _key: PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.type not in _KINDS:
            raise BadInput(f"signature type 0x{self.type:02x} is not known here", field="vkey")
        _, loader, size, _ = _KINDS[self.type]
        if len(self.public_key) != size:
            raise BadInput(f"a public key of this type has {size} bytes, not "
                           f"{len(self.public_key)}", field="vkey")
        head = self.name.encode() + b"\n" + bytes([self.type])
        key_id = hashlib.sha256(head + self.public_key).digest()[:4]
        object.__setattr__(self, "key_id", key_id)
        object.__setattr__(self, "_key", loader.from_public_bytes(self.public_key))

    @property
    def key(self) -> tuple[str, bytes]:
        """Name and key id, as a signature line bears them."""
        return self.name, self.key_id

    @property
    def is_timestamped(self) -> bool:
        """Do its signatures begin with a time (tlog-cosignature)?"""
        return self.type != ED25519

    def encode_vkey(self) -> str:
        """The key as text: `<name>+<key id>+<base64 of type and key>`."""
        material = base64.b64encode(bytes([self.type]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a bare signature over a message; Unverified if it is not by this key."""
        try:
            if len(signature) != _KINDS[self.type][3]:
                raise InvalidSignature
            self._key.verify(signature, message)
        except InvalidSignature:
            raise Unverified(f"the signature of {self.name} (key {self.key_id.hex()}) does not "
                             "verify", code="wrong_signature") from None


class NoteSigner:
    """A private key with the name and the signature type that it is used under."""

    __slots__ = ("_private_key", "verifier")

    def __init__(self, name: str, kind: int, private_key: PrivateKey):
        if kind not in _KINDS or not isinstance(private_key, _KINDS[kind][0]):
            raise BadInput(f"is no key for signatures of type 0x{kind:02x}", field="private_key")
        self._private_key = private_key
        self.verifier = NoteVerifier(name, kind, private_key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """A bare signature over a message."""
        return self._private_key.sign(message)


def parse_vkey(text: str) -> NoteVerifier:
    """A vkey to its value; BadInput if its parts do not fit each other."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise BadInput("must be <name>+<key id in hex>+<base64>", field="vkey")
    material = parse_base64(parts[2], "vkey")
    if not material:
        raise BadInput("holds no key", field="vkey")
    try:
        verifier = NoteVerifier(parts[0], material[0], material[1:])
    except ValueError:
        raise BadInput("holds bytes that are no public key", field="vkey") from None
    if verifier.key_id.hex() != parts[1]:
        raise BadInput(f"has the key id {parts[1]}; name and key make it {verifier.key_id.hex()}",
                       field="vkey")
    return verifier


def parse_base64(text: str, field: str) -> bytes:
    """Base64 with padding to bytes; BadInput unless it is the one text of these bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    # Bits behind the last byte and missing padding make a second text of the same bytes.
    if base64.b64encode(raw).decode() != text:
        raise BadInput("must be base64 with padding", field=field)
    return raw
