"""The sessions of docs/secrets.md are true: one shell runs them from top to bottom."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyrage")
ROOT = Path(__file__).parents[3]
MARK = "--- next command ---"


def sessions():
    page = (ROOT / "docs" / "secrets.md").read_text()
    return re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def test_the_sessions(tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    program = tmp_path / "bin" / "gitconfigmgr"
    for folder in (home, work, program.parent):
        folder.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m gitconfigmgr "$@"\n')
    program.chmod(0o755)
    commands: list[str] = []
    shown: list[str] = []
    for line in "".join(sessions()).splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
            shown.append("")
        elif line.startswith("> "):
            commands[-1] += f"\n{line[2:]}"
        else:
            shown[-1] += f"{line}\n"
    script = "exec 2>&1\nset -e\n" + "".join(f"echo '{MARK}'\n{command}\n" for command in commands)
    env = {"HOME": str(home), "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script], cwd=work, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    outputs = done.stdout.split(f"{MARK}\n")[1:]
    for command, expected, output in zip(commands, shown, outputs, strict=True):
        pattern = re.escape(expected.replace("/home/you", str(home))).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, output), f"$ {command}\n{output}"
