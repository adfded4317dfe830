"""Annotations by GitHub's workflow commands, the worst first, and a summary of the job.

GitHub shows ten annotations of a step and drops the others in silence, so no more are written, and the rest is counted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.cli.reports import markdown
from gitconfigmgr.cli.reports.report import changed, sentence

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.model.diagnostics import Diagnostic

MOST_ANNOTATIONS = 10
SUMMARY_LIMIT = 900_000  # GitHub takes 1 MiB of a step


def write(report: Report) -> str:
    """The commands, and a line that sums up."""
    is_changed = changed(report)
    findings = sorted(
        (item for item in report.checked.diagnostics if item.waived is None),
        key=lambda item: (item.severity != "error", not is_changed(item)),
    )
    lines = [_command(report, item) for item in findings[:MOST_ANNOTATIONS]]
    hidden = len(findings) - len(lines)
    if hidden:
        lines.append(
            f"{hidden} more are not annotated: GitHub shows {MOST_ANNOTATIONS} for each step; see the job summary"
        )
    _summarize(report)
    return "\n".join([*lines, *report.checked.notes, markdown.summary(report.checked)])


def _command(report: Report, item: Diagnostic) -> str:
    position = item.position
    fields = {"file": report.path_of(item), "line": str(max(1, position.line) if position else 1)}
    if position is not None:
        fields["col"] = str(max(1, position.column))
        if position.end_line == position.line and position.end_column > position.column:
            fields |= {"endLine": str(position.end_line), "endColumn": str(position.end_column)}
    fields["title"] = item.code
    said = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    return f"::{item.severity} {said}::{_data(sentence(item))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _summarize(report: Report) -> None:
    """Append the report to the summary of the job, where there is one."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(markdown.page(report, SUMMARY_LIMIT) + "\n")
