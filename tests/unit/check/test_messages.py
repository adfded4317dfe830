"""What findings say, and where."""

from __future__ import annotations

from typing import Any

import pytest

from gitconfigmgr.model.diagnostics import Position, Related
from gitconfigmgr.model.values import Derived

from .support import SEALED, check, node, only, view

# rule for the key `a`, document, message, label
WORDS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"type": "integer"}, 'a: "8080"', 'a = "8080" is a string, not an integer', "must be an integer"),
    ({"type": "string"}, "a: null", "a = null is not a string", "must be a string"),
    ({"type": ["string", "null"]}, "a: [1]", "a is a list, not a string or null", "must be a string or null"),
    ({"type": ["number", "integer"]}, "a: true", "a = true is a boolean, not a number", "must be a number"),
    ({"enum": ["x", "y"]}, "a: z", 'a = "z" is none of "x", "y"', 'must be one of "x", "y"'),
    ({"enum": list(range(10))}, "a: z", 'a = "z" is none of 0, 1, 2, 3, 4, 5, 6, 7 (2 more)', ""),
    ({"const": 5}, "a: 6", "a = 6 is not 5", "must be 5"),
    ({"const": 1}, "a: true", "a = true is not 1", "must be 1"),
    ({"minimum": 3}, "a: 2.5", "a = 2.5 is below the minimum 3", "must be >= 3"),
    ({"maximum": 3}, "a: 4", "a = 4 is above the maximum 3", "must be <= 3"),
    ({"exclusiveMinimum": 3}, "a: 3", "a = 3 is not above 3", "must be > 3"),
    ({"exclusiveMaximum": 3}, "a: 3", "a = 3 is not below 3", "must be < 3"),
    ({"multipleOf": 0.1}, "a: 0.25", "a = 0.25 is not a multiple of 0.1", "must be a multiple of 0.1"),
    ({"minLength": 3}, 'a: ""', "a is empty", "must have at least 3 characters"),
    ({"maxLength": 1}, 'a: "xy"', 'a = "xy" has 2 characters', "must have at most 1 character"),
    ({"pattern": "^x$"}, "a: z", 'a = "z" does not match ^x$', "must match ^x$"),
    ({"format": "date"}, "a: soon", 'a = "soon" is not a valid date', "must be a valid date"),
    ({"minItems": 1}, "a: []", "a is empty", "must have at least 1 item"),
    ({"maxItems": 1}, "a: [1, 2]", "a has 2 items", "must have at most 1 item"),
    ({"minProperties": 2}, "a: {b: 1}", "a has 1 key", "must have at least 2 keys"),
    ({"maxProperties": 0}, "a: {b: 1}", "a has 1 key", "must have at most 0 keys"),
    ({"uniqueItems": True}, "a: [1, true, 1.0]", "a.2 = 1 repeats an earlier item", "the same as item 0"),
    ({"uniqueItems": True}, "a: [{b: 1}, {b: 1}]", "a.1 repeats an earlier item", "the same as item 0"),
    ({"contains": {"const": 1}}, "a: [2]", "a has no item that meets the rule for one of them", "no such item"),
    ({"contains": {}, "minContains": 2}, "a: [2]", "a has 1 of the items that the schema asks for", ""),
    ({"contains": {}, "maxContains": 1}, "a: [2, 2]", "a has 2 of the items that the schema limits", ""),
    ({"prefixItems": [{}], "items": False}, "a: [1, 2]", "a has 2 items, 1 item at most", "at most 1 item"),
    ({"unevaluatedItems": False}, "a: [1]", "a.0 is an item more than the schema allows", "one too many"),
    ({"not": {"const": 1}}, "a: 1", "a = 1 is what the schema rules out", "ruled out"),
    ({"not": {"required": ["b", "c"]}}, "a: {b: 1, c: 2}", 'a has "b", "c", which the schema rules out', "not together"),
    ({"oneOf": [{"title": "small"}, {}]}, "a: 1", "a = 1 fits 2 alternatives of the schema, and exactly one is allowed", "fits small and number 2"),
    ({"propertyNames": {"pattern": "^[a-z]+$"}}, "a: {B: 1}", "key a.B does not match ^[a-z]+$", "must match ^[a-z]+$"),
    ({"anyOf": [{"type": "string"}, {"type": "array"}]}, "a: 1", "a = 1 is an integer, not a string or a list", "must be a string or a list"),
    ({"anyOf": [{"type": "string"}, {"const": 5}]}, "a: 1", "a = 1 is not a string or 5", "must be a string or 5"),
    ({"anyOf": [{"const": 4}, {"const": 5}]}, "a: 1", "a = 1 is none of 4, 5", "must be one of 4, 5"),
    ({"type": "string", "x-gcm-secret": "api_key", "pattern": "^sk"}, "a: hunter2", "a = <secret> does not match ^sk", "must match ^sk"),
    ({"x-gcm-secret": "api_key", "minLength": 9}, "a: hunter2", "a = <secret> is too short", "must have at least 9 characters"),
    ({"x-gcm-secret": "x", "items": {"enum": ["hunter3"]}}, "a: [hunter2]", 'a.0 = <secret> is not "hunter3"', 'must be "hunter3"'),
    ({"x-gcm-secret": "x", "uniqueItems": True}, "a: [hunter2, hunter2]", "a.1 repeats an earlier item", "the same as item 0"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text", "message", "label"), WORDS)
def test_words(rule: dict[str, Any], text: str, message: str, label: str) -> None:
    finding = only({"properties": {"a": rule}}, text)
    assert finding.code == "GCM402"
    assert finding.message == message
    assert finding.label == label or not label
    assert finding.help
    assert "hunter2" not in repr(finding)


@pytest.mark.parametrize(
    ("rule", "text", "help_"),
    [
        ({"type": "integer"}, 'a: "8080"', "remove the quotes"),
        ({"type": "integer"}, "a: many", "change the value, or the type in the schema"),
        ({"type": "string"}, "a: 8080", 'put it in quotes: "8080"'),
        ({"type": "array"}, "a: x", "write it as a list, one item on each line after a dash"),
        ({"enum": ["openai", "anthropic"]}, "a: opnai", "did you mean openai?"),
        ({"enum": ["openai", "anthropic"]}, "a: 5", "choose one of them, or add the value to the schema"),
        ({"pattern": "^x", "examples": ["xyz"]}, "a: z", "for example xyz"),
        ({"pattern": "^x", "description": "A name."}, "a: z", "the schema says: A name."),
        ({"maximum": 5}, "a: 6", "lower it, or change maximum in the schema"),
    ],
)
def test_help(rule: dict[str, Any], text: str, help_: str) -> None:
    assert only({"properties": {"a": rule}}, text).help == help_


def test_the_value_its_rule_and_its_place() -> None:
    schema = {"properties": {"llm": {"properties": {"max_tokens": {"maximum": 8192}}}}}
    finding = only(schema, "llm:\n  model: x\n  max_tokens: 99999\n")
    assert finding.message == "llm.max_tokens = 99999 is above the maximum 8192"
    assert finding.position == Position("configs/acme/base.yaml", 3, 15)
    assert finding.rule == "schemas/s.json#/properties/llm/properties/max_tokens/maximum"
    assert finding.key == "llm.max_tokens"


def test_a_list_is_shown_at_its_key() -> None:
    finding = only({"properties": {"tags": {"minItems": 2}}}, "x: 1\ntags:\n  - a\n")
    assert finding.position == Position("configs/acme/base.yaml", 2, 1)


def test_what_a_value_overrides() -> None:
    schema = {"properties": {"a": {"maximum": 5}}}
    lowest = node("a: 4", "configs/global/base.yaml").value["a"]
    lower = node("a: 6", "configs/acme/base.yaml").value["a"].replaced(lower=lowest)
    root = node("a: 7", "configs/acme/production.yaml")
    root.value["a"] = root.value["a"].replaced(lower=lower)
    (finding,) = view(schema).check(root)
    assert finding.position == Position("configs/acme/production.yaml", 1, 4)
    assert finding.related == (
        Related(Position("configs/acme/base.yaml", 1, 4), "overrides", "6"),
        Related(Position("configs/global/base.yaml", 1, 4), "overrides", "4"),
    )


@pytest.mark.parametrize(("below", "shown"), [(SEALED.format("str"), "<secret>"), ("${b.c}", '"${b.c}"'), ("[1]", "")])
def test_what_is_shown_of_an_overridden_value(below: str, shown: str) -> None:
    root = node("a: 7")
    root.value["a"] = root.value["a"].replaced(lower=node(f"a: {below}").value["a"])
    (finding,) = view({"properties": {"a": {"type": "string"}}}).check(root)
    assert [(each.message, each.note) for each in finding.related] == [("overrides", shown)]


def test_a_secret_key_hides_what_it_overrides() -> None:
    root = node("a: 7")
    root.value["a"] = root.value["a"].replaced(lower=node("a: hunter2").value["a"])
    (finding,) = view({"properties": {"a": {"type": "string", "x-gcm-secret": "x"}}}).check(root)
    assert finding.message == "a = <secret> is an integer, not a string"
    assert finding.help == "encrypt a value of the right type"
    assert "hunter2" not in repr(finding)
    assert "7" not in finding.message


def test_where_a_reference_led() -> None:
    origin = node("b: 7", "configs/global/base.yaml").value["b"]
    root = node("a: x")
    root.value["a"] = Derived(7, root.document, root.value["a"].mark, root.value["a"].key_mark, via=(origin,))
    (finding,) = view({"properties": {"a": {"type": "string"}}}).check(root)
    assert finding.related == (Related(Position("configs/global/base.yaml", 1, 4), "the value comes from here"),)


def test_unknown_keys_each_at_its_own_place() -> None:
    schema = {"properties": {"llm": {"properties": {"timeout": {}, "model": {}}, "additionalProperties": False}}}
    first, second = check(schema, "llm:\n  timeuot: 1\n  model: x\n  zzz: 2\n")
    assert (first.code, first.message, first.help) == (
        "GCM403",
        "llm.timeuot is not known to the schema",
        "did you mean timeout?",
    )
    assert first.position == Position("configs/acme/base.yaml", 2, 3)
    assert first.rule == "schemas/s.json#/properties/llm/additionalProperties"
    assert (second.position, second.help) == (Position("configs/acme/base.yaml", 4, 3), "known are timeout")


def test_unevaluated_keys() -> None:
    schema = {
        "$ref": "#/$defs/base",
        "unevaluatedProperties": False,
        "$defs": {"base": {"properties": {"timeout": {}}}},
    }
    finding = only(schema, "timeout: 1\ntimeuot: 2\n")
    assert (finding.code, finding.help) == ("GCM403", "correct the key, or add it to the schema")
    assert only(schema, "timeuot: 2\n").help == "did you mean timeout?"


def test_unevaluated_keys_with_a_schema_of_their_own() -> None:
    finding = only({"unevaluatedProperties": {"type": "string"}}, "a: 1")
    assert finding.message == "a = 1 is an integer, not a string"


def test_missing_keys_each_at_the_key_of_the_map() -> None:
    schema = {
        "properties": {"llm": {"required": ["model", "mode"], "properties": {"model": {"description": "The name."}}}}
    }
    first, second = check(schema, "x: 1\nllm:\n  a: 1\n")
    assert (first.code, first.message, first.label) == ("GCM404", "llm.model is missing", "model is required here")
    assert first.position == Position("configs/acme/base.yaml", 2, 1)
    assert first.help == "set llm.model: the name"
    assert first.rule == "schemas/s.json#/properties/llm/required"
    assert second.help == "set llm.mode in a layer of this target"


def test_missing_at_the_top() -> None:
    finding = only({"required": ["a"]}, "b: 1")
    assert (finding.message, finding.position) == ("a is missing", Position("configs/acme/base.yaml", 1, 1))


def test_missing_beside_another() -> None:
    finding = only({"dependentRequired": {"b": ["c"]}}, "a: 1\nb: 1\n")
    assert (finding.code, finding.message) == ("GCM404", "c is missing, which b needs beside it")
    assert finding.position == Position("configs/acme/base.yaml", 2, 1)
    assert finding.rule == "schemas/s.json#/dependentRequired/b"


def test_one_of_several_keys() -> None:
    schema = {"properties": {"m": {"anyOf": [{"required": ["api_key"]}, {"required": ["user", "password"]}]}}}
    finding = only(schema, "m: {x: 1}")
    assert (finding.code, finding.message) == ("GCM404", "m lacks api_key or user and password")


def test_forbidden_key() -> None:
    finding = only({"properties": {"a": False}}, "b: 1\na: 2\n")
    assert (finding.message, finding.rule) == ("a is not allowed here", "schemas/s.json#/properties/a")
    assert finding.position == Position("configs/acme/base.yaml", 2, 1)


def test_false_forbids_everything() -> None:
    assert only(False, "a: 1").message == "the document is not allowed here"
    assert check(True, "a: 1") == []


def test_the_rule_follows_references_to_their_file() -> None:
    files = {"schemas/parts/port.json": {"$defs": {"port": {"maximum": 65535}}}}
    schema = {"properties": {"a": {"$ref": "parts/port.json#/$defs/port"}}}
    assert only(schema, "a: 99999", files).rule == "schemas/parts/port.json#/$defs/port/maximum"


def test_the_rule_of_a_packaged_schema() -> None:
    schema = {"properties": {"a": {"$ref": "gcm:llm/model-endpoint.schema.json"}}}
    findings = check(schema, "a: {provider: opnai}")
    assert findings[0].help == "did you mean openai?"
    assert findings[0].rule == "gcm:llm/model-endpoint.schema.json#/properties/provider/enum"


def test_a_path_of_the_binding_is_part_of_the_name() -> None:
    bound = view({"properties": {"x": {"type": "string"}}}, path=("models", "endpoints"))
    (finding,) = bound.check(node("models:\n  endpoints:\n    x: 1\n"))
    assert (finding.key, finding.position) == ("models.endpoints.x", Position("configs/acme/base.yaml", 3, 8))
    assert bound.check(node("models: {}")) == []
    assert bound.check(node("models: 5")) == []


def test_long_values_are_cut() -> None:
    finding = only({"properties": {"a": {"pattern": "^x"}}}, f"a: {'y' * 1000}")
    assert len(finding.message) < 100


def test_keys_that_need_quotes() -> None:
    assert only({"additionalProperties": {"type": "string"}}, '"a.b": 1').key == '"a.b"'


def test_a_rule_of_the_metaschema() -> None:
    schema = {"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}}
    assert only(schema, "a: {minLength: -1}").message == "a.minLength = -1 breaks its schema"


def test_one_cause_is_reported_once() -> None:
    rule = {"properties": {"a": {"type": "string"}}}
    assert len(check({"allOf": [rule, rule]}, "a: 1")) == 1
