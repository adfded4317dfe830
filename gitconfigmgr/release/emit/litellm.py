"""A document's models as the config.yaml of the LiteLLM proxy.

An endpoint is a model of its own name. A chain is a model, too: its first target under the chain's name, with fallbacks
to the others. Secrets are `os.environ/NAME`, with the names that the vault publisher's layout litellm and dotenv use.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from gitconfigmgr.model.variables import variable_name
from gitconfigmgr.release.emit.kubernetes import to_yaml
from gitconfigmgr.release.emit.opened import is_secret
from gitconfigmgr.release.emit.taking import Emitted, Taking

_PREFIXES = {
    "google_ai": "gemini", "azure_openai": "azure", "cohere": "cohere_chat", "self_hosted": "openai",
}  # fmt: skip
_SERVERS = {"vllm": "hosted_vllm", "ollama": "ollama_chat", "llama-cpp": "llamafile"}
_MODES = ("chat", "embedding")  # the configuration's model takes no other, though the proxy knows rerank
_CAPABILITIES = {
    "tools": "supports_function_calling", "parallel_tools": "supports_parallel_function_calling",
    "vision": "supports_vision", "pdf": "supports_pdf_input", "audio": "supports_audio_input",
    "video": "supports_video_input", "reasoning": "supports_reasoning", "json_schema": "supports_response_schema",
    "prompt_caching": "supports_prompt_caching", "web_search": "supports_web_search",
    "computer_use": "supports_computer_use", "streaming": "supports_native_streaming",
}  # fmt: skip
_PARAMETERS = (
    "max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed",
    "reasoning_effort", "parallel_tool_calls", "dimensions", "top_n",
)  # fmt: skip
_CONTEXT, _CONTENT = "context_too_long", "content_filtered"
_ANY = {"rate_limited", "overloaded", "timeout", "unavailable"}
_STRATEGIES = {"lowest_cost": "cost-based-routing", "lowest_latency": "latency-based-routing"}
_FILE = "config.yaml"


def emit_litellm(document: Any) -> Emitted:
    """One file, `config.yaml`; none where the document has no endpoints."""
    taking = Taking(document)
    if not taking.names("models", "endpoints"):
        return Emitted({}, [("models.endpoints", "there are none, and so no config.yaml")])
    config = _Config(taking).build()
    return Emitted({_FILE: to_yaml([config])}, taking.losses("has no place in LiteLLM's configuration"))


class _Config:
    def __init__(self, taking: Taking) -> None:
        self._taking = taking
        self._endpoints = taking.names("models", "endpoints")
        self._chains = taking.names("models", "fallbacks")
        self._models: list[dict[str, Any]] = []
        self._fallbacks: dict[str, list[dict[str, list[str]]]] = {
            "fallbacks": [], "context_window_fallbacks": [], "content_policy_fallbacks": [],
        }  # fmt: skip

    def build(self) -> dict[str, Any]:
        for name in self._endpoints:
            self._endpoint(name)
        for name in self._chains:
            self._chain(name)
        router: dict[str, Any] = {name: found for name, found in self._fallbacks.items() if found}
        router |= self._routing()
        config: dict[str, Any] = {"model_list": self._models}
        return config | ({"router_settings": router} if router else {})

    def _group(self, name: str) -> str:
        """The model name of an endpoint or a chain; where both have the name, it is the chain's."""
        return f"{name}:endpoint" if name in self._chains and name in self._endpoints else name

    # -- endpoints ---------------------------------------------------------------------------------------------------

    def _endpoint(self, name: str) -> None:
        at = ("models", "endpoints", name)
        status = self._taking.look(*at, "status")
        if status == "disabled":
            self._taking.lose("disabled: left out", *at)
            return
        self._taking.take(*at, "status")
        if status == "draining":
            self._taking.say("LiteLLM does not drain: it still gets new work", *at, "status")
        model = self._model(at)
        if model is None:
            self._taking.say("names no provider or no model: left out", *at)
            return
        params = self._params(at, model)
        self._models.append({"model_name": self._group(name), "litellm_params": params, "model_info": self._info(at)})

    def _params(self, at: tuple[str, ...], model: str) -> dict[str, Any]:
        params: dict[str, Any] = {"model": model}
        params |= self._credentials(at) | self._place(at)
        for ours, theirs in (("timeout_seconds", "timeout"), ("max_retries", "max_retries")):
            self._put(params, theirs, *at, ours)
        self._put(params, "rpm", *at, "rate", "requests_per_minute")
        self._put(params, "tpm", *at, "rate", "tokens_per_minute")
        return params | self._parameters((*at, "parameters"))

    def _model(self, at: tuple[str, ...]) -> str | None:
        provider, model = self._taking.text(*at, "provider"), self._taking.text(*at, "model")
        if provider is None:
            return None
        prefix = _PREFIXES.get(provider, provider)
        if provider == "self_hosted":
            server = self._taking.text(*at, "self_hosted", "server")
            prefix = _SERVERS.get(server or "", prefix)
        elif provider == "cohere" and self._taking.look(*at, "mode") != "chat":
            prefix = "cohere"
        elif provider == "azure_openai":
            model = self._taking.text(*at, "azure", "deployment") or model
        elif provider == "bedrock":
            profile = self._taking.text(*at, "bedrock", "inference_profile")
            model = f"{profile}.{model}" if model and profile not in (None, "none") else model
        return f"{prefix}/{model}" if model else None

    def _credentials(self, at: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, name in (("api_key", "api_key"), ("api_key_ref", "api_key"), ("vertex", "vertex_credentials")):
            path = (*at, key, "service_account_ref") if key == "vertex" else (*at, key)
            value = self._taking.take(*path)
            if value is None:
                continue
            if isinstance(value, str) and key == "api_key":
                self._taking.say("plaintext: left out", *path)
                continue
            variable = _reference(value) if isinstance(value, str) else variable_name(path)
            if isinstance(value, str) and not value.startswith("env:"):
                self._taking.say(f"the deployment has to set {variable} from it", *path)
            found.setdefault(name, f"os.environ/{variable}")
        return found

    def _place(self, at: tuple[str, ...]) -> dict[str, Any]:
        """Address, region, project and role of the provider's service."""
        params: dict[str, Any] = {}
        self._put(params, "api_base", *at, "base_url")
        resource = self._taking.text(*at, "azure", "resource")
        if resource is not None:
            params.setdefault("api_base", f"https://{resource}.openai.azure.com")
        for path, name in (
            (("azure", "api_version"), "api_version"), (("bedrock", "region"), "aws_region_name"),
            (("bedrock", "role_arn"), "aws_role_name"), (("vertex", "project"), "vertex_project"),
            (("vertex", "location"), "vertex_location"),
        ):  # fmt: skip
            self._put(params, name, *at, *path)
        if "aws_role_name" in params:
            params["aws_session_name"] = "litellm"
        provider = self._taking.take(*at, "openrouter")
        if provider is not None:
            params["extra_body"] = {"provider": provider}
        return params

    def _parameters(self, at: tuple[str | int, ...]) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for name in _PARAMETERS:
            self._put(params, name, *at, name)
        shape = self._taking.look(*at, "response_format")
        if shape in ("text", "json_object"):
            params["response_format"] = {"type": self._taking.take(*at, "response_format")}
        self._taking.lose("the schema is that of a prompt: callers have to send it", *at, "response_format")
        self._taking.lose("callers ask for a stream or do not", *at, "stream")
        return params

    def _info(self, at: tuple[str, ...]) -> dict[str, Any]:
        """What LiteLLM knows of a model; it takes more keys than it reads."""
        info: dict[str, Any] = {}
        if self._taking.look(*at, "mode") in _MODES:
            info["mode"] = self._taking.take(*at, "mode")
        self._taking.lose("LiteLLM's configuration has no word for this mode, and needs none", *at, "mode")
        for ours, theirs in (
            ("description", "description"), ("region", "region"), ("context_window", "max_input_tokens"),
            ("max_output_tokens", "max_output_tokens"), ("embedding_dimensions", "output_vector_size"),
            ("retires", "deprecation_date"), ("data_use", "data_use"), ("metadata", "metadata"),
        ):  # fmt: skip
            self._put(info, theirs, *at, ours)
        for index, name in enumerate(self._taking.look(*at, "capabilities") or ()):
            if name in _CAPABILITIES:
                self._taking.take(*at, "capabilities", index)
                info[_CAPABILITIES[name]] = True
        return info | self._price((*at, "price"))

    def _price(self, at: tuple[str, ...]) -> dict[str, Any]:
        """In dollars for one token; LiteLLM knows no other currency."""
        if self._taking.look(*at, "currency") != "USD":
            self._taking.lose("LiteLLM counts in US dollars: prices in another currency are left out", *at)
            return {}
        self._taking.take(*at, "currency")
        found: dict[str, Any] = {}
        above = self._taking.take(*at, "long_context", "above_tokens")
        suffix = f"_above_{above // 1000}k_tokens" if isinstance(above, int) and above % 1000 == 0 else None
        for ours, theirs in (("input", "input_cost_per_token"), ("output", "output_cost_per_token"),
                             ("cached_input", "cache_read_input_token_cost")):  # fmt: skip
            _price(found, theirs, self._taking.take(*at, f"{ours}_per_million"), 1_000_000)
            if suffix is not None:
                price = self._taking.take(*at, "long_context", f"{ours}_per_million")
                _price(found, f"{theirs}{suffix}", price, 1_000_000)
        if suffix is None:
            self._taking.lose("LiteLLM has bounds of whole thousands of tokens only", *at, "long_context")
        _price(found, "input_cost_per_query", self._taking.take(*at, "per_thousand_searches"), 1000)
        return found

    def _put(self, params: dict[str, Any], name: str, *path: str | int) -> None:
        """A value under another name; text that touches secrets as a variable."""
        value = self._taking.look(*path)
        if value is not None:
            self._taking.take(*path)
            params[name] = f"os.environ/{variable_name(path)}" if is_secret(value) else value

    # -- chains ------------------------------------------------------------------------------------------------------

    def _chain(self, chain: str) -> None:
        at = ("models", "fallbacks", chain)
        targets = self._taking.look(*at, "targets") or []
        names = [self._target(chain, (*at, "targets", index), first=index == 0) for index in range(len(targets))]
        self._taking.lose("LiteLLM bounds single attempts, not the whole chain", *at, "max_total_seconds")
        self._taking.lose("LiteLLM does not compare regions", *at, "same_region_only")
        breaker = self._taking.look(*at, "breaker")
        first = next((model for model in self._models if model["model_name"] == chain), None)
        if breaker is not None and first is not None:
            first["model_info"]["cooldown_time"] = self._taking.take(*at, "breaker", "cool_down_seconds")
            message = "LiteLLM counts failures for all models alike (router_settings.allowed_fails)"
            self._taking.lose(message, *at, "breaker", "failures")
        listed: dict[str, list[str]] = {kind: [] for kind in self._fallbacks}
        for index, name in enumerate(names):
            if index and name is not None:
                self._when(listed, name, (*at, "targets", index, "when"))
        for kind, found in listed.items():
            if found:
                self._fallbacks[kind].append({chain: found})

    def _target(self, chain: str, at: tuple[str | int, ...], *, first: bool) -> str | None:
        """The model name of a target: that of its endpoint, or one of its own where it differs from the endpoint."""
        name = self._taking.take(*at, "endpoint")
        base = next((model for model in self._models if model["model_name"] == self._group(name)), None)
        own: dict[str, Any] = {}
        self._put(own, "timeout", *at, "timeout_seconds")
        attempts = self._taking.take(*at, "max_attempts")
        if isinstance(attempts, int):
            own["max_retries"] = attempts - 1
        own |= self._parameters((*at, "parameters"))
        if name not in self._endpoints:
            if name not in self._chains:
                self._taking.lose(f"there is no endpoint {name}: left out", *at)
                return None
            if own:
                self._taking.lose(f"{name} is a chain: what differs here is left out", *at)
            if first:
                self._alias(chain, name)
            return str(name)
        if base is None:
            self._taking.lose(f"{name} is left out itself", *at)
            return None
        if not first and not own:
            return self._group(name)
        made = chain if first else f"{chain}:{name}"
        info = dict(base["model_info"])
        if first:
            self._put(info, "description", *at[:-2], "description")
        self._models.append({"model_name": made, "litellm_params": base["litellm_params"] | own, "model_info": info})
        return made

    def _alias(self, chain: str, other: str) -> None:
        """A chain that begins with another: its first target is that chain's first."""
        found = next((model for model in self._models if model["model_name"] == other), None)
        if found is None:
            self._taking.lose(
                f"begins with the chain {other}, which comes later: left out", "models", "fallbacks", chain
            )
            return
        self._models.append({**found, "model_name": chain, "model_info": dict(found["model_info"])})

    def _when(self, listed: dict[str, list[str]], name: str, at: tuple[str | int, ...]) -> None:
        when = self._taking.take(*at)
        causes = set(when) if isinstance(when, list) else None
        if causes is None or _CONTEXT in causes:
            listed["context_window_fallbacks"].append(name)
        if causes is None or _CONTENT in causes:
            listed["content_policy_fallbacks"].append(name)
        if causes is None or causes & _ANY:
            listed["fallbacks"].append(name)
            if causes is not None and not causes >= _ANY:
                self._taking.say("LiteLLM falls back after any other failure, too", *at)
        if causes is not None and causes - _ANY - {_CONTEXT, _CONTENT}:
            rest = ", ".join(sorted(causes - _ANY - {_CONTEXT, _CONTENT}))
            self._taking.say(f"LiteLLM does not fall back for {rest}", *at)

    # -- routing -----------------------------------------------------------------------------------------------------

    def _routing(self) -> dict[str, Any]:
        at = ("models", "routing")
        found: dict[str, Any] = {}
        default = self._taking.take(*at, "default")
        names = {model["model_name"] for model in self._models}
        if default is not None and self._group(default) in names | set(self._chains) and "default" not in names:
            found["model_group_alias"] = {"default": default if default in self._chains else self._group(default)}
        elif default is not None and default != "default":
            self._taking.say("no model of this name is left, or one is called default", *at, "default")
        strategy = self._taking.take(*at, "strategy")
        if strategy in _STRATEGIES:
            found["routing_strategy"] = _STRATEGIES[strategy]
            self._taking.say("LiteLLM chooses so among deployments of one name only", *at, "strategy")
        elif strategy == "weighted":
            self._taking.say("LiteLLM weighs deployments of one name, not models", *at, "strategy")
        for name in ("rules", "weights", "sticky_by"):
            self._taking.lose("LiteLLM routes by the name of the model alone", *at, name)
        return found


def _price(found: dict[str, Any], name: str, price: Any, divisor: int) -> None:
    if isinstance(price, int | float) and not isinstance(price, bool):
        found[name] = float(Decimal(str(price)) / divisor)


def _reference(text: str) -> str:
    """The variable for a reference such as vault:kv/llm/openai#api_key; that of `env:` names it."""
    kind, _, rest = text.partition(":")
    return rest if kind == "env" else variable_name(tuple(re.split(r"[^A-Za-z0-9_]+", rest)))
