"""`diff`: how the effective documents of two states, or of two environments, differ, and why.

Only targets that the changed files can reach are compiled (reach.py), so that it costs what has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.explain import place
from gitconfigmgr.app.reach import Reach
from gitconfigmgr.app.select import EVERYTHING, Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.changes import Change, changes
from gitconfigmgr.history.documents import node_at, same, snapshot
from gitconfigmgr.history.patch import patch, pointer
from gitconfigmgr.model.diagnostics import Diagnostic, position_of
from gitconfigmgr.model.values import SEALED
from gitconfigmgr.resolve.provenance import shown
from gitconfigmgr.resolve.references import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gitconfigmgr.history.patch import Operation
    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.resolve.resolution import Resolution

# findings about a document that exists all the same: policy, expiry, locks; any other error below 4xx leaves none
JUDGEMENTS = frozenset({"GCM205", "GCM206", "GCM207", "GCM209"})


@dataclass(frozen=True, slots=True)
class Effective:
    """A target at one state. `root` is None where it has no document; then `errors` say why, or it does not exist."""

    root: Node | None
    errors: tuple[Diagnostic, ...] = ()
    resolution: Resolution | None = None

    @property
    def broken(self) -> bool:
        """Whether it exists and does not compile."""
        return bool(self.errors)


@dataclass(frozen=True, slots=True)
class TargetDiff:
    """One target that differs. `change_type` is create, update, delete, or broken where a side does not compile."""

    target: Target
    change_type: str
    before: Effective
    after: Effective
    changes: list[Change] = field(default_factory=list)
    patch: list[Operation] = field(default_factory=list)

    def origin(self, change: Change) -> Node | None:
        """The node that holds the new value; None where there is none."""
        return None if change.op == "remove" else node_at(self.after.root, change.path)

    def was(self, change: Change) -> Node | None:
        """The node that held the old value."""
        return None if change.old_path is None else node_at(self.before.root, change.old_path)


@dataclass(slots=True)
class Diff:
    """`unchanged` were reached by the change and are equal all the same.

    `silent` are changed files without effect; None where only some targets were looked at.
    """

    targets: list[TargetDiff]
    unchanged: list[Target] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    silent: list[str] | None = None


ABSENT = Effective(None)


def state_of(repository: Repository, target: Target) -> Effective:
    """A target of a repository, compiled but not judged."""
    resolution = repository.resolved(target)
    paths = {layer.path for layer in resolution.layers}
    found = [*resolution.findings, *(f for f in repository.findings if f.position and f.position.path in paths)]
    errors = tuple(f for f in found if f.severity == "error" and f.code < "GCM4" and f.code not in JUDGEMENTS)
    if not errors and resolution.root is None:
        errors = (Diagnostic("GCM101", "a layer cannot be read"),)
    elif not errors and resolution.root is not None and _borrows_nothing(resolution.root):
        errors = (Diagnostic("GCM302", "a value that it takes from another target is not to be had there"),)
    return Effective(None if errors else resolution.root, errors, resolution)


def _borrows_nothing(root: Node) -> bool:
    """Whether a value was to come from a target that does not compile: the finding is that target's."""
    if not root.flags & SEALED:  # flags say what may be below: a map keeps that of a value that was filled
        return False
    members = (
        root.value.values() if isinstance(root.value, dict) else root.value if isinstance(root.value, list) else ()
    )
    return root.value is FAILED or any(map(_borrows_nothing, members))


def diff(before: Repository, after: Repository, selection: Selection = EVERYTHING) -> Diff:
    """The selected targets that differ between two states, sorted. Raises UsageError where nothing is selected."""
    wanted = _selected(before, after, selection)
    reach = Reach(before, after)
    there = set(before.targets), set(after.targets)
    found = Diff([], files=sorted(reach.files))
    namespace = None
    for target in reach.targets(wanted):
        if namespace not in {None, target.namespace}:
            before.forget(namespace)
            after.forget(namespace)
        namespace = target.namespace
        old = state_of(before, target) if target in there[0] else ABSENT
        new = state_of(after, target) if target in there[1] else ABSENT
        compared = compare(after if target in there[1] else before, target, old, new)
        if compared is None:
            found.unchanged.append(target)
        else:
            found.targets.append(compared)
    if selection == EVERYTHING:
        effective = set(_effective(found.targets, reach.files))
        found.silent = [path for path in found.files if path not in effective or _says_the_same(before, after, path)]
    return found


def _says_the_same(before: Repository, after: Repository, path: str) -> bool:
    """Whether a layer changed in comments and layout only."""
    old, new = before.layer(path), after.layer(path)
    if old is None or new is None or old.root is None or new.root is None:
        return False
    return same(shown(old.root), shown(new.root))


