"""Prints config.json; run by an interpreter that has LiteLLM."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: F401 - first of its modules
from litellm.constants import OPENAI_CHAT_COMPLETION_PARAMS
from litellm.proxy._types import ConfigYAML
from litellm.types.router import LiteLLM_Params

SECTIONS = ("model_list", "router_settings")
TEXTS = ("description", "title", "default", "examples")
NAMED = ("properties", "$defs")


def bare(value):
    """A schema without its texts."""
    if isinstance(value, dict):
        return {
            key: {name: bare(item) for name, item in child.items()} if key in NAMED else bare(child)
            for key, child in value.items()
            if key not in TEXTS
        }
    return [bare(item) for item in value] if isinstance(value, list) else value


def referred(value, definitions, found):
    """The definitions that a schema needs."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).rpartition("/")[2]
        if name and name not in found:
            found[name] = definitions[name]
            referred(definitions[name], definitions, found)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            referred(item, definitions, found)
    return found


schema = bare(ConfigYAML.model_json_schema())
definitions = schema.pop("$defs")
schema["properties"] = {name: schema["properties"][name] for name in SECTIONS}
schema["$defs"] = referred(schema, definitions, {})
del schema["$defs"]["ModelInfo"]["required"]  # a validator of the model fills them in
made = {
    "about": "litellm.proxy._types.ConfigYAML as JSON Schema, the sections that are used here, without texts; and the "
    "names of litellm.types.router.LiteLLM_Params and of OpenAI's chat parameters",
    "package": f"litellm {version('litellm')}",
    "licence": "MIT, Copyright 2023 Berri AI",
    "schema": schema,
    "params": sorted({*LiteLLM_Params.model_fields, *OPENAI_CHAT_COMPLETION_PARAMS}),
}
json.dump(made, sys.stdout, indent=1, sort_keys=True)
print()
