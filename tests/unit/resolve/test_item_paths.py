"""Paths that name items of lists as `diff` does."""

from __future__ import annotations

import pytest

from gitconfigmgr.model.names import PathSyntaxError, item_index, parse_items, parse_path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b", ("a", "b")),
        ("routes[name=b].weight", ("routes", "[name=b]", "weight")),
        ("routes[name=gpt-4.1: x]", ("routes", "[name=gpt-4.1: x]")),
        ("a[1][2].b", ("a", "[1]", "[2]", "b")),
        ('"a.b"[id=7]."c[1]"', ("a.b", "[id=7]", "c[1]")),
        ('"a[name=b]".c', ("a[name=b]", "c")),
        ("a[b]", ("a[b]",)),
    ],
)
def test_parts(text: str, parts: tuple[str, ...]) -> None:
    assert parse_items(text) == parts


@pytest.mark.parametrize("text", ["a[1]b", "a[name=b]c.d", "a.[1]", "a[1].", ""])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_items(text)


def test_paths_without_items_are_as_ever() -> None:
    for text in ("a", '""', '"a b"."c\\"d"', "0.1", "~1"):
        assert parse_items(text) == parse_path(text)


def test_which_item() -> None:
    items = [{"name": "a", "id": 7}, "text", {"name": "b"}]
    assert [item_index(part, items) for part in ("[name=b]", "[id=7]", "[1]", "1", "[name=z]", "[3]", "01", "name")] == [
        2, 0, 1, 1, None, None, None, None,
    ]  # fmt: skip
