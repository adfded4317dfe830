"""Which of several alternatives was meant."""

from __future__ import annotations

import pytest

from gitconfigmgr.model.diagnostics import Position

from .support import SEALED, check, only

RATE = {"properties": {"kind": {"const": "rate"}, "rpm": {"type": "integer"}}, "required": ["kind", "rpm"]}
BUDGET = {"properties": {"kind": {"enum": ["budget", "cap"]}, "usd": {"type": "number"}}, "required": ["kind", "usd"]}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("indirect", [False, True])
def test_a_discriminator_decides(keyword: str, indirect: bool) -> None:
    branches = [{"$ref": "#/$defs/rate"}, {"allOf": [{"$ref": "#/$defs/budget"}]}] if indirect else [RATE, BUDGET]
    schema = {"properties": {"limit": {keyword: branches}}, "$defs": {"rate": RATE, "budget": BUDGET}}
    finding = only(schema, 'limit: {kind: rate, rpm: "60"}')
    assert finding.message == 'limit.rpm = "60" is a string, not an integer'
    finding = only(schema, "limit: {kind: cap}")
    assert (finding.code, finding.message) == ("GCM404", "limit.usd is missing")


def test_an_unknown_discriminator() -> None:
    finding = only({"properties": {"limit": {"oneOf": [RATE, BUDGET]}}}, "limit: {kind: budgt, usd: 1}")
    assert finding.message == 'limit.kind = "budgt" is none of "rate", "budget", "cap"'
    assert finding.help == "did you mean budget?"
    assert finding.rule == "schemas/s.json#/properties/limit/oneOf"
    assert finding.position == Position("configs/acme/base.yaml", 1, 15)


def test_a_branch_that_leaves_the_discriminator_open() -> None:
    other = {"properties": {"free": {"type": "boolean"}}, "required": ["free"]}
    finding = only({"properties": {"limit": {"anyOf": [RATE, BUDGET, other]}}}, "limit: {kind: own, free: 5}")
    assert finding.message == "limit.free = 5 is an integer, not true or false"


def test_two_discriminators() -> None:
    def branch(provider: str, mode: str, key: str) -> dict[str, object]:
        return {"properties": {"provider": {"const": provider}, "mode": {"const": mode}}, "required": [key]}

    branches = [branch("a", "chat", "one"), branch("a", "embed", "two"), branch("b", "chat", "three")]
    assert only({"anyOf": branches}, "provider: a\nmode: embed\n").message == "two is missing"


def test_without_a_discriminator_the_keys_decide() -> None:
    rate = {"properties": {"rpm": {"type": "integer"}}, "required": ["rpm"], "additionalProperties": False}
    budget = {"properties": {"usd": {"type": "number"}}, "required": ["usd"], "additionalProperties": False}
    finding = only({"properties": {"limit": {"anyOf": [budget, rate]}}}, 'limit: {rpm: "60"}')
    assert finding.message == 'limit.rpm = "60" is a string, not an integer'
    assert finding.help == "remove the quotes (or fit another of the 2 alternatives of the schema)"


def test_the_kind_of_the_value_decides() -> None:
    schema = {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]}}}
    assert only(schema, "a: {}").message == "a.x is missing"
    assert only(schema, "a: 1").message == "a = 1 is an integer, not a string or a map"


def test_alternatives_inside_alternatives() -> None:
    inner = {"oneOf": [RATE, BUDGET]}
    schema = {"properties": {"a": {"anyOf": [{"type": "null"}, inner]}}}
    assert only(schema, "a: {kind: rate, rpm: x}").message == 'a.rpm = "x" is a string, not an integer'


def test_the_condition_decides() -> None:
    schema = {"if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["z"]}, "else": {"required": ["y"]}}
    assert only(schema, "k: 1").rule == "schemas/s.json#/then/required"
    assert only(schema, "k: 2").rule == "schemas/s.json#/else/required"


def test_a_hidden_discriminator_says_nothing() -> None:
    schema = {"properties": {"limit": {"oneOf": [RATE, BUDGET]}}}
    assert check(schema, f"limit: {{kind: '{SEALED.format('str')}', rpm: 5}}") == []
