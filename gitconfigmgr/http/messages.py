"""Requests, answers and streams, as handlers have them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BUFFERED = 256 * 1024  # of a body that its handler has not asked for yet
_TITLES = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    409: "Conflict", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 422: "Unprocessable Content", 428: "Precondition Required",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip


def title(status: int) -> str:
    """The reason phrase of a status."""
    return _TITLES[status]


class TooLargeError(Exception):
    """The body has more bytes than its handler takes."""


class ClosedError(Exception):
    """The client has gone."""


class Answer:
    """A complete response. `headers` are ready lines, each with its line end. Made once, it can be sent many times."""

    __slots__ = ("body", "head", "status")

    def __init__(self, status: int, body: bytes = b"", kind: str = "application/json", headers: str = "") -> None:
        self.status = status
        self.body = body
        head = f"HTTP/1.1 {status} {_TITLES[status]}\r\n{headers}"
        if status not in (204, 304):
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.head = head.encode("latin-1")


class Stream(NamedTuple):
    """A response whose end is not known; its pieces are written as they come."""

    pieces: AsyncIterator[bytes]
    kind: str = "text/event-stream"


class Channel(Protocol):
    """What a request needs of its connection."""

    address: str
    certificate: dict[str, Any] | None

    def proceed(self) -> None:
        """Tell a client that waits for it to send its body."""
        ...

    def resume_reading(self) -> None: ...


class Request:
    """One request. `target` is what was sent; header names are in lower case. `route` is what metrics call it."""

    __slots__ = (
        "_channel", "_pieces", "_size", "_waiter", "address", "begun", "certificate", "complete", "headers",
        "keep_alive", "method", "route", "target",
    )  # fmt: skip

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._pieces: deque[bytes] | None = None
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.target = b""
        self.method = b""
        self.headers: dict[bytes, bytes] = {}
        self.address = channel.address
        self.certificate = channel.certificate
        self.begun = time.perf_counter()
        self.complete = True
        self.keep_alive = True
        self.route = ""

    def header(self, name: str, otherwise: str = "") -> str:
        found = self.headers.get(name.encode())
        return otherwise if found is None else found.decode("latin-1")

    @property
    def has_body(self) -> bool:
        """Whether one comes, or waits here."""
        return self._pieces is not None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ClosedError."""
        if not self.complete and self.headers.get(b"expect", b"").lower() == b"100-continue":
            self._channel.proceed()
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                if self._size < _BUFFERED:
                    self._channel.resume_reading()
                yield piece
            if self.complete:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def body(self, most: int) -> bytes:
        """The whole body. Raises TooLargeError, ClosedError."""
        found, size = [], 0
        async for piece in self.chunks():
            size += len(piece)
            if size > most:
                raise TooLargeError
            found.append(piece)
        return b"".join(found)

    # -- from the connection -----------------------------------------------------------------------------------------

    def expect_body(self) -> None:
        self.complete = False
        self._pieces = deque()

    def feed(self, piece: bytes) -> bool:
        """Keep a piece; whether reading may go on."""
        if self._pieces is not None:
            self._pieces.append(piece)
            self._size += len(piece)
            self._wake(None)
        return self._size < _BUFFERED

    def forget_body(self) -> None:
        self._pieces = None
        self._size = 0

    def end(self) -> None:
        self.complete = True
        self._wake(None)

    def lost(self) -> None:
        self._wake(ClosedError())

    def _wake(self, error: Exception | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
