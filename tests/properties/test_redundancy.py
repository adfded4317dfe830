"""What `fix --redundancy` removes changes no effective document and brings no finding. Repositories are random."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.redundancy import redundancy, removed
from gitconfigmgr.app.select import State
from gitconfigmgr.model.values import REQUIRED, plain
from gitconfigmgr.source.overlay_tree import EditedTree
from gitconfigmgr.wiring.trees import open_repository, open_tree
from tests.oracle.generator import random_repo, write_repo
from tests.unit.repositories import write_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitconfigmgr.pipeline import Repository

SEEDS = range(1_000, 1_200)


def documents(state: State) -> dict[Any, Any]:
    repository = open_repository(state)
    compiled = {target: repository.compile(target) for target in repository.targets}
    return {
        target: (None if item.root is None or item.root.flags & REQUIRED else plain(item.root), errors(item.findings))
        for target, item in compiled.items()
    }


def errors(findings: list[Any]) -> list[tuple[str, str | None]]:
    return sorted((item.code, item.key or "") for item in findings if item.fails)


def test_removing_it_changes_nothing(tmp_path: Path) -> None:
    found = 0
    for seed in SEEDS:
        root = tmp_path / str(seed)
        root.mkdir()
        write_repo(random_repo(seed), root, Random(seed))
        state = State(root)
        repository = open_repository(state)
        if not redundancy(repository):
            continue
        tree = open_tree(state)

        def opened(files: Mapping[str, bytes | None], state: State = state, tree: Any = tree) -> Repository:
            return open_repository(state, EditedTree(tree, files))

        before = documents(state)
        change = removed(open_repository(state, tree), (), opened)
        write_files(root, change.files)
        assert documents(state) == before, seed
        found += len(change.files)
    assert found > 3, "the seeds show too little"
