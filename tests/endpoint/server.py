"""An endpoint as a process, and requests as bytes go over the wire."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens
from gitconfigmgr.sync.access import Ability, Grant, key_of, new_token
from gitconfigmgr.sync.endpoint import Token
from tests.waiting import eventually

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """The process that serves a tree."""

    def __init__(self, tree: Path, state: Path) -> None:
        self.tree = tree
        self.state = state
        self.log: list[dict[str, Any]] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.place = ("127.0.0.1", 0)
        self.tls: ssl.SSLContext | None = None

    def token(self, *abilities: str, name: str = "", expires: float | None = None, **more: Any) -> str:
        made = new_token()
        grant = Grant(
            more.pop("tenant", "acme"), frozenset(map(Ability, abilities or ("read",))), name=name or made[4:12],
            key=key_of(made), expires=expires, **more,
        )  # fmt: skip
        SqliteTokens(self.state).add(Token(grant, time.time()))
        return made

    @property
    def address(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.place[0]}:{self.place[1]}"

    def start(self, *options: str) -> Server:
        command = [sys.executable, "-m", "gitconfigmgr", "serve", str(self.tree), "--state", str(self.state)]
        self.process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", *options], stderr=subprocess.PIPE, env={**os.environ}
        )
        self.log = []
        self.reader = threading.Thread(target=self._read, args=(self.process, self.log), daemon=True)
        self.reader.start()
        line = eventually(lambda: self._listens() or self.process.poll() is not None)
        assert line is not True, self.log
        found = re.search(r":(\d+)$", line)
        assert found
        self.place = ("127.0.0.1", int(found[1]))
        return self

    def _read(self, process: subprocess.Popen[bytes], log: list[dict[str, Any]]) -> None:
        assert process.stderr
        with process.stderr:
            log.extend(json.loads(line) if line[:1] == b"{" else {"message": line.decode()} for line in process.stderr)

    def _listens(self) -> str | None:
        return next((line["message"] for line in self.log if "listens on" in line["message"]), None)

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.reader.join(60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.reader.join(60)
        return status

    def ask(
        self, path: str, token: str | None = None, *, method: str = "GET", body: Any = None, **headers: str
    ) -> Reply:
        """One request. Header names have `_` for `-`."""
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        more = {"context": self.tls} if self.tls else {}
        connection = kind(*self.place, timeout=60, **more)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes, *, ends: bool = True) -> bytes:
        """Bytes sent, bytes that came until the other side closed, or with `ends` unset the first of them."""
        with socket.create_connection(self.place, timeout=60) as connection:
            connection.sendall(data)
            found = b""
            while piece := connection.recv(65536):
                found += piece
                if not ends:
                    break
            return found
