"""A change of files before it is made: which targets it changes, where it is shielded, and what it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.reach import Reach
from gitconfigmgr.history.documents import node_at, same, snapshot
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate, position_of
from gitconfigmgr.model.fingerprints import fingerprints
from gitconfigmgr.model.names import is_index, many
from gitconfigmgr.model.values import REQUIRED
from gitconfigmgr.resolve.provenance import shown
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository


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
    found = Outcome()
    everything = dict.fromkeys([*after.targets, *before.targets])
    known, fresh = [], []
    for target in Reach(before, after).targets(everything):
        old_name = target._replace(namespace=_old_name(change.moved, target.namespace))
        old = before.compile(old_name) if old_name in before.targets else None
        new = after.compile(target) if target in after.targets else None
        known += old.findings if old else []
        fresh += new.findings if new else []
        if new is None and any(f"{target.namespace}/".startswith(f"{name}/") for name in change.moved):
            continue
        one, other = (None if side is None else side.root for side in (old, new))
        if (one is None) != (other is None) or not same(_data(one), _data(other)):
            found.changed.append(target)
        elif (place := _shield(other, change)) is not None:
            found.shielded.append((target, place))
        else:
            found.unchanged.append(target)
    for side in (before, after):
        side.read_some(path for path in change.files if path.startswith(f"{ROOT}/"))
    known += before.found_in_files()
    fresh += after.found_in_files()
    prints = frozenset(fingerprints(collate(_renamed(item, change.moved) for item in known)))
    collated = collate(fresh)
    new_ones = [item for item, print_ in zip(collated, fingerprints(collated), strict=True) if print_ not in prints]
    found.findings = locate(new_ones, after.read)
    return found


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
    lines += [f"shielded by {place}: {_shown(targets)}" for place, targets in by_place.items()]
    if not outcome.changed:
        lines.append("changes no target")
    return lines


def _shown(targets: list[Target]) -> str:
    by_namespace: dict[str, list[str]] = {}
    for target in targets:
        by_namespace.setdefault(target.namespace, []).append(target.environment)
    parts = [f"{namespace} in {', '.join(environments)}" for namespace, environments in by_namespace.items()]
    rest = sum(len(found) for found in list(by_namespace.values())[6:])
    return "; ".join(parts[:6]) + (f"; and {many(rest, 'target')} more" if rest else "")


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


def _old_name(moved: Mapping[str, str], namespace: str) -> str:
    """What a namespace was called before the move."""
    for old, new in moved.items():
        if namespace == new or namespace.startswith(f"{new}/"):
            return old + namespace[len(new) :]
    return namespace


def _renamed(item: Diagnostic, moved: Mapping[str, str]) -> Diagnostic:
    if item.position is None:
        return item
    for old, new in moved.items():
        if item.position.path.startswith(f"{ROOT}/{old}/"):
            path = f"{ROOT}/{new}{item.position.path[len(ROOT) + 1 + len(old) :]}"
            return replace(item, position=item.position._replace(path=path))
    return item
