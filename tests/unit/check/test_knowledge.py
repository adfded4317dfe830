"""What schemas tell the merge about paths."""

from __future__ import annotations

from typing import Any

from gitconfigmgr.check.schemas import SchemaSet

from .support import binding, node, read_packaged, schema_set, view

SCHEMA: dict[str, Any] = {
    "properties": {
        "tags": {"type": "array", "x-gcm-merge": "union"},
        "tools": {"$ref": "#/$defs/tools"},
        "env": {"patternProperties": {"^[A-Z]+$": {"type": "string"}}},
        "limits": {"additionalProperties": {"properties": {"rpm": {}}}},
        "open": {"additionalProperties": True},
        "maybe": {"type": ["array", "null"]},
        "either": {"type": ["array", "string"]},
        "gone": False,
        "any": True,
        "pair": {"prefixItems": [{"properties": {"first": {}}}], "items": {"properties": {"rest": {}}}},
    },
    "allOf": [{"properties": {"one": {}}}],
    "anyOf": [{"properties": {"two": {}}}],
    "oneOf": [{"properties": {"three": {}}}],
    "if": {"properties": {"four": {}}},
    "then": {"properties": {"five": {}}},
    "else": {"properties": {"six": {}}},
    "not": {"properties": {"never": {}}},
    "$defs": {
        "tools": {
            "type": "array",
            "x-gcm-merge": {"by": "name"},
            "items": {"properties": {"name": {}, "args": {"items": {}, "x-gcm-merge": "append"}}},
        }
    },
}


def test_strategies() -> None:
    made = view(SCHEMA)
    assert made.strategy(("tags",)) == ("union", "schemas/s.json#/properties/tags/x-gcm-merge")
    assert made.strategy(("tools",)) == ({"by": "name"}, "schemas/s.json#/$defs/tools/x-gcm-merge")
    assert made.strategy(("tools", 3, "args")) == (
        "append",
        "schemas/s.json#/$defs/tools/items/properties/args/x-gcm-merge",
    )
    assert made.strategy(("env",)) is None
    assert made.strategy(("none", "at", "all")) is None


def test_known_paths() -> None:
    made = view(SCHEMA)
    for path in [(), ("tags",), ("tools", 0, "name"), ("env", "HOME"), ("limits", "any", "rpm"), ("any",), ("pair", 0, "first"),
                 ("pair", 1, "rest"), ("one",), ("two",), ("three",), ("four",), ("five",), ("six",)]:  # fmt: skip
        assert made.knows(path), path
    for path in [("zzz",), ("env", "home"), ("limits", "any", "tpm"), ("open", "x"), ("gone",), ("never",), ("pair", 0, "rest"), ("tags", "x")]:  # fmt: skip
        assert not made.knows(path), path


def test_lists() -> None:
    made = view(SCHEMA)
    assert [name for name in SCHEMA["properties"] if made.is_list((name,))] == ["tags", "tools", "maybe", "pair"]


def test_members() -> None:
    made = view(SCHEMA)
    assert set(made.members(())) == {*SCHEMA["properties"], "one", "two", "three", "four", "five", "six"} - {"gone"}
    assert made.members(("tools", 7)) == ["name", "args"]
    assert made.members(("zzz",)) == []


def test_a_path_of_the_binding() -> None:
    made = view({"properties": {"x": {}}}, path=("models", "endpoints"))
    for path in [("models",), ("models", "endpoints"), ("models", "endpoints", "x")]:
        assert made.knows(path), path
    for path in [("x",), ("models", "x"), ("models", "endpoints", "y")]:
        assert not made.knows(path), path
    assert made.members(()) == ["models"]
    assert made.members(("models",)) == ["endpoints"]


def test_no_binding_knows_nothing() -> None:
    made = SchemaSet([], lambda _: None, read_packaged).view("acme")
    assert (made.strategy(("a",)), made.knows(("a",)), made.is_list(("a",)), made.members(())) == (
        None,
        False,
        False,
        [],
    )
    assert made.check(node("a: 1")) == []


def test_packaged_and_recursive() -> None:
    made = view({"properties": {"child": {"$ref": "#"}, "chain": {"$ref": "gcm:llm/fallback-chain.schema.json"}}})
    assert made.knows(("child",) * 50)
    assert any(made.strategy(("chain", name)) for name in made.members(("chain",)))


def test_two_bindings() -> None:
    files = {"a.json": b'{"properties": {"x": {}}}', "b.json": b'{"properties": {"y": {"x-gcm-merge": "append"}}}'}
    made = SchemaSet([binding("a.json"), binding("b.json")], files.get, read_packaged).view("acme")
    assert made.members(()) == ["x", "y"]
    assert made.strategy(("y",)) == ("append", "b.json#/properties/y/x-gcm-merge")


def test_a_broken_file_knows_everything() -> None:
    schemas = schema_set({"properties": {"a": {"$ref": "none.json"}}})
    assert schemas.view("acme").knows(("zzz",))
