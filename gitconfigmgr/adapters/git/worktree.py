"""The files of a folder on disk."""

from __future__ import annotations

import os
import re
import time
from hashlib import sha1
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.naming import badly_named
from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from gitconfigmgr.model.revisions import Revision

_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, no waiting for a pipe
MOST_BYTES = 64 * 1024 * 1024  # as much as any `limits.file_bytes` may allow
_TICK = 50_000_000  # ns; file systems stamp files with a clock that ticks every few milliseconds


class WorkTree:
    """A folder as it is now. Links are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.revision: Revision | None = None
        self._files: dict[str, list[str]] = {}
        self._oddities: dict[str, dict[str, str]] = {}
        self._seen: set[str] = set()
        self._ids: dict[str, str] = {}
        self._stats: dict[str, dict[str, list[int]]] = {}

    def files(self, folder: str) -> Collection[str]:
        if folder not in self._files:
            self._files[folder], self._oddities[folder] = [], {}
            if (self.root / folder).is_symlink():
                self._oddities[folder][folder] = "link"
            elif (self.root / folder / ".git").exists():
                self._oddities[folder][folder] = "submodule"
            elif (self.root / folder).is_dir():
                self._walk(folder, folder)
                for path in self._submodules(folder):
                    self._oddities[folder][path] = "submodule"
        return self._files[folder]

    def oddities(self, folder: str) -> Mapping[str, str]:
        self.files(folder)
        return self._oddities[folder]

    def blob_id(self, path: str) -> str:
        known = self._ids.get(path)
        if known is None:
            self.read(path)
            known = self._ids[path]
        return known

    def read(self, path: str) -> bytes | None:
        if path not in self._seen and ("\0" in path or self.through_link(path)):
            return None
        try:
            descriptor = os.open(f"{self.root}/{path}", os.O_RDONLY | _CAREFULLY)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by descriptor
                if not S_ISREG(os.fstat(descriptor).st_mode):
                    return None
                data = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise OutsideError(f"{path}: {error.strerror}", "check the permissions of the file") from None
        self._ids[path] = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        return data

    def time(self) -> datetime | None:
        from gitconfigmgr.adapters.git.revision import head, revision_of
        from gitconfigmgr.errors import UsageError

        try:
            commit = head(_repository(self.root))
        except UsageError:
            return None
        return revision_of(commit).time if commit else None

    def snapshot(self, folder: str) -> Any:
        if folder not in self._stats:
            self.changes(folder, {})
        return {"stats": self._stats[folder]}

    def changes(self, folder: str, before: Any) -> set[str] | None:
        known: dict[str, list[int]] = before.get("stats", {})
        recent = time.time_ns() - _TICK
        now = {}
        for path in self.files(folder):
            found = os.stat(f"{self.root}/{path}", follow_symlinks=False)  # noqa: PTH116 - one of thousands
            # A file that changes twice within a tick of the clock keeps its time: it counts as changed next time.
            if found.st_mtime_ns < recent:
                now[path] = [found.st_mtime_ns, found.st_size, found.st_ino]
            else:
                now[path] = [0, found.st_size, found.st_ino]
        self._stats.setdefault(folder, now)
        if "stats" not in before:
            return None
        changed = {path for path, stat in now.items() if known.get(path) != stat or not stat[0]}
        return changed | (known.keys() - now.keys())

    def through_link(self, path: str) -> bool:
        """Whether a path that no walk has listed leads through a symbolic link."""
        at = Path(self.root)
        for part in path.split("/"):
            if part == "..":
                return True
            at /= part
            if at.is_symlink():
                return True
        return False

    def _submodules(self, folder: str) -> list[str]:
        """The submodules below a folder that are named but not checked out: their folders are empty."""
        try:
            named = (self.root / ".gitmodules").read_text(errors="replace")
        except OSError:
            return []
        paths = re.findall(r"^\s*path\s*=\s*(\S.*?)\s*$", named, re.MULTILINE)
        return [path for path in paths if path.startswith(f"{folder}/") and (self.root / path).is_dir()]

    def _walk(self, at: str, top: str) -> None:
        folder = Path(self.root, at)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise OutsideError(f"{at}: {error.strerror}", "check the permissions of the folder") from None
        for entry in entries:
            path = f"{at}/{entry.name}"
            if (shown := badly_named(path)) is not None:
                self._oddities[top][shown] = "badly named"
            elif entry.is_symlink():
                self._oddities[top][path] = "link"
            elif entry.is_dir():
                if (folder / entry.name / ".git").exists():
                    self._oddities[top][path] = "submodule"
                else:
                    self._walk(path, top)
            elif entry.is_file():
                self._files[top].append(path)
                self._seen.add(path)
            else:
                self._oddities[top][path] = "special file"


def _repository(root: Path) -> object:
    from gitconfigmgr.adapters.git.revision import open_repository

    return open_repository(root)
