"""One poll: the timestamp, then, where it is new, a full refresh by python-tuf, and of each bundle a delta or the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import orjson

from gitconfigmgr.adapters.edge.content import Choice, Content, Part, Scope, read_content
from gitconfigmgr.adapters.edge.fetcher import Fetcher
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import delta, layout
from gitconfigmgr.release.trust import OURS

if TYPE_CHECKING:
    from pathlib import Path

    from tuf.ngclient import Updater

    from gitconfigmgr.adapters.edge.transport import Transport

MOST_BYTES = 16 * 1024 * 1024  # of one bundle, whatever is signed
_TIMESTAMP_BYTES = 16 * 1024


class Same(NamedTuple):
    """Nothing new; a proof only where the bytes were seen."""

    proof: bool


class New(NamedTuple):
    """Verified content, and the metadata that proves it, by path in the published tree."""

    content: Content
    metadata: dict[str, bytes]


class Follower:
    """Follows one tree. `root` is what is trusted, `folder` where python-tuf remembers what it has seen."""

    def __init__(self, transport: Transport, root: bytes, scope: Scope, folder: Path) -> None:
        self._transport = transport
        self._root = root
        self._scope = scope
        self._folder = folder
        self._fetcher = Fetcher(transport, folder)

    def poll(self, etag: str | None, known: Content | None, *, thorough: bool = True) -> Same | New:
        """With an ETag conditionally. Raises OutsideError: unreachable, not verified, or too large; nothing has changed."""
        answer = self._transport.get(layout.TIMESTAMP, _TIMESTAMP_BYTES, etag)
        if answer.data is None:
            return Same(proof=False)
        if known is not None and answer.data == known.timestamp:
            return Same(proof=True)
        metadata = self._refreshed(answer.data, thrifty=not thorough)

        def fetch(namespace: str, part: Part, choice: Choice) -> bytes:
            return self._part(namespace, part, choice, known)

        return New(read_content(metadata.get, self._root, self._scope, answer.etag, fetch), metadata)

    def cut(self) -> None:
        """End a poll that is under way: it fails."""
        self._transport.cut()

    def _refreshed(self, timestamp: bytes, *, thrifty: bool) -> dict[str, bytes]:
        """Metadata that python-tuf has verified. What does not verify in the thrifty way is asked for as a whole."""
        from tuf.api.exceptions import DownloadError, RepositoryError

        self._fetcher.timestamp = timestamp
        self._fetcher.last_root = _last_root(timestamp)
        self._fetcher.thrifty = thrifty
        try:
            return self._verified()
        except (RepositoryError, DownloadError) as error:
            if thrifty:
                return self._refreshed(timestamp, thrifty=False)
            raise OutsideError(f"not verified: {type(error).__name__}: {error}") from None
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror or error}") from None

    def _verified(self) -> dict[str, bytes]:
        from tuf.ngclient import Updater

        updater = Updater(str(self._folder), self._fetcher.base, fetcher=self._fetcher, bootstrap=self._root)
        updater.refresh()
        files = {f"{layout.METADATA}/{path.name}": path.read_bytes() for path in self._folder.glob("root_history/*")}
        for role in ("timestamp", "snapshot", "targets", *self._roles(updater)):
            data = (self._folder / f"{quote(role, '')}.json").read_bytes()
            files[layout.metadata_file(role, int(orjson.loads(data)["signed"]["version"]))] = data
        return files

    def _roles(self, updater: Updater) -> list[str]:
        """The delegated roles that are followed, each loaded: python-tuf does it when asked for a path that the role signs."""
        top = orjson.loads((self._folder / "targets.json").read_bytes())["signed"].get("delegations") or {}
        present = orjson.loads((self._folder / "snapshot.json").read_bytes())["signed"]["meta"]
        roles = [role["name"] for role in top.get("roles", ()) if f"{role['name']}.json" in present]
        followed = [role for role in roles if self._scope.role(role)]
        for role in followed:
            updater.get_targetinfo(layout.patterns_of(role)[0].replace("*", "-"))
        return followed

    def _part(self, namespace: str, part: Part, choice: Choice, known: Content | None) -> bytes:
        if part.length > MOST_BYTES:
            raise OutsideError(f"{part.file} has {part.length:,} bytes, and an agent takes {MOST_BYTES:,}")
        held = known.bytes_of.get(part.sha256) if known else None
        if held is not None:
            return held
        return self._by_delta(namespace, part, choice, known) or self._whole(part)

    def _whole(self, part: Part) -> bytes:
        data = self._transport.get(part.file, part.length).data
        assert data is not None
        return data

    def _by_delta(self, namespace: str, part: Part, choice: Choice, known: Content | None) -> bytes | None:
        """From what is here; None where none is on offer or it is not what was signed: deltas are not trusted."""
        before = known.choices.get(namespace) if known else None
        if known is None or before is None or part is not choice.bundle or part.sha256 != choice.version.sha256:
            return None
        old = before.bundle.sha256
        if old[: layout.PREFIX_DIGITS] not in choice.custom.get("deltas", ()):
            return None
        try:
            packed = self._transport.get(layout.delta_file(old, part.sha256), part.length + 1024).data or b""
            return delta.apply(known.bytes_of[old], packed, part.length, part.sha256)
        except (OutsideError, delta.DeltaError):
            return None


def _last_root(timestamp: bytes) -> int | None:
    """What a timestamp says of roots, before it is verified: whoever could lie here could as well hide a root."""
    try:
        return int(orjson.loads(timestamp)["signed"][OURS]["root"])
    except (ValueError, KeyError, TypeError):
        return None
