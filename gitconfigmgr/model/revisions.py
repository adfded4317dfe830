"""Commits, as far as configuration has to know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit: `time` is the committer's."""

    commit: str
    tree: str
    author: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Blame:
    """The commit that wrote a line: `time` is the author's. `boundary`: history ends there, in a shallow clone."""

    commit: str
    author: str
    time: datetime
    summary: str
    boundary: bool = False
