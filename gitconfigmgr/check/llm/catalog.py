"""What is known of models: a pinned table, the package's or the repository's own, with the source of each number.

    {"format": 1, "date": "2026-11-22", "sources": [...], "fields": [...], "capabilities": [...],
     "models": {"openai/gpt-4o": [[values by field], "sources by field", {"field": [[other value, source], ...]}]}}

A source is one character, its index in base 36, or `.` where the field is unknown. Prices are US dollars for a million
tokens. Nothing here is ever asked of a network.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PACKAGED = "llm/catalog.json"
LOCK = "models.lock.json"
FORMAT = 1
MAX_BYTES = 16 * 1024 * 1024
FIELDS = (
    "mode", "context_window", "total_window", "max_output_tokens", "input_per_million", "cached_input_per_million",
    "output_per_million", "long_context", "embedding_dimensions", "retires", "status", "floating", "capabilities",
    "sampling", "refused_efforts",
)  # fmt: skip
CAPABILITIES = (
    "tools", "parallel_tools", "vision", "pdf", "audio", "video", "reasoning", "json_schema", "prompt_caching",
    "web_search", "computer_use",
)  # fmt: skip
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SUFFIX = re.compile(r"(?:[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|\d{2}-\d{4}|\d{3}))\Z")
_PROFILE = re.compile(r"(?:us|eu|apac|us-gov|global|jp|au|ca)\.")


class CatalogError(Exception):
    """The bytes are no catalogue."""


class Facts(NamedTuple):
    """What is known of one model. None is unknown; `sampling` is False where sampling parameters are refused.

    `context_window` is what may be read, `total_window` what may be read and written together. `long_context` is
    [bound, input, output]. `sources` has the name of the source of each known field, `others` what others say.
    """

    id: str
    mode: str | None = None
    context_window: int | None = None
    total_window: int | None = None
    max_output_tokens: int | None = None
    input_per_million: float | None = None
    cached_input_per_million: float | None = None
    output_per_million: float | None = None
    long_context: list[float] | None = None
    embedding_dimensions: int | None = None
    retires: str | None = None
    status: str | None = None
    floating: bool | None = None
    capabilities: frozenset[str] | None = None
    sampling: bool | None = None
    refused_efforts: list[str] | None = None
    sources: Mapping[str, str] = {}
    others: Mapping[str, list[tuple[Any, str]]] = {}

    def source(self, field: str) -> str:
        """The name of where a field is from."""
        return self.sources.get(field, "no source")


class Catalog:
    """The models of one table, by `provider/model`."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.date = str(raw["date"])
        self.sources: list[dict[str, str]] = list(raw["sources"])
        self._models: dict[str, Any] = raw["models"]

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, name: str) -> bool:
        return name in self._models

    def ids(self) -> list[str]:
        """The ids of all models, sorted."""
        return sorted(self._models)

    def facts(self, name: str) -> Facts | None:
        """What is known of a model."""
        row = self._models.get(name)
        return None if row is None else self._facts(name, row)

    def all_facts(self) -> dict[str, Facts]:
        """What is known of each model."""
        return {name: self._facts(name, row) for name, row in self._models.items()}

    def _facts(self, name: str, row: Any) -> Facts:
        fields, capabilities = self._raw["fields"], self._raw["capabilities"]
        values = dict(zip(fields, row[0], strict=False))
        known = {field: value for field, value in values.items() if value is not None and field in FIELDS}
        if "capabilities" in known:
            known["capabilities"] = _named(known["capabilities"], capabilities)
        sources = {field: self._source(code) for field, code in zip(fields, row[1], strict=False) if code != "."}
        others = row[2] if len(row) > 2 else {}
        told = {
            field: [(_named(v, capabilities) if field == "capabilities" else v, self._source(code)) for v, code in said]
            for field, said in others.items()
        }
        return Facts(name, **known, sources=sources, others=told)

    def _source(self, code: str) -> str:
        index = _DIGITS.index(code)
        return self.sources[index]["name"] if index < len(self.sources) else "an unknown source"


def _named(mask: int, names: list[str]) -> frozenset[str]:
    return frozenset(name for bit, name in enumerate(names) if mask >> bit & 1)


def read_catalog(data: bytes) -> Catalog:
    """A catalogue from its bytes. Raises CatalogError for what is none, or has holes."""
    import orjson

    if len(data) > MAX_BYTES:
        raise CatalogError(f"it has more than {MAX_BYTES} bytes")
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise CatalogError(f"it is no JSON: {error}") from None
    problem = _problem(raw)
    if problem:
        raise CatalogError(problem)
    return Catalog(raw)


def _problem(raw: Any) -> str | None:
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        return f"it is no model catalogue of format {FORMAT}"
    if not isinstance(raw.get("date"), str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw["date"]):
        return "its date is no date such as 2026-12-31"
    lists = {name: raw.get(name) for name in ("sources", "fields", "capabilities")}
    for name, value in lists.items():
        kind = dict if name == "sources" else str
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            return f"{name} is no list"
    if not all(isinstance(item.get("name"), str) for item in raw["sources"]):
        return "a source has no name"
    if not isinstance(raw.get("models"), dict):
        return "models is no map"
    for name, row in raw["models"].items():
        if not _is_row(row, raw):
            return f"the entry of {name} is not complete"
    return None


