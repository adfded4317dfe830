"""`get`, `explain` and `layers`: one value, why it is so, and what could have set it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, collate, has_errors, position_of
from gitconfigmgr.model.names import PathSyntaxError, Target, closest, item_index, parse_items, show_path
from gitconfigmgr.resolve.provenance import lowers, notes, shown
from gitconfigmgr.resolve.stack import Slot, slots
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.model.revisions import Blame
    from gitconfigmgr.model.values import Document, Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import History


class BrokenTargetError(UsageError):
    """The target has errors; its values cannot be trusted."""

    exit_status = 1

    def __init__(self, target: Target, findings: list[Diagnostic], read: Callable[[str], bytes | None]) -> None:
        super().__init__(f"{target} has errors", "run `gitconfigmgr check`")
        self.findings = locate(findings, read)
        self.read = read


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a key has its value. `commit` is None where the line is not committed."""

    target: Target
    key: str
    node: Node
    commit: Blame | None


def effective(repository: Repository, namespace: str, environment: str, key: str | None) -> Node:
    """The resolved node of a key, or of the whole document. Raises UsageError, BrokenTargetError."""
    target = existing(repository, namespace, environment)
    compiled = repository.compile(target)
    findings = collate(compiled.findings + repository.found_in_files())
    if compiled.root is None or has_errors(findings):
        raise BrokenTargetError(target, [f for f in findings if f.fails], repository.read)
    return compiled.root if key is None else _member(compiled.root, target, key)


def explain(repository: Repository, history: History | None, namespace: str, environment: str, key: str) -> Explanation:
    """The origin of a value."""
    node = effective(repository, namespace, environment, key)
    place = position_of(node)
    commit = history.blame(place.path, place.line) if history and place.path else None
    return Explanation(Target(namespace, environment), key, node, commit)


def layers(repository: Repository, namespace: str, environment: str) -> list[Slot]:
    """All places of a target's stack, lowest first."""
    return slots(existing(repository, namespace, environment), repository.settings, repository.layout.documents)


def existing(repository: Repository, namespace: str, environment: str) -> Target:
    """A namespace with documents in a declared environment. Raises UsageError with the nearest name."""
    namespace = namespace.strip("/")
    known = sorted(set(repository.layout.documents) | {target.namespace for target in repository.targets})
    if namespace not in known:
        near = closest(namespace, known)
        raise UsageError(f"there is no namespace {namespace}", f"did you mean {near}?" if near else "see configs/")
    environments = list(repository.settings.environments)
    if environment not in environments:
        near = closest(environment, environments)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(environments)}"
        raise UsageError(f"there is no environment {environment}", hint)
    return Target(namespace, environment)


def _member(root: Node, target: Target, key: str) -> Node:
    try:
        path = parse_items(key)
    except PathSyntaxError:
        raise UsageError(f"{key!r} is no path of keys", 'write a.b.c; a key with dots in quotes: a."b.c"') from None
    node = root
    for depth, part in enumerate(path):
        value = node.value
        child = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, list):
            index = item_index(part, [_flat(item) for item in value])
            child = None if index is None else value[index]
        if child is None:
            here = show_path(path[:depth])
            near = closest(part, list(value)) if isinstance(value, dict) else None
            hint = (
                f"did you mean {show_path((*path[:depth], near))}?"
                if near
                else f"see the keys of {here or 'the document'}"
            )
            raise UsageError(f"{target.namespace} has no key {key} in {target.environment}", hint)
        node = child
    return node


def _flat(node: Node) -> dict[str, Any] | None:
    return {name: child.value for name, child in node.value.items()} if isinstance(node.value, dict) else None


def as_json(found: Explanation) -> dict[str, Any]:
    """The shape of `explain --format json` (docs/formats.md)."""
    node = found.node
    said = {
        "namespace": found.target.namespace,
        "environment": found.target.environment,
        "key": found.key,
        "value": shown(node),
        "origin": place(node),
        "overridden": [place(below) | {"value": shown(below)} for below in lowers(node)],
        "directive": node.directive,
        "via": [place(step) | {"value": shown(step)} for step in node.via],
        "commit": None,
    }
    if notes(node):
        said["notes"] = notes(node)
    if found.commit is not None:
        commit = found.commit
        said["commit"] = {
            "id": commit.commit,
            "author": commit.author,
            "time": commit.time.isoformat(),
            "summary": commit.summary,
        }
    return said


def place(node: Node) -> dict[str, Any]:
    """The position and the layer of a node."""
    position = position_of(node)
    return {"path": position.path, "line": position.line, "column": position.column, "layer": layer_name(node.document)}


def layer_name(document: Document) -> str:
    """A layer as people say it: namespace@environment."""
    return f"{document.namespace}@{document.environment}"
