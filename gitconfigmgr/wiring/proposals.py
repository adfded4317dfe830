"""The repository that proposals are made into."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.source.overlay_tree import EditedTree
from gitconfigmgr.wiring.trees import open_chronicle, open_repository, open_tree, tree_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.app.select import State
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class GitGround:
    """Implements app.proposals.Ground; branches begin at the revision of the state."""

    def __init__(self, state: State, *, verify: bool) -> None:
        from gitconfigmgr.adapters.git import revision

        self._state = replace(state, rev=state.rev or "HEAD")
        self._verify = verify
        self._git = revision.open_repository(state.folder)
        self._tree = open_tree(self._state)
        self.repository = open_repository(self._state, self._tree)
        assert self._tree.revision is not None
        self.commit = self._tree.revision.commit
        self.at = lru_cache(maxsize=8)(self._at)
        self.carried = lru_cache(maxsize=64)(self._carried)

    @cached_property
    def _chronicle(self) -> Chronicle:
        return open_chronicle(self._state)

    def _at(self, commit: str) -> Repository | None:
        if not _COMMIT.match(commit):
            return None
        try:
            tree: Any = tree_at(self._git, commit, self._state.folder)
        except UsageError:
            return None
        return open_repository(replace(self._state, rev=commit), tree)

    def _carried(self, commit: str) -> frozenset[str]:
        from gitconfigmgr.adapters.git.carried import carried

        return carried(self._git, commit) if _COMMIT.match(commit) else frozenset()

    def written(self, target: Target, key: str) -> tuple[str, float] | None:
        from gitconfigmgr.app.blame import blame

        try:
            lines = blame(self._chronicle, target.namespace, target.environment, key).lines
        except UsageError:  # the key is gone: the youngest version of its document is what can be told
            versions = self._chronicle.versions(target)
            if not versions:
                return None
            commit = self._chronicle.commit(versions[-1])
            return commit.id, commit.time.timestamp()
        newest = max((line.commit for line in lines), key=lambda commit: commit.time, default=None)
        return (newest.id, newest.time.timestamp()) if newest else None

    def edited(self, files: Mapping[str, bytes | None]) -> Repository:
        return open_repository(self._state, EditedTree(self._tree, files))

    def tip(self, branch: str) -> str | None:
        from gitconfigmgr.adapters.git.commit import reference_name, tip

        return tip(self._git, reference_name(self._git, branch))

    def destination(self, branch: str, author: str) -> Destination:
        from gitconfigmgr.adapters.destinations import Branch

        name = re.sub(r"[<>\s]+", " ", author).strip() or "agent"
        address = re.sub(r"[^A-Za-z0-9._-]+", "-", author).strip("-.") or "agent"
        return Branch(
            self._git, branch, self.commit, lambda rev: tree_at(self._git, rev, self._state.folder),
            verify=self._verify, author=(name, f"{address}@agents.invalid"),
        )  # fmt: skip
