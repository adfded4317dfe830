"""The work tree and the index, following a commit that is being made on the branch that is checked out.

The index is held by git's own lock meanwhile. Only files that are as the branch has them are touched; where the commit
fails they become what they were.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.adapters.git.worktree import WorkTree
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Checkout:
    """Edits of a work tree until `keep`: leaving the context without it takes them back."""

    def __init__(self, repository: Any, base: Any | None, files: Mapping[str, bytes | None]) -> None:
        self._repository = repository
        self._base = base
        self._files = files
        self._folder = WorkTree(Path(repository.workdir))
        self._place = Path(repository.path)
        self._lock = self._place / "index.lock"
        self._before: dict[str, bytes | None] = {}
        self._index: Any = None

    def __enter__(self) -> Self:
        try:
            os.close(os.open(self._lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            hint = "wait for it; where none runs, remove the file index.lock below .git"
            raise OutsideError("another git process works on the index", hint) from None
        try:
            self._index = self._copied()
            for path in self._files:
                self._before[path] = self._clean(path)
            for path, data in self._files.items():
                write_file(self._folder, path, data)
        except BaseException:
            self.__exit__()
            raise
        return self

    def keep(self, entries: Mapping[str, tuple[Any, Any] | None]) -> None:
        """The commit is made: the index takes these entries (blob and mode), and the files stay."""
        import pygit2

        for path, entry in entries.items():
            if entry is not None:
                self._index.add(pygit2.IndexEntry(path, *entry))
            elif path in self._index:
                self._index.remove(path)
        self._index.write()
        self._place.joinpath("index.gcm").replace(self._lock)
        self._lock.replace(self._place / "index")
        self._before = {}

    def __exit__(self, *_: object) -> None:
        for path, data in self._before.items():
            if self._folder.read(path) == self._files[path]:  # nobody has edited it in the meantime
                write_file(self._folder, path, data)
        self._place.joinpath("index.gcm").unlink(missing_ok=True)
        self._lock.unlink(missing_ok=True)

    def _copied(self) -> Any:
        """The index as it is under the lock, in a file of its own."""
        import pygit2

        copy = self._place / "index.gcm"
        copy.unlink(missing_ok=True)
        present = self._place / "index"
        if present.exists():
            copy.write_bytes(present.read_bytes())
        index = pygit2.Index(str(copy))
        index.read()
        return index

    def _clean(self, path: str) -> bytes | None:
        """The content of a file that is as the commit below has it. Raises UsageError for any other."""
        committed = entry_of(self._base, path)
        try:
            staged = self._index[path]
        except KeyError:
            staged = None
        if (staged and (staged.id, int(staged.mode))) != (committed and (committed.id, int(committed.filemode))):
            raise _changed(path, "is staged with changes")
        place = self._folder.root / path
        if self._folder.through_link(path) and place.exists():
            raise UsageError(f"{path} is a link, or behind one", "name the file that it leads to")
        data = self._folder.read(path)
        if data is None and place.exists():
            raise _changed(path, "is no regular file")
        if committed is None:
            if data is not None:
                raise _changed(path, "is there already, and is not committed")
        elif data is None or not self._same(data, committed.id):
            raise _changed(path, "has changes that are not committed")
        return data

    def _same(self, data: bytes, blob: Any) -> bool:
        import pygit2

        return any(pygit2.hash(form) == blob for form in (data, data.replace(b"\r\n", b"\n")))


def _changed(path: str, what: str) -> UsageError:
    return UsageError(f"{path} {what}", "commit them or put them aside (`git stash`), then run it again")


def entry_of(commit: Any | None, path: str) -> Any | None:
    """The entry of a path in a commit's tree."""
    try:
        return None if commit is None else commit.tree[path]
    except KeyError:
        return None


def write_file(folder: WorkTree, path: str, data: bytes | None) -> None:
    """Write or remove one file below a folder, with the folders around it. Raises UsageError, OutsideError."""
    place = folder.root / path
    if place.is_symlink() or folder.through_link(path):
        raise UsageError(f"{path} is a link, or behind one", "name the file that it leads to")
    try:
        if place.exists() and not place.stat().st_mode & 0o222:
            raise UsageError(f"{path} is read-only", f"make it writable: chmod u+w {path}")
        if data is None:
            place.unlink(missing_ok=True)
            _remove_empty(place.parent, folder.root)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, data)
    except OSError as error:
        raise OutsideError(f"{path}: {error.strerror}", "nothing was written") from None


def _remove_empty(at: Path, top: Path) -> None:
    while at != top and at.is_dir() and not any(at.iterdir()):
        at.rmdir()
        at = at.parent
