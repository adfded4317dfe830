"""waivers.yaml: which findings are let pass, by whom, why, and until when."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.diagnostics import Waiver, position_of
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.policies import WaiverRule
from gitconfigmgr.source.layout import WAIVERS
from gitconfigmgr.source.rulefiles import RuleReader, literal, read_rules

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.values import Node

_KEYS = ("code", "policy", "namespaces", "environments", "key", "paths", "owner", "reason", "expires", "ticket")
# What stands for merging, for encryption and for the gate itself: with any of these a result cannot be trusted at all.
_NEVER = frozenset(
    {"GCM201", "GCM202", "GCM203", "GCM204", "GCM208", "GCM210", "GCM401", "GCM704", "GCM706", "GCM707", "GCM716"}
)
_KEPT = ("GCM1", "GCM3", "GCM6", "GCM8")


def waivable(code: str) -> bool:
    """Whether a waiver may be about findings of this code."""
    return code == "GCM601" or not (code.startswith(_KEPT) or code in _NEVER)


def read_waivers(data: bytes) -> tuple[list[WaiverRule], list[Diagnostic]]:
    """The waivers that can be used, and what is wrong with the others."""
    root, findings = read_rules(WAIVERS, data)
    if root is None or any(item.severity == "error" for item in findings):
        return [], findings
    reader = _Reader(findings)
    items = reader.members(root, ("waivers",), WAIVERS)
    return [rule for node in reader.listed(items, "waivers") if (rule := reader.waiver(node)) is not None], findings


class _Reader(RuleReader):
    code = "GCM620"

    def waiver(self, node: Node) -> WaiverRule | None:
        before = len(self.findings)
        items = self.members(node, _KEYS, "a waiver")
        if not items:
            return None
        code, policy = self.text(items, "code", "a waiver"), self.text(items, "policy", "a waiver")
        if bool(code) == bool(policy):
            self.report(self.code, "a waiver names a code or a policy", node, "such as code: GCM402")
        elif code:
            self._judge_code(code, items["code"])
        namespaces, paths = self.texts(items, "namespaces", "a waiver"), self.texts(items, "paths", "a waiver")
        if not namespaces and not paths:
            self.report(
                self.code, "a waiver says for which namespaces or paths it holds", node, "namespaces: [acme/chat]"
            )
        owner, reason = self._required(items, "owner", node), self._required(items, "reason", node)
        expires = self._date(items, node)
        key = self.key_path(items, "key") or ()
        environments = self.texts(items, "environments", "a waiver")
        if expires is None or len(self.findings) > before:
            return None
        ticket = self.text(items, "ticket", "a waiver") or None
        waiver = Waiver(owner, " ".join(reason.split()), expires, ticket, position_of(node))
        return WaiverRule(code or "GCM601", policy, namespaces, environments, key, paths, waiver)

    def _judge_code(self, code: str, node: Node) -> None:
        if code not in CODES:
            near = closest(code, tuple(CODES))
            self.report(self.code, f"there is no code {code}", node, f"did you mean {near}?" if near else None)
        elif not waivable(code):
            help_ = "it says that a file, a rule or the gate itself cannot be used: correct that"
            self.report(self.code, f"{code} cannot be waived", node, help_)

    def _required(self, items: dict[str, Node], name: str, node: Node) -> str:
        text = self.text(items, name, "a waiver", needed=True)
        if name not in items:
            self.report(self.code, f"a waiver needs {name}", node)
        return text

    def _date(self, items: dict[str, Node], node: Node) -> date | None:
        given = items.get("expires")
        value = literal(given) if given is not None else None
        try:
            return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else _no_date()
        except ValueError:
            self.report(
                self.code, "a waiver needs expires, the last day it holds", given or node, "expires: 2026-12-31"
            )
            return None


def _no_date() -> date:
    raise ValueError
