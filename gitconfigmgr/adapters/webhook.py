"""Sends the notice of a release. What goes wrong is told, and changes nothing: the release is out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.release import keyset, notice
from gitconfigmgr.release.signing import no_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.release.ports import Signing

_SECONDS = 10


class Webhook:
    """One address. Follows no redirect, and asks once."""

    def __init__(self, url: str, tenant: str, signing: Callable[[], Signing]) -> None:
        self._url = url
        self._tenant = tenant
        self._signing = signing

    def __call__(self, receipt: Mapping[str, Any]) -> str | None:
        """Send the receipt; what went wrong, or None."""
        import http.client

        now = datetime.now(UTC)
        body = notice.event(self._tenant, receipt, now)
        parts = urlsplit(self._url)
        try:
            signers = self._signing().signers(keyset.ONLINE)
            if not signers:
                raise no_key(keyset.ONLINE, None)
            headers = notice.headers(self._url, body, signers[0], now)
        except GitConfigError as error:
            return f"the webhook {parts.netloc} was not told: {error}"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=_SECONDS)
        try:
            connection.request("POST", parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"the webhook {parts.netloc} was not told: {type(error).__name__}"
        finally:
            connection.close()
        return None if 200 <= status < 300 else f"the webhook {parts.netloc} answers {status}"
