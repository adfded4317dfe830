"""`models` in gitconfigmgr.yaml, and the keys of `_namespace.yaml` that rules read."""

from __future__ import annotations

import json

import pytest

from gitconfigmgr.check.llm.catalog import FIELDS
from gitconfigmgr.model.settings import Limits, Models
from gitconfigmgr.source.metadata import read_metadata
from gitconfigmgr.source.settings import read_settings

from .support import SCHEMAS

SCHEMA = json.loads((SCHEMAS / "gitconfigmgr.schema.json").read_bytes())["properties"]["models"]["properties"]


def read(text: str) -> tuple[Models, list[str]]:
    settings, findings = read_settings("gitconfigmgr.yaml", "", f"version: 1\nmodels: {text}\n".encode())
    return settings.models, [f"{item.message}|{item.help}" for item in findings]


def test_what_editors_know_is_what_is_read() -> None:
    assert set(SCHEMA) == set(Models._fields)
    defaults = {name: rule["default"] for name, rule in SCHEMA.items() if "default" in rule}
    assert defaults == {name: value for name, value in Models()._asdict().items() if name in defaults}
    assert set(SCHEMA["overrides"]["additionalProperties"]["properties"]) == set(FIELDS) - {"long_context"}
    for rule in SCHEMA["overrides"]["additionalProperties"]["properties"].items():
        assert read(json.dumps({"overrides": {"a/b": {rule[0]: rule[1]["examples"][0]}}}))[1] == []


def test_all_of_it() -> None:
    text = """{retire_warning_days: 10, catalog_max_age_days: 0, floating_aliases: error, shared_keys: warn,
      unused_endpoints: error, key_rotation_days: 90, cost_increase_percent: 12.5, providers: [openai],
      overrides: {openai/next: {mode: chat, input_per_million: 0.5, capabilities: [tools], retires: "2027-01-31"}}}"""
    models, findings = read(text)
    assert not findings
    assert models.overrides["openai/next"]["input_per_million"] == 0.5
    assert models[:7] == (10, 0, "error", "warn", "error", 90, 12.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "models must be a map"),
        ("{retire_warning_day: 5}", "unknown setting retire_warning_day|did you mean retire_warning_days?"),
        ("{retire_warning_days: -1}", "models.retire_warning_days is a number from 0 to 3650"),
        ("{retire_warning_days: 1.5}", "models.retire_warning_days is a number from 0 to 3650"),
        ("{retire_warning_days: true}", "models.retire_warning_days is a number from 0 to 3650"),
        ("{floating_aliases: never}", "floating_aliases is one of warn, error, off"),
        ("{providers: openai}", "models.providers is a list of providers"),
        ("{overrides: [1]}", "models.overrides is a map of models"),
        ("{overrides: {gpt: {mode: chat}}}", "gpt names no provider"),
        ("{overrides: {a/b: {mode: talk}}}", "mode is chat, embedding or rerank"),
        ("{overrides: {a/b: {context_window: 0}}}", "context_window is a whole number above 0"),
        ("{overrides: {a/b: {retires: soon}}}", "retires is a day"),
        ("{overrides: {a/b: {price: 1}}}", "unknown setting price"),
        ("{overrides: {a/b: [1]}}", "models.overrides.a/b must be a map"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    _, findings = read(text)
    assert any(item.startswith(message) for item in findings), findings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget: {monthly_us: 5}", "unknown key budget.monthly_us"),
        ("budget: {monthly_usd: -5}", "budget.monthly_usd is a number from 0"),
        ("budget: 5", "budget must be a map"),
        ("processors: [1]", "processors is a list of words"),
        ("residency: [[eu]]", "residency is a list of words"),
        ("budget: {monthly_usd: 5}\nprocessors: [openai]\nresidency: [eu]", None),
    ],
)
def test_metadata(text: str, message: str | None) -> None:
    _, findings = read_metadata("configs/a/_namespace.yaml", "a", "", text.encode(), Limits())
    assert [item.message for item in findings] == ([message] if message else [])
