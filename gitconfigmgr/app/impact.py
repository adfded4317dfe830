"""`impact`: whom an edit reaches. For each edited key of a layer: which targets change, which are shielded, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.diff import Diff, TargetDiff, diff, state_of
from gitconfigmgr.app.explain import place
from gitconfigmgr.app.reach import references
from gitconfigmgr.app.secrets.values import parsed
from gitconfigmgr.app.select import EVERYTHING, Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.changes import changes
from gitconfigmgr.history.documents import node_at
from gitconfigmgr.model.diagnostics import Position, position_of
from gitconfigmgr.model.names import GLOBAL, Target, closest, prefixes, show_path
from gitconfigmgr.resolve.provenance import lowers, shown
from gitconfigmgr.resolve.stack import slots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.values import Document, Node
    from gitconfigmgr.pipeline import Repository


@dataclass(slots=True)
class Edit:
    """One key of a layer that was edited. `path` is the effective key it is about, `key` that or the item of a list in it."""

    position: Position
    layer: Target
    path: tuple[str, ...]
    key: str
    from_value: Any
    to_value: Any
    changed: list[Target] = field(default_factory=list)
    shielded: list[tuple[Target, Position]] = field(default_factory=list)
    same: list[Target] = field(default_factory=list)


@dataclass(slots=True)
class Impact:
    """`through` are changed targets that no edited layer is part of: references, schemas or settings lead to them."""

    diff: Diff
    edits: list[Edit]
    through: list[Target]


def impact(before: Repository, after: Repository, selection: Selection = EVERYTHING) -> Impact:
    """Whom the differences between two states reach."""
    found = diff(before, after, selection)
    reached = [item.target for item in found.targets] + found.unchanged
    by_target = {item.target: item for item in found.targets}
    edits = []
    explained: set[Target] = set()
    for path in found.files:
        sides = [side.layer(path) for side in (before, after)]
        layer = next((side for side in sides if side is not None), None)
        if layer is None:
            continue
        concerned = [target for target in reached if _in_stack(after, before, target, layer)]
        for alternatives in _edits(sides, layer):
            for edit in [*alternatives.parts, alternatives.whole]:
                for target in concerned:
                    _judge(edit, target, by_target.get(target), after, path)
            chosen = alternatives.chosen()
            explained.update(target for edit in chosen for target in edit.changed)
            edits += chosen
    return Impact(found, edits, [target for target in by_target if target not in explained])


@dataclass(frozen=True, slots=True)
class _Alternatives:
    """A map that a layer begins or ceases to set: as a whole, and by its values, some of which others may set."""

    whole: Edit
    parts: list[Edit]

    def chosen(self) -> list[Edit]:
        """The parts, unless the same holds for all of them."""
        outcomes = [(edit.changed, edit.shielded, edit.same) for edit in self.parts]
        if all(outcome == outcomes[0] for outcome in outcomes):
            self.whole.changed, self.whole.shielded, self.whole.same = outcomes[0]
            return [self.whole]
        return self.parts


def _edits(sides: list[Document | None], layer: Document) -> Iterator[_Alternatives]:
    """The keys of one file that differ, with where they stand (in the old file where they are gone)."""
    old, new = (None if side is None else side.root for side in sides)
    seen = set()
    name = Target(layer.namespace, layer.environment)

    def edit(path: KeyPath, before: Any, after: Any, key: str = "") -> Edit:
        node = node_at(new, path) or node_at(old, path)
        position = position_of(node) if node is not None else Position(layer.path)
        plain = not any(isinstance(part, str) and part.startswith("$") for part in path)
        return Edit(position, name, _key(path), key if plain and key else show_path(_key(path)), before, after)

    for change in changes({} if old is None else shown(old), {} if new is None else shown(new)):
        whole = edit(change.path, change.from_value, change.to_value, change.key)
        if whole.key in seen:
            continue
        seen.add(whole.key)
        sides_of_change = change.from_value, change.to_value
        yield _Alternatives(whole, [edit(*part) for part in _parts(change.path, *sides_of_change)])


def _parts(path: KeyPath, before: Any, after: Any) -> Iterator[tuple[KeyPath, Any, Any]]:
    """The values below a key that only one side has, by path."""
    value = before if after is None else after
    single = before is None or after is None
    keys = [_key((*path, name)) for name in value] if single and isinstance(value, dict) else []
    if keys and all(len(key) > len(path) for key in keys):
        for name, child in value.items():
            yield from _parts((*path, name), *((None, child) if before is None else (child, None)))
    else:
        yield path, before, after


def _key(path: KeyPath) -> tuple[str, ...]:
    """The effective key that a place in a layer is about: up to the first directive or list."""
    found: list[str] = []
    for part in path:
        if isinstance(part, int) or (part.startswith("$") and not part.startswith("$$")):
            break
        found.append(part[1:] if part.startswith("$$") else part)
    return tuple(found)


def _judge(edit: Edit, target: Target, found: TargetDiff | None, after: Repository, path: str) -> None:
    if found is not None and (not found.changes or any(_touches(change.path, edit.path) for change in found.changes)):
        edit.changed.append(target)
        return
    node = node_at(state_of(after, target).root, edit.path) if target in after.targets else None
    if node is not None and not isinstance(node.value, dict) and node.document.path not in {path, ""}:
        edit.shielded.append((target, position_of(node)))
    else:
        edit.same.append(target)


def _touches(path: KeyPath, key: tuple[str, ...]) -> bool:
    length = min(len(path), len(key))
    return path[:length] == key[:length]


def _in_stack(after: Repository, before: Repository, target: Target, layer: Document) -> bool:
    settings = after.settings if target.environment in after.settings.environments else before.settings
    chain = settings.environments[target.environment].chain
    return layer.environment in chain and layer.namespace in prefixes(target.namespace)


@dataclass(slots=True)
class Usage:
    """A key of a namespace. `users` take its value from the namespace's layers, `overriders` have it from above them."""

    namespace: str
    key: str
    users: list[tuple[Target, Node]] = field(default_factory=list)
    overriders: list[tuple[Target, Node, Node]] = field(default_factory=list)
    referrers: list[tuple[Target, str, Node]] = field(default_factory=list)


