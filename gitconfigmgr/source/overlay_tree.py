"""A tree with some files edited, in memory: what a change would mean before anything is written."""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from gitconfigmgr.model.revisions import Revision
    from gitconfigmgr.ports import Tree


class EditedTree:
    """Implements ports.Tree: another tree, but for `files`: path -> its new bytes, or None where it is removed.

    It is at no revision, and its time is that of the tree below. `changes` understands the snapshots of that tree too.
    """

    def __init__(self, tree: Tree, files: Mapping[str, bytes | None]) -> None:
        self.revision: Revision | None = None
        self.edited = dict(files)
        self._tree = tree

    def files(self, folder: str) -> Collection[str]:
        found = [path for path in self._tree.files(folder) if path not in self.edited]
        return sorted([*found, *(path for path, data in self._within(folder).items() if data is not None)])

    def oddities(self, folder: str) -> Mapping[str, str]:
        return {path: what for path, what in self._tree.oddities(folder).items() if path not in self.edited}

    def read(self, path: str) -> bytes | None:
        return self.edited[path] if path in self.edited else self._tree.read(path)

    def blob_id(self, path: str) -> str:
        data = self.edited.get(path)
        return self._tree.blob_id(path) if data is None else _blob_id(data)

    def snapshot(self, folder: str) -> Any:
        return {"tree": self._tree.snapshot(folder), "edited": self._ids(folder)}

    def changes(self, folder: str, before: Any) -> set[str] | None:
        earlier = before.get("edited", {})
        found = self._tree.changes(folder, before["tree"] if "edited" in before else before)
        if found is None:
            return None
        return found | {path for path, _ in self._ids(folder).items() ^ earlier.items()}

    def time(self) -> datetime | None:
        return self._tree.time()

    def _within(self, folder: str) -> dict[str, bytes | None]:
        return {path: data for path, data in self.edited.items() if path.startswith(f"{folder}/")}

    def _ids(self, folder: str) -> dict[str, str | None]:
        return {path: None if data is None else _blob_id(data) for path, data in self._within(folder).items()}


def _blob_id(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
