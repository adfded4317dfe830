"""Documents in memory under the packaged LLM schemas, and what the judge says of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.diagnostics import Diagnostic, Position
from gitconfigmgr.model.metadata import Metadata
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.settings import Environment, Models, SchemaBinding
from gitconfigmgr.model.subjects import Subject
from tests.unit.check.support import PACKAGED as SCHEMAS
from tests.unit.check.support import node, read_packaged

__all__ = ["SCHEMAS", "node", "read_packaged"]

PARTS = {
    ("models", "endpoints"): "endpoints",
    ("models", "fallbacks"): "fallbacks",
    ("models", "routing"): "routing",
    ("models", "defaults"): "model-parameters",
    ("prompts",): "prompts",
    ("limits",): "quotas",
    ("caches",): "caches",
}
TODAY = date(2026, 11, 22)

SONNET = """
    sonnet:
      {provider: anthropic, model: claude-sonnet-5-5, mode: chat, region: us, context_window: 1000000,
       max_output_tokens: 128000, api_key_ref: "vault:kv/a#k"}"""
SOL = """
    sol:
      {provider: openai, model: gpt-6.1-sol, mode: chat, region: us, context_window: 922000,
       max_output_tokens: 128000, api_key_ref: "vault:kv/o#k"}"""


def endpoints(*parts: str, more: str = "") -> str:
    """A document with these endpoints."""
    return "models:\n  endpoints:" + "".join(parts) + "\n" + more


def make_judge(settings: Models | None = None, locks: list[bytes] | None = None, **metadata: str) -> LlmJudge:
    """A judge under all LLM schemas; `metadata` are `_namespace.yaml` texts by namespace."""
    bindings = [
        SchemaBinding(f"gcm:llm/{name}.schema.json", ("**",), path, Position("gitconfigmgr.yaml"))
        for path, name in PARTS.items()
    ]
    schemas = SchemaSet(bindings, lambda _: None, read_packaged)
    described = {
        name: Metadata(name, root=node(text, f"configs/{name}/_namespace.yaml")) for name, text in metadata.items()
    }
    return LlmJudge(settings or Models(), schemas.view, lambda: described, lambda: locks or [], read_packaged)


def judged(
    text: str,
    *,
    settings: Models | None = None,
    protected: bool = False,
    before: str | None = None,
    locks: list[bytes] | None = None,
    today: date = TODAY,
    **described: Any,
) -> list[Diagnostic]:
    """The findings in a document of acme; `described` are keys of its metadata."""
    environment = Environment("production", ("base", "production"), protected)
    previous = None if before is None else (lambda: node(before))
    metadata = {key: node(f"{key}: {value}").value[key] for key, value in described.items()}
    subject = Subject(Target("acme", "production"), node(text), environment, metadata, lambda: today, previous)
    return make_judge(settings, locks).judge(subject)


def codes(text: str, **options: Any) -> list[str]:
    """The codes of the findings, sorted, each once."""
    return sorted({item.code for item in judged(text, **options)})
