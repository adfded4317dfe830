"""A change of files before it is made: which targets it changes, where it is shielded, and what it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.reach import Reach
from gitconfigmgr.history.documents import node_at, same, snapshot
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate, position_of
from gitconfigmgr.model.fingerprints import fingerprints
from gitconfigmgr.model.names import Target, is_index, many
from gitconfigmgr.model.values import REQUIRED
from gitconfigmgr.resolve.provenance import shown
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Compiled, Repository

_MOST = 6  # names and places in one text for people


@dataclass(slots=True)
class Change:
    """Edited files (None removes one), what is said of them, and the key they are about, in which file."""

    files: dict[str, bytes | None]
    said: str
    key: tuple[str, ...] | None = None
    document: str | None = None
    notes: list[str] = field(default_factory=list)
    moved: Mapping[str, str] = field(default_factory=dict)  # namespaces that get another name, or lie below one


@dataclass(slots=True)
class Outcome:
    """`changed` targets get another document; in `shielded` ones a layer above keeps the key as it was."""

    changed: list[Target] = field(default_factory=list)
    shielded: list[tuple[Target, Position]] = field(default_factory=list)
    unchanged: list[Target] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)


def judge(before: Repository, after: Repository, change: Change) -> Outcome:
    """What the change means for every target it reaches. `after` is the repository with the edited files."""
    reached = Reach(before, after).targets(dict.fromkeys([*after.targets, *before.targets]))
    there = set(after.targets)
    gone = [target for target in reached if target not in there and not _moves(change, target)]
    targets = [target for target in reached if target in there]
    result = evaluate(after, targets, _Comparison(before, change), usable_cores())
    found = Outcome(changed=gone)
    for target, (differs, place) in zip(targets, result.records, strict=True):
        if differs:
            found.changed.append(target)
        elif place is not None:
            found.shielded.append((target, place))
        else:
            found.unchanged.append(target)
    after.read_some(path for path in change.files if path.startswith(f"{ROOT}/"))
    fresh = collate(result.findings + after.found_in_files())
    known = _known(before, fresh, change)
    new = [item for item, print_ in zip(fresh, fingerprints(fresh), strict=True) if print_ not in known]
    found.findings = locate(new, after.read)
    return found


class _Comparison:
    """Holds a compiled target against what it was: whether it differs, else where a layer shields it."""

    def __init__(self, before: Repository, change: Change) -> None:
        self.before = before
        self.change = change
        self.there = set(before.targets)
        self.namespace: str | None = None

    def __call__(self, compiled: Compiled) -> tuple[bool, Position | None]:
        target = _before_move(self.change, compiled.target)
        if self.namespace not in {None, target.namespace}:
            self.before.forget(str(self.namespace))
        self.namespace = target.namespace
        old = self.before.resolved(target).root if target in self.there else None
        if (old is None) != (compiled.root is None) or not same(_data(old), _data(compiled.root)):
            return True, None
        return False, _shield(compiled.root, self.change)


def _known(before: Repository, fresh: list[Diagnostic], change: Change) -> frozenset[str]:
    """The fingerprints of what was found before, as far as the new findings ask."""
    if not fresh:
        return frozenset()
    there = set(before.targets)
    asked = dict.fromkeys(_before_move(change, Target(*target)) for item in fresh for target in item.affects)
    result = evaluate(before, [target for target in asked if target in there], lambda _: None, usable_cores())
    old_paths = {item.position.path for item in fresh if item.position} | change.files.keys()
    before.read_some(path for path in [*old_paths] if before.read(path) is not None)
    found = collate(_renamed(item, change.moved) for item in result.findings + before.found_in_files())
    return frozenset(fingerprints(found))


def refused(outcome: Outcome) -> list[Diagnostic]:
    """The findings that stand against the change."""
    return [item for item in outcome.findings if item.fails]


def consequence(outcome: Outcome) -> list[str]:
    """What the change means, in a few lines for people."""
    lines = []
    if outcome.changed:
        lines.append(f"changes {_shown(outcome.changed)}")
    by_place: dict[str, list[Target]] = {}
    for target, place in outcome.shielded:
        by_place.setdefault(f"{place.path}:{place.line}", []).append(target)
    lines += [f"shielded by {place}: {_shown(targets)}" for place, targets in list(by_place.items())[:_MOST]]
    rest = sum(map(len, list(by_place.values())[_MOST:]))
    if rest:
        lines.append(f"shielded in {many(rest, 'target')} more")
    if not outcome.changed:
        lines.append("changes no target")
    return lines


def _shown(targets: list[Target]) -> str:
    by_namespace: dict[str, list[str]] = {}
    for target in targets:
        by_namespace.setdefault(target.namespace, []).append(target.environment)
    parts = [f"{namespace} in {', '.join(environments)}" for namespace, environments in by_namespace.items()]
    rest = sum(len(found) for found in list(by_namespace.values())[_MOST:])
    return "; ".join(parts[:_MOST]) + (f"; and {many(rest, 'target')} more" if rest else "")


def _data(root: Node | None) -> Any:
    if root is None:
        return None
    return shown(root) if root.flags & REQUIRED else snapshot(root)


def _shield(root: Node | None, change: Change) -> Position | None:
    """Where a layer other than the edited one gives the key its value."""
    node = root
    for part in change.key or ():
        value = node.value if node is not None else None
        node = node_at(node, (int(part) if isinstance(value, list) and is_index(part, len(value)) else part,))
    if (
        node is None
        or change.key is None
        or isinstance(node.value, dict)
        or node.document.path in {change.document, ""}
    ):
        return None
    return position_of(node)


def _before_move(change: Change, target: Target) -> Target:
    """What a target was called before its namespace moved."""
    for old, new in change.moved.items():
        if target.namespace == new or target.namespace.startswith(f"{new}/"):
            return target._replace(namespace=old + target.namespace[len(new) :])
    return target


def _moves(change: Change, target: Target) -> bool:
    return any(f"{target.namespace}/".startswith(f"{name}/") for name in change.moved)


def _renamed(item: Diagnostic, moved: Mapping[str, str]) -> Diagnostic:
    if item.position is None:
        return item
    for old, new in moved.items():
        if item.position.path.startswith(f"{ROOT}/{old}/"):
            path = f"{ROOT}/{new}{item.position.path[len(ROOT) + 1 + len(old) :]}"
            return replace(item, position=item.position._replace(path=path))
    return item
