"""For programs: docs/formats.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.cli.render import as_json

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report


def write(report: Report) -> str:
    """Indented JSON."""
    import orjson

    data = as_json(report.checked, everything=report.everything)
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode()
