"""Tokens, agents' reports and proposals in PostgreSQL: for several endpoints over one tree."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.endpoint import fleet as reports
from gitconfigmgr.adapters.endpoint import inbox as proposals
from gitconfigmgr.adapters.endpoint.tokens import allowed, token_of
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.sync.fleet import Report, as_data, from_data
from gitconfigmgr.sync.proposals import Entry, Proposal, State, may_become

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gitconfigmgr.sync.endpoint import Token

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gcm_tokens (
    key TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, allows TEXT NOT NULL,
    created DOUBLE PRECISION NOT NULL, expires DOUBLE PRECISION, revoked DOUBLE PRECISION
);
CREATE UNIQUE INDEX IF NOT EXISTS gcm_token_names ON gcm_tokens (tenant, name) WHERE revoked IS NULL;
CREATE TABLE IF NOT EXISTS gcm_reports (
    tenant TEXT, environment TEXT, instance TEXT, release BIGINT NOT NULL, since DOUBLE PRECISION NOT NULL,
    seen DOUBLE PRECISION NOT NULL, report TEXT NOT NULL, PRIMARY KEY (tenant, environment, instance)
);
CREATE TABLE IF NOT EXISTS gcm_proposals (
    number BIGSERIAL PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, entry TEXT NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX IF NOT EXISTS gcm_proposal_states ON gcm_proposals (tenant, state);
"""
_RECORD = """
INSERT INTO gcm_reports AS old VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant, environment, instance) DO UPDATE SET
    since = CASE WHEN old.release = excluded.release THEN old.since ELSE excluded.since END,
    release = excluded.release, seen = excluded.seen, report = excluded.report
WHERE excluded.seen >= old.seen
"""
_CROWDED = """
DELETE FROM gcm_reports WHERE tenant = %(tenant)s AND seen < (
    SELECT seen FROM gcm_reports WHERE tenant = %(tenant)s ORDER BY seen DESC LIMIT 1 OFFSET %(most)s
)
"""
_GET = "SELECT entry FROM gcm_proposals WHERE tenant = %s AND id = %s"
_SWEEP = """
DELETE FROM gcm_proposals WHERE number IN (
    SELECT number FROM gcm_proposals WHERE tenant = %s AND state = ANY(%s) ORDER BY number DESC OFFSET %s
)
"""
_LOCK = 7_031_206_104  # of our schema, among the advisory locks of the database
_SECONDS = 10


class Database:
    """One connection, made anew where it was lost. Nothing of the URL is in an error: it may hold a password."""

    def __init__(self, url: str) -> None:
        try:
            self._psycopg: Any = import_module("psycopg")
        except ModuleNotFoundError:
            raise UsageError("psycopg is needed and not installed", "pip install 'gitconfigmgr[postgres]'") from None
        self._url = url
        self._lock = threading.Lock()
        self._connection: Any = None
        with self.transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            db.execute(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Raises OutsideError; UniqueError for what is there already."""
        try:
            with self._lock, self._connected().transaction():
                yield self._connection
        except self._psycopg.errors.UniqueViolation:
            raise UniqueError from None
        except self._psycopg.Error as error:
            said = error.diag.message_primary or type(error).__name__
            raise OutsideError(
                f"PostgreSQL: {said}", "see GITCONFIGMGR_ENDPOINT_DATABASE, and whether the server runs"
            ) from None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Any:
        """What was lost is noticed by asking: a transaction that fails midway is not tried again."""
        if self._connection is not None:
            with suppress(self._psycopg.Error):
                self._connection.execute("SELECT 1")
        if self._connection is None or self._connection.closed:
            self._connection = self._psycopg.connect(self._url, autocommit=True, connect_timeout=_SECONDS)
            self._connection.execute(f"SET statement_timeout = '{_SECONDS}s'")
        return self._connection


class UniqueError(Exception):
    """There is such a row."""


class PostgresTokens:
    """See Tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: Token) -> None:
        grant = token.grant
        values = (grant.key, grant.tenant, grant.name, allowed(grant), token.created, grant.expires)
        try:
            with self._database.transaction() as db:
                db.execute("INSERT INTO gcm_tokens VALUES (%s, %s, %s, %s, %s, %s, NULL)", values)
        except UniqueError:
            raise UsageError(
                f"there is a token {grant.name} of {grant.tenant} already", "revoke it first, or take another name"
            ) from None

    def revoke(self, tenant: str, name: str, at: float) -> bool:
        query = "UPDATE gcm_tokens SET revoked = %s WHERE tenant = %s AND name = %s AND revoked IS NULL"
        with self._database.transaction() as db:
            return bool(db.execute(query, (at, tenant, name)).rowcount)

    def all(self) -> list[Token]:
        query = "SELECT key, tenant, name, allows, created, expires, revoked FROM gcm_tokens ORDER BY created"
        with self._database.transaction() as db:
            return [token_of(*row) for row in db.execute(query).fetchall()]

    def stamp(self) -> object:
        query = "SELECT count(*), count(revoked), max(created), max(revoked) FROM gcm_tokens"
        with self._database.transaction() as db:
            return db.execute(query).fetchone()


