"""The policies that are in force, as a judge of effective documents. Pure: the engines are passed in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.hygiene.finding import masked
from gitconfigmgr.check.policies.facts import facts_of, is_about
from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, key_position_of, position_of
from gitconfigmgr.model.names import closest, show_path
from gitconfigmgr.model.values import plain, scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.policies import Breach, Outcome, Policy, PolicyUse, Problem, Rule
    from gitconfigmgr.model.settings import Environment
    from gitconfigmgr.model.subjects import Subject
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.ports import PolicyEngine

_MOST_RELATED = 8


class Policies:
    """Implements ports.Judge. `policies` are those that can be used, by their ids; `written` has them as their files do.

    Engines are asked for, and the expressions compiled, when a target or `load` needs them first.
    """

    def __init__(
        self,
        read: Iterable[tuple[str, Policy | None, Sequence[Diagnostic]]],
        uses: Sequence[PolicyUse],
        inputs: Collection[str],
        engine: Callable[[str], PolicyEngine],
    ) -> None:
        """`read` has the name of each policy (its path, or gcm:policies/...), and what came of reading it."""
        self.findings: list[Diagnostic] = []
        self.policies: dict[str, Policy] = {}
        self.written: dict[str, Policy] = {}
        self._inputs = frozenset(inputs)
        self._open = engine
        self._engines: dict[str, PolicyEngine] = {}
        self._loaded = False
        by_name = {use.policy: use for use in uses}
        for name, policy, findings in read:
            self.findings += findings
            if policy is not None:
                use = by_name.get(name)
                self._add(policy, use)

    def inputs(self) -> frozenset[str]:
        """The policy files, and the folder that holds them."""
        return self._inputs

    def _add(self, policy: Policy, use: PolicyUse | None) -> None:
        known = self.policies.get(policy.id)
        if known is None:
            self.written[policy.id] = policy
            self.policies[policy.id] = policy if use is None else self._used(policy, use)
            return
        related = (Related(known.position, "first used at"),)
        self.findings.append(
            Diagnostic("GCM605", f"policy id {policy.id} is used twice", policy.position, related=related)
        )

    def _used(self, policy: Policy, use: PolicyUse) -> Policy:
        """The policy as the settings adjust it."""
        for name, value in use.params.items():
            if name not in policy.params:
                near = closest(name, list(policy.params))
                help_ = f"did you mean {near}?" if near else "known are " + ", ".join(policy.params or ["none"])
                self._misused(f"policy {policy.id} has no parameter {name}", use.at[name], help_)
            elif not _alike(value, policy.params[name]):
                self._misused(f"parameter {name} is {_kind(policy.params[name])}", use.at[name])
        rules = policy.rules
        if use.severity:
            rules = tuple(replace(rule, severity=use.severity) for rule in rules)
        match = policy.match._replace(namespaces=use.namespaces) if use.namespaces else policy.match
        return replace(policy, params=policy.params | dict(use.params), rules=rules, match=match)

    def _misused(self, message: str, position: Position, help_: str | None = None) -> None:
        self.findings.append(Diagnostic("GCM602", message, position, help=help_))

    def load(self) -> None:
        """Have the engines look at all policies; those with mistakes are findings, and not in force."""
        if self._loaded:
            return
        self._loaded = True
        for language in sorted({policy.engine for policy in self.policies.values()}):
            mine = [policy for policy in self.policies.values() if policy.engine == language]
            for name, problems in self.engine(language).load(mine).items():
                del self.policies[name]
                self.findings += [_finding("GCM602", problem) for problem in problems]

    def engine(self, language: str) -> PolicyEngine:
        """The engine of a language. Raises UsageError where it is not installed."""
        if language not in self._engines:
            self._engines[language] = self._open(language)
        return self._engines[language]

    def about(self, target: Target, environment: Environment, metadata: Mapping[str, Any]) -> list[Policy]:
        """The policies that match a target."""
        return [p for p in self.policies.values() if is_about(p.match, target, environment, metadata)]

    def judge(self, subject: Subject) -> list[Diagnostic]:
        """The rules that do not hold, each at the value it is about."""
        self.load()
        metadata = {key: plain(node) for key, node in subject.metadata.items()}
        policies = self.about(subject.target, subject.environment, metadata)
        if not policies:
            return []
        facts = facts_of(subject, "\n".join(text for policy in policies for text in _texts(policy)))
        found = []
        for language in {policy.engine: None for policy in policies}:
            mine = [policy for policy in policies if policy.engine == language]
            outcomes = self.engine(language).run([(policy.id, facts, policy.params) for policy in mine])
            for policy, outcome in zip(mine, outcomes, strict=True):
                found += _said(policy, outcome, subject)
        return found

    def idle(
        self, targets: Iterable[tuple[Target, Environment, Mapping[str, Any]]], met: Collection[str]
    ) -> list[Diagnostic]:
        """A warning for each policy that matches none of the targets, or whose conditions held in none of them.

        `met` are the ids of those that judged something.
        """
        known = list(targets)
        found = []
        for policy in self.policies.values():
            if policy.id in met:
                continue
            matched = any(is_about(policy.match, *target) for target in known)
            why = "its conditions hold for none of the targets it matches" if matched else "it matches no target"
            found.append(Diagnostic("GCM604", f"policy {policy.id} judges nothing: {why}", policy.position))
        return found


def _texts(policy: Policy) -> list[str]:
    found = [source.text for _, source in policy.conditions + policy.variables]
    for rule in policy.rules:
        found += [s.text for s in (rule.expression, rule.message_expression, rule.path_expression) if s is not None]
    return found if policy.module is None else [policy.module.text]


def _said(policy: Policy, outcome: Outcome, subject: Subject) -> list[Diagnostic]:
    if outcome.applies:
        subject.met.add(policy.id)
    found = [_finding("GCM603", problem) for problem in outcome.problems]
    for breach in outcome.breaches:
        rule = policy.rule(breach.rule)
        places: tuple[tuple[str, ...] | None, ...] = breach.places or (rule.path,)
        found += [_broken(policy, rule, breach, path, subject) for path in places]
    return found


def _broken(policy: Policy, rule: Rule, breach: Breach, path: tuple[str, ...] | None, subject: Subject) -> Diagnostic:
    described = rule.described is not None and not breach.places
    root: Node | None = subject.root
    if described:
        path = rule.described
        assert path is not None
        root = subject.metadata.get(path[0])
    node, whole = _at(root, path[1:] if described and path else path or ())
    if node is None:
        position = _lacking(subject)
    elif whole and not isinstance(node.value, (dict, list)):
        position = position_of(node)
    else:
        position = key_position_of(node)
    return Diagnostic(
        "GCM601",
        masked(breach.message or rule.message),
        position,
        severity=rule.severity,
        related=_history(node, hidden=rule.hidden) if node is not None and whole and path else (),
        help=rule.help,
        rule=f"{policy.path}:{rule.expression.position.line} {policy.id}/{rule.name}",
        key=None if path is None or described else show_path(path),
        controls=rule.controls,
        hidden=rule.hidden,
    )


def _lacking(subject: Subject) -> Position:
    """Where metadata that is not there would stand: the nearest file that says anything, else the document."""
    nearest = max(subject.metadata.values(), key=lambda node: len(node.document.namespace), default=None)
    return key_position_of(subject.root) if nearest is None else Position(nearest.document.path)


def _at(root: Node | None, path: tuple[str, ...]) -> tuple[Node | None, bool]:
    """The node at a path, or the last one on the way; whether it is the one that is meant."""
    node = root
    for part in path:
        value: Any = None if node is None else node.value
        if isinstance(value, dict) and part in value:
            node = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            node = value[int(part)]
        else:
            return node, False
    return node, True


def _history(node: Node, *, hidden: bool) -> tuple[Related, ...]:
    found = [Related(position_of(step), "the value comes from here") for step in node.via]
    lower = node.lower
    while lower is not None and len(found) < _MOST_RELATED:
        value = lower.value
        if isinstance(value, (str, int, float)):
            shown = "<secret>" if hidden else masked(scalar_text(value))[:60]
            found.append(Related(position_of(lower), "overrides", shown))
        lower = lower.lower
    return tuple(found[:_MOST_RELATED])


def _finding(code: str, problem: Problem) -> Diagnostic:
    return Diagnostic(code, problem.message, problem.position, help=problem.help)


def _alike(value: Any, other: Any) -> bool:
    numbers = (int, float)
    if isinstance(other, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(other, bool)
    return isinstance(value, numbers) if isinstance(other, numbers) else isinstance(value, type(other))


def _kind(value: Any) -> str:
    words = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a map"}
    return words.get(type(value), "null")
