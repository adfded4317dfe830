"""A file as a scan sees it, wherever its bytes are."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Reader(Protocol):
    """Reads a file from its beginning, at most so many bytes."""

    def __call__(self, most: int | None = None) -> bytes: ...


class Content(NamedTuple):
    """`path` names it in findings; nothing is read before `read` is called."""

    path: str
    size: int
    read: Reader
