"""A consistent copy of a party's directory, beside a running node or without one.

The copy says that it is one (`instance`): whoever starts from it signs nothing until the peers
have said that they hold no more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from luftrom.clock import Clock
from luftrom.config.instance import mark_copy
from luftrom.config.settings import Settings
from luftrom.config.storing import copy_store
from luftrom.errors import Conflict, LuftromError
from luftrom.files import mend_of, sync_directory


def back_up(settings: Settings, target: Path, clock: Clock) -> None:
    """Copy keys, agreement, settings and database to a new directory for the owner alone.

    It appears under its name when it is whole. Raises Conflict if there is something, or
    LuftromError that names what failed.
    """
    if target.exists():
        raise Conflict(f"{target} exists; nothing is overwritten, so choose a new directory")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.mkdir(mode=0o700, parents=True)
        for path in _files(settings):
            copy = draft / path.relative_to(settings.directory)
            copy.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
            shutil.copy2(path, copy)
            _sync(copy)
        if settings.store_path.exists():
            copy_store(settings, draft / settings.store_path.name)
            (draft / settings.store_path.name).chmod(0o600)
        mark_copy(draft, settings.directory.absolute(), clock.now_ns())
        sync_directory(draft)
        draft.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        mend = mend_of(error)
        raise LuftromError(f"cannot copy {settings.directory} to {target}: "
                           f"{error.strerror or error} ({error.filename})"
                           + (f": {mend}" if mend else ""), code="unwritable") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _files(settings: Settings) -> Iterator[Path]:
    """All of the directory but the database, what marks this place, and what is half written."""
    for path in sorted(settings.directory.rglob("*")):
        name = path.relative_to(settings.directory).parts[0]
        if path.is_file() and not name.startswith(("luftrom.", "before-", ".")) and (
                path.suffix != ".log"):
            yield path


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
