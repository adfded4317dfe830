"""`policy test`: the inline tests of policies, and the rules that none of them makes fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.policies.facts import is_about, leaves, measure
from gitconfigmgr.model.diagnostics import Diagnostic
from gitconfigmgr.model.names import Target, parse_path, show_path
from gitconfigmgr.model.policies import Outcome
from gitconfigmgr.model.settings import Environment
from gitconfigmgr.model.tests import Case, Coverage, Tested

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gitconfigmgr.check.policies.judge import Policies
    from gitconfigmgr.model.policies import Facts, Policy, PolicyTest
    from gitconfigmgr.model.settings import Settings


def run_policy_tests(policies: Policies, settings: Settings, paths: Collection[str] = ()) -> Tested:
    """Run the tests of all policies, or of those in some files. What is wrong with a policy is a finding.

    Tests are about the policy as its file has it, whatever the settings make of it.
    """
    policies.load()
    chosen = [policies.written[name] for name, policy in policies.policies.items() if not paths or policy.path in paths]
    tested = Tested(findings=[
        item for item in policies.findings if not paths or (item.position is not None and item.position.path in paths)
    ])  # fmt: skip
    untouched, total = [], 0
    for policy in chosen:
        failed: set[str] = set()
        for test, outcome in zip(policy.tests, _outcomes(policies, policy, settings), strict=True):
            names = {breach.rule for breach in outcome.breaches}
            failed |= names
            failures = _failures(policy, test, outcome, names)
            tested.cases.append(Case(policy.id, test.name, test.position, failures))
        total += len(policy.rules)
        untouched += [(f"{policy.id}/{rule.name}", rule.position) for rule in policy.rules if rule.name not in failed]
    tested.coverage.append(Coverage("policy rule", total, untouched))
    return tested


def _outcomes(policies: Policies, policy: Policy, settings: Settings) -> list[Outcome]:
    """What the engine says to each test; a test about a target that the policy does not match gives nothing."""
    matching = [test for test in policy.tests if _matches(policy, test, settings)]
    calls = [(policy.id, _facts(test), policy.params | test.params) for test in matching]
    answers = iter(policies.engine(policy.engine).run(calls) if calls else ())
    return [next(answers) if _matches(policy, test, settings) else Outcome(applies=False) for test in policy.tests]


def _facts(test: PolicyTest) -> Facts:
    """The facts that the test gives, and what follows from them. Its `origins` map paths to environments."""
    document, target = test.facts["object"], test.facts["target"]
    values = leaves(document)
    place = {"path": test.position.path, "line": test.position.line, "column": test.position.column}
    origins = {
        path: place | target | {"environment": test.facts["origins"].get(path, target["environment"])}
        for path in {*_prefixes(values), *test.facts["origins"]}
    }
    return test.facts | {"leaves": values, "measure": measure(document), "origins": origins}


def _prefixes(paths: Iterable[str]) -> set[str]:
    """The paths, and those of all that holds them."""
    parts = [parse_path(path) for path in paths]
    return {show_path(path[:depth]) for path in parts for depth in range(1, len(path) + 1)}


def _matches(policy: Policy, test: PolicyTest, settings: Settings) -> bool:
    given, target = test.facts["environment"], test.facts["target"]
    declared = settings.environments.get(given["name"])
    chain = tuple(declared.chain if declared is not None else given["chain"])
    environment = Environment(given["name"], chain, bool(given["protected"]))
    found = Target(target["namespace"], target["environment"])
    return is_about(policy.match, found, environment, test.facts["metadata"])


def _failures(policy: Policy, test: PolicyTest, outcome: Outcome, names: set[str]) -> list[Diagnostic]:
    said = [f"the policy fails: {problem.message}" for problem in outcome.problems]
    missing, more = sorted(set(test.fails) - names), sorted(names - set(test.fails))
    if missing:
        target = test.facts["target"]
        where = f"{target['namespace']} in {target['environment']}"
        why = "" if outcome.applies else f": the policy is not about {where}, or its conditions do not hold"
        said.append(f"{', '.join(missing)} should fail, and does not{why}")
    if more:
        said.append(f"{', '.join(more)} fails, and should not")
    return [Diagnostic("GCM606", f"test {test.name!r} of policy {policy.id}: {text}", test.position) for text in said]
