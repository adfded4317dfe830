"""The left fold over the layers of a stack: rules M1 to M12 of docs/language.md.

    apply(lower, upper)     the merged value, given all that lies below; every node keeps what it overrides
    compose(lower, upper)   two overlays as one, for which apply(apply(a, b), c) == apply(a, compose(b, c))  (M16)

A deleted key stays behind as a tombstone until `finish`, so that higher layers know the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import Diagnostic, Related, key_position_of, position_of
from gitconfigmgr.model.names import KeyPath, show_path
from gitconfigmgr.model.values import (
    DIRECTIVE,
    EXPRESSION,
    NOTED,
    REQUIRED,
    TOMBSTONE,
    Deleted,
    Derived,
    DirectiveMap,
    Document,
    Expression,
    Node,
    Notes,
    Pending,
    Required,
    Template,
    kind_of,
    union_of_flags,
)
from gitconfigmgr.resolve import directives, lists
from gitconfigmgr.resolve.directives import Directive, PlainMap, interpret
from gitconfigmgr.resolve.unknown import unknown_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gitconfigmgr.ports import Knowledge

_DELETED = Deleted()


def compose(lower: Node, upper: Node) -> Node:
    """Two overlays of one place as one overlay."""
    if type(lower.value) is dict and type(upper.value) is dict:
        items = dict(lower.value)
        for key, child in upper.value.items():
            items[key] = compose(items[key], child) if key in items else child
        return upper.replaced(value=items, flags=union_of_flags(items.values()))
    return upper.replaced(value=Pending(lower, upper), flags=lower.flags | upper.flags | DIRECTIVE)


class Merge:
    """One fold: what the schemas know, which environments are protected, and the findings so far."""

    def __init__(self, knowledge: Knowledge, protected: Collection[str], report: Callable[[Diagnostic], None]) -> None:
        self.knowledge = knowledge
        self.protected = protected
        self.report = report
        self.forcing = False  # inside a `$force`: locks are passed on, not held

    def layer(self, lower: Node | None, document: Document) -> Node:
        """The fold's next step: a whole document over what lies below."""
        assert document.root is not None
        root = document.root
        if document.environment in self.protected:
            for finding in unknown_paths(lower, root, (), self.knowledge):
                self.report(finding)
        return self.apply(lower, root, ()) if lower is not None else self.fresh(root, ())

    def apply(self, lower: Node | None, upper: Node, path: KeyPath) -> Node:
        """`upper` over `lower` at a path."""
        value = upper.value
        kind = type(value)
        if kind is DirectiveMap:
            return self._directive(lower, upper, path)
        if kind is Pending:
            return self.apply(self.apply(lower, value.first, path), value.second, path)
        below = lower
        if lower is not None and type(lower.value) in _NOTHING:
            below = None
        if below is None:
            fresh = self.fresh(upper, path)
            if lower is None:
                return fresh
            return self._checked(lower, fresh.replaced(lower=lower), path)
        if kind is dict:
            if type(below.value) is dict:
                return self._maps(below, upper, value, path)
        elif kind is list:
            if type(below.value) is list:
                return self._list_over_list(below, upper, path)
        elif type(below.value) is not dict and type(below.value) is not list:
            node = Derived(
                value, upper.document, upper.mark, upper.key_mark, upper.flags, below, None, upper.notes, upper.via
            )
            return node if below.notes is None else self._checked(below, node, path)
        return self.clash(below, upper, path)

    def _maps(self, lower: Node, upper: Node, items: dict[str, Node], path: KeyPath) -> Node:
        if not items:
            return lower
        merged = dict(lower.value)
        locked = lower.notes is not None and lower.notes.lock is not None and not self.forcing
        for key, child in items.items():
            below = merged.get(key)
            if below is not None:
                merged[key] = self.apply(below, child, (*path, key))
                continue
            if locked:
                self._locked_addition(lower, child, (*path, key))
            merged[key] = self.apply(None, child, (*path, key))
        flags = lower.flags | upper.flags
        if flags & DIRECTIVE or upper.flags & EXPRESSION:
            flags = union_of_flags(merged.values())
        flags |= NOTED if lower.notes else 0
        return Derived(merged, upper.document, upper.mark, upper.key_mark, flags, lower, None, lower.notes, upper.via)

    def fresh(self, node: Node, path: KeyPath) -> Node:
        """A value with nothing below it: its directives are carried out, the rest is shared."""
        if not node.flags & DIRECTIVE:
            return node
        value = node.value
        if type(value) is dict:
            children = {key: self.apply(None, child, (*path, key)) for key, child in value.items()}
            return node.replaced(value=children, flags=union_of_flags(children.values()))
        if type(value) is list:
            items = [self.apply(None, child, (*path, index)) for index, child in enumerate(value)]
            return node.replaced(value=items, flags=union_of_flags(items))
        return self.apply(None, node, path)

    # -- directives --------------------------------------------------------------------------------------------------

    def _directive(self, lower: Node | None, upper: Node, path: KeyPath) -> Node:
        said = interpret(upper, self.report)
        if said is None:
            return lower if lower is not None else _tombstone(upper, None)
        if type(said) is PlainMap:
            items = upper.replaced(value=said.items, flags=union_of_flags(said.items.values()))
            return self.apply(lower, items, path)
        assert type(said) is Directive
        outer, self.forcing = self.forcing, self.forcing or (said.notes is not None and said.notes.force is not None)
        node = self._operation(said, lower, upper, path)
        self.forcing = outer
        if node is lower:
            return node
        if said.notes is not None:
            node = _with_notes(node, said.notes, upper.document)
        return self._checked(lower, node, path) if lower is not None else node

    def _operation(self, said: Directive, lower: Node | None, upper: Node, path: KeyPath) -> Node:
        below = None if lower is None or type(lower.value) in _NOTHING else lower
        parts = said.parts
        if said.operation == directives.VALUE:
            content = parts["$value"].replaced(key_mark=upper.key_mark)
            node = self.apply(lower, content, path)
            if node is below and isinstance(content.value, dict) and type(below.value) is dict:  # an empty map
                return content.replaced(value=below.value, flags=below.flags, lower=below, notes=below.notes)
            return node
        if said.operation == directives.REPLACE:
            content = self.fresh(parts["$replace"], path)
            return content.replaced(key_mark=upper.key_mark, lower=lower, directive="$replace")
        if said.operation == directives.DELETE:
            return self._delete(below, lower, upper, path, parts["$delete"].value)
        if said.operation == directives.REQUIRED:
            why = parts["$required"].value
            return Derived(Required(why), upper.document, upper.mark, upper.key_mark, REQUIRED, lower, "$required")
        if said.operation == directives.TEMPLATE:
            return self._template(parts, lower, upper, path)
        if said.operation == directives.BY:
            return lists.by_member(self, below, upper, parts["$items"], parts["$by"].value, path, "$by")
        return lists.edit(self, below, upper, parts, path)

    def _template(self, parts: dict[str, Node], lower: Node | None, upper: Node, path: KeyPath) -> Node:
        given = parts.get("$vars")
        variables = {}
        if given is not None:
            variables = {key: self.apply(None, child, path) for key, child in given.value.items()}
        text = parts["$template"]
        if type(text.value) is Expression:
            text = text.replaced(value=text.value.text, flags=0)
        value = Template(text, variables)
        node = Derived(value, upper.document, upper.mark, upper.key_mark, EXPRESSION, lower, "$template")
        if lower is not None and kind_of(lower.value) in ("map", "list"):
            return self.clash(lower, upper.replaced(value=value), path)
        return node

    def _delete(self, below: Node | None, lower: Node | None, upper: Node, path: KeyPath, how: object) -> Node:
        if below is None and how is True:
            message = f"{show_path(path)} is not in a lower layer"
            help_ = "correct the key, or write $delete: if-present"
            self.report(Diagnostic("GCM202", message, key_position_of(upper), key=show_path(path), help=help_))
        return _tombstone(upper, lower)

    # -- rules -------------------------------------------------------------------------------------------------------

    def _list_over_list(self, lower: Node, upper: Node, path: KeyPath) -> Node:
        """The schema's strategy, else replacement (M3, M4)."""
        declared = self.knowledge.strategy(path)
        if declared is not None and declared[0] != "replace":
            return self._checked(lower, lists.by_strategy(self, lower, upper, declared, path), path)
        return self._checked(lower, self.fresh(upper, path).replaced(lower=lower), path)

    def clash(self, lower: Node, upper: Node, path: KeyPath) -> Node:
        """Report a value of another kind (M9); what lies below stays."""
        above, below = kind_of(upper.value), kind_of(lower.value)
        related = Related(position_of(lower), f"the {below} is at")
        self.report(
            Diagnostic(
                "GCM201",
                f"{show_path(path)} is a {above} over a {below}",
                position_of(upper),
                label=f"a {above}",
                related=(related,),
                key=show_path(path),
                help="give it the same kind, or write {$replace: ...}",
            )
        )
        return lower

    def _checked(self, lower: Node, upper: Node, path: KeyPath) -> Node:
        """Hold a change against the locks of what it changes (M12)."""
        if not (lower.notes or lower.flags & NOTED):
            return upper
        if not self.forcing and not _is_forced(upper):
            broken = _broken_lock(lower, upper)
            if broken is not None:
                self._report_lock(broken, upper, path)
                return lower
        return _carry_locks(lower, upper)

    def _locked_addition(self, lower: Node, child: Node, path: KeyPath) -> None:
        if not (type(child.value) is DirectiveMap and "$force" in child.value):
            self._report_lock(lower, child, path)

    def _report_lock(self, lower: Node, upper: Node, path: KeyPath) -> None:
        assert lower.notes is not None
        at_lock = lower.notes.lock_at or lower
        self.report(
            Diagnostic(
                "GCM206",
                f"{show_path(path)} is locked: {lower.notes.lock}",
                key_position_of(upper),
                related=(Related(position_of(at_lock), "locked at"),),
                key=show_path(path),
                help='leave it, or write {$value: ..., $force: "ticket"}',
            )
        )


