"""The digest of an airspace: the same at every node that applied the same leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


def digest_rows(applied: Mapping[str, int], rows: Iterable[tuple[str, int, bytes]],
                rivals: Iterable[tuple[str, int, int]]) -> str:
    """The digest of an index given as rows; see `Entities.digest`."""
    total = hashlib.sha256(b"luftrom-airspace/2\n")
    for party in sorted(applied):
        total.update(f"{party} {applied[party]}\n".encode())
    for party, index, row in rows:
        total.update(f"{party} {index} ".encode() + row + b"\n")
    for party, index, marks in rivals:
        total.update(f"{party} {index} {marks:x}\n".encode())
    return total.hexdigest()
