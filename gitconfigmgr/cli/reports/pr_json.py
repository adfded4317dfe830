"""`pr-report` for programs: docs/formats.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.diff import as_json as diff_as_json
from gitconfigmgr.cli.render import as_json
from gitconfigmgr.cli.reports.pr_markdown import of_rules
from gitconfigmgr.history.patch import pointer

if TYPE_CHECKING:
    from gitconfigmgr.app.pr_report import ChangeReport
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.model.names import Target


def write(found: ChangeReport, report: Report) -> str:
    """Indented JSON."""
    import orjson

    base = found.checked.base
    assert base is not None
    data = {
        "check": as_json(found.checked, everything=report.everything),
        "rules": [item.message for item in found.checked.diagnostics if of_rules(item)],
        "diff": diff_as_json(found.diff, (base.begin, base.head)),
        "costs": [
            {**_target(c.target), "prompt": c.prompt, "from_usd": c.before, "to_usd": c.after}
            for c in found.models.costs
        ],
        "places": [
            {**_target(p.target), "endpoint": p.endpoint, "from": p.before, "to": p.after} for p in found.models.places
        ],
        "secrets": [
            {**_target(target), "path": pointer(path), "change": word} for (target, path), word in found.secrets.items()
        ],
        "lines": [
            {
                "path": item.position.path,
                "line": item.position.line,
                "key": item.key,
                "reaches": [_target(target) for target in item.reaches],
                "overridden": [
                    {
                        "path": place.path,
                        "line": place.line,
                        "column": place.column,
                        "targets": list(map(_target, targets)),
                    }
                    for place, targets in item.shielded.items()
                ],
            }
            for item in found.lines
        ],
        "more_lines": found.more_lines,
    }
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode()


def _target(target: Target) -> dict[str, Any]:
    return {"namespace": target.namespace, "environment": target.environment}
