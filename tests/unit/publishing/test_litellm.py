"""`emit_litellm`: what it says is what LiteLLM's own model takes, and what it cannot say is in the loss report."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from gitconfigmgr.app.select import State
from gitconfigmgr.model.values import plain
from gitconfigmgr.release.emit.litellm import emit_litellm
from gitconfigmgr.wiring.trees import open_repository
from tests.unit.publishing.models import MODELS

HERE = Path(__file__).resolve().parents[2]
VECTORS = HERE / "vectors" / "litellm"
SECRET = {"$secret": {"type": "string", "kind": "api_key"}}


def endpoint(**more):
    return {"provider": "openai", "model": "m", "mode": "chat", "region": "eu", "context_window": 1000} | more


EVERYTHING = {
    "service": {"name": "x"},
    "models": {
        "endpoints": {
            "plain": endpoint(
                api_key=SECRET,
                base_url={"$segments": ["https://", {"$secret": {"type": "string", "kind": None}}]},
                timeout_seconds=20.5,
                max_retries=0,
                rate={"requests_per_minute": 10, "tokens_per_minute": 20, "burst": 3},
                parameters={"temperature": 0.5, "stop": ["a"], "stream": True, "response_format": "json_object", "truncate": "end"},
                price={"currency": "USD", "input_per_million": 0.1, "output_per_million": 3, "cached_input_per_million": 0.01,
                       "long_context": {"above_tokens": 200000, "input_per_million": 0.3}},
                capabilities=["tools", "streaming", "telepathy"],
            ),
            "azure": endpoint(provider="azure_openai", api_key_ref="env:AZURE_KEY",
                              azure={"resource": "r", "deployment": "d", "api_version": "2024-10-21", "deployment_type": "global"}),
            "bedrock": endpoint(provider="bedrock", status="draining",
                                bedrock={"region": "eu-west-1", "role_arn": "arn:aws:iam::1:role/x", "inference_profile": "eu", "guardrail": "g"}),
            "vertex": endpoint(provider="vertex_ai", vertex={"project": "p", "location": "l", "service_account_ref": "gcp-sm:p/caller"}),
            "gemini": endpoint(provider="google_ai", api_key_ref="vault:kv/llm/g#key"),
            "vllm": endpoint(provider="self_hosted", base_url="http://vllm:8000/v1", self_hosted={"server": "vllm", "replicas": 3}),
            "other": endpoint(provider="self_hosted", base_url="http://x/v1", price={"currency": "EUR", "input_per_million": 1}),
            "rerank": endpoint(provider="cohere", mode="rerank", parameters={"top_n": 3},
                               price={"currency": "USD", "per_thousand_searches": 2}),
            "router": endpoint(provider="openrouter", openrouter={"only": ["azure"], "zdr": True}),
            "gone": endpoint(status="disabled"),
            "leaked": endpoint(api_key="sk-plaintext"),
            "same": endpoint(),
        },
        "fallbacks": {
            "answer": {
                "description": "to customers",
                "targets": [
                    {"endpoint": "plain", "max_attempts": 2, "parameters": {"max_tokens": 9}},
                    {"endpoint": "azure", "when": ["rate_limited", "context_too_long"]},
                    {"endpoint": "vertex", "timeout_seconds": 3, "when": ["content_filtered", "budget_exhausted"]},
                    {"endpoint": "gone"},
                    {"endpoint": "absent"},
                    {"endpoint": "same"},
                ],
                "max_total_seconds": 9,
                "breaker": {"failures": 5, "cool_down_seconds": 30},
                "same_region_only": True,
            },
            "same": {"targets": [{"endpoint": "same"}, {"endpoint": "gemini"}]},
            "nested": {"targets": [{"endpoint": "answer"}, {"endpoint": "vllm"}]},
        },
        "routing": {"default": "answer", "strategy": "lowest_cost", "sticky_by": "user", "rules": [{"name": "r", "use": "same"}]},
    },
}  # fmt: skip


def config_of(document):
    return yaml.safe_load(emit_litellm(document).files["config.yaml"])


@cache
def documents():
    repository = open_repository(State(HERE.parent / "example-repo"))
    targets = [target for target in repository.targets if target.environment == "production"]
    found = [plain(compiled.root) for target in targets if (compiled := repository.compile(target)).root]
    return [EVERYTHING, *(item for item in found if "endpoints" in item.get("models", {}))]


def model(config, name):
    (found,) = (item for item in config["model_list"] if item["model_name"] == name)
    return found


def test_litellms_own_schema_takes_it():
    frozen = json.loads((VECTORS / "config.json").read_text())
    validator = Draft202012Validator(frozen["schema"])
    assert len(documents()) > 12
    for document in documents():
        config = config_of(document)
        assert not [error.message for error in validator.iter_errors(config)]
        assert config.keys() <= frozen["schema"]["properties"].keys()
        for item in config["model_list"]:
            assert item["litellm_params"].keys() <= {*frozen["params"], "top_n", "extra_body"}
        names = {item["model_name"] for item in config["model_list"]}
        for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
            for entry in config.get("router_settings", {}).get(kind, []):
                assert {*entry, *(name for found in entry.values() for name in found)} <= names


def test_the_schema_refuses_what_litellm_refuses():
    frozen = json.loads((VECTORS / "config.json").read_text())
    validator = Draft202012Validator(frozen["schema"])
    for broken in ({"model_list": [{"litellm_params": {}}]}, {"router_settings": {"fallbacks": {"a": ["b"]}}}):
        assert list(validator.iter_errors(broken))


@pytest.mark.skipif("LITELLM_PYTHON" not in os.environ, reason="see tests/vectors/litellm/README.md")
def test_litellm_itself_takes_it(tmp_path):
    paths = []
    for number, document in enumerate(documents()):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_bytes(emit_litellm(document).files["config.yaml"])
    program = os.environ["LITELLM_PYTHON"]
    done = subprocess.run(
        [program, "-W", "ignore", VECTORS / "accept.py", *paths], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("accepted") == len(paths)


def test_endpoints():
    config = config_of(EVERYTHING)
    found = model(config, "plain")
    assert found["litellm_params"] == {
        "model": "openai/m", "api_key": "os.environ/MODELS_ENDPOINTS_PLAIN_API_KEY",
        "api_base": "os.environ/MODELS_ENDPOINTS_PLAIN_BASE_URL", "timeout": 20.5, "max_retries": 0, "rpm": 10, "tpm": 20,
        "temperature": 0.5, "stop": ["a"], "response_format": {"type": "json_object"},
    }  # fmt: skip
    assert found["model_info"] == {
        "mode": "chat", "region": "eu", "max_input_tokens": 1000, "supports_function_calling": True,
        "supports_native_streaming": True, "input_cost_per_token": 1e-7, "output_cost_per_token": 3e-6,
        "cache_read_input_token_cost": 1e-8, "input_cost_per_token_above_200k_tokens": 3e-7,
    }  # fmt: skip
    models = {item["model_name"]: item["litellm_params"] for item in config["model_list"]}
    assert models["azure"]["model"] == "azure/d"
    assert models["azure"]["api_base"] == "https://r.openai.azure.com"
    assert models["azure"]["api_key"] == "os.environ/AZURE_KEY"
    assert models["bedrock"]["model"] == "bedrock/eu.m"
    assert models["bedrock"]["aws_role_name"] == "arn:aws:iam::1:role/x"
    assert models["vertex"]["vertex_credentials"] == "os.environ/P_CALLER"
    assert models["gemini"]["model"] == "gemini/m"
    assert models["vllm"]["model"] == "hosted_vllm/m"
    assert models["rerank"]["model"] == "cohere/m"
    assert models["router"]["extra_body"] == {"provider": {"only": ["azure"], "zdr": True}}
    assert "gone" not in models
    assert "api_key" not in models["leaked"]


def test_chains_and_routing():
    config = config_of(EVERYTHING)
    answer = model(config, "answer")
    assert answer["litellm_params"]["max_retries"] == 1
    assert answer["litellm_params"]["max_tokens"] == 9
    assert answer["model_info"]["cooldown_time"] == 30
    assert answer["model_info"]["description"] == "to customers"
    assert model(config, "answer:vertex")["litellm_params"]["timeout"] == 3
    assert model(config, "same:endpoint"), "a chain took the endpoint's name"
    assert config["router_settings"] == {
        "fallbacks": [{"answer": ["azure", "same:endpoint"]}, {"same": ["gemini"]}, {"nested": ["vllm"]}],
        "context_window_fallbacks": [{"answer": ["azure", "same:endpoint"]}, {"same": ["gemini"]}, {"nested": ["vllm"]}],
        "content_policy_fallbacks": [
            {"answer": ["answer:vertex", "same:endpoint"]}, {"same": ["gemini"]}, {"nested": ["vllm"]},
        ],
        "model_group_alias": {"default": "answer"},
        "routing_strategy": "cost-based-routing",
    }  # fmt: skip


def test_everything_that_is_not_said_is_in_the_loss_report():
    losses = dict(emit_litellm(EVERYTHING).losses)
    assert set(losses) == {
        "service",
        "models.endpoints.plain.rate.burst",
        "models.endpoints.plain.parameters.stream",
        "models.endpoints.plain.parameters.truncate",
        "models.endpoints.plain.capabilities.2",
        "models.endpoints.azure.azure.deployment_type",
        "models.endpoints.bedrock.status",
        "models.endpoints.bedrock.bedrock.guardrail",
        "models.endpoints.vertex.vertex.service_account_ref",
        "models.endpoints.gemini.api_key_ref",
        "models.endpoints.vllm.self_hosted.replicas",
        "models.endpoints.other.price",
        "models.endpoints.rerank.mode",
        "models.endpoints.gone",
        "models.endpoints.leaked.api_key",
        "models.fallbacks.answer.targets.1.when",
        "models.fallbacks.answer.targets.2.when",
        "models.fallbacks.answer.targets.3",
        "models.fallbacks.answer.targets.4",
        "models.fallbacks.answer.max_total_seconds",
        "models.fallbacks.answer.breaker.failures",
        "models.fallbacks.answer.same_region_only",
        "models.routing.strategy",
        "models.routing.sticky_by",
        "models.routing.rules",
    }
    assert all(losses.values())
    assert "sk-plaintext" not in str(emit_litellm(EVERYTHING))


def test_without_models_there_is_no_file():
    emitted = emit_litellm({"service": {"name": "x"}})
    assert not emitted.files
    assert emitted.losses


@given(MODELS)
@settings(max_examples=60, deadline=None)
def test_whatever_a_document_says_its_configuration_is_valid(models):
    emitted = emit_litellm({"models": models})
    config = yaml.safe_load(emitted.files.get("config.yaml", b"{}")) or {}
    frozen = json.loads((VECTORS / "config.json").read_text())
    assert not [error.message for error in Draft202012Validator(frozen["schema"]).iter_errors(config)]
    names = [item["litellm_params"]["model"] for item in config.get("model_list", [])]
    assert not [name for name in names if name.endswith(("/", "/None")) or "$secret" in name]
    assert "sk-plaintext" not in str(emitted)
