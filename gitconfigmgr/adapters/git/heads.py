"""Where HEAD is, and what bounds its history, read from plain files.

An answer that is remembered needs no more, and libgit2 takes as long to load as everything else together.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.state import git_folder

if TYPE_CHECKING:
    from pathlib import Path

_ID = re.compile(r"[0-9a-f]{40}\Z")
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Head:
    """A line of commits: its last one (None: no commit yet), the branch it is of, and what may bound its history."""

    commit: str | None
    branch: str | None
    boundaries: str
    shallow: bool = False


def plain_head(folder: Path) -> Head | None:
    """HEAD of the repository that a folder lies in; None where anything is unusual: then libgit2 has to say."""
    try:
        git = git_folder(folder.resolve())
        if git is None or git.stat().st_uid != os.geteuid() or (git / "HEAD").is_symlink():
            return None
        common = common_folder(git)
        if (common / "reftable").exists() or is_shallow(git):
            return None
        text = (git / "HEAD").read_text(encoding="utf-8").rstrip("\n")
        name = text.removeprefix("ref: ")
        commit = text if name == text else _at(common, name)
    except (OSError, ValueError):
        return None
    if commit is None or not _ID.match(commit):
        return None
    return Head(commit, None if name == text else name.removeprefix(_HEADS), boundaries(git))


def _at(common: Path, name: str) -> str | None:
    """The commit a branch is at."""
    if not name.startswith(_HEADS) or ".." in name:
        return None
    place = common / name
    if place.is_file():
        return place.read_text(encoding="utf-8").rstrip("\n")
    packed = (common / "packed-refs").read_text(encoding="utf-8")
    lines = [line for line in packed.split("\n") if line.endswith(f" {name}")]
    return lines[0].partition(" ")[0] if len(lines) == 1 else None


def common_folder(git: Path) -> Path:
    """What the work trees of a repository share."""
    told = git / "commondir"
    return git / told.read_text(encoding="utf-8").strip() if told.is_file() else git


def is_shallow(git: Path) -> bool:
    """Whether history ends early; libgit2 does not know in a linked work tree."""
    place = common_folder(git) / "shallow"
    return place.is_file() and place.stat().st_size > 0


def boundaries(git: Path) -> str:
    """What changes the history of a commit without changing the commit: where a shallow clone ends, and grafts."""
    digest = sha256()
    for name in ("shallow", "info/grafts"):
        place = common_folder(git) / name
        digest.update(place.read_bytes() if place.is_file() else b"-")
    return digest.hexdigest()[:16]