def usage(repository: Repository, namespace: str, key: str, selection: Selection = EVERYTHING) -> Usage:
    """Who uses a key of a namespace's layers, who overrides it, who refers to it. Raises UsageError."""
    parts = parsed(key)
    if namespace not in repository.layout.documents:
        near = closest(namespace, sorted(repository.layout.documents))
        raise UsageError(f"{namespace} has no layers", f"did you mean {near}?" if near else "see configs/")
    found = Usage(namespace, key)
    own = set(repository.layout.documents[namespace].values())
    referring = {
        path for path, named in references(repository).items() if any(name in {namespace, ""} for name, _ in named)
    }
    last = None
    for target in choose(repository, selection):
        if last not in {None, target.namespace}:
            repository.forget(last)
        last = target.namespace
        below = namespace == GLOBAL or f"{target.namespace}/".startswith(f"{namespace}/")
        stack = set() if below and not referring else _stack(repository, target)
        if not below and stack.isdisjoint(referring):
            continue
        root = state_of(repository, target).root
        if below:
            _sort_in(found, target, node_at(root, parts), own)
        if not stack.isdisjoint(referring):
            found.referrers += [(target, show_path(at), node) for at, node in _referring(root, (), own, parts)]
    if not (found.users or found.overriders or found.referrers):
        raise UsageError(f"no layer of {namespace} sets {key} for any target", "see `gitconfigmgr explain`")
    return found


def _sort_in(found: Usage, target: Target, node: Node | None, own: set[str]) -> None:
    if node is None:
        return
    if node.document.path in own:
        found.users.append((target, node))
        return
    below = next((lower for lower in lowers(node) if lower.document.path in own), None)
    if below is not None:
        found.overriders.append((target, node, below))


def _stack(repository: Repository, target: Target) -> set[str]:
    return {slot.path for slot in slots(target, repository.settings, repository.layout.documents) if slot.path}


def _referring(node: Node | None, at: KeyPath, own: set[str], key: tuple[str, ...]) -> Iterator[tuple[KeyPath, Node]]:
    """The values that came through a node of these files; of its key the last part is compared: nodes know no path."""
    if node is None:
        return
    if any(step.document.path in own and _stands_at(step, key) for step in node.via):
        yield at, node
        return
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield from _referring(child, (*at, name), own, key)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from _referring(child, (*at, index), own, key)


def _stands_at(step: Node, key: tuple[str, ...]) -> bool:
    root = step.document.root
    node = node_at(root, key)
    return node is not None and position_of(node) == position_of(step)


def as_json(found: Impact, names: tuple[str, str]) -> dict[str, Any]:
    """The shape of `impact --format json`."""
    return {
        "from": names[0],
        "to": names[1],
        "edits": [
            {
                **_at(edit.position),
                "layer": f"{edit.layer.namespace}@{edit.layer.environment}",
                "key": edit.key,
                "from_value": edit.from_value,
                "to_value": edit.to_value,
                "changes": [_name(target) for target in edit.changed],
                "shielded": [_name(target) | {"by": _at(where)} for target, where in edit.shielded],
                "same": [_name(target) for target in edit.same],
            }
            for edit in found.edits
        ],
        "targets": [_name(item.target) | {"change_type": item.change_type} for item in found.diff.targets],
        "through": [_name(target) for target in found.through],
        "files_without_effect": found.diff.silent,
    }


def usage_json(found: Usage) -> dict[str, Any]:
    """The shape of `impact NS KEY --format json`."""
    return {
        "namespace": found.namespace,
        "key": found.key,
        "uses": [_name(target) | {"value": shown(node), "origin": place(node)} for target, node in found.users],
        "overrides": [
            _name(target) | {"value": shown(node), "origin": place(node), "overridden": place(below)}
            for target, node, below in found.overriders
        ],
        "refers": [_name(target) | {"key": key, "origin": place(node)} for target, key, node in found.referrers],
    }


def _name(target: Target) -> dict[str, str]:
    return {"namespace": target.namespace, "environment": target.environment}


def _at(position: Position) -> dict[str, Any]:
    return {"path": position.path, "line": position.line, "column": position.column}
