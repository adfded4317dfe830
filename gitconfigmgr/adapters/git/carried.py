"""Which proposals a line of commits has in it."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

_TRAILER = re.compile(
    r"^Config-Proposal: ([0-9a-f]{20})$", re.MULTILINE
)  # in any paragraph: merges that squash join messages
_MOST = 50_000  # commits


def carried(repository: Any, commit: str) -> frozenset[str]:
    """The ids in the messages of a commit and all before it. An empty set where the clone does not have it."""
    import pygit2

    try:
        walk = repository.walk(pygit2.Oid(hex=commit))
        return frozenset(found for item in islice(walk, _MOST) for found in _TRAILER.findall(item.message))
    except (KeyError, ValueError, pygit2.GitError):
        return frozenset()
