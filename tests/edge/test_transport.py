"""Servers that lie, stop, trickle or send elsewhere."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.edge.transport import Answer, Transport
from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def server(*pieces: bytes, pause: float = 0) -> Iterator[str]:
    """Answers each connection with these bytes, whatever it asks, and closes it."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                        ended.wait(pause)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def head(status: str, length: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def get(address: str, limit: int = 1000, etag: str | None = None) -> Answer:
    return Transport(address, seconds=2).get("x", limit, etag)


def test_bytes_with_their_etag() -> None:
    packed = gzip.compress(b"hello")
    with server(head("200 OK", len(packed), 'ETag: "1"\r\nContent-Encoding: gzip\r\n'), packed) as address:
        assert get(address) == Answer(b"hello", '"1"')


def test_unchanged_only_where_it_was_asked() -> None:
    with server(b"HTTP/1.1 304 Not Modified\r\n\r\n") as address:
        assert get(address, etag='"1"') == Answer(None, '"1"')
        with pytest.raises(OutsideError, match="HTTP 304"):
            get(address)


@pytest.mark.parametrize(
    "pieces",
    [
        (head("200 OK", 100), b"short"),
        (head("200 OK", 5000), b"x" * 5000),
        (head("200 OK", 1100, "Content-Encoding: gzip\r\n"), gzip.compress(bytes(1_000_000))),
        (head("302 Found", 0, "Location: http://127.0.0.1:1/elsewhere\r\n"),),
        (head("500 Internal Server Error", 0),),
        (b"nonsense\r\n\r\n",),
        (),
    ],
    ids=["truncated", "too long", "bomb", "redirect", "error", "nonsense", "nothing"],
)
def test_anything_else_is_an_error(pieces: tuple[bytes, ...]) -> None:
    with server(*pieces) as address, pytest.raises(OutsideError):
        get(address)


@pytest.mark.parametrize("first", [head("200 OK", 1000), b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["body", "head"])
def test_what_trickles_ends(first: bytes) -> None:
    with server(first, *[b"x"] * 1000, pause=0.05) as address:
        began = time.monotonic()
        with pytest.raises(OutsideError, match="slower than 2 s"):
            get(address)
        assert time.monotonic() - began < 30


def test_nobody_listens() -> None:
    with pytest.raises(OutsideError):
        get("http://127.0.0.1:1")


def test_what_cannot_be_reached_is_said_in_the_words_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(OutsideError, match="Connection refused"):
        get(address)
