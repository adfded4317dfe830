"""What an endpoint does beyond giving files: hints that something is new, and an ear for how agents are.

None of it is needed or trusted: a hint is a reason to look, and what is not heard is found by polling.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from gitconfigmgr.adapters.edge.transport import MissingError
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import layout
from gitconfigmgr.sync.schedule import reconnect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitconfigmgr.adapters.edge.transport import Transport

_DISCOVERY_BYTES, _EVENT_BYTES = 64 * 1024, 256 * 1024
_SILENCE = 45.0  # seconds without a heartbeat: three of them
_WAIT = 30
_LASTED = 60.0  # seconds after which a connection counts as one that works
_TOLD_AGAIN = 10


class Addresses(NamedTuple):
    """Below the folder of the tenant; empty where there is none."""

    watch: str = ""
    status: str = ""
    proposals: str = ""


def discover(transport: Transport) -> Addresses | None:
    """What the discovery document names; None where nobody answers.

    It is not signed: only relative addresses count, and nothing depends on them.
    """
    if not transport.remote:
        return Addresses()
    try:
        found = orjson.loads(transport.get(layout.DISCOVERY, _DISCOVERY_BYTES).data or b"{}")
        return Addresses(*(_relative(found.get(name)) for name in Addresses._fields))
    except (MissingError, ValueError, AttributeError):
        return Addresses()
    except OutsideError:
        return None


class Watch:
    """A thread that calls `hinted` with the number of each timestamp it is told of, until it is ended."""

    def __init__(self, transport: Transport, instance: str, interval: float, release: Callable[[], int]) -> None:
        self._transport = transport
        self._instance = instance
        self._interval = interval
        self._release = release
        self._ended = threading.Event()
        self._long_poll = False

    def start(self, path: str, hinted: Callable[[int], None]) -> None:
        threading.Thread(target=self._run, args=(path, hinted), name="watch", daemon=True).start()

    def end(self) -> None:
        self._ended.set()
        self._transport.cut()

    def _run(self, path: str, hinted: Callable[[int], None]) -> None:
        attempt = 0
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                for number in self._hints(path):
                    hinted(number)
                failed = False
            except OutsideError:
                failed = True
            if time.monotonic() - began > _LASTED or (self._long_poll and not failed):
                attempt = 0
            if failed or not self._long_poll:
                self._ended.wait(reconnect(self._instance, attempt, self._interval))
                attempt += 1

    def _hints(self, path: str) -> Iterator[int]:
        """Of one connection. A stream that gives nothing, not even heartbeats, is followed by long polls."""
        if self._long_poll:
            after, headers = f"{path}?after={self._release()}", {"Prefer": f"wait={_WAIT}"}
            yield from _numbers(b"".join(self._transport.listen(after, headers, _WAIT + _SILENCE)))
            return
        chunks = self._transport.listen(path, {"Accept": "text/event-stream"}, _SILENCE)
        next(chunks)
        silent = True
        try:
            for line in _lines(chunks):
                silent = False
                if line.startswith(b"data:"):
                    yield from _numbers(line[5:])
        except OutsideError:
            self._long_poll = silent
            raise


class Reports:
    """Tells the endpoint how this agent is: after each change, and now and then."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._told: tuple[Any, ...] = ()
        self._since = 0

    def tell(self, path: str, status: Mapping[str, Any]) -> None:
        """A failure is not an error of anything: it is told again the next time."""
        said = tuple(status.get(name) for name in ("state", "release", "reason", "namespaces", "overrides"))
        self._since += 1
        if said == self._told and self._since < _TOLD_AGAIN:
            return
        try:
            self._transport.post(path, orjson.dumps(status))
        except OutsideError:
            self._told = ()
        else:
            self._told, self._since = said, 0


def _relative(path: Any) -> str:
    """An address below the tenant's folder, or nothing."""
    if not isinstance(path, str) or not path.isascii() or not path.isprintable() or "\\" in path:
        return ""
    parts = urlsplit(path)
    inside = not parts.scheme and not parts.netloc and not parts.query and not path.startswith("/")
    return path if inside and not {"..", "."} & set(path.split("/")) and "%" not in path else ""


def _numbers(data: bytes) -> Iterator[int]:
    try:
        number = orjson.loads(data)["timestamp"]
    except (ValueError, KeyError, TypeError):
        return
    if isinstance(number, int):
        yield number


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a stream. Raises OutsideError for one that does not end."""
    held = b""
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        if len(held) > _EVENT_BYTES:
            raise OutsideError("an event has no end")
        yield from (line.rstrip(b"\r") for line in lines)
