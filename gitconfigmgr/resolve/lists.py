"""Lists over lists: the directives at the place of use (M5), the strategies of a schema (M4), items by key (M6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.model.diagnostics import Diagnostic, Related, position_of
from gitconfigmgr.model.names import KeyPath, show_path
from gitconfigmgr.model.values import Derived, DirectiveMap, Expression, Node, Sealed, Template, union_of_flags

if TYPE_CHECKING:
    from gitconfigmgr.resolve.merge import Merge


def same(one: Node, other: Node) -> bool:
    """Whether two values are equal as JSON; secrets and references as they are written."""
    a, b = one.value, other.value
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, Sealed):
        return isinstance(b, Sealed) and a.token == b.token
    if isinstance(a, Expression):
        return isinstance(b, Expression) and a.text == b.text
    if isinstance(a, Template):
        return isinstance(b, Template) and same(a.text, b.text) and _same_maps(a.variables, b.variables)
    return bool(a == b)


def _same_maps(a: dict[str, Node], b: dict[str, Node]) -> bool:
    return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)


def edit(merge: Merge, below: Node | None, upper: Node, parts: dict[str, Node], path: KeyPath) -> Node:
    """`$remove`, `$prepend`, `$append`, in this order."""
    if below is None and not merge.knowledge.is_list(path):
        message = f"no lower layer has a list at {show_path(path)}"
        merge.report(Diagnostic("GCM203", message, position_of(upper), key=show_path(path), help="write the list itself, or correct the path"))  # fmt: skip
        return upper.replaced(value=[], flags=0)
    if below is not None and type(below.value) is not list:
        return merge.clash(below, upper.replaced(value=[]), path)
    items: list[Node] = list(below.value) if below is not None else []
    if "$remove" in parts:
        items = _removed(merge, items, parts["$remove"], path)
    if "$prepend" in parts:
        items = _evaluated(merge, parts["$prepend"], path) + items
    if "$append" in parts:
        items = items + _evaluated(merge, parts["$append"], path)
    return _made(upper, items, below, ", ".join(name for name in ("$remove", "$prepend", "$append") if name in parts))


def _evaluated(merge: Merge, part: Node, path: KeyPath) -> list[Node]:
    return [merge.fresh(item, (*path, index)) for index, item in enumerate(part.value)]


def _removed(merge: Merge, items: list[Node], part: Node, path: KeyPath) -> list[Node]:
    for unwanted in _evaluated(merge, part, path):
        kept = [item for item in items if not same(item, unwanted)]
        if len(kept) == len(items):
            message = f"{show_path(path)} has no item {_short(unwanted)} to remove"
            merge.report(Diagnostic("GCM213", message, position_of(unwanted), key=show_path(path), help="drop it from $remove"))  # fmt: skip
        items = kept
    return items


def _short(node: Node) -> str:
    from gitconfigmgr.resolve.provenance import shown

    text = orjson.dumps(shown(node)).decode()
    return text if len(text) <= 40 else f"{text[:37]}..."


def _made(upper: Node, items: list[Node], lower: Node | None, directive: str) -> Node:
    flags = union_of_flags(items)
    return Derived(items, upper.document, upper.mark, upper.key_mark, flags, lower, directive)


def by_strategy(merge: Merge, lower: Node, upper: Node, declared: tuple[Any, str], path: KeyPath) -> Node:
    """A plain list over a list where the schema declares how: append, prepend, union or {by: member}."""
    strategy, where = declared
    directive = f"x-gcm-merge in {where}"
    if isinstance(strategy, dict):
        return by_member(merge, lower, upper, upper, strategy["by"], path, directive)
    added = _evaluated(merge, upper, path)
    if strategy == "prepend":
        return _made(upper, added + lower.value, lower, directive)
    items = list(lower.value)
    for item in added:
        if strategy == "append" or not any(same(item, known) for known in items):
            items.append(item)
    return _made(upper, items, lower, directive)


def by_member(
    merge: Merge, below: Node | None, upper: Node, changes: Node, member: str, path: KeyPath, directive: str
) -> Node:
    """Items matched by a member: merged in the lower layer's position, new ones at the end."""
    if below is not None and type(below.value) is not list:
        return merge.clash(below, upper.replaced(value=[]), path)
    base: list[Node] = list(below.value) if below is not None else []
    known = _identities(merge, base, member, path)
    wanted = _identities(merge, changes.value, member, path)
    if known is None or wanted is None:
        return below if below is not None else _made(upper, [], None, directive)
    gone: set[int] = set()
    added: list[Node] = []
    for identity, (_, item) in wanted.items():
        index = known[identity][0] if identity in known else None
        if type(item.value) is DirectiveMap and "$delete" in item.value:
            _delete_item(merge, item, member, path, index, gone)
        elif index is None:
            added.append(merge.fresh(item, (*path, len(base) + len(added))))
        else:
            base[index] = merge.apply(base[index], item, (*path, index))
    items = [item for index, item in enumerate(base) if index not in gone] + added
    return _made(upper, items, below, directive)


def _delete_item(merge: Merge, item: Node, member: str, path: KeyPath, index: int | None, gone: set[int]) -> None:
    how = item.value["$delete"]
    others = [key for key in item.value if key not in (member, "$delete", "$force")]
    if (how.value is not True and how.value != "if-present") or others:
        message = f"{others[0]} stands beside $delete" if others else "$delete takes true or if-present"
        merge.report(Diagnostic("GCM210", message, position_of(how)))
    elif index is not None:
        gone.add(index)
    elif how.value is True:
        message = f"{show_path(path)} has no item whose {member} is {item.value[member].value}"
        merge.report(Diagnostic("GCM202", message, position_of(item), key=show_path(path), help="correct it, or write $delete: if-present"))  # fmt: skip


def _identities(merge: Merge, items: list[Node], member: str, path: KeyPath) -> dict[Any, tuple[int, Node]] | None:
    """The items by the value of their member; None, and a finding, where one has none or two have the same."""
    found: dict[Any, tuple[int, Node]] = {}
    for index, item in enumerate(items):
        own = item.value.get(member) if isinstance(item.value, dict) else None
        if own is None or isinstance(own.value, bool) or not isinstance(own.value, (str, int, float)):
            message = f"an item of {show_path(path)} has no {member} to match it by"
            merge.report(Diagnostic("GCM204", message, position_of(item), key=show_path(path)))
            return None
        if own.value in found:
            first = found[own.value][1]
            message = f"two items of {show_path(path)} have {member} {own.value}"
            related = (Related(position_of(first), "the other one is at"),)
            merge.report(Diagnostic("GCM204", message, position_of(item), related=related, key=show_path(path)))
            return None
        found[own.value] = (index, item)
    return found
