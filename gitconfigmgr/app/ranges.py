"""Two states named in one word, as Git writes them: `A..B`, `A...B`, or `A` alone."""

from __future__ import annotations

from typing import NamedTuple

from gitconfigmgr.errors import UsageError


class Range(NamedTuple):
    """Two revisions; `second` is None for the work tree. `from_base`: what they have in common takes the place of the first."""

    first: str
    second: str | None
    from_base: bool = False


def read_range(text: str | None) -> Range:
    """`A..B`; `A` is A against the work tree, nothing is HEAD against it. Raises UsageError."""
    if not text:
        return Range("HEAD", None)
    for dots in ("...", ".."):
        if dots in text:
            first, _, second = text.partition(dots)
            if ".." in second:
                break
            return Range(first or "HEAD", second or "HEAD", from_base=dots == "...")
    else:
        return Range(text, None)
    raise UsageError(f"{text!r} names no two revisions", "write A..B")


def read_environments(text: str) -> tuple[str, str]:
    """`staging..production`. Raises UsageError."""
    first, dots, second = text.partition("..")
    if not (first and dots and second) or ".." in second:
        raise UsageError(f"{text!r} names no two environments", "write staging..production")
    return first, second
