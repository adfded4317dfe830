"""Proposals in SQLite. What was answered as received is on the disk."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.sync.proposals import Entry, Proposal, State, entry_data, may_become, read_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS proposals (
    number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, entry BLOB NOT NULL,
    UNIQUE (tenant, id)
) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS states ON proposals (tenant, state)"
MOST_OPEN, MOST_SETTLED = 10_000, 5_000  # of one tenant
SETTLED = ("merged", "lost", "refused")


class SqliteInbox:
    """See Inbox. One file; processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "proposals.sqlite"
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=10, check_same_thread=False, isolation_level=None)
            self._path.chmod(0o600)
        except (OSError, sqlite3.Error) as error:
            raise OutsideError(f"{folder}: {error}", "name another folder by --state") from None
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute(_TABLE)
            db.execute(_INDEX)

    def add(self, tenant: str, proposal: Proposal, by: str, received: float) -> Entry | None:
        entry = Entry(proposal, State.RECEIVED, {}, by, received)
        with self._changing() as db:
            before = self._get(db, tenant, proposal.id)
            if before is not None:
                return before
            open_ = "SELECT count(*) FROM proposals WHERE tenant = ? AND state NOT IN (?, ?, ?)"
            if db.execute(open_, (tenant, *SETTLED)).fetchone()[0] >= MOST_OPEN:
                return None
            values = (tenant, proposal.id, str(entry.state), pack(entry))
            db.execute("INSERT INTO proposals (tenant, id, state, entry) VALUES (?, ?, ?, ?)", values)
        return entry

    def get(self, tenant: str, id_: str) -> Entry | None:
        with self._open() as db:
            return self._get(db, tenant, id_)

    def all(self, tenant: str, states: Collection[State]) -> list[Entry]:
        marks = ", ".join("?" * len(states))
        query = f"SELECT entry FROM proposals WHERE tenant = ? AND state IN ({marks}) ORDER BY number"  # noqa: S608 - marks only
        with self._open() as db:
            rows = db.execute(query, (tenant, *map(str, states))).fetchall()
        return [unpack(row[0]) for row in rows]

    def settle(self, tenant: str, id_: str, state: State, outcome: Mapping[str, Any]) -> bool:
        with self._changing() as db:
            before = self._get(db, tenant, id_)
            if before is None or not may_become(before.state, state):
                return False
            entry = before._replace(state=state, outcome=dict(outcome))
            values = (str(state), pack(entry), tenant, id_)
            db.execute("UPDATE proposals SET state = ?, entry = ? WHERE tenant = ? AND id = ?", values)
            self._sweep(db, tenant)
        return True

    def close(self) -> None:
        self._db.close()

    @staticmethod
    def _get(db: sqlite3.Connection, tenant: str, id_: str) -> Entry | None:
        row = db.execute("SELECT entry FROM proposals WHERE tenant = ? AND id = ?", (tenant, id_)).fetchone()
        return unpack(row[0]) if row else None

    @staticmethod
    def _sweep(db: sqlite3.Connection, tenant: str) -> None:
        old = "SELECT number FROM proposals WHERE tenant = ? AND state IN (?, ?, ?) ORDER BY number DESC LIMIT -1 OFFSET ?"
        db.execute(f"DELETE FROM proposals WHERE number IN ({old})", (tenant, *SETTLED, MOST_SETTLED))  # noqa: S608 - a constant

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """What is read is what is changed: nobody else writes between."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._db
        except sqlite3.DatabaseError as error:
            raise OutsideError(
                f"{self._path}: {error}", "see whether the disk is full, or the folder writable"
            ) from None


def pack(entry: Entry) -> bytes:
    """As it is stored."""
    return orjson.dumps(entry_data(entry))


def unpack(data: bytes | str) -> Entry:
    """The other way."""
    return read_entry(orjson.loads(data))
