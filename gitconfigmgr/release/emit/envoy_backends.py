"""One endpoint as resources of Envoy AI Gateway: where it is, what it speaks, and how requests prove who they are."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from gitconfigmgr.model.values import scalar_text
from gitconfigmgr.model.variables import variable_name
from gitconfigmgr.release.emit.kubernetes import NAME, object_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.release.emit.kubernetes import KubernetesForm
    from gitconfigmgr.release.emit.taking import Taking

    Part = tuple[str, str, str, dict[str, Any]]  # kind, apiVersion, name, what stands beside the metadata

AI, ENVOY, GATEWAY = "aigateway.envoyproxy.io", "gateway.envoyproxy.io", "gateway.networking.k8s.io"


class Service(NamedTuple):
    """What a provider speaks, and where it is."""

    schema: str
    host: str = ""
    prefix: str = ""
    policy: str = "APIKey"


_SERVICES = {
    "openai": Service("OpenAI", "api.openai.com"),
    "anthropic": Service("Anthropic", "api.anthropic.com", policy="AnthropicAPIKey"),
    "google_ai": Service("OpenAI", "generativelanguage.googleapis.com", "/v1beta/openai"),
    "vertex_ai": Service("GCPVertexAI", policy="GCPCredentials"),
    "bedrock": Service("AWSBedrock", policy="AWSCredentials"),
    "azure_openai": Service("AzureOpenAI", policy="AzureAPIKey"),
    "mistral": Service("OpenAI", "api.mistral.ai"),
    "cohere": Service("OpenAI", "api.cohere.com", "/compatibility/v1"),
    "groq": Service("OpenAI", "api.groq.com", "/openai/v1"),
    "deepseek": Service("OpenAI", "api.deepseek.com"),
    "xai": Service("OpenAI", "api.x.ai"),
    "together_ai": Service("OpenAI", "api.together.xyz"),
    "fireworks_ai": Service("OpenAI", "api.fireworks.ai", "/inference/v1"),
    "cerebras": Service("OpenAI", "api.cerebras.ai"),
    "openrouter": Service("OpenAI", "openrouter.ai", "/api/v1"),
    "self_hosted": Service("OpenAI"),
}
_HOST = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_FIELDS = {"APIKey": "apiKey", "AnthropicAPIKey": "anthropicAPIKey", "AzureAPIKey": "azureAPIKey"}


def backend(
    target: Target,
    taking: Taking,
    at: tuple[str, ...],
    form: KubernetesForm,
    values: Mapping[KeyPath, Any] | None,
) -> tuple[str | None, list[Part]] | None:
    """The model's name at the provider and the resources of an endpoint; None, and a loss, where it cannot be said."""
    if taking.look(*at, "status") == "disabled":
        taking.lose("disabled: left out", *at)
        return None
    provider = taking.look(*at, "provider")
    service = _service(taking, at, provider)
    place = _place(taking, at, service) if service else None
    if service is None or place is None:
        taking.lose(f"no usable address of {provider} is known: set base_url", *at)
        return None
    taking.take(*at, "provider")
    if taking.take(*at, "status") == "draining":
        taking.say("Envoy does not drain: it still gets new work", *at, "status")
    name = object_name(target, at[-1])
    host, port, tls, prefix = place
    parts: list[Part] = [
        ("Backend", f"{ENVOY}/v1alpha1", name,
         {"spec": {"type": "Endpoints", "endpoints": [_at(host, port)]}}),
    ]  # fmt: skip
    if tls:
        refs = [{"group": ENVOY, "kind": "Backend", "name": name}]
        validation = {"wellKnownCACertificates": "System", "hostname": host}
        spec = {"targetRefs": refs, "validation": validation}
        parts.append(("BackendTLSPolicy", f"{GATEWAY}/v1", name, {"spec": spec}))
    parts.append(("AIServiceBackend", f"{AI}/v1beta1", name, {"spec": _spoken(taking, at, service, prefix, name)}))
    parts += _security(target, taking, at, service, form, values)
    model = taking.text(*at, "model")
    deployment = taking.text(*at, "azure", "deployment")
    profile = taking.text(*at, "bedrock", "inference_profile")
    if model and profile not in (None, "none"):
        model = f"{profile}.{model}"
    for key, message in (
        ("parameters", "Envoy could only force it on every request"),
        ("max_retries", "Envoy counts retries for a chain, not for one of its endpoints"),
        ("rate", "limits are a BackendTrafficPolicy of your own"),
    ):
        taking.lose(message, *at, key)
    return deployment or model, parts


def _service(taking: Taking, at: tuple[str, ...], provider: Any) -> Service | None:
    service = _SERVICES.get(provider)
    if service is None:
        return Service("OpenAI") if taking.look(*at, "base_url") else None
    if provider == "vertex_ai" and str(taking.look(*at, "model")).startswith("claude"):
        return service._replace(schema="GCPAnthropic")
    if provider == "cohere" and taking.look(*at, "mode") == "rerank":
        return service._replace(schema="Cohere", prefix="")
    return service


