"""Other people's tables, read as ours."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest

from gitconfigmgr.app.model_sources import read_source
from gitconfigmgr.app.models import Source, make_catalog
from gitconfigmgr.check.llm.catalog import read_catalog
from gitconfigmgr.errors import UsageError

LITELLM = {
    "sample_spec": {"litellm_provider": "one of", "mode": "one of"},
    "gpt-x": {
        "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 272000, "max_output_tokens": 1000,
        "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-07,
        "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "deprecation_date": "2027-01-31", "supports_vision": True, "supports_function_calling": False,
        "supports_sampling_params": False, "supports_minimal_reasoning_effort": False,
    },
    "gemini/g": {"litellm_provider": "gemini", "mode": "chat"},
    "bedrock/eu-central-1/m": {"litellm_provider": "bedrock", "mode": "chat"},
    "azure/global-standard/gpt": {"litellm_provider": "azure", "mode": "chat"},
    "dall-e": {"litellm_provider": "openai", "mode": "image_generation"},
    "broken": "text",
}  # fmt: skip
MODELS_DEV = {
    "openai": {
        "models": {
            "gpt-x": {"limit": {"context": 400000, "output": 1000}, "cost": {"input": 1.3, "output": 10}, "reasoning": True,
                      "temperature": False, "modalities": {"input": ["text"], "output": ["text"]}},
            "sora": {"limit": {"context": 1}, "modalities": {"output": ["video"]}},
        }
    },
    "unheard-of": {"models": {"x": {"limit": {}, "modalities": {"output": ["text"]}}}},
}  # fmt: skip
SDK = b"""import os
os.remove("/")
DEPRECATED_MODELS = {
    "claude-x": "June 15th, 2026",
    "claude-y": "some day",
}
"""


def test_litellm() -> None:
    kind, table, _ = read_source(json.dumps(LITELLM).encode())
    assert kind == "litellm"
    assert set(table) == {"openai/gpt-x", "google_ai/g"}
    facts = table["openai/gpt-x"]
    assert facts["input_per_million"] == 1.25
    assert facts["cached_input_per_million"] == 0.125
    assert facts["long_context"] == [200000, 2.5, 15]
    assert (facts["retires"], facts["sampling"], facts["refused_efforts"]) == ("2027-01-31", False, ["minimal"])


def test_models_dev_packed() -> None:
    kind, table, _ = read_source(gzip.compress(json.dumps(MODELS_DEV).encode()))
    assert kind == "models.dev"
    assert set(table) == {"openai/gpt-x"}
    assert (table["openai/gpt-x"]["total_window"], table["openai/gpt-x"]["sampling"]) == (400000, False)


def test_the_sdk_is_read_and_not_run() -> None:
    said = {"anthropic/claude-x": {"mode": "chat", "retires": "2026-06-15"}}
    assert read_source(SDK) == ("anthropic-sdk", said, ["claude-y is switched off on 'some day'"])


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'{"a": 5}', b"\x1f\x8bjunk", b"DEPRECATED_MODELS = {x: 1}\n}", b"\xff\xfe"]
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        read_source(data)


def test_the_first_source_decides_and_others_are_kept() -> None:
    sources = [
        Source(name, "MIT", read_source(json.dumps(raw).encode())[1])
        for name, raw in (("one", LITELLM), ("two", MODELS_DEV))
    ]
    data = make_catalog(sources, date(2026, 11, 22))
    assert data == make_catalog(sources, date(2026, 11, 22))
    facts = read_catalog(data).facts("openai/gpt-x")
    assert facts is not None
    assert (facts.input_per_million, facts.source("input_per_million")) == (1.25, "one")
    assert facts.others["input_per_million"] == [(1.3, "two")]
    assert facts.others["context_window"] == [(400000, "two")]
    assert (facts.total_window, facts.source("total_window")) == (400000, "two")


def test_what_cannot_be_used_is_told() -> None:
    """Wrong types and days that do not exist count as not said; the rest of a model counts."""
    broken = LITELLM["gpt-x"] | {
        "max_input_tokens": "many", "max_output_tokens": 10.5, "input_cost_per_token": -1, "deprecation_date": "2027-02-30",
        "output_cost_per_token": "", "input_cost_per_token_above_200k_tokens": True,
    }  # fmt: skip
    _, table, unusable = read_source(json.dumps({"gpt-x": broken, "other": "text"}).encode())
    assert table["openai/gpt-x"]["cached_input_per_million"] == 0.125
    assert not table["openai/gpt-x"].keys() & {"context_window", "max_output_tokens", "input_per_million", "retires"}
    assert sorted(unusable) == [
        "gpt-x: deprecation_date is '2027-02-30'", "gpt-x: input_cost_per_token is -1",
        "gpt-x: input_cost_per_token_above_200k_tokens is True", "gpt-x: max_input_tokens is 'many'",
        "gpt-x: max_output_tokens is 10.5", "other is 'text'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("openai", "said"),
    [
        ({"models": ["gpt-x"]}, "openai: models is ['gpt-x']"),
        ({"models": {"gpt-x": 1}}, "openai: models: gpt-x is 1"),
        (
            {"models": {"gpt-x": MODELS_DEV["openai"]["models"]["gpt-x"] | {"cost": []}}},
            "openai: models: gpt-x: cost is []",
        ),
    ],
)
def test_a_models_dev_table_of_another_shape_is_told(openai: dict[str, object], said: str) -> None:
    assert read_source(json.dumps({"openai": openai, "groq": {"models": {}}}).encode())[2] == [said]
