"""A published tree in a folder: no path leads out of it, whatever stands in it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.publishers.directory_files import Folder
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.names import SEGMENT
from gitconfigmgr.release import layout
from gitconfigmgr.sync.endpoint import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitconfigmgr.sync.endpoint import Upload

_MUTABLE = (layout.TIMESTAMP, layout.DISCOVERY)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderTree:
    """See Tree. The folder itself may be a link, which is followed anew each time; below it none is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def tenants(self) -> list[str]:
        try:
            names = os.listdir(self.root)  # noqa: PTH208 - names are enough
        except OSError as error:
            raise OutsideError(f"{self.root}: {error.strerror}", "name the folder of a published tree") from None
        return sorted(name for name in names if SEGMENT.match(name) and (self.root / name / layout.TIMESTAMP).is_file())

    def read(self, tenant: str, path: str) -> bytes | None:
        """The file, reached step by step without following a link."""
        *folders, name = f"{tenant}/{path}".split("/")
        if not all(folders) or not name or {"..", "."} & {*folders, name} or "\0" in path:
            return None
        try:
            at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for folder in folders:
                    below = os.open(folder, _FOLDER, dir_fd=at)
                    os.close(at)
                    at = below
                file = os.open(name, _FILE, dir_fd=at)
            finally:
                os.close(at)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise OutsideError(f"{tenant}/{path}: {error.strerror}") from None
        try:
            known = os.fstat(file)
            if not stat.S_ISREG(known.st_mode):
                return None
            if known.st_size > MOST_BYTES:
                raise OutsideError(f"{tenant}/{path} is larger than {MOST_BYTES} bytes")
            with open(file, "rb", closefd=False) as opened:
                return opened.read(MOST_BYTES)
        except OSError as error:
            raise OutsideError(f"{tenant}/{path}: {error.strerror}") from None
        finally:
            os.close(file)

    def change(self, tenant: str, decide: Callable[[Callable[[str], bytes | None]], Upload]) -> None:
        """See Shelf. The lock is that of the publisher `directory`: both may write to one tree."""
        folder = Folder(self.root / tenant)
        with folder.locked():
            upload = decide(folder.read)
            for path, data in upload.files.items():
                if path not in _MUTABLE:
                    folder.write(path, data, siblings=_has_siblings(path))
            for path in reversed(_MUTABLE):
                if path in upload.files and folder.read(path) != upload.files[path]:
                    folder.flip(path, upload.files[path], upload.seconds)
            for path in upload.removed:
                folder.remove(path)

    def names(self, tenant: str, folder: str) -> list[str]:
        return [name for name in Folder(self.root / tenant).names(folder) if not name.startswith(".")]

    def stamp(self, tenant: str) -> object:
        found: list[tuple[int, int, int] | None] = []
        for path in _MUTABLE:
            found.append(None)
            with suppress(OSError):
                known = os.lstat(f"{self.root}/{tenant}/{path}")
                found[-1] = (known.st_mtime_ns, known.st_size, known.st_ino)
        return tuple(found)


def _has_siblings(path: str) -> bool:
    """Whether compressed forms stand beside it, as a publisher of directories writes them."""
    return path.endswith(".json") and path.startswith(("tuf/", "provenance/"))


def _absent() -> frozenset[int]:
    import errno

    return frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO})


_ABSENT = _absent()
