"""`emit_envoy`: valid resources that refer to one another, and a loss report of what they do not say."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import Target
from gitconfigmgr.release.emit.envoy import duration, emit_envoy
from gitconfigmgr.release.emit.kubernetes import KubernetesForm, object_name
from tests.unit.publishing.models import MODELS
from tests.unit.publishing.objects import decoded, objects
from tests.unit.publishing.test_litellm import EVERYTHING, SECRET, documents, endpoint

TARGET = Target("acme/gateway", "production")
OUT, OPEN = KubernetesForm(), KubernetesForm(secrets="secret")
EXTERNAL = KubernetesForm(secrets="external", store="vault", path="gitconfigmgr/acme", namespace="llm")
FIELDS = {"APIKey": "apiKey", "AnthropicAPIKey": "anthropicAPIKey", "AzureAPIKey": "azureAPIKey",
          "AWSCredentials": "awsCredentials", "GCPCredentials": "gcpCredentials"}  # fmt: skip


def emit(document, form=OUT, values=None, gateway=""):
    emitted = emit_envoy(TARGET, document, values, {}, form, gateway)
    found = objects(emitted.files["gateway.yaml"])
    held_by_rules(found)
    return emitted, found


def held_by_rules(found):
    """What the projects ask of their resources in CEL, and that every reference leads somewhere."""
    names = {(item["kind"], item["metadata"]["name"]) for item in found}
    for item in found:
        spec = item.get("spec")
        if item["kind"] == "BackendSecurityPolicy":
            assert set(FIELDS.values()) & set(spec) == {FIELDS[spec["type"]]}
            assert all(ref["group"] == "aigateway.envoyproxy.io" for ref in spec["targetRefs"])
            if spec["type"] == "GCPCredentials":
                assert {"projectName", "region"} <= spec["gcpCredentials"].keys()
        for ref in (spec or {}).get("targetRefs", ()):
            kind = "AIGatewayRoute" if ref["kind"] == "HTTPRoute" else ref["kind"]
            assert (kind, ref["name"]) in names, "a policy of nothing"
        if item["kind"] == "AIServiceBackend":
            assert ("Backend", spec["backendRef"]["name"]) in names
        if item["kind"] == "AIGatewayRoute":
            for rule in spec["rules"]:
                assert all(("AIServiceBackend", ref["name"]) in names for ref in rule["backendRefs"])
                times = {key: seconds(value) for key, value in rule.get("timeouts", {}).items()}
                assert times.get("backendRequest", 0) <= (times.get("request") or 10**9)
    targets = [
        ref["name"] for item in found if item["kind"] == "BackendSecurityPolicy" for ref in item["spec"]["targetRefs"]
    ]
    assert len(targets) == len(set(targets)), "two security policies of one backend"


def seconds(text):
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", text))


def of(found, kind, part=""):
    name = object_name(TARGET, part)
    return next((item for item in found if (item["kind"], item["metadata"]["name"]) == (kind, name)), None)


@pytest.mark.parametrize("form", [OUT, EXTERNAL, OPEN])
def test_every_example_makes_valid_resources(form):
    for document in documents():
        emitted, found = emit(document, form, {})
        assert found
        assert emitted.losses


def test_backends():
    _, found = emit(EVERYTHING)
    where = {
        name: of(found, "Backend", name)["spec"]["endpoints"][0]["fqdn"]["hostname"]
        for name in ("azure", "bedrock", "vertex", "gemini", "vllm", "rerank", "router")
    }
    assert where == {
        "azure": "r.openai.azure.com", "bedrock": "bedrock-runtime.eu-west-1.amazonaws.com",
        "vertex": "l-aiplatform.googleapis.com", "gemini": "generativelanguage.googleapis.com", "vllm": "vllm",
        "rerank": "api.cohere.com", "router": "openrouter.ai",
    }  # fmt: skip
    spoken = {name: of(found, "AIServiceBackend", name)["spec"]["schema"] for name in (*where, "same")}
    assert spoken == {
        "azure": {"name": "AzureOpenAI", "version": "2024-10-21"}, "bedrock": {"name": "AWSBedrock"},
        "vertex": {"name": "GCPVertexAI"}, "gemini": {"name": "OpenAI", "prefix": "/v1beta/openai"},
        "vllm": {"name": "OpenAI"}, "rerank": {"name": "Cohere"}, "router": {"name": "OpenAI", "prefix": "/api/v1"},
        "same": {"name": "OpenAI"},
    }  # fmt: skip
    assert of(found, "Backend", "vllm")["spec"]["endpoints"][0]["fqdn"]["port"] == 8000
    assert of(found, "BackendTLSPolicy", "vllm") is None
    assert of(found, "BackendTLSPolicy", "azure")
    change = of(found, "AIServiceBackend", "router")["spec"]["bodyMutation"]["set"]
    assert [(item["path"], json.loads(item["value"])) for item in change] == [
        ("provider", {"only": ["azure"], "zdr": True})
    ]


def test_routes_by_the_name_of_the_model():
    _, found = emit(EVERYTHING, gateway="public")
    route = of(found, "AIGatewayRoute")
    assert route["spec"]["parentRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}]
    rules = {rule["matches"][0]["headers"][0]["value"]: rule for rule in route["spec"]["rules"]}
    assert rules["azure"]["backendRefs"] == [{"name": object_name(TARGET, "azure"), "modelNameOverride": "d"}]
    assert rules["bedrock"]["backendRefs"][0]["modelNameOverride"] == "eu.m"
    assert "gone" not in rules


def test_a_chain_has_priorities_and_retries():
    document = {"models": {
        "endpoints": {name: endpoint() for name in ("a", "b", "c")},
        "fallbacks": {"answer": {
            "targets": [{"endpoint": "a", "max_attempts": 2, "timeout_seconds": 40}, {"endpoint": "b", "when": ["rate_limited"]},
                        {"endpoint": "c", "when": ["overloaded", "content_filtered"]}],
            "max_total_seconds": 30.5, "breaker": {"failures": 5, "cool_down_seconds": 30},
        }},
    }}  # fmt: skip
    emitted, found = emit(document)
    (rule,) = of(found, "AIGatewayRoute", "chain answer")["spec"]["rules"]
    assert [(ref["name"], ref.get("priority", 0)) for ref in rule["backendRefs"]] == [
        (object_name(TARGET, name), priority) for priority, name in enumerate("abc")
    ]
    assert rule["timeouts"] == {"request": "30500ms", "backendRequest": "30500ms"}
    spec = of(found, "BackendTrafficPolicy", "chain answer")["spec"]
    assert spec["retry"] == {
        "numAttemptsPerPriority": 2,
        "numRetries": 5,
        "retryOn": {"triggers": ["retriable-status-codes"], "httpStatusCodes": [429, 503, 529]},
    }
    assert spec["healthCheck"]["passive"]["consecutive5XxErrors"] == 5
    losses = dict(emitted.losses)
    for path in ("targets.0.max_attempts", "targets.0.timeout_seconds", "targets.1.when", "targets.2.when"):
        assert losses[f"models.fallbacks.answer.{path}"]
    assert "content_filtered" in losses["models.fallbacks.answer.targets.2.when"]


def test_where_secrets_come_from():
    _, external = emit(EVERYTHING, EXTERNAL)
    plain = of(external, "ExternalSecret", "plain")
    assert plain is None, "its address touches a secret: it is left out"
    gemini = of(external, "ExternalSecret", "gemini")["spec"]["data"]
    assert gemini == [{"secretKey": "apiKey", "remoteRef": {"key": "kv/llm/g", "property": "key"}}]
    document = {"models": {"endpoints": {"a": endpoint(api_key=SECRET), "b": endpoint(api_key_ref="env:X")}}}
    emitted, external = emit(document, EXTERNAL)
    remote = of(external, "ExternalSecret", "a")["spec"]["data"][0]["remoteRef"]
    assert remote == {"key": "gitconfigmgr/acme/acme/gateway/production/MODELS_ENDPOINTS_A_API_KEY", "property": "key"}
    assert "models.endpoints.b.api_key_ref" in dict(emitted.losses)
    values = {("models", "endpoints", "a", "api_key"): "s3cret"}
    emitted, opened = emit(document, OPEN, values)
    assert decoded(of(opened, "Secret", "a")) == {"apiKey": "s3cret"}
    assert emitted.private == {"gateway.yaml"}
    emitted, out = emit(document)
    assert not [item for item in out if item["kind"] in ("Secret", "ExternalSecret")]
    assert object_name(TARGET, "a") in dict(emitted.losses)["models.endpoints.a.api_key"]


def test_plaintext_is_never_written():
    for form in (OUT, EXTERNAL, OPEN):
        emitted, _ = emit(EVERYTHING, form, {})
        assert "sk-plaintext" not in str(emitted)


@pytest.mark.parametrize(
    "url",
    ["http://under_score/v1", "https://[::1/v1", "https://x:99999/", "https://10.0.0.7/", "https:///v1", "https://-x/"],
)
def test_an_address_that_is_none_is_a_loss(url):
    emitted, found = emit({"models": {"endpoints": {"a": endpoint(base_url=url), "b": endpoint()}}})
    assert of(found, "Backend", "a") is None
    assert "base_url" in dict(emitted.losses)["models.endpoints.a"]


def test_addresses_by_number():
    _, found = emit({"models": {"endpoints": {"a": endpoint(base_url="http://10.0.0.7:8000/v1")}}})
    assert of(found, "Backend", "a")["spec"]["endpoints"] == [{"ip": {"address": "10.0.0.7", "port": 8000}}]


def test_more_endpoints_than_a_route_has_rules():
    with pytest.raises(UsageError, match="128"):
        emit({"models": {"endpoints": {f"e{number}": endpoint() for number in range(129)}}})


def test_durations():
    given = (20, 20.0, 20.5, 0.25, 100_000, 3_599_999.5, 1e-9, 1e12)
    shown = ["20s", "20s", "20500ms", "250ms", "27h46m40s", "999h59m59s500ms", "1ms", "99999h"]
    assert [duration(value) for value in given] == shown


def test_without_models_there_is_no_file():
    emitted = emit_envoy(TARGET, {"x": 1}, None, {}, OUT, "")
    assert not emitted.files
    assert emitted.losses


@given(MODELS, st.sampled_from([OUT, EXTERNAL, OPEN]))
@settings(max_examples=60, deadline=None)
def test_whatever_a_document_says_its_resources_are_valid(models, form):
    emitted = emit_envoy(TARGET, {"models": models}, {}, {}, form, "")
    held_by_rules(objects(emitted.files["gateway.yaml"]) if emitted.files["gateway.yaml"] else [])
    assert b"sk-plaintext" not in emitted.files["gateway.yaml"]


def test_an_attempt_with_a_time_of_its_own_is_not_cut_by_a_minute_for_all():
    chain = {"targets": [{"endpoint": "a", "timeout_seconds": 90}, {"endpoint": "b", "timeout_seconds": 90}]}
    _, found = emit({"models": {"endpoints": {"a": endpoint(), "b": endpoint()}, "fallbacks": {"c": chain}}})
    (rule,) = of(found, "AIGatewayRoute", "chain c")["spec"]["rules"]
    assert rule["timeouts"] == {"backendRequest": "90s", "request": "0s"}
