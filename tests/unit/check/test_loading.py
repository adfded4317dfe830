"""Which schemas load, what is refused, and that nothing else is ever read."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.diagnostics import Position

from .support import binding, check, node, read_packaged, refused, schema_set, view


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a schema made the program use the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("reference", "files"),
    [
        ("#/$defs/s", {}),
        ("#s", {}),
        ("other.json", {"schemas/other.json": STRING}),
        ("./sub/../other.json#", {"schemas/other.json": STRING}),
        ("../common/other.json", {"common/other.json": STRING}),
        ("/common/other.json", {"common/other.json": STRING}),
        ("other.json#/$defs/a~1b%20c", {"schemas/other.json": {"$defs": {"a/b c": STRING}}}),
        ("other.json#/x/list/0", {"schemas/other.json": {"x": {"list": [STRING]}}}),
        ("other.json#name", {"schemas/other.json": {"$defs": {"x": {"$anchor": "name", **STRING}}}}),
        ("with%20space.json", {"schemas/with space.json": STRING}),
        ("ümlaut.json", {"schemas/ümlaut.json": STRING}),
        ("other.json", {"schemas/other.json": {"$id": "https://example.com/o.json", "$ref": "deep.json"}, "schemas/deep.json": STRING}),
        ("item", {}),
        ("https://example.com/embedded", {}),
        ("https://example.com/schemas/s.json#/$defs/s", {}),
        ("https://example.com/other.json", {"schemas/other.json": {"$id": "https://example.com/other.json", **STRING}, "schemas/chain.json": {"$ref": "other.json"}}),
    ],
)  # fmt: skip
def test_references_inside(reference: str, files: dict[str, Any]) -> None:
    schema = {
        "$id": "https://example.com/schemas/s.json",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {
            "a": {"$ref": reference},
            "chain": {"$ref": "chain.json"} if "schemas/chain.json" in files else {},
        },
        "$defs": {
            "s": {"$anchor": "s", **STRING},
            "item": {"$id": "item", **STRING},
            "embedded": {"$id": "https://example.com/embedded", **STRING},
        },
    }
    made = view(schema, files)
    assert made.check(node("a: x")) == []
    assert [finding.code for finding in made.check(node("a: 1"))] == ["GCM402"]
    assert made.knows(("a",))


def test_references_to_packaged_schemas() -> None:
    schema = {"properties": {"db": {"$ref": "gcm:llm/database.schema.json"}}}
    assert {finding.code for finding in check(schema, "db: {}")} == {"GCM404"}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("http://127.0.0.1:9/x.json", "is outside the repository"),
        ("https://example.com/schemas/other.json", "is outside the repository"),
        ("//example.com/x.json", "is outside the repository"),
        ("file:///etc/passwd", "is outside the repository"),
        ("urn:example:x", "is outside the repository"),
        ("../../etc/passwd", "leads out of the repository"),
        ("%2e%2e/%2e%2e/etc/passwd", "leads out of the repository"),
        ("gcm:../../etc/passwd", "leads out of the packaged schemas"),
        ("gcm:llm/none.json", "there is no gcm:llm/none.json"),
        ("none.json", "there is no schemas/none.json"),
        ("#/$defs/none", "has no schema #/$defs/none"),
        ("#none", "has no schema #none"),
        ("#/title", "has no schema #/title"),
        ("#/x-any", "has no schema #/x-any"),
        ("http://[bad", "is not a URI"),
    ],
)
def test_references_outside(reference: str, reason: str) -> None:
    schemas = schema_set({"properties": {"a": {"$ref": reference}}, "title": "t", "x-any": {"type": "strin"}})
    schemas.view("acme")
    (finding,) = schemas.findings
    assert finding.code == "GCM401"
    assert finding.message.startswith("schemas/s.json: ")
    assert reason in finding.message
    assert finding.position == Position("schemas/s.json", 1, 23)
    assert finding.help is not None
    assert finding.help.startswith("a $ref may point to files of the repository")


def test_a_packaged_schema_cannot_leave_the_package() -> None:
    schemas = SchemaSet(
        [binding("gcm:a.json")], lambda _: b"{}", lambda name: b'{"$ref": "../x.json"}' if name == "a.json" else None
    )
    schemas.view("acme")
    assert "leads out of the packaged schemas" in schemas.findings[0].message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("schemas/none.json", "there is no file schemas/none.json"),
        ("gcm:none.json", "there is no packaged schema gcm:none.json"),
        ("schemas/s.yaml", "schemas/s.yaml is YAML, and schemas are JSON"),
        ("../s.json", "leads out of the repository"),
        ("/etc/passwd", "is not a path in the repository"),
        ("https://example.com/s.json", "is not a path in the repository"),
    ],
)
def test_a_binding_to_nothing(name: str, reason: str) -> None:
    read: list[str] = []
    schemas = SchemaSet([binding(name), binding(name)], read.append, read_packaged)
    made = schemas.view("acme")
    (finding,) = schemas.findings
    assert (finding.code, finding.position) == ("GCM401", Position("gitconfigmgr.yaml", 3, 5))
    assert reason in finding.message
    assert made.check(node("a: 1")) == []
    assert made.knows(("a", "b")), "no follow-up findings about unknown keys"
    assert set(read) <= {"schemas/none.json"}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        (b"{\n  bad", "not valid JSON: expecting property name", 2),
        (b'{"a": 1, "a": 2}', 'the key "a" is written twice', 1),
        (b'{"maximum": NaN}', "NaN is no JSON number", 1),
        (b"\xff", "not UTF-8", 1),
        (b"[]", "a schema is a map, true or false", 1),
        (b"[" * 100_000, "nested more than 100 levels deep", 1),
        (b'{"not":' * 150 + b"{}" + b"}" * 150, "nested more than 100 levels deep", 1),
        (b'{"a": "' + b"x" * (4 * 1024 * 1024) + b'"}', "larger than", 1),
        (b'{"$schema":\n "http://json-schema.org/draft-07/schema#"}', "another dialect", 1),
        (b'{"properties": {\n"a": {\n"type": "strin"}}}', "/properties/a/type is not valid JSON Schema", 3),
        (b'{"properties": {"a": {\n"x-gcm-merge": "join"}}}', "x-gcm-merge names no strategy", 2),
        (b'{"properties": {"a": {\n"x-gcm-merge": {"by": ""}}}}', "x-gcm-merge names no strategy", 2),
        (b'{"properties": {"a": {\n"pattern": "(?=a)b"}}}', "the pattern (?=a)b cannot be used", 2),
        (b'{"patternProperties": {\n"(a)\\\\1": {}}}', r"the pattern (a)\1 cannot be used", 2),
        (b'{"properties": {"a": {\n"pattern": "(("}}}', "the pattern (( cannot be used", 2),
        (b'{"pattern": "^((a{1000}){1000}){1000}$"}', "cannot be used", 1),
        (b'{"dependencies": {"a": ["b"]}}', "dependencies is no keyword of 2020-12", 1),
        (b'{"$defs": {"a": {"$id": "x"},\n"b": {"$id": "x"}}}', "$id x is in use already", 2),
    ],
)  # fmt: skip
def test_what_is_no_schema(text: bytes, reason: str, line: int) -> None:
    schemas = schema_set(text)
    assert schemas.view("acme").check(node("a: 1")) == []
    messages = [finding.message for finding in schemas.findings]
    assert any(reason in message for message in messages), messages
    assert [finding.position.line for finding in schemas.findings if finding.position] == [line] * len(messages)


def test_a_bad_file_that_a_good_one_uses() -> None:
    assert len(refused({"$ref": "bad.json"}, {"schemas/bad.json": "{"})) == 1


def test_two_files_with_one_id() -> None:
    one, two = (
        {"$id": "https://example.com/x", "properties": {"a": {"$ref": "two.json"}}},
        {"$id": "https://example.com/x"},
    )
    assert any("have the same $id" in message for message in refused(one, {"schemas/two.json": two}))


LOOPS: list[dict[str, Any]] = [
    {"$ref": "#"},
    {"allOf": [{"$ref": "#"}]},
    {"not": {"anyOf": [{"$ref": "#/not"}]}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"if": {"$ref": "#"}},
    {"dependentSchemas": {"a": {"$ref": "#"}}},
    {"$ref": "s.json"},
    {"$ref": "other.json"},
    {"$dynamicAnchor": "x", "$dynamicRef": "#x"},
]


@pytest.mark.parametrize("schema", LOOPS)
def test_a_loop(schema: dict[str, Any]) -> None:
    messages = refused(schema, {"schemas/other.json": {"$ref": "s.json"}})
    assert len(messages) == 1
    assert "leads back to itself" in messages[0]


def test_recursion_into_members_is_fine() -> None:
    schema = {"properties": {"child": {"$ref": "#"}, "num": {"type": "integer"}}, "additionalProperties": False}
    text = "num: 1\n" + "".join(f"{'  ' * depth}child:\n{'  ' * (depth + 1)}num: 1\n" for depth in range(50))
    assert check(schema, text) == []
    findings = check(schema, text.replace("num: 1", "num: x"))
    assert len(findings) == 51


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#/$defs/d0", "$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)} | {"d5000": {}}}, "in a row"),
        ({"$ref": "#/$defs/d0", "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}}}, "held against more than"),
    ],
)  # fmt: skip
def test_schemas_that_would_take_for_ever(schema: dict[str, Any], reason: str) -> None:
    started = time.process_time()
    assert any(reason in message for message in refused(schema))
    assert time.process_time() - started < 5


def test_too_many_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitconfigmgr.check.library.MAX_SCHEMAS", 100)
    assert refused({"$defs": {f"d{n}": {} for n in range(100)}}) == [
        "schemas/s.json: the schemas in use have more than 100 parts"
    ]


@pytest.mark.parametrize("keyword", ["pattern", "patternProperties", "propertyNames"])
def test_a_pattern_that_would_backtrack_for_ever(keyword: str) -> None:
    evil, text = "^(a+)+$", "a" * 10_000 + "!"
    rule: dict[str, Any] = {"pattern": {"properties": {"k": {"pattern": evil}}},
                            "patternProperties": {"patternProperties": {evil: {}}, "additionalProperties": False, "unevaluatedProperties": False},
                            "propertyNames": {"propertyNames": {"pattern": evil}}}[keyword]  # fmt: skip
    document = json.dumps({"k": text} if keyword == "pattern" else {text[:500] + "!": 1})
    started = time.process_time()
    made = view(rule)
    assert len(made.check(node(document))) >= 1
    made.knows((text,))
    assert time.process_time() - started < 5


def test_a_document_too_deep_for_the_slow_validator() -> None:
    schema = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"anyOf": [{"allOf": [{"properties": {"c": {"$ref": "#/$defs/n"}, "v": {"type": "string"}}}]}]}},
    }
    depth = 200
    text = "".join(f"{' ' * n}c:\n" for n in range(depth)) + " " * depth + "v: 1\n"
    from gitconfigmgr.model.settings import Limits
    from gitconfigmgr.source.reader import read_document

    document, _ = read_document("configs/acme/base.yaml", "acme", "base", "", text.encode(), Limits(depth=256))
    assert document.root is not None
    findings = view(schema).check(document.root)
    assert [finding.code for finding in findings] == ["GCM402"]
    assert findings[0].rule is not None


def test_a_long_list_of_maps_is_quick() -> None:
    text = "k:\n" + "".join(f"  - {{num: {n}}}\n" for n in range(5_000)) + "  - {num: 5}\n"
    root = node(text)
    started = time.process_time()
    (finding,) = view({"properties": {"k": {"uniqueItems": True}}}).check(root)
    assert finding.label == "the same as item 5"
    assert time.process_time() - started < 5
