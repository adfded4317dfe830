"""Readers on the agent's socket that are many, slow, greedy or hostile: real connections to a real process."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.agent.server import raise_file_limit
from gitconfigmgr.client import Config, ConfigError

from .conftest import CHAT, Edge, bundle, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Start = Callable[..., subprocess.Popen[bytes]]

CHAT_API = "acme/assistants/chat-api"
WHOLE = f"GET /config/{CHAT_API} HTTP/1.1\r\n\r\n".encode()


@pytest.fixture
def running(edge: Edge, start: Start) -> Edge:
    """An agent that serves about 2 kB at `limit` 1."""
    edge.world.publish(bundle(CHAT, {"limit": 1, "prompt": "x" * 2000}))
    start()
    eventually(lambda: limit(edge) == 1)
    return edge


def limit(edge: Edge) -> object:
    try:
        with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as config:
            return config.get("limit")
    except (ConfigError, KeyError):
        return None


def test_a_value_says_where_it_comes_from(edge: Edge, start: Start) -> None:
    """Fetched when it is asked for, held to the signed digest, and known also when the publisher is away."""
    place = {"blob": "0" * 40, "environment": "production", "namespace": CHAT_API, "path": "configs/a/production.yaml"}
    known = {"documents": [place], "values": {"at": [0, 1, 1], "keys": {"limit": [0, 3, 8]}}, "version": 1}
    made = replace(bundle(CHAT, {"limit": 1}), provenance=json.dumps(known).encode())
    edge.world.publish(made)
    start()
    eventually(lambda: limit(edge) == 1)
    folder = edge.world.tree / "provenance"
    with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as config:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes().replace(b"production.yaml", b"productiom.yaml"))
        with pytest.raises(ConfigError, match="could not be fetched: it is not what was signed"):
            config.explain("limit")
        for path in folder.iterdir():
            path.write_bytes(made.provenance)
        eventually(lambda: explained(config))
        shutil.rmtree(folder)
        found = config.explain("limit")
        assert (found["source"], found["documents"]) == ("configs/a/production.yaml:3:8", [place])
        assert len(found["commit"]) == 40
        with pytest.raises(KeyError):
            config.explain("nothing")


def explained(config: Config) -> bool:
    try:
        return bool(config.explain("limit"))
    except ConfigError:
        return False


def connect(edge: Edge) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(60)
    made.connect(str(edge.folder / "s"))
    return made


def answer(made: socket.socket) -> tuple[int, bytes]:
    """One whole answer: status and body."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += made.recv(65536)
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += made.recv(65536)
    return int(head[9:12]), body[:length]


def closed(made: socket.socket) -> bool:
    made.settimeout(0)
    try:
        return made.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_thousand_connections_and_one_more(running: Edge) -> None:
    """Idle ones hold nobody up; past the bound, the one that was idle for longest makes room."""
    raise_file_limit()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("too few open files are allowed here")
    first = connect(running)
    others = [connect(running) for _ in range(1023)]
    first.sendall(WHOLE)
    assert answer(first)[0] == 200
    assert limit(running) == 1, "one more is answered"
    eventually(lambda: any(closed(one) for one in others[:3]))
    first.settimeout(60)
    first.sendall(WHOLE)
    assert answer(first)[0] == 200, "one that was used lately stays"
    for one in (first, *others):
        one.close()


def test_a_request_that_comes_drop_by_drop_is_cut_off(running: Edge) -> None:
    """Also behind a whole request on the same connection; others are served meanwhile."""
    slow = [connect(running) for _ in range(50)]
    slow[0].sendall(WHOLE)
    assert answer(slow[0])[0] == 200
    ends = time.monotonic() + 60
    while not all(map(closed, slow)):
        assert time.monotonic() < ends
        for one in slow:
            try:
                one.sendall(b"G")
            except (BrokenPipeError, ConnectionResetError):
                continue
        assert limit(running) == 1
        time.sleep(0.2)
    for one in slow:
        one.close()


def test_heads_are_bounded(running: Edge) -> None:
    for head in (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4_000 + b"\r\n"):
        with connect(running) as made:
            made.sendall(head)
            assert answer(made)[0] == 431
    with connect(running) as made:
        made.sendall(b"GET /config/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        assert answer(made)[0] == 413
    with connect(running) as made:
        made.sendall(b"GET /config/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert answer(made)[0] == 400
    assert limit(running) == 1


def test_a_reader_that_takes_nothing_is_not_answered_on(edge: Edge, start: Start) -> None:
    """300 kB each, asked for without end and never read: what waits in the agent stays small."""
    edge.world.publish(bundle(CHAT, {"limit": 1, "prompt": "x" * 300_000}))
    process = start()
    eventually(lambda: limit(edge) == 1)
    memory = resident(process.pid)
    with connect(edge) as greedy:
        greedy.settimeout(1)
        sent = 0
        try:
            while sent < 4_000_000:
                sent += greedy.send(WHOLE * 200)
        except TimeoutError:
            pass
        assert limit(edge) == 1
        assert resident(process.pid) - memory < 20_000, "kB"
        greedy.settimeout(60)
        assert json.loads(answer(greedy)[1])["limit"] == 1


def test_readers_and_watchers_while_releases_come(edge: Edge, start: Start) -> None:
    """2 kB each: every answer is one release, whole; nobody sees an older one after a newer; watchers end at the last."""
    last = 8

    def publish(number: int) -> None:
        edge.world.publish(bundle(CHAT, {"limit": number, "prompt": f"{number}" * 2000}))

    publish(1)
    process = start()
    eventually(lambda: limit(edge) == 1)

    def read() -> list[int]:
        seen = []
        with connect(edge) as made:
            while not seen or seen[-1] < last:
                made.sendall(WHOLE)
                status, body = answer(made)
                found = json.loads(body)
                assert status == 200
                assert found["prompt"] == f"{found['limit']}" * 2000
                seen.append(found["limit"])
        return seen

    def watch() -> list[int]:
        seen: list[int] = []
        with connect(edge) as made, made.makefile("rb") as lines:
            made.sendall(b"GET /watch HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n")
            while not seen or seen[-1] < last:
                line = lines.readline()
                if line.startswith(b"data: "):
                    seen.append(json.loads(line[6:])["namespaces"][CHAT_API])
        return seen

    with ThreadPoolExecutor(40) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        watchers = [threads.submit(watch) for _ in range(30)]
        for number in range(2, last + 1):
            publish(number)
            process.send_signal(signal.SIGHUP)
            eventually(lambda number=number: limit(edge) == number)  # type: ignore[misc]
        for found in (*readers, *watchers):
            seen = found.result(60)
            assert seen == sorted(seen)
            assert seen[-1] == last


def resident(pid: int) -> int:
    """In kB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(file.read().partition("VmRSS:")[2].split()[0])
