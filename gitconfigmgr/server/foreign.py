"""Tokens of identity providers as callers: verified once, remembered until they end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.endpoint.oidc import Provider, Refused
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.server.callers import UnknownError
from gitconfigmgr.server.telemetry import log
from gitconfigmgr.sync.access import key_of

if TYPE_CHECKING:
    from gitconfigmgr.server.identities import Identities
    from gitconfigmgr.sync.access import Grant

_REMEMBERED = 4096
_LONGEST = 8 * 1024


class ForeignTokens:
    """See callers.Foreign."""

    def __init__(self, identities: Identities) -> None:
        self._issuers = {item.issuer: item for item in identities.issuers}
        self._providers = {
            item.issuer: Provider(item.issuer, item.audience, item.jwks, item.jwks_url) for item in identities.issuers
        }
        self._grants: dict[str, Grant] = {}
        self._verifying = asyncio.Lock()

    async def grant(self, token: str) -> Grant:
        key = key_of(token)
        found = self._grants.get(key)
        if found is None:
            if len(token) > _LONGEST or token.count(".") != 2:
                raise UnknownError("the token is not known")
            async with self._verifying:
                found = await asyncio.to_thread(self._verified, token)
            if len(self._grants) >= _REMEMBERED:
                self._grants.clear()
            self._grants[key] = found
        if found.expires is not None and found.expires <= time.time():
            del self._grants[key]
            raise UnknownError("the token has expired")
        return found

    def _verified(self, token: str) -> Grant:
        provider = next(iter(self._providers.values()))
        issuer = self._issuers.get(provider.unverified_issuer(token))
        if issuer is None:
            raise UnknownError("the issuer of the token is not known")
        try:
            claims = self._providers[issuer.issuer].claims(token)
        except Refused as error:
            raise UnknownError(str(error)) from None
        except OutsideError as error:
            log("error", f"the keys of {issuer.issuer} cannot be had: {error}")
            raise UnknownError("the keys of the issuer cannot be had") from None
        found = issuer.grant(claims)
        if found is None:
            raise UnknownError("no grant is for what the token says")
        subject = str(claims["sub"])
        return found._replace(name=subject, key=f"jwt:{issuer.issuer} {subject}", expires=float(claims["exp"]))
