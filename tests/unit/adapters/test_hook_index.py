"""In a hook of `git commit -a` or `git commit PATH` the next commit is in an index of its own: --staged means that one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.repositories import SETTINGS, commit, git, write_files

ROOT = Path(__file__).parents[3]
FAKE = "sk-ant-" + "api03-" + "Ab1" * 31 + "AA"


@pytest.mark.parametrize("command", [("check", "--staged", "--no-cache"), ("scan", "--staged")])
@pytest.mark.parametrize("how", [("-a",), ("configs",)])
def test_staged_is_what_the_commit_holds(tmp_path: Path, command: tuple[str, ...], how: tuple[str, ...]) -> None:
    write_files(tmp_path, SETTINGS | {"configs/acme/base.yaml": "a: 1\n"})
    commit(tmp_path)
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gitconfigmgr {" ".join(command)}\n')
    hook.chmod(0o755)
    before = git(tmp_path, "rev-parse", "HEAD")
    write_files(tmp_path, {"configs/acme/base.yaml": f"a: ${{no}}\nkey: {FAKE}\n"})
    with pytest.raises(AssertionError, match="GCM"):
        git(tmp_path, "commit", "-qm", "two", *how)
    assert git(tmp_path, "rev-parse", "HEAD") == before
    write_files(tmp_path, {"configs/acme/base.yaml": "a: 2\n"})
    git(tmp_path, "commit", "-qm", "two", *how)
