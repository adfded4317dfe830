"""RFC 6902: the patch that turns one document into another, and its application.

A patch is a list of operations (add, remove, replace) that are carried out in order. Applied to the old document it
gives the new one, equal as JSON text: `true` is not `1`. Secrets stand in it by their shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.history.documents import same
from gitconfigmgr.history.lists import align, identifying, no_identity

if TYPE_CHECKING:
    from gitconfigmgr.history.lists import Identity
    from gitconfigmgr.model.names import KeyPath

Operation = dict[str, Any]


def patch(old: Any, new: Any, identity: Identity = no_identity) -> list[Operation]:
    """The operations from one document to the other, in the order of keys; none where they are the same."""
    operations: list[Operation] = []
    _Walk(operations, identity).value(old, new, "", ())
    return operations


def checked(old: Any, new: Any, identity: Identity = no_identity) -> list[Operation]:
    """`patch`, applied: an operation that does not lead to the new document is a bug, and is never handed out."""
    operations = patch(old, new, identity)
    if _text(apply(old, operations)) != _text(new):
        raise AssertionError("a patch does not give the document it was made for")
    return operations


def apply(document: Any, operations: list[Operation]) -> Any:
    """The document after a patch; the one given is left as it is. Raises jsonpatch.JsonPatchException, JsonPointerException."""
    from jsonpatch import JsonPatch

    copies = _copy(operations)  # the values of a patch become parts of the document, and later operations change them
    return JsonPatch(copies).apply(_copy(document), in_place=True)


def pointer(path: KeyPath) -> str:
    """The JSON pointer of a path."""
    return "".join(f"/{_escaped(part)}" for part in path)


class _Walk:
    def __init__(self, operations: list[Operation], identity: Identity) -> None:
        self.operations = operations
        self.identity = identity

    def value(self, old: Any, new: Any, at: str, path: KeyPath) -> None:
        kind = type(old)
        if old is new:
            return
        if kind is dict and type(new) is dict:
            self.members(old, new, at, path)
        elif kind is list and type(new) is list:
            self.items(old, new, at, path)
        elif not same(old, new):
            self.operations.append({"op": "replace", "path": at, "value": new})

    def members(self, old: dict[str, Any], new: dict[str, Any], at: str, path: KeyPath) -> None:
        changed = []
        for key, value in old.items():
            other = new.get(key, _ABSENT)
            kind = type(value)
            if other is _ABSENT or kind is not type(other) or kind not in _ATOMS or value != other:
                changed.append(key)
        changed += [key for key in new if key not in old]
        changed.sort()
        for key in changed:
            place = f"{at}/{_escaped(key)}"
            if key not in new:
                self.operations.append({"op": "remove", "path": place})
            elif key not in old:
                self.operations.append({"op": "add", "path": place, "value": new[key]})
            else:
                self.value(old[key], new[key], place, (*path, key))

    def items(self, old: list[Any], new: list[Any], at: str, path: KeyPath) -> None:
        if same(old, new):
            return
        index = 0
        for i, j in align(old, new, identifying(old, new, self.identity(path))):
            place = f"{at}/{index}"
            if j is None:
                self.operations.append({"op": "remove", "path": place})
                continue
            if i is None:
                self.operations.append({"op": "add", "path": place, "value": new[j]})
            else:
                self.value(old[i], new[j], place, (*path, j))
            index += 1


_ABSENT: Any = object()
_ATOMS = frozenset({str, int, bool, type(None)})


def _escaped(part: str | int) -> str:
    return part.replace("~", "~0").replace("/", "~1") if isinstance(part, str) else str(part)


def _copy(value: Any) -> Any:
    import orjson

    try:
        return orjson.loads(orjson.dumps(value))
    except TypeError:  # integers beyond 64 bits
        import json

        return json.loads(json.dumps(value))


def _text(value: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        import json

        return json.dumps(value, sort_keys=True).encode()
