"""How one endpoint is started."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import SEGMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class ServeSettings:
    """See docs/endpoint.md. Rates are requests a second; `source` is a folder, or `s3://bucket/prefix`; `roots` are root metadata files by tenant."""

    source: str
    state: Path
    listen: str = "127.0.0.1:8080"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    identities: Path | None = None
    anonymous: bool = False
    plain_http: bool = False
    rate: float = 1000.0
    address_rate: float = 20.0
    connections: int = 20_000
    upload_mebibytes: int = 64
    roots: tuple[tuple[str, Path], ...] = ()

    @property
    def place(self) -> tuple[str, int]:
        """Host and port. Raises UsageError."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise UsageError(f"{self.listen} is no address to listen on", "such as 127.0.0.1:8080 or [::]:8443")
        return host.strip("[]"), int(port)

    def check(self) -> None:
        """Raises UsageError for what would be served to others in the open."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("--tls-cert and --tls-key belong together")
        if self.client_ca is not None and self.tls_cert is None:
            raise UsageError("--client-ca needs --tls-cert and --tls-key")
        host = self.place[0]
        if self.tls_cert is None and not self.plain_http and not _loopback(host):
            raise UsageError(
                f"{host} is reached by other machines, and nothing is encrypted",
                "name --tls-cert and --tls-key; or --plain-http where a proxy in front does TLS",
            )


def read_roots(given: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """`TENANT=FILE` each. Raises UsageError."""
    found = []
    for item in given:
        tenant, _, path = item.partition("=")
        if not SEGMENT.match(tenant) or not path:
            raise UsageError(f"--root {item} names no tenant and file", "such as --root acme=1.root.json")
        found.append((tenant, Path(path)))
    return tuple(found)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def default_state(environment: Mapping[str, str]) -> Path:
    """Where tokens and statuses are kept: GITCONFIGMGR_ENDPOINT_STATE, else below XDG_STATE_HOME."""
    named = environment.get("GITCONFIGMGR_ENDPOINT_STATE") or environment.get("STATE_DIRECTORY")
    if named:
        return Path(named)
    home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - text is joined
    return Path(home) / "gitconfigmgr" / "endpoint"
