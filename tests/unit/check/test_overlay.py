"""Schemas for editors: what a whole document may say a layer may say too, and directives where they belong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from gitconfigmgr.check.overlay import OWN, editor_settings, overlay_file, overlay_schema, own_file
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.settings import Limits, SchemaBinding
from gitconfigmgr.model.values import Expression, Node, Sealed
from gitconfigmgr.resolve.directives import NAMES
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.settings import read_settings

from .official import groups
from .support import PACKAGED, SEALED, binding, read_packaged, schema_set

EXAMPLE = PACKAGED.parent / "example-repo"


def overlay(schema: Any, files: dict[str, Any] | None = None, path: tuple[str, ...] = ()) -> Any:
    bundled = schema_set(schema, files).bundled("schemas/s.json", path)
    assert bundled is not None
    made = overlay_schema(bundled)
    Draft202012Validator.check_schema(made)
    return jsonschema_rs.Draft202012Validator(made)


SERVICE = {
    "type": "object",
    "properties": {
        "port": {"type": "integer", "maximum": 65535},
        "host": {"type": "string", "pattern": "^[a-z.]+$", "maxLength": 20},
        "mode": {"enum": ["chat", "embed"]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
        "tools": {
            "type": "array",
            "x-gcm-merge": {"by": "name"},
            "items": {"properties": {"name": {"type": "string"}, "size": {"type": "integer"}}, "required": ["name", "size"]},
        },
        "limits": {"$ref": "#/$defs/limits"},
        "labels": {"patternProperties": {"^[a-z]": {"type": "string"}}, "propertyNames": {"maxLength": 5}},
        "either": {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}]},
        "gone": False,
    },
    "required": ["port", "host"],
    "dependentRequired": {"mode": ["tags"]},
    "additionalProperties": False,
    "minProperties": 2,
    "$defs": {"limits": {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 1}},
}  # fmt: skip

GOOD: list[Any] = [
    {},
    {"port": 80},
    {"port": "${a.b}"},
    {"port": SEALED.format("int")},
    {"port": {"$value": 80, "$lock": "agreed with the network team"}},
    {"port": {"$value": "${a.b}", "$until": "2026-12-31", "$owner": "web"}},
    {"port": {"$delete": True}},
    {"port": {"$delete": "if-present"}},
    {"port": {"$required": "each environment has its own"}},
    {"host": {"$template": "{{ name }}.example", "$vars": {"name": "${a.b}"}}},
    {"host": "${UPPER}-and-longer-than-twenty"},
    {"mode": {"$value": "chat", "$promote": True}},
    {"mode": {"$value": "chat", "$force": "OPS-1"}},
    {"tags": ["one"]},
    {"tags": {"$append": ["a"], "$remove": ["b"]}},
    {"tags": {"$replace": ["a"]}},
    {"tags": ["${a}", "b"]},
    {"tools": [{"name": "x"}]},
    {"tools": {"$by": "name", "$items": [{"name": "x", "size": 1}, {"name": "y", "$delete": True}]}},
    {"limits": {"rpm": {"$value": 5}, "$new": True}},
    {"limits": {"$replace": {"rpm": 5}}},
    {"labels": {"a": "x", "$new": True}},
    {"either": {"$delete": True}},
    {"either": {}},
    {"$new": True, "port": 5},
]

BAD: list[Any] = [
    {"port": "80"},
    {"port": 99999},
    {"port": {"$value": 99999}},
    {"port": {"$value": {"$value": "x"}}},
    {"port": {"value": 80}},
    {"port": {"$delete": False}},
    {"port": {"$dleete": True}},
    {"port": {"$lock": ""}},
    {"port": {"$value": 80, "$until": "soon"}},
    {"host": "UPPER"},
    {"host": "${UPPER", "port": "x"},
    {"mode": "chta"},
    {"mode": {"$value": "chta"}},
    {"tags": "one"},
    {"tags": {"$append": "a"}},
    {"tags": {"$append": [5]}},
    {"tags": ["a", "a"]},
    {"tools": [{"name": "x", "size": "big"}]},
    {"tools": {"$by": "name", "$items": [{"size": "big"}]}},
    {"limits": {"rpm": "x"}},
    {"limits": {"rpm": {"$value": "x"}}},
    {"labels": {"a": 5}},
    {"labels": {"toolong": "x"}},
    {"either": 5},
    {"either": {"x": "y"}},
    {"gone": 1},
    {"prot": 80},
]


@pytest.mark.parametrize("document", GOOD)
def test_what_a_layer_may_say(document: Any) -> None:
    assert overlay(SERVICE).is_valid(document)


@pytest.mark.parametrize("document", BAD)
def test_what_is_wrong_in_a_layer_too(document: Any) -> None:
    assert not overlay(SERVICE).is_valid(document)


def test_a_part_of_a_conditional_schema() -> None:
    condition = {"if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}, "then": {"properties": {"x": {"type": "integer"}}}, "else": {"properties": {"y": {"type": "integer"}}}}  # fmt: skip
    made = overlay({"properties": {"kind": {}}, **condition, "unevaluatedProperties": False})
    for document in [{"x": 1}, {"y": 1}, {"kind": "a", "x": 1}, {"kind": {"$value": "a"}, "x": 1}]:
        assert made.is_valid(document), document
    assert not made.is_valid({"z": 1})


def test_references_follow_what_has_moved() -> None:
    schema = {
        "oneOf": [
            {"properties": {"a": {"type": "integer"}}},
            {"properties": {"b": {"$ref": "#/oneOf/0/properties/a"}}},
        ],
        "not": {"$anchor": "n", "type": "null"},
        "properties": {"c": {"$ref": "#/not"}},
        "propertyNames": {"maxLength": 9},
        "patternProperties": {"^x%": {"type": "string"}},
        "allOf": [{"properties": {"d": {"$ref": "#/patternProperties/%5Ex%25"}}}],
    }
    made = overlay({"properties": {"s": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"$id": "inner.json", **schema}}})
    assert made.is_valid({"s": {"c": "anything", "d": "text"}})
    assert not made.is_valid({"s": {"d": 5}})
    assert not made.is_valid({"s": {"x%": 5}})
    assert not made.is_valid({"s": {"a": "x", "b": "x"}})


def test_a_path_of_the_binding_and_other_files() -> None:
    made = overlay({"properties": {"p": {"$ref": "port.json"}}}, {"schemas/port.json": {"type": "integer"}}, ("a", "b"))
    assert made.is_valid({"a": {"b": {"p": 1}}, "other": 1})
    assert made.is_valid({"a": {"$replace": {"b": {"p": 1}}}})
    assert not made.is_valid({"a": {"b": {"p": "x"}}})
    assert not made.is_valid({"a": {"b": {"p": {"$value": "x"}}}})


def _has_directives(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("$") for key in value) or any(map(_has_directives, value.values()))
    return isinstance(value, list) and any(map(_has_directives, value))


def test_every_valid_document_is_a_valid_layer() -> None:
    wrong = []
    count = 0
    for group in groups():
        if group.compiled is None:
            continue
        bundled = group.schemas.bundled(group.schema_name)
        assert bundled is not None
        made = jsonschema_rs.Draft202012Validator(overlay_schema(bundled), validate_formats=True)
        for each in group.tests:
            if group.compiled.fast.is_valid(each["data"]) and not _has_directives(each["data"]):
                count += 1
                if not made.is_valid(each["data"]):
                    wrong.append(f"{group.name}: {each['description']}")
    assert wrong == []
    assert count > 800


def test_a_bundle_means_what_its_files_mean() -> None:
    wrong = []
    for group in groups():
        if group.compiled is None or "dynamic" in group.name.lower() or "recursi" in group.name.lower():
            continue  # a bundle has no dynamic scope
        bundled = group.schemas.bundled(group.schema_name)
        made = jsonschema_rs.Draft202012Validator(
            bundled, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
        wrong += [
            f"{group.name}: {each['description']}"
            for each in group.tests
            if made.is_valid(each["data"]) != group.compiled.fast.is_valid(each["data"])
        ]
    assert wrong == []


def test_every_directive_is_described() -> None:
    directive = overlay_schema({})["$defs"]["gcm-directive"]
    assert set(directive["properties"]) == set(NAMES)
    assert all(each["description"] for each in directive["properties"].values())


def test_what_cannot_be_bundled() -> None:
    schemas = schema_set({"$ref": "none.json"})
    assert schemas.bundled("schemas/s.json") is None
    assert schemas.bundled("schemas/none.json") is None
    assert schemas.bundled("../x") is None


def _written(node: Node) -> Any:
    """A layer as an editor sees it."""
    value = node.value
    if isinstance(value, dict):
        return {key: _written(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_written(child) for child in value]
    return value.text if isinstance(value, Expression) else value.token if isinstance(value, Sealed) else value


def test_the_layers_of_the_example() -> None:
    def read(path: str) -> bytes | None:
        return (EXAMPLE / path).read_bytes() if (EXAMPLE / path).is_file() else None

    settings, _ = read_settings("gitconfigmgr.yaml", "", (EXAMPLE / "gitconfigmgr.yaml").read_bytes())
    schemas = SchemaSet(settings.schemas, read, read_packaged)
    globs = editor_settings(settings.schemas, settings.environments)["yaml.schemas"]
    checked = 0
    for bound in settings.schemas:
        bundled = schemas.bundled(bound.schema, bound.path)
        assert bundled is not None
        validator = Draft202012Validator(overlay_schema(bundled))
        for path in sorted(
            {path for glob in globs["./" + overlay_file(bound.schema, bound.path)] for path in EXAMPLE.glob(glob)}
        ):
            document, _ = read_document(path.name, "", "production", "", path.read_bytes(), Limits())
            assert document.root is not None
            errors = [
                f"{path} {error.json_path}: {error.message}" for error in validator.iter_errors(_written(document.root))
            ]
            assert errors == []
            checked += 1
    assert checked > 50


def test_settings_for_editors() -> None:
    bindings = [
        binding("schemas/service.schema.json", "acme/**", "globex/*/api"),
        binding("gcm:llm/endpoints.schema.json", "initech", path=("models", "endpoints")),
        binding("gcm:llm/endpoints.schema.json", "acme/chat", path=("models", "endpoints")),
        SchemaBinding("schemas/all.json", ("**",), (), binding().position),
    ]
    assert editor_settings(bindings, ["base", "production"])["yaml.schemas"] == {
        "./.vscode/gitconfigmgr/gitconfigmgr.schema.json": ["gitconfigmgr.yaml"],
        "./.vscode/gitconfigmgr/namespace-metadata.schema.json": ["configs/**/_namespace.yaml"],
        "./.vscode/gitconfigmgr/policy.schema.json": ["policies/**/*.yaml"],
        "./.vscode/gitconfigmgr/waivers.schema.json": ["waivers.yaml"],
        "./.vscode/gitconfigmgr/config-test.schema.json": ["tests/**/*.yaml"],
        "./.vscode/gitconfigmgr/schemas.service.overlay.json": [
            f"configs/{folder}/{name}.yaml"
            for folder in ("global", "acme/**", "globex", "globex/*", "globex/*/api")
            for name in ("base", "production")
        ],
        "./.vscode/gitconfigmgr/llm.endpoints@models@endpoints.overlay.json": [
            f"configs/{folder}/{name}.yaml"
            for folders in (("global", "initech"), ("acme", "acme/chat"))
            for folder in folders
            for name in ("base", "production")
        ],
        "./.vscode/gitconfigmgr/schemas.all.overlay.json": ["configs/**/base.yaml", "configs/**/production.yaml"],
    }
    json.dumps(editor_settings(bindings, ["base"]))


def test_the_schemas_for_our_own_files_are_packaged() -> None:
    for schema in OWN:
        assert (PACKAGED / Path(own_file(schema)).name).is_file()
