"""The files of a commit, or of the index, through libgit2: no checkout, no filter, no hook."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.naming import badly_named
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.revisions import Revision
from gitconfigmgr.ports import DamagedTreeError, MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MOST_BYTES = 64 * 1024 * 1024  # as much as any `limits.file_bytes` may allow; more is not loaded
_EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # the id of no bytes
_INTENT = 1 << 13  # GIT_INDEX_ENTRY_INTENT_TO_ADD
_LINK, _SUBMODULE, _FOLDER = 0o120000, 0o160000, 0o040000


def open_repository(folder: Path) -> Any:
    """The repository that a folder lies in. Raises UsageError where there is none."""
    import pygit2

    found = pygit2.discover_repository(str(folder))
    if not found:
        raise UsageError(f"{folder} is in no Git repository", "run `git init`, or name the repository by -C")
    try:
        return pygit2.Repository(found)
    except (pygit2.GitError, ValueError) as error:
        hint = (
            "run `git config --global --add safe.directory PATH` if you trust its owner"
            if "owned" in str(error)
            else None
        )
        raise OutsideError(f"git: {error}", hint) from None


def revision_of(commit: Any) -> Revision:
    """What the program keeps of a pygit2 commit."""
    author = f"{commit.author.name} <{commit.author.email}>"
    return Revision(str(commit.id), str(commit.tree_id), author, time_of(commit.commit_time))


def time_of(seconds: int) -> datetime:
    """A time that a commit states; the beginning of 1970 for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def commit_of(repository: Any, name: str) -> Any:
    """The pygit2 commit that a name stands for. Raises UsageError, and OutsideError where the repository is damaged."""
    import pygit2

    try:
        return repository.revparse_single(name).peel(pygit2.Commit)
    except KeyError:
        if name == "HEAD" and repository.head_is_unborn:
            raise UsageError("there is no commit yet", "make the first one: `git commit`") from None
        raise UsageError(
            f"there is no revision {name}", "see `git log --oneline`; a shallow clone lacks old ones"
        ) from None
    except (pygit2.GitError, ValueError) as error:
        if isinstance(error, pygit2.InvalidSpecError):
            raise UsageError(f"{name!r} is no revision") from None
        raise OutsideError(f"git: {error}", "run `git fsck`") from None


def head(repository: Any) -> Any | None:
    """The commit at HEAD; None before the first one."""
    return None if repository.head_is_unborn else repository[repository.head.target]


class RevisionTree:
    """The tree of a commit below `prefix`."""

    def __init__(self, repository: Any, name: str, prefix: str) -> None:
        self._repository = repository
        self._store = repository.odb
        self._commit = commit_of(repository, name)
        self.revision: Revision | None = revision_of(self._commit)
        self.prefix = prefix
        self._ids: dict[str, Any] = {}
        self._oddities: dict[str, str] = {}
        self._walked: set[str] = set()

    def files(self, folder: str) -> Collection[str]:
        if folder not in self._walked:
            self._walked.add(folder)
            entry = self._entry(folder)
            if entry is not None and entry.filemode == _FOLDER:
                self._walk(entry, folder)
            elif entry is not None and entry.filemode in (_LINK, _SUBMODULE):
                self._oddities[folder] = "link" if entry.filemode == _LINK else "submodule"
        begin = f"{folder}/"
        return [path for path in self._ids if path.startswith(begin)]

    def oddities(self, folder: str) -> Mapping[str, str]:
        self.files(folder)
        begin = f"{folder}/"
        return {path: what for path, what in self._oddities.items() if path.startswith(begin) or path == folder}

    def blob_id(self, path: str) -> str:
        known = self._ids.get(path) or getattr(self._entry(path), "id", "")
        return str(known)

    def read(self, path: str) -> bytes | None:
        blob = self._ids.get(path)
        if blob is None:
            entry = self._entry(path)
            if entry is None or entry.filemode in (_LINK, _SUBMODULE, _FOLDER):
                return None
            blob = entry.id
        try:
            if self._store.read_header(blob)[1] > MOST_BYTES:
                return b" " * (MOST_BYTES + 1)
            return bytes(self._store.read(blob)[1])
        except KeyError:
            raise MissingObjectError(path) from None

    def time(self) -> datetime | None:
        return self.revision.time if self.revision else None

    def snapshot(self, folder: str) -> Any:
        entry = self._entry(folder)
        return {"tree": None if entry is None else str(entry.id)}

    def changes(self, folder: str, before: Any) -> set[str] | None:
        entry = self._entry(folder)
        if entry is None or not before.get("tree"):
            return None
        try:
            old = self._repository[before["tree"]]
        except (KeyError, ValueError):
            return None
        found: set[str] = set()
        if old.id != entry.id:
            differences(self._repository, old, entry, f"{folder}/", found)
        return found

    def _entry(self, path: str) -> Any | None:
        whole = f"{self.prefix}{path}" if path else self.prefix.rstrip("/")
        import pygit2

        try:
            tree = self._commit.tree
            return tree[whole] if whole else tree
        except KeyError:
            return None
        except pygit2.GitError:
            raise damage(self._repository, self._commit.tree_id, whole) from None

    def _walk(self, tree: Any, at: str) -> None:
        import pygit2

        try:
            entries = list(tree) or list(self._repository[tree.id])  # of what is no folder the first is empty
        except (KeyError, TypeError, pygit2.GitError):
            raise DamagedTreeError(
                f"the folder {at} ({str(tree.id)[:10]})", missing=tree.id not in self._store
            ) from None
        for entry in entries:
            path = f"{at}/{entry.name}"
            mode = entry.filemode
            if (shown := badly_named(path)) is not None:
                self._oddities[shown] = "badly named"
            elif mode == _FOLDER:
                self._walk(entry, path)
            elif mode == _LINK:
                self._oddities[path] = "link"
            elif mode == _SUBMODULE:
                self._oddities[path] = "submodule"
            else:
                self._ids[path] = entry.id


