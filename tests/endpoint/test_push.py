"""A release reaches those who wait for it."""

from __future__ import annotations

import socket
import time

import pytest

from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens
from tests.endpoint.conftest import CHAT, SEARCH, eventually


def test_watchers_are_told_the_state_and_each_release_but_never_content(running, watching):
    everything = watching(running, running.token())
    some = watching(running, running.token(namespaces=(SEARCH.namespace,)))
    eventually(lambda: everything and some)
    assert everything[0] == {
        "release": 2, "timestamp": 2, "targets": {f"{CHAT.namespace}.production": 2, f"{SEARCH.namespace}.production": 1},
    }  # fmt: skip
    assert some[0]["targets"] == {f"{SEARCH.namespace}.production": 1}
    running.edge.publish(3)
    eventually(lambda: len(everything) > 1 and len(some) > 1)
    assert (everything[1]["release"], everything[1]["targets"][f"{CHAT.namespace}.production"]) == (3, 3)


def test_an_answer_is_held_back_until_there_is_something_to_tell(running):
    token = running.token()
    assert running.ask("/acme/v1/watch?after=1", token).json["release"] == 2
    began = time.monotonic()
    assert running.ask("/acme/v1/watch?after=2", token, Prefer="wait=1").status == 204
    assert time.monotonic() - began >= 0.9
    assert running.ask("/acme/v1/watch?after=2", token).status == 204
    running.edge.publish(3)
    assert running.ask("/acme/v1/watch?after=2", token, Prefer="respond-async, wait=50").json["release"] == 3


def test_a_token_that_is_revoked_ends_the_watch(running, monkeypatch):
    token = running.token(name="gone")
    with socket.create_connection(running.place, timeout=60) as connection:
        connection.sendall(f"GET /acme/v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        assert b"200 OK" in connection.recv(4096)
        SqliteTokens(running.state).revoke("acme", "gone", time.time())
        eventually(lambda: running.ask("/acme/v1/watch?after=9", token).status == 401)
        running.edge.publish(3)
        found = b""
        while piece := connection.recv(4096):
            found += piece
        assert b'"release":3' not in found


def test_tenants_are_apart(running, watching):
    mine = watching(running, running.token())
    eventually(lambda: mine)
    other = running.edge.world.out / "globex" / "tuf" / "metadata"
    other.mkdir(parents=True)
    for path in (running.tree / "acme" / "tuf" / "metadata").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    eventually(lambda: any(line.get("tenant") == "globex" for line in running.log))
    assert len(mine) == 1


def test_metadata_that_is_damaged_changes_nothing_for_those_who_wait(running, watching):
    token = running.token()
    found = watching(running, token)
    eventually(lambda: found)
    place = running.tree / "acme/tuf/metadata/timestamp.json"
    good = place.read_bytes()
    place.write_bytes(b'{"signed": []}')
    eventually(lambda: running.ask("/health/ready").status == 503)
    assert running.ask(f"/acme/v1/b/{CHAT.namespace}/production", token).json["limit"] == 2
    place.write_bytes(good)
    eventually(lambda: running.ask("/health/ready").status == 200)
    running.edge.publish(3)
    eventually(lambda: found[-1]["release"] == 3)


def until(connection, wanted):
    found = b""
    while wanted not in found:
        piece = connection.recv(4096)
        assert piece, found
        found += piece


@pytest.mark.slow
def test_many_watchers_hang_on_and_health_answers(running):
    """More than the default of the back-pressure of some servers; the benchmark has ten thousand."""
    token = running.token()
    ask = f"GET /acme/v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    open_ = []
    try:
        for _ in range(1500):
            connection = socket.create_connection(running.place, timeout=120)
            connection.sendall(ask)
            open_.append(connection)
        for connection in open_:
            until(connection, b'"release":2')
        assert running.ask("/health/live").status == 200
        assert b"gcm_endpoint_watchers 1500" in running.ask("/metrics").body
        running.edge.publish(3)
        for connection in open_:
            until(connection, b'"release":3')
    finally:
        for connection in open_:
            connection.close()
    eventually(lambda: b"gcm_endpoint_watchers 0" in running.ask("/metrics").body)
