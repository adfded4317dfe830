"""The output tree of `compile`: built beside the folder, then exchanged with it in one step.

Where an earlier run left a second tree, the spare, only what differs is written: the spare is brought up to date and
becomes the folder, and the folder becomes the spare. Unchanged files are hard links, so the spare costs no space.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gitconfigmgr.adapters.files import umask
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MANIFEST = "manifest.json"


class OutputFolder:
    """Implements ports.OutputTree for a folder on disk. `spare` is where a second tree may be kept, or None."""

    def __init__(self, folder: Path, spare: Path | None) -> None:
        self.folder = folder.absolute()
        self.spare = spare
        self._new = self.folder
        self._lock: int | None = None
        self._made: set[str] = set()
        self._written: list[str] = []
        self._removed: list[str] = []
        self._before: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        refuse_foreign(self.folder)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.spare)
            _sweep(self.folder)
            self._new = Path(tempfile.mkdtemp(prefix=_prefix(self.folder), dir=self.folder.parent))
            self._new.chmod(0o777 & ~umask())
        except OSError as error:
            raise OutsideError(f"{self.folder.parent}: {error.strerror}", "nothing was written") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._new != self.folder and self._new.exists():
            shutil.rmtree(self._new, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

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
        if _stamps(self.folder, before["stamps"]) != before["stamps"]:
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
        spare = None
        if self._before is not None:
            spare = {"stamps": self._before["stamps"], "differs": [*self._written, *self._removed]}
        folders = _folders(self._written) | (set(self._before["stamps"]) if self._before is not None else set())
        return {"folder": str(self.folder), "stamps": _stamps(self.folder, folders), "spare": spare}

    def _update(self, before: dict[str, Any]) -> None:
        """Bring the spare up to date and exchange it with the folder.

        While it is worked on it has another name: a run that is killed leaves no spare.
        """
        assert self.spare is not None
        known, work = before["spare"], self.spare.with_name(f"{self.spare.name}.work")
        if work.exists():
            shutil.rmtree(work)
        if known is not None and _stamps(self.spare, known["stamps"]) == known["stamps"]:
            self.spare.rename(work)
            for path in known["differs"]:
                _link(self.folder, work, path)
        else:
            _clone(self.folder, work)
        for path in self._removed:
            _remove(work, path)
        for path in self._written:
            place = work / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (self._new / path).replace(place)
        exchange(work, self.folder)
        if self.spare.exists():
            shutil.rmtree(self.spare)
        work.rename(self.spare)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.gcm-new-"


def _sweep(folder: Path) -> None:
    """Remove what killed runs have left beside a folder; a run that is alive has touched its own within the hour."""
    for path in folder.parent.glob(f"{_prefix(folder)}*"):
        stamp = _stamps(path, [""])
        if stamp and stamp[""][1] < (time.time() - 3600) * 1e9:
            shutil.rmtree(path, ignore_errors=True)


def _locked(spare: Path | None) -> int | None:
    """Wait until no other run works on the spare; None where there is none, or no locks."""
    if spare is None:
        return None
    try:
        import fcntl

        spare.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(spare.with_name(f"{spare.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return None
    return descriptor


def _stamps(root: Path, folders: Iterable[str]) -> dict[str, list[int]]:
    """Inode and time of each folder: they change when a name in it comes, goes or is replaced.

    A file that is edited in place changes neither; looking at every file would cost more than the rest of a run.
    """
    stamps = {}
    for name in folders:
        try:
            found = os.stat(f"{root}/{name}", follow_symlinks=False)  # noqa: PTH116 - one of thousands
        except OSError:
            continue
        stamps[name] = [found.st_ino, found.st_mtime_ns]
    return stamps


def _folders(paths: Iterable[str]) -> set[str]:
    """The folders that files lie in, and those above; "" is the root."""
    found = {""}
    for path in paths:
        at = path.rpartition("/")[0]
        while at not in found:
            found.add(at)
            at = at.rpartition("/")[0]
    return found


def _files(root: Path) -> list[str]:
    found = []
    for at, folders, names in os.walk(root):
        links = [name for name in folders if os.path.islink(f"{at}/{name}")]  # noqa: PTH114 - one of thousands
        found += [f"{at}/{name}"[len(str(root)) + 1 :] for name in (*names, *links)]
    return found


def _link(source: Path, place: Path, path: str) -> None:
    """Make a file of `place` the same as that of `source`, or nothing where that is gone."""
    _remove(place, path)
    if (source / path).exists():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(source / path, place / path)


def _clone(source: Path, place: Path) -> None:
    """A tree of hard links."""
    for at, _, names in os.walk(source):
        inner = f"{place}{at[len(str(source)) :]}"
        os.makedirs(inner)  # noqa: PTH103 - one of thousands
        for name in names:
            os.link(f"{at}/{name}", f"{inner}/{name}")


def _remove(root: Path, path: str) -> None:
    """Remove a file, and the folders it leaves empty."""
    (root / path).unlink(missing_ok=True)
    for parent in (root / path).parents:
        if parent == root or not parent.is_dir():
            if parent == root:
                return
            continue
        if any(parent.iterdir()):
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
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
        ours = {path for entry in manifest["targets"] for path in (entry["path"], entry["provenance"]["path"])}
        ours |= {MANIFEST} if manifest["compiler"].startswith("gitconfigmgr ") else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        ours = set()
    extra = sorted(set(_files(folder)) - ours)
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
