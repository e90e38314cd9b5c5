"""Is a directory the one that the node last ran from? Each way to copy one shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from luftrom.clock import SystemClock
from luftrom.config.backup import back_up
from luftrom.config.founding import init_directory
from luftrom.config.instance import Instance, give_reason
from luftrom.config.settings import Settings, load_settings
from luftrom.config.storing import open_store
from luftrom.store.protocol import Writes

NAME = "alfa.example"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A party's directory whose node has run and said two things."""
    settings = init_directory(tmp_path / "alfa", NAME, "http://127.0.0.1:8600", SystemClock())
    assert doubts(settings) == ()
    grow(settings, 2)
    return settings.directory


def grow(settings: Settings, count: int) -> None:
    with closing(open_store(settings)) as store, closing(Instance(settings)) as instance:
        instance.settle(store)
        size = store.size(NAME)
        store.commit(Writes(leaves=[(NAME, size + i, b"leaf") for i in range(count)]))
        instance.note(size + count)


def doubts(settings: Settings) -> tuple[str, ...]:
    with closing(open_store(settings)) as store:
        return Instance(settings).doubts(store)


def test_the_same_directory(directory: Path) -> None:
    settings = load_settings(directory)
    assert doubts(settings) == doubts(settings) == ()
    assert not (directory / "luftrom.new").exists()
    assert len(list(directory.glob("luftrom.instance-*"))) == 1
    assert Instance(settings).marked() == 2


def test_a_directory_under_another_name_is_the_same(directory: Path) -> None:
    assert doubts(load_settings(directory.rename(directory.parent / "moved"))) == ()


def _older_database(directory: Path) -> None:
    old = (directory / "luftrom.sqlite3").read_bytes()
    grow(load_settings(directory), 1)
    (directory / "luftrom.sqlite3").write_bytes(old)


def _in_place(directory: Path) -> None:
    for path in directory.glob("luftrom.*"):
        path.write_bytes(path.read_bytes())


def _mark_ahead(directory: Path) -> None:
    with closing(Instance(load_settings(directory))) as instance:
        instance.note(3)


WAYS: dict[str, tuple[Callable[[Path], object], str]] = {
    "written over in place": (_in_place, "written again"),
    "an older database": (_older_database, "is gone"),
    "a mark beyond the database": (_mark_ahead, "had 3 statements"),
    "no mark": (lambda d: (d / "luftrom.mark").unlink(), "luftrom.mark is gone"),
    "a mark of garbage": (lambda d: (d / "luftrom.mark").write_text("2"), "luftrom.mark is gone"),
    "no database": (lambda d: (d / "luftrom.sqlite3").unlink(), "had 2 statements"),
    "only the keys": (lambda d: [p.unlink() for p in d.glob("luftrom.*")], "no luftrom.new"),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_way_that_shows(directory: Path, name: str) -> None:
    change, said = WAYS[name]
    change(directory)
    assert said in " ".join(doubts(load_settings(directory)))


def test_a_copy_shows_until_it_is_settled(directory: Path) -> None:
    copy = Path(shutil.copytree(directory, directory.parent / "copy"))
    assert "written again" in doubts(load_settings(copy))[0]
    grow(load_settings(copy), 0)
    assert doubts(load_settings(copy)) == ()
    assert doubts(load_settings(directory)) == ()


def test_a_backup_says_that_it_is_one(directory: Path) -> None:
    settings = load_settings(directory)
    back_up(settings, directory.parent / "copy", SystemClock())
    copy = load_settings(directory.parent / "copy")
    assert "is a copy of" in doubts(copy)[0] and str(directory) in doubts(copy)[0]
    assert copy.directory.stat().st_mode & 0o777 == 0o700
    grow(copy, 0)
    assert doubts(copy) == ()


def test_a_new_directory_that_was_copied_much_later(tmp_path: Path) -> None:
    class Early(SystemClock):
        def now_ns(self) -> int:
            return super().now_ns() - 61 * 10**9

    settings = init_directory(tmp_path / "alfa", NAME, "http://127.0.0.1:8600", Early())
    assert "after the directory was founded" in doubts(settings)[0]


def test_a_reason_lasts_until_it_is_recorded(directory: Path) -> None:
    settings = load_settings(directory)
    assert Instance(settings).reason() == ""
    give_reason(directory, "moved", 0)
    assert Instance(settings).reason() == "moved"
    grow(settings, 0)
    assert Instance(settings).reason() == ""
