"""Connections of a listener over real sockets: who is let go, and when."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.agent import server
from gitconfigmgr.agent.server import Door, Request, Response, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Run = Callable[[Door, Callable[[Callable[[], socket.socket]], Awaitable[Any]]], Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a coroutine beside a listener; it is given what connects to it, without waiting for answers."""

    def go(door: Door, program: Callable[[Callable[[], socket.socket]], Awaitable[Any]]) -> Any:
        made: list[socket.socket] = []

        def connect() -> socket.socket:
            one = socket.socket(socket.AF_UNIX)
            made.append(one)
            one.connect(str(tmp_path / "s"))
            one.setblocking(False)
            return one

        async def main() -> Any:
            listener = await asyncio.get_running_loop().create_unix_server(door, str(tmp_path / "s"))
            async with listener:
                try:
                    return await program(connect)
                finally:
                    for one in made:
                        one.close()
                    for connection in list(door.open):
                        connection.drop()
                    await asyncio.sleep(0.01)

        return asyncio.run(main())

    return go


async def eventually(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def gone(one: socket.socket) -> None:
    """Until the other side has closed it; what it had sent is read and passed over."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60):
        try:
            while await loop.sock_recv(one, 1 << 20):
                pass
        except ConnectionResetError:
            pass


def test_one_that_takes_nothing_is_let_go_in_the_end(run: Run) -> None:
    door = Door(lambda _: Response(200, b"x" * 3_000_000), local=False)

    async def program(connect: Callable[[], socket.socket]) -> None:
        one = connect()
        await asyncio.get_running_loop().sock_sendall(one, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        await eventually(lambda: door.open and next(iter(door.open))._full)
        next(iter(door.open)).due = 0
        await eventually(lambda: not door.open)
        await gone(one)

    run(door, program)


def test_for_one_more_the_one_that_was_idle_for_longest_goes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS", 3)

    async def never() -> AsyncIterator[bytes | Response]:
        await asyncio.sleep(3600)
        yield b""

    def handle(request: Request) -> Response | Stream:
        return Stream(never()) if request.target == "/watch" else Response(200, b"{}")

    door = Door(handle, local=False)

    async def program(connect: Callable[[], socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        watch, second, third = connect(), connect(), connect()
        await loop.sock_sendall(watch, b"GET /watch HTTP/1.1\r\n\r\n")
        await eventually(lambda: len(door.open) == 3 and not all(one.idle for one in door.open))
        await loop.sock_sendall(second, b"GET / HTTP/1.1\r\n\r\n")
        await loop.sock_recv(second, 65536)
        fourth = connect()
        await gone(third)
        for one in (second, fourth):
            await loop.sock_sendall(one, b"GET / HTTP/1.1\r\n\r\n")
            assert (await loop.sock_recv(one, 65536)).startswith(b"HTTP/1.1 200 OK")
        with pytest.raises(BlockingIOError):
            watch.recv(1)
        assert len(door.open) == 3

    run(door, program)


def test_bodies_come_in_pieces(run: Run) -> None:
    door = Door(lambda request: Response(200, request.body), local=False, methods=("POST",), body_bytes=100)

    async def program(connect: Callable[[], socket.socket]) -> bytes:
        loop, one, found = asyncio.get_running_loop(), connect(), b""
        two = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nyou"
        for at in range(len(two)):
            await loop.sock_sendall(one, two[at : at + 1])
            await asyncio.sleep(0)
        while piece := await loop.sock_recv(one, 65536):
            found += piece
        return found

    found = run(door, program)
    assert found.count(b"HTTP/1.1 200 OK") == 2
    assert b"\r\n\r\nhelloHTTP" in found
    assert found.endswith(b"\r\n\r\nyou")
