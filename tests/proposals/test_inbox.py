"""The inbox, by itself and at a running endpoint."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.endpoint import inbox as stored
from gitconfigmgr.adapters.endpoint.inbox import SqliteInbox
from gitconfigmgr.sync.proposals import State
from tests.fleet.conftest import Running, postgres, running
from tests.fleet.postgres import database

from .sample import given, sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.sync.proposals import Inbox

__all__ = ["postgres", "running"]


@pytest.fixture(params=["sqlite", "postgres"])
def inbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Inbox]:
    if request.param == "sqlite":
        yield SqliteInbox(tmp_path)
        return
    from gitconfigmgr.adapters.endpoint.postgres import Database, PostgresInbox

    with database(request.getfixturevalue("postgres")) as url:
        opened = Database(url)
        yield PostgresInbox(opened)
        opened.close()


def test_sent_twice_is_kept_once(inbox: Inbox) -> None:
    one = inbox.add("acme", sample(), "agents", 5)
    inbox.settle("acme", sample().id, State.REFUSED, {"reason": "x"})
    again = inbox.add("acme", sample(), "agents", 9)
    assert one
    assert again
    assert (again.received, again.state) == (5, State.REFUSED)
    assert len(inbox.all("acme", list(State))) == 1
    assert inbox.get("globex", sample().id) is None


def test_settled_once(inbox: Inbox) -> None:
    inbox.add("acme", sample(), "agents", 5)
    done = []

    def settle(state: State) -> None:
        done.append(inbox.settle("acme", sample().id, state, {"by": str(state)}))

    threads = [threading.Thread(target=settle, args=(state,)) for state in (State.LOST, State.REFUSED, State.LOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, True]
    assert not inbox.settle("acme", "none", State.LOST, {})


def test_in_the_order_they_came(inbox: Inbox) -> None:
    for number in (3, 1, 2):
        inbox.add("acme", sample(value=number), "agents", number)
    inbox.settle("acme", sample(value=1).id, State.LOST, {})
    assert [entry.received for entry in inbox.all("acme", [State.RECEIVED])] == [3, 2]
    assert [entry.received for entry in inbox.all("acme", [State.LOST, State.RECEIVED])] == [3, 1, 2]


def test_there_is_an_end_of_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_OPEN", 3)
    monkeypatch.setattr(stored, "MOST_SETTLED", 2)
    inbox = SqliteInbox(tmp_path)
    assert [inbox.add("acme", sample(value=n), "", n) is not None for n in range(4)] == [True, True, True, False]
    for n in range(3):
        assert inbox.settle("acme", sample(value=n).id, State.LOST, {})
    assert [entry.received for entry in inbox.all("acme", list(State))] == [1, 2]
    assert inbox.add("acme", sample(value=9), "", 9)


def test_at_the_endpoint(running: Running) -> None:
    agent, publisher = running.token("propose", name="agents"), running.token("publish")
    elsewhere = running.token("propose", environments=("staging",))
    reader = running.token("read")
    running.start()
    status, headers, body = running.ask("POST", "/acme/v1/proposals", agent, given())
    told = json.loads(body)
    assert (status, told["state"]) == (202, "received")
    assert headers["location"] == "/acme/v1/proposals/" + told["id"]
    assert json.loads(running.ask("POST", "/acme/v1/proposals", agent, given())[2])["id"] == told["id"]
    assert running.ask("POST", "/acme/v1/proposals", reader, given())[0] == 403
    assert running.ask("POST", "/acme/v1/proposals", elsewhere, given())[0] == 403
    assert running.ask("POST", "/acme/v1/proposals", agent, given(reason=""))[0] == 422
    assert running.ask("POST", "/acme/v1/proposals", agent, b"x" * 600_000)[0] == 413

    place = "/acme/v1/proposals/" + told["id"]
    assert json.loads(running.ask("GET", place, agent)[2])["by"] == "agents"
    assert running.ask("GET", place, elsewhere)[0] == 404
    assert running.ask("POST", place, agent, {"state": "merged"})[0] == 403, "agents do not settle"
    assert running.ask("POST", place, publisher, {"state": "gone"})[0] == 422
    assert running.ask("POST", place, publisher, {"state": "lost", "outcome": {"won": "other"}})[0] == 200
    assert running.ask("POST", place, publisher, {"state": "merged"})[0] == 409

    assert running._process
    os.kill(running._process.pid, signal.SIGKILL)
    running.stop()
    running.start()
    found = json.loads(running.ask("GET", "/acme/v1/proposals?state=lost", publisher)[2])["proposals"]
    assert [(item["id"], item["outcome"]) for item in found] == [(told["id"], {"won": "other"})]
    assert json.loads(running.ask("GET", "/acme/v1/proposals", elsewhere)[2])["proposals"] == []
    assert running.ask("GET", "/acme/v1/proposals?state=x", publisher)[0] == 400
    assert [path.name for path in running.tree.iterdir()] == [], "nothing is published by it"
