"""An agent that follows a real endpoint: token and TLS 1.3, push, and what an endpoint's words are worth."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gitconfigmgr.adapters.edge.live import Addresses, Reports, Watch, discover
from gitconfigmgr.adapters.edge.transport import Transport
from gitconfigmgr.client import Config, ConfigError
from tests.endpoint.conftest import Served

from .conftest import eventually
from .liar import Certificates, Liar, Said, liar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

CHAT_API = "acme/assistants/chat-api"


def test_a_release_reaches_an_agent_by_push(tmp_path: Path) -> None:
    served = Served(tmp_path)
    edge = served.edge
    certificates = Certificates(tmp_path / "tls")
    own = str(certificates.issue("endpoint"))
    token = tmp_path / "token"
    token.write_text(served.token("read", "status"))
    edge.publish(1)
    served.start("--tls-cert", own, "--tls-key", own)
    edge.address = f"https://127.0.0.1:{served.place[1]}/acme"
    process = run_agent(edge.settings(token=str(token), ca=str(certificates.ca)))
    try:
        eventually(lambda: value(edge) == 1)
        found = eventually(lambda: discover(edge_transport(edge, token, certificates)))
        assert found.watch == "v1/watch"
        edge.publish(2)
        eventually(lambda: value(edge) == 2)  # the interval is an hour
    finally:
        process.kill()
        process.wait()
        served.stop()


def run_agent(path: Path) -> subprocess.Popen[bytes]:
    import subprocess
    import sys

    return subprocess.Popen([sys.executable, "-m", "gitconfigmgr", "agent", "run", "-f", str(path)])


def edge_transport(edge: Any, token: Path, certificates: Certificates) -> Transport:
    from gitconfigmgr.adapters.edge.connections import Access

    return Transport(edge.address, Access(ca=certificates.ca, token=token))


def value(edge: Any) -> Any:
    try:
        with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as client:
            return client.get("limit")
    except (ConfigError, KeyError):
        return None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Liar]:
    with liar(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("v1/watch", "v1/watch"), ("/v1/watch", ""), ("https://mallory.example.com/", ""), ("//mallory.example.com", ""),
        ("../globex/v1/watch", ""), ("v1/%2e%2e/watch", ""), ("v1\\watch", ""), ("v1/wa\ntch", ""), ("v1/watch?a=1", ""),
        (7, ""), (None, ""),
    ],
)  # fmt: skip
def test_only_addresses_below_the_tenant_count(server: Liar, named: Any, taken: str) -> None:
    server.lie = lambda *_: Said(200, orjson.dumps({"watch": named}))
    assert discover(Transport(server.address)) == Addresses(watch=taken)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"<html>", b"{" * 100_000])
def test_a_discovery_document_that_is_none(server: Liar, body: bytes) -> None:
    server.lie = lambda *_: Said(200, body)
    assert (discover(Transport(server.address)) or Addresses()) == Addresses()
    server.lie = lambda *_: Said(404)
    assert discover(Transport(server.address)) == Addresses()
    server.lie = lambda *_: Said(503)
    assert discover(Transport(server.address)) is None, "it is asked again"
    assert discover(Transport("file:///nowhere")) == Addresses()


def test_a_stream_that_is_held_back_is_followed_by_long_polls(server: Liar) -> None:
    """As behind a proxy that gives nothing before the end."""
    numbers = iter([3, 4])

    def held(path: str, headers: Any, _: Said) -> Said:
        if headers.get("Accept") == "text/event-stream":
            return Said(200, b"", declared=10)
        number = next(numbers, None)
        return Said(204) if number is None else Said(200, orjson.dumps({"timestamp": number}))

    server.lie = held
    heard, enough = [], threading.Event()
    watch = Watch(Transport(server.address), "node-1", 0.01, lambda: 2)

    def hinted(number: int) -> None:
        heard.append(number)
        if len(heard) == 2:
            enough.set()

    watch.start("v1/watch", hinted)
    assert enough.wait(60)
    watch.end()
    assert heard == [3, 4]


@pytest.mark.parametrize("line", [b"data: x", b"data: []", b"data: {}", b'data: {"timestamp": "9"}', b": 9", b"id: 9"])
def test_events_that_say_nothing(server: Liar, line: bytes) -> None:
    server.lie = lambda *_: Said(200, line + b"\n\ndata: " + orjson.dumps({"timestamp": 5}) + b"\n\n")
    watch, heard = Watch(Transport(server.address), "node-1", 60, lambda: 2), threading.Event()
    numbers: list[int] = []
    watch.start("v1/watch", lambda number: (numbers.append(number), heard.set())[1])
    assert heard.wait(60)
    watch.end()
    assert numbers[:1] == [5]


def test_told_after_each_change_and_every_tenth_time(server: Liar) -> None:
    reports = Reports(Transport(server.address))
    for release in (1, 1, 2, *[2] * 12):
        reports.tell("v1/status", {"release": release, "age": release * 1.5})
    assert [said["release"] for _, said in server.posted] == [1, 2, 2]
    server.close()
    reports.tell("v1/status", {"release": 3})
