"""The paths of a work tree, without what Git ignores."""

from __future__ import annotations

from typing import Any

_REGULAR = (0o100644, 0o100755)


def tracked_and_new(repository: Any) -> list[str]:
    """What the index holds, and the files that it does not hold yet, from the top of the work tree."""
    import pygit2

    index = repository.index
    index.read()
    found = {entry.path for entry in index if entry.mode in _REGULAR}
    new = repository.status(untracked_files="all", ignored=False)
    found |= {path for path, flags in new.items() if flags & pygit2.enums.FileStatus.WT_NEW and not path.endswith("/")}
    return sorted(found)
