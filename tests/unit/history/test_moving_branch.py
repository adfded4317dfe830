"""Somebody pushes while a command is at work: nothing is committed, and nothing of theirs is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pygit2
import pytest

from gitconfigmgr.adapters.git.commit import MovedError, commit_files
from gitconfigmgr.adapters.git.revision import open_repository
from gitconfigmgr.app import change
from gitconfigmgr.cli.main import run
from tests.unit.repositories import commit, git, write_files

SETTINGS = (
    "version: 1\nleak_guard: 'off'\n"
    "environments: {development: {}, staging: {extends: development}, production: {extends: staging}}\n"
)
COMMANDS = {
    "set": ["set", "acme/chat", "index", "5", "--commit", "-m", "Set"],
    "unset": ["unset", "acme/chat", "extra", "--commit", "-m", "Unset"],
    "mv": ["mv", "acme/chat", "index", "number", "--commit", "-m", "Move"],
    "rollback": ["rollback", "acme/chat", "-e", "production", "--to", "1", "-m", "Back"],
    "restore": ["restore", "acme/gone"],
    "promote": ["promote", "acme/chat", "index", "--from", "staging", "--to", "production"],
    "promote --layer": ["promote", "acme/chat", "index", "--layer", "--from", "staging", "--to", "production"],
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the bare repository beside it, with three commits."""
    root = tmp_path / "clone"
    write_files(root, {"gitconfigmgr.yaml": SETTINGS, "configs/acme/chat/base.yaml": "index: 1\nextra: 1\n",
                       "configs/acme/gone/base.yaml": "a: 1\n", "configs/acme/web/base.yaml": "w: 1\n"})  # fmt: skip
    commit(root)
    write_files(root, {"configs/acme/chat/base.yaml": "index: 2\nextra: 1\n", "configs/acme/chat/staging.yaml": "index: 3\n",
                       "configs/acme/chat/production.yaml": "index: 4\n"})  # fmt: skip
    commit(root)
    write_files(root, {"configs/acme/gone/base.yaml": None})
    commit(root)
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    git(root, "remote", "add", "origin", str(tmp_path / "bare.git"))
    return root


def push(clone: Path) -> str:
    write_files(clone, {"configs/acme/web/base.yaml": "w: 2\n"})
    made = commit(clone, "Theirs")
    git(clone, "push", "-q", "origin", "HEAD:main")
    return made


@pytest.mark.parametrize("name", COMMANDS)
def test_a_push_between_plan_and_commit(
    clone: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is made and judged, then somebody pushes, then it is committed: refused. Again, it goes on top."""
    bare = clone.parent / "bare.git"
    command = ["-C", str(bare), *COMMANDS[name], "--rev", "main"]
    pushed: list[str] = []
    judge = change.judge

    def judge_and_be_late(*given: Any) -> Any:
        found = judge(*given)
        pushed.append(push(clone))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(change, "judge", judge_and_be_late)
        assert run(command) == 3
    assert "main has moved in the meantime; nothing was committed" in capsys.readouterr().err
    assert [git(bare, "rev-parse", "main")] == pushed
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"

    assert run(command) == 0
    assert git(bare, "rev-parse", "main~1") == pushed[0]
    assert git(bare, "show", "main:configs/acme/web/base.yaml") == "w: 2"


class Racing(pygit2.Repository):
    """A repository where somebody moves the branch right after the Nth look at it."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(str(path))
        self.left = number

    def lookup_reference(self, name: str) -> Any:
        found = super().lookup_reference(name)
        self.left -= 1
        if self.left == 0:
            theirs = git(Path(self.path), "commit-tree", "-p", "main", "-m", "theirs", "main^{tree}")
            git(Path(self.path), "update-ref", "refs/heads/main", theirs)
        return found


@pytest.mark.parametrize("hook", [False, True])
def test_a_move_between_any_two_looks_at_the_branch(clone: Path, *, hook: bool) -> None:
    """With a hook git moves the branch, else libgit2."""
    bare = clone.parent / "bare.git"
    if hook:
        place = bare / "hooks/reference-transaction"
        place.write_text("#!/bin/sh\nexit 0\n")
        place.chmod(0o755)
    for number in range(1, 10):
        parent = git(bare, "rev-parse", "main")
        racing = Racing(bare, number)
        try:
            commit_files(racing, "main", parent, {"a": b"%d\n" % number}, "ours")
        except MovedError:
            said = git(bare, "log", "--format=%s", f"{parent}..main")
            assert (racing.left <= 0, said) == (True, "theirs")
        else:
            assert racing.left > 0, "the branch was moved, and the commit took no notice"
            break
    assert number > (2 if hook else 3)
    assert git(bare, "log", "-1", "--format=%s", "main") == "ours"


def test_writers_at_the_same_time_lose_nothing(clone: Path) -> None:
    bare = clone.parent / "bare.git"

    def write(name: str) -> None:
        while True:
            repository = open_repository(bare)
            parent = str(repository.lookup_reference("refs/heads/main").target)
            try:
                commit_files(repository, "main", parent, {f"written/{name}": name.encode()}, name)
            except MovedError:
                continue
            return

    names = [f"n{number}" for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, names))
    assert sorted(git(bare, "ls-tree", "--name-only", "main:written").split("\n")) == sorted(names)
    assert len(git(bare, "log", "--format=%s", "main").split("\n")) == 3 + len(names)
