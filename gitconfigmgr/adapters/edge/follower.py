"""One poll: the timestamp, then, where it is new, a full refresh by python-tuf, and of each bundle a delta or the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from gitconfigmgr.adapters.edge.content import Choice, Content, Part, Scope, read_content
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import delta, layout

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
    """Verified content, and all files that prove it."""

    content: Content
    files: dict[str, bytes]


class Follower:
    """Follows one tree. `root` is what is trusted, `metadata` the folder where python-tuf remembers what it has seen."""

    def __init__(self, transport: Transport, root: bytes, scope: Scope, metadata: Path) -> None:
        self._transport = transport
        self._root = root
        self._scope = scope
        self._metadata = metadata

    def poll(self, etag: str | None, known: Content | None) -> Same | New:
        """Raises OutsideError: unreachable, not verified, or too large. Then nothing has changed."""
        answer = self._transport.get(layout.TIMESTAMP, _TIMESTAMP_BYTES, etag)
        if answer.data is None:
            return Same(proof=False)
        if known is not None and answer.data == known.timestamp:
            return Same(proof=True)
        self._refresh(answer.data)
        files = self._verified_files()

        def fetch(namespace: str, part: Part, choice: Choice) -> bytes:
            data = self._part(namespace, part, choice, known)
            files[part.file] = data
            return data

        return New(read_content(files.get, self._root, self._scope, answer.etag, fetch), files)

    def _refresh(self, timestamp: bytes) -> None:
        from tuf.api.exceptions import DownloadError, RepositoryError
        from tuf.ngclient import Updater

        base = f"{self._transport.base}{layout.METADATA}/"
        self._transport.held = {f"{base}timestamp.json": timestamp}
        try:
            updater = Updater(str(self._metadata), base, fetcher=self._transport, bootstrap=self._root)
            updater.refresh()
            self._load_roles(updater)
        except (RepositoryError, DownloadError) as error:
            raise OutsideError(f"not verified: {type(error).__name__}: {error}") from None
        except OSError as error:
            raise OutsideError(f"{self._metadata}: {error.strerror or error}") from None
        finally:
            self._transport.held = {}

    def _load_roles(self, updater: Updater) -> None:
        """Have python-tuf load the roles that are followed: it loads one when it is asked for a path that the role signs."""
        for role in self._roles():
            updater.get_targetinfo(layout.patterns_of(role)[0].replace("*", "-"))

    def _roles(self) -> list[str]:
        from tuf.api.metadata import Metadata, Snapshot, Targets

        top: Metadata[Targets] = Metadata.from_bytes((self._metadata / "targets.json").read_bytes())
        now: Metadata[Snapshot] = Metadata.from_bytes((self._metadata / "snapshot.json").read_bytes())
        delegated = top.signed.delegations.roles if top.signed.delegations else None
        return [role for role in delegated or {} if f"{role}.json" in now.signed.meta and self._scope.role(role)]

    def _verified_files(self) -> dict[str, bytes]:
        """Metadata as the published tree names it."""
        from tuf.api.metadata import Metadata

        files = {}
        for path in (self._metadata / "root_history").iterdir():
            files[f"{layout.METADATA}/{path.name}"] = path.read_bytes()
        for role in ("timestamp", "snapshot", "targets", *self._roles()):
            place = self._metadata / f"{quote(role, '')}.json"
            if place.is_file():
                data = place.read_bytes()
                files[layout.metadata_file(role, Metadata.from_bytes(data).signed.version)] = data
        return files

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
