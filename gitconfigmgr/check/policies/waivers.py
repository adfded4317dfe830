"""Waivers over findings: which pass, which waivers have expired, and which nothing needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from gitconfigmgr.check.globs import matches
from gitconfigmgr.model.diagnostics import Diagnostic
from gitconfigmgr.model.names import PathSyntaxError, parse_path, show_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from gitconfigmgr.model.policies import WaiverRule

_SOON = timedelta(days=14)
_ON_REQUEST = ("GCM50", "GCM71")  # found only by `check --redundancy` and `--with-secrets`


class Waivers:
    """The waivers of a repository. `findings` are those about waivers themselves, as of a day."""

    def __init__(self, rules: Sequence[WaiverRule], findings: Iterable[Diagnostic], today: date | None) -> None:
        self.findings = list(findings)
        self._valid: dict[str, list[WaiverRule]] = {}
        for rule in rules:
            waiver = rule.waiver
            if today is not None and waiver.expires < today:
                self._report("GCM621", f"waiver of {_what(rule)} expired on {waiver.expires}", rule)
                continue
            if today is None:
                self._report("GCM214", "the expiry of a waiver cannot be judged without a commit", rule)
            elif waiver.expires - today <= _SOON:
                self._report("GCM623", f"waiver of {_what(rule)} ends on {waiver.expires}", rule)
            self._valid.setdefault(rule.code, []).append(rule)

    def _report(self, code: str, message: str, rule: WaiverRule) -> None:
        help_ = f"its owner is {rule.waiver.owner}" if code in {"GCM621", "GCM623"} else None
        self.findings.append(Diagnostic(code, message, rule.waiver.position, help=help_))

    def apply(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The findings, each with the first waiver that is about it."""
        if not self._valid:
            return list(findings)
        return [self._waived(item) if item.waived is None else item for item in findings]

    def _waived(self, item: Diagnostic) -> Diagnostic:
        for rule in self._valid.get(item.code, ()):
            if _is_about(rule, item):
                return replace(item, waived=rule.waiver)
        return item

    def unused(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """A warning for each valid waiver that none of all the findings of a repository needed."""
        used = {item.waived.position for item in findings if item.waived is not None}
        return [
            Diagnostic("GCM622", f"no finding is what this waiver of {_what(rule)} describes", rule.waiver.position)
            for rules in self._valid.values() for rule in rules
            if rule.waiver.position not in used and not rule.code.startswith(_ON_REQUEST)
        ]  # fmt: skip


def _is_about(rule: WaiverRule, item: Diagnostic) -> bool:
    if rule.policy and not names_policy(item.rule or "", rule.policy):
        return False
    if rule.namespaces or rule.environments:
        places = [t for t in item.affects if not rule.environments or t[1] in rule.environments]
        if not item.affects or len(places) < len(item.affects):
            return False
        if rule.namespaces and not all(matches(rule.namespaces, namespace) for namespace, _ in places):
            return False
    if rule.paths and (item.position is None or not matches(rule.paths, item.position.path)):
        return False
    return not rule.key or _is_below(item.key, rule.key)


def names_policy(rule: str, policy: str) -> bool:
    """Whether the `rule` of a finding ends in the id of the policy, or in that of one of its rules."""
    name = rule.rpartition(" ")[2]
    return name == policy or name.startswith(f"{policy}/")


def _is_below(key: str | None, path: tuple[str, ...]) -> bool:
    try:
        return key is not None and parse_path(key)[: len(path)] == path
    except PathSyntaxError:
        return False


def _what(rule: WaiverRule) -> str:
    return (rule.policy or rule.code) + (f" at {show_path(rule.key)}" if rule.key else "")
