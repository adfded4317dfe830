"""HTTP/1.1 for readers on this machine: GET and HEAD, no bodies, bounded heads. One connection is one Connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 10.0  # from its first byte to its last
_IDLE_SECONDS = 300.0
_CONNECTIONS = 1024
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_TITLES = {
    200: "OK", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip


class Request(NamedTuple):
    """`parts` are the path's segments, decoded; header names are in lower case."""

    target: str
    parts: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]


class Response(NamedTuple):
    """`lines` are ready header lines, each with its line end."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    lines: str = ""


class Stream(NamedTuple):
    """What takes its time: one Response, or the events of an SSE stream."""

    source: AsyncIterator[bytes | Response]


class Connection(asyncio.Protocol):
    """`local` demands a Host of this machine: a web page must not read it under a name of its own."""

    open_now = 0

    def __init__(self, handle: Callable[[Request], Response | Stream], *, local: bool) -> None:
        self._handle = handle
        self._local = local
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        Connection.open_now += 1
        if Connection.open_now > _CONNECTIONS:
            transport.close()
        self._wait(_IDLE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        Connection.open_now -= 1
        self._wait(None)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        first = not self._buffer
        self._buffer += data
        if self._task is not None:
            if len(self._buffer) > _HEAD_BYTES:
                self._close()
            return
        self._serve()
        if self._buffer and first and self._task is None:
            self._wait(_HEAD_SECONDS)

    def _serve(self) -> None:
        while self._task is None and self._transport is not None and not self._transport.is_closing():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                if len(self._buffer) > _HEAD_BYTES:
                    self._refuse(431)
                return
            self._buffer = rest
            self._wait(_IDLE_SECONDS)
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        method, target, headers = _parsed(head)
        if method not in ("GET", "HEAD") or "content-length" in headers or "transfer-encoding" in headers:
            self._refuse(405 if method else 400)
            return
        if self._local and _host(headers.get("host", "")) not in _LOCAL:
            self._refuse(403)
            return
        path, _, query = target.partition("?")
        parts = tuple(unquote(part) for part in path.split("/") if part)
        request = Request(target, parts, dict(parse_qsl(query)), headers)
        try:
            response = self._handle(request)
        except Exception as error:  # noqa: BLE001 - one request must not end the agent
            self._refuse(500, type(error).__name__)
            return
        if isinstance(response, Stream):
            self._wait(None)
            self._task = asyncio.get_running_loop().create_task(self._follow(response))
            return
        self._send(response, with_body=method == "GET")
        if headers.get("connection", "").lower() == "close":
            self._close()

    def _send(self, response: Response, *, with_body: bool = True) -> None:
        assert self._transport is not None
        status, body, kind, lines = response
        head = f"HTTP/1.1 {status} {_TITLES[status]}\r\n{lines}"
        if status not in (204, 304):
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(head.encode("latin-1") + b"\r\n" + (body if with_body and status != 304 else b""))

    async def _follow(self, stream: Stream) -> None:
        assert self._transport is not None
        begun = False
        async for item in stream.source:
            if isinstance(item, Response):
                self._send(item)
                continue
            if not begun:
                begun = True
                head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                self._transport.write(f"{head}Connection: close\r\n\r\n".encode())
            self._transport.write(item)
        self._task = None
        if begun:
            self._close()
        else:
            self._wait(_IDLE_SECONDS)
            self._serve()

    def _refuse(self, status: int, detail: str = "") -> None:
        self._send(problem(status, detail)._replace(lines="Connection: close\r\n"))
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._close)


def _host(header: str) -> str:
    return header if header.endswith("]") or ":" not in header else header.rpartition(":")[0]


def problem(status: int, detail: str = "", lines: str = "") -> Response:
    """RFC 9457."""
    import orjson

    body = {"title": _TITLES[status], "status": status} | ({"detail": detail} if detail else {})
    return Response(status, orjson.dumps(body), "application/problem+json", lines)


def _parsed(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, target, headers; no method where it is not HTTP/1."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return "", "", {}
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return words[0], words[1], headers
