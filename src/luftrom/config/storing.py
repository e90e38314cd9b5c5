"""The store of a party's directory: the one place where a store is chosen and opened."""

from __future__ import annotations

from pathlib import Path

from luftrom.config.settings import Settings
from luftrom.errors import Conflict, NotFound
from luftrom.files import sync_directory
from luftrom.store.protocol import Store
from luftrom.store.sqlite import SqliteStore, copy_sqlite


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """The store of a directory; the caller closes it. Opening makes it where there is none.

    `read_only` neither makes nor writes, and all that is read is of one moment; NotFound where the
    node has never run. Raises BadInput if another version wrote it, Unavailable if it cannot be
    opened.
    """
    if read_only:
        check_has_run(settings)
    return SqliteStore(settings.store_path, read_only=read_only)


def new_store(path: Path) -> Store:
    """A store at that path, which must not exist yet: to be put in the place of another."""
    if path.exists():
        raise Conflict(f"{path} exists; nothing is overwritten")
    return SqliteStore(path)


def replace_store(settings: Settings, made: Path, suffix: str) -> list[Path]:
    """Put a new store in the place of the old one, which is kept beside it; returns its files.

    Neither is open. A crash in between leaves both on the disk, and a start from neither is taken
    for an ordinary one.
    """
    kept = []
    for end in ("", "-wal", "-shm"):
        old = settings.store_path.with_name(settings.store_path.name + end)
        if old.exists():
            kept.append(old.with_name(f"before-{suffix}-{old.name}"))
            old.rename(kept[-1])
    made.rename(settings.store_path)
    sync_directory(settings.directory)
    return kept


def copy_store(settings: Settings, target: Path) -> None:
    """Copy the store as it is at one moment, beside a running node."""
    copy_sqlite(settings.store_path, target)


def check_has_run(settings: Settings) -> None:
    """NotFound unless the directory has a store: there is one from a node's first start on."""
    if not settings.store_path.exists():
        raise NotFound(f"there is no {settings.store_path}: the node has never run; or if it has, "
                       "`luftrom restore --from-peers`")
