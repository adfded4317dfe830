"""JUnit XML: a case for each finding. Errors fail; what is waived or was known is skipped; warnings pass, with output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from gitconfigmgr.cli.reports.report import sentence

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.model.diagnostics import Diagnostic

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> str:
    """One suite; where there is nothing to report, one case that says so."""
    checked = report.checked
    cases = [_case(report, item, known=False) for item in checked.diagnostics]
    cases += [_case(report, item, known=True) for item in checked.known]
    failed = sum(1 for item in checked.diagnostics if item.fails)
    skipped = sum(1 for item in checked.diagnostics if item.waived is not None) + len(checked.known)
    if not cases:
        cases = [f'    <testcase classname="gitconfigmgr" name="check: {checked.targets} targets, no findings"/>']
    totals = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="{skipped}"'
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="gitconfigmgr" {totals}>',
        f'  <testsuite name="gitconfigmgr check" {totals}>',
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ])  # fmt: skip


def _case(report: Report, item: Diagnostic, *, known: bool) -> str:
    path = report.path_of(item)
    line = item.position.line if item.position else 1
    name = f"{item.code} {item.key or ''}".rstrip() + f" line {line}"
    text = sentence(item)
    where = f"{path}:{line}:{item.position.column if item.position else 1}"
    if item.waived is not None or known:
        inner = f"<skipped message={_attribute(f'known before: {text}' if known else text)}/>"
    elif item.severity == "error":
        inner = f"<failure type={_attribute(item.code)} message={_attribute(item.message)}>{_text(f'{where}: {text}')}</failure>"
    else:
        inner = f"<system-out>{_text(f'warning: {where}: {text}')}</system-out>"
    return f'    <testcase classname={_attribute(path)} name={_attribute(name)} file={_attribute(path)} line="{line}">{inner}</testcase>'


def _attribute(text: str) -> str:
    return quoteattr(xml_text(text), {"\n": "&#10;"})


def _text(text: str) -> str:
    return escape(xml_text(text))


def xml_text(text: str) -> str:
    """Characters that XML 1.0 cannot hold, as escapes."""
    return _NOT_XML.sub(lambda match: repr(match[0])[1:-1], text)
