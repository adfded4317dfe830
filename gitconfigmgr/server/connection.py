"""HTTP/1.1 on httptools: heads, bodies and times are bounded, and requests of one connection are answered in turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httptools

from gitconfigmgr.server.messages import Answer, ClosedError, Request, Stream, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_HEAD_BYTES = 32 * 1024
_TARGET_BYTES = 8 * 1024
_HEADERS = 100
_HEAD_SECONDS, _IDLE_SECONDS, _STALL_SECONDS, _DISCARD_SECONDS = 10.0, 75.0, 30.0, 2.0
_PIPELINED = 32
_RESERVE = 64  # connections beyond the limit: they get an answer, so that health checks do
_FOREVER = float("inf")


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class Listener:
    """What the connections of one server share. `handle` answers at once or later; `done` is told of each response."""

    def __init__(
        self,
        handle: Callable[[Request], Answer | Awaitable[Answer | Stream]],
        done: Callable[[Request, int], None],
        problem: Callable[[int, str], Answer],
        most: int,
    ) -> None:
        self.handle = handle
        self.done = done
        self.problem = problem
        self.most = most
        self.connections: set[Connection] = set()
        self.tick()

    def tick(self) -> None:
        """Once a second: the date, and whose time is over."""
        self.now = time.monotonic()
        self.tail = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n", time.gmtime()).encode()
        for connection in [item for item in self.connections if item.ends < self.now]:
            connection.expire()

    @property
    def crowded(self) -> bool:
        """Whether there are more connections than there should be."""
        return len(self.connections) > self.most

    @property
    def busy(self) -> bool:
        return any(connection.busy for connection in self.connections)

    def close(self) -> None:
        """Close what is idle; others end with what they are answering."""
        for connection in list(self.connections):
            connection.finish()


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, listener: Listener) -> None:
        self.transport: asyncio.Transport
        self.address = ""
        self.certificate: dict[str, Any] | None = None
        self.ends = listener.now + _HEAD_SECONDS
        self._listener = listener
        self._parser = httptools.HttpRequestParser(self)
        self._reading: Request | None = None  # whose head or body is coming
        self._in_head = False
        self._head_size = 0
        self._queue: deque[Request] = deque()  # the first one is being answered, the others wait
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False
        self._closing = False
        self._streaming = False

    # -- the transport -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's are no subclass of asyncio's
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else "local"
        self.certificate = transport.get_extra_info("peercert") or None
        self._listener.connections.add(self)
        if len(self._listener.connections) > self._listener.most + _RESERVE:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._listener.connections.discard(self)
        self._closing = True
        for request in self._queue:
            request.lost()
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ClosedError())
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken here: the request is answered, and the connection closed
        except httptools.HttpParserError as error:
            refused = error.__context__
            if isinstance(refused, _RefusedError):
                self._refuse(refused.status, str(refused))
            elif not self._closing:
                self._refuse(400, "this is no HTTP request")
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > _HEAD_BYTES:
                self._refuse(431, "")

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()
        self.ends = self._listener.now + _STALL_SECONDS

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        self.ends = _FOREVER if self._task is not None else self._listener.now + _IDLE_SECONDS
        if writable is not None and not writable.done():
            writable.set_result(None)

    def proceed(self) -> None:
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def resume_reading(self) -> None:
        if self._paused and len(self._queue) < _PIPELINED:
            self._paused = False
            self.transport.resume_reading()

    # -- the parser --------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._reading = Request(self)
        self._in_head = True
        self._head_size = 0
        if not self._queue:
            self.ends = self._listener.now + _HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        assert self._reading is not None
        self._reading.target += url
        if len(self._reading.target) > _TARGET_BYTES:
            raise _RefusedError(414, "")

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._reading is not None
        headers, name = self._reading.headers, name.lower()
        if name in headers:
            if name in (b"authorization", b"host", b"content-length"):
                raise _RefusedError(400, f"there are two headers {name.decode('latin-1')}")
            value = headers[name] + b", " + value
        headers[name] = value
        if len(headers) > _HEADERS:
            raise _RefusedError(431, "")

    def on_headers_complete(self) -> None:
        request = self._reading
        assert request is not None
        self._in_head = False
        request.method = self._parser.get_method()
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise _RefusedError(400, "this is no HTTP request")
        request.keep_alive = version == "1.1" and self._parser.should_keep_alive() and not self._parser.should_upgrade()
        headers = request.headers
        if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
            if request.method in (b"GET", b"HEAD"):
                raise _RefusedError(400, "a body is of no use here")
            request.expect_body()
        self._queue.append(request)
        if len(self._queue) == 1:
            self._answer()
        elif len(self._queue) >= _PIPELINED:
            self._pause()

    def on_body(self, piece: bytes) -> None:
        self.ends = self._listener.now + _STALL_SECONDS
        if self._reading is not None and not self._reading.feed(piece):
            self._pause()

    def on_message_complete(self) -> None:
        request, self._reading = self._reading, None
        if request is not None and not request.complete:
            request.end()
            self.ends = _FOREVER if self._task is not None else self._listener.now + _IDLE_SECONDS

    # -- answers -----------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        """Answer what is first in the queue, and what follows, as far as answers are at hand."""
        while self._queue and self._task is None and not self._closing:
            request = self._queue[0]
            try:
                answer = self._listener.handle(request)
            except Exception as error:  # noqa: BLE001 - one request must not end the server
                answer = self._failed(request, error)
            if isinstance(answer, Answer):
                self._send(request, answer)
            else:
                self.ends = _FOREVER  # handlers bound their own time; a body that stalls is bounded by `on_body`
                if not request.complete:
                    self.ends = self._listener.now + _STALL_SECONDS
                self._task = asyncio.get_running_loop().create_task(self._later(request, answer))

    async def _later(self, request: Request, coming: Awaitable[Answer | Stream]) -> None:
        try:
            try:
                answer = await coming
            except ClosedError:
                return
            except TooLargeError:
                answer = self._listener.problem(413, "the body is too long")
            except Exception as error:  # noqa: BLE001 - as above
                answer = self._failed(request, error)
            if isinstance(answer, Stream):
                with suppress(ClosedError):
                    await self._stream(request, answer)
                self.transport.close()
                return
            if self._writable is not None:
                await self._writable
            self._send(request, answer)
        except ClosedError:
            return
        finally:
            self._task = None
        self._answer()

    def _send(self, request: Request, answer: Answer) -> None:
        close = not (request.keep_alive and request.complete)
        head = answer.head + b"Connection: close\r\n" if close else answer.head
        if request.method == b"HEAD" or answer.status == 304:
            self.transport.write(head + self._listener.tail)
        else:
            self.transport.write(b"".join((head, self._listener.tail, answer.body)))
        self._listener.done(request, answer.status)
        self._queue.popleft()
        if close:
            self._drop(request)
        else:
            self.ends = self._listener.now + (_IDLE_SECONDS if self._writable is None else _STALL_SECONDS)
            if self._paused:
                self.resume_reading()

    async def _stream(self, request: Request, stream: Stream) -> None:
        """Each piece is written once the one before has been taken: a slow client misses none, and holds nothing up."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {stream.kind}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        self.transport.write(head.encode() + self._listener.tail)
        self._listener.done(request, 200)
        self._streaming = True
        async for piece in stream.pieces:
            if self._writable is not None:
                await self._writable
            self.ends = _FOREVER
            self.transport.write(piece)

    def _failed(self, request: Request, error: Exception) -> Answer:
        request.route = request.route or "failed"
        asyncio.get_running_loop().call_exception_handler({"message": "a handler failed", "exception": error})
        return self._listener.problem(500, "")

    def _refuse(self, status: int, detail: str) -> None:
        """What is no request, or too much of one, is answered once; nothing more is read."""
        if self._closing:
            return
        if self._task is None:
            answer = self._listener.problem(status, detail)
            self.transport.write(b"".join((answer.head, b"Connection: close\r\n", self._listener.tail, answer.body)))
        self._in_head = False
        self._drop(None)

    def _drop(self, request: Request | None) -> None:
        """Close; but first take what is still being sent, for a reset would lose the answer on its way."""
        self._closing = True
        if request is not None and request.complete:
            self.transport.close()
            return
        if request is not None:
            request.forget_body()
        self._reading = None
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.ends = _FOREVER
        asyncio.get_running_loop().call_later(_DISCARD_SECONDS, self.transport.close)

    def _pause(self) -> None:
        if not self._paused and not self._closing:
            self._paused = True
            self.transport.pause_reading()

    def expire(self) -> None:
        """Its time is over."""
        if self._in_head and self._task is None:
            self._refuse(408, "")
        else:
            self.transport.abort()

    @property
    def busy(self) -> bool:
        """Whether an answer is being made; a stream has no end to wait for."""
        return self._task is not None and not self._streaming

    def finish(self) -> None:
        """No further request; what is being answered is."""
        if self.busy:
            self._queue[0].keep_alive = False
        else:
            self.transport.close()
