"""Prompt texts in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.check.llm.placeholders import MAX_PLACEHOLDERS, parse


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Hello {{ name }}, {{name}} and {{- other -}}", ("name", "other")),
        ("{% for item in items %}{{ item.title }}{{ loop.index }}{% endfor %}", ("items",)),
        ("{% set x = a ~ b %}{{ x }}", ("a", "b")),
        ("{{ text | my_filter(limit) }}", ("limit", "text")),
        ("{% if a is my_test %}{{ b }}{% else %}{{ c }}{% endif %}", ("b", "c", "a")),
        ("{% raw %}{{ no }}{% endraw %}{# {{ neither }} #}", ()),
        ("no placeholders", ()),
    ],
)
def test_variables(text: str, used: tuple[str, ...]) -> None:
    parsed = parse(text, "jinja2")
    assert parsed.problem is None
    assert parsed.used == used


def test_what_a_loop_shows_is_what_it_runs_over() -> None:
    pieces = parse("{% for a in papers %}{% for b in a.parts %}{{ b }}{% endfor %}{% endfor %}", "jinja2").pieces
    assert [piece.names for piece in pieces if piece.names] == [{"papers"}]


def test_mustache() -> None:
    parsed = parse("{{#items}}<li>{{name}}</li>{{/items}}{{{raw}}}{{! note }}", "mustache")
    assert parsed.used == ("items", "name", "raw")
    assert [piece.text for piece in parsed.pieces if piece.text] == ["<li>", "</li>"]
    assert parse("{{> other}}", "mustache").problem


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.__class__ }}", "{{ a['__class__'] }}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
        "{{ a", "{% for %}", "{{ " + "(" * 5000 + " }}", "{% if a %}" * 400 + "{% endif %}" * 400,
        "{{ a }}" * (MAX_PLACEHOLDERS + 1), "{{ " + "a." * 3000 + "b }}",
    ],
)  # fmt: skip
def test_hostile_texts_have_a_problem(text: str) -> None:
    assert parse(text, "jinja2").problem


@settings(deadline=None)
@given(st.text(alphabet="{}%#ab _.|()[]'\"\n<>/-", max_size=80), st.sampled_from(["jinja2", "mustache", "none"]))
def test_any_text_is_read_or_refused(text: str, syntax: str) -> None:
    parsed = parse(text, syntax)
    assert parsed.problem is None or not parsed.pieces
