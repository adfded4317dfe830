"""tests/*.yaml of a config repository to `ConfigTest`, with a finding for everything that is not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.tests import ConfigTest, Expectation
from gitconfigmgr.source.rulefiles import RuleReader, literal, read_rules

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.values import Node

FOLDER = "tests"
KINDS = ("equals", "matches", "absent", "present", "secret", "finding", "policy")
_TEST = ("name", "namespace", "environment", "expect")
_LONGEST = 1000  # characters of a pattern


def is_test(path: str) -> bool:
    """Whether a file below tests/ is read as tests."""
    return path.endswith(".yaml") and "/." not in path


def read_config_tests(path: str, data: bytes) -> tuple[list[ConfigTest], list[Diagnostic]]:
    """The tests of a file; where there are findings, it is not to be run."""
    root, findings = read_rules(path, data)
    if root is None:
        return [], findings
    reader = _Reader(findings)
    items = reader.members(root, ("tests",), path)
    nodes = reader.listed(items, "tests")
    if not nodes and not findings:
        reader.report(reader.code, "the file has no tests", root, "write tests: [...], or remove the file")
    return [test for node in nodes if (test := reader.test(node)) is not None], findings


class _Reader(RuleReader):
    code = "GCM660"

    def test(self, node: Node) -> ConfigTest | None:
        items = self.members(node, _TEST, "a test")
        if not items:
            return None
        name = self.text(items, "name", "a test", needed=True)
        for key, example in (("name", "name: production is capped"), ("namespace", "namespace: acme/chat")):
            if key not in items:
                self.report(self.code, f"a test needs {key}", node, example)
        namespaces, environments = self.texts(items, "namespace", "a test"), self.texts(items, "environment", "a test")
        nodes = self.listed(items, "expect")
        if not nodes:
            self.report(self.code, "a test needs expect, a list", items.get("expect", node), "- {path: a.b, equals: 1}")
        expected = [found for item in nodes if (found := self._expectation(item)) is not None]
        return ConfigTest(name, position_of(node), namespaces, environments, tuple(expected))

    def _expectation(self, node: Node) -> Expectation | None:
        items = self.members(node, ("path", *KINDS), "an expectation")
        kinds = [kind for kind in KINDS if kind in items]
        if len(kinds) != 1:
            if items:
                self.report(self.code, "an expectation has one of " + ", ".join(KINDS), node)
            return None
        kind = kinds[0]
        path = self.key_path(items, "path")
        if path is None and kind not in {"finding", "policy"}:
            if "path" not in items:
                self.report(self.code, f"{kind} needs a path", node, f"- {{path: llm.model, {kind}: ...}}")
            return None
        value = literal(items[kind])
        if self._fits(kind, value, items[kind]):
            return Expectation(kind, path or (), value, position_of(node))
        return None

    def _fits(self, kind: str, value: Any, node: Node) -> bool:
        """Whether the operand is one that its kind takes; a finding where it is not."""
        said = {
            "equals": None,
            "matches": None if isinstance(value, str) and len(value) <= _LONGEST else "a regular expression",
            "absent": None if value is True else "true",
            "present": None if value is True else "true",
            "secret": None if value is True or isinstance(value, str) else "true, or the kind of secret",
            "finding": None if isinstance(value, str) and value in CODES else "a code such as GCM402",
            "policy": None if isinstance(value, str) else "a policy, or one of its rules: cost/ceiling",
        }[kind]
        if said is None:
            return True
        near = closest(value, tuple(CODES)) if kind == "finding" and isinstance(value, str) else None
        self.report(self.code, f"{kind} takes {said}", node, f"did you mean {near}?" if near else None)
        return False
