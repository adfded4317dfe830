"""Other people's tables of models as ours: LiteLLM's JSON, models.dev's JSON, the Anthropic SDK's list of retirements.

Each reader gives `{"provider/model": {field: value}}` with the fields of check/llm/catalog.py. Nothing is run: the
SDK's list is read as a literal.
"""

from __future__ import annotations

import ast
import gzip
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.llm.catalog import CAPABILITIES
from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Table = dict[str, dict[str, Any]]
MAX_BYTES = 64 * 1024 * 1024
_MILLION = 1_000_000
_MODES = {"chat": "chat", "responses": "chat", "embedding": "embedding", "rerank": "rerank"}
# LiteLLM's provider -> ours, and the prefix that its ids carry
_LITELLM = {
    "openai": ("openai", ""), "anthropic": ("anthropic", ""), "gemini": ("google_ai", "gemini/"),
    "bedrock": ("bedrock", "bedrock/"), "bedrock_converse": ("bedrock", "bedrock/"), "azure": ("azure_openai", "azure/"),
    "mistral": ("mistral", "mistral/"), "cohere": ("cohere", "cohere/"), "cohere_chat": ("cohere", "cohere_chat/"),
    "groq": ("groq", "groq/"), "deepseek": ("deepseek", "deepseek/"), "xai": ("xai", "xai/"),
    "together_ai": ("together_ai", "together_ai/"), "fireworks_ai": ("fireworks_ai", "fireworks_ai/"),
    "fireworks_ai-embedding-models": ("fireworks_ai", "fireworks_ai/"), "perplexity": ("perplexity", "perplexity/"),
    "voyage": ("voyage", "voyage/"), "cerebras": ("cerebras", "cerebras/"),
}  # fmt: skip
_MODELS_DEV = {
    "openai": "openai", "anthropic": "anthropic", "google": "google_ai", "google-vertex": "vertex_ai",
    "amazon-bedrock": "bedrock", "azure": "azure_openai", "mistral": "mistral", "cohere": "cohere", "groq": "groq",
    "deepseek": "deepseek", "xai": "xai", "togetherai": "together_ai", "fireworks-ai": "fireworks_ai",
    "perplexity": "perplexity", "cerebras": "cerebras", "openrouter": "openrouter",
}  # fmt: skip
_SUPPORTS = {
    "tools": "supports_function_calling", "parallel_tools": "supports_parallel_function_calling",
    "vision": "supports_vision", "pdf": "supports_pdf_input", "audio": "supports_audio_input",
    "video": "supports_video_input", "reasoning": "supports_reasoning", "json_schema": "supports_response_schema",
    "prompt_caching": "supports_prompt_caching", "web_search": "supports_web_search",
    "computer_use": "supports_computer_use",
}  # fmt: skip
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_REGIONAL = re.compile(r"(?:[a-z]{2}-[a-z-]+-\d|\*|invoke|claude_platform)/")
_NOT_A_NAME = re.compile(r"\A(?:low|medium|high|hd|standard|speech|global|global-standard)/")
_DAY = re.compile(r"(\w+) (\d{1,2})(?:st|nd|rd|th), (\d{4})")


LICENSES = {"anthropic-sdk": "Apache-2.0", "litellm": "MIT", "models.dev": "MIT"}


def read_source(data: bytes) -> tuple[str, Table]:
    """The kind of a file and what it says. Raises UsageError for a file of no known kind."""
    import orjson

    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    if b"DEPRECATED_MODELS" in data[:200_000] and not data.lstrip().startswith(b"{"):
        return "anthropic-sdk", _anthropic(data)
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the file is no JSON: {error}", _HINT) from None
    if isinstance(raw, dict) and any(isinstance(item, dict) and "litellm_provider" in item for item in raw.values()):
        return "litellm", _collected(_litellm, raw)
    if isinstance(raw, dict) and any(isinstance(item, dict) and "models" in item for item in raw.values()):
        return "models.dev", _collected(_models_dev, raw)
    raise UsageError("the file is no table of models that is known", _HINT)


_HINT = (
    "known are LiteLLM's model_prices_and_context_window.json, models.dev's api.json, the Anthropic SDK's messages.py"
)


def _unpacked(data: bytes) -> bytes:
    import io

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            found = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError):
        raise UsageError("the file is damaged: it begins as gzip and cannot be unpacked") from None
    if len(found) > MAX_BYTES:
        raise UsageError(f"the file has more than {MAX_BYTES} bytes")
    return found


def _collected(read: Callable[[dict[str, Any]], Iterator[tuple[str, dict[str, Any]]]], raw: dict[str, Any]) -> Table:
    table: Table = {}
    for name, found in read(raw):
        known = {field: value for field, value in found.items() if value is not None}
        table[name] = known | table.get(name, {})
    return table


# -- LiteLLM -----------------------------------------------------------------------------------------------------------


