"""HTTP/1.1 for readers on this machine: bounded heads, bodies and numbers of connections. A Door is one listener."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 10.0  # from the first byte of a request to its last
_IDLE_SECONDS = 300.0
_CONNECTIONS = 1024  # of one listener; for a new one, the one that was idle for longest is closed
_FILES = 8192
BACKLOG = 1024  # connections that wait to be taken: all workers of an application start at once
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_READING = ("GET", "HEAD")
_TITLES = {
    200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class Request(NamedTuple):
    """`parts` are the path's segments, decoded; header names are in lower case."""

    target: str
    parts: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


class Response(NamedTuple):
    """`lines` are ready header lines, each with its line end."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    lines: str = ""


class Stream(NamedTuple):
    """What takes its time: one Response, or the events of an SSE stream."""

    source: AsyncIterator[bytes | Response]


class Door:
    """What every connection of a listener shares; called, it makes one: a protocol factory for asyncio.

    `local` demands a Host of this machine: a web page must not read it under a name of its own. `refuse` says in the
    listener's own form what is no request.
    """

    def __init__(
        self,
        handle: Callable[[Request], Response | Stream],
        *,
        local: bool,
        methods: Collection[str] = _READING,
        body_bytes: int = 0,
        refuse: Callable[[int, str], Response] | None = None,
    ) -> None:
        self.handle = handle
        self.refuse = refuse or problem
        self.local = local
        self.methods = methods
        self.body_bytes = body_bytes
        self.open: dict[Connection, None] = {}  # by last use
        self._sweep: asyncio.TimerHandle | None = None

    def __call__(self) -> Connection:
        return Connection(self)

    def enter(self, connection: Connection) -> None:
        """A connection is there. The one that was idle for longest makes room."""
        if len(self.open) >= _CONNECTIONS:
            next((other for other in self.open if other.idle), connection).drop()
        self.open[connection] = None
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(1, self._close_late)

    def used(self, connection: Connection) -> None:
        """It has sent a request."""
        del self.open[connection]
        self.open[connection] = None

    def leave(self, connection: Connection) -> None:
        self.open.pop(connection, None)

    def admit(self, head: bytes) -> Request | Response:
        """The request of a head, still without its body, or what is said instead."""
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            return self.refuse(400, "not HTTP/1.1")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        method, target, version = words
        if method not in self.methods:
            return self.refuse(405, f"{', '.join(self.methods)} only")
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdecimal()):
            return self.refuse(400, "a body has a Content-Length")
        if len(length) > 9 or int(length) > self.body_bytes:
            return self.refuse(413, f"{self.body_bytes} bytes at most")
        if self.local and _host(headers.get("host", "")) not in _LOCAL:
            return self.refuse(403, "not a name of this machine")
        if version == "HTTP/1.0" and headers.get("connection", "").lower() != "keep-alive":
            headers["connection"] = "close"
        path, _, query = target.partition("?")
        parts = tuple(unquote(part) for part in path.split("/") if part)
        return Request(target, parts, dict(parse_qsl(query, keep_blank_values=True)) if query else {}, headers, method)

    def _close_late(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [connection for connection in self.open if connection.due < now]:
            connection.drop()
        self._sweep = loop.call_later(1, self._close_late) if self.open else None


class Connection(asyncio.Protocol):
    """One reader. `due` is when it is closed, in the loop's time, unless something comes."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._partial = False  # a request has begun
        self._full = False  # the reader does not take what it was sent
        self.due = 0.0

    @property
    def idle(self) -> bool:
        return self._task is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._wait(_IDLE_SECONDS)
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._door.leave(self)
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Nothing more is answered, nor read, until the reader has taken what waits for it."""
        self._full = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if self._transport is not None:
            self._transport.resume_reading()
        self._serve()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is not None and len(self._buffer) > _HEAD_BYTES + self._door.body_bytes:
            self.close()
        self._serve()

    def close(self) -> None:
        """Once the reader has taken what waits for it."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """At once: one that takes nothing would stay for ever."""
        self._door.leave(self)
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        """All requests that have come in whole."""
        while self._buffer and self._task is None and not self._full and not self._closing():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > _HEAD_BYTES:
                self._refuse(self._door.refuse(431, f"{_HEAD_BYTES} bytes at most"))
                return
            request = self._door.admit(head) if end else None
            if isinstance(request, Response):
                self._refuse(request)
                return
            length = int(request.headers.get("content-length", 0)) if request else 0
            if request is None or len(rest) < length:
                if not self._partial:
                    self._partial = True
                    self._wait(_HEAD_SECONDS)
                return
            self._buffer, self._partial = rest[length:], False
            self._wait(_IDLE_SECONDS)
            self._door.used(self)
            self._answer(request._replace(body=rest[:length]) if length else request)

    def _answer(self, request: Request) -> None:
        try:
            response = self._door.handle(request)
        except Exception as error:  # noqa: BLE001 - one request must not end the agent
            self._refuse(self._door.refuse(500, type(error).__name__))
            return
        if isinstance(response, Stream):
            self.due = float("inf")
            self._task = self._loop.create_task(self._follow(response, request))
            return
        self._send(response, request)

    def _send(self, response: Response, request: Request | None = None) -> None:
        assert self._transport is not None
        status, body, kind, lines = response
        head = f"HTTP/1.1 {status} {_TITLES[status]}\r\n{lines}"
        if status not in (204, 304):
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        with_body = status != 304 and (request is None or request.method != "HEAD")
        self._transport.write(head.encode("latin-1") + b"\r\n" + (body if with_body else b""))
        if request is not None and request.headers.get("connection", "").lower() == "close":
            self.close()

    async def _follow(self, stream: Stream, request: Request) -> None:
        assert self._transport is not None
        begun = False
        async for item in stream.source:
            if isinstance(item, Response):
                self._send(item, request)
                continue
            if not begun:
                begun = True
                head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                self._transport.write(f"{head}Connection: close\r\n\r\n".encode())
            self._transport.write(item)
            if self._full:
                break  # nobody reads the events: the reader comes again and is told of the last state
        self._task = None
        self._wait(_IDLE_SECONDS)
        if begun:
            self.close()
        else:
            self._serve()

    def _refuse(self, response: Response) -> None:
        self._send(response._replace(lines="Connection: close\r\n"))
        self.close()

    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _wait(self, seconds: float) -> None:
        self.due = self._loop.time() + seconds


def raise_file_limit() -> None:
    """A service manager often starts with 1,024 open files, fewer than two listeners may have connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match names this ETag, given without its quotes; weak comparison (RFC 9110, 13.1.2)."""
    if not header:
        return False
    return header in (f'"{etag}"', "*") or f'"{etag}"' in (part.strip(" \tW/") for part in header.split(","))


def _host(header: str) -> str:
    return header if header.endswith("]") or ":" not in header else header.rpartition(":")[0]


def problem(status: int, detail: str = "", lines: str = "") -> Response:
    """RFC 9457."""
    import orjson

    body = {"title": _TITLES[status], "status": status} | ({"detail": detail} if detail else {})
    return Response(status, orjson.dumps(body), "application/problem+json", lines)
