"""`models`: what the rules for models and prompts hold documents against."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.settings import Models
from gitconfigmgr.model.values import plain

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.source.sections.reader import SectionReader

_HIGHEST = {"retire_warning_days": 3650, "catalog_max_age_days": 36500, "cost_increase_percent": 10000,
            "key_rotation_days": 3650}  # fmt: skip
_WORDS = {"floating_aliases": ("warn", "error", "off"), "shared_keys": ("off", "warn", "error"),
          "unused_endpoints": ("off", "warn", "error")}  # fmt: skip
_COUNT = "a whole number above 0"
_SUM = "a number from 0"
_FACTS: dict[str, str] = {  # a fact -> what it takes
    "mode": "chat, embedding or rerank", "context_window": _COUNT, "total_window": _COUNT, "max_output_tokens": _COUNT,
    "embedding_dimensions": _COUNT, "input_per_million": _SUM, "cached_input_per_million": _SUM,
    "output_per_million": _SUM, "retires": "a day such as \"2027-01-31\"", "status": "active, preview or deprecated",
    "floating": "true or false", "sampling": "true or false", "capabilities": "a list of words",
    "refused_efforts": "a list of words",
}  # fmt: skip


def read(reader: SectionReader, node: Node | None) -> Models:
    """The settings of the rules for models."""
    if node is None:
        return Models()
    items = reader.members(node, Models._fields, "models")
    given: dict[str, Any] = {}
    for name, highest in _HIGHEST.items():
        if name in items and _number(reader, items[name], name, highest):
            given[name] = items[name].value
    for name, words in _WORDS.items():
        given[name] = reader.choice(items, name, words)
    if "providers" in items:
        given["providers"] = _names(reader, items["providers"])
    if "overrides" in items:
        given["overrides"] = _overrides(reader, items["overrides"])
    return Models(**given)


def _number(reader: SectionReader, node: Node, name: str, highest: int) -> bool:
    kinds = (int, float) if name == "cost_increase_percent" else (int,)
    if isinstance(node.value, bool) or not isinstance(node.value, kinds) or not 0 <= node.value <= highest:
        reader.report("GCM140", f"models.{name} is a number from 0 to {highest}", node)
        return False
    return True


def _names(reader: SectionReader, node: Node) -> tuple[str, ...]:
    if not isinstance(node.value, list) or not all(isinstance(item.value, str) for item in node.value):
        reader.report("GCM140", "models.providers is a list of providers", node, "such as [openai, bedrock]")
        return ()
    return tuple(item.value for item in node.value)


def _overrides(reader: SectionReader, node: Node) -> dict[str, dict[str, Any]]:
    if not isinstance(node.value, dict):
        reader.report("GCM140", "models.overrides is a map of models", node, "such as openai/gpt-next: {mode: chat}")
        return {}
    found = {}
    for name, child in node.value.items():
        if "/" not in name:
            reader.report(
                "GCM140", f"{name} names no provider", child, "write provider/model, as in openai/gpt-next", key=True
            )
        facts = reader.members(child, tuple(_FACTS), f"models.overrides.{name}")
        for fact, value in facts.items():
            if not _fits(fact, plain(value)):
                reader.report("GCM140", f"{fact} is {_FACTS[fact]}", value)
        found[name] = {fact: plain(value) for fact, value in facts.items()}
    return found


def _fits(fact: str, value: Any) -> bool:
    wanted = _FACTS[fact]
    if wanted in {_COUNT, _SUM}:
        number = isinstance(value, int if wanted is _COUNT else (int, float)) and not isinstance(value, bool)
        return number and value >= (1 if wanted is _COUNT else 0)
    if wanted == "true or false":
        return isinstance(value, bool)
    if wanted == "a list of words":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if fact == "retires":
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None
    return isinstance(value, str) and value in wanted.replace(" or", ",").split(", ")
