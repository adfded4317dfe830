"""The official YAML test suite held against the profile: a case reads as the suite says, or it is refused.

The profile is a part of YAML 1.2, so many valid cases are refused (tags, several documents, keys that are no text ...).
The document has to be a map; cases with another root are judged by all other rules, and their value is what the builder
made before that one was asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitconfigmgr.model.diagnostics import has_errors
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import Document, Expression, Node
from gitconfigmgr.source.reader import _Builder, read_document

SUITE = Path(__file__).parents[2] / "vectors" / "yaml"
VISIBLE = {"␣": " ", "»": "\t", "—": "", "←": "\r", "⇔": "\ufeff", "↵": "", "∎\n": ""}
NOT_A_MAP = "GCM122"


@dataclass(frozen=True)
class Case:
    """`value` is None where the suite gives no JSON; `fails` says that the text is not YAML."""

    name: str
    text: str
    value: str | None
    fails: bool


class _AnyRoot(_Builder):
    """Keeps the root node, whatever it is."""

    top: Node | None = None

    def _content(self, next_event: Any) -> Node:
        self.top = super()._content(next_event)
        return self.top


@cache
def cases() -> list[Case]:
    found = []
    for path in sorted((SUITE / "src").glob("*.yaml")):
        known: dict[str, Any] = {}
        for number, part in enumerate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)):
            known = {**known, **part, "fail": part.get("fail", False)}  # a later part says only what differs
            if not part.get("skip"):
                name = f"{path.stem}-{number}" if number else path.stem
                found.append(Case(name, unescaped(known["yaml"]), known.get("json"), known["fail"]))
    return found


def unescaped(text: str) -> str:
    for sign, meant in VISIBLE.items():
        text = text.replace(sign, meant)
    return text


def read(text: str) -> tuple[bool, Any]:
    """Whether the text is accepted, whatever its root, and its value."""
    document, findings = read_document("t.yaml", "a", "base", "", text.encode("utf-8", "surrogatepass"), Limits())
    if has_errors(item for item in findings if item.code != NOT_A_MAP):
        return False, None
    if document.root is not None:
        return True, data(document.root)
    builder = _AnyRoot(Document("t.yaml", "a", "base", "", None), Limits(), [])
    builder.build(text.replace("\r\n", "\n"))
    assert builder.top is not None
    return True, data(builder.top)


def data(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: data(child) for key, child in value.items()}
    if isinstance(value, list):
        return [data(child) for child in value]
    return value.text if isinstance(value, Expression) else value


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and 1.0 is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def test_suite_is_there() -> None:
    assert len(cases()) > 400
    assert (SUITE / "License").is_file()


@pytest.mark.parametrize("case", [case for case in cases() if case.fails], ids=lambda case: case.name)
def test_invalid_text_is_refused(case: Case) -> None:
    accepted, value = read(case.text)
    assert not accepted, f"{case.text!r} reads as {value!r}"


@pytest.mark.parametrize("case", [case for case in cases() if not case.fails], ids=lambda case: case.name)
def test_valid_text_reads_as_the_suite_says_or_is_refused(case: Case) -> None:
    accepted, value = read(case.text)
    if accepted:
        assert case.value is not None, f"{case.text!r} reads as {value!r}, and the suite gives no value"
        expected = json.loads(case.value.strip() or "null")
        assert same(value, {} if expected is None else expected), case.text  # an empty document is an empty map


def test_most_of_what_the_profile_allows_is_accepted() -> None:
    accepted = [case.name for case in cases() if read(case.text)[0]]
    assert len(accepted) == 184, "more is fine once each newcomer was looked at; fewer refuses files that were good"


def test_maps_are_compared_and_not_only_counted() -> None:
    assert same({"a": [1, None]}, {"a": [1.0, None]})
    assert not same({"a": 1}, {"a": True})
    assert not same({"a": {}}, {"a": []})
