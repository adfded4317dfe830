"""The line of commits that a state has come from: first parents only, as a branch has seen them."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.heads import Head, boundaries, is_shallow
from gitconfigmgr.adapters.git.revision import RevisionTree, commit_of, damage, open_repository, time_of
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.revisions import Commit
from gitconfigmgr.ports import MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = 0o040000
_MOST_ENTRIES, _MOST_TREES = 50_000, 64  # that are kept: neighbours in a line share nearly all
_CACHE = 32 * 1024 * 1024  # bytes of parsed objects, several times as much in memory


def common(folder: Path, first: str, second: str) -> str:
    """The commit that two revisions last had in common. Raises UsageError where there is none."""
    repository = open_repository(folder)
    ids: list[Any] = []
    for name in (first, second):
        revision = RevisionTree(repository, name, "").revision
        assert revision is not None
        ids.append(revision.commit)
    try:
        found = repository.merge_base(*ids)
    except KeyError:
        found = None
    if found is None:
        shallow = is_shallow(Path(repository.path))
        hint = "this clone is shallow: `git fetch --unshallow`" if shallow else f"write {first}..{second}"
        raise UsageError(f"{first} and {second} have no commit in common", hint)
    return str(found)


class GitLineage:
    """Implements ports.Lineage. `open_` is called when more than `head` is asked: the repository, and the folder in it
    (of a commit that has moved it, it is gone).

    Grafts (.git/info/grafts) count; `git replace` does not: it lies beside the history, not in it.
    """

    def __init__(self, head: Head, open_: Callable[[], tuple[Any, str]]) -> None:
        self._open = open_
        self._entries: dict[tuple[Any, str], tuple[Any, int, str] | None] = {}
        self._at = ""
        self._folders: dict[str, Any] = {}  # of the commit `_at`
        self._trees: dict[Any, Any] = {}
        self._roots: dict[str, Any] = {}
        self.shallow = head.shallow
        self.tip = head.commit
        self.branch = head.branch
        self.identity = head.boundaries
        self.lacking: list[str] = []

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return self._open()

    @cached_property
    def _repository(self) -> Any:
        return self._opened[0]

    @cached_property
    def prefix(self) -> str:
        return self._opened[1]

    def commits(self) -> list[str]:
        import pygit2

        if self.tip is None:
            return []
        pygit2.Settings().cache_max_size(_CACHE)  # a line is walked once
        walker = self._repository.walk(self.tip, pygit2.enums.SortMode.NONE)
        walker.simplify_first_parent()
        found = []
        try:
            for commit in walker:
                text = str(commit.id)
                self._roots[text] = commit.tree_id
                found.append(text)
        except (KeyError, pygit2.GitError) as error:
            raise OutsideError(f"git: the history cannot be read ({error})", "run `git fsck`") from None
        return found[::-1]

    def commit(self, commit: str) -> Commit:
        found = self._repository[commit]
        message = found.message
        return Commit(
            id=commit,
            parents=tuple(map(str, found.parent_ids)),
            author=_person(found.author),
            authored=time_of(found.author.time),
            committer=_person(found.committer),
            time=time_of(found.commit_time),
            message=message,
            trailers=_trailers(message),
        )

    def entry(self, commit: str, path: str) -> str | None:
        if commit != self._at:
            root = self._roots.get(commit)
            if root is None:
                root = self._roots[commit] = self._repository[commit].tree_id
            self._at, self._folders = commit, {"": root}
        found = self._found(f"{self.prefix}{path}")
        return None if found is None else found[2]

    def _found(self, path: str) -> tuple[Any, int, str] | None:
        """Id, mode, and both as text, of what a path leads to in the commit that was last asked about."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            above = self._found(folder)
            self._folders[folder] = above[0] if above is not None and above[1] == _FOLDER else None
        tree = self._folders[folder]
        if tree is None:
            return None
        key = (tree, name)
        if key not in self._entries:
            if len(self._entries) >= _MOST_ENTRIES:
                self._entries.clear()
            self._entries[key] = self._step(tree, name)
        return self._entries[key]

    def _step(self, tree: Any, name: str) -> tuple[Any, int, str] | None:
        import pygit2

        try:
            if tree not in self._trees:
                if len(self._trees) >= _MOST_TREES:
                    self._trees.clear()
                self._trees[tree] = self._repository[tree]
            entry = self._trees[tree][name]
        except KeyError:
            if tree not in self._repository.odb:
                raise damage(self._repository, tree, name) from None
            return None
        except (TypeError, pygit2.GitError):
            raise damage(self._repository, tree, name) from None
        mode = int(entry.filemode)
        return entry.id, mode, f"{entry.id} {mode:o}"

    def tree(self, commit: str) -> RevisionTree:
        return _Tree(self._repository, commit, self.prefix, self.lacking)

    @cached_property
    def partial(self) -> bool:
        config = self._repository.config
        names = (entry.name for entry in config)
        return any(name.endswith((".promisor", ".partialclone")) for name in names)

    def renamed(self, commit: str, folder: str) -> str | None:
        import pygit2

        found = self._repository[commit]
        if not found.parent_ids:
            return None
        try:
            diff = self._repository.diff(self._repository[found.parent_ids[0]].tree, found.tree)
            diff.find_similar()
        except (KeyError, pygit2.GitError):
            return None
        into = f"{self.prefix}{folder}/"
        counts: dict[str, int] = {}
        for delta in diff.deltas:
            old, new = delta.old_file.path, delta.new_file.path
            if delta.status_char() == "R" and new.startswith(into) and "/" not in new[len(into) :]:
                at, _, name = old.rpartition("/")
                if name == new[len(into) :] and at.startswith(self.prefix) and at != into.rstrip("/"):
                    counts[at[len(self.prefix) :]] = counts.get(at[len(self.prefix) :], 0) + 1
        return max(counts, key=lambda at: (counts[at], at)) if counts else None


class _Tree(RevisionTree):
    """Notes what it lacks."""

    def __init__(self, repository: Any, name: str, prefix: str, lacking: list[str]) -> None:
        super().__init__(repository, name, prefix)
        self._lacking = lacking

    def read(self, path: str) -> bytes | None:
        try:
            return super().read(path)
        except MissingObjectError:
            assert self.revision is not None
            self._lacking.append(f"{path} at {self.revision.commit[:10]}")
            raise


def head_of(repository: Any, name: str) -> Head:
    """What a revision names; HEAD may have no commit yet. Raises UsageError."""
    git = Path(repository.path)
    commit = None
    if not (name == "HEAD" and repository.head_is_unborn):
        commit = str(commit_of(repository, name).id)
    return Head(commit, _branch(repository, name), boundaries(git), is_shallow(git))


def _branch(repository: Any, name: str) -> str | None:
    """The branch that a revision names; that of HEAD where it is one."""
    if name == "HEAD":
        return None if repository.head_is_detached else str(repository.lookup_reference("HEAD").target).removeprefix("refs/heads/")  # fmt: skip
    return name if name in repository.branches else None


def _person(signature: Any) -> str:
    return f"{signature.name} <{signature.email}>"


_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*): (\S.*)\Z")


def _trailers(message: str) -> tuple[tuple[str, str], ...]:
    """The trailers of a message: its last paragraph, where each line is `Key: value`."""
    paragraphs = [part for part in message.rstrip().split("\n\n") if part.strip()]
    if len(paragraphs) < 2:
        return ()
    matches = [_TRAILER.match(line) for line in paragraphs[-1].split("\n")]
    return tuple((match[1], match[2]) for match in matches if match) if all(matches) else ()
