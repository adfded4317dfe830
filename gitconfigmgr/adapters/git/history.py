"""Who wrote a line: blame through libgit2, in process, so that no configuration of the repository runs anything."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.heads import is_shallow
from gitconfigmgr.adapters.git.revision import time_of
from gitconfigmgr.model.revisions import Blame

if TYPE_CHECKING:
    from gitconfigmgr.ports import Tree


class GitHistory:
    """Implements ports.History for the commit `name`, seen from `tree` (which may have changes on top of it)."""

    def __init__(self, repository: Any, name: str, prefix: str, tree: Tree) -> None:
        self._repository = repository
        self._name = name
        self._prefix = prefix
        self._tree = tree

    def blame(self, path: str, line: int) -> Blame | None:
        import pygit2

        whole = f"{self._prefix}{path}"
        try:
            commit = self._repository.revparse_single(self._name).peel(pygit2.Commit)
            committed = commit.tree[whole].data
        except (KeyError, AttributeError):
            return None
        number = same_line(committed, self._tree.read(path) or b"", line)
        if number is None:
            return None
        try:
            found = self._repository.blame(whole, newest_commit=commit.id, min_line=number, max_line=number)
            hunk = found.for_line(number)
            wrote = self._repository[hunk.final_commit_id]
        except (pygit2.GitError, KeyError, IndexError, ValueError):
            return None
        author = f"{wrote.author.name} <{wrote.author.email}>"
        time = time_of(wrote.author.time)
        boundary = is_shallow(Path(self._repository.path)) and not _has_parents(self._repository, wrote)
        return Blame(str(wrote.id), author, time, wrote.message.split("\n")[0], boundary)


def _has_parents(repository: Any, commit: Any) -> bool:
    return any(parent in repository for parent in commit.parent_ids)


def same_line(old: bytes, new: bytes, line: int) -> int | None:
    """The number a line has in the committed file; None where it was changed since."""
    if line > new.count(b"\n") + 1:
        return None
    if old == new:
        return line
    for before, after, length in blocks(old, new):
        if after <= line - 1 < after + length:
            return before + line - after
    return None


def blocks(old: bytes, new: bytes) -> list[tuple[int, int, int]]:
    """Where lines of two files are the same: the first of a run in each, counted from 0, and how many."""
    matcher = SequenceMatcher(None, old.split(b"\n"), new.split(b"\n"), autojunk=False)
    return [(match.a, match.b, match.size) for match in matcher.get_matching_blocks()]
