"""Reading a published tree from a folder or over HTTP, as a stranger: bounded, without credentials, trusting nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 20


def open_reader(address: str, tenant: str | None) -> tuple[Callable[[str], bytes | None], bool]:
    """What reads files below a tenant's folder, and whether that is on this machine. Raises UsageError."""
    if "://" in address:
        if not address.startswith(("https://", "http://")):
            raise UsageError(
                f"{address} is neither a folder nor an http address", "such as https://config.example.com/acme"
            )
        base = address.rstrip("/") + (f"/{quote(tenant)}" if tenant else "")
        return lambda path: _fetch(f"{base}/{quote(path)}"), False
    from gitconfigmgr.adapters.publishers.directory_files import Folder

    root = Path(address)
    if not root.is_dir():
        raise UsageError(f"there is no folder {address}", "name a published tree")
    return Folder(_tenant_folder(root, tenant)).read, True


def _tenant_folder(root: Path, tenant: str | None) -> Path:
    if (root / "tuf").is_dir() and tenant is None:
        return root
    found = sorted(place.name for place in root.iterdir() if (place / "tuf").is_dir())
    if tenant is None and len(found) == 1:
        return root / found[0]
    if tenant in found:
        return root / str(tenant)
    if not found:
        raise UsageError(f"{root} holds no published tree", "publish one: `gitconfigmgr release --to directory:PATH`")
    raise UsageError(f"{root} holds the trees of {', '.join(found)}", "name one by --tenant")


def _fetch(url: str) -> bytes | None:
    """A file; None where the server says that there is none. Follows no redirect."""
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path, headers={"Accept-Encoding": "identity", "User-Agent": "gitconfigmgr"})
        answer = connection.getresponse()
        if answer.status in (403, 404):
            return None
        if answer.status != 200:
            raise OutsideError(f"{url} answers {answer.status}", "check the address; redirects are not followed")
        data = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise OutsideError(f"{url} cannot be read ({type(error).__name__})", "check address and network") from None
    finally:
        connection.close()
    if len(data) > MOST_BYTES:
        raise OutsideError(f"{url} is larger than {MOST_BYTES} bytes", "nothing of it was used")
    return data