def _litellm(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in raw.items():
        mode = _MODES.get(item.get("mode", "")) if isinstance(item, dict) else None
        owner = _litellm_name(name, str(item.get("litellm_provider"))) if mode else None
        if owner is not None:
            yield owner, _litellm_facts(item) | {"mode": mode}


def _litellm_name(name: str, provider: str) -> str | None:
    ours, prefix = _LITELLM.get(provider, ("", ""))
    if provider.startswith("vertex_ai"):
        ours, prefix = "vertex_ai", "vertex_ai/"
    model = name.removeprefix(prefix)
    if not ours or (ours == "bedrock" and _REGIONAL.match(model)) or _NOT_A_NAME.match(model):
        return None
    if ours == "together_ai" and model.startswith("together-ai-"):  # price classes, no models
        return None
    return f"{ours}/{model}"


def _litellm_facts(item: dict[str, Any]) -> dict[str, Any]:
    said = {name: item[key] for name, key in _SUPPORTS.items() if isinstance(item.get(key), bool)}
    return {
        "context_window": _count(item.get("max_input_tokens")),
        "max_output_tokens": _count(item.get("max_output_tokens"))
        if item.get("mode") in {"chat", "responses"}
        else None,
        "input_per_million": _price(item.get("input_cost_per_token")),
        "cached_input_per_million": _price(item.get("cache_read_input_token_cost")),
        "output_per_million": _price(item.get("output_cost_per_token")),
        "long_context": _long(item),
        "embedding_dimensions": _count(item.get("output_vector_size")),
        "retires": _day(item.get("deprecation_date")),
        "capabilities": _mask(name for name, yes in said.items() if yes) if said else None,
        "sampling": item.get("supports_sampling_params") if item.get("supports_sampling_params") is False else None,
        "refused_efforts": _refused(item),
    }


def _long(item: dict[str, Any]) -> list[float] | None:
    for key, value in item.items():
        match = re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key)
        if match and (price := _price(value)) is not None:
            output = _price(item.get(key.replace("input", "output", 1)))
            return [
                int(match[1]) * 1000,
                price,
                output if output is not None else _price(item["output_cost_per_token"]) or 0,
            ]
    return None


def _refused(item: dict[str, Any]) -> list[str] | None:
    levels = item.get("reasoning_effort_levels")
    if isinstance(levels, list) and levels:
        return [name for name in _EFFORTS if name not in levels] or None
    return [name for name in _EFFORTS if item.get(f"supports_{name}_reasoning_effort") is False] or None


# -- models.dev --------------------------------------------------------------------------------------------------------


def _models_dev(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for provider, ours in _MODELS_DEV.items():
        for name, item in raw.get(provider, {}).get("models", {}).items():
            outputs = item.get("modalities", {}).get("output", [])
            if "text" in outputs and isinstance(item.get("limit"), dict):
                yield f"{ours}/{name}", _models_dev_facts(name, item)


def _models_dev_facts(name: str, item: dict[str, Any]) -> dict[str, Any]:
    limit, cost = item["limit"], item.get("cost") or {}
    embedding = "embed" in name or "embed" in str(item.get("family"))
    inputs = item.get("modalities", {}).get("input", [])
    said = {"tools": item.get("tool_call"), "reasoning": item.get("reasoning"), "json_schema": item.get("structured_output"),
            "vision": "image" in inputs, "pdf": "pdf" in inputs, "audio": "audio" in inputs, "video": "video" in inputs,
            "prompt_caching": "cache_read" in cost}  # fmt: skip
    return {
        "mode": "embedding" if embedding else "chat",
        "context_window": _count(limit.get("input")) or _count(limit.get("context")),
        "total_window": None if embedding else _count(limit.get("context")),
        "max_output_tokens": None if embedding else _count(limit.get("output")),
        "input_per_million": _number(cost.get("input")),
        "cached_input_per_million": _number(cost.get("cache_read")),
        "output_per_million": _number(cost.get("output")),
        "status": {"beta": "preview", "alpha": "preview", "deprecated": "deprecated"}.get(item.get("status", "")),
        "capabilities": _mask(capability for capability, yes in said.items() if yes),
        "sampling": False if item.get("temperature") is False and item.get("reasoning") and not embedding else None,
    }


# -- the Anthropic SDK -------------------------------------------------------------------------------------------------


def _anthropic(data: bytes) -> Table:
    match = re.search(
        r"^DEPRECATED_MODELS[^=\n]*= (\{.*?^\})", data.decode("utf-8", "replace"), re.DOTALL | re.MULTILINE
    )
    try:
        listed = ast.literal_eval(match[1]) if match else None
    except (ValueError, SyntaxError):
        listed = None
    if not isinstance(listed, dict):
        raise UsageError("DEPRECATED_MODELS is no list of models and days", _HINT)
    table: Table = {}
    for name, day in listed.items():
        parts = _DAY.fullmatch(str(day))
        if parts:
            ends = datetime.strptime(f"{parts[1]} {parts[2]} {parts[3]}", "%B %d %Y").date()
            table[f"anthropic/{name}"] = {"mode": "chat", "retires": ends.isoformat()}
    return table


# -- values ------------------------------------------------------------------------------------------------------------


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number and number == int(number) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        return None
    return int(value) if value == int(value) else float(value)


def _price(value: Any) -> float | None:
    number = _number(value)
    if number is None:
        return None
    dollars = round(number * _MILLION, 6)
    return int(dollars) if dollars == int(dollars) else dollars


def _day(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else None


def _mask(names: Any) -> int:
    return sum(1 << CAPABILITIES.index(name) for name in set(names))
