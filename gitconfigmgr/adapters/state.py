"""Where runs leave what speeds up the next one: inside the Git directory, else in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import orjson

from gitconfigmgr import __version__
from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError

_PACKAGE = Path(__file__).parent.parent


def git_folder(folder: Path) -> Path | None:
    """The Git directory of the repository that a folder lies in; that of its own in a linked work tree."""
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            found = git.read_text(errors="replace").removeprefix("gitdir:").strip()
            return (place / found).resolve()
        if (place / "HEAD").is_file() and (place / "objects").is_dir():
            return place
    return None


def state_folder(folder: Path) -> Path:
    """The folder for the state of the repository that a folder lies in."""
    folder = folder.resolve()
    git = git_folder(folder)
    if git is not None:
        return git / "gitconfigmgr"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gitconfigmgr" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def program_identity() -> str:
    """Changes with every change of the program: its version, and the stamps of its files."""
    digest = hashlib.sha256(__version__.encode())
    for root, folders, files in os.walk(_PACKAGE):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", "example-repo"))
        for name in sorted(files):
            found = os.stat(f"{root}/{name}")  # noqa: PTH116 - at every start
            digest.update(f"{name} {found.st_mtime_ns} {found.st_size}\n".encode())
    return digest.hexdigest()[:32]


class JsonFile:
    """Implements ports.StateStore by one file with a digest at its head."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Any] | None:
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        head, _, body = data.partition(b"\n")
        if head != hashlib.sha256(body).hexdigest().encode():
            return None
        state = orjson.loads(body)
        return state if isinstance(state, dict) else None

    def save(self, state: dict[str, Any]) -> None:
        body = orjson.dumps(state)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        except (OSError, OutsideError):
            return
