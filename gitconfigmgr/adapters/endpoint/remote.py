"""An endpoint as its operators ask it: a token, TLS, bounded answers, no redirects."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS = 30
_BYTES = 256 * 1024 * 1024


class RemoteEndpoint:
    """Below the folder of a tenant, such as https://config.example.com/acme."""

    def __init__(self, address: str, token: str, ca: Path | None = None) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
            raise UsageError(f"{address} is no endpoint", "such as https://config.example.com/acme, with the tenant")
        self._parts = parts
        self._token = token
        self._ca = ca

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """JSON. Raises OutsideError."""
        asked = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in (query or {}).items())
        return self._ask("GET", f"{path}{'?' if asked else ''}{asked}")

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """JSON for JSON. Raises OutsideError."""
        return self._ask("POST", path, orjson.dumps(document))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        connection = self._connect()
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
            connection.request(method, f"{self._parts.path.rstrip('/')}/{path}", body, headers)
            response = connection.getresponse()
            data = response.read(_BYTES + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OutsideError(
                f"{self._parts.netloc} does not answer: {_reason(error)}", "see its address, and --ca"
            ) from None
        finally:
            connection.close()
        if len(data) > _BYTES:
            raise OutsideError(f"{self._parts.netloc} answers more than {_BYTES:,} bytes")
        found = _json(data)
        if response.status != 200:
            detail = found.get("detail") if isinstance(found, dict) else None
            raise OutsideError(
                f"{self._parts.netloc} answers {response.status}: {detail or response.reason}", _hint(response.status)
            )
        if found is None:
            raise OutsideError(f"{self._parts.netloc} answers something else than JSON", "is this an endpoint?")
        return found

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_SECONDS)
        try:
            context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{self._ca}: {error.strerror or error}", "a PEM file of certificate authorities"
            ) from None
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__


def _hint(status: int) -> str | None:
    if status in (401, 403):
        return "the token needs the ability for this: gitconfigmgr serve token create NAME --scope ..."
    return "is the tenant part of the address?" if status == 404 else None
