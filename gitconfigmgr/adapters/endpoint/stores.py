"""Where an endpoint keeps what is its own: in a folder, or for several endpoints in a database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.sync.endpoint import Tokens
    from gitconfigmgr.sync.fleet import Fleet
    from gitconfigmgr.sync.proposals import Inbox

DATABASE = "GITCONFIGMGR_ENDPOINT_DATABASE"  # a URL: it may hold a password, which has no place in a command line


class Stores(NamedTuple):
    """What outlives the process."""

    tokens: Tokens
    fleet: Fleet
    inbox: Inbox


def open_stores(state: Path) -> Stores:
    """PostgreSQL where the environment names one, else SQLite in the folder. Raises UsageError, OutsideError."""
    url = os.environ.get(DATABASE)
    if url:
        from gitconfigmgr.adapters.endpoint.postgres import Database, PostgresFleet, PostgresInbox, PostgresTokens

        database = Database(url)
        return Stores(PostgresTokens(database), PostgresFleet(database), PostgresInbox(database))
    from gitconfigmgr.adapters.endpoint.fleet import SqliteFleet
    from gitconfigmgr.adapters.endpoint.inbox import SqliteInbox
    from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens

    return Stores(SqliteTokens(state), SqliteFleet(state), SqliteInbox(state))
