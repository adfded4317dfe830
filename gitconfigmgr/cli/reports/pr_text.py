"""`pr-report` for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.history import diff_text
from gitconfigmgr.cli.history.values import safe
from gitconfigmgr.cli.render import TextReport, summary_line
from gitconfigmgr.cli.reports.pr_markdown import dollars, headline, page_of, reach_words, secrets_line, shield_words

if TYPE_CHECKING:
    from gitconfigmgr.app.pr_report import ChangeReport
    from gitconfigmgr.cli.reports.report import Report

_MOST_LINES = 60


def write(found: ChangeReport, report: Report) -> str:
    """Findings, effective values, costs and places, and how far edited lines reach."""
    text = TextReport(report.read)
    base = found.checked.base
    assert base is not None
    findings = "\n\n".join(text.show(item) for item in found.checked.diagnostics)
    changes = diff_text.as_text(found.diff, (base.name, "the change")) if found.diff.files or found.diff.targets else ""
    notes = "\n".join(f"note: {note}" for note in found.checked.notes)
    return page_of(
        [findings, changes, _models(found), _lines(found), notes, f"{headline(found)}\n{summary_line(found.checked)}"]
    )


def _models(found: ChangeReport) -> str:
    lines = [
        f"{safe(c.prompt)} of {c.target}: a request costs at most {dollars(c.after)}, {dollars(c.before)} before"
        for c in found.models.costs
    ]
    lines += [
        f"{safe(p.endpoint)} of {p.target}: served in {safe(p.after or 'none')}, {safe(p.before or 'none')} before"
        for p in found.models.places
    ]
    if found.secrets:
        lines.append(f"secrets: {secrets_line(found)}")
    return "\n".join(lines)


def _lines(found: ChangeReport) -> str:
    if not found.lines:
        return ""
    lines = [click.style("how far each edited line reaches:", bold=True)]
    for item in found.lines[:_MOST_LINES]:
        place = f"{safe(item.position.path)}:{item.position.line}"
        lines.append(f"  {place} {safe(item.key)}: {reach_words(item, found.protected)}{shield_words(item, safe)}")
    more = len(found.lines) - _MOST_LINES + found.more_lines
    return "\n".join([*lines, f"  and {more} more"] if more > 0 else lines)
