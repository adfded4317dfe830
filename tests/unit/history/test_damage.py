"""Histories with commits that Git cannot read, and clones that lack a part of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.app.log import log
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.names import Target
from gitconfigmgr.wiring.trees import open_chronicle
from tests.unit.repositories import SETTINGS, commit, git, program, write_files

if TYPE_CHECKING:
    from pathlib import Path

CHAT = Target("acme/chat", "production")
BASE = "configs/acme/chat/base.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "work"
    write_files(where, SETTINGS | {BASE: "a: 1\n"})
    commit(where, "Begin")
    return where


def with_tree(root: Path, tree: str) -> None:
    """A commit with a tree of any kind, and one on top that has the tree of the one before again."""
    data = f"tree {tree}\nparent {git(root, 'rev-parse', 'HEAD')}\nauthor A <a@b> 1767225600 +0000\ncommitter A <a@b> 1767225600 +0000\n\nBad\n"
    bad = git(root, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=data.encode())
    good = git(root, "commit-tree", "-p", bad, "-m", "Whole again", "HEAD^{tree}")
    git(root, "update-ref", "refs/heads/main", good)


def object_(root: Path, kind: str, data: bytes) -> str:
    return git(root, "hash-object", "-t", kind, "-w", "--literally", "--stdin", data=data)


def kinds(root: Path) -> list[tuple[str, str]]:
    """Twice: what is remembered changes nothing."""
    seen = []
    for _ in range(2):
        versions = open_chronicle(State(root)).versions(CHAT)
        seen.append([(each.change_type, "broken" if each.broken else each.summary) for each in versions])
    assert seen[0] == seen[1]
    return seen[0]


BROKEN = [("create", "first version, 1 value"), ("update", "broken"), ("update", "compiles again, unchanged")]


def test_a_tree_that_is_none(root: Path) -> None:
    with_tree(root, object_(root, "blob", b"no tree"))
    assert kinds(root) == BROKEN


def test_a_tree_that_cannot_be_read(root: Path) -> None:
    with_tree(root, object_(root, "tree", b"garbage that is no tree"))
    assert kinds(root) == BROKEN
    write_files(root, {BASE: "a: 2\n"})
    commit(root)
    assert kinds(root) == [*BROKEN, ("update", "a 1 -> 2")]
    done = program("diff", "HEAD~2..HEAD", cwd=root)
    assert (done.returncode, "is no folder that Git can read" in done.stderr) == (3, True)
    assert program("history", "acme/chat", "-e", "production", "--html", "-", cwd=root).returncode == 0


def test_a_folder_inside_that_cannot_be_read(root: Path) -> None:
    settings = git(root, "rev-parse", "HEAD:gitconfigmgr.yaml")
    acme = object_(root, "tree", b"40000 chat\0" + bytes.fromhex(git(root, "rev-parse", "HEAD:gitconfigmgr.yaml")))
    entries = f"100644 blob {settings}\tgitconfigmgr.yaml\n040000 tree {object_(root, 'tree', b'40000 acme' + b'x')}\tconfigs\n"
    with_tree(root, git(root, "mktree", "--missing", data=entries.encode()))
    configs = git(root, "mktree", "--missing", data=f"040000 tree {acme}\tacme\n".encode())
    entries = f"100644 blob {settings}\tgitconfigmgr.yaml\n040000 tree {configs}\tconfigs\n"
    with_tree(root, git(root, "mktree", "--missing", data=entries.encode()))
    assert kinds(root) == [*BROKEN, *BROKEN[1:]]


def test_a_missing_tree_is_not_remembered(root: Path) -> None:
    write_files(root, {BASE: "a: 2\n"})
    commit(root)
    write_files(root, {BASE: "a: 3\n"})
    commit(root)
    tree = git(root, "rev-parse", "HEAD~1:configs")
    place = root / ".git/objects" / tree[:2] / tree[2:]
    data = place.read_bytes()
    place.chmod(0o644)
    place.unlink()
    assert kinds(root) == [*BROKEN[:2], ("update", "compiles again: a 1 -> 3")]
    place.write_bytes(data)
    assert kinds(root) == [BROKEN[0], ("update", "a 1 -> 2"), ("update", "a 2 -> 3")]


@pytest.mark.parametrize("filter_", ["blob:none", "tree:0"])
def test_a_partial_clone_that_lacks_what_numbers_depend_on(root: Path, tmp_path: Path, filter_: str) -> None:
    """Not even where only a schema is lacking: it says how lists merge."""
    write_files(root, {
        "gitconfigmgr.yaml": "version: 1\nschemas: [{schema: s.json}]\n",
        "s.json": '{"properties": {"l": {"x-gcm-merge": "append"}}}', BASE: "l: [1]\n",
        "configs/acme/chat/production.yaml": "l: [2]\n",
    })  # fmt: skip
    commit(root)
    write_files(root, {"s.json": "{}"})
    commit(root)
    git(root, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", f"--filter={filter_}", root.as_uri(), "clone")
    with pytest.raises(OutsideError, match=r"this clone lacks .* a version's number depends on it") as found:
        log(open_chronicle(State(tmp_path / "clone")), *CHAT)
    assert "git fetch --refetch --no-filter" in str(found.value.hint)
    git(tmp_path / "clone", "-c", "gc.auto=0", "fetch", "-q", "--refetch", "--no-filter")
    assert kinds(tmp_path / "clone") == kinds(root)
    assert len(kinds(root)) == 3


def test_a_partial_clone_that_has_all_it_needs(root: Path, tmp_path: Path) -> None:
    write_files(root, {"large": "x" * 5000})
    commit(root)
    git(root, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:limit=2k", "--no-checkout", root.as_uri(), "clone")
    assert kinds(tmp_path / "clone") == BROKEN[:1]
