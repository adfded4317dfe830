"""A waiver lets pass what it describes, until its last day, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from gitconfigmgr.check.policies.waivers import Waivers
from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate, has_errors
from gitconfigmgr.source.waivers import read_waivers, waivable

TODAY = date(2026, 6, 1)
PLACE = Position("configs/acme/chat/base.yaml", 3, 5)


def waivers(entry: str, today: date | None = TODAY) -> Waivers:
    text = f"waivers:\n  - {{{entry}, owner: chat, reason: because, expires: 2026-12-31}}\n"
    rules, findings = read_waivers(text.encode())
    assert rules, findings
    return Waivers(rules, findings, today)


def finding(**changes: object) -> Diagnostic:
    given: dict[str, object] = {"key": "llm.max_tokens", "affects": (("acme/chat", "production"),)}
    return Diagnostic("GCM402", "too much", PLACE, **(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        ("code: GCM402, namespaces: [acme/chat]", True),
        ("code: GCM402, namespaces: acme/chat", True),
        ("code: GCM402, namespaces: ['acme/**']", True),
        ("code: GCM402, namespaces: [acme]", False),
        ("code: GCM402, namespaces: [acme/chat], environments: [production]", True),
        ("code: GCM402, namespaces: [acme/chat], environments: [staging]", False),
        ("code: GCM402, namespaces: [acme/chat], key: llm", True),
        ("code: GCM402, namespaces: [acme/chat], key: llm.max_tokens", True),
        ("code: GCM402, namespaces: [acme/chat], key: llm.max", False),
        ("code: GCM402, paths: ['configs/**']", True),
        ("code: GCM402, paths: [configs/acme/chat/base.yaml]", True),
        ("code: GCM402, paths: [configs/acme/search/base.yaml]", False),
        ("code: GCM403, namespaces: ['**']", False),
        ("policy: limits, namespaces: ['**']", False),
    ],
)
def test_a_waiver_is_about_what_it_describes(entry: str, *, fits: bool) -> None:
    (item,) = waivers(entry).apply([finding()])
    assert (item.waived is not None) is fits
    assert item.fails is not fits


@pytest.mark.parametrize(
    ("policy", "fits"), [("limits", True), ("limits/tokens", True), ("limits/token", False), ("limit", False)]
)
def test_a_waiver_names_a_policy_or_one_of_its_rules(policy: str, *, fits: bool) -> None:
    broken = Diagnostic(
        "GCM601", "x", PLACE, rule="policies/a.yaml:3 limits/tokens", affects=(("acme/chat", "production"),)
    )
    (item,) = waivers(f"policy: {policy}, namespaces: ['**']").apply([broken])
    assert (item.waived is not None) is fits


def test_a_finding_of_a_file_is_waived_by_its_path_only() -> None:
    item = finding(affects=())
    assert waivers("code: GCM402, namespaces: ['**']").apply([item]) == [item]
    assert waivers("code: GCM402, paths: ['configs/**']").apply([item])[0].waived is not None


def test_what_is_waived_in_one_environment_fails_in_the_other() -> None:
    found = waivers("code: GCM402, namespaces: [acme/chat], environments: [staging]").apply(
        [finding(affects=(("acme/chat", name),)) for name in ("staging", "production")]
    )
    failing, passing = sorted(collate(found), key=lambda item: item.waived is not None)
    assert (failing.affects, passing.affects) == ((("acme/chat", "production"),), (("acme/chat", "staging"),))
    assert has_errors([failing])
    assert not has_errors([passing])


def test_the_last_day_still_counts_and_the_next_one_is_an_error() -> None:
    entry = "code: GCM402, namespaces: ['**']"
    last, after = waivers(entry, date(2026, 12, 31)), waivers(entry, date(2027, 1, 1))
    assert last.apply([finding()])[0].waived is not None
    assert after.apply([finding()]) == [finding()]
    assert [item.code for item in last.findings] == ["GCM623"]
    assert [(item.code, item.severity) for item in after.findings] == [("GCM621", "error")]
    assert after.unused([]) == [], "it is said once"


def test_without_a_date_the_waiver_holds_and_the_reader_is_told() -> None:
    found = waivers("code: GCM402, namespaces: ['**']", None)
    assert found.apply([finding()])[0].waived is not None
    assert [item.code for item in found.findings] == ["GCM214"]


@pytest.mark.parametrize("code", CODES)
def test_the_gate_cannot_be_waived(code: str) -> None:
    text = f"waivers:\n  - {{code: {code}, namespaces: ['**'], owner: a, reason: b, expires: 2026-12-31}}\n"
    rules, findings = read_waivers(text.encode())
    assert bool(rules) is waivable(code)
    assert bool(findings) is not waivable(code)
    if code.startswith(("GCM1", "GCM3")) or (code.startswith("GCM6") and code != "GCM601"):
        assert not rules, "syntax, references and the gate's own codes"


def test_a_broken_file_waives_nothing() -> None:
    rules, findings = read_waivers(b"waivers: [\n")
    assert rules == []
    assert [item.position.path for item in findings if item.position] == ["waivers.yaml"]
