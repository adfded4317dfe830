"""The packaged LLM schemas: described for editors, closed to unknown keys, with examples that hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from referencing import Registry, Resource

from .support import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = sorted([*SCHEMAS.glob("llm/*.schema.json"), SCHEMAS / "namespace-metadata.schema.json"])
LOADED = {path.name: json.loads(path.read_bytes()) for path in FILES}
REGISTRY: Registry[Any] = Registry().with_resources(
    (each["$id"], Resource.from_contents(each)) for each in LOADED.values()
)


def properties(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All schemas that describe a value of their own."""
    for name, child in schema.get("properties", {}).items():
        yield f"{where}.{name}", child
        yield from properties(child, f"{where}.{name}")
    for keyword in ("items", "additionalProperties"):
        child = schema.get(keyword)
        if isinstance(child, dict):
            yield from properties(child, f"{where}.{keyword}")
    for name, child in schema.get("$defs", {}).items():
        yield from properties(child, f"{where}#{name}")


@pytest.mark.parametrize("name", LOADED)
def test_an_editor_can_show_it(name: str) -> None:
    schema = LOADED[name]
    assert {"title", "description", "examples"} <= schema.keys()
    for where, each in properties(schema, name):
        assert "description" in each, where
        assert each.get("examples") or each.get("enum"), where


@pytest.mark.parametrize("name", LOADED)
def test_unknown_keys_are_refused(name: str) -> None:
    for where, each in [(name, LOADED[name]), *properties(LOADED[name], name)]:
        if each.get("type") == "object" and "properties" in each:
            assert "additionalProperties" in each, where


@pytest.mark.parametrize("name", LOADED)
def test_the_examples_hold(name: str) -> None:
    schema = LOADED[name]
    for where, each in [(name, schema), *properties(schema, name)]:
        if "x-gcm-secret" in each:
            continue
        rule = each if each is schema else {**each, "$id": schema["$id"], "$defs": schema.get("$defs", {})}
        validator = jsonschema.Draft202012Validator(rule, registry=REGISTRY)
        for example in each.get("examples", []):
            assert not list(validator.iter_errors(example)), f"{where}: {example}"
