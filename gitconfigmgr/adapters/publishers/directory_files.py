"""The files of a published directory: written beside, synced, renamed. One publisher at a time."""

from __future__ import annotations

import gzip
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = ".gcm-new"
_LOCK = ".gcm-lock"
_SMALL = 256  # bytes; a compressed sibling would be no shorter than its file


class Folder:
    """The files below one folder. Raises OutsideError where the file system fails, with what then holds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written = 0
        self._unsynced: set[Path] = set()
        self._folders: set[Path] = set()

    def read(self, path: str) -> bytes | None:
        """The content; None where there is no such regular file. Follows no link out of the tree."""
        place = self.root / path
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise self._failed(place, error) from None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other publisher is at work here; what killed ones left half-written is removed.

        Where nothing was published, no folder stays.
        """
        new = [place for place in (self.root, self.root.parent) if not place.exists()]
        lock = self._lock()
        try:
            self._sweep()
            yield
        finally:
            if new:
                self._take_back(new)
            os.close(lock)

    def _lock(self) -> int:
        """The open lock file; waits for it, and once more where the one before has taken the folder back."""
        import fcntl

        while True:
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                if (self.root / _TEMPORARY).is_symlink():  # what it leads to would be emptied
                    raise UsageError(f"{self.root / _TEMPORARY} is a link", "remove it")
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                lock = os.open(self.root / _LOCK, flags, 0o666)
            except FileNotFoundError:  # taken back at this moment
                continue
            except OSError as error:
                raise self._failed(self.root, error) from None
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), (self.root / _LOCK).stat()):
                    return lock
            os.close(lock)

    def _take_back(self, new: list[Path]) -> None:
        """Remove folders that were made here and hold nothing."""
        if set(self.names(".")) <= {_LOCK, _TEMPORARY} and not self.names(_TEMPORARY):
            with suppress(OSError):  # somebody else is at work there
                (self.root / _TEMPORARY).rmdir()
                (self.root / _LOCK).unlink()
                for place in new:
                    place.rmdir()

    def write(self, path: str, data: bytes, *, siblings: bool = False) -> None:
        """Write an immutable file, unless it is there already. With `siblings` its compressed forms too."""
        self._put(path, data)
        if siblings and len(data) >= _SMALL:
            self._put(f"{path}.gz", gzip.compress(data, 9, mtime=0))
            self._put(f"{path}.zst", _zstd(data))

    def flip(self, path: str, data: bytes, seconds: int) -> None:
        """Sync all that was written, then replace a mutable file in one step.

        Its time in whole seconds grows with each change: servers make entity tags of time and length, and the length
        of signed metadata does not change.
        """
        place = self.root / path
        try:
            self._sync()
            before = int(place.stat().st_mtime) if place.exists() else 0
            stamp = max(seconds, before + 1)
            temporary = self._temporary(place, data)
            os.utime(temporary, (stamp, stamp))
            _sync(temporary)
            temporary.replace(place)
            self.written += 1
            _sync(place.parent)
        except OSError as error:
            raise self._failed(place, error) from None

    def remove(self, path: str) -> None:
        """Remove a file and its compressed forms, and a folder that becomes empty."""
        place = self.root / path
        self._refuse_links(place.parent)
        try:
            for name in (f"{place}", f"{place}.gz", f"{place}.zst"):
                if os.path.lexists(name):
                    Path(name).unlink()
            parent = place.parent
            if parent != self.root and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        except OSError as error:
            raise self._failed(place, error) from None

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none where there is no such folder. Follows no link."""
        try:
            if (self.root / folder).is_symlink():
                return []
            return sorted(os.listdir(self.root / folder))  # noqa: PTH208 - names are enough
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._failed(self.root / folder, error) from None

    def _put(self, path: str, data: bytes) -> None:
        place = self.root / path
        try:
            if self._same(place, data):
                return
            temporary = self._temporary(place, data)
            temporary.replace(place)
            self._unsynced.add(place)
            self.written += 1
        except OSError as error:
            raise self._failed(place, error) from None

    def _same(self, place: Path, data: bytes) -> bool:
        """Whether the file is there with these bytes; a run that was cut off by a power failure may leave others."""
        try:
            return place.stat(follow_symlinks=False).st_size == len(data) and place.read_bytes() == data
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _temporary(self, place: Path, data: bytes) -> Path:
        if place.parent not in self._folders:
            self._refuse_links(place.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(place.parent)
        temporary = self.root / _TEMPORARY / str(len(self._unsynced))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return temporary

    def _refuse_links(self, folder: Path) -> None:
        """A link inside the tree would have files written elsewhere."""
        while folder != self.root:
            if folder.is_symlink():
                raise UsageError(f"{folder} is a link", "publish to a folder without links in it")
            folder = folder.parent

    def _sync(self) -> None:
        folders = set()
        for place in self._unsynced:
            _sync(place)
            folders.add(place.parent)
        for folder in folders:
            _sync(folder)
        self._unsynced.clear()

    def _sweep(self) -> None:
        folder = self.root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        for name in os.listdir(folder):  # noqa: PTH208 - names are enough
            (folder / name).unlink()

    def _failed(self, place: Path, error: OSError) -> OutsideError:
        return OutsideError(f"{place}: {error.strerror}", "what was published before is untouched; run it again")


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=19).compress(data)