def damage(repository: Any, tree: Any, path: str) -> DamagedTreeError:
    """What is wrong on the way from a tree to a path."""
    import pygit2

    at = "a folder"
    for name in path.split("/"):
        try:
            tree = repository[tree][name].id
        except (KeyError, TypeError, pygit2.GitError):
            break
        at = f"the folder {name}"
    return DamagedTreeError(f"{at} ({str(tree)[:10]})", missing=tree not in repository.odb)


def differences(repository: Any, old: Any, new: Any, at: str, found: set[str]) -> None:
    """Collect the paths that differ; equal subtrees are not opened."""
    before = {entry.name: entry for entry in old}
    for entry in new:
        other = before.pop(entry.name, None)
        if other is not None and other.id == entry.id and other.filemode == entry.filemode:
            continue
        for side in (entry, other):
            if side is not None and side.filemode != _FOLDER:
                found.add(at + entry.name)
        folders = [side if side is not None and side.filemode == _FOLDER else () for side in (other, entry)]
        if folders != [(), ()]:
            differences(repository, folders[0], folders[1], f"{at}{entry.name}/", found)
    for name, entry in before.items():
        if entry.filemode == _FOLDER:
            differences(repository, entry, (), f"{at}{name}/", found)
        else:
            found.add(at + name)


def intended(index: Any) -> frozenset[str]:
    """The paths that `git add -N` has named: they have no content yet, and are in no commit."""
    if all(str(entry.id) != _EMPTY for entry in index):
        return frozenset()
    from pygit2.ffi import C, ffi

    entries = (C.git_index_get_byindex(index._index, n) for n in range(len(index)))  # noqa: SLF001 - pygit2 has no other way
    return frozenset(
        ffi.string(entry.path).decode("utf-8", "surrogateescape") for entry in entries if entry.flags_extended & _INTENT
    )


def index_of(repository: Any) -> Any:
    """The index as it is now; in a hook the one that git made for `commit -a` or `commit PATH`."""
    import pygit2

    given = os.environ.get("GIT_INDEX_FILE")
    index = repository.index
    if given and Path(repository.path).resolve() in Path(given).resolve().parents:
        index = pygit2.Index(given)
    index.read()
    return index


class IndexTree:
    """What the index holds below `prefix`: the content of the next commit."""

    def __init__(self, repository: Any, prefix: str) -> None:
        self._repository = repository
        self.revision: Revision | None = None
        index = index_of(repository)
        if index.conflicts is not None:
            paths = sorted({side.path for sides in index.conflicts for side in sides if side is not None})
            raise UsageError(f"{paths[0]} has merge conflicts", "resolve them and `git add` the result")
        self._ids: dict[str, Any] = {}
        self._oddities: dict[str, str] = {}
        without = intended(index)
        for entry in index:
            if not entry.path.startswith(prefix) or entry.path in without:
                continue
            path = entry.path[len(prefix) :]
            if (shown := badly_named(path)) is not None:
                self._oddities[shown] = "badly named"
            elif entry.mode == _LINK:
                self._oddities[path] = "link"
            elif entry.mode == _SUBMODULE:
                self._oddities[path] = "submodule"
            else:
                self._ids[path] = entry.id

    def files(self, folder: str) -> Collection[str]:
        return [path for path in self._ids if path.startswith(f"{folder}/")]

    def oddities(self, folder: str) -> Mapping[str, str]:
        begin = f"{folder}/"
        return {path: what for path, what in self._oddities.items() if path.startswith(begin) or path == folder}

    def blob_id(self, path: str) -> str:
        return str(self._ids[path])

    def read(self, path: str) -> bytes | None:
        blob = self._ids.get(path)
        if blob is None:
            return None
        try:
            return bytes(self._repository[blob].data)
        except KeyError:
            raise MissingObjectError(path) from None

    def snapshot(self, folder: str) -> Any:
        return {"ids": {path: str(self._ids[path]) for path in self.files(folder)}}

    def changes(self, folder: str, before: Any) -> set[str] | None:
        if "ids" not in before:
            return None
        now = {path: str(self._ids[path]) for path in self.files(folder)}
        return {path for path, _ in now.items() ^ before["ids"].items()}

    def time(self) -> datetime | None:
        commit = head(self._repository)
        return revision_of(commit).time if commit else None
