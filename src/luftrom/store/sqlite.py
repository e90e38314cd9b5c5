"""The embedded store: one SQLite file in WAL mode, every commit synced (`synchronous=FULL`).

A crash inside `commit` leaves the file as it was before or as it is after, never between: SQLite
replays or drops the write-ahead log on the next open. One connection writes, from one thread at a
time; auditors open the same file read-only beside a running node.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luftrom.errors import BadInput, NotFound, Unavailable
from luftrom.limits import REFUSED_KEPT_MAX
from luftrom.store.protocol import FORMAT_VERSION, HeadRow, ReceiptRow, RefusedRow, Writes

_SCHEMA = """
CREATE TABLE leaf (party TEXT, idx INTEGER, leaf BLOB NOT NULL,
                   PRIMARY KEY (party, idx)) WITHOUT ROWID;
CREATE TABLE disclosure (party TEXT, idx INTEGER, n INTEGER, body BLOB NOT NULL,
                         PRIMARY KEY (party, idx, n)) WITHOUT ROWID;
CREATE TABLE checkpoint (party TEXT PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL);
CREATE TABLE applied (party TEXT PRIMARY KEY, size INTEGER NOT NULL);
CREATE TABLE receipt (cosigner TEXT, size INTEGER, peer_size INTEGER NOT NULL, note BLOB NOT NULL,
                      head TEXT NOT NULL, PRIMARY KEY (cosigner, size)) WITHOUT ROWID;
CREATE TABLE given (party TEXT PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL);
CREATE TABLE head (party TEXT PRIMARY KEY, size INTEGER NOT NULL, time_s INTEGER NOT NULL,
                   head TEXT NOT NULL);
