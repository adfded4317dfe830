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


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """A commit and its signature: `status` is good, bad, unsigned or unverifiable, with `why` for two of them.

    `key` is the public key in base64, `namespace` what the signature is for; `time` is the committer's.
    """

    commit: str
    summary: str
    committer: str
    time: datetime
    status: str
    why: str
    key: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Base:
    """What a change is held against, by commit ids.

    `commit` is what `name` says, `head` the change, `begin` their nearest common ancestor, None where there is none.
    `moved` is a settings file of the base that the change has taken away, where the base has none in this folder.
    """

    name: str
    commit: str
    begin: str | None
    head: str
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit with what people wrote about it. `time` is the committer's: when it came to be on its line."""

    id: str
    parents: tuple[str, ...]
    author: str
    authored: datetime
    committer: str
    time: datetime
    message: str
    trailers: tuple[tuple[str, str], ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]
