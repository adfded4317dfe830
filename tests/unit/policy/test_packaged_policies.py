"""The starter library: its tests pass and touch every rule, and its controls are those of the table."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import orjson
import pytest
import yaml

from gitconfigmgr.app.policies import controls, default_settings
from gitconfigmgr.app.policy_test import run_policy_tests
from gitconfigmgr.wiring.trees import open_packaged_policies

ROOT = Path(__file__).parents[3]
LIBRARY = [path for path in sorted((ROOT / "policies").glob("*.yaml")) if path.name != "controls.yaml"]
OTHERS = [
    *(ROOT / "example-repo/policies").glob("*.yaml"),
    *(ROOT / "gitconfigmgr/data/new-repo/policies").glob("*.yaml"),
]


def test_every_rule_has_a_test_that_it_fails() -> None:
    tested = run_policy_tests(open_packaged_policies(), default_settings())
    assert tested.findings == []
    assert [item.message for case in tested.cases for item in case.failures] == []
    assert tested.coverage[0].untouched == []
    assert tested.coverage[0].total >= 30


def test_every_policy_passes_a_document_it_has_nothing_to_say_about() -> None:
    policies = open_packaged_policies()
    policies.load()
    facts = {
        "object": {}, "oldObject": None, "target": {"namespace": "acme/chat", "environment": "development"},
        "environment": {"name": "development", "protected": False, "chain": ["base", "development"]},
        "metadata": {}, "leaves": {}, "measure": {"keys": 0, "secrets": 0, "bytes": 2}, "origins": {},
    }  # fmt: skip
    calls = [
        (policy.id, facts, policy.params) for policy in policies.policies.values() if policy.match.protected is None
    ]
    for (name, _, _), outcome in zip(calls, policies.engine("cel").run(calls), strict=True):
        assert (name, outcome.breaches, outcome.problems) == (name, (), ())


def test_controls_are_those_of_the_table() -> None:
    data = (ROOT / "policies/controls.yaml").read_bytes()
    policies = open_packaged_policies()
    table = controls(data, policies)
    assert [item.id for item in table if not item.framework] == [], "named by a policy and missing in controls.yaml"
    assert [item.id for item in table if not item.rules and not item.codes] == [], "no evidence for these"
    assert all(rule.controls for policy in policies.policies.values() for rule in policy.rules)
    assert {item.framework for item in table} == {"SOC 2", "GDPR", "HIPAA", "PCI DSS 4"}


def schema(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(orjson.loads((ROOT / f"schemas/{name}.schema.json").read_bytes()))


@pytest.mark.parametrize("path", [*LIBRARY, *OTHERS], ids=lambda path: path.name)
def test_the_schema_for_editors_takes_the_policies(path: Path) -> None:
    assert [error.message for error in schema("policy").iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize(
    "path", [*(ROOT / "example-repo/tests").glob("*.yaml"), ROOT / "gitconfigmgr/data/new-repo/tests/chat.yaml"],
    ids=lambda path: path.name,
)  # fmt: skip
def test_the_schema_for_editors_takes_the_config_tests(path: Path) -> None:
    assert [error.message for error in schema("config-test").iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize("name", ["policy", "waivers", "config-test"])
def test_every_example_in_the_schemas_is_valid(name: str) -> None:
    root = orjson.loads((ROOT / f"schemas/{name}.schema.json").read_bytes())
    validator = jsonschema_rs.Draft202012Validator(root)
    assert root["examples"]
    assert all(validator.is_valid(example) for example in root["examples"])
