"""Is this directory the one that the node last ran from, or a copy of it, or an older state?

    DIR/luftrom.new              from `luftrom init` until the first start
    DIR/luftrom.instance-<run>   one a run; a copy of it gets another inode and another ctime
    DIR/luftrom.copy             in a copy that `luftrom backup` made: of what, and when
    DIR/luftrom.reason           an operator's word that the log goes on from here, until it does
    DIR/luftrom.mark             how many leaves the own log had, as of the last step

The run, the inode and the ctime of its file stand in the database as well (`counter`), so that
database, file and place belong together. No file system lets a program set a ctime, so whatever
copies or restores a directory file by file is noticed; a snapshot of a whole disk is not, and
peers' words are what is left then. The mark is written behind every step, without a sync: it may
stand behind the database, never before it, unless the database lost what it had.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path

from luftrom.clock import NS_PER_S, format_time
from luftrom.config.settings import Settings
from luftrom.errors import LuftromError
from luftrom.files import read_file, replace_file, sync_directory, write_new, writing
from luftrom.reading import parse_json
from luftrom.store.protocol import Store, Writes

_NEW_FORMAT, _INSTANCE_FORMAT = "luftrom-new/1", "luftrom-instance/1"
_COPY_FORMAT, _REASON_FORMAT = "luftrom-copy/1", "luftrom-reason/1"
_MARK = re.compile(rb"luftrom-mark/1 (\d{19})\n")
_RUN, _INODE, _CTIME = "instance run", "instance inode", "instance ctime"
_NUMBER_MAX = 2**62
_FOUNDING_S_MAX = 60                       # from the time in luftrom.new to the file's own


def found_instance(directory: Path, time_ns: int) -> None:
    """Say that this directory is new: its log has not begun, here or anywhere."""
    document = {"format": _NEW_FORMAT, "founded_ns": time_ns}
    write_new(directory / "luftrom.new", json.dumps(document).encode() + b"\n")


def mark_copy(directory: Path, of: Path, time_ns: int) -> None:
    """Say that this directory is a copy: whoever starts from it is in doubt."""
    document = {"format": _COPY_FORMAT, "of": str(of), "time": format_time(time_ns)}
    write_new(directory / "luftrom.copy", json.dumps(document).encode() + b"\n")


def give_reason(directory: Path, reason: str, time_ns: int) -> None:
    """An operator's word that the log goes on from this directory as it is."""
    document = {"format": _REASON_FORMAT, "reason": reason, "time": format_time(time_ns)}
    replace_file(directory / "luftrom.reason", json.dumps(document).encode() + b"\n", mode=0o600)


class Instance:
    """The marks of one directory. Whoever calls `settle` or `note` holds its lock."""

    def __init__(self, settings: Settings):
        self._directory, self._party = settings.directory, settings.party
        self._new, self._mark, self._copy, self._reason = (
            settings.directory / f"luftrom.{name}" for name in ("new", "mark", "copy", "reason"))
        self._descriptor: int | None = None

    # -- looking -----------------------------------------------------------------------------

    def doubts(self, store: Store) -> tuple[str, ...]:
        """Why this directory may be a copy or an older state of one: sentences, or none."""
        run, size = store.counter(_RUN), store.size(self._party)
        marked = self.marked()
        if self._copy.exists():
            return (f"the directory is a copy of {self._read(self._copy, 'of')} of "
                    f"{self._read(self._copy, 'time')} ({self._copy})",)
        if run == 0:
            return self._doubts_without_run(size, marked)
        doubts = list(self._doubts_of_file(run, store))
        if marked is None:
            doubts.append(f"{self._mark} is gone or is not what the node writes")
        elif marked > size:
            doubts.append(f"the own log had {marked} statements ({self._mark}); the database has "
                          f"{size}")
        return tuple(doubts)

    def _doubts_without_run(self, size: int, marked: int | None) -> tuple[str, ...]:
        if self._new.exists() and not size and not marked:
            return self._doubts_of_new()
        if size:
            return (f"the database has {size} statements of the own log and does not say which "
                    "directory it belongs to: it was restored, or is a copy, or of an earlier "
                    "version",)
        left = sorted(path.name for path in self._directory.glob("luftrom.instance-*"))
        known = f"the own log had {marked} statements" if marked else (
            f"{', '.join(left)} says that the node has run" if left
            else "there is no luftrom.new, which a new directory has until its first start")
        return (f"the database is new or was emptied, and {known}",)

    def _doubts_of_new(self) -> tuple[str, ...]:
        try:
            document = parse_json(read_file(self._new))
            founded_ns = document["founded_ns"] if document["format"] == _NEW_FORMAT else None
        except (LuftromError, KeyError, TypeError):
            founded_ns = None
        if type(founded_ns) is not int:
            return (f"{self._new} is not what `luftrom init` writes",)
        if abs(self._new.stat().st_ctime_ns - founded_ns) > _FOUNDING_S_MAX * NS_PER_S:
            return (f"{self._new} was written again after the directory was founded: it is a copy",)
        return ()

    def _doubts_of_file(self, run: int, store: Store) -> tuple[str, ...]:
        path = self._path(run)
        try:
            facts = path.stat()
        except OSError:
            return (f"{path} of the last run is gone: the database is another's, or older or "
                    "newer than the rest of the directory",)
        if facts.st_ino % _NUMBER_MAX != store.counter(_INODE) or (
                facts.st_ctime_ns != store.counter(_CTIME)):
            return (f"{path} was written again since the node made it: the directory was copied, "
                    "moved or restored",)
        return ()

    def marked(self) -> int | None:
        """How many leaves the own log had as of the last step; None if nothing says so."""
        try:
            match = _MARK.fullmatch(read_file(self._mark))
        except LuftromError:
            return None
        return int(match[1]) if match else None

    def reason(self) -> str:
        """An operator's reason to go on from this directory; empty if nobody gave one."""
        return self._read(self._reason, "reason") if self._reason.exists() else ""

    def _read(self, path: Path, name: str) -> str:
        try:
            return str(parse_json(read_file(path))[name])
        except (LuftromError, KeyError, TypeError):
            return "an unknown one"

    # -- saying so ---------------------------------------------------------------------------

    def settle(self, store: Store) -> None:
        """This directory is the one from now on, with all that the database has.

        A crash in between leaves the marks of the run before, or a file too many. Raises
        LuftromError if something cannot be written.
        """
        run = secrets.randbelow(_NUMBER_MAX - 1) + 1
        path = self._path(run)
        write_new(path, json.dumps({"format": _INSTANCE_FORMAT, "party": self._party}).encode()
                  + b"\n")
        self.note(store.size(self._party))
        with writing(path):
            sync_directory(self._directory)
            facts = path.stat()
        store.commit(Writes(counters=[(_RUN, run), (_INODE, facts.st_ino % _NUMBER_MAX),
                                      (_CTIME, facts.st_ctime_ns)]))
        runs = self._directory.glob("luftrom.instance-*")
        for old in (self._new, self._copy, self._reason, *runs):
            if old != path:
                with writing(old):
                    old.unlink(missing_ok=True)

    def note(self, size: int) -> None:
        """The own log has that many leaves, which are durable. Raises LuftromError."""
        with writing(self._mark):
            if self._descriptor is None:
                self._descriptor = os.open(self._mark, os.O_WRONLY | os.O_CREAT, 0o600)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, b"luftrom-mark/1 %019d\n" % size)

    def close(self) -> None:
        """Let go of the mark."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _path(self, run: int) -> Path:
        return self._directory / f"luftrom.instance-{run:016x}"
