"""store.sqlite: rows come back as they were committed, and stores of other formats are refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from luftrom.errors import BadInput, Unavailable
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


def _replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("backup"))
    path.with_name("backup").rename(path)


GONE: dict[str, Callable[[Path], object]] = {
    "the directory is removed": lambda path: shutil.rmtree(path.parent),
    "the directory is moved": lambda path: path.parent.rename(path.parent.with_name("moved")),
    "the database is removed": lambda path: path.unlink(),
    "a backup is put in its place": _replaced,
    "the write-ahead log is removed": lambda path: path.with_name(f"{path.name}-wal").unlink(),
}


@pytest.mark.parametrize("name", GONE)
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_written_to_a_file_that_is_gone(tmp_path: Path, name: str, is_new: bool) -> None:
    """SQLite would go on with it, and all of it end with the process."""
    path = tmp_path / "alfa" / "x.sqlite3"
    path.parent.mkdir()
    if not is_new:
        SqliteStore(path).close()
    with closing(SqliteStore(path)) as store:
        store.commit(Writes(counters=[("a", 1)]))
        GONE[name](path)
        with pytest.raises(Unavailable, match=r"removed, moved or replaced.*restore --from-peers"):
            store.commit(Writes(counters=[("a", 2)]))
        assert store.counter("a") == 1
        if name == "the directory is moved":
            path.parent.with_name("moved").rename(path.parent)
            store.commit(Writes(counters=[("a", 2)]))
            assert store.counter("a") == 2


def test_a_disk_that_nobody_can_write_to_is_read_as_it_is(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor's copy on such a disk: SQLite can make none of its files beside it."""
    path = tmp_path / "x.sqlite3"
    with closing(SqliteStore(path)) as store:
        store.commit(Writes(counters=[("a", 1)]))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    with closing(SqliteStore(path, read_only=True)) as store:
        assert store.counter("a") == 1
        assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_opened_says_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite3").mkdir()
    with pytest.raises(Unavailable, match="must be a file"):
        SqliteStore(tmp_path / "x.sqlite3")


def test_an_index_that_cannot_be_thrown_away(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "x.sqlite3")) as store:
        store._db.execute("PRAGMA query_only=1")
        with pytest.raises(Unavailable, match=r"cannot write to .*x\.sqlite3"):
            store.clear_airspace()
