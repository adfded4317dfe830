"""What the agent's own listeners answer, without a network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gitconfigmgr.agent.reads import Reads
from gitconfigmgr.agent.server import Door
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.http.answers import matches
from gitconfigmgr.http.messages import Answer
from gitconfigmgr.sync.reading import Board, Served
from gitconfigmgr.sync.replica import Phase

from .requests import request

KNOWN = {
    "documents": [{"path": "configs/a/base.yaml"}],
    "values": {"at": [0, 1, 1], "keys": {"limit": [0, 3, 8], "a/b": [0, 4, 8], "api": {"at": [0, 5, 1], "keys": {}}}},
}
CHAT = Served(
    "acme/chat", 3, "ab" * 32, {"limit": 5, "a/b": 6, "api": {"new": 1}}, {"limit": 5, "a/b": 6, "api": {"new": 1}}
)


def reads(served: Served = CHAT, provenance: Any = lambda digest: KNOWN) -> Door:
    board = Board(7, "c0ffee", {served.namespace: served})
    engine: Any = SimpleNamespace(board=board, phase=Phase.READY, age=1.5, replica=SimpleNamespace(reason=""))
    return Door(Reads(engine, provenance).handle, local=True)


def ask(door: Door, target: str) -> Answer:
    found = door.handle(request(target, host="localhost"))

    async def late() -> Any:
        return await found  # type: ignore[misc]

    return found if isinstance(found, Answer) else asyncio.run(late())


def explained(served: Served, target: str, provenance: Any = lambda digest: KNOWN) -> tuple[int, Any]:
    found = ask(reads(served, provenance), target)
    return found.status, json.loads(found.body)


def test_provenance_of_a_key() -> None:
    served = replace(CHAT, commit="c0ffee", provenance="d" * 64)
    status, found = explained(served, "/config/acme/chat/limit?provenance")
    assert (status, found["value"], found["version"]) == (200, 5, 3)
    assert found["provenance"] == {
        "commit": "c0ffee", "source": "configs/a/base.yaml:3:8", "entry": [0, 3, 8], "documents": KNOWN["documents"],
    }  # fmt: skip
    assert explained(served, "/config/acme/chat?provenance=1")[1]["provenance"]["source"] == "configs/a/base.yaml:1:1"
    slash = explained(served, "/config/acme/chat/a%2Fb?provenance")
    assert slash[1]["provenance"]["source"] == "configs/a/base.yaml:4:8"


def test_provenance_that_is_not_to_be_had() -> None:
    served = replace(CHAT, provenance="d" * 64)

    def away(digest: str) -> Any:
        raise OutsideError("unreachable")

    assert explained(CHAT, "/config/acme/chat/limit?provenance")[0] == 404
    assert explained(served, "/config/acme/chat/nothing?provenance")[0] == 404
    assert explained(served, "/config/acme/chat/limit?provenance", away)[0] == 503
    assert explained(served, "/config/acme/chat/limit?provenance", lambda digest: {"version": 9})[0] == 503
    assert explained(served, "/config/acme/chat/api.new?provenance")[0] == 503, "not in the provenance document"


def test_what_this_machine_has_changed_is_said() -> None:
    served = replace(CHAT, provenance="d" * 64, overrides=("limit", "api.x", "limits"))
    assert explained(served, "/config/acme/chat/limit?provenance")[1]["provenance"]["overridden"] == ["limit"]
    assert explained(served, "/config/acme/chat/api?provenance")[1]["provenance"]["overridden"] == ["api.x"]
    assert explained(served, "/config/acme/chat?provenance")[1]["provenance"]["overridden"] == [*served.overrides]
    assert "overridden" not in explained(served, "/config/acme/chat/a%2Fb?provenance")[1]["provenance"]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('"x"', True), ('W/"x"', True), ('"a", "x"', True), ("*", True), ('"a",W/"x" ', True), ('"xx"', False), ("x", False),
        ("", False), ('"', False), ('W/"', False),
    ],
)  # fmt: skip
def test_if_none_match(header: str, found: bool) -> None:
    assert matches(header, '"x"') is found


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"host": "localhost"}, 405), ("GET", {"host": "example.com"}, 403), ("GET", {}, 403),
        ("GET", {"host": "localhost.example.com"}, 403), ("GET", {"host": "127.0.0.1.example.com:80"}, 403),
        ("HEAD", {"host": "localhost", "content-length": "1"}, 413),
        ("GET", {"host": "[::1]:80"}, 404), ("GET", {"host": "127.0.0.1:80"}, 404), ("GET", {"host": "localhost"}, 404),
    ],
)  # fmt: skip
def test_what_is_no_request_of_this_machine(method: str, headers: dict[str, str], status: int) -> None:
    found = reads().handle(request("/", method, **headers))
    assert isinstance(found, Answer)
    assert found.status == status
