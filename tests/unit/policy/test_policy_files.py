"""Policy files are read with the place of every expression, whatever the style of its scalar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.source.policies import LONGEST, read_policies, read_policy

if TYPE_CHECKING:
    from gitconfigmgr.model.policies import Source

HEAD = "id: a\nvalidations:\n  - name: b\n    message: c\n"


def source(text: str) -> Source:
    policy, findings = read_policy("policies/a.yaml", text.encode(), lambda _: None)
    assert policy is not None, findings
    return policy.rules[0].expression


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("    expression: has(object.x) && wrong\n", (5, 34)),
        ('    expression: "has(object.x) && wrong"\n', (5, 35)),
        ("    expression: 'has(object.x) && wrong'\n", (5, 35)),
        ("    expression: |\n      has(object.x)\n        && wrong\n", (7, 12)),
        ("    expression: >\n      has(object.x)\n      && wrong\n", (7, 10)),
        ("    expression: has(object.x)\n      && wrong\n", (6, 10)),
        ('    expression: "has(object.x)\n      && wrong"\n', (6, 10)),
        ("    expression: |  # what it says\n      has(object.x) &&\n      // a comment of YAML's own\n\n      wrong\n", (9, 7)),
    ],
)  # fmt: skip
def test_a_word_of_an_expression_is_found_in_the_file(text: str, place: tuple[int, int]) -> None:
    found = source(HEAD + text)
    at = found.at(found.text.index("wrong"))
    assert (at.line, at.column) == place
    assert (found.word("wrong").line, found.word("wrong").column) == place


def test_text_with_escapes_falls_back_to_what_stands_before_it() -> None:
    found = source(HEAD + '    expression: "object.x == \\"wrong\\" && y"\n')
    assert found.at(found.text.index('"wrong"')).line == 5
    assert found.at(found.text.index("y")).column == 43


def test_dollars_and_directives_mean_nothing_in_a_policy() -> None:
    text = HEAD + (
        "    expression: object.x != '${y}'\ntests:\n  - name: t\n    object: {x: '${y}', key: {$secret: {type: string}}}\n"
        "    fails: []\n"
    )
    policy, findings = read_policy("policies/a.yaml", text.encode(), lambda _: None)
    assert findings == []
    assert policy is not None
    assert policy.tests[0].facts["object"] == {"x": "${y}", "key": {"$secret": {"type": "string"}}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a policy needs id"),
        ("[]", "is a map of keys"),
        ("id: a\n", "the policy has no validations"),
        ("id: a\nvalidations: []\n", "the policy has no validations"),
        (HEAD + f"    expression: {'x' * (LONGEST + 1)}\n", f"longer than {LONGEST}"),
        (HEAD + "    expression: 3\n", "a text in CEL"),
        ("id: a\nmodule: policies/b.rego\nengine: rego\n", "there is no module policies/b.rego"),
        ("id: a\nmodule: ../b.rego\nengine: rego\n", "there is no module ../b.rego"),
        (HEAD + "    expression: 'true'\nmodule: policies/x.rego\nengine: rego\n", "has no validations"),
        (HEAD + "    expression: 'true'\nengine: rego\n", "engine is for policies with a module"),
        (
            "id: a\nvalidations:\n" + "  - {name: x, expression: 'true', message: y}\n" * 101,
            "more than 100 validations",
        ),
    ],
)
def test_what_is_no_policy_is_told(text: str, said: str) -> None:
    files = {"policies/x.rego": b"package x\n"}
    policy, findings = read_policy("policies/a.yaml", text.encode(), files.get)
    assert policy is None
    assert any(said in item.message for item in findings), findings


def test_other_files_of_the_folder_are_no_policies() -> None:
    files = ["policies/README.md", "policies/limits.rego", "policies/.hidden/a.yaml", "policies/deep/er.yaml"]
    found = read_policies(files, [], lambda _: (HEAD + "    expression: 'true'\n").encode(), lambda _: None)
    assert [name for name, _, _ in found] == ["policies/deep/er.yaml"]


def test_of_two_rules_with_one_name_the_second_is_shown() -> None:
    text = (
        HEAD
        + '    expression: "true"\n  - name: d\n    message: c\n    expression: "true"\n  - name: b\n    message: c\n    expression: "true"\n'
    )
    _, findings = read_policy("policies/a.yaml", text.encode(), lambda _: None)
    assert [(item.message, item.position.line, item.position.column) for item in findings if item.position] == [
        ("b is the name of two validations", 9, 11)
    ]
