"""Tokens in SQLite: digests only, with what each allows."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.sync.access import Ability, Grant
from gitconfigmgr.sync.endpoint import Token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS tokens (
    key TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, allows TEXT NOT NULL,
    created REAL NOT NULL, expires REAL, revoked REAL
) STRICT
"""
_NAMES = "CREATE UNIQUE INDEX IF NOT EXISTS names ON tokens (tenant, name) WHERE revoked IS NULL"


class SqliteTokens:
    """See Tokens. One file; processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tokens.sqlite"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"{folder}: {error.strerror}", "name another folder by --state") from None
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(_TABLE)
            db.execute(_NAMES)
        self._path.chmod(0o600)
        self._watch: sqlite3.Connection | None = None

    def add(self, token: Token) -> None:
        grant = token.grant
        values = (grant.key, grant.tenant, grant.name, allowed(grant), token.created, grant.expires)
        try:
            with self._open() as db:
                db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
        except sqlite3.IntegrityError:
            raise UsageError(
                f"there is a token {grant.name} of {grant.tenant} already", "revoke it first, or take another name"
            ) from None

    def revoke(self, tenant: str, name: str, at: float) -> bool:
        with self._open() as db:
            done = db.execute(
                "UPDATE tokens SET revoked = ? WHERE tenant = ? AND name = ? AND revoked IS NULL", (at, tenant, name)
            )
            return done.rowcount > 0

    def all(self) -> list[Token]:
        with self._open() as db:
            rows = db.execute(
                "SELECT key, tenant, name, allows, created, expires, revoked FROM tokens ORDER BY created"
            ).fetchall()
        return [token_of(*row) for row in rows]

    def stamp(self) -> object:
        if self._watch is None:
            self._watch = sqlite3.connect(self._path, timeout=10, check_same_thread=False, isolation_level=None)
        return self._watch.execute("PRAGMA data_version").fetchone()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=10)) as db, db:
                yield db
        except sqlite3.OperationalError as error:
            raise OutsideError(
                f"{self._path}: {error}", "see whether the disk is full, or the folder writable"
            ) from None
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise OutsideError(f"{self._path}: {error}", "restore it from a backup") from None


def allowed(grant: Grant) -> str:
    """What a grant allows, as it is stored."""
    allows = {
        "abilities": sorted(grant.abilities),
        "environments": grant.environments,
        "namespaces": grant.namespaces,
    }
    return orjson.dumps(allows).decode()


def token_of(
    key: str, tenant: str, name: str, allows: str, created: float, expires: float | None, revoked: float | None
) -> Token:
    """A token as it was stored."""
    found = orjson.loads(allows)
    abilities = frozenset(Ability(item) for item in found["abilities"])
    environments, namespaces = tuple(found["environments"]), tuple(found["namespaces"])
    return Token(Grant(tenant, abilities, environments, namespaces, name, key, expires), created, revoked)