class PostgresFleet:
    """See Fleet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written = 0

    def record(self, tenant: str, report: Report) -> None:
        data = orjson.dumps(as_data(report, report.seen)).decode()
        key = (tenant, report.environment, report.instance)
        with self._database.transaction() as db:
            db.execute(_RECORD, (*key, report.release, report.since, report.seen, data))
            self._written += 1
            if self._written % 1000 == 0:
                db.execute(_CROWDED, {"tenant": tenant, "most": reports.MOST})

    def all(self, tenant: str) -> list[Report]:
        query = 'SELECT report, since FROM gcm_reports WHERE tenant = %s ORDER BY environment COLLATE "C", instance COLLATE "C"'
        with self._database.transaction() as db:
            rows = db.execute(query, (tenant,)).fetchall()
        return [from_data(orjson.loads(report))._replace(since=since) for report, since in rows]

    def forget(self, before: float) -> int:
        with self._database.transaction() as db:
            return int(db.execute("DELETE FROM gcm_reports WHERE seen < %s", (before,)).rowcount)


class PostgresInbox:
    """See Inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tenant: str, proposal: Proposal, by: str, received: float) -> Entry | None:
        entry = Entry(proposal, State.RECEIVED, {}, by, received)
        with self._database.transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"gitconfigmgr proposals {tenant}",))
            before = self._get(db, tenant, proposal.id)
            if before is not None:
                return before
            open_ = "SELECT count(*) FROM gcm_proposals WHERE tenant = %s AND NOT state = ANY(%s)"
            if db.execute(open_, (tenant, list(proposals.SETTLED))).fetchone()[0] >= proposals.MOST_OPEN:
                return None
            values = (tenant, proposal.id, str(entry.state), proposals.pack(entry).decode())
            db.execute("INSERT INTO gcm_proposals (tenant, id, state, entry) VALUES (%s, %s, %s, %s)", values)
        return entry

    def get(self, tenant: str, id_: str) -> Entry | None:
        with self._database.transaction() as db:
            return self._get(db, tenant, id_)

    def all(self, tenant: str, states: Collection[State]) -> list[Entry]:
        query = "SELECT entry FROM gcm_proposals WHERE tenant = %s AND state = ANY(%s) ORDER BY number"
        with self._database.transaction() as db:
            rows = db.execute(query, (tenant, [str(state) for state in states])).fetchall()
        return [proposals.unpack(row[0]) for row in rows]

    def settle(self, tenant: str, id_: str, state: State, outcome: Mapping[str, Any]) -> bool:
        with self._database.transaction() as db:
            before = self._get(db, tenant, id_, f"{_GET} FOR UPDATE")
            if before is None or not may_become(before.state, state):
                return False
            entry = before._replace(state=state, outcome=dict(outcome))
            values = (str(state), proposals.pack(entry).decode(), tenant, id_)
            db.execute("UPDATE gcm_proposals SET state = %s, entry = %s WHERE tenant = %s AND id = %s", values)
            db.execute(_SWEEP, (tenant, list(proposals.SETTLED), proposals.MOST_SETTLED))
        return True

    @staticmethod
    def _get(db: Any, tenant: str, id_: str, query: str = _GET) -> Entry | None:
        row = db.execute(query, (tenant, id_)).fetchone()
        return proposals.unpack(row[0]) if row else None
