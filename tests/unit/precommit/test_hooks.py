"""The published hooks, run by the real pre-commit on a fresh repository.

Not covered: the installation from a Git address (`language: python`), which needs the network. The hooks run here as
`language: system`, everything else of them as published.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.repositories import git, write_files

ROOT = Path(__file__).parent.parent.parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"

pytestmark = pytest.mark.slow


PARTS = ("gitconfigmgr-check", "gitconfigmgr-scan", "gitconfigmgr-merge-safety", "gitconfigmgr-fmt", "gitconfigmgr-fix")


def hooks(*names: str) -> list[dict[str, Any]]:
    """The manifest, with this program in place of an installed one."""
    found: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text())
    program = f"{sys.executable} -m gitconfigmgr "
    return [
        hook | {"language": "system", "entry": hook["entry"].replace("gitconfigmgr ", program, 1)}
        for hook in found
        if hook["id"] in names
    ]


def pre_commit(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pre_commit", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh repository from `init` with the hooks installed, and its first commit made through them."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    root = tmp_path / "repository"
    done = subprocess.run(
        [sys.executable, "-m", "gitconfigmgr", "init", str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    configure(root, *PARTS)
    assert pre_commit("install", cwd=root).returncode == 0
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "begin")
    return root


def configure(root: Path, *names: str) -> None:
    repos = [{"repo": "local", "hooks": hooks(*names)}]
    write_files(root, {".pre-commit-config.yaml": yaml.safe_dump({"repos": repos})})


def refused(root: Path) -> str:
    """What a commit that is refused says."""
    done = subprocess.run(["git", "commit", "-qm", "change"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout + done.stderr


def failed(output: str) -> list[str]:
    """The names of the hooks that failed."""
    return [line.split("...")[0] for line in output.splitlines() if line.endswith("Failed")]


def test_the_manifest_is_valid() -> None:
    done = pre_commit("validate-manifest", str(MANIFEST), cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_hook_has_its_say(root: Path) -> None:
    layer = root / "configs/acme/chat/staging.yaml"
    write_files(root, {"configs/acme/chat/staging.yaml": "country: NO\n"})
    git(root, "add", "-A")
    output = refused(root)
    assert "GCM105" in output
    assert "check configuration" in failed(output)
    assert "mend configuration" in failed(output), "it has mended the file"
    assert layer.read_text() == 'country: "NO"\n'
    git(root, "reset", "-q", "--hard")

    key = "sk-ant-" + "api03-" + "Zq4" * 31 + "-AA"
    write_files(root, {"notes.txt": f"key {key}\n"})
    git(root, "add", "-A")
    output = refused(root)
    assert failed(output) == ["look for secrets"]
    assert key not in output

    write_files(root, {"notes.txt": "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"})
    git(root, "add", "-A")
    assert failed(refused(root)) == ["look for what merges leave behind"]
    git(root, "reset", "-q", "--hard")

    write_files(root, {"configs/acme/chat/staging.yaml": "limits:   {a: 1}\n"})
    git(root, "add", "-A")
    assert "check the format of configuration" in failed(refused(root))


def test_one_hook_does_the_work_of_three(root: Path) -> None:
    configure(root, "gitconfigmgr")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one hook")
    key = "sk-ant-" + "api03-" + "Zq4" * 31 + "-AA"
    conflict = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
    write_files(root, {"notes.txt": f"key {key}\n{conflict}", "configs/acme/chat/staging.yaml": "country: NO\n"})
    git(root, "add", "-A")
    output = refused(root)
    assert all(code in output for code in ("GCM105", "GCM650", "GCM701"))


def test_staged_content_counts_and_not_the_work_tree(root: Path) -> None:
    write_files(root, {"notes.txt": "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"})
    git(root, "add", "-A")
    write_files(root, {"notes.txt": "resolved\n"})
    assert failed(refused(root)) == ["look for what merges leave behind"]
    git(root, "add", "-A")
    write_files(root, {"notes.txt": "<<<<<<< again, and not staged\n>>>>>>> x\n"})
    git(root, "commit", "-q", "-m", "resolved")
    assert git(root, "show", "HEAD:notes.txt") == "resolved"
