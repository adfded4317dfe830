"""A diff for a terminal, and its statistics. Targets that change alike stand together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import click

from gitconfigmgr.app.diff import reason
from gitconfigmgr.cli.history.values import block, is_block, is_text, pair, safe, short, text_lines
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.app.diff import Diff, TargetDiff
    from gitconfigmgr.history.changes import Change
    from gitconfigmgr.model.names import Target

SIGNS = {"add": "+", "remove": "-", "replace": "~", "move": "^"}
COLORS = {"+": "green", "-": "red", "~": "yellow", "^": "cyan"}
VERBS = {"create": "created", "update": "updated", "delete": "deleted", "broken": "broken"}


class Group(NamedTuple):
    """Targets with the same changes for the same reasons, and one of them."""

    targets: list[Target]
    sample: TargetDiff


def by_changes(found: Diff) -> list[Group]:
    """The changes of a diff, those of the same targets together: a group has some of the changes of each target."""
    holders: dict[object, list[Target]] = {}
    for item in found.targets:
        for change in item.changes:
            holders.setdefault(_alike(item, change), []).append(item.target)
    groups: dict[object, Group] = {}
    for item in found.targets:
        if item.change_type != "update":
            continue
        for change in item.changes:
            targets = holders[_alike(item, change)]
            if targets[0] == item.target:
                group = groups.setdefault(tuple(targets), Group(targets, replace(item, changes=[])))
                group.sample.changes.append(change)
    others = [group for group in grouped(found) if group.sample.change_type != "update"]
    order = {item.target: number for number, item in enumerate(found.targets)}
    return sorted([*groups.values(), *others], key=lambda group: order[group.targets[0]])


def _alike(item: TargetDiff, change: Change) -> object:
    """Equal for what is told of several targets at once."""
    kind = item.change_type if item.change_type != "update" else ""
    return kind, change.op, change.key, repr(change.from_value), repr(change.to_value), reason(item, change)


def grouped(found: Diff) -> list[Group]:
    """The targets of a diff, those that change alike together."""
    groups: dict[object, Group] = {}
    for item in found.targets:
        lines = tuple(_alike(item, change) for change in item.changes)
        errors = tuple(f.cause for side in (item.before, item.after) for f in side.errors)
        key = (item.change_type, lines, errors)
        groups.setdefault(key, Group([], item)).targets.append(item.target)
    return list(groups.values())


def as_text(found: Diff, names: tuple[str, str], *, full: bool = False) -> str:
    """The whole diff."""
    parts = [headline(found, names)]
    parts += ["\n".join(_group(group, None if full else 20)) for group in by_changes(found)]
    if found.silent:
        parts.append(
            "\n".join(["changed without effect on any target:", *(f"  {safe(path)}" for path in found.silent)])
        )
    return "\n\n".join(parts)


def headline(found: Diff, names: tuple[str, str]) -> str:
    """One line that sums up."""
    counts = {word: sum(1 for item in found.targets if item.change_type == kind) for kind, word in VERBS.items()}
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    files = f"; {many(len(found.files), 'file')} changed" if found.files else ""
    same = f", {many(len(found.unchanged), 'target')} looked at and equal" if found.unchanged else ""
    text = f"{many(len(found.targets), 'target')}: {said}" if said else "no effective change"
    return click.style(f"{names[0]} -> {names[1]}", bold=True) + f"  {text}{same}{files}"


def named(targets: Iterable[Target]) -> str:
    """Targets by namespace: `acme/chat in staging, production`."""
    by_namespace: dict[str, list[str]] = {}
    for namespace, environment in targets:
        by_namespace.setdefault(namespace, []).append(environment)
    by_environments: dict[tuple[str, ...], list[str]] = {}
    for namespace, environments in by_namespace.items():
        by_environments.setdefault(tuple(environments), []).append(namespace)
    shown = []
    for names, namespaces in by_environments.items():
        more = f" and {len(namespaces) - 3} more" if len(namespaces) > 3 else ""
        shown.append(f"{', '.join(namespaces[:3])}{more} in {', '.join(names)}")
    return "; ".join(shown)


def _group(group: Group, most: int | None) -> list[str]:
    item = group.sample
    kind = "" if item.change_type == "update" else f"  {VERBS[item.change_type]}"
    count = f" ({len(group.targets)} targets)" if len(group.targets) > 3 else ""
    lines = [click.style(named(group.targets), bold=True) + count + kind]
    for side, state in (("before", item.before), ("now", item.after)):
        for finding in state.errors:
            place = f"  {finding.position.path}:{finding.position.line}" if finding.position else ""
            lines.append(
                click.style(f"  ! {side}: {finding.code} {safe(finding.message)}", fg="red")
                + click.style(place, dim=True)
            )
    width = max((len(change.key) for change in item.changes if len(change.key) <= 40), default=0)
    for change in item.changes:
        lines += change_lines(change, reason(item, change), width, most)
    return lines


def change_lines(change: Change, why: str, width: int, most: int | None) -> list[str]:
    """One change: sign, key, values, and in grey why."""
    sign = SIGNS[change.op]
    color = COLORS[sign]
    head = f"  {click.style(sign, fg=color, bold=True)} {safe(change.key):<{width}}"
    note = click.style(f"  {safe(why)}", dim=True) if why else ""
    if is_text(change):
        lines = [f"{head}{note}".rstrip()]
        return lines + [f"      {_colored(line)}" for line in text_lines(change, most)]
    values = [(side, value) for side, value in _sides(change) if is_block(value)]
    if values:
        lines = [f"{head}{note}".rstrip()]
        for side, value in values:
            lines += [f"      {click.style(f'{side} {line}', fg=COLORS[side])}" for line in block(value, most)]
        if len(values) == 1 and change.op == "replace":
            other = change.from_value if values[0][0] == "+" else change.to_value
            mark = "-" if values[0][0] == "+" else "+"
            lines.append(f"      {click.style(f'{mark} {short(other)}', fg=COLORS[mark])}")
        return lines
    return [f"{head}  {_values(change)}{note}"]


def _values(change: Change) -> str:
    if change.op == "move":
        return f"order now {safe(', '.join(map(str, change.to_value)))}"
    if change.secret:
        return "<secret> with a new ciphertext"
    if change.op == "replace":
        old, new = pair(change.from_value, change.to_value)
        return f"{click.style(old, fg='red')} -> {click.style(new, fg='green')}"
    if change.op == "add":
        return click.style(short(change.to_value), fg="green")
    return click.style(short(change.from_value), fg="red")


def _sides(change: Change) -> list[tuple[str, object]]:
    if change.op == "move":
        return []
    sides: list[tuple[str, object]] = []
    if change.op != "add":
        sides.append(("-", change.from_value))
    if change.op != "remove":
        sides.append(("+", change.to_value))
    return sides


def _colored(line: str) -> str:
    return click.style(line, fg=COLORS[line[0]]) if line[:1] in {"+", "-"} else click.style(line, dim=True)


def as_stat(found: Diff, names: tuple[str, str]) -> str:
    """One line for each target, with how many values were added, changed and removed."""
    rows = [(str(item.target), item) for item in found.targets]
    width = max((len(name) for name, _ in rows), default=0)
    lines = []
    for name, item in rows:
        if item.change_type == "broken":
            lines.append(f" {name:<{width}} | {'does not compile' if item.after.broken else 'compiles again'}")
            continue
        counts = {sign: sum(1 for c in item.changes if SIGNS[c.op] == sign) for sign in COLORS}
        total = sum(counts.values())
        scale = min(1.0, 30 / total)
        bar = "".join(click.style(sign * max(1, round(n * scale)), fg=COLORS[sign]) for sign, n in counts.items() if n)
        kind = "" if item.change_type == "update" else f" {VERBS[item.change_type]}"
        lines.append(f" {name:<{width}} | {total:>3} {bar}{kind}")
    return "\n".join([*lines, headline(found, names)])
