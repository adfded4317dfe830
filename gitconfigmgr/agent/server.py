"""What a listener for readers on this machine asks of a request, before it is answered."""

from __future__ import annotations

import asyncio
import resource
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from gitconfigmgr.agent.engine import log
from gitconfigmgr.http.answers import problem
from gitconfigmgr.http.listener import Bounds, Listener
from gitconfigmgr.http.messages import Answer, Stream
from gitconfigmgr.http.trouble import described

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from gitconfigmgr.http import messages

    Coming = Answer | Stream | Awaitable[Answer | Stream]

# connections pooled by applications stay open for long
BOUNDS = Bounds(connections=1024, reserve=0, head_bytes=16 * 1024, first_seconds=300.0, idle_seconds=300.0)
_BODY_SECONDS = 10.0
_FILES = 8192
BACKLOG = 1024  # connections that wait to be taken: all workers of an application start at once
_LOCAL = (b"localhost", b"127.0.0.1", b"[::1]")
_READING = ("GET", "HEAD")


class Request(NamedTuple):
    """`parts` are the path's segments, decoded; header names are in lower case."""

    target: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    method: str = "GET"
    body: bytes = b""

    def header(self, name: str) -> str:
        return self.headers.get(name.encode(), b"").decode("latin-1")


class Door:
    """One listener: what it lets in is a Request for `handle`.

    `local` demands a Host of this machine: a web page must not read it under a name of its own. `refuse` says in the
    listener's own form what is no request.
    """

    def __init__(
        self,
        handle: Callable[[Request], Coming],
        *,
        local: bool,
        methods: Collection[str] = _READING,
        body_bytes: int = 0,
        refuse: Callable[[int, str], Answer] = problem,
    ) -> None:
        self._handle = handle
        self._refuse = refuse
        self._local = local
        self._methods = methods
        self._body_bytes = body_bytes

    def listener(self) -> Listener:
        return Listener(self.handle, self._refuse, BOUNDS, lists="LIST" in self._methods)

    def handle(self, request: messages.Request) -> Coming:
        """One request."""
        headers = request.headers
        method = request.method.decode("latin-1")
        if method not in self._methods:
            return self._refuse(405, f"{', '.join(self._methods)} only")
        if self._local and _host(headers.get(b"host", b"")) not in _LOCAL:
            return self._refuse(403, "not a name of this machine")
        if b"content-length" in headers and int(headers[b"content-length"]) > self._body_bytes:
            return self._refuse(413, f"{self._body_bytes} bytes at most")
        made = Request(*_decoded(request.target), headers, method)
        return self._with_body(request, made) if request.has_body else self._handle(made)

    async def _with_body(self, request: messages.Request, made: Request) -> Answer | Stream:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.body(self._body_bytes)
        except TimeoutError:
            return self._refuse(408, "")
        answer = self._handle(made._replace(body=body))
        return answer if isinstance(answer, Answer | Stream) else await answer


def raise_file_limit() -> None:
    """A service manager often starts with 1,024 open files, fewer than two listeners may have connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def trouble(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001 - asyncio's signature
    found = described(context)
    if found:
        log("error", f"{found['message']}: {found['error']} in {', '.join(found['where'])}")


@lru_cache(256)
def _decoded(address: bytes) -> tuple[str, tuple[str, ...], Mapping[str, str]]:
    """The target, its parts and its query. Applications ask the same again and again."""
    target = address.decode("latin-1")
    path, _, query = target.partition("?")
    parts = tuple(unquote(part) for part in path.split("/") if part)
    return target, parts, MappingProxyType(dict(parse_qsl(query, keep_blank_values=True)))


def _host(header: bytes) -> bytes:
    return header if header.endswith(b"]") or b":" not in header else header.rpartition(b":")[0]
