"""Tests that ran, as people and programs read them: `policy test` and `test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import click

from gitconfigmgr.cli import options
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.model.diagnostics import Diagnostic, Position
    from gitconfigmgr.model.tests import Case, Tested

FORMATS = ("text", "json", "junit")


def show(tested: Tested, format_: str, read: Callable[[str], bytes | None]) -> None:
    """Print the outcome and end the command: 1 where a test failed."""
    if format_ == "json":
        options.print_json(as_json(tested))
    elif format_ == "junit":
        click.echo(as_junit(tested))
    else:
        click.echo(as_text(tested, read))
    options.finish(1 if any(item.fails for item in tested.failures) else 0)


def as_text(tested: Tested, read: Callable[[str], bytes | None]) -> str:
    """The failures with their source, a line for each suite, what is not covered, and a summary."""
    from gitconfigmgr.cli.render import TextReport

    report = TextReport(read)
    blocks = [report.show(item) for item in tested.failures]
    lines = []
    suites: dict[str, list[Case]] = {}
    for case in tested.cases:
        suites.setdefault(case.suite, []).append(case)
    for name, cases in suites.items():
        failed = sum(1 for case in cases if case.failures)
        word = click.style("failed", fg="red", bold=True) if failed else click.style("ok", fg="green", bold=True)
        lines.append(
            f"{word}{' ' * (3 if failed else 7)}{name}: "
            + (f"{failed} of " if failed else "")
            + many(len(cases), "test")
        )
    for cover in tested.coverage:
        if cover.untouched:
            lines.append(f"\nno test touches {len(cover.untouched)} of {many(cover.total, cover.what)}:")
            lines += [f"  {_place(place)}  {name}" for name, place in cover.untouched]
    failed = sum(1 for case in tested.cases if case.failures)
    covered = [f"{c.total - len(c.untouched)} of {many(c.total, c.what)} touched" for c in tested.coverage if c.total]
    summary = "; ".join([f"{many(len(tested.cases), 'test')}, {failed} failed", *covered])
    return "\n\n".join([*blocks, "\n".join([*lines, "", summary] if lines else [summary])])


def as_json(tested: Tested) -> dict[str, Any]:
    """The outcome for programs (docs/formats.md)."""
    from gitconfigmgr.cli.render import records

    return {
        "tests": [
            {"suite": case.suite, "name": case.name, **_json_place(case.position), "passed": not case.failures,
             "failures": records(case.failures)}
            for case in tested.cases
        ],
        "diagnostics": records(tested.findings),
        "coverage": [
            {"what": cover.what, "total": cover.total, "untouched": [
                {"name": name, **_json_place(place)} for name, place in cover.untouched
            ]}
            for cover in tested.coverage
        ],
        "summary": {"tests": len(tested.cases), "failed": sum(1 for case in tested.cases if case.failures)},
    }  # fmt: skip


def as_junit(tested: Tested) -> str:
    """JUnit XML: a suite for each file or policy; what is wrong with a file is a failure of its own."""
    suites: dict[str, list[str]] = {}
    failures = 0
    for item in tested.findings:
        name = item.position.path if item.position else "files"
        suites.setdefault(name, []).append(_case(name, item.code, item.position, [item]))
        failures += 1
    for case in tested.cases:
        suites.setdefault(case.suite, []).append(_case(case.suite, case.name, case.position, case.failures))
        failures += bool(case.failures)
    total = sum(map(len, suites.values()))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="gitconfigmgr" tests="{total}" failures="{failures}">',
    ]
    for name, cases in suites.items():
        lines += [f'  <testsuite name={_attribute(name)} tests="{len(cases)}">', *cases, "  </testsuite>"]
    return "\n".join([*lines, "</testsuites>"])


def _case(suite: str, name: str, position: Position | None, failures: list[Diagnostic]) -> str:
    place = f' file={_attribute(position.path)} line="{position.line}"' if position else ""
    head = f"    <testcase classname={_attribute(suite)} name={_attribute(name)}{place}"
    if not failures:
        return f"{head}/>"
    inner = "".join(
        f"<failure type={_attribute(item.code)} message={_attribute(item.message)}>{escape(_xml(_in_full(item)))}</failure>"
        for item in failures
    )
    return f"{head}>{inner}</testcase>"


def _in_full(item: Diagnostic) -> str:
    where = f"{_place(item.position)}: " if item.position else ""
    targets = "; ".join(f"{namespace} in {environment}" for namespace, environment in item.affects)
    related = "".join(f"\n{other.message} {_place(other.position)}" for other in item.related)
    return f"{where}{item.message}" + (f" ({targets})" if targets else "") + related


def _attribute(text: str) -> str:
    return quoteattr(_xml(text), {"\n": "&#10;"})


def _xml(text: str) -> str:
    from gitconfigmgr.cli.reports.junit import xml_text as safe

    return safe(text)


def _place(position: Position) -> str:
    return f"{position.path}:{position.line}:{position.column}"


def _json_place(position: Position) -> dict[str, Any]:
    return {"path": position.path, "line": position.line, "column": position.column}
