"""Version vectors: each instance counts its own changes, and a vector says how far who made it knew of each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Vector = Mapping[str, int]


class Order(StrEnum):
    """Of one vector to another."""

    SAME = "same"
    BEFORE = "before"
    AFTER = "after"
    CONCURRENT = "concurrent"


def compare(one: Vector, other: Vector) -> Order:
    """A vector comes after another where it has counted at least as far everywhere, and further somewhere."""
    names = one.keys() | other.keys()
    ahead = any(one.get(name, 0) > other.get(name, 0) for name in names)
    behind = any(one.get(name, 0) < other.get(name, 0) for name in names)
    if ahead and behind:
        return Order.CONCURRENT
    return Order.AFTER if ahead else Order.BEFORE if behind else Order.SAME


def merge(one: Vector, other: Vector) -> dict[str, int]:
    """What knows of both."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in sorted(one.keys() | other.keys())}


def bump(vector: Vector, instance: str) -> dict[str, int]:
    """The vector of one more change by an instance."""
    return merge(vector, {instance: vector.get(instance, 0) + 1})
