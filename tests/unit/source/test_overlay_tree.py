"""A tree with edits in memory is to every reader what the work tree would be with those edits written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.git.revision import RevisionTree, open_repository
from gitconfigmgr.adapters.git.worktree import WorkTree
from gitconfigmgr.adapters.packaged import read_schema
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.values import plain
from gitconfigmgr.pipeline import Repository
from gitconfigmgr.source.overlay_tree import EditedTree
from tests.unit.repositories import SETTINGS, commit, write_files

if TYPE_CHECKING:
    from pathlib import Path

FILES = SETTINGS | {
    "configs/acme/base.yaml": "a: 1\n",
    "configs/acme/chat/base.yaml": "b: 2\n",
    "configs/acme/chat/staging.yaml": "b: 3\n",
}
EDITS = {
    "configs/acme/base.yaml": b"a: 10\n",
    "configs/acme/chat/staging.yaml": None,
    "configs/acme/rag/base.yaml": b"c: ${acme/chat:a}\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path, FILES)
    commit(tmp_path)
    return tmp_path


def test_it_is_the_work_tree_with_the_edits_written(root: Path) -> None:
    edited = EditedTree(WorkTree(root), EDITS)
    found = {path: (edited.read(path), edited.blob_id(path)) for path in edited.files("configs")}
    assert edited.read("configs/acme/chat/staging.yaml") is None
    write_files(root, EDITS)
    written = WorkTree(root)
    assert found == {path: (written.read(path), written.blob_id(path)) for path in written.files("configs")}


def test_it_compiles_the_edited_state_and_writes_nothing(root: Path) -> None:
    before = {path: (root / path).read_bytes() for path in FILES}
    repository = Repository(EditedTree(WorkTree(root), EDITS), read_schema)
    compiled = repository.compile(Target("acme/rag", "staging"))
    assert compiled.root is not None
    assert plain(compiled.root) == {"a": 10, "c": 10}
    assert {path: (root / path).read_bytes() for path in FILES} == before


def test_an_edited_link_is_a_file(root: Path) -> None:
    (root / "configs/acme/link.yaml").symlink_to("base.yaml")
    tree = WorkTree(root)
    assert "configs/acme/link.yaml" in tree.oddities("configs")
    edited = EditedTree(tree, {"configs/acme/link.yaml": b"x: 1\n"})
    assert not edited.oddities("configs")
    assert "configs/acme/link.yaml" in edited.files("configs")


def test_changes_are_those_below_and_the_edits(root: Path) -> None:
    tree = RevisionTree(open_repository(root), "HEAD", "")
    plain_snapshot = json.loads(json.dumps(tree.snapshot("configs")))
    edited = EditedTree(tree, EDITS)
    assert edited.changes("configs", plain_snapshot) == set(EDITS)
    own = json.loads(json.dumps(edited.snapshot("configs")))
    assert edited.changes("configs", own) == set()
    other = EditedTree(tree, {"configs/acme/base.yaml": b"a: 11\n"})
    assert other.changes("configs", own) == set(EDITS)
    assert other.changes("configs", {}) is None
