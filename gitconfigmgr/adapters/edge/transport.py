"""Bytes from the publisher's tree: HTTP(S), or a folder that is mounted. Bounded in length and time, no redirects."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from tuf.api.exceptions import DownloadError, DownloadHTTPError

from gitconfigmgr.adapters.edge.connections import CONNECT_SECONDS, Access, Connections
from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

_CHUNK = 64 * 1024
_SECONDS = 60.0  # for one file, however slowly it trickles
_ANSWER_BYTES = 64 * 1024  # of what is answered to a post


class Answer(NamedTuple):
    """`data` is None for 304."""

    data: bytes | None
    etag: str | None


class MissingError(OutsideError):
    """The publisher answers, and has no such file."""


class Transport:
    """Below `base`."""

    def __init__(self, base: str, access: Access | None = None, seconds: float = _SECONDS) -> None:
        self.base = base.rstrip("/") + "/"
        self._access = access or Access()
        self._seconds = seconds
        self._connections: Connections | None = None

    @property
    def remote(self) -> bool:
        """Whether there may be a server that does more than give files."""
        return not self.base.startswith("file:")

    def get(self, path: str, limit: int, etag: str | None = None) -> Answer:
        """A file below the base, or that it is unchanged.

        Raises MissingError for one that is not there, OutsideError otherwise, also for more bytes than `limit`.
        """
        found: list[bytes] = []
        try:
            if not self.remote:
                return Answer(_bounded(_read(self.base + path), limit, path), None)
            headers = {"Accept-Encoding": _accepted(path), **({"If-None-Match": etag} if etag else {})}
            with self._exchange("GET", self.base + path, headers) as response:
                if response.status == 304 and etag is not None:
                    response.read1(1)  # nothing, and then the connection can be used again
                    return Answer(None, etag)
                _require(response, (200,))
                found.append(_bounded(_chunks(response), limit, path))
                return Answer(found[0], response.headers.get("ETag"))
        except DownloadHTTPError as error:
            hint = "name the address that it leads to" if error.status_code in (301, 302, 307, 308) else None
            kind = MissingError if error.status_code == 404 else OutsideError
            raise kind(f"{path}: HTTP {error.status_code}", hint) from None
        except DownloadError as error:
            raise OutsideError(f"{path}: {error}") from None

    def post(self, path: str, body: bytes) -> bytes:
        """The answer to a JSON document. Raises OutsideError for any that is not 2xx."""
        headers = {"Content-Type": "application/json"}
        try:
            with self._exchange("POST", self.base + path, headers, body) as response:
                _require(response, (200, 201, 202, 204))
                return _bounded(_chunks(response), _ANSWER_BYTES, path)
        except DownloadHTTPError as error:
            raise OutsideError(f"{path}: HTTP {error.status_code}") from None
        except DownloadError as error:
            raise OutsideError(f"{path}: {error}") from None

    def stream(self, url: str) -> Iterator[bytes]:
        """The bytes at any URL, for python-tuf, which bounds them. Raises its DownloadError."""
        if url.startswith("file:"):
            yield from _read(url)
            return
        with self._exchange("GET", url, {"Accept-Encoding": "gzip"}) as response:
            _require(response, (200,))
            yield from _chunks(response)

    def listen(self, path: str, headers: Mapping[str, str], silence: float) -> Iterator[bytes]:
        """What comes, for as long as it comes; first nothing, once there is an answer.

        Ends in OutsideError after so many seconds of silence, and at `cut`.
        """
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=silence)
        try:
            with self._response("GET", self.base + path, headers, timeout=timeout) as response:
                _require(response, (200, 204))
                yield b""
                yield from _chunks(response)
        except DownloadError as error:
            raise OutsideError(f"{path}: {error}") from None

    def cut(self) -> None:
        """End what is under way."""
        if self._connections is not None:
            self._connections.cut()

    @contextmanager
    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """One request and its response, read within the time for one file."""
        ends = time.monotonic() + self._seconds
        watch = threading.Timer(self._seconds, self.cut)
        watch.daemon = True
        watch.start()
        try:
            with self._response(method, url, headers, body) as response:
                yield response
        except DownloadError as error:
            if time.monotonic() < ends:
                raise
            raise DownloadError(f"slower than {self._seconds:g} s: {error}") from None
        finally:
            watch.cancel()
        if time.monotonic() > ends:  # the cut can look like the end of what was sent
            raise DownloadError(f"slower than {self._seconds:g} s")

    @contextmanager
    def _response(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, **more: Any
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        import urllib3

        if self._connections is None:
            self._connections = Connections(self.base, self._access, self._seconds)
        given = {"User-Agent": "gitconfigmgr", **self._access.headers(), **headers}
        try:
            with self._connections.pool.request(
                method, url, headers=given, body=body, preload_content=False, redirect=False, retries=False, **more
            ) as response:
                yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise DownloadError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    """What the system says of it, if that is below what the library says."""
    below: BaseException | None = error
    while below is not None:
        if untrusted := getattr(below, "verify_message", ""):
            return f"the certificate is not trusted: {untrusted}"
        if said := getattr(below, "strerror", ""):
            return str(said)
        below = below.__cause__ or below.__context__
    return f"{type(error).__name__}: {_short(error)}"


def _accepted(path: str) -> str:
    """Deltas are compressed; a request that does not ask for more is as short as it can be."""
    from urllib3.util import SKIP_HEADER

    return SKIP_HEADER if path.endswith(".dcz") else "gzip"


def _require(response: urllib3.BaseHTTPResponse, statuses: tuple[int, ...]) -> None:
    if response.status not in statuses:
        response.read1(_CHUNK)  # a short page is read, so that the connection can be used again
        raise DownloadHTTPError(f"HTTP {response.status}", response.status)


def _chunks(response: Any) -> Iterator[bytes]:
    chunk = b"-"
    while chunk:
        chunk = response.read1(_CHUNK, decode_content=True)  # what is there: it must not wait for more
        yield chunk


def _bounded(chunks: Iterator[bytes], limit: int, path: str) -> bytes:
    found, length = [], 0
    for chunk in chunks:
        found.append(chunk)
        length += len(chunk)
        if length > limit:
            raise OutsideError(f"{path} is longer than {limit} bytes")
    return b"".join(found)


def _read(url: str) -> Iterator[bytes]:
    place = Path(unquote(url.removeprefix("file://")))
    try:
        if not place.is_file():
            raise DownloadHTTPError("not found", 404)
        with place.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise DownloadError(f"{place}: {error.strerror}") from None


def _short(error: BaseException) -> str:
    return str(error).rpartition("object at ")[2].partition(">: ")[2] or str(error)[:200]
