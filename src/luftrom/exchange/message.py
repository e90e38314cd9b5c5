"""The bytes of a message between nodes, and back; strict, and bounded before anything is read.

A message carries a signed checkpoint of the sender's log with its consistency proof, the leaves
the recipient lacks, their disclosures, and the sender's receipt for the recipient's log: the same
bytes that C2SP tlog-mirror moves in two requests each way.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.reading import parse_json

MAGIC = b"luftrom-exchange/1\n"
CONTENT_TYPE = "application/vnd.luftrom.exchange"
_WITHHELD = 0xFFFF


@dataclass(frozen=True, slots=True)
class Message:
    """What one node says to another.

    `first` is the index of the first leaf carried; the checkpoint covers exactly the leaves up to
    the last. `old` is the size that the consistency proof starts from. `have` is how many leaves of
    the recipient's log the sender has applied. `whole` says that these are all the sender's leaves;
    only then may a receipt ride along. Disclosures are None where they are withheld.
    """

    sender: str
    recipient: str
    first: int
    old: int
    have: int
    whole: bool
    checkpoint: bytes
    proof: tuple[bytes, ...] = ()
    receipt_size: int = 0
    receipt: bytes = b""
    leaves: tuple[bytes, ...] = ()
    disclosures: tuple[tuple[bytes, ...] | None, ...] = ()


def encode_message(message: Message) -> bytes:
    """A message to its bytes; lengths are big-endian."""
    header = {"from": message.sender, "to": message.recipient, "first": message.first,
              "old": message.old, "have": message.have, "whole": message.whole,
              "receipt_size": message.receipt_size, "count": len(message.leaves)}
    head = json.dumps(header, separators=(",", ":")).encode()
    parts = [MAGIC]
    for block in (head, message.checkpoint, message.receipt):
        parts += [struct.pack(">I", len(block)), block]
    parts += [bytes([len(message.proof)]), *message.proof]
    for leaf, disclosures in zip(message.leaves, message.disclosures, strict=True):
        parts += [struct.pack(">H", len(leaf)), leaf]
        if disclosures is None:
            parts.append(struct.pack(">H", _WITHHELD))
            continue
        parts.append(struct.pack(">H", len(disclosures)))
        for disclosure in disclosures:
            parts += [struct.pack(">I", len(disclosure)), disclosure]
    return b"".join(parts)


class _Reader:
    """A cursor over received bytes that names what was missing."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, size: int, what: str) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise BadInput(f"ends inside {what}, at byte {len(self.data)}")
        block, self.at = self.data[self.at:end], end
        return block

    def number(self, form: str, what: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form), what))[0]
        return value

    def block(self, most: int, what: str) -> bytes:
        size = self.number(">I", f"the length of {what}")
        if size > most:
            raise BadInput(f"{what} has {size} bytes; at most {most} are taken")
        return self.take(size, what)


def parse_message(data: bytes) -> Message:
    """Bytes to a message, strictly; BadInput says what was wrong and where."""
    reader = _Reader(data)
    if reader.take(len(MAGIC), "the first line") != MAGIC:
        raise BadInput(f"does not begin with {MAGIC.decode().strip()}: not an exchange message, "
                       "or one of another version")
    header = _parse_header(reader.block(4096, "the header"))
    checkpoint = reader.block(limits.NOTE_BYTES_MAX, "the checkpoint")
    receipt = reader.block(limits.NOTE_BYTES_MAX, "the receipt")
    hashes = reader.number(">B", "the number of proof hashes")
    if hashes > limits.PROOF_HASHES_MAX:
        raise BadInput(f"a proof has {hashes} hashes; at most {limits.PROOF_HASHES_MAX} are taken")
    proof = tuple(reader.take(32, "a proof hash") for _ in range(hashes))
    leaves, disclosures = [], []
    for i in range(header.pop("count")):
        leaves.append(reader.take(reader.number(">H", f"leaf {i}"), f"leaf {i}"))
        count = reader.number(">H", f"the disclosures of leaf {i}")
        disclosures.append(None if count == _WITHHELD else tuple(
            reader.block(limits.DISCLOSURE_BYTES_MAX, f"a disclosure of leaf {i}")
            for _ in range(count)))
    if reader.at != len(data):
        raise BadInput(f"{len(data) - reader.at} bytes follow the last leaf")
    if header["receipt_size"] and not header["whole"]:
        raise BadInput("a receipt rides along with all the sender's leaves only",
                       field="header.receipt_size")
    return Message(checkpoint=checkpoint, receipt=receipt, proof=proof, leaves=tuple(leaves),
                   disclosures=tuple(disclosures), **header)


def _parse_header(data: bytes) -> dict[str, Any]:
    header = parse_json(data, field="header")
    names = {"from", "to", "first", "old", "have", "whole", "receipt_size", "count"}
    if not isinstance(header, dict) or set(header) != names:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(names))}", field="header")
    for name in ("from", "to"):
        if not isinstance(header[name], str):
            raise BadInput("must be a party's name", field=f"header.{name}")
    for name in ("first", "old", "have", "receipt_size", "count"):
        value = header[name]
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise BadInput("must be a whole number of at least 0", field=f"header.{name}")
    if not isinstance(header["whole"], bool):
        raise BadInput("must be true or false", field="header.whole")
    if header["count"] > limits.EXCHANGE_LEAVES_MAX:
        raise BadInput(f"at most {limits.EXCHANGE_LEAVES_MAX} leaves are taken at once",
                       field="header.count")
    header["sender"], header["recipient"] = header.pop("from"), header.pop("to")
    return header
