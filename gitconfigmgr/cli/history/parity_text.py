"""How two environments differ, for a terminal: each value with the days it has differed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.history.diff_text import change_lines
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from gitconfigmgr.app.diff import TargetDiff
    from gitconfigmgr.app.parity import Drift, Parity
    from gitconfigmgr.history.changes import Change


def as_text(found: Parity, names: tuple[str, str], *, full: bool = False) -> str:
    """The report."""
    values = sum(len(item.changes) for item in found.diff.targets)
    differing = f"{many(len(found.diff.targets), 'namespace')} differ{'s' if len(found.diff.targets) == 1 else ''}"
    head = click.style(f"{names[0]} -> {names[1]}", bold=True)
    parts = [f"{head}  {differing} in {many(values, 'value')}, {len(found.diff.unchanged)} equal"]
    for item, drifts in zip(found.diff.targets, found.drifts, strict=True):
        lines = [click.style(item.target.namespace, bold=True) + _oldest(drifts)]
        lines += [click.style(f"  ! {f.code} {f.message}", fg="red") for f in (*item.before.errors, *item.after.errors)]
        width = max((len(change.key) for change in item.changes if len(change.key) <= 40), default=0)
        for change, drift in zip(item.changes, drifts, strict=True):
            why = ", ".join(filter(None, (_since(drift), _where(item, change))))
            lines += change_lines(change, why, width, None if full else 20)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _where(item: TargetDiff, change: Change) -> str:
    node = item.origin(change) or item.was(change)
    if node is None:
        return ""
    place = position_of(node)
    return f"{place.path}:{place.line}"


def _since(drift: Drift | None) -> str:
    if drift is None:
        return ""
    return (
        f"{drift.ahead} ahead by {many(drift.days, 'day')}" if drift.ahead else f"apart for {many(drift.days, 'day')}"
    )


def _oldest(drifts: list[Drift | None]) -> str:
    known = [drift.since for drift in drifts if drift is not None]
    return f"  apart since {min(known).isoformat()}" if known else ""
