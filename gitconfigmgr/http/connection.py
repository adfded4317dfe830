"""HTTP/1.1 on httptools: heads, bodies and times are bounded, and requests of one connection are answered in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httptools

from gitconfigmgr.http.messages import Answer, ClosedError, Request, Stream, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gitconfigmgr.http.listener import Listener

_TARGET_BYTES = 8 * 1024
_HEADERS = 100
_HEAD_SECONDS, _STALL_SECONDS, _DISCARD_SECONDS = 10.0, 30.0, 2.0
_PIPELINED = 32
_PIECE, _BODY_PIECE = 1024, 64 * 1024  # what is parsed at once: between two pieces it can be stopped
_FOREVER = float("inf")


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class Connection(asyncio.Protocol):
    """One client. `ends` is when its time is over, unless something comes."""

    def __init__(self, listener: Listener) -> None:
        self.transport: asyncio.Transport
        self.address = ""
        self.certificate: dict[str, Any] | None = None
        self.ends = _FOREVER
        self._listener = listener
        self._idle_seconds = listener.bounds.idle_seconds
        self._parser = httptools.HttpRequestParser(self)
        self._unread = b""
        self._reading: Request | None = None  # whose head or body is coming
        self._in_head = False
        self._head_size = 0
        self._lists = False  # what is coming was sent as LIST
        self._queue: deque[Request] = deque()  # the first one is being answered, the others wait
        self._refused: tuple[int, str] | None = None  # said when the queue is empty
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
        self._listener.enter(self)
        self.ends = self._listener.now + self._listener.bounds.first_seconds

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._listener.leave(self)
        self._closing = True
        for request in self._queue:
            request.lost()
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ClosedError())
            self._writable.exception()  # perhaps nobody waits for it
        if self._task is not None:
            self._task.cancel()
        del self._parser  # they hold each other

    def data_received(self, data: bytes) -> None:
        if self._unread or len(data) > _PIECE or self._listener.lists or self._paused or self._refused or self._closing:
            self._unread += data
            self._parse()
        else:  # as it mostly is
            self._feed(data)

    def _parse(self) -> None:
        """What has come, as far as there is room for its requests and bodies."""
        data, at = self._unread, 0
        self._unread = b""
        while at < len(data) and not (self._paused or self._closing or self._refused):
            piece = self._piece(data, at)
            if not piece:
                break
            at += len(piece)
            self._feed(piece)
        if not (self._closing or self._refused):
            self._unread = data[at:]

    def _piece(self, data: bytes, at: int) -> bytes:
        """What is parsed next. The parser does not know LIST, so that it gets lines, and another word of that length."""
        if not self._listener.lists:
            in_body = self._reading is not None and not self._in_head
            return data[at : at + (_BODY_PIECE if in_body else _PIECE)]
        piece = data[at : (data.find(b"\n", at, at + _PIECE) + 1) or at + _PIECE]
        if self._reading is None and piece[:5] == b"LIST "[: len(piece)]:
            if len(piece) < 5:
                self._begin_head()
                return b""
            self._lists = True
            return b"LINK " + piece[5:]
        return piece

    def _feed(self, piece: bytes) -> None:
        going_on = self._in_head
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken here: the request is answered, and the connection closed
        except httptools.HttpParserError as error:
            refused = error.__context__
            if isinstance(refused, _RefusedError):
                self._refuse(refused.status, str(refused))
            else:
                self._refuse(400, "this is no HTTP request")
        if going_on and self._in_head:
            self._head_size += len(piece)
            if self._head_size > self._listener.bounds.head_bytes:
                self._refuse(431, f"{self._listener.bounds.head_bytes} bytes at most")

    def pause_writing(self) -> None:
        """Nothing more is answered until the client has taken what waits for it, and in the end nothing more read."""
        self._writable = asyncio.get_running_loop().create_future()
        self.ends = self._listener.now + _STALL_SECONDS

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        self._wait()
        if writable is not None and not writable.done():
            writable.set_result(None)
        self._answer()

    def _wait(self) -> None:
        """What comes next has its time from now on."""
        if self._writable is not None:
            self.ends = self._listener.now + _STALL_SECONDS
        elif self._task is not None:
            self.ends = _FOREVER
        else:
            self.ends = self._listener.now + (_HEAD_SECONDS if self._in_head else self._idle_seconds)

    def proceed(self) -> None:
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def resume_reading(self) -> None:
        if self._paused and len(self._queue) < _PIPELINED:
            self._paused = False
            self.transport.resume_reading()
            if self._unread:
                asyncio.get_running_loop().call_soon(self._parse)

    # -- the parser --------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._reading = Request(self)
        self._head_size = 0
        self._begin_head()

    def _begin_head(self) -> None:
        if not self._in_head:
            self._in_head = True
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
        request.method = b"LIST" if self._lists else self._parser.get_method()
        self._lists = False
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise _RefusedError(400, "this is no HTTP request")
        request.keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        headers = request.headers
        if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
            if request.method in (b"GET", b"HEAD", b"LIST"):
                raise _RefusedError(400 if b"transfer-encoding" in headers else 413, "a body is of no use here")
            request.expect_body()
        self._listener.used(self)
        self._queue.append(request)
        if len(self._queue) == 1:
            self._answer()
        if len(self._queue) >= _PIPELINED:
            self._pause()

    def on_body(self, piece: bytes) -> None:
        self.ends = self._listener.now + _STALL_SECONDS
        if self._reading is not None and not self._reading.feed(piece):
            self._pause()

    def on_message_complete(self) -> None:
        request, self._reading = self._reading, None
        if request is not None and not request.complete:
            request.end()
            self._wait()

    # -- answers -----------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        """Answer what is first in the queue, and what follows, as far as answers are at hand."""
        while self._queue and self._task is None and self._writable is None and not self._closing:
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
        if self._refused and not self._queue and not self._closing:
            self._say(*self._refused)

    async def _later(self, request: Request, coming: Stream | Awaitable[Answer | Stream]) -> None:
        try:
            try:
                answer = coming if isinstance(coming, Stream) else await coming
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
            if not self._closing:
                self._send(request, answer)
        except ClosedError:
            return
        finally:
            self._task = None
        self._wait()
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
            if self._in_head or self._writable is not None:
                self._wait()
            else:  # as it mostly is
                self.ends = self._listener.now + self._idle_seconds
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
        """What is no request, or too much of one, is answered once, in its turn; nothing more is read."""
        if self._closing or self._refused:
            return
        if self._reading is not None and not self._reading.complete:
            self._reading.lost()  # a body that breaks off: its handler waits for the rest
            self._drop(None)
            return
        self._in_head = False
        self._refused = status, detail
        if not self._queue:
            self._say(status, detail)

    def _say(self, status: int, detail: str) -> None:
        answer = self._listener.problem(status, detail)
        self.transport.write(b"".join((answer.head, b"Connection: close\r\n", self._listener.tail, answer.body)))
        self._drop(None)

    def _drop(self, request: Request | None) -> None:
        """Close; but first take what is still being sent, for a reset would lose the answer on its way."""
        if self._closing:
            return
        self._closing = True
        self._in_head = False
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
        if self._in_head and not self._queue:
            self._refuse(408, "")
        else:
            self.drop()

    def drop(self) -> None:
        """At once: one that takes nothing would stay for ever."""
        self._listener.leave(self)
        self.transport.abort()

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered, nor waits to be taken."""
        return self._task is None and self._writable is None

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
