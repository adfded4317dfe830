"""HTTP as bytes: what is no request, too much of one, or comes too slowly."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

import pytest

from gitconfigmgr.http.listener import Bounds, Listener
from gitconfigmgr.http.messages import Answer, Stream

BIG = Answer(200, b"x" * 30_000_000)


class Echo:
    """A listener in this process, whose clock can be moved."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.seen: list[tuple[int, str]] = []
        self.listener = Listener(
            self.handle, lambda status, detail: Answer(status, detail.encode()), bounds or Bounds(100), self.done
        )
        self.ended: list[str] = []

    def handle(self, request):
        if request.target == b"/now":
            return Answer(200, b"now", headers="X-A: b\r\n")
        if request.target == b"/big":
            return BIG
        if request.target == b"/break":
            raise RuntimeError("hidden words")
        return {b"/stream": self.stream, b"/early": self.early, b"/slow": self.slow, b"/wait": self.wait}.get(
            request.target, self.echo
        )(request)

    async def echo(self, request):
        body = await request.body(100_000)
        return Answer(200, request.method + b" " + request.target + b" " + body)

    async def early(self, request):
        return Answer(403)

    async def slow(self, request):
        await asyncio.sleep(0.05)
        return Answer(200, b"slow")

    async def wait(self, request):
        await asyncio.sleep(3600)

    async def stream(self, request):
        async def pieces():
            try:
                for number in range(10_000):
                    yield b"x" * 10_000 + str(number).encode()
                    await asyncio.sleep(0)
            finally:
                self.ended.append("stream")

        return Stream(pieces())

    def done(self, request, status):
        self.seen.append((status, request.target.decode("latin-1")))