def _is_row(row: Any, raw: Mapping[str, Any]) -> bool:
    if not isinstance(row, list) or len(row) not in {2, 3} or not isinstance(row[0], list):
        return False
    if not isinstance(row[1], str) or len(row[1]) != len(row[0]) or len(row[0]) > len(raw["fields"]):
        return False
    for field, value in zip(raw["fields"], row[0], strict=False):
        if value is not None and not isinstance(value, _KINDS.get(field, object)):
            return False
    if not isinstance(row[-1], (str, dict)):
        return False
    others = row[2] if len(row) == 3 else {}
    if not isinstance(others, dict):
        return False
    said = [pair for pairs in others.values() for pair in (pairs if isinstance(pairs, list) else [None])]
    return all(isinstance(pair, list) and len(pair) == 2 and pair[1] in _DIGITS for pair in said)


_KINDS: dict[str, Any] = {
    "mode": str, "context_window": int, "total_window": int, "max_output_tokens": int,
    "input_per_million": (int, float), "cached_input_per_million": (int, float), "output_per_million": (int, float),
    "long_context": list, "embedding_dimensions": int, "retires": str, "status": str, "floating": bool,
    "capabilities": int, "sampling": bool, "refused_efforts": list,
}  # fmt: skip


class Known:
    """The models as a repository sees them: its own tables first, then the package's, then what settings override.

    A change is judged by the table of its base; its own counts for models that the base has not. Tables are read when
    the first model is looked up.
    """

    def __init__(
        self,
        packaged: Callable[[], bytes | None],
        own: Callable[[], list[bytes]],
        overrides: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._packaged_bytes = packaged
        self._own_bytes = own
        self.overrides = overrides
        self._found: dict[tuple[str, str, str], Facts | None] = {}
        self.problem: str | None = None  # why the repository's own table cannot be used

    @property
    def packaged_bytes(self) -> bytes:
        """The bytes of the package's table."""
        data = self._packaged_bytes()
        assert data is not None
        return data

    @cached_property
    def packaged(self) -> Catalog:
        """The package's table: our own file, whose shape is tested and not checked at each start."""
        import orjson

        return Catalog(orjson.loads(self.packaged_bytes))

    @cached_property
    def own(self) -> list[Catalog]:
        """The repository's own tables; none where it has none, or none that can be used."""
        found = []
        for data in self._own_bytes():
            try:
                found.append(read_catalog(data))
            except CatalogError as error:
                self.problem = str(error)
        return found

    def facts(self, provider: str, model: str, hint: str = "") -> Facts | None:
        """What is known of a model of a provider; `hint` is a jurisdiction that prices may depend on."""
        key = (provider, model, hint)
        if key not in self._found:
            self._found[key] = self._look_up(provider, model, hint)
        return self._found[key]

    def in_tables(self, name: str) -> Facts | None:
        """What the tables say of a model, whatever settings override."""
        tables = [*self.own, self.packaged]
        return next((facts for table in tables if (facts := table.facts(name)) is not None), None)

    def by_id(self, name: str) -> Facts | None:
        """What is known of a model by its id."""
        facts = self.in_tables(name)
        if facts is None and name in self.overrides:
            facts = Facts(name)
        return None if facts is None else self._overridden(facts)

    def ids(self) -> list[str]:
        """The ids of all models, sorted."""
        return sorted({name for table in (*self.own, self.packaged) for name in table.ids()} | set(self.overrides))

    def names(self, provider: str) -> list[str]:
        """The models of a provider, without its name."""
        start = f"{provider}/"
        return [name.removeprefix(start) for name in self.ids() if name.startswith(start)]

    def _look_up(self, provider: str, model: str, hint: str) -> Facts | None:
        found: Facts | None = None
        for name in _spellings(provider, model, hint):
            facts = self.in_tables(name)
            if facts is not None:
                found = facts if found is None else filled(found, facts)
        if found is not None:
            return self._overridden(found)
        name = f"{provider}/{model}"
        return self._overridden(Facts(name)) if name in self.overrides else None

    def _overridden(self, facts: Facts) -> Facts:
        given = dict(self.overrides.get(facts.id, {}))
        if not given:
            return facts
        if "capabilities" in given:
            given["capabilities"] = frozenset(given["capabilities"])
        sources = dict(facts.sources) | dict.fromkeys(given, "gitconfigmgr.yaml")
        return facts._replace(**given, sources=sources)


def filled(facts: Facts, general: Facts) -> Facts:
    """Facts, with those of a more general entry where they lack some."""
    missing = {
        field: value
        for field in FIELDS
        if getattr(facts, field) is None and (value := getattr(general, field)) is not None
    }
    sources = {field: general.source(field) for field in missing}
    return facts._replace(**missing, sources=sources | dict(facts.sources))


def _spellings(provider: str, model: str, hint: str) -> list[str]:
    """The ids a model may be listed under, the exact one first."""
    names = [model]
    if provider == "azure_openai" and hint in {"eu", "us"}:
        names.insert(0, f"{hint}/{model}")
    if provider == "bedrock":
        names.append(_PROFILE.sub("", model, count=1))
    if provider == "vertex_ai":
        names.append(model.partition("@")[0])
    if model.startswith("ft:"):  # a fine-tuned model has the limits of the one below it
        names.append(model.split(":")[1])
    return [f"{provider}/{name}" for name in dict.fromkeys(names)]


def dated(ids: set[str]) -> set[str]:
    """The ids that a provider moves on: `-latest`, and those that a dated id of the same name stands beside."""
    aliases = {name for name in ids if name.endswith(("-latest", "@latest", "@default"))}
    return aliases | {base for name in ids if (base := _SUFFIX.sub("", name)) != name and base in ids}
