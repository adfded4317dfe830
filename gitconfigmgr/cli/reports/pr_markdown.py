"""`pr-report` as a comment on a pull request: what reviewers ask first, the rest folded, never too long for a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.app.diff import reason
from gitconfigmgr.cli.history.diff_text import SIGNS, VERBS, grouped, named
from gitconfigmgr.cli.history.values import short
from gitconfigmgr.cli.reports.markdown import COMMENT_LIMIT, by_file, code, finding_line, fitted, fold, summary
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitconfigmgr.app.diff import TargetDiff
    from gitconfigmgr.app.pr_lines import EditedLine
    from gitconfigmgr.app.pr_report import ChangeReport
    from gitconfigmgr.cli.history.diff_text import Group
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.history.changes import Change
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.names import Target

MARKER = "<!-- gitconfigmgr pr-report -->"  # by it a workflow finds the comment again
_MOST = 40  # lines of one folded part


def write(found: ChangeReport, report: Report, limit: int = COMMENT_LIMIT) -> str:
    """The page, in at most so many characters."""
    failing = [item for item in found.checked.diagnostics if item.waived is None and not of_rules(item)]
    waived = [item for item in found.checked.diagnostics if item.waived is not None]
    rules = [item for item in found.checked.diagnostics if of_rules(item)]
    head = [MARKER, "### Effective configuration", "", headline(found), "", *_table(found, failing, rules)]
    head += [f"* {code(note)}" for note in found.checked.notes]
    parts = [*by_file(report, failing)]
    if rules:
        parts.append(fold(f"Rules: {many(len(rules), 'change')}", [finding_line(report, item) for item in rules]))
    parts += _models(found)
    groups = grouped(found.diff)
    parts += [_group(found, group) for group in sorted(groups, key=lambda group: not _guarded(found, group))]
    parts += _lines(found)
    if found.diff.silent:
        listed = [f"* {code(path)}" for path in found.diff.silent[:_MOST]]
        parts.append(fold(f"{many(len(found.diff.silent), 'file')} changed without effect", listed))
    if waived:
        parts.append(fold(f"{many(len(waived), 'finding')} waived", [finding_line(report, item) for item in waived]))
    return fitted(head, parts, limit)


def of_rules(item: Diagnostic) -> bool:
    """Whether a finding is about what the change does to rules."""
    return "GCM630" <= item.code <= "GCM639"


def headline(found: ChangeReport) -> str:
    """One sentence: how much changes, and how much of it is protected."""
    targets = found.diff.targets
    guarded = sum(1 for item in targets if item.target.environment in found.protected)
    if not targets:
        return f"No effective value changes ({many(len(found.diff.files), 'file')} changed)."
    kinds = [f"{sum(1 for item in targets if item.change_type == kind)} {word}" for kind, word in VERBS.items()]
    shown = ", ".join(kind for kind in kinds if not kind.startswith("0 "))
    return f"{many(len(targets), 'target')}: {shown}; {guarded} in protected environments."


def secrets_line(found: ChangeReport) -> str:
    """`1 rotated, 2 encrypted again`; empty where no secret has changed."""
    words = list(found.secrets.values())
    counts = {word: words.count(word) for word in ("rotated", "encrypted again", "unknown")}
    said = {"unknown": "with a new ciphertext (no key here tells rotated from encrypted again)"}
    return ", ".join(f"{number} {said.get(word, word)}" for word, number in counts.items() if number)


def dollars(value: float | None) -> str:
    """A price with three digits that count."""
    return "none" if value is None else f"{value:.3g} USD"


def _table(found: ChangeReport, failing: list[Diagnostic], rules: list[Diagnostic]) -> Iterator[str]:
    errors = sum(1 for item in failing if item.severity == "error")
    yield from ("| | |", "|---|---|")
    yield f"| findings | {summary(found.checked)} |"
    if errors:
        yield f"| **to mend** | **{many(errors, 'error')}** |"
    if rules:
        yield f"| rules | {many(len(rules), 'change')}: judged by the rules of the base, and by its own |"
    for change in found.models.costs[:5]:
        shown = f"{dollars(change.before)} to {dollars(change.after)}"
        if change.before and change.after is not None:
            shown += f" ({round((change.after / change.before - 1) * 100):+d} %)"
        yield f"| worst cost of a request | {_cell(f'{change.prompt} of {change.target}')}: {shown} |"
    for place in found.models.places[:5]:
        where = f"{_cell(place.before or 'none')} to {_cell(place.after or 'none')}"
        yield f"| served in | {_cell(f'{place.endpoint} of {place.target}')}: {where} |"
    if found.secrets:
        yield f"| secrets | {secrets_line(found)} |"
    yield ""


def _models(found: ChangeReport) -> list[str]:
    """All changes of costs and places, where the table has not shown them."""
    parts = []
    if len(found.models.costs) > 5:
        lines = [
            f"* {code(f'{c.prompt} of {c.target}')}: {dollars(c.before)} to {dollars(c.after)}"
            for c in found.models.costs
        ]
        parts.append(fold(f"Cost of requests: {many(len(lines), 'change')}", lines[:_MOST]))
    if len(found.models.places) > 5:
        lines = [
            f"* {code(f'{p.endpoint} of {p.target}')}: {code(p.before or 'none')} to {code(p.after or 'none')}"
            for p in found.models.places
        ]
        parts.append(fold(f"Where requests are served: {many(len(lines), 'change')}", lines[:_MOST]))
    return parts


def _guarded(found: ChangeReport, group: Group) -> bool:
    return any(target.environment in found.protected for target in group.targets)


def _group(found: ChangeReport, group: Group) -> str:
    item = group.sample
    lines = [f"* {code(f'{f.code} {f.message}')}" for state in (item.before, item.after) for f in state.errors]
    lines += [_change(found, item, change) for change in item.changes[:_MOST]]
    if len(item.changes) > _MOST:
        lines.append(f"* and {len(item.changes) - _MOST} more")
    guarded = ", protected" if _guarded(found, group) else ""
    title = f"{code(named(group.targets))}: {VERBS[item.change_type]}{guarded}"
    return "\n".join([title, "", fold(many(len(item.changes), "change"), lines)])


def _change(found: ChangeReport, item: TargetDiff, change: Change) -> str:
    sign = {"+": "added", "-": "removed", "~": "changed", "^": "moved"}[SIGNS[change.op]]
    return f"* {sign} {code(change.key)} {' to '.join(code(part) for part in values(found, item.target, change))}{_why(item, change)}"


def values(found: ChangeReport, target: Target, change: Change) -> list[str]:
    """The values of a change, old and new, short; of a secret, what is known of it."""
    if change.secret:
        word = found.secrets.get((target, change.path), "unknown")
        return [f"<secret> {'with a new ciphertext' if word == 'unknown' else word}"]
    if change.op == "move":
        return [f"order now {', '.join(map(str, change.to_value))}"]
    old = [] if change.op == "add" else [short(change.from_value)]
    return old + ([] if change.op == "remove" else [short(change.to_value)])


def _why(item: TargetDiff, change: Change) -> str:
    why = reason(item, change)
    return f" {code(why)}" if why else ""


def _lines(found: ChangeReport) -> list[str]:
    """How far each edited line reaches."""
    if not found.lines:
        return []
    lines = [_line(found, item) for item in found.lines[: _MOST * 2]]
    more = len(found.lines) - len(lines) + found.more_lines
    if more:
        lines.append(f"* and {many(more, 'more line')}")
    return [fold(f"How far each edited line reaches: {many(len(found.lines) + found.more_lines, 'line')}", lines)]


def _line(found: ChangeReport, item: EditedLine) -> str:
    place = code(f"{item.position.path}:{item.position.line}")
    return f"* {place} {code(item.key)}: {reach_words(item, found.protected)}{shield_words(item, code)}"


def reach_words(item: EditedLine, protected: frozenset[str]) -> str:
    """`decides in 14 targets of 14 namespaces, 5 of them protected`."""
    if not item.reaches:
        return "decides nowhere"
    guarded = sum(1 for target in item.reaches if target.environment in protected)
    spaces = len({target.namespace for target in item.reaches})
    return f"decides in {many(len(item.reaches), 'target')} of {many(spaces, 'namespace')}, {guarded} of them protected"


def shield_words(item: EditedLine, shown: object = str) -> str:
    """`; 2 targets have it from configs/acme/chat/production.yaml:3`."""
    assert callable(shown)
    parts = [
        f"{many(len(targets), 'target')} from {shown(f'{position.path}:{position.line}')}"
        for position, targets in list(item.shielded.items())[:3]
    ]
    more = f" and {len(item.shielded) - 3} more places" if len(item.shielded) > 3 else ""
    return f"; overridden in {', '.join(parts)}{more}" if parts else ""


def _cell(text: str) -> str:
    """A code span in a table, where `|` would end the cell."""
    return code(text).replace("|", "\\|")


def page_of(parts: Iterable[str]) -> str:
    """Parts with a blank line between them."""
    return "\n\n".join(part for part in parts if part)
