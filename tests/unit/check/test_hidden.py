"""Secrets, and what failed references leave: only their type can be checked, and they are never shown."""

from __future__ import annotations

from typing import Any

import pytest

from gitconfigmgr.model.values import REQUIRED, SEALED, Node, Required, Sealed, Segments

from .support import SEALED as TOKEN
from .support import check, node, only, view


@pytest.mark.parametrize(
    ("sealed", "rule", "message"),
    [
        ("str", {"type": "integer"}, "k = <secret> is a string, not an integer"),
        ("str", {"type": "string", "pattern": "^sk-", "minLength": 100, "enum": ["a"], "format": "uri"}, None),
        ("int", {"type": "integer", "maximum": -5, "multipleOf": 7}, None),
        ("int", {"type": "number"}, None),
        ("int", {"type": "string"}, "k = <secret> is an integer, not a string"),
        ("float", {"type": "integer"}, None),  # 1.0 is an integer
        ("float", {"type": "boolean"}, "k = <secret> is a number, not true or false"),
        ("bool", {"const": False}, None),
        ("bool", {"type": "null"}, "k = <secret> is a boolean, not null"),
        ("bytes", {"type": "string"}, None),
        ("time", {"type": "number"}, "k = <secret> is a string, not a number"),
        ("str", {"anyOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}]}, None),
        ("str", {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "k = <secret> is a string, not an integer or true or false"),
        ("str", {"oneOf": [{"pattern": "^a"}, {"pattern": "^b"}]}, None),
        ("str", {"not": {"pattern": "^a"}}, None),
        ("str", {"not": {"type": "string"}}, "k = <secret> is what the schema rules out"),
        ("str", {"if": {"pattern": "^a"}, "then": {"maxLength": 0}, "else": {"minLength": 10000}}, None),
        ("str", {"allOf": [{"type": "string"}, {"type": "integer"}]}, "k = <secret> is a string, not an integer"),
    ],
)  # fmt: skip
def test_a_sealed_value(sealed: str, rule: dict[str, Any], message: str | None) -> None:
    findings = check({"properties": {"k": rule}}, f"k: {TOKEN.format(sealed)}")
    assert [finding.message for finding in findings] == ([message] if message else [])
    assert "ENC[" not in repr(findings)


@pytest.mark.parametrize(
    ("rule", "valid"),
    [
        ({"properties": {"k": {"const": "a"}}, "required": ["z"]}, False),
        ({"not": {"properties": {"k": {"const": "a"}}, "required": ["k"]}}, True),
        ({"if": {"properties": {"k": {"const": "a"}}}, "then": {"required": ["z"]}}, True),
        ({"if": {"properties": {"k": {"type": "string"}}}, "then": {"required": ["z"]}}, False),
        ({"const": {"k": "a", "o": 1}}, True),
        ({"const": {"k": "a", "o": 2}}, False),
        ({"const": {"k": "a"}}, False),
        ({"unevaluatedProperties": False, "anyOf": [{"properties": {"k": {"const": 1}, "o": {}}}]}, True),
        ({"properties": {"o": {"maximum": 0}, "k": {"maxLength": 0}}}, False),
    ],
)  # fmt: skip
def test_around_a_sealed_value(rule: dict[str, Any], valid: bool) -> None:
    assert (check(rule, f"k: {TOKEN.format('str')}\no: 1\n") == []) == valid


@pytest.mark.parametrize(
    ("rule", "valid"),
    [
        ({"uniqueItems": True}, True),
        ({"contains": {"const": "z"}}, True),
        ({"contains": {"const": 1}, "maxContains": 0, "minContains": 0}, False),
        ({"contains": {"const": "z"}, "maxContains": 0, "minContains": 0}, True),
        ({"contains": {"type": "string"}, "maxContains": 1}, False),
        ({"contains": {"const": "z"}, "minContains": 3}, False),
        ({"enum": [["a", "b", 1]]}, True),
        ({"enum": [["a", "b", 2]]}, False),
        ({"items": {"type": "string"}}, False),
    ],
)
def test_a_list_of_sealed_values(rule: dict[str, Any], valid: bool) -> None:
    text = f"k: [{TOKEN.format('str')!r}, {TOKEN.format('str')!r}, 1]"
    assert (check({"properties": {"k": rule}}, text) == []) == valid


@pytest.mark.parametrize("value", [Segments(("a", Sealed("x", "str"))), Sealed("", "unknown"), Required("why")])
@pytest.mark.parametrize("wanted", ["string", "integer", "object"])
def test_other_hidden_values(value: Any, wanted: str) -> None:
    root = node("k: 1\n")
    flag = REQUIRED if isinstance(value, Required) else SEALED
    root = root.replaced(value={"k": Node(value, root.document, root.mark, flags=flag)}, flags=flag)
    findings = view({"properties": {"k": {"type": wanted, "pattern": "^x", "required": ["a"]}}}).check(root)
    assert bool(findings) == (isinstance(value, Segments) and wanted != "string")


def test_other_errors_are_still_found() -> None:
    schema = {"properties": {"k": {"pattern": "^x"}, "num": {"type": "string"}}, "additionalProperties": False}
    assert only(schema, f"k: {TOKEN.format('str')}\nnum: 1\n").message == "num = 1 is an integer, not a string"


def test_a_pattern_for_a_secret_does_not_load_the_slow_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    made = view({"properties": {"k": {"type": "string", "pattern": "^sk-"}}})
    monkeypatch.setattr(type(made), "_findings", None)
    assert made.check(node(f"k: {TOKEN.format('str')}")) == []
