"""Checkpoints: the signed head of a log's tree, and what is signed when somebody vouches for one.

The note text follows C2SP tlog-checkpoint, the timestamped messages C2SP tlog-cosignature (types
0x04 and 0x06). A log signs with types 0x01 and 0x06 under its origin, a mirror with 0x04 and 0x06
under its own name; which keys are agreed is what the caller passes in.

Ed25519 signs at once and alone makes a note good; ML-DSA-44 follows on the newest one, and a line
of it that is there must be true. Whoever makes evidence asks for `every_key`.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from luftrom.errors import BadInput, Unverified
from luftrom.transparency.note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    encode_signatures,
    parse_note,
)

LOG_TYPES = (ED25519, ML_DSA_44)
MIRROR_TYPES = (COSIGNATURE, ML_DSA_44)
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIZE_MAX = 2**63 - 1
_TIME_S_MAX = 2**63 - 1                    # tlog-cosignature, Format
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: whose it is, how many leaves it has, and the root hash over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 < len(self.origin.encode()) <= 255 or "\n" in self.origin:
            raise BadInput("must be one line of 1 to 255 bytes", field="origin")
        if not 0 <= self.size <= _SIZE_MAX:
            raise BadInput(f"must be 0 to {_SIZE_MAX}", field="size")
        if len(self.root) != 32:
            raise BadInput("must be 32 bytes", field="root")

    @property
    def text(self) -> str:
        """The note text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def encode(self) -> bytes:
        """The note text as bytes, without signatures."""
        return self.text.encode()


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint that the agreed keys of its log signed.

    `time_s` is when, in seconds since 1970, as the signer's timestamped signatures say; None if
    none of them says, as where Ed25519 signed a log's checkpoint alone.
    """

    checkpoint: Checkpoint
    time_s: int | None


def parse_checkpoint(text: str) -> Checkpoint:
    """A note text to its value, strictly; BadInput otherwise.

    Extension lines are refused: ML-DSA-44 signatures do not cover them (tlog-checkpoint).
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadInput("a checkpoint is three lines: origin, size and root hash")
    if not _SIZE.fullmatch(lines[1]):
        raise BadInput("must be a decimal without leading zeroes", field="size")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error):
        root = b""
    checkpoint = Checkpoint(lines[0], int(lines[1]), root)
    if checkpoint.text != text:
        raise BadInput("must be 32 bytes in base64 with padding", field="root")
    return checkpoint


def sign_checkpoint(body: Checkpoint, signers: Sequence[NoteSigner], time_s: int) -> bytes:
    """The checkpoint as a note with a signature by each signer, and by no other key."""
    return body.encode() + b"\n" + sign_lines(body, signers, time_s)


