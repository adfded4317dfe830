"""SARIF 2.1.0, for code scanning: every finding is a result, the waived ones suppressed, the old ones `unchanged`.

A code is a rule. Fingerprints hold while lines move (model/fingerprints.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gitconfigmgr import __version__
from gitconfigmgr.cli.reports.report import sentence
from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.fingerprints import fingerprints

if TYPE_CHECKING:
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.model.diagnostics import Diagnostic, Position

MOST_RESULTS = 25_000  # GitHub refuses a run with more
MOST_PLACES = 100  # related places of one result
_ROOT = "%SRCROOT%"


def write(report: Report) -> str:
    """One run. Errors come first; of more than GitHub takes, the rest is counted in a notification."""
    import orjson

    checked = report.checked
    old = len(checked.diagnostics)
    findings = [*checked.diagnostics, *checked.known]
    prints = fingerprints(findings)
    order = sorted(
        range(len(findings)), key=lambda n: (n >= old, not findings[n].fails, findings[n].waived is not None)
    )
    kept = order[:MOST_RESULTS]
    codes = sorted({findings[n].code for n in kept})
    rules = {code: index for index, code in enumerate(codes)}
    results = []
    for n in kept:
        item = findings[n]
        result = _result(report, item, rules[item.code], prints[n])
        if checked.base is not None:
            result["baselineState"] = "unchanged" if n >= old else "new"
        results.append(result)
    run = {
        "tool": {"driver": {"name": "gitconfigmgr", "version": __version__, "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the Git repository"}}},
        "invocations": [_invocation(checked.notes, len(findings) - len(kept))],
        "results": results,
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return orjson.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, option=orjson.OPT_INDENT_2).decode()


def _rule(name: str) -> dict[str, Any]:
    code = CODES[name]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in code.title.split() if word.isalnum()) or name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": f"{code.why} {code.remedy}", "markdown": f"{code.why}\n\n{code.remedy}"},
        "defaultConfiguration": {"level": code.severity},
        "properties": {"tags": ["configuration"]},
    }


def _result(report: Report, item: Diagnostic, rule: int, print_: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity,
        "message": {"text": sentence(item)},
        "locations": [_location(report.path_of(item), item.position)],
        "partialFingerprints": {"gitconfigmgr/v1": print_},
    }
    if item.related:
        result["relatedLocations"] = [
            {
                **_location(report.prefix + related.position.path, related.position),
                "message": {"text": f"{related.message} ({related.note})" if related.note else related.message},
            }
            for related in item.related[:MOST_PLACES]
        ]
    if item.waived is not None:
        justification = f"{item.waived.owner}: {item.waived.reason}"
        result["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": justification,
                "location": _location(report.prefix + item.waived.position.path, item.waived.position),
                "properties": {"expires": item.waived.expires.isoformat(), "ticket": item.waived.ticket},
            }
        ]
    properties = {"key": item.key, "rule": item.rule, "controls": list(item.controls),
                  "affects": [f"{namespace}@{name}" for namespace, name in item.affects[:MOST_PLACES]]}  # fmt: skip
    result["properties"] = {name: value for name, value in properties.items() if value}
    return result


def _location(path: str, position: Position | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path, safe="/-._~"), "uriBaseId": _ROOT}}
    line = max(1, position.line) if position else 1
    region = {"startLine": line, "startColumn": max(1, position.column) if position else 1}
    if position is not None and (position.end_line, position.end_column) > (line, region["startColumn"]):
        region |= {"endLine": position.end_line, "endColumn": max(1, position.end_column)}
    place["region"] = region
    return {"physicalLocation": place}


def _invocation(notes: list[str], hidden: int) -> dict[str, Any]:
    said = [*notes, *([f"{hidden} more findings are left out: GitHub takes {MOST_RESULTS} results"] if hidden else [])]
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if said:
        invocation["toolExecutionNotifications"] = [{"level": "note", "message": {"text": text}} for text in said]
    return invocation
