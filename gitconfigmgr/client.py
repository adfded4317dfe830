"""Reading configuration from the agent on this machine. Nothing but the standard library is needed.

config = Config("acme/assistants/chat-api", socket="/run/gitconfigmgr.sock")
timeout = config.get("api.timeout", float, default=30.0)
settings = config.follow(Settings)  # a dataclass; settings.current is always the newest
config.on_change(lambda: print("changed"))
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket as sockets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar, overload
from urllib.parse import quote, urlsplit

from gitconfigmgr.kinds import as_kind

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_ABSENT: Any = object()
_WAIT = 30
_log = logging.getLogger(__name__)


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


class Followed(Generic[T]):
    """`current` is replaced as a whole after each new version: reading it takes no time, and asks nobody."""

    def __init__(self, current: T) -> None:
        self.current = current


class Config:
    """One namespace. `socket` is the agent's unix socket, or `url` its address, such as http://127.0.0.1:8787.

    Where neither is given, GITCONFIGMGR_SOCKET or GITCONFIGMGR_URL name it. Usable from several threads: each has a
    connection of its own. After a fork, reading goes on with new ones; a watch has to be started in the child.
    """

    def __init__(
        self, namespace: str, *, socket: str | None = None, url: str | None = None, timeout: float = 5.0
    ) -> None:
        if socket is None and url is None:
            socket, url = os.environ.get("GITCONFIGMGR_SOCKET"), os.environ.get("GITCONFIGMGR_URL")
        if (socket is None) == (url is None):
            raise ValueError("name the agent's socket, or its url")
        self.namespace = namespace
        self._socket = socket
        self._url = urlsplit(url) if url else None
        self._timeout = timeout
        self._read = 0  # the last version that was given out
        self._callbacks: list[Callable[[], object]] = []
        self._closed = threading.Event()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._local = threading.local()
        self._open: set[http.client.HTTPConnection] = set()
        self._watcher: threading.Thread | None = None

    @overload
    def get(self, key: str) -> Any: ...
    @overload
    def get(self, key: str, kind: type[T]) -> T: ...
    @overload
    def get(self, key: str, kind: type[T], default: T) -> T: ...
    def get(self, key: str, kind: Any = object, default: Any = _ABSENT) -> Any:
        """A value, of a kind where one is asked for: int, bool, list[str], a dataclass ...

        Raises KeyError without a default, TypeError for another kind, ConfigError.
        """
        try:
            value = self.value(key).value
        except KeyError:
            if default is _ABSENT:
                raise
            return default
        return as_kind(value, kind, f"{self.namespace} {key}")

    @overload
    def document(self) -> dict[str, Any]: ...
    @overload
    def document(self, kind: type[T]) -> T: ...
    def document(self, kind: Any = dict) -> Any:
        """The whole document, as a dataclass where one is named. Raises TypeError, ConfigError."""
        return as_kind(self.value("").value, kind, self.namespace)

    def value(self, key: str) -> Value:
        """A value with its version, age and state."""
        status, headers, body = self._ask(self._path(key))
        if status == 404:
            raise KeyError(f"{self.namespace} {key}")
        if status != 200:
            raise ConfigError(_detail(status, body))
        version, age = int(headers["X-Gcm-Version"]), float(headers["X-Gcm-Age"])
        self._read = version
        return Value(json.loads(body), version, age, headers["X-Gcm-State"])

    def explain(self, key: str) -> dict[str, Any]:
        """Where a value comes from: `source` as file, line and column, `commit`, and the whole `entry` of its provenance."""
        status, _, body = self._ask(f"{self._path(key)}?provenance=1")
        if status == 404:
            raise KeyError(f"{self.namespace} {key}: {_detail(status, body)}")
        if status != 200:
            raise ConfigError(_detail(status, body))
        found: dict[str, Any] = json.loads(body)["provenance"]
        return found

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

    def follow(self, kind: type[T]) -> Followed[T]:
        """The document, kept current. Raises what `document` raises; later, what does not fit is logged, and left out."""
        followed, one_by_one = Followed(self.document(kind)), threading.Lock()

        def renew() -> None:
            with one_by_one:
                followed.current = self.document(kind)

        self.on_change(renew)
        renew()  # what came between the first reading and the watch
        return followed

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call it, from a thread of ours, after each version that is newer than what was read here before.

        The first callback starts the watch. What a callback raises is logged.
        """
        self._mine()
        self._callbacks.append(callback)
        if self._watcher is None:
            seen = self._versions("")
            if self._read:
                seen["namespaces"][self.namespace] = self._read
                seen["after"] = ""
            self._watcher = threading.Thread(target=self._watch, args=(seen,), name="gitconfigmgr", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """End the watch, and close the connections of all threads."""
        self._mine()
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

    def _mine(self) -> None:
        """In a child process, connections are still the parent's: they are left to it."""
        if self._process != os.getpid():
            self._begin()

    def _path(self, key: str) -> str:
        return f"/config/{quote(self.namespace)}" + (f"/{quote(key, safe='')}" if key else "")

    def _watch(self, seen: dict[str, Any]) -> None:
        while not self._closed.is_set():
            try:
                found = self._versions(str(seen["after"]))
            except ConfigError:
                self._closed.wait(1)
                continue
            changed = _mark(found, self.namespace) != _mark(seen, self.namespace)
            seen = found
            for callback in self._callbacks if changed else ():
                try:
                    if not self._closed.is_set():
                        callback()
                except Exception:  # noqa: BLE001 - a callback that fails must not end the watch
                    _log.exception("a callback for %s failed", self.namespace)

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
        self._mine()
        kept = getattr(self._local, "connection", None)
        for connection in (kept, None) if kept else (None,):
            used = connection or self._connect()
            self._open.add(used)
            used.timeout = timeout or self._timeout
            try:
                if used.sock is not None:
                    used.sock.settimeout(used.timeout)
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

    def _connect(self) -> http.client.HTTPConnection:
        if self._url is not None:
            return http.client.HTTPConnection(self._url.hostname or "", self._url.port or 80, timeout=self._timeout)
        assert self._socket is not None
        return _UnixConnection(self._socket, self._timeout)


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


def _mark(versions: dict[str, Any], namespace: str) -> tuple[Any, Any]:
    """What tells one state of a namespace from another."""
    return versions["namespaces"].get(namespace), versions.get("overridden", {}).get(namespace)


def _detail(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
