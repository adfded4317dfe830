"""Reading configuration from the agent on this machine. Nothing but the standard library is needed.

config = Config("acme/assistants/chat-api", socket="/run/gitconfigmgr.sock")
timeout = config.get("api.timeout", float, default=30.0)
config.on_change(lambda: print("changed"))
"""

from __future__ import annotations

import http.client
import json
import socket as sockets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar, overload
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_ABSENT: Any = object()
_WAIT = 30


class ConfigError(Exception):
    """The agent does not answer, or gives nothing in its state."""


class Value(NamedTuple):
    """A value as it is served: `age` in seconds since it was proved to be current, `state` as the agent has it."""

    value: Any
    version: int
    age: float
    state: str

    @property
    def stale(self) -> bool:
        return self.state not in ("ready", "pinned")


class Config:
    """One namespace. `socket` is the agent's unix socket, or `url` its address, such as http://127.0.0.1:8787.

    Usable from several threads: each has a connection of its own.
    """

    def __init__(
        self, namespace: str, *, socket: str | None = None, url: str | None = None, timeout: float = 5.0
    ) -> None:
        if (socket is None) == (url is None):
            raise ValueError("name the agent's socket, or its url")
        self.namespace = namespace
        self._socket = socket
        self._url = urlsplit(url) if url else None
        self._timeout = timeout
        self._local = threading.local()
        self._open: set[http.client.HTTPConnection] = set()
        self._callbacks: list[Callable[[], object]] = []
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    @overload
    def get(self, key: str) -> Any: ...
    @overload
    def get(self, key: str, kind: type[T]) -> T: ...
    @overload
    def get(self, key: str, kind: type[T], default: T) -> T: ...
    def get(self, key: str, kind: type[Any] = object, default: Any = _ABSENT) -> Any:
        """A value, of a kind where one is asked for. Raises KeyError without a default, TypeError, ConfigError."""
        try:
            value = self.value(key).value
        except KeyError:
            if default is _ABSENT:
                raise
            return default
        if kind is float and type(value) is int:
            return float(value)
        if not isinstance(value, kind) or (kind in (int, float) and isinstance(value, bool)):
            raise TypeError(f"{self.namespace} {key} is {type(value).__name__}, not {kind.__name__}")
        return value

    def document(self) -> dict[str, Any]:
        """The whole document."""
        found = self.value("").value
        assert isinstance(found, dict)
        return found

    def value(self, key: str) -> Value:
        """A value with its version, age and state."""
        status, headers, body = self._ask(f"/config/{self.namespace}/{quote(key, safe='')}")
        if status == 404:
            raise KeyError(f"{self.namespace} {key}")
        if status != 200:
            raise ConfigError(_detail(status, body))
        version, age = int(headers["X-Gcm-Version"]), float(headers["X-Gcm-Age"])
        return Value(json.loads(body), version, age, headers["X-Gcm-State"])

    def status(self) -> dict[str, Any]:
        """What the agent says of itself."""
        status, _, body = self._ask("/status")
        if status != 200:
            raise ConfigError(_detail(status, body))
        found: dict[str, Any] = json.loads(body)
        return found

    def ready(self) -> bool:
        """Whether the agent has verified configuration that it may serve, as its /health/ready says."""
        return self._ask("/health/ready")[0] == 200

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call it, from a thread of ours, after each new version of the namespace. The first callback starts the watch."""
        self._callbacks.append(callback)
        if self._watcher is None:
            seen = self._versions("")
            self._watcher = threading.Thread(target=self._watch, args=(seen,), name="gitconfigmgr", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """End the watch, and close the connections of all threads."""
        self._closed.set()
        for connection in list(self._open):
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(sockets.SHUT_RDWR)  # wakes the watch, which is waiting for an answer
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(self._timeout)
        for connection in list(self._open):
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _watch(self, seen: dict[str, Any]) -> None:
        while not self._closed.is_set():
            try:
                found = self._versions(str(seen["after"]))
            except ConfigError:
                self._closed.wait(1)
                continue
            changed = found["namespaces"].get(self.namespace) != seen["namespaces"].get(self.namespace)
            seen = found
            if changed and not self._closed.is_set():
                for callback in self._callbacks:
                    callback()

    def _versions(self, after: str) -> dict[str, Any]:
        while True:
            status, _, body = self._ask(f"/watch?after={after}", {"Prefer": f"wait={_WAIT}"}, _WAIT + self._timeout)
            if status == 200:
                found: dict[str, Any] = json.loads(body)
                return found
            if status != 204:
                raise ConfigError(_detail(status, body))
            if self._closed.is_set():
                raise ConfigError("closed")

    def _ask(
        self, path: str, headers: dict[str, str] | None = None, timeout: float | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Once more over a new connection where a kept one was closed."""
        kept = getattr(self._local, "connection", None)
        for connection in (kept, None) if kept else (None,):
            used = connection or self._connect(timeout or self._timeout)
            self._open.add(used)
            try:
                used.request("GET", path, headers=headers or {})
                response = used.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                used.close()
                self._open.discard(used)
                self._local.connection = None
                if connection is None or self._closed.is_set():
                    raise ConfigError(f"the agent does not answer: {error}") from None
                continue
            self._local.connection = used
            return response.status, response.headers, body
        raise AssertionError("unreachable")

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._url is not None:
            return http.client.HTTPConnection(self._url.hostname or "", self._url.port or 80, timeout=timeout)
        assert self._socket is not None
        return _UnixConnection(self._socket, timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        ends = time.monotonic() + (self.timeout or 0)
        while True:
            try:
                return self.sock.connect(self._path)
            except BlockingIOError:  # so many connect at once that the agent has to catch up
                if time.monotonic() > ends:
                    raise
                time.sleep(0.01)


def _detail(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
