"""A schema with all it refers to in one document, for readers that know nothing of the repository: editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.locations import DIALECT
from gitconfigmgr.check.subschemas import Pointer, Schema, fragment

if TYPE_CHECKING:
    from gitconfigmgr.check.library import File, Library

_SCOPED = ("$dynamicRef", "unevaluatedProperties", "unevaluatedItems")
_NAMES = ("$id", "$anchor", "$dynamicAnchor")


def bundle(library: Library, file: File, path: tuple[str, ...] = ()) -> Schema:
    """The schema for documents whose part at `path` it describes; every file becomes a member of `$defs`."""
    files = library.reachable(file)
    keys: dict[str, str] = {}
    for each in files:
        key = each.name.replace("/", ".").replace(":", ".")
        while key in keys.values():
            key += "_"
        keys[each.uri] = key
    copier = _Copier(library, keys)
    root: Schema = {"$ref": copier.reference(file, ())}
    for name in reversed(path):
        root = {"type": "object", "properties": {name: root}}
    title = file.root.get("title")
    head = {"$schema": DIALECT, **({"title": title} if isinstance(title, str) else {})}
    return {**head, **root, "$defs": {keys[each.uri]: copier.copy(each.root) for each in files}}


class _Copier:
    """Copies schemas with every reference written as a pointer into the bundle."""

    def __init__(self, library: Library, keys: dict[str, str]) -> None:
        self._library = library
        self._keys = keys
        # which of several anchors is meant depends on how validation came there: a pointer cannot say it
        self._left_out = _NAMES + (_SCOPED if any(len(each) > 1 for each in library.dynamic.values()) else ())

    def reference(self, file: File, pointer: Pointer) -> str:
        return fragment(("$defs", self._keys[file.uri], *pointer))

    def copy(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        if not isinstance(value, dict):
            return value
        place = self._library.place_of(value)
        if place is None:
            return {key: self.copy(item) for key, item in value.items()}
        copied = {key: self.copy(item) for key, item in value.items() if key not in self._left_out}
        for keyword, targets in (("$ref", self._library.targets), ("$dynamicRef", self._library.first_targets)):
            target = targets.get(id(value)) if copied.pop(keyword, None) else None
            if target is not None:
                home = self._library.place_of(target)
                meant = dict(target) if home is None else {"$ref": self.reference(*home)}  # true and false have no home
                copied["allOf"] = [*copied.get("allOf", ()), meant]
            elif keyword in value and keyword not in self._left_out:
                copied[keyword] = value[keyword]  # of the dialect itself
        if copied.keys() == {"allOf"} and len(copied["allOf"]) == 1 and "allOf" not in value:
            return copied["allOf"][0]
        return copied
