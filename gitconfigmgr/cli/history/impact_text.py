"""Whom an edit reaches, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.app.explain import layer_name
from gitconfigmgr.cli.history.diff_text import named
from gitconfigmgr.cli.history.values import safe, short
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import many
from gitconfigmgr.resolve.provenance import shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitconfigmgr.app.impact import Edit, Impact, Usage
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.values import Node


def as_text(found: Impact, names: tuple[str, str], protected: Collection[str]) -> str:
    """The report."""
    changed = len(found.diff.targets)
    shielded = {target for edit in found.edits for target, _ in edit.shielded} - {i.target for i in found.diff.targets}
    head = f"{many(len(found.edits), 'edited key')}; {many(changed, 'target')} changed{_in_protected(found, protected)}"
    head += f", {len(shielded)} shielded" if shielded else ""
    parts = [click.style(f"{names[0]} -> {names[1]}", bold=True) + f"  {head}"]
    parts += ["\n".join(_edit(edit, protected)) for edit in found.edits]
    if found.through:
        parts.append(f"changed through references, schemas or settings: {named(found.through)}")
    if found.diff.silent:
        parts.append(
            "\n".join(["changed without effect on any target:", *(f"  {safe(path)}" for path in found.diff.silent)])
        )
    return "\n\n".join(parts)


def _in_protected(found: Impact, protected: Collection[str]) -> str:
    number = sum(1 for item in found.diff.targets if item.target.environment in protected)
    return f" ({number} protected)" if number else ""


def _edit(edit: Edit, protected: Collection[str]) -> list[str]:
    place = f"{edit.position.path}:{edit.position.line}"
    old = "" if edit.from_value is None else click.style(short(edit.from_value), fg="red")
    new = "" if edit.to_value is None else click.style(short(edit.to_value), fg="green")
    arrow = " -> " if old and new else ""
    note = "" if new else " removed"
    lines = [f"{click.style(place, bold=True)}  {safe(edit.key) or 'the document'}  {old}{arrow}{new}{note}"]
    if edit.changed:
        number = sum(1 for target in edit.changed if target.environment in protected)
        count = (
            f"{many(len(edit.changed), 'target')}{f', {number} protected' if number else ''}: "
            if len(edit.changed) > 1
            else ""
        )
        lines.append(f"  changes   {count}{named(edit.changed)}")
    by_place: dict[str, list[Target]] = {}
    for target, where in edit.shielded:
        by_place.setdefault(f"{where.path}:{where.line}", []).append(target)
    lines += [f"  shielded  {named(targets)} by {where}" for where, targets in by_place.items()]
    if not edit.changed:
        lines.append("  changes   no target")
    return lines


def usage_text(found: Usage) -> str:
    """Who uses a key, who overrides it, who refers to it."""
    head = click.style(f"{found.namespace} {found.key}", bold=True)
    counts = f"used by {many(len(found.users), 'target')}, overridden in {len(found.overriders)}, referred to by {len(found.referrers)}"
    lines = [f"{head}  {counts}"]
    groups: dict[tuple[str, str, str], list[Target]] = {}
    for target, node in found.users:
        groups.setdefault(("uses", _where(node), short(shown(node))), []).append(target)
    for target, node, _ in found.overriders:
        groups.setdefault(("overrides", _where(node), short(shown(node))), []).append(target)
    for target, key, node in found.referrers:
        groups.setdefault(("refers", _where(node), f"as {key}"), []).append(target)
    lines += [
        f"  {word:<9}  {value}  {named(targets)}  {click.style(where, dim=True)}"
        for (word, where, value), targets in groups.items()
    ]
    return "\n".join(lines)


def _where(node: Node) -> str:
    position = position_of(node)
    return f"{position.path}:{position.line}  {layer_name(node.document)}"
