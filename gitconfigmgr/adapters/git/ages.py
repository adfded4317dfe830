"""Which commit of a branch brought a line: one walk along first parents answers for all lines of all files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.heads import is_shallow
from gitconfigmgr.adapters.git.history import blocks, same_line
from gitconfigmgr.adapters.git.revision import differences, time_of
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.revisions import Blame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.ports import Tree


class LineAges:
    """Implements ports.History: what a merge brought is the merge's. The walk goes as far back as the lines asked for."""

    def __init__(self, repository: Any, name: str, prefix: str, tree: Tree) -> None:
        self._repository = repository
        self._name = name
        self._prefix = prefix
        self._tree = tree
        self._line: list[Any] = []  # the commits that were walked, newest first
        self._touched: dict[str, list[int]] = {}  # path -> the commits in the line that changed it
        self._walk = self._steps()
        self._blocks = lru_cache(4096)(self._compared)

    def blame(self, path: str, line: int) -> Blame | None:
        import pygit2

        whole = f"{self._prefix}{path}"
        try:
            return self._brought(whole, path, line)
        except (KeyError, TypeError, ValueError, pygit2.GitError, OutsideError):
            return None

    def _brought(self, whole: str, path: str, line: int) -> Blame | None:
        if not self._line and next(self._walk, None) is None:
            return None
        number = same_line(self._line[0].tree[whole].data, self._tree.read(path) or b"", line)
        at = 0
        while number is not None:
            index = self._next(whole, at)
            if index is None:  # it was there when the line began
                return self._told(self._line[-1], end=True)
            older = self._line[index + 1]
            before = self._at(older, whole)
            found = None if before is None else self._older(before, self._at(self._line[index], whole), number)
            if found is None:
                return self._told(self._line[index], end=False)
            number, at = found, index + 1
        return None

    def _next(self, whole: str, at: int) -> int | None:
        """The first commit from a place on that changed a file, walking on as far as that takes."""
        seen = 0
        while True:
            touched = self._touched.get(whole, [])
            while seen < len(touched):
                if touched[seen] >= at:
                    return touched[seen]
                seen += 1
            if next(self._walk, None) is None:
                return None

    def _steps(self) -> Iterator[Any]:
        """The commits, each with what the one before it, which is newer, changed."""
        import pygit2

        start = self._repository.revparse_single(self._name).peel(pygit2.Commit)
        walker = self._repository.walk(start.id, pygit2.enums.SortMode.NONE)
        walker.simplify_first_parent()
        newer: Any = None
        for commit in walker:
            if newer is not None and newer.tree_id != commit.tree_id:
                changed: set[str] = set()
                differences(self._repository, commit.tree, newer.tree, "", changed)
                for path in changed:
                    self._touched.setdefault(path, []).append(len(self._line) - 1)
            self._line.append(commit)
            newer = commit
            yield commit

    def _at(self, commit: Any, whole: str) -> Any | None:
        try:
            return commit.tree[whole].id
        except KeyError:
            return None

    def _older(self, before: Any, after: Any, number: int) -> int | None:
        """The number that a line of one blob has in an older one; None where it is not there."""
        for old, new, length in self._blocks(before, after):
            if new <= number - 1 < new + length:
                return int(old + number - new)
        return None

    def _compared(self, before: Any, after: Any) -> list[tuple[int, int, int]]:
        return blocks(self._repository[before].data, self._repository[after].data)

    def _told(self, commit: Any, *, end: bool) -> Blame:
        author = f"{commit.author.name} <{commit.author.email}>"
        boundary = end and is_shallow(Path(self._repository.path))
        return Blame(str(commit.id), author, time_of(commit.author.time), commit.message.split("\n")[0], boundary)
