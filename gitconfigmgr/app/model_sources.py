"""Other people's tables of models as ours: LiteLLM's JSON, models.dev's JSON, the Anthropic SDK's list of retirements.

Each reader gives `{"provider/model": {field: value}}` with the fields of check/llm/catalog.py, and notes what is written
there and cannot be used. Nothing is run: the SDK's list is read as a literal.
"""

from __future__ import annotations

import ast
import gzip
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check.llm.catalog import CAPABILITIES
from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    _Reader = Callable[[dict[str, Any], list[str]], Iterator[tuple[str, dict[str, Any]]]]

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


class Read(NamedTuple):
    """The kind of a file, what it says, and what of it cannot be used: `gpt-x: max_input_tokens is 'many'`."""

    kind: str
    table: Table
    unusable: list[str]


def read_source(data: bytes) -> Read:
    """A file of models. Raises UsageError for one of no known kind."""
    import orjson

    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    unusable: list[str] = []
    if b"DEPRECATED_MODELS" in data[:200_000] and not data.lstrip().startswith(b"{"):
        return Read("anthropic-sdk", _anthropic(data, unusable), unusable)
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the file is no JSON: {error}", _HINT) from None
    if isinstance(raw, dict) and any(isinstance(item, dict) and "litellm_provider" in item for item in raw.values()):
        return Read("litellm", _collected(_litellm, raw, unusable), unusable)
    if isinstance(raw, dict) and any(isinstance(item, dict) and "models" in item for item in raw.values()):
        return Read("models.dev", _collected(_models_dev, raw, unusable), unusable)
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


class _Item:
    """What a file says of one model; a value that cannot be used counts as none, and is noted."""

    def __init__(self, name: str, said: Mapping[str, Any], unusable: list[str]) -> None:
        self.said = said
        self._name = name
        self._unusable = unusable

    def number(self, key: str) -> float | None:
        """A number from 0."""
        value = self.said.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
            self._refuse(key, value)
            return None
        return int(value) if value == int(value) else float(value)

    def count(self, key: str) -> int | None:
        """A whole number; 0 says nothing."""
        number = self.number(key)
        if number is not None and number != int(number):
            self._refuse(key, number)
            return None
        return int(number) if number else None

    def price(self, key: str) -> float | None:
        """Dollars for a million, from those for one."""
        number = self.number(key)
        if number is None:
            return None
        dollars = round(number * _MILLION, 6)
        return int(dollars) if dollars == int(dollars) else dollars

    def day(self, key: str) -> str | None:
        """A day such as 2027-01-31."""
        value = self.said.get(key)
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            self._refuse(key, value)
            return None

    def inside(self, key: str) -> _Item:
        """A map in it; an empty one where there is none."""
        value = self.said.get(key)
        if not isinstance(value, dict):
            self._refuse(key, value)
            value = {}
        return _Item(self._place(key), value, self._unusable)

    def _refuse(self, key: str, value: Any) -> None:
        if value is not None and value != "":
            self._unusable.append(f"{self._place(key)} is {value!r:.40}")

    def _place(self, key: str) -> str:
        return f"{self._name}: {key}" if self._name else key


def _collected(read: _Reader, raw: dict[str, Any], unusable: list[str]) -> Table:
    table: Table = {}
    for name, found in read(raw, unusable):
        known = {field: value for field, value in found.items() if value is not None}
        table[name] = known | table.get(name, {})
    return table


# -- LiteLLM -----------------------------------------------------------------------------------------------------------


