"""Compiled functions kept on disk, so that each is compiled once; never a stale or broken one.

A directory holds the functions of one state of the sources, compiled for one machine by one set of
versions; its name says which, so whatever changes leads to another directory. A file is one
function for one set of argument types: a line that names the format, SHA-256 of the rest, and the
rest, which is unpickled only if that holds. Files appear whole. So a crash leaves a draft that
nobody reads, and what is damaged, or cannot be written, costs time but no right answer. Whoever
can write into these directories can run code here, as with the sources themselves.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import pickle
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from luftrom.geometry.kernel_sources import sources_digest

_HEAD = b"luftrom kernel 1\n"
_ENDING = ".kernel"
_ALL, _LOCK = "all", "lock"                # says that nothing is missing; held while compiling
_DIGITS = 16                               # of a digest, in the name of a directory
_NAME = re.compile(rf"[0-9a-f]{{{_DIGITS}}}-[0-9a-f]{{{_DIGITS}}}")
_OTHERS_MAX = 3                            # directories of other sources or machines that are left
# What unpickling, and rebuilding what was pickled, raises if that is not what it should be.
_UNUSABLE = (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError,
             TypeError, ValueError, RuntimeError)

_log = logging.getLogger(__name__)


class Cache:
    """All compiled functions of this process, as far as they are kept; made for `places`.

    They are read wherever they are, and written to the first place that can be written to.
    """

    def __init__(self, places: Callable[[], list[Path]], sources: str) -> None:
        self._places = places
        self._sources = sources            # as they were before any of them was compiled
        self._directories: list[Path] = []
        self._target: Path | None = None
        self._is_writable = True
        self._told: set[str] = set()

    # -- directories -------------------------------------------------------------------------

    def directories(self) -> list[Path]:
        """Where functions of these sources for this machine may be, the best place first."""
        if not self._directories:
            name = f"{self._sources[:_DIGITS]}-{_machine()[:_DIGITS]}"
            self._directories = [place / name for place in self._places()]
        return self._directories

    def target(self) -> Path | None:
        """The directory to write to, which is there then; None if there is none."""
        if self._target is None and self._is_writable:
            faults = []
            for directory in self.directories():
                try:
                    self._open(directory)
                except OSError as error:
                    faults.append(f"{directory.parent}: {error.strerror or error}")
                    continue
                self._target = directory
                if faults:
                    self._tell(f"compiled functions are kept in {directory.parent}, since others "
                               f"cannot be written ({'; '.join(faults)})")
                return directory
            self._give_up("; ".join(faults))
        return self._target

    def _open(self, directory: Path) -> None:
        """Make sure that a directory can be written to; when it is new, clear away old ones."""
        is_new = not directory.exists()
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o755, exist_ok=True)
        if not _is_safe(directory.lstat()):
            raise PermissionError(errno.EPERM, "others can change what is in it", str(directory))
        draft = directory / f"draft-{secrets.token_hex(8)}"
        draft.touch()
        draft.unlink()
        os.utime(directory)                # the last use, by which old ones are told
        if is_new:
            others = _others(directory)
            if any(other.name.startswith(self._sources[:_DIGITS]) for other in others):
                self._tell(f"the compiled functions in {directory.parent} are of another machine "
                           "or other versions; they are compiled anew for this one")
            for other in others[_OTHERS_MAX:]:
                _remove(other)

    def _give_up(self, fault: str) -> None:
        self._target, self._is_writable = None, False
        self._tell(f"compiled functions can be kept nowhere ({fault}); each process compiles them")

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            _log.warning("%s", sentence)

    # -- functions ---------------------------------------------------------------------------

    def load(self, name: str, target_context: Any) -> CompileResult | None:
        """A function that is kept, ready to be called; None if it must be compiled."""
        for directory in self.directories():
            try:
                data = _read_safely(directory, name)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                continue                   # if it cannot be written either, `target` says so
            except OSError:
                data = b""
            head, payload = data[:len(_HEAD) + 32], data[len(_HEAD) + 32:]
            if head == _HEAD + hashlib.sha256(payload).digest():
                with contextlib.suppress(*_UNUSABLE):
                    return CompileResult._rebuild(target_context, *pickle.loads(payload))
            self._tell(f"compiled functions in {directory} are damaged; they are compiled anew")
        return None

    def save(self, name: str, result: CompileResult) -> None:
        """Keep a function that was compiled."""
        directory = self.target()
        if directory is None:
            return
        payload = dumps(result._reduce())
        draft = directory / f"draft-{secrets.token_hex(8)}"
        try:
            draft.touch(mode=0o644, exist_ok=False)
            draft.write_bytes(_HEAD + hashlib.sha256(payload).digest() + payload)
            os.replace(draft, directory / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            self._give_up(f"{directory}: {error.strerror or error}")

    # -- all of them -------------------------------------------------------------------------

    def has_all(self) -> bool:
        """Did `note_all` say so of these sources, this machine and these versions?"""
        # `Path.exists` raises where a home is not the user's own.
        return any(os.path.exists(directory / _ALL) for directory in self.directories())

    def note_all(self) -> None:
        """Note that whatever is needed at a start was compiled and kept."""
        directory = self.target()
        if directory is not None:
            with contextlib.suppress(OSError):
                (directory / _ALL).touch()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for other processes in such a block: what they compile need not be compiled again.

        A process that ends leaves the block. Where there are no such locks nobody waits, nor
        where all is kept: the lock is the user's own, but a process of theirs may hang.
        """
        directory = self.target()
        with contextlib.ExitStack() as stack:
            if directory is not None and os.name == "posix" and not self.has_all():
                import fcntl

                with contextlib.suppress(OSError):
                    file = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                    stack.callback(os.close, file)
                    fcntl.flock(file, fcntl.LOCK_EX)
            yield


