"""The bytes of a repository's files for a scan: the work tree, what is staged, or what commits have added."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.revision import commit_of, index_of
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.contents import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, no waiting for a pipe
_LINK, _SUBMODULE = 0o120000, 0o160000
_PEEK = 8_192


class Contents:
    """The repository around a folder. Paths are relative to the folder; `wanted` decides by path."""

    def __init__(self, repository: Any, prefix: str) -> None:
        self._repository = repository
        self._store = repository.odb
        self._prefix = prefix

    def work_tree(self, wanted: Callable[[str], bool], named: list[str]) -> Iterator[Content]:
        """Tracked files and untracked ones that are not ignored; files that are `named` in any case."""
        import pygit2

        index = self._repository.index
        index.read()
        paths = {entry.path for entry in index if entry.mode not in (_LINK, _SUBMODULE)}
        ignored = pygit2.enums.FileStatus.IGNORED
        status = self._repository.status(untracked_files="all", ignored=False)
        paths |= {path for path, flags in status.items() if not flags & ignored}
        root = Path(self._repository.workdir)
        for path in sorted(paths | {self._prefix + name for name in named}):
            inner = self._inner(path)
            if inner is not None and wanted(inner) and (found := _file(root / path, inner)) is not None:
                yield found

    def staged(self, wanted: Callable[[str], bool]) -> Iterator[Content]:
        """What the index has and HEAD has not."""
        import pygit2

        entries = [(entry.path, entry.id, entry.mode) for entry in index_of(self._repository)]
        if not self._repository.head_is_unborn:
            committed = pygit2.Index()
            committed.read_tree(self._repository[self._repository.head.target].tree)
            known = {entry.path: entry.id for entry in committed}
            entries = [entry for entry in entries if known.get(entry[0]) != entry[1]]
        for path, blob, mode in sorted(entries):
            inner = self._inner(path)
            if inner is not None and int(mode) not in (0, _LINK, _SUBMODULE) and wanted(inner):
                yield self._blob(inner, blob)

    def added(self, range_: str, wanted: Callable[[str], bool]) -> Iterator[Content]:
        """The blobs that the commits of `A..B` brought in, each once; of `B` those of all its history.

        A path is `commit:path` where the last commit has other content there, or none.
        """
        walker, last = self._walk(range_)
        tip = self._files(last.tree)
        seen: set[Any] = set()
        for commit in walker:
            for path, blob in self._brought(commit):
                inner = self._inner(path)
                if blob in seen or inner is None or not wanted(inner):
                    continue
                seen.add(blob)
                yield self._blob(inner if tip(path) == blob else f"{str(commit.id)[:12]}:{inner}", blob)

    def _walk(self, range_: str) -> tuple[Any, Any]:
        import pygit2

        first, dots, last = range_.partition("..")
        if last.startswith("."):
            raise UsageError("A...B names the commits of both sides", "write A..B")
        end = commit_of(self._repository, last or "HEAD") if dots else commit_of(self._repository, first)
        walker = self._repository.walk(end.id, pygit2.enums.SortMode.TOPOLOGICAL | pygit2.enums.SortMode.REVERSE)
        if dots:
            walker.hide(commit_of(self._repository, first or "HEAD").id)
        return walker, end

    def _files(self, tree: Any) -> Callable[[str], Any]:
        def blob_at(path: str) -> Any:
            try:
                return tree[path].id
            except KeyError:
                return None

        return blob_at

    def _brought(self, commit: Any) -> Iterator[tuple[str, Any]]:
        """The files that differ from those of every parent."""
        try:
            parents = [parent.tree for parent in commit.parents]
            diff = parents[0].diff_to_tree(commit.tree) if parents else commit.tree.diff_to_tree(swap=True)
        except KeyError:
            hint = "fetch it: `git fetch --unshallow`"
            raise OutsideError(f"git has no parent of {str(commit.id)[:12]} in this clone", hint) from None
        others = [self._files(tree) for tree in parents[1:]]
        for delta in diff.deltas:
            file = delta.new_file
            if int(file.mode) not in (0, _LINK, _SUBMODULE) and all(at(file.path) != file.id for at in others):
                yield file.path, file.id

    def _inner(self, path: str) -> str | None:
        return path[len(self._prefix) :] if path.startswith(self._prefix) and not path.endswith("/") else None

    def _blob(self, path: str, blob: Any) -> Content:
        store = self._store

        def read(most: int | None = None) -> bytes:
            try:
                return bytes(store.read(blob)[1])[:most]
            except KeyError:
                raise OutsideError(
                    f"git has no content for {path} in this clone", "fetch it: `git fetch --refetch --no-filter`"
                ) from None

        try:
            size = store.read_header(blob)[1]
        except KeyError:
            size = 0
        return Content(path, size, read)


def _file(place: Path, path: str) -> Content | None:
    """A regular file; None for anything else, and for what has gone in the meantime."""
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not S_ISREG(status.st_mode):
        return None

    def read(most: int | None = None) -> bytes:
        try:
            with open(os.open(place, os.O_RDONLY | _CAREFULLY), "rb") as file:  # noqa: PTH123 - opened by descriptor
                return file.read(-1 if most is None else most)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise OutsideError(f"{path}: {error.strerror}", "check the permissions of the file") from None

    return Content(path, status.st_size, read)
