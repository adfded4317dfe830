"""policies/*.yaml to `Policy`, in the shape of Kubernetes' ValidatingAdmissionPolicy, every expression with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import Diagnostic, position_of
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.policies import CEL, Match, Policy, PolicyTest, Rule, Source
from gitconfigmgr.source.layout import POLICIES
from gitconfigmgr.source.rulefiles import RuleReader, literal, read_rules
from gitconfigmgr.source.sections.policies import PACKAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.policies import PolicyUse
    from gitconfigmgr.model.values import Node

KEYS = ("id", "description", "severity", "controls", "match", "params", "matchConditions", "variables", "validations",
        "engine", "module", "tests")  # fmt: skip
_MATCH = ("namespaces", "environments", "protected", "metadata")
_VALIDATION = ("name", "expression", "message", "messageExpression", "path", "pathExpression", "metadataPath", "severity",
               "help", "controls", "hidden")  # fmt: skip
_TEST = ("name", "object", "oldObject", "namespace", "environment", "metadata", "params", "origins", "fails")
_SEVERITIES = ("error", "warning")
_LARGEST = 256 * 1024
LONGEST = 4000  # characters of an expression
_MOST = {"matchConditions": 16, "variables": 32, "validations": 100, "tests": 200}
_VARIABLE = re.compile(r"[a-z_][A-Za-z0-9_]*\Z")


def read_policy(path: str, data: bytes, read: Callable[[str], bytes | None]) -> tuple[Policy | None, list[Diagnostic]]:
    """The policy of a file, or None and the reasons; `read` gives the module that a Rego policy names."""
    root, findings = read_rules(path, data)
    if root is None:
        return None, findings
    reader = _Reader(findings, data.decode("utf-8", "replace").split("\n"), read)
    policy = reader.policy(root)
    return (None if any(item.severity == "error" for item in findings) else policy), findings


def read_policies(
    files: Sequence[str],
    uses: Sequence[PolicyUse],
    read: Callable[[str], bytes | None],
    read_packaged: Callable[[str], bytes | None],
) -> list[tuple[str, Policy | None, list[Diagnostic]]]:
    """All that are in force: `files` are those of the folder; `uses` bring in the packaged ones that the settings name."""
    found = [
        (path, *read_policy(path, read(path) or b"", read))
        for path in files if path.endswith(".yaml") and "/." not in path
    ]  # fmt: skip
    for use in uses:
        if use.policy.startswith(PACKAGED):
            data = read_packaged(use.policy.removeprefix("gcm:"))
            found.append((use.policy, *(read_policy(use.policy, data, read) if data is not None else _missing(use))))
        elif use.policy not in files:
            found.append((use.policy, *_missing(use)))
    return found


def _missing(use: PolicyUse) -> tuple[None, list[Diagnostic]]:
    help_ = "`gitconfigmgr policy list --packaged` names those that come with the program"
    return None, [Diagnostic("GCM602", f"there is no policy {use.policy}", use.position, help=help_)]


class _Reader(RuleReader):
    code = "GCM602"

    def __init__(self, findings: list[Diagnostic], lines: list[str], read: Callable[[str], bytes | None]) -> None:
        super().__init__(findings)
        self.lines = lines
        self.read = read

    def policy(self, root: Node) -> Policy:
        items = self.members(root, KEYS, "a policy")
        name = self.name(items, "id", "a policy", root)
        severity, controls = self.choice(items, "severity", _SEVERITIES), self.texts(items, "controls", "the policy")
        module = self._module(items)
        rules = tuple(
            rule for node in self._bounded(items, "validations")
            if (rule := self._rule(node, severity, controls)) is not None
        )  # fmt: skip
        if "module" not in items and not ("validations" in items and items["validations"].value):
            self.report(self.code, "the policy has no validations", root, "add validations, each with an expression")
        if module is not None:
            rules = (*rules, Rule("deny", module.position, module, "", severity=severity, controls=controls))
        self._unique(items, "validations", [rule.name for rule in rules])
        return Policy(
            id=name,
            position=position_of(items.get("id", root)),
            description=self.text(items, "description", "the policy"),
            engine=CEL if module is None else self.name(items, "engine", "a policy with a module", root),
            match=self._match(items.get("match")),
            params=self.mapping(items, "params"),
            conditions=self._named(items, "matchConditions"),
            variables=self._named(items, "variables"),
            rules=rules,
            module=module,
            tests=tuple(self._test(node, [rule.name for rule in rules]) for node in self._bounded(items, "tests")),
        )

    def _module(self, items: dict[str, Node]) -> Source | None:
        node = items.get("module")
        if node is None:
            if "engine" in items:
                self.report(
                    self.code, "engine is for policies with a module; others are CEL", items["engine"], key=True
                )
            return None
        for other in ("validations", "variables", "matchConditions"):
            if other in items:
                self.report(
                    self.code, f"a policy with a module has no {other}", items[other], "say it in the module", key=True
                )
        name = self.text(items, "module", "the policy")
        data = self.read(name) if name.startswith(f"{POLICIES}/") and not name.endswith(".yaml") else None
        if data is None or len(data) > _LARGEST:
            message = f"there is no module {name}" if data is None else f"{name} is larger than {_LARGEST} bytes"
            self.report(self.code, message, node, "name a file of policies/, such as policies/limits.rego")
            return None
        position = position_of(node)._replace(path=name, line=1, column=1)
        text = data.decode("utf-8", "replace")
        starts, offset = [], 0
        for number, line in enumerate(text.split("\n"), 1):
            starts.append((offset, number, 1))
            offset += len(line) + 1
        return Source(text, position, tuple(starts))

    def _bounded(self, items: dict[str, Node], name: str) -> list[Node]:
        found = self.listed(items, name)
        if len(found) > _MOST[name]:
            self.report(self.code, f"more than {_MOST[name]} {name}", items[name], key=True)
        return found[: _MOST[name]]

    def _unique(self, items: dict[str, Node], what: str, names: list[str]) -> None:
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            named = [child for item in items[what].value if isinstance(item.value, dict)
                     if (child := item.value.get("name")) is not None and child.value == twice[0]]  # fmt: skip
            self.report(self.code, f"{twice[0]} is the name of two {what}", named[-1] if named else items[what])

    def _match(self, node: Node | None) -> Match:
        if node is None:
            return Match()
        items = self.members(node, _MATCH, "match")
        namespaces = self.texts(items, "namespaces", "match") or ("**",)
        protected = self.flag(items, "protected", otherwise=False) if "protected" in items else None
        return Match(namespaces, self.texts(items, "environments", "match"), protected, self.mapping(items, "metadata"))

    def _named(self, items: dict[str, Node], what: str) -> tuple[tuple[str, Source], ...]:
        found = []
        for node in self._bounded(items, what):
            members = self.members(node, ("name", "expression"), f"an entry of {what}")
            name = literal(members["name"]) if "name" in members else ""
            if not isinstance(name, str) or not name or (what == "variables" and not _VARIABLE.match(name)):
                self.report(self.code, f"an entry of {what} needs a name", members.get("name", node), "such as limit")
                continue
            source = self._source(members, "expression", node)
            if source is not None:
                found.append((name, source))
        self._unique(items, what, [name for name, _ in found])
        return tuple(found)

    def _rule(self, node: Node, severity: str, controls: tuple[str, ...]) -> Rule | None:
        items = self.members(node, _VALIDATION, "a validation")
        if not items:
            return None
        name = self.name(items, "name", "a validation", node)
        expression = self._source(items, "expression", node)
        message = self.text(items, "message", "a validation", needed=True)
        if not message and "message" not in items:
            self.report(self.code, f"validation {name} has no message", node, "say what is wrong, in one line")
        if expression is None:
            return None
        path, described = self.key_path(items, "path"), self.key_path(items, "metadataPath")
        return Rule(
            name=name,
            position=position_of(node),
            expression=expression,
            message=message,
            message_expression=self._source(items, "messageExpression"),
            path=path,
            path_expression=self._source(items, "pathExpression"),
            described=described,
            severity=self.choice(items, "severity", _SEVERITIES) if "severity" in items else severity,
            help=self.text(items, "help", "a validation") or None,
            controls=self.texts(items, "controls", "a validation") or controls,
            hidden=self.flag(items, "hidden", otherwise=False),
        )

    def _source(self, items: dict[str, Node], name: str, owner: Node | None = None) -> Source | None:
        node = items.get(name)
        if node is None:
            if owner is not None:
                self.report(self.code, f"{name} is missing", owner)
            return None
        text = literal(node)
        if not isinstance(text, str) or not text.strip():
            self.report(self.code, f"{name} is a text in CEL", node, "write it in quotes")
            return None
        if len(text) > LONGEST:
            self.report(self.code, f"{name} is longer than {LONGEST} characters", node, "split it by variables")
            return None
        return Source(text, position_of(node), tuple(_runs(text, self.lines, node.mark.line, node.mark.column)))

    def _test(self, node: Node, rules: list[str]) -> PolicyTest:
        items = self.members(node, _TEST, "a test")
        name = self.text(items, "name", "a test", needed=True)
        if not name:
            self.report(self.code, "a test needs a name", node)
        fails = items.get("fails")
        names = [] if fails is None else literal(fails)
        if fails is None or not isinstance(names, list) or not all(isinstance(item, str) for item in names):
            self.report(self.code, "fails is a list of the validations that must fail", fails or node, "[] for none")
            names = []
        for missing in [item for item in names if item not in rules]:
            assert fails is not None
            near = closest(missing, rules)
            self.report(
                self.code, f"there is no validation {missing}", fails, f"did you mean {near}?" if near else None
            )
        return PolicyTest(name, position_of(node), self._facts(items), self.mapping(items, "params"), tuple(names))

    def _facts(self, items: dict[str, Node]) -> dict[str, Any]:
        given = literal(items["environment"]) if "environment" in items else "production"
        environment = given if isinstance(given, dict) else {"name": given}
        name = environment.get("name", "production")
        environment = {"protected": name == "production", "chain": ["base", name]} | environment | {"name": name}
        old = items.get("oldObject")
        return {
            "object": self.mapping(items, "object"),
            "oldObject": None if old is None else literal(old),
            "target": {"namespace": self.text(items, "namespace", "a test") or "acme/service", "environment": name},
            "environment": environment,
            "metadata": self.mapping(items, "metadata"),
            "origins": self.mapping(items, "origins"),
        }


def _runs(text: str, lines: list[str], line: int, column: int) -> list[tuple[int, int, int]]:
    """Where the words of a scalar stand in the file, whatever its style; words that are written with escapes are left out."""
    found = []
    for word in re.finditer(r"\S+", text):
        at, start = line, column
        while at < min(len(lines), line + 50):
            place = lines[at].find(word.group(), start)
            if place >= 0:
                found.append((word.start(), at + 1, place + 1))
                line, column = at, place + len(word.group())
                break
            at, start = at + 1, 0
    return found
