"""What is the same for all protocols: the token, the state of the agent, ETags, and waiting for a change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal, View
from gitconfigmgr.agent.server import Door, Request
from gitconfigmgr.errors import UsageError
from gitconfigmgr.http import messages
from gitconfigmgr.http.answers import matches

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.protocols.protocol import ProtocolSettings


class Front:
    """One protocol on one listener. `changed` gives the event that the next change sets."""

    def __init__(
        self, engine: Engine, settings: ProtocolSettings, environment: str, changed: Callable[[], asyncio.Event]
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._environment = environment
        self._changed = changed
        self._protocol = protocol_of(settings.name)
        self._token = _Token(settings.token) if settings.token else None
        self._seen: tuple[object, ...] | None = None
        self._view: View | None = None

    def door(self) -> Door:
        protocol = self._protocol
        return Door(
            self.handle,
            local=True,
            methods=protocol.methods,
            body_bytes=protocol.body_bytes,
            refuse=lambda status, detail: self._refused(Refusal(status, detail)),
        )

    def handle(self, request: Request) -> messages.Answer | Awaitable[messages.Answer]:
        """One request."""
        answer = self._answer(request)
        if answer.wait and answer.tagged and _unchanged(request, answer):
            return self._later(request, answer.wait)
        return self._response(request, answer)

    def _answer(self, request: Request) -> Answer:
        try:
            self._admit(request)
            return self._protocol.answer(self.view(), request)
        except Refusal as refusal:
            return self._protocol.error(refusal, request)

    def _refused(self, refusal: Refusal) -> messages.Answer:
        answer = self._protocol.error(refusal, Request("", (), {}, {}))
        return messages.Answer(answer.status, answer.body, answer.kind)

    def view(self) -> View:
        """The same one until the board or the phase changes."""
        engine = self._engine
        board, phase, reason = engine.board, engine.phase, engine.replica.reason
        if self._view is None or (board, phase, reason) != self._seen:
            self._seen = (board, phase, reason)
            self._view = View(self._settings, self._environment, board, phase, engine.replica.since, reason)
        return self._view

    def _admit(self, request: Request) -> None:
        if self._token is None or self._protocol.open(request):
            return
        given = request.header(self._protocol.credential) or _authorization(request)
        if not self._token.matches(given):
            raise Refusal(401, "this listener asks for its token")

    def _response(self, request: Request, answer: Answer) -> messages.Answer:
        engine = self._engine
        lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        lines += f"X-Gcm-State: {engine.phase}\r\nX-Gcm-Age: {engine.age:.3f}\r\nCache-Control: no-store\r\n"
        if answer.tagged:
            lines += f"ETag: {_etag(answer)}\r\n"
            if _unchanged(request, answer):
                return messages.Answer(304, headers=f"{lines}Content-Type: {answer.kind}\r\n")
        return messages.Answer(answer.status, answer.body, answer.kind, lines)

    async def _later(self, request: Request, seconds: float) -> messages.Answer:
        """Once there is something else, or after these seconds."""
        import asyncio

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while _unchanged(request, answer := self._answer(request)):
                    await self._changed().wait()
        answer = self._answer(request)
        return self._response(request, answer)


def protocol_of(name: str) -> Protocol:
    """The protocol of a section of the settings, which are checked already."""
    found: Protocol = import_module(f"gitconfigmgr.agent.protocols.{name}").PROTOCOL
    return found


def _etag(answer: Answer) -> str:
    return f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'


def _unchanged(request: Request, answer: Answer) -> bool:
    return answer.tagged and matches(request.header("if-none-match"), _etag(answer))


def _authorization(request: Request) -> str:
    """The token of `Bearer`, or the password of `Basic`."""
    kind, _, given = request.header("authorization").partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return ""
    return given.strip() if kind.lower() == "bearer" else ""


class _Token:
    """The token of a file, read again when that changes. While it cannot be read, no token is the right one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._digest = b""
        self._renew()

    def matches(self, given: str) -> bool:
        with suppress(UsageError):
            self._renew()
            # of digests, so that all comparisons are of the same length
            return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), self._digest)
        return False

    def _renew(self) -> None:
        try:
            about = self._path.stat()
            seen = (about.st_ino, about.st_mtime_ns, about.st_size)
            if seen == self._seen:
                return
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self._path}: {getattr(error, 'strerror', 'not ASCII')}", "the file of a token"
            ) from None
        if len(token) < 16:
            raise UsageError(f"{self._path}: a token has 16 characters at least", "openssl rand -hex 32")
        self._seen, self._digest = seen, hashlib.sha256(token.encode()).digest()
