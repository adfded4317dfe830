"""Bytes from the publisher's tree: HTTP(S), or a folder that is mounted. Bounded in length and time, no redirects."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote
from weakref import WeakSet

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

_CHUNK = 64 * 1024
_SECONDS = 60.0  # for one file, however slowly it trickles


class Answer(NamedTuple):
    """`data` is None for 304."""

    data: bytes | None
    etag: str | None


class Transport(FetcherInterface):
    """Below `base`. Also what python-tuf fetches by: `held` has what is not to be asked for again, by URL."""

    def __init__(
        self, base: str, *, ca: str | None = None, token: str | None = None, seconds: float = _SECONDS
    ) -> None:
        self.base = base.rstrip("/") + "/"
        self.held: dict[str, bytes] = {}
        self._seconds = seconds
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._ca = ca
        self._connected: WeakSet[Any] = WeakSet()
        self._pool: urllib3.PoolManager | None = None

    def get(self, path: str, limit: int, etag: str | None = None) -> Answer:
        """A file below the base, or that it is unchanged. Raises OutsideError, also for more bytes than `limit`."""
        try:
            found: list[bytes] = []
            for chunk in self._stream(self.base + path, etag):
                if isinstance(chunk, str):
                    etag = chunk or None
                    continue
                found.append(chunk)
                if sum(map(len, found)) > limit:
                    raise OutsideError(f"{path} is longer than {limit} bytes")
        except DownloadHTTPError as error:
            if error.status_code == 304 and etag is not None:
                return Answer(None, etag)
            raise OutsideError(f"{path}: HTTP {error.status_code}") from None
        except DownloadError as error:
            raise OutsideError(f"{path}: {error}") from None
        return Answer(b"".join(found), etag)

    def _fetch(self, url: str) -> Iterator[bytes]:
        if url in self.held:
            return iter([self.held[url]])
        return (chunk for chunk in self._stream(url, None) if isinstance(chunk, bytes))

    def _stream(self, url: str, etag: str | None) -> Iterator[bytes | str]:
        """First the ETag, then the bytes."""
        if url.startswith("file:"):
            place = Path(unquote(url.removeprefix("file://")))
            if not place.is_file():
                raise DownloadHTTPError("not found", 404)
            yield ""
            yield place.read_bytes()
            return
        import urllib3

        headers = {"Accept-Encoding": "gzip", **self._headers, **({"If-None-Match": etag} if etag else {})}
        ends = time.monotonic() + self._seconds
        watch = threading.Timer(self._seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            with self._manager().request(
                "GET", url, headers=headers, preload_content=False, redirect=False, retries=False
            ) as response:
                if response.status != 200:
                    raise DownloadHTTPError(f"HTTP {response.status}", response.status)
                yield response.headers.get("ETag", "")
                chunk = b"-"
                while chunk:
                    chunk = response.read1(_CHUNK, decode_content=True)  # what is there: it must not wait for more
                    if time.monotonic() > ends:  # also where the cut looks like the end of what was sent
                        raise DownloadError(f"slower than {self._seconds:g} s")
                    yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            slow = f"slower than {self._seconds:g} s: " if time.monotonic() > ends else ""
            raise DownloadError(f"{slow}{type(error).__name__}: {_short(error)}") from None
        finally:
            watch.cancel()

    def _manager(self) -> urllib3.PoolManager:
        if self._pool is None:
            import urllib3

            timeout = urllib3.Timeout(connect=min(5, self._seconds), read=min(15, self._seconds))
            self._pool = urllib3.PoolManager(maxsize=2, timeout=timeout, ca_certs=self._ca)
            self._pool.pool_classes_by_scheme = _pools(self._connected)
        return self._pool

    def _cut(self) -> None:
        """End what is under way: time-outs of single reads do not end a head that comes byte by byte."""
        for connection in list(self._connected):
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)


def _pools(connected: WeakSet[Any]) -> dict[str, Any]:
    """Pools whose connections are known to us."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, connection

    class Plain(connection.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            connected.add(self)

    class Secure(connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            connected.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _short(error: Exception) -> str:
    return str(error).rpartition("object at ")[2].partition(">: ")[2] or str(error)[:200]
