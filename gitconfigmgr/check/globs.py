"""Patterns of namespaces and files, as settings, policies and waivers write them.

`*` stands for any part of one segment, `**` for any number of segments, none included. Patterns come from files under
review, so matching takes time in proportion to the product of the lengths, never more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def matches(patterns: Iterable[str], path: str) -> bool:
    """Whether a path fits one of the patterns."""
    return any(_fits(pattern, path) for pattern in patterns)


@lru_cache(maxsize=65_536)
def _fits(pattern: str, path: str) -> bool:
    segments = path.split("/")
    reached = {0}  # how many segments what was read of the pattern can stand for
    for part in pattern.strip("/").split("/"):
        if part == "**":
            reached = set(range(min(reached), len(segments) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(segments) and _is(part, segments[n])}
        if not reached:
            return False
    return len(segments) in reached


def _is(part: str, segment: str) -> bool:
    first, *pieces = part.split("*")
    if not pieces:
        return part == segment
    if not segment.startswith(first):
        return False
    at = len(first)
    for piece in pieces[:-1]:
        at = segment.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return segment.endswith(pieces[-1]) and at + len(pieces[-1]) <= len(segment)
