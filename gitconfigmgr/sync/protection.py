"""Keys that proposals do not change: `acme/chat:api.key`, the namespace exact, `acme/*` or `*`, the key a path or `*`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.names import SEGMENT, PathSyntaxError, parse_path
from gitconfigmgr.sync.access import ANY, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    Path = tuple[str, ...]


def protects(patterns: Sequence[str], namespace: str, path: Path) -> bool:
    """Whether a change of a key is about a protected one, or what is above or below it."""
    for pattern in patterns:
        name, _, key = pattern.partition(":")
        if within(namespace, name) and (key == ANY or overlap(parse_path(key), path)):
            return True
    return False


def check_pattern(pattern: str) -> None:
    """Raises ValueError for what `protects` does not take."""
    name, colon, key = pattern.partition(":")
    parts = name.removesuffix("/*").split("/")
    if not colon or not (name == ANY or all(map(SEGMENT.match, parts))):
        raise ValueError(f"{pattern}: NAMESPACE:KEY, such as acme/*:api.key")
    if key != ANY:
        try:
            parse_path(key)
        except PathSyntaxError:
            raise ValueError(f"{pattern}: {key!r} is no path of keys") from None


def overlap(one: Path, other: Path) -> bool:
    """Whether one path is the other, or leads to it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]
