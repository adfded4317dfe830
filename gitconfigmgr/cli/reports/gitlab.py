"""GitLab Code Quality: GitLab compares this list with that of the target branch, so what was known is in it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.cli.reports.report import sentence
from gitconfigmgr.model.fingerprints import fingerprints

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report

_SEVERITY = {"error": "critical", "warning": "minor"}


def write(report: Report) -> str:
    """A JSON array of issues."""
    import orjson

    findings = [*report.checked.diagnostics, *report.checked.known]
    issues = [
        {
            "description": f"{item.code}: {sentence(item)}",
            "check_name": item.code,
            "fingerprint": print_,
            "severity": "info" if item.waived is not None else _SEVERITY[item.severity],
            "location": {
                "path": report.path_of(item),
                "lines": {"begin": max(1, item.position.line) if item.position else 1},
            },
        }
        for item, print_ in zip(findings, fingerprints(findings), strict=True)
    ]
    return orjson.dumps(issues, option=orjson.OPT_INDENT_2).decode()