def compare(repository: Repository, target: Target, old: Effective, new: Effective) -> TargetDiff | None:
    """The difference between two states of a target; None where there is none. The repository knows its schemas."""
    if old.broken or new.broken:
        alike = [f.cause for f in old.errors] == [f.cause for f in new.errors]
        return None if alike else TargetDiff(target, "broken", old, new)
    if old.root is None and new.root is None:
        return None
    kind = "create" if old.root is None else "delete" if new.root is None else "update"
    one = {} if old.root is None else snapshot(old.root)
    other = {} if new.root is None else snapshot(new.root)
    identity = identity_of(repository, target.namespace)
    found = changes(one, other, identity)
    if not found and kind == "update":
        return None
    return TargetDiff(target, kind, old, new, found, patch(one, other, identity))


def identity_of(repository: Repository, namespace: str) -> Callable[[KeyPath], str | None]:
    """What the schemas of a namespace say identifies the items of a list: `x-gcm-merge: {by: name}`."""
    view = repository.schemas.view(namespace)

    def identity(path: KeyPath) -> str | None:
        said = view.strategy(path)
        by = said[0].get("by") if said is not None and isinstance(said[0], dict) else None
        return by if isinstance(by, str) else None

    return identity


def _selected(before: Repository, after: Repository, selection: Selection) -> list[Target]:
    found: set[Target] = set()
    error: UsageError | None = None
    for side in (before, after):
        try:
            found |= set(choose(side, selection))
        except UsageError as missing:
            error = missing
    if error is not None and not found:
        raise error
    order = {name: number for number, name in enumerate([*after.settings.environments, *before.settings.environments])}
    return sorted(found, key=lambda target: (target.namespace, order[target.environment], target.environment))


def reason(found: TargetDiff, change: Change) -> str:
    """Why a value changed, in a few words."""
    new, old = found.origin(change), found.was(change)
    if new is None:
        return "" if old is None else f"was set in {_file(old)}"
    if new.via:
        return f"through {_file(new.via[0])}"
    if old is None or old.via:
        return f"set in {_file(new)}"
    if old.document.path == new.document.path:
        return f"edited in {_file(new)}"
    below = new.lower
    while below is not None:
        if below.document.path == old.document.path:
            return f"now overridden in {_file(new)}"
        below = below.lower
    return f"no longer set in {old.document.path}; {_file(new)} holds"


def _file(node: Node) -> str:
    position = position_of(node)
    return f"{position.path}:{position.line}"


def _effective(targets: Iterable[TargetDiff], files: set[str]) -> Iterator[str]:
    """The changed files that some difference comes from."""
    for found in targets:
        stack = {
            layer.path for side in (found.before, found.after) if side.resolution for layer in side.resolution.layers
        }
        if not found.changes:
            yield from stack & files
        for change in found.changes:
            from_nodes = {path for node in (found.origin(change), found.was(change)) for path in _documents(node)}
            yield from (from_nodes & files) or (stack & files)


def _documents(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    yield node.document.path
    yield from (step.document.path for step in node.via)
    members = node.value.values() if isinstance(node.value, dict) else node.value
    if isinstance(node.value, (dict, list)):
        for member in members:
            yield from _documents(member)


def as_json(found: Diff, names: tuple[str | None, str | None]) -> dict[str, Any]:
    """The shape of `diff --format json` (docs/formats.md)."""
    return {
        "from": names[0],
        "to": names[1],
        "targets": [target_record(item) for item in found.targets],
        "unchanged": [{"namespace": t.namespace, "environment": t.environment} for t in found.unchanged],
        "files": found.files,
        "files_without_effect": found.silent,
    }


def target_record(item: TargetDiff) -> dict[str, Any]:
    """One target of a diff."""
    said: dict[str, Any] = {
        "namespace": item.target.namespace,
        "environment": item.target.environment,
        "change_type": item.change_type,
        "changes": [change_record(item, change) for change in item.changes],
        "patch": item.patch,
    }
    if item.change_type == "broken":
        said["errors"] = {
            side: [
                {"code": f.code, "message": f.message, "path": f.position.path if f.position else None} for f in errors
            ]
            for side, errors in (("from", item.before.errors), ("to", item.after.errors))
        }
    return said


def change_record(item: TargetDiff, change: Change) -> dict[str, Any]:
    """One change: `path` is a JSON pointer, `key` the same for people. Secrets stand there by their shape."""
    new, old = item.origin(change), item.was(change)
    said = {
        "op": change.op,
        "path": pointer(change.path),
        "key": change.key,
        "from_value": change.from_value,
        "to_value": change.to_value,
        "origin": place(new) if new is not None else None,
        "from_origin": place(old) if old is not None else None,
        "reason": reason(item, change),
    }
    if change.secret:
        said |= {"secret": "changed"}
    return said
