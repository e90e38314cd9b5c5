"""The store of a party's directory: the one place where a store is chosen and opened."""

from __future__ import annotations

from luftrom.config.settings import Settings
from luftrom.errors import NotFound
from luftrom.store.protocol import Store
from luftrom.store.sqlite import SqliteStore


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """The store of a directory; the caller closes it. Opening makes it where there is none.

    `read_only` neither makes nor writes, and all that is read is of one moment; NotFound where the
    node has never run. Raises BadInput if another version wrote it, Unavailable if it cannot be
    opened.
    """
    if read_only:
        check_has_run(settings)
    return SqliteStore(settings.store_path, read_only=read_only)


def check_has_run(settings: Settings) -> None:
    """NotFound unless the directory has a store: there is one from a node's first start on."""
    if not settings.store_path.exists():
        raise NotFound(f"there is no {settings.store_path}: the node has never run")
