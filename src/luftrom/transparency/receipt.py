"""Receipts: a mirror's cosignature, "I hold every leaf under this checkpoint, durably, since then".

C2SP tlog-mirror says what the cosignature states, tlog-cosignature how it is made. A receipt
travels as signature lines alone; `attach_receipt` puts them under the checkpoint that they cover.
"""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.errors import BadInput, Unverified
from luftrom.transparency.checkpoint import (
    MIRROR_TYPES,
    Checkpoint,
    check_role,
    parse_checkpoint,
    sign_lines,
    verify_lines,
)
from luftrom.transparency.note import (
    NoteSigner,
    NoteVerifier,
    encode_signatures,
    parse_note,
    parse_signatures,
)


def sign_receipt(body: Checkpoint, signers: Sequence[NoteSigner], time_s: int) -> bytes:
    """The signature lines by which a mirror vouches that it holds all leaves under `body`."""
    return encode_signatures(sign_lines(body, signers, time_s)).encode()


def attach_receipt(note: bytes, lines: bytes) -> bytes:
    """A signed checkpoint, or the bare text of one, with the lines of a receipt below it."""
    return note + lines if b"\n\n" in note else note + b"\n" + lines


def verify_receipt(body: Checkpoint, lines: bytes, verifiers: Sequence[NoteVerifier]) -> int:
    """Check that every given key cosigned `body`; returns since when, in seconds since 1970.

    Raises BadInput, or Unverified with the code wrong_role, missing_signature or wrong_signature.
    """
    try:
        signatures = parse_signatures(lines.decode())
    except UnicodeDecodeError:
        raise BadInput("a receipt must be UTF-8 text") from None
    _check_roles(body, verifiers)
    return _time_s(verify_lines(body, signatures, verifiers))


def verify_kept_receipt(note: bytes, verifiers: Sequence[NoteVerifier], origin: str
                        ) -> tuple[Checkpoint, int]:
    """Check a receipt kept with its checkpoint as one note; returns what it covers and since when.

    Raises as `verify_receipt`, or Unverified with the code wrong_origin. The log's own signatures
    are not looked at: a receipt may be for a size at which the log showed no checkpoint.
    """
    parsed = parse_note(note)
    body = parse_checkpoint(parsed.text)
    if body.origin != origin:
        raise Unverified(f"the receipt is for {body.origin[:200]!r}, not for {origin}",
                         code="wrong_origin")
    _check_roles(body, verifiers)
    return body, _time_s(verify_lines(body, parsed.signatures, verifiers))


def _check_roles(body: Checkpoint, verifiers: Sequence[NoteVerifier]) -> None:
    for verifier in verifiers:
        check_role(verifier, MIRROR_TYPES, verifier.name != body.origin, "mirror")


def _time_s(time_s: int | None) -> int:
    if time_s is None:
        raise Unverified("the receipt bears no time", code="missing_signature")
    return time_s
