"""What is special about PostgreSQL: tokens, several endpoints at once, a server that goes away."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from gitconfigmgr.adapters.endpoint.postgres import Database, PostgresTokens
from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.sync.access import Ability, Grant
from gitconfigmgr.sync.endpoint import Token

from .conftest import Running, report
from .postgres import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.sync.endpoint import Tokens


@pytest.fixture(params=["sqlite", "postgres"])
def tokens(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tokens]:
    if request.param == "sqlite":
        yield SqliteTokens(tmp_path)
        return
    with database(request.getfixturevalue("postgres")) as url:
        opened = Database(url)
        yield PostgresTokens(opened)
        opened.close()


def token(name: str, created: float = 1.0, expires: float | None = None) -> Token:
    abilities = frozenset({Ability.READ, Ability.STATUS})
    return Token(
        Grant("acme", abilities, ("production",), ("acme/*",), name, f"key of {name} {created}", expires), created
    )


def test_tokens(tokens: Tokens) -> None:
    before = tokens.stamp()
    tokens.add(token("a", expires=99.5))
    assert tokens.stamp() != before
    assert list(tokens.all()) == [token("a", expires=99.5)]
    with pytest.raises(UsageError):
        tokens.add(token("a", 2.0))
    before = tokens.stamp()
    assert tokens.revoke("acme", "a", 5.0)
    assert tokens.stamp() != before
    assert not tokens.revoke("acme", "a", 6.0)
    tokens.add(token("a", 3.0))
    assert [(item.created, item.revoked) for item in tokens.all()] == [(1.0, 5.0), (3.0, None)]


def test_opened_at_once(postgres: str) -> None:
    with database(postgres) as url:
        failed: list[Exception] = []

        def work() -> None:
            try:
                Database(url).close()
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []


def test_connected_anew(postgres: str) -> None:
    with database(postgres) as url:
        opened = Database(url)
        tokens = PostgresTokens(opened)
        with psycopg.connect(postgres, autocommit=True) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> 'postgres'"
            )
        tokens.add(token("a"))
        assert len(tokens.all()) == 1
        opened.close()


def test_what_cannot_be_reached_is_said_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as error:
        Database(f"postgresql://gcm:verysecret@/x?host={tmp_path}")
    assert "verysecret" not in f"{error.value} {error.value.hint} {error.value.__cause__}"
    with pytest.raises(OutsideError) as error:
        Database("postgresql://gcm:very%zzsecret@/x")
    assert "secret" not in str(error.value)


def test_two_endpoints(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of one counts at the other; what one is told, both tell."""
    with database(postgres) as url:
        monkeypatch.setenv("GITCONFIGMGR_ENDPOINT_DATABASE", url)
        (tmp_path / "1").mkdir()
        (tmp_path / "2").mkdir()
        one, two = Running(tmp_path / "1"), Running(tmp_path / "2")
        try:
            one.start()
            two.start()
            command = [
                "gitconfigmgr",
                "serve",
                "token",
                "create",
                "x",
                "--tenant",
                "acme",
                "--scope",
                "status",
                "--scope",
                "fleet",
            ]
            made = subprocess.run(
                [sys.executable, "-m", *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            ends = time.monotonic() + 60
            while one.ask("POST", "/acme/v1/status", made, report())[0] != 204:
                assert time.monotonic() < ends
                time.sleep(0.1)
            while two.ask("GET", "/acme/v1/fleet", made)[0] != 200:
                assert time.monotonic() < ends
                time.sleep(0.1)
            assert json.loads(two.ask("GET", "/acme/v1/fleet", made)[2])["agents"][0]["instance"] == "node-1"
            assert not list((tmp_path / "1" / "endpoint").glob("*.sqlite"))
        finally:
            one.stop()
            two.stop()
