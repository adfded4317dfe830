"""`edge:URL`: the published tree of an endpoint (docs/endpoint.md). What a folder is to `directory`, a release in one request is here.

The endpoint verifies the release and puts it in place as a whole. The token is that of GITCONFIGMGR_EDGE_TOKEN.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import orjson

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.adapters.publishers.directory import DirectoryPublisher
from gitconfigmgr.adapters.publishers.edge_client import EdgeClient
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context, Publisher

TOKEN = "GITCONFIGMGR_EDGE_TOKEN"  # noqa: S105 - the name of a variable
_REMOVED = ".removed.json"
_LOCAL = ("localhost", "127.0.0.1", "::1")


def open_publisher(destination: Destination, context: Context) -> Publisher:
    """See OpenPublisher. The option `ca` names a file of certificate authorities."""
    options = Options(destination, ("ca",))
    parts = urlsplit(destination.address)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(f"edge: {destination.address!r} is no address", "such as edge:https://config.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise UsageError("edge: a token is sent over https only", f"write edge:https://{parts.netloc}")
    token = context.environment.get(TOKEN, "").strip()
    if not token.isascii() or not token.isprintable():
        raise UsageError(f"{TOKEN} is no token", "set it to what `gitconfigmgr serve token create` has printed")
    load("tuf.api.metadata", "release")
    load("zstandard", "release")
    ca = options.text("ca", "")
    client = EdgeClient(
        f"{destination.address.rstrip('/')}/{quote(context.settings.tenant)}/",
        token,
        str(context.folder / ca) if ca else None,
    )
    return DirectoryPublisher(f"edge:{destination.address}", EdgeFiles(client), context)


class EdgeFiles:
    """See directory.Files. What is written is collected, and sent with the timestamp or when the lock is left."""

    def __init__(self, client: EdgeClient) -> None:
        self._client = client
        self._base: str | None = None
        self._files: dict[str, bytes] = {}
        self._removed: list[str] = []
        self._read: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        if path in self._files:
            return self._files[path]
        if path in self._removed:
            return None
        if path in self._read:
            return self._read[path]
        data = self._client.get(path)
        if data is not None and not _mutable(path):
            self._read[path] = data
        return data

    def write(self, path: str, data: bytes, *, siblings: bool = False) -> None:  # noqa: ARG002 - the endpoint makes them
        if path in self._removed:
            self._removed.remove(path)
        if self._read.get(path) != data:
            self._files[path] = data

    def flip(self, path: str, data: bytes, seconds: int) -> None:  # noqa: ARG002 - the endpoint has its own clock
        self._files[path] = data
        if path == layout.TIMESTAMP:
            self._send()

    def remove(self, path: str) -> None:
        self._files.pop(path, None)
        self._read.pop(path, None)
        if path not in self._removed:
            self._removed.append(path)

    def names(self, folder: str) -> list[str]:
        known = set(self._client.names(folder)) - {
            path.removeprefix(f"{folder}/") for path in self._removed if path.startswith(f"{folder}/")
        }
        new = {path.removeprefix(f"{folder}/") for path in self._files if path.startswith(f"{folder}/")}
        return sorted({name.partition("/")[0] for name in known | new})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No lock is held: the endpoint takes what was made on the timestamp that is there now, or nothing."""
        self._files, self._removed, self._read = {}, [], {}
        timestamp = self._client.get(layout.TIMESTAMP)
        self._base = None if timestamp is None else hashlib.sha256(timestamp).hexdigest()
        yield
        present = [
            path for path in self._removed if path.rpartition("/")[2] in self._client.names(path.rpartition("/")[0])
        ]
        self._removed = present
        if self._files or self._removed:
            self._send()

    def _send(self) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, data in sorted(self._files.items()):
                _add(archive, path, data)
            if self._removed and layout.TIMESTAMP not in self._files:
                _add(archive, _REMOVED, orjson.dumps(self._removed))
                self._removed = []
        self._client.send(packed.getvalue(), self._base)
        timestamp = self._files.get(layout.TIMESTAMP)
        if timestamp is not None:
            self._base = hashlib.sha256(timestamp).hexdigest()
        self._files = {}


def _add(archive: tarfile.TarFile, path: str, data: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _mutable(path: str) -> bool:
    return path in (layout.TIMESTAMP, layout.DISCOVERY) or path.startswith(f"{layout.STAGED}/")
