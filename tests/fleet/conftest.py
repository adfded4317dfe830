"""An endpoint as a process, with tokens."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens
from gitconfigmgr.sync.access import Ability, Grant, key_of, new_token
from gitconfigmgr.sync.endpoint import Token

from .postgres import programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Running:
    """`gitconfigmgr serve` on an empty tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.state = folder / "endpoint"
        self.tree.mkdir()
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        command = [sys.executable, "-m", "gitconfigmgr", "serve", str(self.tree), "--listen", "127.0.0.1:0"]
        log = self.folder / "log"
        with log.open("w") as file:
            self._process = subprocess.Popen([*command, "--state", str(self.state), *options], stderr=file)
        ends = time.monotonic() + 60
        while not (found := re.search(r"listens on http://127\.0\.0\.1:(\d+)", log.read_text())):
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < ends
            time.sleep(0.02)
        self.port = int(found[1])

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def token(
        self, *abilities: str, tenant: str = "acme", environments: tuple[str, ...] = ("*",), name: str = ""
    ) -> str:
        made = new_token()
        allowed = frozenset(map(Ability, abilities))
        grant = Grant(tenant, allowed, environments, ("*",), name or made[-6:], key_of(made))
        SqliteTokens(self.state).add(Token(grant, 0.0))
        return made

    def ask(
        self, method: str, path: str, token: str = "", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = ({"Authorization": f"Bearer {token}"} if token else {}) | headers
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Not started: tokens that are there at its start are known at once."""
    made = Running(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database of a server of our own."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with server(found) as url:
        yield url


def report(instance: str = "node-1", **more: Any) -> dict[str, Any]:
    """What an agent says of itself."""
    return {
        "state": "ready", "age": 3.5, "release": 7, "commit": "ab" * 20, "environment": "production",
        "instance": instance, "since": 1.0, "expires_in": 3600.0, "reason": None, "waiting": None,
        "namespaces": {"acme/chat": 4},
    } | more  # fmt: skip
