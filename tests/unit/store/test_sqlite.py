"""store.sqlite: rows come back as they were committed, and stores of other formats are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from luftrom.errors import BadInput
from luftrom.store.protocol import FORMAT_VERSION, HeadRow, ReceiptRow, Writes
from luftrom.store.sqlite import SqliteStore


def test_heads_and_receipts_come_back(tmp_path: Path) -> None:
    path, mirror = tmp_path / "x.sqlite3", "bravo.example/mirror"
    receipts = [ReceiptRow(mirror, size, 2 * size, b"note", f"head.{size}.x") for size in (3, 5)]
    with closing(SqliteStore(path)) as store:
        assert store.head("bravo.example") is None
        store.commit(Writes(receipts=receipts[:1], heads=[
            HeadRow("bravo.example", 6, 10, "a.b.c")]))
        store.commit(Writes(receipts=receipts[1:], heads=[
            HeadRow("bravo.example", 10, 11, "d.e.f"), HeadRow("charlie.example", 1, 9, "g.h.i")]))
    with closing(SqliteStore(path, read_only=True)) as store:
        assert store.head("bravo.example") == HeadRow("bravo.example", 10, 11, "d.e.f")
        assert store.head("charlie.example") == HeadRow("charlie.example", 1, 9, "g.h.i")
        assert list(store.receipts()) == receipts
        assert list(store.receipts(mirror, from_size=4)) == receipts[1:]
        assert list(store.receipts("charlie.example/mirror")) == []


@pytest.mark.parametrize("version", [1, FORMAT_VERSION + 1])
def test_a_store_of_another_format_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "x.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE leaf (party TEXT)")
        database.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(BadInput) as refused:
            SqliteStore(path, read_only=read_only)
        assert refused.value.message == (
            f"{path} has format {version}; this version reads {FORMAT_VERSION}: use the version of "
            "Luftrom that wrote it, or begin a new directory")
    assert path.read_bytes() == before


def test_the_format_is_the_second() -> None:
    assert FORMAT_VERSION == 2
