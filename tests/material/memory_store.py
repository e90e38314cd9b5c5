"""A `Store` in memory for simulations: what was committed survives a crash, what was not is gone.

`fault` makes the next commit fail: "fails" leaves nothing behind, "persists" leaves all of it,
which is what a database whose sync failed may do.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from luftrom.errors import Unavailable
from luftrom.limits import REFUSED_KEPT_MAX
from luftrom.store.protocol import HeadRow, ReceiptRow, RefusedRow, Writes


class MemoryStore:
    def __init__(self) -> None:
        self.fault: str | None = None
        self.commits = 0
        self._leaves: dict[str, list[bytes]] = {}
        self._disclosures: dict[str, dict[int, list[bytes]]] = {}
        self._checkpoints: dict[str, tuple[int, bytes]] = {}
        self._applied: dict[str, int] = {}
        self._receipts: list[ReceiptRow] = []
        self._given: dict[str, tuple[int, bytes]] = {}
        self._heads: dict[str, HeadRow] = {}
        self._proofs: list[tuple[str, str, bytes]] = []
        self._refused: dict[tuple[str, str, int], RefusedRow] = {}
        self._counters: dict[str, int] = {}
        self._answers: dict[str, tuple[bytes, bytes]] = {}
        self._airspace: dict[tuple[str, int], bytes] = {}

    def commit(self, writes: Writes) -> None:
        fault, self.fault = self.fault, None
        if fault != "fails":
            self._write(writes)
        if fault:
            raise Unavailable(f"the store {fault}")
        self.commits += 1

    def _write(self, writes: Writes) -> None:
        for party, index in writes.dropped:
            del self._leaves.get(party, [])[index:]
        for party, index, leaf in writes.leaves:
            held = self._leaves.setdefault(party, [])
            if index != len(held):
                raise Unavailable(f"leaf {index} of {party} is not the next one")
            held.append(leaf)
        for party, index, n, body in writes.disclosures:
            held = self._disclosures.setdefault(party, {}).setdefault(index, [])
            if n == len(held):
                held.append(body)
        self._checkpoints |= {party: (size, note) for party, size, note in writes.checkpoints}
        self._applied |= dict(writes.applied)
        for row in writes.receipts:
            self._receipts = [held for held in self._receipts
                              if (held.cosigner, held.size) != (row.cosigner, row.size)]
            bisect.insort(self._receipts, row, key=lambda r: (r.size, r.cosigner))
        self._heads |= {head.party: head for head in writes.heads}
        self._given |= {party: (size, note) for party, size, note in writes.given}
        self._proofs += writes.proofs
        self._refused = {key: row for key, row in self._refused.items()
                         if row.party not in writes.forgotten}
        self._refused |= {(row.party, row.kind, row.number % REFUSED_KEPT_MAX): row
                          for row in writes.refused}
        self._counters |= dict(writes.counters)
        self._answers |= {key: (digest, body) for key, digest, body in writes.answers}
        for party, end in writes.uncounted:
            self._airspace = {key: row for key, row in self._airspace.items()
                              if key[0] != party or key[1] < end}
        self._airspace |= {(party, index): row for party, index, row in writes.airspace}

    def parties(self) -> list[str]:
        return sorted(self._leaves)

    def size(self, party: str) -> int:
        return len(self._leaves.get(party, ()))

    def leaves(self, party: str, start: int, end: int) -> list[bytes]:
        return self._leaves.get(party, [])[start:end]

    def disclosures(self, party: str, start: int, end: int) -> dict[int, list[bytes]]:
        held = self._disclosures.get(party, {})
        return {i: list(held[i]) for i in range(start, end) if i in held}

    def disclosure_count(self) -> tuple[int, int]:
        held = sum(len(each) for log in self._disclosures.values() for each in log.values())
        return held, held

    def checkpoint(self, party: str) -> tuple[int, bytes] | None:
        return self._checkpoints.get(party)

    def applied(self, party: str) -> int:
        return self._applied.get(party, 0)

    def receipts(self, cosigner: str | None = None, from_size: int = 0) -> Iterator[ReceiptRow]:
        return iter([row for row in self._receipts
                     if row.size >= from_size and cosigner in (None, row.cosigner)])

    def given(self, party: str) -> tuple[int, bytes] | None:
        return self._given.get(party)

    def head(self, party: str) -> HeadRow | None:
        return self._heads.get(party)

    def proofs(self) -> list[tuple[str, str, bytes]]:
        return list(self._proofs)

    def refused(self) -> list[RefusedRow]:
        return sorted(self._refused.values(), key=lambda row: (row.party, row.kind, row.number))

    def counter(self, name: str) -> int:
        return self._counters.get(name, 0)

    def answer(self, key: str) -> tuple[bytes, bytes] | None:
        return self._answers.get(key)

    def airspace(self) -> Iterator[tuple[str, int, bytes]]:
        return iter([(*key, self._airspace[key]) for key in sorted(self._airspace)])

    def clear_airspace(self) -> None:
        self._airspace.clear()

    def close(self) -> None:
        pass
