"""Rule M11: in a protected environment, a path that no lower layer and no schema knows is probably mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, key_position_of
from gitconfigmgr.model.names import KeyPath, closest, show_path
from gitconfigmgr.model.values import Deleted, DirectiveMap, Node, Required
from gitconfigmgr.resolve.directives import unescape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.ports import Knowledge


def unknown_paths(lower: Node | None, upper: Node, path: KeyPath, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """The topmost paths of an overlay that nothing knows, unless their subtree says `$new: true`."""
    yield from _unknown([] if lower is None else [lower], lower, upper, path, knowledge)


def _unknown(
    lowers: list[Node], live: Node | None, upper: Node, path: KeyPath, knowledge: Knowledge
) -> Iterator[Diagnostic]:
    """`lowers` are all values that lower layers gave the place, `live` the one that is in force."""
    content = _content(upper)
    if content is None:
        return
    if isinstance(content.value, list):
        yield from _items(live, upper, content, path, knowledge)
        return
    if not isinstance(content.value, dict):
        return
    if lowers and type(lowers[0].value) not in (dict, Deleted, Required):
        return  # another kind: a finding of its own, or a `$replace` that says so
    for name, child in content.value.items():
        key = unescape(name)
        below = _below(lowers, key)
        if below or knowledge.knows((*path, key)):
            there = live.value.get(key) if live is not None and isinstance(live.value, dict) else None
            yield from _unknown(below, there, child, (*path, key), knowledge)
        elif _says_new(child) or (type(child.value) is DirectiveMap and "$delete" in child.value):
            continue
        else:
            yield _finding(lowers, child, (*path, key), knowledge)


def _finding(lowers: list[Node], child: Node, path: KeyPath, knowledge: Knowledge) -> Diagnostic:
    siblings = [key for lower in lowers if isinstance(lower.value, dict) for key in lower.value]
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


def _below(lowers: list[Node], key: str) -> list[Node]:
    """All lower values of a key: also those of maps that a higher one of the lower layers has replaced or deleted."""
    found: dict[int, Node] = {}
    for lower in lowers:
        at: Node | None = lower
        while at is not None:
            if isinstance(at.value, dict) and key in at.value:
                child = at.value[key]
                found[id(child)] = child
            at = at.lower
    return list(found.values())


def _items(live: Node | None, upper: Node, content: Node, path: KeyPath, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """The members of list items that are matched by key."""
    member = None
    if type(upper.value) is DirectiveMap and "$by" in upper.value:
        member = upper.value["$by"].value
    else:
        declared = knowledge.strategy(path)
        if declared is not None and isinstance(declared[0], dict):
            member = declared[0]["by"]
    if member is None or live is None or not isinstance(live.value, list):
        return
    known = {_identity(item, member): (index, item) for index, item in enumerate(live.value)}
    for item in content.value:
        found = known.get(_identity(item, member)) if isinstance(item.value, dict) else None
        if found is not None and "$delete" not in item.value:
            yield from _unknown([found[1]], found[1], item, (*path, found[0]), knowledge)


def _identity(item: Node, member: str) -> object:
    own = item.value.get(member) if isinstance(item.value, dict) else None
    value = None if own is None else own.value
    return value if isinstance(value, (str, int, float)) else None
