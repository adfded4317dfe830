"""One suite for every store of reports."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gitconfigmgr.adapters.endpoint import fleet as stored
from gitconfigmgr.adapters.endpoint.fleet import SqliteFleet
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.sync.fleet import Report, as_data, duration, from_data, read_report

from .conftest import postgres, report
from .postgres import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.sync.fleet import Fleet


__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    if request.param == "sqlite":
        yield SqliteFleet(tmp_path)
        return
    from gitconfigmgr.adapters.endpoint.postgres import Database, PostgresFleet

    with database(request.getfixturevalue("postgres")) as url:
        opened = Database(url)
        yield PostgresFleet(opened)
        opened.close()


def made(now: float, instance: str = "node-1", **more: object) -> Report:
    return read_report(report(instance, **more), "agents", now)


def test_the_last_word_counts(fleet: Fleet) -> None:
    fleet.record("acme", made(10))
    fleet.record("acme", made(20))
    fleet.record("acme", made(30, release=8, state="stale"))
    [found] = fleet.all("acme")
    assert (found.release, found.state, found.seen, found.since) == (8, "stale", 30, 30)
    fleet.record("acme", made(25, release=7))
    assert fleet.all("acme") == [found], "what is late changes nothing"
    assert fleet.all("globex") == []


def test_since_is_when_the_release_was_first_told_of(fleet: Fleet) -> None:
    for now in (10, 20, 30):
        fleet.record("acme", made(now))
    assert [(item.seen, item.since) for item in fleet.all("acme")] == [(30, 10)]


def test_forgotten_after_a_time(fleet: Fleet) -> None:
    fleet.record("acme", made(10, "old"))
    fleet.record("acme", made(90, "new"))
    assert fleet.forget(50) == 1
    assert [item.instance for item in fleet.all("acme")] == ["new"]


def test_many_at_once(fleet: Fleet) -> None:
    def work(number: int) -> None:
        for at in range(20):
            fleet.record("acme", made(at, f"node-{number}", environment=f"e{number % 3}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = fleet.all("acme")
    assert [(item.environment, item.instance) for item in found] == sorted((f"e{n % 3}", f"node-{n}") for n in range(8))
    assert all(item.seen == 19 for item in found)


def test_made_up_names_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST", 100)
    fleet = SqliteFleet(tmp_path)
    for at in range(1000):
        fleet.record("acme", made(at, f"node-{at}"))
    assert {item.instance for item in fleet.all("acme")} == {f"node-{at}" for at in range(899, 1000)}


def test_two_processes_may_share_it(tmp_path: Path) -> None:
    one, two = SqliteFleet(tmp_path), SqliteFleet(tmp_path)
    one.record("acme", made(10))
    two.record("acme", made(20))
    assert one.all("acme") == two.all("acme")


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "fleet.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(OutsideError):
        SqliteFleet(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError):
        SqliteFleet(tmp_path / "file")


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(some.fixed_dictionaries({}, optional=dict.fromkeys(report(), ANYTHING)))
def test_a_report_is_read_or_refused(given_: dict[str, object]) -> None:
    try:
        found = read_report(report() | given_, "t", 5.0)
    except ValueError:
        return
    assert from_data(as_data(found, 5.0)) == found
    assert (found.instance + found.environment + found.reason).isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (7200, "2 h"), (90000, "1 d")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_quiet_and_well() -> None:
    found = made(100)
    assert found.well(1000)
    assert found.quiet(1001)
    assert not found.well(1001)
    assert made(100, state="pinned").well(100)
    assert not made(100, state="stale").well(100)
