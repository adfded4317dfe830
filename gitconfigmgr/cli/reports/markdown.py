"""A comment on a pull request: the summary first, findings folded by file, never longer than a comment may be.

Text from files under review stands in code spans only: there it can be no link, picture, mention or HTML.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.model.diagnostics import Diagnostic

COMMENT_LIMIT = 65_000  # GitHub takes 65,536 characters
_LONGEST = 300


def write(report: Report) -> str:
    """The report, fit for a comment."""
    return page(report, COMMENT_LIMIT)


def page(report: Report, limit: int) -> str:
    """The report in at most so many characters; what does not fit is counted."""
    checked = report.checked
    head = ["### gitconfigmgr check", "", summary(checked), ""]
    head += [f"* {code(note)}" for note in checked.notes]
    failing = [item for item in checked.diagnostics if item.waived is None]
    waived = [item for item in checked.diagnostics if item.waived is not None]
    parts = [*by_file(report, failing)]
    if waived:
        parts.append(fold(f"{many(len(waived), 'finding')} waived", [finding_line(report, item) for item in waived]))
    if report.everything and checked.known:
        parts.append(fold(f"{len(checked.known)} known before", [finding_line(report, item) for item in checked.known]))
    return fitted(head, parts, limit)


def summary(checked: Checked) -> str:
    """One sentence: what counts."""
    from gitconfigmgr.cli.render import summary_words

    return summary_words(checked)


def fitted(head: Sequence[str], parts: Iterable[str], limit: int) -> str:
    """Head and parts, a blank line between each; the parts that do not fit are counted."""
    lines = "\n".join(head).rstrip("\n")
    left = limit - len(lines) - 200
    kept, dropped = [], 0
    for part in parts:
        if dropped or len(part) + 2 > left:
            dropped += 1
            continue
        kept.append(part)
        left -= len(part) + 2
    if dropped:
        kept.append(f"{many(dropped, 'more section')} would not fit here: the full report has all.")
    return "\n\n".join([lines, *kept])


def fold(title: str, lines: Sequence[str]) -> str:
    """Lines that open on a click; the title is our own text."""
    return "\n".join([f"<details><summary>{title}</summary>", "", *lines, "", "</details>"])


def code(text: str, longest: int = _LONGEST) -> str:
    """Any text as a code span on one line."""
    line = "".join(c if c.isprintable() else " " for c in text).strip() or " "
    line = line if len(line) <= longest else f"{line[: longest - 3]}..."
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def by_file(report: Report, findings: list[Diagnostic]) -> Iterable[str]:
    """A folded part for each file, those with errors first; a long one is cut into several."""
    files = [(path, list(items)) for path, items in groupby(findings, key=report.path_of)]
    files.sort(key=lambda pair: not any(item.fails for item in pair[1]))
    for path, items in files:
        for start in range(0, len(items), 50):
            chunk = items[start : start + 50]
            more = f", {start + 1} to {start + len(chunk)}" if len(items) > 50 else ""
            yield "\n".join(
                [
                    f"{code(path)}: {many(len(items), 'finding')}{more}",
                    "",
                    fold("show", [finding_line(report, item) for item in chunk]),
                ]
            )


def finding_line(report: Report, item: Diagnostic) -> str:
    """A finding as an item of a list."""
    place = f":{item.position.line}" if item.position else ""
    parts = [f"* **{item.severity} {item.code}** {code(report.path_of(item) + place)} {code(item.message)}"]
    if item.affects:
        shown = ", ".join(f"{namespace} in {name}" for namespace, name in item.affects[:3])
        more = f" and {len(item.affects) - 3} more" if len(item.affects) > 3 else ""
        parts.append(f"  affects {code(shown)}{more}")
    if item.waived is not None:
        from gitconfigmgr.cli.render import waiver_text

        parts.append(f"  {code(waiver_text(item.waived))}")
    elif item.help:
        parts.append(f"  help: {code(item.help)}")
    return "\n".join(parts)