class FunctionCache:
    """What numba asks for one function's compiled code, by its argument types."""

    def __init__(self, cache: Cache, function: Callable[..., object], options: str) -> None:
        self._cache = cache
        self._name = re.sub(r"[^\w.]", "", f"{function.__module__}.{function.__qualname__}")
        self._options = options

    @property
    def cache_path(self) -> str:
        """The first directory where the function may be kept."""
        return str(self._cache.directories()[0])

    def load_overload(self, types: object, target_context: Any) -> CompileResult | None:
        """The function for these types; None if it must be compiled."""
        target_context.refresh()           # or what it was compiled with is not there yet
        return self._cache.load(self._file_name(types), target_context)

    def save_overload(self, types: object, result: CompileResult) -> None:
        """Keep the function, unless it holds addresses of this process."""
        if not result.lifted and not result.library.has_dynamic_globals:
            self._cache.save(self._file_name(types), result)

    def _file_name(self, types: object) -> str:
        told = hashlib.sha256(f"{types} {self._options}".encode()).hexdigest()
        return f"{self._name}-{told[:_DIGITS]}{_ENDING}"


def _machine() -> str:
    """A digest of what compiled code depends on besides the sources."""
    from numba.core.registry import cpu_target

    told = (*cpu_target.target_context.codegen().magic_tuple(), sys.version, sys.abiflags,
            numba.__version__, llvmlite.__version__, np.__version__, config.OPT,
            config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.BOUNDSCHECK,
            config.DEBUGINFO_DEFAULT)
    return hashlib.sha256("\n".join(map(str, told)).encode()).hexdigest()


def _places() -> list[Path]:
    """Where this process looks: where numba was told to, or beside the sources, then the user's."""
    if config.CACHE_DIR:
        return [Path(config.CACHE_DIR).absolute() / "luftrom"]
    users = Path(AppDirs("luftrom", False).user_cache_dir) / "kernels"
    # A relative place would be another one in each directory that a command is run from.
    return [Path(__file__).parent / "__pycache__" / "kernels", *([users] * users.is_absolute())]


def _is_safe(status: os.stat_result) -> bool:
    """Can nobody but this user and root change a file or directory? What is read there is run."""
    return os.name != "posix" or (status.st_uid in (0, os.geteuid())
                                  and not stat.S_ISLNK(status.st_mode)
                                  and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _read_safely(directory: Path, name: str) -> bytes:
    """The bytes of a file; PermissionError if others can change it, or the directory."""
    if not _is_safe(directory.lstat()):
        raise PermissionError(errno.EPERM, "others can change what is in it", str(directory))
    with open(directory / name, "rb") as file:
        if not _is_safe(os.fstat(file.fileno())):
            raise PermissionError(errno.EPERM, "others can change it", str(directory / name))
        return file.read()


def _others(directory: Path) -> list[Path]:
    """The other directories of a place, the last used one first."""
    found = []
    for other in directory.parent.iterdir():
        if _NAME.fullmatch(other.name) and other != directory:
            with contextlib.suppress(OSError):     # another process may clear away as well
                found.append((other.stat().st_mtime, other))
    return [other for _, other in sorted(found, reverse=True)]


def _remove(directory: Path) -> None:
    """Remove a directory with compiled functions; what else is in it stays, and so does it."""
    with contextlib.suppress(OSError):
        for path in directory.iterdir():
            if path.suffix == _ENDING or path.name in (_ALL, _LOCK) or "draft-" in path.name:
                path.unlink(missing_ok=True)
        directory.rmdir()


kept = Cache(_places, sources_digest())
