"""Patterns of namespaces against a slow definition, and in bounded time."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.check.globs import matches


def slow(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(slow(pattern[1:], path[n:]) for n in range(len(path) + 1))
    return bool(path) and piece(pattern[0], path[0]) and slow(pattern[1:], path[1:])


def piece(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(piece(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return text[:1] == pattern[0] and piece(pattern[1:], text[1:])


@given(
    st.lists(st.one_of(st.just("**"), st.text("ab*", min_size=1, max_size=4)), min_size=1, max_size=4),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=4),
)
def test_a_pattern_matches_what_its_definition_says(pattern: list[str], path: list[str]) -> None:
    assert matches(["/".join(pattern)], "/".join(path)) == slow(pattern, path)


def test_many_stars_take_no_time() -> None:
    started = time.process_time()
    assert not matches(["/".join(["**", "a"] * 40) + "/b"], "/".join(["a"] * 120))
    assert not matches(["*a" * 100 + "b"], "a" * 250)
    assert time.process_time() - started < 1
