"""HEAD as plain files tell it, held against libgit2; and what is remembered is told without libgit2."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.git.heads import plain_head
from gitconfigmgr.adapters.git.lineage import head_of
from gitconfigmgr.adapters.git.revision import open_repository
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.names import Target
from gitconfigmgr.wiring.trees import open_chronicle
from tests.unit.repositories import SETTINGS, commit, git, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHAT = Target("acme/chat", "production")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "work"
    write_files(where, SETTINGS | {"configs/acme/chat/base.yaml": "timeout: 30\n"})
    commit(where, "Begin")
    write_files(where, {"configs/acme/chat/base.yaml": "timeout: 60\n"})
    commit(where, "Be patient")
    return where


def packed(root: Path) -> None:
    git(root, "branch", "feature/main")  # a name that ends alike
    git(root, "pack-refs", "--all")
    git(root, "commit", "-q", "--allow-empty", "-m", "loose again")
    git(root, "branch", "-f", "feature/main", "HEAD~1")
    git(root, "pack-refs", "--all")


def grafted(root: Path) -> None:
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/grafts").write_text(git(root, "rev-parse", "HEAD") + "\n")


USUAL: dict[str, Callable[[Path], object]] = {
    "loose": lambda _: None,
    "packed": packed,
    "detached": lambda root: git(root, "checkout", "-q", "--detach"),
    "slashes": lambda root: git(root, "checkout", "-q", "-b", "a/b.c/é"),
    "grafts": grafted,
    "amended": lambda root: git(root, "commit", "-q", "--amend", "-m", "other"),
}


@pytest.mark.parametrize("name", USUAL)
def test_plain_files_tell_what_libgit2_does(root: Path, name: str) -> None:
    USUAL[name](root)
    found = plain_head(root / "configs")
    assert found is not None
    assert astuple(found) == astuple(head_of(open_repository(root), "HEAD"))


def unborn(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "new")


def linked_head(root: Path) -> None:
    head = root / ".git/HEAD"
    name = head.read_text().removeprefix("ref: ").strip()
    head.unlink()
    head.symlink_to(name)


def symbolic(root: Path) -> None:
    git(root, "symbolic-ref", "refs/heads/alias", git(root, "symbolic-ref", "HEAD"))
    git(root, "symbolic-ref", "HEAD", "refs/heads/alias")


UNUSUAL: dict[str, Callable[[Path], object]] = {
    "no commit": unborn,
    "HEAD is a link": linked_head,
    "a branch that is another": symbolic,
    "shallow": lambda root: (root / ".git/shallow").write_text(git(root, "rev-parse", "HEAD") + "\n"),
    "another store of references": lambda root: (root / ".git/reftable").mkdir(),
    "damaged": lambda root: (root / ".git/HEAD").write_bytes(b"\xff\n"),
    "no reference": lambda root: (root / ".git/HEAD").write_text("ref: refs/heads/../../config\n"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_libgit2(root: Path, name: str) -> None:
    UNUSUAL[name](root)
    assert plain_head(root) is None


def test_outside_git(tmp_path: Path) -> None:
    assert plain_head(tmp_path) is None


@pytest.mark.parametrize("name", ["loose", "packed", "grafts"])
def test_linked_work_trees_and_bare_repositories(root: Path, tmp_path: Path, name: str) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    USUAL[name](root)
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(root), str(bare))
    for place, branch in ((tmp_path / "linked", "side"), (bare, git(root, "branch", "--show-current"))):
        found = plain_head(place)
        assert found is not None
        assert found.branch == branch
        assert astuple(found) == astuple(head_of(open_repository(place), "HEAD"))
    linked, top = plain_head(tmp_path / "linked"), plain_head(root)
    assert linked is not None
    assert top is not None
    assert linked.boundaries == top.boundaries


def test_a_linked_work_tree_of_a_shallow_clone_is_shallow(root: Path, tmp_path: Path) -> None:
    """libgit2 looks for the boundary in the work tree's own folder, where it never is."""
    git(tmp_path, "clone", "-q", "--depth", "1", root.as_uri(), "clone")
    git(tmp_path / "clone", "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    with pytest.raises(OutsideError, match="this clone is shallow"):
        open_chronicle(State(tmp_path / "linked"))


@pytest.mark.parametrize("command", ["log", "show", "blame"])
def test_what_is_remembered_is_told_without_libgit2(root: Path, command: str) -> None:
    code = (
        "import sys\nfrom gitconfigmgr.cli.main import run\n"
        f"status = run(['-C', {str(root)!r}, '{command}', 'acme/chat', '-e', 'production', '--format', 'json'])\n"
        "print(status, 'pygit2' in sys.modules, 'gitconfigmgr.pipeline' in sys.modules, file=sys.stderr)"
    )
    told = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
        for _ in range(2)
    ]
    assert told[0].stdout == told[1].stdout != ""
    assert [each.stderr for each in told] == ["0 True True\n", "0 False False\n"]


def test_another_history_of_the_same_commit_is_not_what_is_remembered(root: Path) -> None:
    assert len(open_chronicle(State(root)).versions(CHAT)) == 2
    grafted(root)
    assert [version.change_type for version in open_chronicle(State(root)).versions(CHAT)] == ["create"]


def test_records_of_one_folder_are_not_those_of_another(tmp_path: Path) -> None:
    """Below the same path, settings of its own make another config repository of it."""
    root = tmp_path / "work"
    write_files(root, SETTINGS | {"configs/acme/chat/base.yaml": "a: 1\n", "sub/README": "\n"})
    commit(root)
    assert len(open_chronicle(State(root / "sub")).versions(CHAT)) == 1
    write_files(
        root, {f"sub/{name}": text for name, text in SETTINGS.items()} | {"sub/configs/acme/chat/base.yaml": "b: 1\n"}
    )
    last = commit(root)
    chronicle = open_chronicle(State(root / "sub"))
    assert [(version.commit, version.change_type) for version in chronicle.versions(CHAT)] == [(last, "create")]
    assert json.dumps(chronicle.document(CHAT, 1)) == '{"b": 1}'