CREATE TABLE proof (id INTEGER PRIMARY KEY, party TEXT NOT NULL, kind TEXT NOT NULL,
                    body BLOB NOT NULL UNIQUE);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE answer (key TEXT PRIMARY KEY, digest BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE airspace (party TEXT, idx INTEGER, row BLOB NOT NULL,
                       PRIMARY KEY (party, idx)) WITHOUT ROWID;
"""
# Stores of the first days of format 2 lack this one, and are none the worse for it.
_REFUSED = """
CREATE TABLE IF NOT EXISTS refused (
    party TEXT, kind TEXT, slot INTEGER, number INTEGER NOT NULL, place INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (party, kind, slot)) WITHOUT ROWID;
"""
_DISCLOSURES = "disclosures"               # the counter of all rows of that table


class SqliteStore:
    """A `Store` in one file. Opening creates it; `read_only` neither creates nor writes."""

    def __init__(self, path: Path, *, read_only: bool = False):
        self.path = path
        if read_only and not path.is_file():
            raise NotFound(f"there is no {path}")
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        with contextlib.ExitStack() as opened:   # whatever is refused here leaves nothing open
            try:
                self._db = opened.enter_context(
                    contextlib.closing(_connect(path, "ro" if read_only else "rwc")))
                self._open_schema(read_only)   # first: a store of another format is left as it was
                if not read_only:
                    self._db.execute("PRAGMA journal_mode=WAL")
                    self._db.execute("PRAGMA synchronous=FULL")
                # Readers have a connection of their own, so that nobody waits for a sync to read.
                self._reader = opened.enter_context(contextlib.closing(_connect(path, "ro")))
                if read_only:              # auditors: all that is read is of one moment
                    self._reader.execute("BEGIN")
                self._reader.execute("SELECT 1 FROM sqlite_master").fetchone()   # opens the log
                self._files = _files_of(path)
            except sqlite3.Error as error:
                raise Unavailable(_reason(path, "cannot open", error)) from None
            opened.pop_all()

    def _open_schema(self, read_only: bool) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not read_only:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={FORMAT_VERSION};COMMIT;")
        elif version != FORMAT_VERSION:
            raise BadInput(f"{self.path} has format {version}; this version reads "
                           f"{FORMAT_VERSION}: use the version of Luftrom that wrote it, or begin "
                           "a new directory")
        if not read_only:
            self._db.executescript(_REFUSED)

    def commit(self, writes: Writes) -> None:
        """Write all rows in one synced transaction, or raise Unavailable.

        A file that was removed or replaced meanwhile would still take rows, and lose them with the
        process: so it is looked at before.
        """
        with self._lock:
            if _files_of(self.path) != self._files:
                raise Unavailable(
                    f"{self.path} is not the database that this process opened: it or its "
                    "directory was removed, moved or replaced. Stop the node; put back what was "
                    "there, or `luftrom restore --from-peers`")
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._write(writes)
                # A crash here leaves nothing of the transaction; after COMMIT it leaves all of it.
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise Unavailable(_reason(self.path, "cannot write to", error)) from None

    def _write(self, writes: Writes) -> None:
        # Leaves are inserted, never replaced: a second writer with other bytes must fail here. What
        # is dropped was uploaded, and no history that anybody goes by.
        if writes.disclosures:
            self._write_disclosures(writes.disclosures)
        for rows, statement in (
                (writes.dropped, "DELETE FROM leaf WHERE party = ? AND idx >= ?"),
                (writes.leaves, "INSERT INTO leaf VALUES (?, ?, ?)"),
                (writes.checkpoints, "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)"),
                (writes.applied, "INSERT OR REPLACE INTO applied VALUES (?, ?)"),
                (writes.given, "INSERT OR REPLACE INTO given VALUES (?, ?, ?)"),
                (writes.proofs, "INSERT OR IGNORE INTO proof (party, kind, body) VALUES (?, ?, ?)"),
                (writes.counters, "INSERT OR REPLACE INTO counter VALUES (?, ?)"),
                (writes.answers, "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)"),
                (writes.uncounted, "DELETE FROM airspace WHERE party = ? AND idx >= ?"),
                (writes.airspace, "INSERT OR REPLACE INTO airspace VALUES (?, ?, ?)")):
            if rows:
                self._db.executemany(statement, rows)
        for receipt in writes.receipts:
            self._db.execute("INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?, ?)",
                             (receipt.cosigner, receipt.size, receipt.peer_size, receipt.note,
                              receipt.head))
        for party in writes.forgotten:
            self._db.execute("DELETE FROM refused WHERE party = ?", (party,))
        for row in writes.refused:         # each in the place of the one so many before it
            self._db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?)",
                             (row.party, row.kind, row.number % REFUSED_KEPT_MAX, row.number,
                              row.place, row.body))
        for head in writes.heads:
            self._db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)",
                             (head.party, head.size, head.time_s, head.text))

    def _write_disclosures(self, rows: list[tuple[str, int, int, bytes]]) -> None:
        """Count them as well: rows that are gone later are missed (`disclosure_count`)."""
        counted = self._db.execute(
            "SELECT COALESCE((SELECT value FROM counter WHERE name = ?), "
            "(SELECT COUNT(*) FROM disclosure))", (_DISCLOSURES,)).fetchone()[0]
        before = self._db.total_changes
        self._db.executemany("INSERT OR IGNORE INTO disclosure VALUES (?, ?, ?, ?)", rows)
        self._db.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)",
                         (_DISCLOSURES, counted + self._db.total_changes - before))

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._read_lock:
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise Unavailable(_reason(self.path, "cannot read", error)) from None

    def parties(self) -> list[str]:
        """Whose logs are held here, sorted."""
        return [row[0] for row in self._rows("SELECT DISTINCT party FROM leaf ORDER BY party")]

    def size(self, party: str) -> int:
        """How many leaves of that party's log are held."""
        query = "SELECT COALESCE(MAX(idx) + 1, 0) FROM leaf WHERE party = ?"
        return int(self._one(query, party)[0])

    def leaves(self, party: str, start: int, end: int) -> list[bytes]:
        """The leaves [start, end), in order."""
        return [row[0] for row in self._rows(
            "SELECT leaf FROM leaf WHERE party = ? AND idx >= ? AND idx < ? ORDER BY idx",
            party, start, end)]

    def disclosures(self, party: str, start: int, end: int) -> dict[int, list[bytes]]:
        """Leaf index to disclosures, for those leaves of [start, end) that have any."""
        found: dict[int, list[bytes]] = {}
        for index, body in self._rows(
                "SELECT idx, body FROM disclosure WHERE party = ? AND idx >= ? AND idx < ? "
                "ORDER BY idx, n", party, start, end):
            found.setdefault(index, []).append(body)
        return found

    def disclosure_count(self) -> tuple[int, int]:
        """How many disclosures are held, and how many were ever committed."""
        held = int(self._one("SELECT COUNT(*) FROM disclosure")[0])
        row = self._one("SELECT value FROM counter WHERE name = ?", _DISCLOSURES)
        return held, int(row[0]) if row else held

    def checkpoint(self, party: str) -> tuple[int, bytes] | None:
        """The size and note of the newest checkpoint, or None."""
        return self._one("SELECT size, note FROM checkpoint WHERE party = ?", party)

    def applied(self, party: str) -> int:
        """How many leaves of the mirror were applied."""
        row = self._one("SELECT size FROM applied WHERE party = ?", party)
        return int(row[0]) if row else 0

    def receipts(self, cosigner: str | None = None, from_size: int = 0) -> Iterator[ReceiptRow]:
        """Receipts for the own log that cover `from_size` leaves or more, smallest first."""
        for row in self._rows(
                "SELECT cosigner, size, peer_size, note, head FROM receipt "
                "WHERE size >= ? AND (? IS NULL OR cosigner = ?) ORDER BY size, cosigner",
                from_size, cosigner, cosigner):
            yield ReceiptRow(*row)

    def given(self, party: str) -> tuple[int, bytes] | None:
        """The newest own cosignature on that peer's log."""
        return self._one("SELECT size, note FROM given WHERE party = ?", party)

    def head(self, party: str) -> HeadRow | None:
        """The newest head of that peer of which every leaf is held."""
        row = self._one("SELECT party, size, time_s, head FROM head WHERE party = ?", party)
        return HeadRow(*row) if row else None

    def proofs(self) -> list[tuple[str, str, bytes]]:
        """Kept evidence of misbehaviour: (party, kind, document), oldest first."""
        return self._rows("SELECT party, kind, body FROM proof ORDER BY id")

    def refused(self) -> list[RefusedRow]:
        """What peers signed and was refused, of each party and kind the oldest first."""
        return [RefusedRow(*row) for row in self._rows(
            "SELECT party, kind, number, place, body FROM refused ORDER BY party, kind, number")]

    def counter(self, name: str) -> int:
        """A counter's last value; 0 if it was never set."""
        row = self._one("SELECT value FROM counter WHERE name = ?", name)
        return int(row[0]) if row else 0

    def answer(self, key: str) -> tuple[bytes, bytes] | None:
        """The digest of the request and the answer that were kept under an idempotency key."""
        return self._one("SELECT digest, body FROM answer WHERE key = ?", key)

    def airspace(self) -> Iterator[tuple[str, int, bytes]]:
        """The index: (party, leaf index, row), in that order."""
        yield from self._rows("SELECT party, idx, row FROM airspace ORDER BY party, idx")

    def clear_airspace(self) -> None:
        """Throw the index away; the logs stay. Raises Unavailable."""
        with self._lock:
            try:
                self._db.execute("DELETE FROM airspace")
            except sqlite3.Error as error:
                raise Unavailable(_reason(self.path, "cannot write to", error)) from None

    def _one(self, query: str, *values: object) -> Any:
        rows = self._rows(query, *values)
        return rows[0] if rows else None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, self._read_lock:
            self._reader.close()
            self._db.close()


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a store as it is at one moment, beside whoever writes to it. Raises Unavailable.

    SQLite's backup API reads the write-ahead log as well; the copy is one synced file.
    """
    try:
        with (contextlib.closing(_connect(source, "ro")) as database,
              contextlib.closing(_connect(target, "rwc")) as copy):
            copy.execute("PRAGMA synchronous=FULL")
            database.backup(copy)
    except sqlite3.Error as error:
        raise Unavailable(_reason(target, "cannot copy the store to", error)) from None


def _reason(path: Path, what: str, error: sqlite3.Error) -> str:
    """What failed, at which file, and what to do about it where that is known."""
    name = getattr(error, "sqlite_errorname", "")
    said = f"{what} {path}: {error}"
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR_WRITE"):
        return f"{said}: make room on the disk of {path.parent}"
    if name.startswith("SQLITE_READONLY"):
        return f"{said}: let the user of the node write to {path.parent}"
    if name.startswith("SQLITE_BUSY"):
        return f"{said}: stop what else has it open"
    if name.startswith("SQLITE_CANTOPEN"):
        return (f"{said}: it must be a file, and {path.parent} a place that this user can write "
                "to; where it is not, copy it to one that is")
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return f"{said}: `luftrom restore --from-peers` makes it anew from the peers' mirrors"
    return said


def _files_of(path: Path) -> list[tuple[int, int] | None]:
    """Which files the database and its write-ahead log are: device and inode, or that they are not.
    """
    found: list[tuple[int, int] | None] = []
    for name in (path, f"{path}-wal"):
        try:
            facts = os.stat(name)
        except OSError:
            found.append(None)
        else:
            found.append((facts.st_dev, facts.st_ino))
    return found


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    end = "&immutable=1" if mode == "ro" and _is_at_rest(path) else ""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}{end}", uri=True, timeout=10,
                           check_same_thread=False, isolation_level=None)


def _is_at_rest(path: Path) -> bool:
    """Can nobody write to it? On such a disk SQLite makes no files beside it, and reads no other.

    Where a write-ahead log lies there, that has to be read as well.
    """
    if os.name != "posix" or path.with_name(path.name + "-wal").exists():
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False
