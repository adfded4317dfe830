"""What the reports promise to the programs that read them, for findings of every kind and for hostile text."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from markdown_it import MarkdownIt

from gitconfigmgr.app.check import Checked
from gitconfigmgr.cli.reports.report import FORMATS, Report, write
from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, Waiver
from gitconfigmgr.model.fingerprints import fingerprints
from gitconfigmgr.model.revisions import Base

SCHEMA = Path(__file__).parent.parent.parent / "vectors" / "sarif" / "sarif-schema-2.1.0.json"
HOSTILE = "]]></failure>\x00\x1b[31m ::error::x%0A `` ```\n# @somebody <img src=x onerror=y> ![p](http://evil) [l](http://evil) | \ud7ff\ufffe & \"'"
WAIVER = Waiver("platform", "known <b>", date(2026, 12, 31), "OPS-1", Position("waivers.yaml", 3, 5))
BASE = Base("main", "1" * 40, "2" * 40, "3" * 40)


def finding(path: str = "configs/a/base.yaml", line: int = 3, **more: Any) -> Diagnostic:
    given: dict[str, Any] = {"message": "port = 1 is below the minimum 2", "key": "port"} | more
    position = Position(path, line, 7, line, 8)
    return Diagnostic(given.pop("code", "GCM402"), given.pop("message"), given.pop("position", position), **given)


def hostile() -> Checked:
    found = [
        finding(message=HOSTILE, help=HOSTILE, key=HOSTILE, rule=HOSTILE, label=HOSTILE),
        finding(f"configs/{HOSTILE}/base.yaml", related=(Related(Position(HOSTILE, 0, 0), HOSTILE, HOSTILE),)),
        finding(position=None, affects=(("a/b", "production"), ("c", HOSTILE))),
        finding(position=Position("configs/a/base.yaml", 0, 0), severity="warning"),
        finding(position=Position("configs/a/base.yaml", 5, 5, 4, 1)),
        finding(waived=WAIVER, controls=("SOC2 CC6.1",)),
        finding(code="GCM701", message="a key in plaintext", key=None, hidden=True),
    ]
    return Checked(found, 3, 2, known=[finding(line=90, key="old")], notes=[HOSTILE], base=BASE)


def report(checked: Checked, **more: Any) -> Report:
    return Report(checked, lambda _: b"a: 1\n" * 10, prefix="config/", **more)


@cache
def validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(orjson.loads(SCHEMA.read_bytes()))


def sarif(checked: Checked) -> Any:
    data = orjson.loads(write("sarif", report(checked)))
    assert [error.message for error in validator().iter_errors(data)] == []
    (run,) = data["runs"]
    return run


@pytest.mark.parametrize("checked", [Checked([], 3, 2), hostile()], ids=["nothing", "hostile"])
@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_writes_anything(format_: str, checked: Checked) -> None:
    text = write(format_, report(checked, everything=True))
    assert text
    assert text.encode()


def test_sarif_has_a_rule_for_each_code_and_a_result_for_each_finding() -> None:
    run = sarif(hostile())
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["GCM402", "GCM701"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert [result["baselineState"] for result in run["results"]].count("unchanged") == 1
    assert len(run["results"]) == 8
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        assert (region.get("endLine", 99), region.get("endColumn", 99)) > (region["startLine"], 0)


def test_sarif_suppresses_what_is_waived() -> None:
    (result,) = [item for item in sarif(hostile())["results"] if "suppressions" in item]
    (suppression,) = result["suppressions"]
    assert suppression["status"] == "accepted"
    assert "platform" in suppression["justification"]
    assert suppression["properties"]["expires"] == "2026-12-31"


def test_sarif_paths_are_addresses_from_the_top_of_the_repository() -> None:
    run = sarif(Checked([finding("configs/a b/ü%.yaml")], 1, 1))
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "config/configs/a%20b/%C3%BC%25.yaml", "uriBaseId": "%SRCROOT%"}


def test_thirty_thousand_findings_are_what_github_takes() -> None:
    many = [finding(line=n, key=f"k{n % 700}", severity="warning" if n % 3 else "error") for n in range(1, 30_001)]
    start = time.process_time()
    run = sarif(Checked(many, 1, 1))
    took = time.process_time() - start
    assert len(run["results"]) == 25_000
    assert [item["level"] for item in run["results"]].count("error") == 10_000, "errors are never left out"
    assert "5000 more" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert took < 20
    assert len({item["partialFingerprints"]["gitconfigmgr/v1"] for item in run["results"]}) == 25_000
    for format_, most in (("markdown", 65_536), ("github", 10_000)):
        assert len(write(format_, report(Checked(many, 1, 1)))) <= most


def test_fingerprints_hold_while_lines_move_and_values_change() -> None:
    before = [finding(line=3), finding(line=9), finding(key=None, message="line 3 has 4 spaces")]
    after = [finding(line=13), finding(line=90, message="port = 0 is below the minimum 2"),
             finding(line=8, key=None, message="line 8 has 5 spaces")]  # fmt: skip
    assert fingerprints(before) == fingerprints(after)
    others = [finding(), finding("configs/b/base.yaml"), finding(key="host"), finding(code="GCM403"), finding(rule="x")]
    assert len(set(fingerprints(others))) == len(others)


def test_gitlab_issues_have_what_gitlab_asks_for() -> None:
    issues = orjson.loads(write("gitlab", report(hostile())))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 8
    for issue in issues:
        assert issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert issue["location"]["path"].startswith("config/")


def test_junit_counts_its_cases() -> None:
    suite = ET.fromstring(write("junit", report(hostile())))[0]
    assert int(suite.get("tests", 0)) == len(suite) == 8
    assert int(suite.get("failures", 0)) == len(suite.findall("testcase/failure")) == 5
    assert int(suite.get("skipped", 0)) == len(suite.findall("testcase/skipped")) == 2
    assert len(ET.fromstring(write("junit", report(Checked([], 3, 2))))[0]) == 1


def test_annotations_are_sorted_bounded_and_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    old = [finding(line=2, key=f"old{n}") for n in range(8)]
    new = [finding(line=1, key=f"new{n}", message=f"{HOSTILE} {n}") for n in range(3)]
    warnings = [finding(line=1, key=f"w{n}", severity="warning") for n in range(5)]
    files = {True: b"new\nold\n", False: b"old\n"}
    checked = Checked([*warnings, *old, *new, finding(waived=WAIVER)], 1, 1)
    text = write("github", Report(checked, lambda _: files[True], lambda _: files[False], "config/"))
    commands = [line for line in text.splitlines() if line.startswith("::")]
    assert len(commands) == 10
    assert all(line.startswith("::error file=config/configs/a/base.yaml,line=1,") for line in commands[:3])
    assert all(line.startswith("::error ") for line in commands), "errors before warnings"
    assert text.splitlines()[10].startswith("6 more are not annotated")
    assert "old7" not in text
    assert len(text.splitlines()) == 12, "no text of a file begins a line of its own"
    assert "16 errors" not in summary.read_text()
    assert "11 errors, 5 warnings, 1 waived" in summary.read_text()


@pytest.mark.parametrize("everything", [True, False])
def test_text_of_files_is_only_code_in_a_comment(everything: bool) -> None:
    text = write("markdown", report(hostile(), everything=everything))
    html = MarkdownIt("commonmark", {"linkify": False}).enable("table").render(text)
    outside = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    for trace in ("evil", "somebody", "onerror", "<a ", "<b>", "::error"):
        assert trace not in outside, outside
    assert "somebody" in html


def test_a_comment_says_what_would_not_fit() -> None:
    many = [finding(f"configs/s{n}/base.yaml", key=f"k{n}") for n in range(2_000)]
    text = write("markdown", report(Checked(many, 1, 1)))
    assert len(text) <= 65_536
    assert "2000 errors" in text.split("<details>")[0]
    assert re.search(r"\d+ more sections would not fit", text)
    assert text.count("<details>") == text.count("</details>") > 50
