"""New repositories and their first commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def ensure_repository(folder: Path) -> None:
    """Make the folder a Git repository unless it lies in one."""
    import pygit2

    if not pygit2.discover_repository(str(folder)):
        pygit2.init_repository(str(folder), initial_head="main")


def commit_all(folder: Path, message: str) -> None:
    """Commit everything below a folder as the program itself: for repositories that it made."""
    import pygit2

    repository = pygit2.Repository(str(folder))
    repository.index.add_all()
    repository.index.write()
    # a fixed time: the demo prints the same commit on every machine
    author = pygit2.Signature("gitconfigmgr demo", "demo@gitconfigmgr.invalid", 1_767_225_600, 0)
    parents = [] if repository.head_is_unborn else [repository.head.target]
    repository.create_commit("HEAD", author, author, message, repository.index.write_tree(), parents)
