"""Files that matter: written once or replaced whole, and synced; and the lock of a directory."""

from __future__ import annotations

import errno
import glob
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from luftrom import limits
from luftrom.errors import BadInput, Conflict, LuftromError, NotFound, TooLarge, Unverified

_ROOM = "make room on its disk"
_RIGHT = "let the user who runs this write there"
_MENDS = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM, errno.EROFS: _RIGHT,
          errno.EACCES: _RIGHT, errno.EPERM: _RIGHT}


def mend_of(error: OSError) -> str:
    """What to do about it that a file cannot be written; empty where nobody knows."""
    return _MENDS.get(error.errno or 0, "")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing in this block into LuftromError with the mend."""
    try:
        yield
    except OSError as error:
        mend = mend_of(error)
        raise LuftromError(f"cannot write {path}: {error.strerror or error}"
                           + (f": {mend}" if mend else ""), code="unwritable") from None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put a file's name before the message of any refusal of its content in this block."""
    try:
        yield
    except (BadInput, Unverified) as error:
        where = f"{error.field} " if error.field else ""
        error.message, error.field = f"{path}: {where}{error.message}", None
        raise


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Be the only process that holds this lock file. Raises Conflict if another does, LuftromError.

    The lock goes with the process, however it ends.
    """
    with writing(lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+b", buffering=0) as file:
        try:
            _lock(descriptor)
        except OSError:
            raise Conflict(f"{lock.parent} is in use by process {file.read().decode().strip()}; "
                           "stop that node first", code="in_use") from None
        with writing(lock):
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        yield
        file.seek(0)
        file.truncate(0)


def _lock(descriptor: int) -> None:
    """Lock the whole file without waiting; OSError if another process has it."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        os.lseek(descriptor, 4096, os.SEEK_SET)    # beyond the number, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)


def read_file(path: Path, mend: str = "") -> bytes:
    """The bytes of a file of at most 16 MiB. Raises NotFound (with the mend) or LuftromError."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no {path}" + (f": {mend}" if mend else "")) from None
    except OSError as error:
        raise LuftromError(f"cannot read {path}: {error.strerror}", code="unreadable") from None
    if len(data) > limits.FILE_BYTES_MAX:
        raise TooLarge(f"{path} is larger than {limits.FILE_BYTES_MAX} bytes")
    return data


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file that must not exist yet, synced, or leave nothing.

    Raises Conflict if it does, LuftromError if it cannot be written.
    """
    with writing(path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            raise Conflict(f"{path} exists; nothing is overwritten") from None
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
        except OSError:
            path.unlink()
            raise


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all: a crash leaves the old content or the new one.

    Raises LuftromError if it cannot be written; then the old content is there.
    """
    with writing(path), replacing(path, mode) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file to write in this block, which becomes the file of that name when the block is done.

    Whoever looks meanwhile, and whoever looks after an error in the block, sees the old content.
    A process that is killed leaves its draft behind (`clear_drafts`).
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        if error.filename is None and mend_of(error):
            error.filename = str(path)     # a write says no name
        raise
    finally:
        draft.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make names last: until then a loss of power may bring back the old content."""
    if os.name == "posix":                 # elsewhere a directory cannot be opened
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clear_drafts(path: Path) -> None:
    """Remove what killed processes left of `replacing` this file; nobody else may write it now."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if draft.suffix[1:].isdecimal():
            draft.unlink(missing_ok=True)
