"""What was signed for a party's log, also before it went on with a new one (`agreement.NewLog`).

The new log takes over leaves that were signed for under the origin of the log before. Up to where
it starts a signature under either origin counts; and the start itself needs none of the log's own,
since every party has signed it with the agreement.
"""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.agreement.party import NewLog, Party
from luftrom.errors import LuftromError, Unverified
from luftrom.transparency.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from luftrom.transparency.note import NoteVerifier, parse_note, parse_vkey
from luftrom.transparency.receipt import verify_kept_receipt, verify_receipt


def verify_log_checkpoint(note: bytes, keys: Sequence[NoteVerifier], origin: str,
                          new_log: NewLog | None) -> Checkpoint:
    """A checkpoint of a log, signed by its Ed25519 key; ML-DSA-44 may follow. Raises as
    `verify_checkpoint`; one of exactly where the new log starts may be of the log before.
    """
    if new_log is not None:
        body = parse_checkpoint(parse_note(note).text)
        if (body.size, body.root) == (new_log.size, new_log.root):
            return body
    return verify_checkpoint(note, keys, origin).checkpoint


def verify_party_checkpoint(note: bytes, party: Party) -> Checkpoint:
    """`verify_log_checkpoint` of a party's log as the agreement has it."""
    keys = [parse_vkey(vkey) for vkey in party.keys.log]
    return verify_log_checkpoint(note, keys, party.log_origin, party.new_log)


def verify_receipt_note(note: bytes, keys: Sequence[NoteVerifier], party: Party) -> Checkpoint:
    """What a kept receipt for a party's log covers. Raises as `verify_kept_receipt`."""
    body = parse_checkpoint(parse_note(note).text)
    is_earlier = body.origin in party.log_origins(body.size)
    return verify_kept_receipt(note, keys, body.origin if is_earlier else party.log_origin)[0]


def verify_receipt_lines(size: int, root: bytes, lines: bytes, keys: Sequence[NoteVerifier],
                         party: Party) -> None:
    """Check that a party's first `size` leaves were cosigned. Raises as `verify_receipt`."""
    failure: LuftromError = Unverified("there is no such log")
    for origin in party.log_origins(size):
        try:
            verify_receipt(Checkpoint(origin, size, root), lines, keys)
            return
        except LuftromError as error:
            failure = error
    raise failure