_NOTHING = (Required, Deleted)


def _tombstone(upper: Node, lower: Node | None) -> Node:
    return Derived(_DELETED, upper.document, upper.mark, upper.key_mark, TOMBSTONE, lower, "$delete")


def _is_forced(node: Node) -> bool:
    return node.notes is not None and node.notes.force is not None


def _is_locked(node: Node) -> bool:
    return node.notes is not None and node.notes.lock is not None


def _broken_lock(lower: Node, upper: Node | None) -> Node | None:
    """The locked node that a change would alter, add to or remove."""
    if upper is not None and _is_forced(upper):
        return None
    locked = _is_locked(lower)
    if upper is not None and locked and lists.same(lower, upper):
        return None
    if not locked and not lower.flags & NOTED:
        return None
    pairs: list[tuple[Node, Node | None]]
    if isinstance(lower.value, dict) and (upper is None or not locked or isinstance(upper.value, dict)):
        above = upper.value if upper is not None and isinstance(upper.value, dict) else {}
        pairs = [(child, above.get(key)) for key, child in lower.value.items()]
        added = [child for key, child in above.items() if key not in lower.value]
    elif isinstance(lower.value, list) and (upper is None or not locked or isinstance(upper.value, list)):
        items = upper.value if upper is not None and isinstance(upper.value, list) else []
        pairs = [(child, _descendant(child, items)) for child in lower.value]
        kept = {id(other) for _, other in pairs}
        added = [item for item in items if id(item) not in kept]
    else:
        return lower if locked else None
    if locked and (upper is None or any(not _is_forced(item) for item in added)):
        return lower
    return next((broken for child, other in pairs if (broken := _broken_lock(child, other)) is not None), None)


