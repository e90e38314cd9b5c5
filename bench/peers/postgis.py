"""PostGIS: a cluster of its own in a temporary directory, gone when it is closed.

As its documentation recommends: `geography` columns, so that distances are metres on the spheroid
(ST_DWithin with `use_spheroid`, the default), a `tstzrange` of each time, one GiST index over both,
COPY in binary form, ANALYZE after it, and prepared statements for single questions.
"""

from __future__ import annotations

import os
import pwd
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from psycopg.types.range import TimestamptzRange

from luftrom.geometry.volume import Separation
from traffic import Load

NAME = "PostGIS"
QUESTION = "the same question, by ST_DWithin of geographies on the spheroid"
IS_SAME = True
SIZE_MAX = 100_000
QUESTIONS_MAX = 10_000                     # it is asked one after the other
_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_SERVER_USER = "postgres"
_SETTINGS = {"listen_addresses": "''", "shared_buffers": "1GB", "work_mem": "128MB",
             "maintenance_work_mem": "512MB", "max_wal_size": "4GB", "autovacuum": "off"}
_TABLE = """CREATE TABLE volumes (id int8, party int8, lower float8, upper float8, during tstzrange,
                                  outline geography(Polygon, 4326))"""
_MEETS = """a.during && b.during AND a.lower < b.upper AND b.lower < a.upper
            AND a.party <> b.party AND ST_DWithin(a.outline, b.outline, %s)"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Peer:
    """A running cluster with one table of volumes; OSError or CalledProcessError if none starts."""

    def __init__(self, separation: Separation):
        self.separation = separation
        self.place = Path(tempfile.mkdtemp(prefix="luftrom-postgis-"))
        self._as: dict[str, str] = {}
        try:
            if os.geteuid() == 0:              # the server refuses to run as root
                pwd.getpwnam(_SERVER_USER)
                shutil.chown(self.place, _SERVER_USER)
                self._as = {"user": _SERVER_USER, "group": _SERVER_USER}
            self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8",
                      "--locale=C", "--pgdata=data")
            settings = "".join(f" -c {name}={value}" for name, value in _SETTINGS.items())
            self._run("pg_ctl", "--pgdata=data", "--log=log", "--wait",
                      f"--options=-k {self.place}{settings}", "start")
            self.connection = psycopg.connect(host=str(self.place), user="postgres",
                                              dbname="postgres", autocommit=True)
            self.connection.execute("CREATE EXTENSION postgis")
            self.version = self.connection.execute(
                "SELECT 'PostgreSQL ' || current_setting('server_version') || ', PostGIS ' || "
                "postgis_lib_version()"
            ).fetchone()[0]
        except BaseException:
            self.close()
            raise

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([str(_PROGRAMS / program), *arguments], check=True, cwd=self.place,
                       stdout=subprocess.DEVNULL, extra_groups=[] if self._as else None,
                       **self._as)

    def close(self) -> None:
        """End the server and remove its files."""
        if hasattr(self, "connection"):
            self.connection.close()
        if (self.place / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "--pgdata=data", "--mode=immediate", "--wait", "stop")
        shutil.rmtree(self.place)

    def hold(self, load: Load) -> None:
        """Fill the table anew and build its index."""
        self.connection.execute("DROP TABLE IF EXISTS volumes")
        self.connection.execute(_TABLE)
        with self.connection.cursor().copy("COPY volumes FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8", "float8", "float8", "tstzrange", "bytea"])
            for row in _rows(load):
                copy.write_row(row)
        self.connection.execute("CREATE INDEX ON volumes USING gist (outline, during)")
        self.connection.execute("VACUUM ANALYZE volumes")

    def pairs(self) -> np.ndarray:
        """All conflicting pairs, (k, 2), the lower serial first."""
        found = self.connection.execute(
            f"SELECT a.id, b.id FROM volumes a JOIN volumes b ON a.id < b.id AND {_MEETS}",
            (self.separation.lateral_m,)).fetchall()
        return np.array(found, np.int64).reshape(-1, 2)

    def query(self, asking: Load) -> np.ndarray:
        """What others meet, one question after the other."""
        text = ("SELECT b.id FROM volumes b, (SELECT %s::int8 AS party, %s::float8 AS lower, "
                "%s::float8 AS upper, %s::tstzrange AS during, %s::bytea::geography AS outline) a "
                f"WHERE {_MEETS}")
        found = []
        with self.connection.cursor(binary=True) as cursor:
            for number, *row in _rows(asking):
                asked = (*row, self.separation.lateral_m)
                found += [(number, serial) for serial, in cursor.execute(text, asked, prepare=True)]
        return np.array(found, np.int64).reshape(-1, 2)

    def insert(self, load: Load) -> None:
        """Insert the volumes of a load, one by one, in one transaction that is not kept."""
        text = "INSERT INTO volumes VALUES (%s, %s, %s, %s, %s, %s::bytea::geography)"
        with self.connection.transaction(force_rollback=True), \
                self.connection.cursor(binary=True) as cursor:
            for row in _rows(load):
                cursor.execute(text, row, prepare=True)


def _rows(load: Load) -> Iterator[tuple]:
    """Rows of the table; outlines in extended well-known binary, longitude first."""
    columns = load.columns
    for k in range(len(columns)):
        ring = columns.places_deg[columns.ends[k]:columns.ends[k + 1], ::-1]
        ring = np.concatenate((ring, ring[:1]))
        outline = struct.pack("<BIIII", 1, 0x20000003, 4326, 1, len(ring)) + ring.tobytes()
        start, end = (_EPOCH + timedelta(microseconds=int(ns) // 1000)
                      for ns in columns.times_ns[k])
        yield (k, int(load.groups[k]), *columns.bands_m_w84[k].tolist(),
               TimestamptzRange(start, end), outline)
