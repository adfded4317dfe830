"""Emitted manifests, held against the schemas in tests/vectors/kubernetes."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "kubernetes"


def _schemas():
    core = json.loads((VECTORS / "core.json").read_text())
    ours = json.loads((VECTORS / "resources.json").read_text())
    found = {kind: {**schema, "$defs": core["$defs"]} for kind, schema in core["kinds"].items()}
    for kind, item in ours["kinds"].items():
        found[kind] = {
            "type": "object", "additionalProperties": False, "required": ["apiVersion", "kind", "metadata", "spec"],
            "properties": {"apiVersion": {"const": item["apiVersion"]}, "kind": {"const": kind},
                           "metadata": {"$ref": "#/$defs/metadata"}, "spec": item["spec"]},
            "$defs": ours["$defs"],
        }  # fmt: skip
    return {kind: Draft202012Validator(schema) for kind, schema in found.items()}


VALIDATORS = _schemas()
NAMES = Draft202012Validator(
    {"$ref": "#/$defs/metadata", "$defs": json.loads((VECTORS / "resources.json").read_text())["$defs"]}
)


def faults(item):
    """What the schemas say against one object."""
    found = [*VALIDATORS[item["kind"]].iter_errors(item), *NAMES.iter_errors(item["metadata"])]
    return [f"{item['kind']} {list(error.path)}: {error.message}" for error in found]


def objects(data):
    """The objects of a file, each found valid, none twice."""
    found = list(yaml.safe_load_all(data.decode()))
    assert b"&id" not in data, "an alias"
    assert not [fault for item in found for fault in faults(item)]
    keys = [(item["kind"], item["metadata"]["name"]) for item in found]
    assert len(keys) == len(set(keys))
    return found


def decoded(secret):
    return {key: b64decode(value).decode() for key, value in secret["data"].items()}
