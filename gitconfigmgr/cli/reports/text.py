"""For people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.cli.render import as_text

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report


def write(report: Report) -> str:
    """Findings with their lines, and a summary."""
    return as_text(report.checked, report.read, everything=report.everything)
