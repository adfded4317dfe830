"""A listener of the agent over a real socket: bodies, and the method of Vault that HTTP has not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.agent import server
from gitconfigmgr.agent.server import Door, Request
from gitconfigmgr.http.messages import Answer

if TYPE_CHECKING:
    from pathlib import Path


def echo(request: Request) -> Answer:
    return Answer(200, f"{request.method} {request.target} ".encode() + request.body)


def talk(door: Door, folder: Path, *pieces: bytes) -> bytes:
    """All that comes back until the agent closes."""

    async def run() -> bytes:
        async with await asyncio.get_running_loop().create_unix_server(door.listener(), str(folder / "s")):
            reader, writer = await asyncio.open_unix_connection(str(folder / "s"))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            found = await asyncio.wait_for(reader.read(), 60)
            writer.close()
            await writer.wait_closed()
            return found

    return asyncio.run(run())


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_bodies_come_in_pieces(tmp_path: Path) -> None:
    door = Door(echo, local=False, methods=("POST",), body_bytes=100)
    two = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nyou"
    for pieces in (bytewise(two), [two]):
        found = talk(door, tmp_path, *pieces)
        assert found.count(b"HTTP/1.1 200 OK") == 2
        assert b"\r\n\r\nPOST / helloHTTP" in found
        assert found.endswith(b"\r\n\r\nPOST / you")


def test_bodies_that_are_too_long_are_not_read(tmp_path: Path) -> None:
    door = Door(echo, local=False, methods=("POST",), body_bytes=4)
    for head in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
        assert talk(door, tmp_path, b"POST / HTTP/1.1\r\n" + head + b"POST / HTTP/1.0\r\n\r\n").startswith(
            b"HTTP/1.1 413"
        )


def test_a_body_that_comes_drop_by_drop_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_BODY_SECONDS", 0.05)
    door = Door(echo, local=False, methods=("POST",), body_bytes=4)
    assert talk(door, tmp_path, b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab").startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("cut", ["bytes", "whole", "inside"])
def test_list_is_a_method_where_it_is_asked_for(tmp_path: Path, cut: str) -> None:
    """However the bytes are cut; LINK, which the parser sees in its place, is none."""
    sent = (
        b"LIST /LIST HTTP/1.1\r\nA: LIST x\r\n\r\n\r\nLIST /b HTTP/1.1\r\n\r\n"
        b"GET /c HTTP/1.1\r\n\r\nLINK /d HTTP/1.1\r\n\r\nLIST /e HTTP/1.0\r\n\r\n"
    )
    pieces = {"bytes": bytewise(sent), "whole": [sent], "inside": [sent[:2], sent[2:43], sent[43:]]}[cut]
    found = talk(Door(echo, local=False, methods=("GET", "LIST")), tmp_path, *pieces)
    assert [line.split(b"\r\n\r\n")[-1] for line in found.split(b"HTTP/1.1 ")[1:]] == [
        b"LIST /LIST ", b"LIST /b ", b"GET /c ",
        b'{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"GET, LIST only"}', b"LIST /e ",
    ]  # fmt: skip
    assert talk(Door(echo, local=False), tmp_path, sent).startswith(b"HTTP/1.1 400")
