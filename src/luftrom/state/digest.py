"""The digest of an airspace: the same at every node that applied the same leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


def digest_rows(applied: Mapping[str, int], rows: Iterable[tuple[str, int, bytes]],
                pairs: Iterable[bytes]) -> str:
    """The digest of an index given as rows; see `Entities.digest`."""
    total = hashlib.sha256(b"luftrom-airspace/1\n")
    for party in sorted(applied):
        total.update(f"{party} {applied[party]}\n".encode())
    for party, index, row in rows:
        total.update(f"{party} {index} ".encode() + row + b"\n")
    for pair in pairs:
        total.update(pair + b"\n")
    return total.hexdigest()
