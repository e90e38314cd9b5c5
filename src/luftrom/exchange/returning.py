"""What was disclosed to us of a party's log, given back to that party: pages of bounded size.

A page is a line, the index of the first leaf of the next page (0 if there is none), and for each
leaf that has any its index and its disclosures; lengths are big-endian. It is not signed: each
disclosure proves itself against the digests of its own leaf.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from luftrom import limits
from luftrom.errors import BadInput

MAGIC = b"luftrom-disclosures/1\n"
CONTENT_TYPE = "application/vnd.luftrom.disclosures"


def encode_page(opened: Mapping[int, Sequence[bytes]], end: int, size: int) -> bytes:
    """The page of what is open of the leaves up to `end`, of `size` in all.

    It is cut behind the leaf with which it becomes full; one leaf always fits.
    """
    parts: list[bytes] = []
    total = 0
    for index in sorted(opened):
        block = [struct.pack(">QH", index, len(opened[index]))]
        for disclosure in opened[index]:
            block += [struct.pack(">I", len(disclosure)), disclosure]
        total += sum(map(len, block))
        if parts and total > limits.RETURNED_BYTES_MAX:
            end = index
            break
        parts += block
    return b"".join((MAGIC, struct.pack(">Q", end if end < size else 0), *parts))


def parse_page(data: bytes) -> tuple[int, dict[int, tuple[bytes, ...]]]:
    """Where the next page begins, or 0, and the disclosures by leaf; BadInput if it is no page."""
    if not data.startswith(MAGIC):
        raise BadInput(f"does not begin with {MAGIC.decode().strip()}", field="page")
    at = len(MAGIC)
    opened: dict[int, tuple[bytes, ...]] = {}
    try:
        following, = struct.unpack_from(">Q", data, at)
        at += 8
        while at < len(data):
            index, count = struct.unpack_from(">QH", data, at)
            at += 10
            found = []
            for _ in range(count):
                size, = struct.unpack_from(">I", data, at)
                at += 4
                if size > limits.DISCLOSURE_BYTES_MAX or at + size > len(data):
                    raise BadInput(f"ends inside a disclosure of leaf {index}", field="page")
                found.append(data[at:at + size])
                at += size
            opened[index] = tuple(found)
    except struct.error:
        raise BadInput(f"ends inside a leaf, at byte {len(data)}", field="page") from None
    return following, opened