def _litellm(raw: dict[str, Any], unusable: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in raw.items():
        if not isinstance(item, dict):
            unusable.append(f"{name} is {item!r:.40}")
            continue
        mode = _MODES.get(str(item.get("mode")))
        owner = _litellm_name(name, str(item.get("litellm_provider"))) if mode else None
        if owner is not None:
            yield owner, _litellm_facts(_Item(name, item, unusable)) | {"mode": mode}


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


def _litellm_facts(item: _Item) -> dict[str, Any]:
    said = {name: item.said[key] for name, key in _SUPPORTS.items() if isinstance(item.said.get(key), bool)}
    return {
        "context_window": item.count("max_input_tokens"),
        "max_output_tokens": item.count("max_output_tokens")
        if item.said.get("mode") in {"chat", "responses"}
        else None,
        "input_per_million": item.price("input_cost_per_token"),
        "cached_input_per_million": item.price("cache_read_input_token_cost"),
        "output_per_million": item.price("output_cost_per_token"),
        "long_context": _long(item),
        "embedding_dimensions": item.count("output_vector_size"),
        "retires": item.day("deprecation_date"),
        "capabilities": _mask(name for name, yes in said.items() if yes) if said else None,
        "sampling": False if item.said.get("supports_sampling_params") is False else None,
        "refused_efforts": _refused(item.said),
    }


def _long(item: _Item) -> list[float] | None:
    for key in item.said:
        match = re.fullmatch(r"input_cost_per_token_above_(\d{1,6})k_tokens", key)
        if match and (price := item.price(key)) is not None:
            output = item.price(key.replace("input", "output", 1))
            return [
                int(match[1]) * 1000,
                price,
                output if output is not None else item.price("output_cost_per_token") or 0,
            ]
    return None


def _refused(item: Mapping[str, Any]) -> list[str] | None:
    levels = item.get("reasoning_effort_levels")
    if isinstance(levels, list) and levels:
        return [name for name in _EFFORTS if name not in levels] or None
    return [name for name in _EFFORTS if item.get(f"supports_{name}_reasoning_effort") is False] or None


# -- models.dev --------------------------------------------------------------------------------------------------------


def _models_dev(raw: dict[str, Any], unusable: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for provider, ours in _MODELS_DEV.items():
        for name in (models := _Item("", raw, unusable).inside(provider).inside("models")).said:
            item = models.inside(name)
            if "text" in _words(item.inside("modalities"), "output") and isinstance(item.said.get("limit"), dict):
                yield f"{ours}/{name}", _models_dev_facts(name, item)


def _words(item: _Item, key: str) -> list[Any]:
    value = item.said.get(key)
    return value if isinstance(value, list) else []


def _models_dev_facts(name: str, item: _Item) -> dict[str, Any]:
    limit, cost, said = item.inside("limit"), item.inside("cost"), item.said
    embedding = "embed" in name or "embed" in str(said.get("family"))
    inputs = _words(item.inside("modalities"), "input")
    can = {"tools": said.get("tool_call"), "reasoning": said.get("reasoning"), "json_schema": said.get("structured_output"),
           "vision": "image" in inputs, "pdf": "pdf" in inputs, "audio": "audio" in inputs, "video": "video" in inputs,
           "prompt_caching": "cache_read" in cost.said}  # fmt: skip
    return {
        "mode": "embedding" if embedding else "chat",
        "context_window": limit.count("input") or limit.count("context"),
        "total_window": None if embedding else limit.count("context"),
        "max_output_tokens": None if embedding else limit.count("output"),
        "input_per_million": cost.number("input"),
        "cached_input_per_million": cost.number("cache_read"),
        "output_per_million": cost.number("output"),
        "status": {"beta": "preview", "alpha": "preview", "deprecated": "deprecated"}.get(str(said.get("status"))),
        "capabilities": _mask(capability for capability, yes in can.items() if yes),
        "sampling": False if said.get("temperature") is False and said.get("reasoning") and not embedding else None,
    }


# -- the Anthropic SDK -------------------------------------------------------------------------------------------------


def _anthropic(data: bytes, unusable: list[str]) -> Table:
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
        try:
            ends = datetime.strptime(" ".join(parts.groups()), "%B %d %Y").date() if parts else None
        except ValueError:
            ends = None
        if ends is None:
            unusable.append(f"{name} is switched off on {day!r:.40}")
        else:
            table[f"anthropic/{name}"] = {"mode": "chat", "retires": ends.isoformat()}
    return table


def _mask(names: Any) -> int:
    return sum(1 << CAPABILITIES.index(name) for name in set(names))
