"""What bound schemas say about the paths of a document, as merging asks it: ports.Knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check.fast import matches
from gitconfigmgr.check.subschemas import Schema, is_nothing, on_same_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitconfigmgr.check.library import Library
    from gitconfigmgr.model.names import KeyPath

_ANYTHING: Schema = {}
_LISTS = frozenset({"array", "null"})


class Root(NamedTuple):
    """A schema for the part of a document below a path; None where it could not be read."""

    path: tuple[str, ...]
    schema: Schema | None


class Known:
    """The schemas at each path, remembered."""

    def __init__(self, roots: Sequence[Root], library: Library) -> None:
        self._roots = roots
        self._library = library
        self._at: dict[KeyPath, list[Schema]] = {}

    def strategy(self, path: KeyPath) -> tuple[Any, str] | None:
        """The first `x-gcm-merge` of the path and where it stands."""
        for schema in self.schemas(path):
            if "x-gcm-merge" in schema:
                return schema["x-gcm-merge"], self._library.rule(schema, "x-gcm-merge")
        return None

    def knows(self, path: KeyPath) -> bool:
        """Whether a schema names the path, or is bound below it. A schema that cannot be read knows everything."""
        if self.schemas(path):
            return True
        return any(
            root.path[: len(path)] == path or (root.schema is None and path[: len(root.path)] == root.path)
            for root in self._roots
        )

    def is_list(self, path: KeyPath) -> bool:
        """Whether a schema says that the path is a list."""
        return any(_is_list(schema) for schema in self.schemas(path))

    def members(self, path: KeyPath) -> list[str]:
        """The keys that schemas name below the path."""
        names: dict[str, None] = {}
        for schema in self.schemas(path):
            properties = schema.get("properties")
            for name, member in properties.items() if isinstance(properties, dict) else ():
                if not (isinstance(member, dict) and is_nothing(member)):
                    names[name] = None
        depth = len(path)
        names.update(
            {root.path[depth]: None for root in self._roots if len(root.path) > depth and root.path[:depth] == path}
        )
        return list(names)

    def schemas(self, path: KeyPath) -> list[Schema]:
        """All schemas that may apply at the path."""
        found = self._at.get(path)
        if found is None:
            starts = [root.schema for root in self._roots if root.schema is not None and root.path == path]
            if path:
                starts += [child for schema in self.schemas(path[:-1]) for child in _step(schema, path[-1])]
            found = self._at[path] = self._spread(starts)
        return found

    def _spread(self, starts: list[Schema]) -> list[Schema]:
        """Schemas with all that apply to the same value beside them."""
        found: dict[int, Schema] = {}
        todo = starts[::-1]
        while todo:
            schema = todo.pop()
            if id(schema) in found:
                continue
            found[id(schema)] = schema
            beside = [each for each in on_same_value(schema) if each is not schema.get("not")]
            if "$ref" in schema and id(schema) in self._library.targets:
                beside.insert(0, self._library.targets[id(schema)])
            todo += beside[::-1]
        return list(found.values())


def _step(schema: Schema, part: str | int) -> Iterator[Schema]:
    """The schemas of one member or item."""
    found = _of_item(schema, part) if isinstance(part, int) else _of_member(schema, part)
    for child in found:
        if isinstance(child, dict) and not is_nothing(child):
            yield child
        elif child is True:
            yield _ANYTHING


def _of_member(schema: Schema, name: str) -> Iterator[Any]:
    named = False
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        named = True
        yield properties[name]
    patterns = schema.get("patternProperties")
    for pattern, child in patterns.items() if isinstance(patterns, dict) else ():
        if matches(pattern, name):
            named = True
            yield child
    if not named:
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if isinstance(schema.get(keyword), dict):
                yield schema[keyword]


def _of_item(schema: Schema, index: int) -> Iterator[Any]:
    first = schema.get("prefixItems")
    if isinstance(first, list) and 0 <= index < len(first):
        yield first[index]
    else:
        for keyword in ("items", "unevaluatedItems"):
            if isinstance(schema.get(keyword), dict):
                yield schema[keyword]


def _is_list(schema: Schema) -> bool:
    types = schema.get("type")
    if types is None:
        return any(keyword in schema for keyword in ("items", "prefixItems", "x-gcm-merge"))
    return types == "array" or (isinstance(types, list) and "array" in types and _LISTS.issuperset(types))
