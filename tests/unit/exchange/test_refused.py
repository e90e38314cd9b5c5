"""exchange.refused: how much is kept of what a peer signed and was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luftrom.errors import Equivocation
from luftrom.exchange.refused import Refused
from luftrom.limits import REFUSED_KEPT_MAX
from luftrom.logs.head import Head, sign_head, verify_head
from luftrom.store.protocol import Writes
from luftrom.store.sqlite import SqliteStore
from memory_store import MemoryStore
from parties import ed25519, make_agreement, make_keys, make_party

ALFA, BRAVO = "alfa.example", "bravo.example"
KEYS = {name: make_keys(name, post_quantum=False) for name in (ALFA, BRAVO)}
AGREEMENT = make_agreement(tuple(make_party(name, keys) for name, keys in KEYS.items()))


def head(size: int, root: bytes = bytes(32)) -> Head:
    draft = Head(BRAVO, ALFA, AGREEMENT.digest, 1, "", size, root, 0, 0, 1)
    key = KEYS[BRAVO].channel
    return verify_head(sign_head(draft, b"", key), BRAVO, ALFA,
                       key.public_key().public_bytes_raw())


def contradicts(refused: Refused, size: int) -> bool:
    try:
        refused.compare_head(head(size, b"x" * 32))
    except Equivocation:
        return True
    return False


def fresh() -> Refused:
    return Refused(AGREEMENT.party(BRAVO), ALFA)


@pytest.mark.parametrize("make", [lambda path: MemoryStore(), SqliteStore])
def test_so_many_are_kept(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    """At the bound all of them, one above it the oldest is gone; in the store likewise."""
    store = make(tmp_path / "store.sqlite3")
    refused = fresh()
    for size in range(1, REFUSED_KEPT_MAX + 1):
        refused.remember_head(head(size))
    refused.remember_head(head(1, b"x" * 32))              # the first one stays
    assert contradicts(refused, 1) and len(refused.unsaved) == REFUSED_KEPT_MAX
    refused.remember_head(head(REFUSED_KEPT_MAX + 1))
    assert not contradicts(refused, 1) and contradicts(refused, 2)
    store.commit(Writes(refused=list(refused.unsaved)))
    assert len(store.refused()) == REFUSED_KEPT_MAX
    again = fresh()
    again.load(store.refused(), AGREEMENT)
    assert not contradicts(again, 1) and contradicts(again, 2)
    assert contradicts(again, REFUSED_KEPT_MAX + 1)
    again.remember_head(head(REFUSED_KEPT_MAX + 2))        # it goes on counting where it was
    assert [row.number for row in again.unsaved] == [REFUSED_KEPT_MAX + 1]
    store.commit(Writes(forgotten=[BRAVO]))
    assert store.refused() == []
    store.close()


def test_heads_under_a_key_that_is_no_more_are_left() -> None:
    """Else the party would be refused for ever, or the node would not start."""
    refused = fresh()
    refused.remember_head(head(1))
    keys = replace(KEYS[BRAVO], channel=ed25519(BRAVO, "another"))
    again = Refused(make_party(BRAVO, keys), ALFA)
    again.load(refused.unsaved, AGREEMENT)
    again.compare_head(head(1, b"x" * 32))
    again.remember_head(head(2))


def test_only_a_party_s_own_rows_count() -> None:
    refused = fresh()
    refused.remember_head(head(1))
    row, = refused.unsaved
    other = fresh()
    other.load([replace(row, party=ALFA), replace(row, kind="other", place=2)], AGREEMENT)
    assert not contradicts(other, 1) and not contradicts(other, 2)
