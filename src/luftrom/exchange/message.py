"""The bytes of a message between nodes, and back; strict, and bounded before anything is read.

A message carries parts of logs: of the sender's own, and of others' as far as the sender speaks of
what the recipient lacks. A part is a signed checkpoint with its consistency proof, leaves, and the
disclosures that open leaves of this message or of earlier ones. Beside them stands the sender's
receipt for the recipient's log: the same bytes that C2SP tlog-mirror moves in two requests each
way. Who sends it, and where both logs stand, the signed head says that travels with it
(`logs.head`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.reading import parse_json
from luftrom.statements.claims import NAME

MAGIC = b"luftrom-exchange/2\n"
CONTENT_TYPE = "application/vnd.luftrom.exchange"
Opening = tuple[int, tuple[bytes, ...]]    # the leaf that it opens, and its disclosures


@dataclass(frozen=True, slots=True)
class Part:
    """Of one log: leaves, and what opens them.

    `first` is the index of the first leaf carried; the checkpoint covers exactly the leaves up to
    the last. `old` is the size that the consistency proof starts from. `openings` are sorted by
    leaf.
    """

    party: str
    first: int
    old: int
    checkpoint: bytes
    proof: tuple[bytes, ...] = ()
    leaves: tuple[bytes, ...] = ()
    openings: tuple[Opening, ...] = ()

    @property
    def end(self) -> int:
        """The size that the checkpoint covers."""
        return self.first + len(self.leaves)


@dataclass(frozen=True, slots=True)
class Message:
    """What one node says to another: its own part first, then those of others.

    `known` says of each third party how many of its leaves the sender has mirrored and opened.
    `receipt` are the cosignature lines for as much of the recipient's log as the head says to be
    mirrored; empty if they were given before.
    """

    parts: tuple[Part, ...]
    receipt: bytes = b""
    known: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def own(self) -> Part:
        """The part of the sender's own log."""
        return self.parts[0]


def encode_message(message: Message) -> bytes:
    """A message to its bytes; lengths are big-endian."""
    head = {"known": {name: list(counts) for name, counts in message.known.items()},
            "parts": len(message.parts)}
    blocks = [MAGIC]
    for block in (_dump(head), message.receipt):
        blocks += [struct.pack(">I", len(block)), block]
    for part in message.parts:
        _encode_part(part, blocks)
    return b"".join(blocks)


def _encode_part(part: Part, blocks: list[bytes]) -> None:
    head = {"party": part.party, "first": part.first, "old": part.old, "leaves": len(part.leaves),
            "openings": len(part.openings)}
    for block in (_dump(head), part.checkpoint):
        blocks += [struct.pack(">I", len(block)), block]
    blocks += [bytes([len(part.proof)]), *part.proof]
    for leaf in part.leaves:
        blocks += [struct.pack(">H", len(leaf)), leaf]
    for index, disclosures in part.openings:
        blocks.append(struct.pack(">QH", index, len(disclosures)))
        for disclosure in disclosures:
            blocks += [struct.pack(">I", len(disclosure)), disclosure]


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


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
                       "or one of another version; both nodes need one version of Luftrom")
    known, count = _parse_head(reader.block(4096, "the header"))
    receipt = reader.block(limits.NOTE_BYTES_MAX, "the receipt")
    left = limits.EXCHANGE_LEAVES_MAX
    parts = []
    for n in range(count):
        part = _parse_part(reader, f"part {n}", left)
        left -= len(part.leaves)
        parts.append(part)
    if reader.at != len(data):
        raise BadInput(f"{len(data) - reader.at} bytes follow the last part")
    if len({part.party for part in parts}) != len(parts):
        raise BadInput("must be of one log each", field="parts")
    return Message(tuple(parts), receipt, known)


def _parse_head(data: bytes) -> tuple[dict[str, tuple[int, int]], int]:
    header = _read_members(data, "header", ("known", "parts"))
    if not isinstance(header["known"], dict) or len(header["known"]) > limits.PARTIES_MAX:
        raise BadInput("must be an object, a member for each third party", field="header.known")
    known = {}
    for name, counts in header["known"].items():
        if not isinstance(counts, list) or len(counts) != 2:
            raise BadInput("must be how much is mirrored and opened", field="header.known")
        known[_name(name, "header.known")] = (_count(counts[0], "header.known"),
                                              _count(counts[1], "header.known"))
    return known, _count(header["parts"], "header.parts", 1, limits.PARTIES_MAX)


def _parse_part(reader: _Reader, where: str, leaves_max: int) -> Part:
    header = _read_members(reader.block(4096, f"the header of {where}"), where,
                           ("party", "first", "old", "leaves", "openings"))
    party = _name(header["party"], f"{where}.party")
    first, old = (_count(header[name], f"{where}.{name}") for name in ("first", "old"))
    leaves_count = _count(header["leaves"], f"{where}.leaves", 0, leaves_max)
    openings_count = _count(header["openings"], f"{where}.openings", 0, limits.EXCHANGE_LEAVES_MAX)
    checkpoint = reader.block(limits.NOTE_BYTES_MAX, "the checkpoint")
    hashes = reader.number(">B", "the number of proof hashes")
    if hashes > limits.PROOF_HASHES_MAX:
        raise BadInput(f"a proof has {hashes} hashes; at most {limits.PROOF_HASHES_MAX} are taken")
    proof = tuple(reader.take(32, "a proof hash") for _ in range(hashes))
    leaves = tuple(reader.take(reader.number(">H", f"leaf {i}"), f"leaf {i}")
                   for i in range(leaves_count))
    openings: list[Opening] = []
    for i in range(openings_count):
        index = reader.number(">Q", f"opening {i}")
        count = reader.number(">H", f"opening {i}")
        if not 0 < count <= limits.DISCLOSURES_MAX:
            raise BadInput(f"must hold 1 to {limits.DISCLOSURES_MAX} disclosures",
                           field=f"{where}.openings[{i}]")
        if openings and index <= openings[-1][0]:
            raise BadInput("must be sorted by leaf, each once", field=f"{where}.openings[{i}]")
        openings.append((index, tuple(reader.block(limits.DISCLOSURE_BYTES_MAX,
                                                   f"a disclosure of leaf {index}")
                                      for _ in range(count))))
    return Part(party, first, old, checkpoint, proof, leaves, tuple(openings))


def _read_members(data: bytes, field: str, names: tuple[str, ...]) -> dict[str, Any]:
    header = parse_json(data, field=field)
    if not isinstance(header, dict) or set(header) != set(names):
        raise BadInput(f"must be an object with exactly {', '.join(names)}", field=field)
    return header


def _count(value: Any, field: str, least: int = 0, most: int = 2**53 - 1) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadInput(f"must be a whole number from {least} to {most}", field=field)
    return value


def _name(value: Any, field: str) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise BadInput("must be a party's name", field=field)
    return value
