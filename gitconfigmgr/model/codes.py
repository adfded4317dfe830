"""The one table of diagnostic codes: `explain CODE`, docs/diagnostics.md and every report read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.codetables import hygiene, merge, policy, references, release, schema, secrets, source

if TYPE_CHECKING:
    from gitconfigmgr.model.codetables.code import Code

_TABLES = (source, merge, references, schema, hygiene, policy, secrets, release)

CODES: dict[str, Code] = {code.code: code for table in _TABLES for code in table.TABLE}


def as_markdown() -> str:
    """The diagnostics page."""
    lines = [
        "# Diagnostics",
        "",
        "Generated from `gitconfigmgr/model/codetables`; `gitconfigmgr explain CODE` prints the same.",
        "1xx source, 2xx merge, 3xx references and templates, 4xx schema, 5xx hygiene, 6xx policy, 7xx secrets, 8xx release.",
        "",
    ]
    for code in CODES.values():
        lines += [f"## {code.code}: {code.title}", "", f"*{code.severity}*. {code.why}", "", code.remedy, ""]
    return "\n".join(lines)
