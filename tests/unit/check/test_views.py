"""Which bindings a namespace has, and that nothing is read or loaded too early."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.diagnostics import Position

from .support import binding, node, read_packaged

STRINGS = b'{"additionalProperties": {"type": "string"}}'


def schemas(*patterns: str) -> SchemaSet:
    return SchemaSet([binding("s.json", *patterns)], {"s.json": STRINGS}.get, read_packaged)


@pytest.mark.parametrize(
    ("pattern", "namespace", "matches"),
    [
        ("acme/**", "acme", True),
        ("acme/**", "acme/ml/chat", True),
        ("acme/**", "acmes", False),
        ("acme/*", "acme", False),
        ("acme/*", "acme/ml", True),
        ("acme/*", "acme/ml/chat", False),
        ("*/ml", "acme/ml", True),
        ("**/chat", "chat", True),
        ("**/chat", "acme/ml/chat", True),
        ("acme/**/chat", "acme/chat", True),
        ("acme/**/chat", "acme/a/b/chat", True),
        ("**", "acme", True),
        ("acme/ml-*", "acme/ml-platform", True),
        ("acme/ml-*", "acme/ml/x", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern: str, namespace: str, matches: bool) -> None:
    assert bool(schemas(pattern).view(namespace).check(node("a: 1"))) == matches


def test_namespaces_with_the_same_bindings_share_a_view() -> None:
    made = SchemaSet([binding("s.json", "a/**"), binding("s.json", "a/b")], {"s.json": STRINGS}.get, read_packaged)
    assert made.view("a/x") is made.view("a/y")
    assert made.view("a/x") is not made.view("a/b")
    assert made.view("c") is made.view("d")


def test_unused_bindings() -> None:
    made = SchemaSet(
        [binding("s.json", "acme/chat", "x"), binding("none.json", "zzz", line=7)], lambda _: None, read_packaged
    )
    first, second = made.unused(["acme/chta"])
    assert (first.code, first.severity) == ("GCM405", "warning")
    assert first.message == "no namespace matches acme/chat or x, so s.json checks nothing"
    assert first.help == "did you mean acme/chta?"
    assert second.position == Position("gitconfigmgr.yaml", 7, 5)
    assert made.unused(["acme/chat", "zzz"]) == []
    assert made.findings == []


def test_paths_are_what_was_looked_for() -> None:
    files = {"s.json": b'{"$ref": "t.json"}', "t.json": b'{"$ref": "gcm:llm/database.schema.json"}'}
    made = SchemaSet([binding("s.json", "a"), binding("u.json", "b")], files.get, read_packaged)
    made.view("c")
    assert made.paths == set()
    made.view("a")
    assert made.paths == {"s.json", "t.json"}
    made.view("b")
    assert made.paths == {"s.json", "t.json", "u.json"}


def test_nothing_is_loaded_before_it_is_needed() -> None:
    program = """
import sys
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.diagnostics import Position
from gitconfigmgr.model.settings import SchemaBinding, Limits
from gitconfigmgr.source.reader import read_document
root = read_document("p", "a", "base", "", b"a: x", Limits())[0].root
schemas = SchemaSet([SchemaBinding("s.json", ("acme",), (), Position("g"))], lambda p: b'{"properties": {"a": {"maxLength": 1}}}', None)
schemas.view("other").check(root)
assert "jsonschema_rs" not in sys.modules and "jsonschema" not in sys.modules and "gitconfigmgr.check.library" not in sys.modules
assert schemas.view("acme").check(root) == []
assert "jsonschema_rs" in sys.modules and "jsonschema" not in sys.modules
assert schemas.view("acme").check(read_document("p", "a", "base", "", b"a: xy", Limits())[0].root)
assert "jsonschema" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
