"""The files around one file, for commands that change them: the repository it lies in, or the folder of its rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.adapters.git.worktree import MOST_BYTES, WorkTree
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RULES = ".sops.yaml"


class Workspace:
    """Files below `root`, named by their paths from it. Links are neither read nor written through.

    `repository` opens the repository of the files; None where there is none.
    """

    def __init__(self, root: Path, repository: Callable[[], object] | None) -> None:
        self.root = root
        self._repository = repository
        self._tree = WorkTree(root)

    def read(self, path: str) -> bytes | None:
        """The content; None where there is no regular file."""
        data = self._tree.read(path)
        if data is not None and len(data) > MOST_BYTES:
            raise OutsideError(f"{path} has more than {MOST_BYTES >> 20} MiB", "split it")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Replace the content, or make the file."""
        place = self.root / path
        if place.is_symlink() or self._tree.through_link(path):
            raise UsageError(f"{path} is a link, or behind one", "name the file that it leads to")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, data)

    def files(self) -> list[str]:
        """What Git tracks, and what it would track; without Git, everything but hidden folders."""
        if self._repository is None:
            return sorted(self._walk(""))
        from gitconfigmgr.adapters.git.listing import tracked_and_new

        return tracked_and_new(self._repository())

    def _walk(self, at: str) -> Iterator[str]:
        with os.scandir(self.root / at) as entries:
            for entry in entries:
                path = f"{at}/{entry.name}" if at else entry.name
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    yield from self._walk(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path


def open_workspace(folder: Path) -> Workspace:
    """The workspace of a folder. Raises UsageError where there is none."""
    at = folder.resolve()
    if not at.is_dir():
        raise UsageError(f"there is no folder {folder}", "correct the path")
    top = next((place for place in (at, *at.parents) if _is_top(place / ".git")), None)
    if top is not None:
        return Workspace(top, lambda: _repository(top))
    from gitconfigmgr.adapters.git.revision import open_repository

    try:
        repository = open_repository(at)
    except UsageError:
        return Workspace(_top(at), None)
    workdir = getattr(repository, "workdir", None)
    if workdir is None:
        raise UsageError(f"{folder} is a repository without a work tree", "clone it, and work there")
    return Workspace(Path(workdir).resolve(), lambda: repository)


def _is_top(git: Path) -> bool:
    """Whether this marks the top of a work tree: a repository, or the file of a linked one."""
    return (git / "HEAD").exists() or git.is_file()


def _repository(top: Path) -> object:
    from gitconfigmgr.adapters.git.revision import open_repository  # libgit2 takes longer to load than a file to open

    return open_repository(top)


def _top(folder: Path) -> Path:
    places = (folder, *folder.parents)
    return next((at for at in places if (at / SETTINGS).is_file() or (at / _RULES).is_file()), folder)