def _place(taking: Taking, at: tuple[str, ...], service: Service) -> tuple[str, int, bool, str] | None:
    """Host, port, whether by TLS, and the prefix of paths."""
    given = taking.look(*at, "base_url")
    if isinstance(given, str):
        try:
            parts = urlsplit(taking.take(*at, "base_url"))
            port = parts.port
        except ValueError:
            return None
        tls = parts.scheme == "https"
        host = parts.hostname or ""
        address = _at(host, 0)
        if address is None or (tls and "ip" in address):  # a certificate is for a name
            return None
        return host, port or (443 if tls else 80), tls, parts.path.rstrip("/")
    host = service.host
    if region := taking.look(*at, "bedrock", "region"):
        host = f"bedrock-runtime.{region}.amazonaws.com"
    if location := taking.look(*at, "vertex", "location"):
        host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    if resource := taking.text(*at, "azure", "resource"):
        host = f"{resource}.openai.azure.com"
    return (host, 443, True, service.prefix) if given is None and _at(host, 0) else None


def _at(host: str, port: int) -> dict[str, Any] | None:
    """An endpoint of a Backend; None for what is neither a name nor an address."""
    try:
        return {"ip": {"address": str(ip_address(host)), "port": port}}
    except ValueError:
        return {"fqdn": {"hostname": host, "port": port}} if len(host) <= NAME and _HOST.match(host) else None


def _spoken(taking: Taking, at: tuple[str, ...], service: Service, prefix: str, name: str) -> dict[str, Any]:
    """The spec of an AIServiceBackend."""
    schema: dict[str, Any] = {"name": service.schema}
    if service.schema == "AzureOpenAI":
        version = taking.text(*at, "azure", "api_version")
        schema |= {"version": version} if version else {}
    elif prefix and prefix != "/v1":
        schema["prefix"] = prefix
    spec: dict[str, Any] = {"schema": schema, "backendRef": {"group": ENVOY, "kind": "Backend", "name": name}}
    providers = taking.take(*at, "openrouter")
    if providers is not None:
        spec["bodyMutation"] = {"set": [{"path": "provider", "value": json.dumps(providers, sort_keys=True)}]}
    return spec


# -- who requests come from --------------------------------------------------------------------------------------------


def _security(
    target: Target,
    taking: Taking,
    at: tuple[str, ...],
    service: Service,
    form: KubernetesForm,
    values: Mapping[KeyPath, Any] | None,
) -> list[Part]:
    name = object_name(target, at[-1])
    spec: dict[str, Any] = {
        "targetRefs": [{"group": AI, "kind": "AIServiceBackend", "name": name}],
        "type": service.policy,
    }
    parts: list[Part] = []
    if service.policy == "AWSCredentials":
        region = taking.text(*at, "bedrock", "region")
        taking.lose("give the gateway's service account this role", *at, "bedrock", "role_arn")
        if region is None:
            taking.say("AWS credentials need bedrock.region: left out", *at, "provider")
            return []
        spec["awsCredentials"] = {"region": region}
    elif service.policy == "GCPCredentials":
        project, region = taking.text(*at, "vertex", "project"), taking.text(*at, "vertex", "location")
        if project is None or region is None:
            taking.say("Google's credentials need vertex.project and vertex.location: left out", *at, "provider")
            return []
        found: dict[str, Any] = {"projectName": project, "region": region}
        spec["gcpCredentials"] = found
        path = (*at, "vertex", "service_account_ref")
        if taking.look(*path) is not None:
            found["credentialsFile"] = {"secretRef": {"name": name}}
            parts = _secret(target, taking, path, "service_account.json", form, values)
    else:
        given = [(*at, key) for key in ("api_key", "api_key_ref") if taking.look(*at, key) is not None]
        if not given:
            return []
        path, *_ = given
        spec[_FIELDS[service.policy]] = {"secretRef": {"name": name}}
        parts = _secret(target, taking, path, "apiKey", form, values)
    return [("BackendSecurityPolicy", f"{AI}/v1beta1", name, {"spec": spec}), *parts]


def _secret(
    target: Target,
    taking: Taking,
    path: tuple[str, ...],
    field: str,
    form: KubernetesForm,
    values: Mapping[KeyPath, Any] | None,
) -> list[Part]:
    """What makes the Secret that a policy names, or a loss that says who has to."""
    name = object_name(target, path[2])
    value = taking.take(*path)
    if isinstance(value, str) and path[-1] == "api_key":
        taking.say(f"plaintext: left out; make a Secret {name} with the field {field}", *path)
        return []
    remote = _remote(target, path, value, form) if form.secrets == "external" else None
    if remote:
        data = [{"secretKey": field, "remoteRef": remote}]
        store = {"name": form.store, "kind": form.store_kind}
        wanted = {"name": name, "creationPolicy": "Owner"}
        spec = {"refreshInterval": "1h", "secretStoreRef": store, "target": wanted, "data": data}
        return [("ExternalSecret", "external-secrets.io/v1", name, {"spec": spec})]
    if form.secrets == "secret" and values is not None and path in values:
        text = b64encode(scalar_text(values[path]).encode()).decode()
        return [("Secret", "v1", name, {"type": "Opaque", "data": {field: text}})]
    taking.say(f"left out; make a Secret {name} with the field {field}", *path)
    return []


def _remote(target: Target, path: tuple[str, ...], value: Any, form: KubernetesForm) -> dict[str, str] | None:
    """Where the store has a secret: for ours, where the vault publisher's layout litellm puts it. None: in no store."""
    if not isinstance(value, str):
        folder = f"{form.path}/{target.namespace}/{target.environment}"
        return {"key": f"{folder}/{variable_name(path)}", "property": "key"}
    kind, _, rest = value.partition(":")
    key, _, field = rest.partition("#")
    if kind == "env" or not key:
        return None
    return {"key": key, "property": field} if field else {"key": key}
