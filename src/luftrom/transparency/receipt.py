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
    add_lines,
    parse_note,
    parse_signatures,
)


def sign_receipt(body: Checkpoint, signers: Sequence[NoteSigner], time_s: int) -> bytes:
    """The signature lines by which a mirror vouches that it holds all leaves under `body`."""
    return sign_lines(body, signers, time_s)


def attach_receipt(note: bytes, lines: bytes) -> bytes:
    """A signed checkpoint, or the bare text of one, with the lines of a receipt below it.

    Raises as `add_lines`.
    """
    return add_lines(note, lines) if b"\n\n" in note else note + b"\n" + lines


def verify_receipt(body: Checkpoint, lines: bytes, verifiers: Sequence[NoteVerifier], *,
                   every_key: bool = False) -> int:
    """Check that the given keys cosigned `body`; returns since when, in seconds since 1970.

    The Ed25519 keys must have signed, with `every_key` all of them; every line of any of them must
    be true, and no other line stands there: a receipt is kept as it came. Where their times differ
    the latest is returned. Raises BadInput, or Unverified with the code wrong_role,
    missing_signature or wrong_signature.
    """
    try:
        signatures = parse_signatures(lines.decode())
    except UnicodeDecodeError:
        raise BadInput("a receipt must be UTF-8 text") from None
    _check_roles(body, verifiers)
    time_s = _time_s(verify_lines(body, signatures, verifiers, every_key=every_key))
    agreed = {verifier.key for verifier in verifiers}
    for line in signatures:
        if line.key not in agreed:
            raise Unverified(f"the receipt bears a line of {line.name} by the unknown key "
                             f"{line.key_id.hex()}", code="wrong_role")
    return time_s


def verify_kept_receipt(note: bytes, verifiers: Sequence[NoteVerifier], origin: str, *,
                        every_key: bool = False) -> tuple[Checkpoint, int]:
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
    return body, _time_s(verify_lines(body, parsed.signatures, verifiers, every_key=every_key))


def _check_roles(body: Checkpoint, verifiers: Sequence[NoteVerifier]) -> None:
    for verifier in verifiers:
        check_role(verifier, MIRROR_TYPES, verifier.name != body.origin, "mirror")


def _time_s(time_s: int | None) -> int:
    if time_s is None:
        raise Unverified("the receipt bears no time", code="missing_signature")
    return time_s
