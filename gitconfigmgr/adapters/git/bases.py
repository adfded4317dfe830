"""What a change is held against: the revision it is to be merged into, and where it began."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.heads import is_shallow
from gitconfigmgr.adapters.git.revision import RevisionTree, head
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.revisions import Base
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from gitconfigmgr.ports import Tree


def find_base(repository: Any, name: str, rev: str | None, prefix: str) -> tuple[Base, Tree, Tree | None]:
    """The base that `name` says for `rev` (HEAD where None); its tree, and that of the place where the change left it.

    Raises UsageError where there is no such revision, OutsideError where a shallow clone does not reach it.
    """
    if rev is None and head(repository) is None:
        raise UsageError("there is no commit yet, so there is no base", "leave --base out for the first commit")
    try:
        tip = RevisionTree(repository, name, prefix)
    except UsageError as error:
        if not is_shallow(Path(repository.path)):
            raise
        raise OutsideError(f"{error}: this is a shallow clone", _DEEPER) from None
    assert tip.revision is not None
    change = RevisionTree(repository, rev or "HEAD", prefix).revision
    assert change is not None
    begin = _merge_base(repository, tip.revision.commit, change.commit)
    if begin is None and is_shallow(Path(repository.path)):
        raise OutsideError(f"this shallow clone does not reach back to where the change left {name}", _DEEPER)
    moved = None if tip.read(SETTINGS) is not None else _moved(repository, tip.revision.commit, change.commit)
    base = Base(name, tip.revision.commit, begin, change.commit, moved)
    if begin is None or begin == base.commit:
        return base, tip, tip if begin else None
    return base, tip, RevisionTree(repository, begin, prefix)


def _moved(repository: Any, old: str, new: str) -> str | None:
    """A settings file of one commit that another does not have in its place."""
    after = RevisionTree(repository, new, "")
    waiting = [("", repository[old].tree)]
    while waiting:
        at, folder = waiting.pop()
        for entry in folder:
            if entry.filemode == _FOLDER:
                waiting.append((f"{at}{entry.name}/", entry))
            elif entry.name == SETTINGS and after.read(at + SETTINGS) is None:
                return at + SETTINGS
    return None


_FOLDER = 0o040000
_DEEPER = "fetch more history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"


def _merge_base(repository: Any, one: str, other: str) -> str | None:
    import pygit2

    try:
        found = repository.merge_base(one, other)
    except (KeyError, pygit2.GitError):
        return None
    return str(found) if found else None