def _descendant(item: Node, items: list[Node]) -> Node | None:
    """What became of a list item in a changed list: the item itself, what was merged over it, or an equal one."""
    for other in items:
        if other is item or other.lower is item:
            return other
    return next((other for other in items if lists.same(other, item)), None)


def _carry_locks(lower: Node, upper: Node) -> Node:
    """The upper value with the locks of what it replaces: they stay in force above it."""
    if _is_locked(lower):
        assert lower.notes is not None
        lock = Notes()
        lock.lock, lock.lock_at = lower.notes.lock, lower.notes.lock_at
        return _with_notes(upper, lock, upper.document) if not _is_locked(upper) else upper
    if not lower.flags & NOTED or type(lower.value) is not dict or type(upper.value) is not dict:
        return upper
    children = dict(upper.value)
    for key, child in lower.value.items():
        above = children.get(key)
        if above is not None and above is not child:
            children[key] = _carry_locks(child, above)
    return upper.replaced(value=children, flags=upper.flags | union_of_flags(children.values()))


_HOLDS_FOR_ALL = ("lock", "lock_at")
_EXPIRY = ("until", "until_at", "owner")


def _with_notes(node: Node, notes: Notes, document: Document) -> Node:
    """A subtree with the notes of a directive: a lock holds for all of it, the rest for what `document` wrote."""
    value: Any = node.value
    if type(value) is dict:
        value = {key: _with_notes(child, notes, document) for key, child in value.items()}
    elif type(value) is list:
        value = [_with_notes(child, notes, document) for child in value]
    own = node.document is document
    if not own and notes.lock is None:
        return node.replaced(value=value, flags=node.flags | NOTED) if value is not node.value else node
    merged = Notes()
    for name in Notes.__slots__:
        inner = getattr(node.notes, name, None)
        given = getattr(notes, name) if own or name in _HOLDS_FOR_ALL else None
        # of two expiry dates each is judged where it stands
        setattr(merged, name, inner or given if name in _EXPIRY and inner else given or inner or getattr(merged, name))
    return node.replaced(value=value, notes=merged, flags=node.flags | NOTED)


def finish(node: Node) -> Node:
    """The merged document without the tombstones of deleted keys."""
    if not node.flags & TOMBSTONE:
        return node
    value: Any = node.value
    if type(value) is dict:
        value = {key: finish(child) for key, child in value.items() if type(child.value) is not Deleted}
        return node.replaced(value=value, flags=union_of_flags(value.values()) | (NOTED if node.notes else 0))
    if type(value) is list:
        value = [finish(child) for child in value if type(child.value) is not Deleted]
        return node.replaced(value=value, flags=union_of_flags(value) | (NOTED if node.notes else 0))
    return node
