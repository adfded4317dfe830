"""HTTP connections to one publisher: TLS 1.2 or newer, client certificates, proxies, and an end to what takes too long."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakSet

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path

    import urllib3

CONNECT_SECONDS, _READ_SECONDS = 5.0, 15.0


class Access(NamedTuple):
    """Files, read again for each connection, the token for each request. Without `proxy` the environment says."""

    ca: Path | None = None
    token: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxy: str = ""

    def headers(self) -> dict[str, str]:
        """Raises OutsideError for a token that cannot be read."""
        if self.token is None:
            return {}
        try:
            token = self.token.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise OutsideError(f"{self.token}: {getattr(error, 'strerror', None) or 'no token'}") from None
        return {"Authorization": f"Bearer {token}"}


class Connections:
    """The connections of one pool, which can be cut."""

    def __init__(self, base: str, access: Access, seconds: float) -> None:
        self._connected: WeakSet[Any] = WeakSet()
        self.pool = self._made(base, access, seconds)

    def cut(self) -> None:
        """End what is under way: time-outs of single reads do not end a head that comes byte by byte."""
        for connection in list(self._connected):
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _made(self, base: str, access: Access, seconds: float) -> urllib3.PoolManager:
        import ssl

        import urllib3

        more: dict[str, Any] = {
            "maxsize": 2,
            "timeout": urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=min(_READ_SECONDS, seconds)),
            "ca_certs": str(access.ca) if access.ca else None,
            "ssl_minimum_version": ssl.TLSVersion.TLSv1_2,
        }
        if access.certificate:
            more |= {
                "cert_file": str(access.certificate),
                "key_file": str(access.certificate_key or access.certificate),
            }
        proxy = access.proxy or _proxy_of_the_environment(base)
        pool = urllib3.ProxyManager(proxy, **more) if proxy else urllib3.PoolManager(**more)
        pool.pool_classes_by_scheme = _pools(self._connected)
        return pool


def _proxy_of_the_environment(base: str) -> str:
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base)
    if proxy_bypass(parts.netloc):
        return ""
    return getproxies().get(parts.scheme, "")


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
