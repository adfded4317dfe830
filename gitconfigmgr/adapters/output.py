"""The output tree of `compile`: built beside the folder, then exchanged with it in one step.

Where an earlier run left a second tree, the spare, only what differs is written: the spare is brought up to date and
becomes the folder, and the folder becomes the spare. Unchanged files are hard links, so the spare costs no space.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Self

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MANIFEST = "manifest.json"


class OutputFolder:
    """Implements ports.OutputTree for a folder on disk. `spare` is where a second tree may be kept, or None."""

    def __init__(self, folder: Path, spare: Path | None) -> None:
        self.folder = folder.absolute()
        self.spare = spare
        self._new = self.folder.parent / f".{self.folder.name}.gcm-new-{os.getpid()}"
        self._made: set[str] = set()
        self._written: list[str] = []
        self._removed: list[str] = []
        self._before: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        refuse_foreign(self.folder)
        try:
            self._new.mkdir(parents=True)
        except OSError as error:
            raise OutsideError(f"{self.folder.parent}: {error.strerror}", "nothing was written") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._new.exists():
            shutil.rmtree(self._new, ignore_errors=True)

    def write(self, path: str, data: bytes) -> None:
        place = f"{self._new}/{path}"
        folder = place.rpartition("/")[0]
        try:
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - one of thousands; a Path for each is slow
                self._made.add(folder)
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OutsideError(f"{self.folder / path}: {error.strerror}", "the old output is untouched") from None

    def based_on(self, before: Any, removed: Collection[str]) -> bool:
        if not isinstance(before, dict) or before.get("folder") != str(self.folder) or self.spare is None:
            return False
        if any(_stamp(f"{self.folder}/{name}") != stamp for name, stamp in before["stamps"].items()):
            return False
        self._before = before
        self._removed = list(removed)
        return True

    def commit(self) -> None:
        try:
            self._written = sorted(_files(self._new))
            if self._before is not None:
                self._update(self._before)
            elif self.folder.exists():
                _refuse_extras(self.folder)
                exchange(self._new, self.folder)
            else:
                self._new.rename(self.folder)
        except OSError as error:
            raise OutsideError(f"{self.folder}: {error.strerror}", "run it again") from None

    def state(self) -> Any:
        stamps = {name: _stamp(f"{self.folder}/{name}") for name in _folders(self.folder)}
        stamps[MANIFEST] = _stamp(f"{self.folder}/{MANIFEST}")
        spare = None
        if self._before is not None and self.spare is not None:
            spare = {"inode": self.spare.stat().st_ino, "differs": [*self._written, *self._removed]}
        return {"folder": str(self.folder), "stamps": stamps, "spare": spare}

    def _update(self, before: dict[str, Any]) -> None:
        """Bring the spare up to date and exchange it with the folder."""
        assert self.spare is not None
        known = before["spare"]
        if known is not None and self.spare.is_dir() and self.spare.stat().st_ino == known["inode"]:
            for path in known["differs"]:
                _link(self.folder / path, self.spare / path)
        else:
            _clone(self.folder, self.spare)
        for path in self._removed:
            _remove(self.spare, path)
        for path in self._written:
            place = self.spare / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (self._new / path).replace(place)
        exchange(self.spare, self.folder)


def _stamp(path: str) -> list[int] | None:
    """What changes when a folder's names or a file's content change."""
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - one of thousands
    except OSError:
        return None
    return [found.st_ino, found.st_mtime_ns, found.st_size]


def _folders(root: Path) -> list[str]:
    """The folders of a tree, "" first."""
    found = [""]
    for name in found:
        with os.scandir(f"{root}/{name}") as entries:
            found += [f"{name}/{entry.name}" if name else entry.name for entry in entries if entry.is_dir()]
    return found


def _files(root: Path) -> list[str]:
    return [f"{at}/{name}"[len(str(root)) + 1 :] for at, _, names in os.walk(root) for name in names]


def _link(source: Path, place: Path) -> None:
    """Make `place` the same file as `source`, or nothing where that is gone."""
    place.unlink(missing_ok=True)
    if source.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, place)


def _clone(source: Path, place: Path) -> None:
    """A tree of hard links."""
    if place.exists():
        shutil.rmtree(place)
    for name in _folders(source):
        os.makedirs(f"{place}/{name}")  # noqa: PTH103 - one of thousands
        with os.scandir(f"{source}/{name}") as entries:
            for entry in entries:
                if not entry.is_dir():
                    os.link(entry.path, f"{place}/{name}/{entry.name}")


def _remove(root: Path, path: str) -> None:
    """Remove a file, and the folders it leaves empty."""
    (root / path).unlink(missing_ok=True)
    for parent in (root / path).parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()


def refuse_foreign(folder: Path) -> None:
    """Raise UsageError for a folder whose content `compile` did not write."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder.name} is no folder", "name a new folder")
    if not folder.is_dir():
        return
    names = sorted(os.listdir(folder))  # noqa: PTH208 - names are enough
    foreign = [name for name in names if name in (".git", "gitconfigmgr.yaml", "configs")]
    if foreign or (names and MANIFEST not in names):
        found = (foreign or names)[0]
        message = f"{folder.name} holds files that compile did not write, such as {found}"
        raise UsageError(message, "name an empty or a new folder")


def _refuse_extras(folder: Path) -> None:
    """Raise UsageError for files in an output folder that its manifest does not name: replacing would lose them."""
    import orjson

    try:
        entries = orjson.loads((folder / MANIFEST).read_bytes())["targets"]
        ours = {path for entry in entries for path in (entry["path"], entry["provenance"]["path"])}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        ours = set()
    extra = sorted(set(_files(folder)) - ours - {MANIFEST})
    if extra:
        message = f"{folder.name} holds files that compile did not write, such as {extra[0]}"
        raise UsageError(message, "move them elsewhere: the folder is replaced as a whole")


def exchange(new: Path, old: Path) -> None:
    """Swap two folders in one step of the file system; in two where it has none for that."""
    if not _swap(os.fsencode(new), os.fsencode(old)):
        aside = old.with_name(f".{old.name}.gcm-old-{os.getpid()}")
        old.rename(aside)
        new.rename(old)
        aside.rename(new)


def _swap(one: bytes, other: bytes) -> bool:
    """renameat2(RENAME_EXCHANGE) on Linux, renamex_np(RENAME_SWAP) on macOS; False where neither is there."""
    import ctypes
    import errno
    import sys

    library = ctypes.CDLL(None, use_errno=True)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(one, other, 2)
        else:
            failed = library.renameat2(-100, one, -100, other, 2)
    except AttributeError:
        return False
    if failed:
        code = ctypes.get_errno()
        if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            return False
        raise OSError(code, os.strerror(code))
    return True
