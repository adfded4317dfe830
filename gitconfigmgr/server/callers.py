"""Who is calling: bearer tokens of our own, tokens of an identity provider, client certificates, or anybody."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.server.telemetry import log
from gitconfigmgr.sync.access import PREFIX, Ability, Grant, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.http.messages import Request
    from gitconfigmgr.sync.endpoint import Tokens

_AGAIN = 0.1  # seconds between looks for a token that is not known
ANYBODY = frozenset({Ability.READ})


class UnknownError(Exception):
    """The caller cannot be let in; the text tells why, and nothing of what was sent."""


class Foreign(Protocol):
    """Tokens that somebody else issues."""

    async def grant(self, token: str) -> Grant:
        """Raises UnknownError."""
        ...


class Callers:
    """Tells grants. `certificates` maps what a client certificate says; `anonymous` lets anybody read."""

    def __init__(
        self,
        tokens: Tokens,
        changed: Callable[[], None],
        foreign: Foreign | None = None,
        certificates: Callable[[Mapping[str, Any]], Grant | None] | None = None,
        *,
        anonymous: bool = False,
    ) -> None:
        self._tokens = tokens
        self._changed = changed
        self._foreign = foreign
        self._certificates = certificates
        self._anonymous = anonymous
        self._known: dict[str, Grant] = {}
        self._stamp: object = None
        self.asks_certificate = False
        self._looked = 0.0
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Read the tokens anew, where they have changed."""
        self._looked = time.monotonic()
        try:
            stamp = await asyncio.to_thread(self._tokens.stamp)
            if stamp == self._stamp and stamp is not None:
                return
            found = await asyncio.to_thread(self._tokens.all)
        except OutsideError as error:
            log("error", f"tokens cannot be read, those that are known count: {error}")
            return
        self._known = {token.grant.key: token.grant for token in found if token.revoked is None}
        self._stamp = stamp
        self._changed()

    async def _look_again(self) -> None:
        """Have had a look that began after now; all who ask for one at the same time share it."""
        asked = time.monotonic()
        async with self._looking:
            if self._looked < asked:
                await asyncio.sleep(max(0.0, self._looked + _AGAIN - asked))
                await self.look()

    async def grant(self, request: Request, tenant: str) -> Grant:
        """Raises UnknownError."""
        if self.asks_certificate and request.certificate is None:
            raise UnknownError("a client certificate is asked for")
        header = request.header("authorization")
        if header:
            kind, _, token = header.partition(" ")
            if kind.lower() != "bearer" or not token.strip():
                raise UnknownError("a bearer token is asked for")
            return await self._by_token(token.strip())
        if request.certificate is not None and self._certificates is not None:
            found = self._certificates(request.certificate)
            if found is not None:
                return found
        if self._anonymous:
            return Grant(tenant, ANYBODY, name="anybody")
        raise UnknownError("a bearer token is asked for")

    def knows(self, request: Request) -> bool:
        """Whether a token of ours that counts was sent: cheap, and without a look."""
        return key_of(request.header("authorization").partition(" ")[2].strip()) in self._known

    def counts(self, grant: Grant) -> bool:
        """Whether a grant that was given still holds."""
        if grant.expires is not None and grant.expires <= time.time():
            return False
        return not grant.key.startswith("token:") or grant.key.removeprefix("token:") in self._known

    async def _by_token(self, token: str) -> Grant:
        if token.startswith(PREFIX):
            key = key_of(token)
            if key not in self._known:
                await self._look_again()  # it may have been made just now
            found = self._known.get(key)
            if found is None:
                raise UnknownError("the token is not known")
            if found.expires is not None and found.expires <= time.time():
                raise UnknownError("the token has expired")
            return found._replace(key=f"token:{key}")
        if self._foreign is None:
            raise UnknownError("the token is not known")
        return await self._foreign.grant(token)
