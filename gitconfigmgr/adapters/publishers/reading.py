"""Reading a published tree from a folder or over HTTP, as a stranger: bounded, trusting nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 20
_LOCAL = ("localhost", "127.0.0.1", "::1")


def open_reader(
    address: str, tenant: str | None, token: str | None = None, ca: Path | None = None
) -> tuple[Callable[[str], bytes | None], bool]:
    """What reads files below a tenant's folder, and whether that is on this machine. Raises UsageError.

    `token` is what an endpoint asks for, `ca` a file of authorities beside those of the system.
    """
    if "://" in address:
        if not address.startswith(("https://", "http://")):
            raise UsageError(
                f"{address} is neither a folder nor an http address", "such as https://config.example.com/acme"
            )
        base = address.rstrip("/") + (f"/{quote(tenant)}" if tenant else "")
        if token and address.startswith("http://") and urlsplit(address).hostname not in _LOCAL:
            raise UsageError(f"a token is not sent to {address}, where others can read it", "name it by https")
        context = None if ca is None else _trusting(ca)
        return lambda path: _fetch(f"{base}/{quote(path)}", token, context), False
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


def _trusting(ca: Path) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise UsageError(f"{ca}: {error.strerror or error}", "a PEM file of certificate authorities") from None
    return context


def _fetch(url: str, token: str | None, context: ssl.SSLContext | None) -> bytes | None:
    """A file; None where the server says that there is none. Follows no redirect."""
    import http.client

    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    )
    headers = {"Accept-Encoding": "identity", "User-Agent": "gitconfigmgr"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        if answer.status in (403, 404):
            return None
        if answer.status == 401:
            raise OutsideError(f"{url} wants a token", "name its file: --token-file FILE")
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