def talk(*chunks: bytes, echo: Echo | None = None, later=None, pause: float = 0.0) -> bytes:
    """Send chunks one after the other; all that comes back until the server closes, or says nothing for a moment."""
    echo = echo or Echo()

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        server = await loop.create_server(echo.listener, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with suppress(ConnectionError):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(pause)
        if later is not None:
            await asyncio.sleep(0.05)
            later(echo)
        found = b""
        try:
            while piece := await asyncio.wait_for(reader.read(1 << 20), 0.5):
                found += piece
        except (TimeoutError, ConnectionError):
            pass
        writer.close()
        server.close()
        for connection in list(echo.listener.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        return found

    return asyncio.run(run())


def statuses(found: bytes) -> list[int]:
    return [
        int(line.split()[1])
        for line in found.replace(b"HTTP/1.1", b"\nHTTP/1.1").split(b"\n")
        if line[:8] == b"HTTP/1.1"
    ]


def test_requests_of_one_connection_are_answered_in_turn():
    found = talk(
        b"GET /slow HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\nPOST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /x HTTP/1.1\r\n\r\n"
    )
    assert statuses(found) == [200] * 4
    assert [found.find(text) for text in (b"slow", b"now", b"POST /p abc", b"GET /x")] == sorted(
        found.find(text) for text in (b"slow", b"now", b"POST /p abc", b"GET /x")
    )


def test_many_requests_at_once_are_all_answered():
    found = talk(b"GET /slow HTTP/1.1\r\n\r\n" + b"GET /now HTTP/1.1\r\n\r\n" * 500)
    assert statuses(found) == [200] * 501


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_it_does_not_matter_how_the_bytes_are_cut(size):
    sent = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /now HTTP/1.1\r\n\r\n"
    found = talk(*[sent[at : at + size] for at in range(0, len(sent), size)])
    assert statuses(found) == [200, 200]
    assert b"POST /p abcde" in found


def test_a_head_request_has_the_length_and_no_body():
    found = talk(b"HEAD /now HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 3" in found
    assert found.endswith(b"\r\n\r\n")


def test_connections_are_closed_when_that_is_asked_for():
    for sent in (b"GET /now HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET /now HTTP/1.0\r\n\r\n"):
        found = talk(sent, b"GET /now HTTP/1.1\r\n\r\n")
        assert statuses(found) == [200]
        assert b"Connection: close" in found


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n", b"GET /now\r\n\r\n", b"GET /now HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"POST /p HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /p HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /p HTTP/1.1\r\nContent-Length: -3\r\n\r\n", b"POST /p HTTP/1.1\r\nContent-Length: 3x\r\n\r\nabc",
        b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /now HTTP/1.1\r\nA : b\r\n\r\n", b"GET /now HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        b"GET /now HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", b"GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /p HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n" + gzip.compress(b"abc"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_connection_closed(sent):
    found = talk(sent + b"GET /now HTTP/1.1\r\n\r\n")
    assert statuses(found)[:1] in ([400], [413], [])
    assert b"\r\n\r\nnow" not in found
    assert b"Connection: close" in found or not found


def test_nothing_is_switched_to():
    for more in ("Upgrade: websocket", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"):
        found = talk(
            f"GET /now HTTP/1.1\r\nConnection: Upgrade\r\n{more}\r\n\r\n".encode() + b"GET /now HTTP/1.1\r\n\r\n"
        )
        assert statuses(found) == [200]
        assert b"Connection: close" in found


def test_heads_are_bounded():
    assert statuses(talk(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n")) == [414]
    many = b"".join(b"H%d: x\r\n" % number for number in range(200))
    assert statuses(talk(b"GET /now HTTP/1.1\r\n" + many + b"\r\n")) == [431]
    assert statuses(talk(b"GET /now HTTP/1.1\r\nA: ", *[b"x" * 10_000] * 10)) == [431]
    assert statuses(talk(b"GET /now HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n")) == [200]


def test_bodies_are_bounded_and_the_answer_arrives_before_the_end():
    body = b"x" * 200_000
    assert statuses(talk(b"POST /p HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + body)) == [413]
    found = talk(b"POST /early HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n" + body * 10)
    assert statuses(found) == [403]
    assert b"Connection: close" in found
    assert statuses(talk(b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(body) + body)) == [
        413
    ]


def test_a_client_that_waits_for_it_is_told_to_send_its_body():
    found = talk(b"POST /p HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", b"abc", pause=0.05)
    assert statuses(found) == [100, 200]
    assert statuses(talk(b"POST /early HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")) == [403]


def test_a_handler_that_fails_tells_nothing_of_it():
    found = talk(b"GET /break HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\n")
    assert statuses(found) == [500, 200]
    assert b"hidden" not in found


def later(seconds):
    """The clock of the listener, as if this time had gone by."""

    def move(echo):
        real = time.monotonic
        try:
            time.monotonic = lambda: real() + seconds
            echo.listener.tick()
        finally:
            time.monotonic = real

    return move


def test_slow_clients_are_let_go():
    assert statuses(talk(b"GET /now HTTP/1.1\r\nA: ", later=later(11))) == [408]
    assert statuses(talk(b"GET /now HTTP/1.1\r\nA: ", later=later(5))) == []
    assert talk(later=later(11)) == b""
    assert statuses(talk(b"GET /now HTTP/1.1\r\n\r\n", later=later(76))) == [200]
    assert statuses(talk(b"POST /p HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", later=later(31))) == []


def test_connections_that_are_let_go_are_forgotten():
    for moved, kept in ((5, 1), (11, 0)):
        echo, counts = Echo(), []
        talk(
            b"GET /now HTTP/1.1\r\nA: ",
            echo=echo,
            later=lambda item, moved=moved, counts=counts: (
                later(moved)(item),
                counts.append(sum(not c._closing for c in item.listener.connections)),
            ),
        )
        assert counts == [kept]


def test_a_stream_ends_with_its_client():
    echo = Echo()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(echo.listener, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
        await reader.readexactly(100_000)
        writer.transport.abort()
        for _ in range(600):
            if echo.ended:
                break
            await asyncio.sleep(0.05)
        server.close()

    asyncio.run(run())
    assert echo.ended == ["stream"]
    assert not echo.listener.connections


# -- who is let go ---------------------------------------------------------------------------------------------------


def beside(echo, program):
    """Runs a coroutine beside a listener; it is given what connects to it, without waiting for answers."""
    made = []

    async def run():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(echo.listener, "127.0.0.1", 0)

        def connect():
            made.append(socket.create_connection(server.sockets[0].getsockname()))
            made[-1].setblocking(False)
            return made[-1]

        try:
            await program(connect)
        finally:
            for one in made:
                one.close()
            server.close()
            for connection in list(echo.listener.connections):
                connection.drop()
            await asyncio.sleep(0.01)

    asyncio.run(run())


async def eventually(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def gone(one):
    """Until the other side has closed it; what it had sent is read and passed over."""
    async with asyncio.timeout(60):
        with suppress(ConnectionResetError):
            while await asyncio.get_running_loop().sock_recv(one, 1 << 20):
                pass


@pytest.mark.parametrize("target", [b"/big", b"/stream"])
def test_one_that_takes_nothing_is_let_go(target):
    echo = Echo()

    async def program(connect):
        one = connect()
        await asyncio.get_running_loop().sock_sendall(one, b"GET " + target + b" HTTP/1.1\r\n\r\n")
        await eventually(lambda: any(c._writable is not None for c in echo.listener.connections))
        later(31)(echo)
        await eventually(lambda: not echo.listener.connections)
        await gone(one)

    beside(echo, program)


def test_nothing_more_is_answered_until_the_client_takes_it():
    """A thousand times 30 MB in one write: what waits here is one of them."""
    echo, asked = Echo(), b"GET /big HTTP/1.1\r\n\r\n" * 1000

    async def program(connect):
        one, loop = connect(), asyncio.get_running_loop()
        await loop.sock_sendall(one, asked)
        await eventually(lambda: any(c._paused for c in echo.listener.connections))
        connection = next(iter(echo.listener.connections))
        assert len(echo.seen) == 1
        assert len(connection._queue) < 100
        assert len(connection._unread) <= len(asked)
        size = 0
        async with asyncio.timeout(60):
            while len(echo.seen) < 3:
                size += len(await loop.sock_recv(one, 1 << 20))
        assert size > 30_000_000

    beside(echo, program)


def test_for_one_more_the_one_that_was_idle_for_longest_goes():
    echo = Echo(Bounds(3, reserve=0))

    async def program(connect):
        loop = asyncio.get_running_loop()
        busy = connect()
        await loop.sock_sendall(busy, b"GET /wait HTTP/1.1\r\n\r\n")
        await eventually(lambda: any(not c.idle for c in echo.listener.connections))
        second = connect()
        await eventually(lambda: len(echo.listener.connections) == 2)
        third = connect()
        await eventually(lambda: len(echo.listener.connections) == 3)
        await loop.sock_sendall(second, b"GET /now HTTP/1.1\r\n\r\n")
        await loop.sock_recv(second, 65536)
        fourth = connect()
        await gone(third)
        for one in (second, fourth):
            await loop.sock_sendall(one, b"GET /now HTTP/1.1\r\n\r\n")
            assert (await loop.sock_recv(one, 65536)).startswith(b"HTTP/1.1 200 OK")
        with pytest.raises(BlockingIOError):
            busy.recv(1)
        assert len(echo.listener.connections) == 3

    beside(echo, program)


def test_where_none_is_idle_the_new_one_goes():
    echo = Echo(Bounds(1, reserve=0))

    async def program(connect):
        busy = connect()
        await asyncio.get_running_loop().sock_sendall(busy, b"GET /wait HTTP/1.1\r\n\r\n")
        await eventually(lambda: any(not c.idle for c in echo.listener.connections))
        await gone(connect())
        with pytest.raises(BlockingIOError):
            busy.recv(1)

    beside(echo, program)


def test_a_slow_head_behind_another_request_has_no_more_time():
    assert statuses(talk(b"GET /slow HTTP/1.1\r\n\r\nGET /now", pause=0.2, later=later(11))) == [200, 408]
    assert statuses(talk(b"GET /now HTTP/1.1\r\n\r\nGET /now", later=later(11))) == [200, 408]


def test_what_is_wrong_is_said_in_its_turn():
    assert statuses(talk(b"GET /slow HTTP/1.1\r\n\r\nnonsense\r\n\r\n")) == [200, 400]
    assert statuses(talk(b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")) == []


def test_heads_behind_other_requests_are_not_too_long():
    whole = b"GET /now HTTP/1.1\r\nA: " + b"x" * 1000 + b"\r\n\r\n"
    assert statuses(talk(whole * 60 + whole[:500], whole[500:])) == [200] * 61
    assert statuses(talk(whole * 60 + b"GET /now HTTP/1.1\r\nA: " + b"x" * 40_000)) == [200] * 60 + [431]


def test_a_connection_of_http_1_0_stays_where_that_is_asked_for():
    kept = b"GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert statuses(talk(kept, kept, b"GET /now HTTP/1.0\r\n\r\n", kept)) == [200] * 3


def test_the_date_is_that_of_now():
    dates = [line for line in talk(b"GET /now HTTP/1.1\r\n\r\n").split(b"\r\n") if line.startswith(b"Date: ")]
    said = parsedate_to_datetime(dates[0][6:].decode())
    assert abs(said.timestamp() - time.time()) < 60
