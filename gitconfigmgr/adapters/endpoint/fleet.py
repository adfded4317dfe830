"""Agents' reports in SQLite. Written without waiting for the disk: what a crash loses, the agents tell again."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.sync.fleet import Report, as_data, from_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS reports (
    tenant TEXT, environment TEXT, instance TEXT, release INTEGER NOT NULL, since REAL NOT NULL, seen REAL NOT NULL,
    report BLOB NOT NULL, PRIMARY KEY (tenant, environment, instance)
) STRICT, WITHOUT ROWID
"""
_RECORD = """
INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    since = CASE WHEN release = excluded.release THEN since ELSE excluded.since END,
    release = excluded.release, seen = excluded.seen, report = excluded.report
WHERE excluded.seen >= seen
"""
_CROWDED = """
DELETE FROM reports WHERE tenant = :tenant AND seen < (
    SELECT seen FROM reports WHERE tenant = :tenant ORDER BY seen DESC LIMIT 1 OFFSET :most
)
"""
MOST = 100_000  # of one tenant: who has a token can make up names, and must not fill the disk


class SqliteFleet:
    """See Fleet. One file; processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "fleet.sqlite"
        self._lock = threading.Lock()
        self._written = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"{folder}: {error.strerror}", "name another folder by --state") from None
        try:
            self._db = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
        except sqlite3.Error as error:
            raise OutsideError(f"{self._path}: {error}", "name another folder by --state") from None
        self._path.chmod(0o600)
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(_TABLE)

    def record(self, tenant: str, report: Report) -> None:
        data = orjson.dumps(as_data(report, report.seen))
        key = (tenant, report.environment, report.instance)
        with self._open() as db:
            db.execute(_RECORD, (*key, report.release, report.since, report.seen, data))
            self._written += 1
            if self._written % 1000 == 0:
                db.execute(_CROWDED, {"tenant": tenant, "most": MOST})

    def all(self, tenant: str) -> list[Report]:
        query = "SELECT report, since FROM reports WHERE tenant = ? ORDER BY environment, instance"
        with self._open() as db:
            rows = db.execute(query, (tenant,)).fetchall()
        return [from_data(orjson.loads(report))._replace(since=since) for report, since in rows]

    def forget(self, before: float) -> int:
        with self._open() as db:
            return db.execute("DELETE FROM reports WHERE seen < ?", (before,)).rowcount

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._db:
                yield self._db
        except sqlite3.DatabaseError as error:
            raise OutsideError(
                f"{self._path}: {error}", "see whether the disk is full, or the folder writable"
            ) from None
