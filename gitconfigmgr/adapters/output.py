"""The output tree of `compile`: built beside the folder, then exchanged with it in one step."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Self

from gitconfigmgr.errors import OutsideError, UsageError

MANIFEST = "manifest.json"


class OutputFolder:
    """Implements ports.OutputTree for a folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._new = self.folder.parent / f".{self.folder.name}.gcm-new-{os.getpid()}"
        self._made: set[str] = set()
        self._committed = False

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

    def commit(self) -> None:
        try:
            if self.folder.exists():
                exchange(self._new, self.folder)
            else:
                self._new.rename(self.folder)
        except OSError as error:
            raise OutsideError(f"{self.folder}: {error.strerror}", "the old output is untouched") from None


def refuse_foreign(folder: Path) -> None:
    """Raise UsageError for a folder whose content `compile` did not write."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no folder", "name a new folder")
    if not folder.is_dir():
        return
    names = sorted(os.listdir(folder))  # noqa: PTH208 - names are enough
    if names and MANIFEST not in names:
        raise UsageError(f"{folder} holds files that compile did not write, such as {names[0]}", "name an empty or a new folder")
    for name in (".git", "gitconfigmgr.yaml", "configs"):
        if name in names:
            raise UsageError(f"{folder} holds {name}, so it is no output folder", "name an empty or a new folder")


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
