"""Small config repositories on disk and in Git, and what is seen of them from outside."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = {"gitconfigmgr.yaml": "version: 1\n"}
SECRET = "ENC[AES256_GCM,data:cXE=,iv:cXE=,tag:cXE=,type:str]"


def write_files(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write the files; None removes one, and the folders that it leaves empty."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            for parent in path.parents:
                if parent == root or any(parent.iterdir()):
                    break
                parent.rmdir()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def git(folder: Path, *args: str, date: str = "", data: bytes | None = None) -> str:
    """What git prints."""
    env = os.environ | ({"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date} if date else {})
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, check=False, env=env, input=data)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def commit(root: Path, message: str = "change", date: str = "") -> str:
    """Commit everything; the id."""
    if not (root / ".git").exists():
        git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message, date=date)
    return git(root, "rev-parse", "HEAD")


def program(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    command = [sys.executable, "-m", "gitconfigmgr", *args]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, check=False, timeout=300
    )


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder: the bytes of files, None for folders; where a link points to."""
    return {path.relative_to(folder).as_posix(): _content(path) for path in sorted(folder.rglob("*"))}


def _content(path: Path) -> bytes | None:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return None if path.is_dir() else path.read_bytes()


def broken_promises(tree: Mapping[str, bytes | None]) -> list[str]:
    """What the manifest of an output tree says that its files do not keep."""
    manifest = json.loads(tree["manifest.json"] or b"")
    found = []
    named = {"manifest.json"}
    for entry in manifest["targets"]:
        parts = (entry, entry["provenance"])
        named |= {part["path"] for part in parts}
        for part in parts:
            data = tree.get(part["path"])
            if data is None or part["digest"] != f"sha256:{hashlib.sha256(data).hexdigest()}":
                found.append(f"{part['path']} is not what the manifest says")
        if len(tree.get(entry["path"]) or b"") != entry["size"]:
            found.append(f"{entry['path']} has another size")
    found += [f"{path} is in no manifest" for path, data in tree.items() if data is not None and path not in named]
    return found
