"""Bounds on schemas that apply to one value: no circle, no endless chain, no product of alternatives.

A `$ref` that leads back to itself without a step into a member or an item would be followed for ever; a lattice of
`allOf` doubles the work with each line of the schema. Both are found before a validator sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.subschemas import Schema, on_same_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_CHAIN = 64
MAX_WAYS = 20_000


class Bounds:
    """Remembers what it has measured: (length of the longest chain, number of ways) by the schema's id."""

    def __init__(
        self, targets: dict[int, Schema], first_targets: dict[int, Schema], dynamic: dict[str, list[Schema]]
    ) -> None:
        self._targets = (targets, first_targets)
        self._dynamic = dynamic
        self._measured: dict[int, tuple[int, int]] = {}

    def problems(self, schemas: Iterable[Schema]) -> list[tuple[Schema, str]]:
        """What breaks a bound, beginning at these schemas."""
        return [each for schema in schemas if id(schema) not in self._measured for each in self._measure(schema)]

    def _next(self, schema: Schema) -> list[Schema]:
        """The schemas that apply to the same value."""
        found = [*on_same_value(schema), *self._referred(schema)]
        dynamic = schema.get("$dynamicRef")
        if isinstance(dynamic, str):
            found += self._dynamic.get(dynamic.rpartition("#")[2], ())
            found = list({id(each): each for each in found}.values())
        return found

    def _referred(self, schema: Schema) -> list[Schema]:
        return [targets[id(schema)] for targets in self._targets if id(schema) in targets]

    def _measure(self, start: Schema) -> Iterator[tuple[Schema, str]]:
        """Depth first, without recursion: chains may be as long as a file."""
        open_: set[int] = {id(start)}
        stack = [(start, iter(self._next(start)), [0, 1])]
        while stack:
            schema, rest, totals = stack[-1]
            child = next(rest, None)
            if child is None:
                stack.pop()
                open_.discard(id(schema))
                self._measured[id(schema)] = totals[0] + 1, totals[1]
                if totals[0] + 1 == MAX_CHAIN:
                    yield schema, f"more than {MAX_CHAIN} schemas refer to one another in a row"
                elif totals[1] > MAX_WAYS:
                    yield schema, f"one value would be held against more than {MAX_WAYS} schemas"
                    self._measured[id(schema)] = totals[0] + 1, 1
                if stack:
                    _add(stack[-1][2], self._measured[id(schema)])
            elif id(child) in open_:
                yield schema, "the schema leads back to itself for the same value"
            elif id(child) in self._measured:
                _add(totals, self._measured[id(child)])
            else:
                open_.add(id(child))
                stack.append((child, iter(self._next(child)), [0, 1]))


def _add(totals: list[int], measured: tuple[int, int]) -> None:
    totals[0] = max(totals[0], measured[0])
    totals[1] += measured[1]
