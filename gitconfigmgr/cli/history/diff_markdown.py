"""A diff as Markdown: a table that sums up, and the changes folded below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.app.diff import reason
from gitconfigmgr.cli.history.diff_text import SIGNS, VERBS, grouped, named
from gitconfigmgr.cli.history.values import block, is_block, is_text, one_line, safe, text_lines
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from gitconfigmgr.app.diff import Diff
    from gitconfigmgr.cli.history.diff_text import Group
    from gitconfigmgr.history.changes import Change


def as_markdown(found: Diff, names: tuple[str, str]) -> str:
    """The page."""
    if not found.targets:
        lines = [f"**{_inline(names[0])} to {_inline(names[1])}**: no effective change"]
    else:
        lines = [
            f"**{_inline(names[0])} to {_inline(names[1])}**: {many(len(found.targets), 'target')} with effective changes",
            "",
            "| targets | change | added | changed | removed |",
            "|---|---|--:|--:|--:|",
        ]
        groups = grouped(found)
        lines += [_row(group) for group in groups]
        for group in groups:
            lines += [
                "",
                f"<details><summary>{_inline(named(group.targets))}</summary>",
                "",
                *_fenced(group),
                "",
                "</details>",
            ]
    if found.silent:
        lines += [
            "",
            "Changed without effect on any target: " + ", ".join(f"`{_inline(path)}`" for path in found.silent),
        ]
    return "\n".join(lines) + "\n"


def _row(group: Group) -> str:
    signs = [SIGNS[change.op] for change in group.sample.changes]
    counts = signs.count("+"), signs.count("~") + signs.count("^"), signs.count("-")
    return f"| {_inline(named(group.targets))} | {VERBS[group.sample.change_type]} | {' | '.join(map(str, counts))} |"


def _fenced(group: Group) -> list[str]:
    lines = []
    for state in (group.sample.before, group.sample.after):
        lines += [f"! {finding.code} {safe(finding.message)}" for finding in state.errors]
    for change in group.sample.changes:
        lines += _change(change, reason(group.sample, change))
    longest = max((len(line) - len(line.lstrip("`")) for line in lines), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}diff", *lines, fence]


def _change(change: Change, why: str) -> list[str]:
    key = safe(change.key)
    lines = [f"@@ {key} @@ {safe(why)}".rstrip()]
    if change.op == "move":
        return [*lines, f"! order now {safe(', '.join(map(str, change.to_value)))}"]
    if change.secret:
        return [*lines, f"! {key}: <secret> with a new ciphertext"]
    if is_text(change):
        return lines + text_lines(change, None)
    if change.op != "add":
        lines += _side("-", key, change.from_value)
    if change.op != "remove":
        lines += _side("+", key, change.to_value)
    return lines


def _side(sign: str, key: str, value: object) -> list[str]:
    if is_block(value):
        return [f"{sign} {key}:", *(f"{sign}   {line}" for line in block(value, None))]
    return [f"{sign} {key}: {one_line(value)}"]


def _inline(text: str) -> str:
    """Text outside code: names from a repository cannot become markup."""
    shown = safe(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|~#!" else c for c in shown)
