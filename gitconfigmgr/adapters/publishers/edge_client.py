"""The requests of a publisher to an endpoint: bounded in time and length, following no redirect."""

from __future__ import annotations

import http.client
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit
from weakref import finalize

import orjson

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release.ports import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 60.0


class _Reply(NamedTuple):
    status: int
    body: bytes


class EdgeClient:
    """One tenant of one endpoint. `base` ends with a slash."""

    def __init__(self, base: str, token: str, ca: str | None) -> None:
        self._base = urlsplit(base)
        self._token = token
        self._ca = ca
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> bytes | None:
        """A file of the tree."""
        reply = self._ask("GET", path)
        if reply.status == 404:
            return None
        return self._good(reply, f"reading {path}").body

    def names(self, folder: str) -> list[str]:
        """The names in a folder of the tree."""
        reply = self._ask("GET", f"v1/names/{folder}")
        found = orjson.loads(self._good(reply, f"listing {folder}").body)
        return [str(name) for name in found["names"]]

    def send(self, archive: bytes, base: str | None) -> None:
        """A release. Raises ConflictError where another one was published since `base`."""
        headers = {"Content-Type": "application/x-tar"}
        headers |= {"If-Match": f'"{base}"'} if base else {"If-None-Match": "*"}
        reply = self._ask("POST", "v1/releases", archive, headers)
        if reply.status == 409:
            raise ConflictError(f"{self._base.netloc}: somebody else has published since", "run the release again")
        if reply.status == 422:
            raise UsageError(
                f"{self._base.netloc} does not take this release: {_detail(reply)}", "nothing was published"
            )
        self._good(reply, "publishing")

    def _good(self, reply: _Reply, doing: str) -> _Reply:
        if reply.status == 200:
            return reply
        where = self._base.netloc
        if reply.status in (401, 403):
            raise UsageError(
                f"{where} does not allow {doing}: {_detail(reply)}",
                "set GITCONFIGMGR_EDGE_TOKEN to a token with the scope publish",
            )
        raise OutsideError(
            f"{where} answers {reply.status}: {_detail(reply)}", "run it again; what was published before is untouched"
        )

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> _Reply:
        sent = {"Accept-Encoding": "identity", "User-Agent": "gitconfigmgr", **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        again = self._connection is not None and method == "GET"  # an idle connection may have been closed meanwhile
        try:
            return self._once(method, path, body, sent)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            if again:
                with suppress(OSError, http.client.HTTPException):
                    return self._once(method, path, body, sent)
                self._close()
            raise OutsideError(
                f"{self._base.netloc} cannot be reached ({type(error).__name__})",
                "run it again; a release takes effect as a whole or not at all",
            ) from None

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Reply:
        if self._connection is None:
            self._connection = self._connect()
            finalize(self, self._connection.close)  # publishers are not closed, they end
        self._connection.request(method, quote(self._base.path + path, safe="/~"), body, dict(headers))
        response = self._connection.getresponse()
        data = response.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            self._close()
            raise OutsideError(
                f"{self._base.netloc}: {path} is larger than {_MOST_BYTES} bytes", "nothing of it was used"
            )
        return _Reply(response.status, data)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._base.hostname or "", self._base.port
        if self._base.scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=_SECONDS)
        try:
            context = ssl.create_default_context(cafile=self._ca)
        except OSError as error:
            raise UsageError(f"{self._ca}: {error.strerror}", "name a PEM file by the option `ca`") from None
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _detail(reply: _Reply) -> str:
    with suppress(ValueError, TypeError, AttributeError):
        found = orjson.loads(reply.body)
        return str(found.get("detail") or found.get("title"))[:300]
    return f"status {reply.status}"
