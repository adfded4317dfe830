"""Edits of several files reach the work tree together, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.destinations import WorkFolder
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.wiring.changes import open_destination
from tests.unit.repositories import SETTINGS, commit, git, tree_of, write_files

if TYPE_CHECKING:
    from pathlib import Path

FILES = SETTINGS | {"configs/acme/base.yaml": "a: 1\n", "configs/acme/chat/base.yaml": "b: 1\n"}


def test_all_files_are_written_and_empty_folders_go(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    WorkFolder(tmp_path).save({"configs/acme/chat/base.yaml": None, "configs/new/base.yaml": b"c: 1\n"}, "")
    assert set(tree_of(tmp_path / "configs")) == {"acme", "acme/base.yaml", "new", "new/base.yaml"}


@pytest.mark.parametrize("obstacle", ["read-only", "link", "folder"])
def test_none_is_written_where_one_cannot_be(tmp_path: Path, obstacle: str) -> None:
    write_files(tmp_path, FILES)
    last = tmp_path / "configs/acme/last.yaml"
    if obstacle == "read-only":
        last.write_text("x: 1\n")
        last.chmod(0o444)
    elif obstacle == "link":
        last.symlink_to("base.yaml")
    else:
        last.mkdir()
    before = tree_of(tmp_path)
    edits = {
        "configs/acme/base.yaml": b"a: 2\n",
        "configs/new/base.yaml": b"c: 1\n",
        "configs/acme/last.yaml": b"x: 2\n",
    }
    with pytest.raises(GitConfigError):
        WorkFolder(tmp_path).save(edits, "")
    assert tree_of(tmp_path) == before


def test_a_branch_begins_where_it_is_or_where_it_is_made(tmp_path: Path) -> None:
    write_files(tmp_path, {f"sub/{path}": content for path, content in FILES.items()})
    first = commit(tmp_path)
    write_files(tmp_path, {"sub/configs/acme/base.yaml": "a: 2\n"})
    commit(tmp_path)
    place = open_destination(State(tmp_path / "sub", first), commit=True, branch="old")
    assert place.tree.read("configs/acme/base.yaml") == b"a: 1\n"
    made = place.save({"configs/acme/base.yaml": b"a: 3\n"}, "three")
    assert git(tmp_path, "rev-parse", "old") == made
    assert git(tmp_path, "diff", "--name-only", first, "old") == "sub/configs/acme/base.yaml"
    again = open_destination(State(tmp_path / "sub", first), commit=True, branch="old")
    assert again.tree.read("configs/acme/base.yaml") == b"a: 3\n"
    with pytest.raises(UsageError, match="no branch"):
        open_destination(State(tmp_path / "sub", first), commit=True, branch=None)
