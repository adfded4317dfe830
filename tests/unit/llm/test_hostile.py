"""Repositories that are meant to take all time and memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.repositories import program, write_files

from .support import PARTS

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = "version: 1\nschemas:\n" + "".join(
    f"  - {{schema: 'gcm:llm/{name}.schema.json', path: {'.'.join(path)}}}\n" for path, name in PARTS.items()
)


def endpoint(**more: Any) -> dict[str, Any]:
    return {"provider": "openai", "model": "gpt-6.1-sol", "mode": "chat", "region": "us", "context_window": 922000,
            "max_output_tokens": 128000, "api_key_ref": "env:KEY"} | more  # fmt: skip


def prompt(text: str, **more: Any) -> dict[str, Any]:
    return {"version": "1.0.0", "use": "a", "messages": [{"role": "user", "content": text}]} | more


MANY = 1500
CASES: dict[str, dict[str, Any]] = {
    "a megabyte of Chinese near its bound": {"prompts": {"p": prompt("请用一句话回答" * 150_000, token_budget=1_000_000)}},
    "a megabyte of placeholders": {"prompts": {"p": prompt("{{ a }}" * 140_000)}},
    "a megabyte of tags": {"prompts": {"p": prompt("<a>" * 300_000 + "{{ x }}", variables={"x": {"type": "string", "trust": "untrusted"}})}},
    "deep brackets": {"prompts": {f"p{n}": prompt("{{ " + "(" * n + "a" + ")" * n + " }}") for n in (100, 900, 1500, 40_000)}},
    "deep blocks": {"prompts": {f"p{n}": prompt("{% if a %}" * n + "{% endif %}" * n) for n in (50, 900, 1200)}},
    "numbers that look like cards": {"prompts": {"p": prompt("4111 1111 1111 111" * 50_000 + "+49 " * 50_000 + "DE89 3704 " * 50_000)}},
    "mail that never ends": {"prompts": {"p": prompt("a@" + "a-." * 300_000 + "x@" * 100_000)}},
    "a long line of chains": {
        "models": {"fallbacks": {f"c{n}": {"targets": [{"endpoint": f"c{n + 1}"}, {"endpoint": "a"}]} for n in range(MANY)}}
    },
    "a circle of many": {"models": {"fallbacks": {f"c{n}": {"targets": [{"endpoint": f"c{(n + 1) % MANY}"}]} for n in range(MANY)}}},
    "chains that all name all": {
        "models": {"fallbacks": {f"c{n}": {"targets": [{"endpoint": f"c{m}"} for m in range(60) if m != n]} for n in range(60)}}
    },
    "unheard-of names": {"models": {"fallbacks": {f"c{n}": {"targets": [{"endpoint": f"nothing-{n}" * 10}]} for n in range(300)}}},
    "many rules": {"models": {"routing": {"default": "a", "rules": [{"name": f"r{n}", "when": {"prompt": f"p{n}"}, "use": "a"} for n in range(MANY)]}}},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_it_ends(name: str, tmp_path: Path) -> None:
    document = {"models": {"endpoints": {"a": endpoint()}, **CASES[name].get("models", {})}} | {
        key: value for key, value in CASES[name].items() if key != "models"
    }
    text = json.dumps(document, ensure_ascii=False)
    settings = SETTINGS.replace("version: 1\n", "version: 1\nenvironments: {production: {}}\n")
    write_files(tmp_path, {"gitconfigmgr.yaml": settings, "configs/acme/base.yaml": text})
    done = program("check", "--no-cache", "--format", "json", cwd=tmp_path)
    assert done.returncode in {0, 1}, done.stderr