def verify_checkpoint(note: bytes, verifiers: Sequence[NoteVerifier], origin: str, *,
                      every_key: bool = False) -> VerifiedCheckpoint:
    """Check a log's checkpoint; lines of unknown keys are ignored.

    Of the given keys the Ed25519 ones must have signed, with `every_key` all of them; every line of
    any of them must be true. Raises BadInput, or Unverified with the code wrong_role (a key that is
    no log key, or another key under the log's name), wrong_origin, missing_signature or
    wrong_signature.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != origin:
        raise Unverified(f"the checkpoint is of {checkpoint.origin[:200]!r}, not of {origin}",
                         code="wrong_origin")
    for verifier in verifiers:
        check_role(verifier, LOG_TYPES, verifier.name == origin, "log")
    return VerifiedCheckpoint(
        checkpoint, verify_lines(checkpoint, parsed.signatures, verifiers, every_key=every_key))


# -- signature lines -----------------------------------------------------------------------------

def sign_lines(body: Checkpoint, signers: Sequence[NoteSigner], time_s: int) -> bytes:
    """A signature line over the checkpoint by each signer; `time_s` is in the timestamped ones.

    `add_lines` of `note` puts them below a note of the checkpoint that others signed before.
    """
    if not signers:
        raise BadInput("nobody signs", field="signers")
    if not 0 < time_s <= _TIME_S_MAX:
        raise BadInput("must be seconds since 1970", field="time_s")
    signatures = []
    for signer in signers:
        key = signer.verifier
        stamp = struct.pack(">Q", time_s) if key.is_timestamped else b""
        signature = signer.sign(signed_message(body, key, time_s))
        signatures.append(NoteSignature(key.name, key.key_id, stamp + signature))
    return encode_signatures(tuple(signatures)).encode()


def verify_lines(body: Checkpoint, signatures: Sequence[NoteSignature],
                 verifiers: Sequence[NoteVerifier], *, every_key: bool) -> int | None:
    """Check that the keys signed the checkpoint; returns the latest time that they give.

    The Ed25519 keys must have signed, or all of them: with `every_key`, and where none is Ed25519.

    Raises Unverified: missing_signature, wrong_signature, or wrong_role if somebody signed under
    the name of a key that did not.
    """
    if not verifiers:
        raise Unverified("no key says who must have signed", code="missing_signature")
    may_lack = not every_key and any(verifier.type != ML_DSA_44 for verifier in verifiers)
    times = []
    for verifier in verifiers:
        lines = [line for line in signatures if line.key == verifier.key]
        if not lines and not (may_lack and verifier.type == ML_DSA_44):
            raise _missing(verifier, signatures, verifiers)
        # signed-note: every line of a known key is verified, were there two of them.
        times += [verify_line(body, line, verifier) for line in lines]
    return max((time for time in times if time), default=None)


def verify_line(body: Checkpoint, line: NoteSignature, verifier: NoteVerifier) -> int | None:
    """Check one signature of the checkpoint; returns its time if its type has one."""
    if not verifier.is_timestamped:
        verifier.verify(signed_message(body, verifier, 0), line.signature)
        return None
    time_s = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    # Zero states no time, which ML-DSA-44 cosignatures may (tlog-cosignature); receipts may not.
    least = 0 if verifier.type == ML_DSA_44 else 1
    if len(line.signature) <= _TIME_BYTES or not least <= time_s <= _TIME_S_MAX:
        raise Unverified(f"the cosignature of {verifier.name} has no time in it",
                         code="wrong_signature")
    verifier.verify(signed_message(body, verifier, time_s), line.signature[_TIME_BYTES:])
    return time_s


def signed_message(body: Checkpoint, key: NoteVerifier, time_s: int) -> bytes:
    """The bytes that a key of its type signs to vouch for a checkpoint.

    0x01: signed-note, Ed25519 signatures. 0x04 and 0x06: tlog-cosignature, Ed25519 and ML-DSA-44
    signed message; the latter is a `cosigned_message` that begins at leaf 0.
    """
    if key.type == ED25519:
        return body.encode()
    if key.type == COSIGNATURE:
        return f"cosignature/v1\ntime {time_s}\n{body.text}".encode()
    name, origin = key.name.encode(), body.origin.encode()
    if len(name) > 255:
        raise BadInput("has more than 255 bytes", field="name")
    return b"".join((b"subtree/v1\n\0", bytes([len(name)]), name, struct.pack(">Q", time_s),
                     bytes([len(origin)]), origin, struct.pack(">QQ", 0, body.size), body.root))


def check_role(verifier: NoteVerifier, types: tuple[int, ...], is_named_so: bool, role: str
               ) -> None:
    """Unverified (wrong_role) if a key is not of the types and the name of its role."""
    if verifier.type not in types or not is_named_so:
        raise Unverified(f"the key {verifier.name} of type 0x{verifier.type:02x} is no {role} key",
                         code="wrong_role")


def _missing(verifier: NoteVerifier, signatures: Sequence[NoteSignature],
             verifiers: Sequence[NoteVerifier]) -> Unverified:
    """Nobody signed with this key; say so if another key speaks under its name."""
    agreed = {key.key for key in verifiers}
    others = [line.key_id.hex() for line in signatures
              if line.name == verifier.name and line.key not in agreed]
    what = f"{verifier.name} (key {verifier.key_id.hex()}) has not signed"
    if others:
        return Unverified(f"{what}; under its name stands the key {others[0]}", code="wrong_role")
    return Unverified(what, code="missing_signature")
