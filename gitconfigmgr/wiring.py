"""From a request to the adapters that serve it: the only module that loads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.packaged import read_schema
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import UsageError
from gitconfigmgr.pipeline import Repository
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from gitconfigmgr.ports import OutputTree, Tree


def open_tree(state: State) -> Tree:
    """The tree of a state."""
    if state.rev is None and not state.staged:
        from gitconfigmgr.adapters.git.worktree import WorkTree

        return WorkTree(find_root(state.folder))
    from gitconfigmgr.adapters.git import revision

    repository = revision.open_repository(state.folder)
    if state.staged:
        root = find_root(state.folder)
        return revision.IndexTree(repository, _prefix(repository, root))
    assert state.rev is not None
    return _at_revision(repository, state.rev, state.folder)


def open_repository(state: State) -> Repository:
    """The config repository at a state."""
    return Repository(open_tree(state), read_schema, state.now)


def _prefix(repository: object, root: Path) -> str:
    """The path of a folder inside its repository, with a final slash; empty for its top and for a bare one."""
    workdir = getattr(repository, "workdir", None)
    if workdir is None:
        return ""
    relative = root.resolve().relative_to(Path(workdir).resolve()).as_posix()
    return "" if relative == "." else f"{relative}/"


def _at_revision(repository: object, rev: str, folder: Path) -> Tree:
    """The tree of a revision, from the nearest folder upward that has settings in it."""
    from gitconfigmgr.adapters.git.revision import RevisionTree

    prefix = _prefix(repository, folder.resolve())
    while True:
        tree = RevisionTree(repository, rev, prefix)
        if tree.read(SETTINGS) is not None:
            return tree
        if not prefix:
            raise UsageError(f"there is no {SETTINGS} in {rev}", "name the folder of the config repository by -C")
        prefix = "/".join(prefix.split("/")[:-2])
        prefix = f"{prefix}/" if prefix else ""


def open_output(folder: Path, *, cached: bool) -> OutputTree:
    """The output tree of `compile`."""
    from gitconfigmgr.adapters.output import OutputFolder

    return OutputFolder(folder)
