"""Where edits go: the work tree, or a commit on a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.checkout import write_file
from gitconfigmgr.adapters.git.commit import commit_files, reference_name, tip
from gitconfigmgr.adapters.git.worktree import WorkTree
from gitconfigmgr.errors import GitConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gitconfigmgr.adapters.git.revision import RevisionTree
    from gitconfigmgr.ports import Tree


class WorkFolder:
    """Implements ports.Destination for the files below a folder."""

    def __init__(self, root: Path) -> None:
        self._folder = WorkTree(root)
        self.tree: Tree = self._folder

    def save(self, files: Mapping[str, bytes | None], message: str) -> None:  # noqa: ARG002 - the port's signature
        before = {path: self._folder.read(path) for path in files}
        done: list[str] = []
        try:
            for path, data in files.items():
                done.append(path)
                write_file(self._folder, path, data)
        except GitConfigError:
            for path in done[:-1]:
                write_file(self._folder, path, before[path])
            raise


class Branch:
    """Implements ports.Destination: a commit on top of a branch, or of a revision where the branch is new."""

    def __init__(
        self, repository: Any, branch: str | None, start: str, at: Callable[[str], RevisionTree], *, verify: bool,
        author: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._repository = repository
        self._branch = branch
        self._verify = verify
        self._author = author
        self._tree = at(tip(repository, reference_name(repository, branch)) or start)
        self.tree: Tree = self._tree

    def save(self, files: Mapping[str, bytes | None], message: str) -> str:
        assert self._tree.revision is not None
        whole = {f"{self._tree.prefix}{path}": data for path, data in files.items()}
        parent = self._tree.revision.commit
        return commit_files(
            self._repository, self._branch, parent, whole, message, verify=self._verify, author=self._author
        )


def branch_of(repository: Any, branch: str | None, rev: str | None) -> str | None:
    """The branch that edits go to: the one named, else the revision where that names one, else what HEAD is at."""
    if branch is not None or rev is None:
        return branch
    if rev not in repository.branches.local:
        raise UsageError(f"{rev} is no branch", "name the branch that gets the commit by --branch")
    return rev
