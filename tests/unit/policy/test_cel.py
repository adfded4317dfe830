"""The functions that expressions have beside those of CEL, and what is refused before any document is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from gitconfigmgr.adapters.policies.cel import CelEngine
from gitconfigmgr.app.scaffold import scaffold
from gitconfigmgr.check.policies.facts import leaves, measure
from gitconfigmgr.source.policies import read_policy

DOCUMENT: dict[str, Any] = {
    "llm": {"max_tokens": 9, "rate": 0.5, "on": True, "none": None, "models": {"gpt-4.1": {"region": "eu"}}},
    "list": [{"port": 1}, {"port": 2}],
    "key": {"$secret": {"type": "string", "kind": None}},
}


def verdict(expression: str) -> bool | str:
    text = "id: a\nvalidations:\n  - name: b\n    message: c\n    expression: |\n      " + expression + "\n"
    policy, findings = read_policy("policies/a.yaml", text.encode(), lambda _: None)
    assert policy is not None, findings
    engine = CelEngine()
    problems = engine.load([policy])
    if problems:
        return problems["a"][0].message
    facts = {
        "object": DOCUMENT, "oldObject": None, "target": {}, "environment": {}, "metadata": {},
        "leaves": leaves(DOCUMENT), "measure": measure(DOCUMENT), "origins": {"llm.rate": {"line": 3}},
    }  # fmt: skip
    (outcome,) = engine.run([("a", facts, {})])
    return outcome.problems[0].message if outcome.problems else not outcome.breaches


@pytest.mark.parametrize(
    "expression",
    [
        "get('llm.max_tokens', 0) == 9",
        "get('llm.max_tokens', 0.5) == 9",
        "get('llm.rate', 0) == 0.5",
        "get('llm.nothing', 7) == 7",
        "get('llm.max_tokens.deeper', 7) == 7",
        "get('llm.max_tokens', 'text') == 'text'",
        "get('llm.on', 0) == 0 && get('llm.max_tokens', false) == false",
        "get('llm.on', false)",
        "get('llm.none', 'x') == 'x'",
        "get('key', {'a': 1}) == {'a': 1}",
        "get('key', '') == ''",
        "get('list.1.port', 0) == 2 && get('list.2.port', 0) == 0",
        "get(['llm', 'models', 'gpt-4.1', 'region'], '') == 'eu'",
        "get('llm.models.\"gpt-4.1\".region', '') == 'eu'",
        "get('llm.models', {}).all(k, get(['llm', 'models', k, 'region'], '') == 'eu')",
        "get('list', []).size() == 2",
        "paths('port$') == ['list.0.port', 'list.1.port']",
        "paths('^key').size() == 0 && leaves.size() == 7",
        "measure.keys == 8 && measure.secrets == 1 && measure.bytes > 100",
        "origin('llm.rate').line == 3",
        "math.greatest(1, 2) == 2 && 'a,b'.split(',').size() == 2 && object.?llm.?x.orValue(1) == 1",
    ],
)
def test_an_expression_holds(expression: str) -> None:
    assert verdict(expression) is True


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("get('a..b', 0) == 0", "a..b is no path of keys"),
        ("paths('(').size() == 0", "( is no regular expression"),
        ("origin('llm.none').line == 3", "there is no llm.none"),
        ("object.llm.nothing == 3", "there is no key nothing"),
        ("object.llm.?max_tokens", "optional"),
        ("get('llm.max_tokens', 0)", "gives a number, not true or false"),
        ("object.llm", "gives a map, not true or false"),
        ("fetch('https://example.com')", "there is no fetch here"),
        ("getenv('HOME') == ''", "there is no getenv here"),
        ("object.llm.max_tokens / 0 > 1", "divide by zero"),
        ("9223372036854775807 + object.llm.max_tokens > 0", "overflow"),
    ],
)
def test_an_expression_without_an_answer_says_why(expression: str, said: str) -> None:
    assert said in str(verdict(expression))


def test_a_new_repository_has_no_policy_where_none_can_be_evaluated(tmp_path: Any) -> None:
    template = tmp_path / "template"
    for name in ("gitconfigmgr.yaml", "policies/a.yaml", "configs/policies/base.yaml"):
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_text("a: 1\n")
    written = scaffold(template, tmp_path / "new", lambda path, data: path.write_bytes(data) and None, policies=False)
    assert written == ["configs/policies/base.yaml", "gitconfigmgr.yaml"]
