"""What one release may change of a document, and how large it may be: a file that doubles has taken down whole networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gitconfigmgr.model.publishing import Budget

_WORTH = 4096  # bytes; below, growth by any factor is no danger


class Shape(NamedTuple):
    """Of a document: bytes, keys of all maps, items of the longest list, and depth."""

    bytes: int
    keys: int
    items: int
    depth: int


def shape_of(document: Any, size: int) -> Shape:
    """The shape of a plain document."""
    keys = items = depth = 0
    level = [document]
    while level:
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                keys += len(value)
                below += value.values()
            elif isinstance(value, list):
                items = max(items, len(value))
                below += value
        depth += 1
        level = below
    return Shape(size, keys, items, depth - 1)


def exceeded(shape: Shape, before: int, budget: Budget) -> list[str]:
    """What of the budget is exceeded, as sentences; `before` is the size that is published, 0 where that is not known."""
    found = []
    bounds = {"bytes": budget.bytes, "keys": budget.keys, "items": budget.items, "depth": budget.depth}
    for name, most in bounds.items():
        has = getattr(shape, name)
        if has > most:
            found.append(f"{has:,} {_WORDS[name]}, and the budget is {most:,}")
    if before and shape.bytes > _WORTH and shape.bytes > before * budget.growth:
        found.append(f"grows from {before:,} to {shape.bytes:,} bytes, and the budget is a factor of {budget.growth:g}")
    return found


_WORDS = {"bytes": "bytes", "keys": "keys", "items": "items in one list", "depth": "levels deep"}
