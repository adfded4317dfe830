"""Rule M11: in a protected environment, a path that no lower layer and no schema knows is probably mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, key_position_of
from gitconfigmgr.model.names import KeyPath, closest, show_path
from gitconfigmgr.model.values import DirectiveMap, Node
from gitconfigmgr.resolve.directives import unescape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.ports import Knowledge


def unknown_paths(lower: Node | None, upper: Node, path: KeyPath, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """The topmost paths of an overlay that nothing knows, unless their subtree says `$new: true`."""
    content = _content(upper)
    if content is None:
        return
    if isinstance(content.value, list):
        yield from _items(lower, upper, content, path, knowledge)
        return
    if not isinstance(content.value, dict):
        return
    for name, child in content.value.items():
        key = unescape(name)
        below = _below(lower, key)
        if below is not None or knowledge.knows((*path, key)):
            yield from unknown_paths(below, child, (*path, key), knowledge)
        elif _says_new(child) or (type(child.value) is DirectiveMap and "$delete" in child.value):
            continue
        else:
            yield _finding(lower, child, (*path, key), knowledge)


def _finding(lower: Node | None, child: Node, path: KeyPath, knowledge: Knowledge) -> Diagnostic:
    siblings = [] if lower is None or not isinstance(lower.value, dict) else list(lower.value)
    near = closest(str(path[-1]), siblings + knowledge.members(path[:-1]))
    help_ = f"did you mean {near}?" if near else "add it to a lower layer or the schema, or mark it $new: true"
    message = f"no lower layer and no schema knows {show_path(path)}"
    return Diagnostic("GCM205", message, key_position_of(child), key=show_path(path), help=help_)


def _says_new(node: Node) -> bool:
    return type(node.value) is DirectiveMap and "$new" in node.value


def _content(node: Node) -> Node | None:
    """What a node sets: itself, or what its directive holds; None where there is nothing to look into."""
    if _says_new(node):
        return None
    if type(node.value) is not DirectiveMap:
        return node
    for name in ("$value", "$replace", "$items"):
        if name in node.value:
            return _content(node.value[name])
    if any(key[:1] == "$" and key[:2] != "$$" for key in node.value):
        return None
    return node


def _below(lower: Node | None, key: str) -> Node | None:
    """The lower value of a key: also where a higher one of the lower layers has replaced or deleted the map."""
    while lower is not None:
        if isinstance(lower.value, dict) and key in lower.value:
            found = lower.value[key]
            assert isinstance(found, Node)
            return found
        lower = lower.lower
    return None


def _items(lower: Node | None, upper: Node, content: Node, path: KeyPath, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """The members of list items that are matched by key."""
    member = None
    if type(upper.value) is DirectiveMap and "$by" in upper.value:
        member = upper.value["$by"].value
    else:
        declared = knowledge.strategy(path)
        if declared is not None and isinstance(declared[0], dict):
            member = declared[0]["by"]
    if member is None or lower is None or not isinstance(lower.value, list):
        return
    known = {_identity(item, member): (index, item) for index, item in enumerate(lower.value)}
    for item in content.value:
        found = known.get(_identity(item, member)) if isinstance(item.value, dict) else None
        if found is not None and "$delete" not in item.value:
            yield from unknown_paths(found[1], item, (*path, found[0]), knowledge)


def _identity(item: Node, member: str) -> object:
    own = item.value.get(member) if isinstance(item.value, dict) else None
    value = None if own is None else own.value
    return value if isinstance(value, (str, int, float)) else None
