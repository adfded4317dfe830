"""Edits of texts that no generator thinks of: markers, comments, anchors, odd line ends, values that are hard to write."""

from __future__ import annotations

from typing import Any

import pytest

from gitconfigmgr.source.edit_format import formatted
from gitconfigmgr.source.edits import EditError, reading, rename, replaced_texts, set_value, unset

SET: list[tuple[str, tuple[Any, ...], Any, str]] = [
    ("", ("a", "b"), 1, "a:\n  b: 1\n"),
    ("# c", ("a",), 1, "# c\na: 1\n"),
    ("# c\n---\n", ("a",), 1, "# c\n---\na: 1\n"),
    ("---\na: 1\n...\n", ("b",), 1, "---\na: 1\nb: 1\n...\n"),
    ("{}\n", ("b",), 1, "b: 1\n"),
    ("null\n", ("b",), 1, "b: 1\n"),
    ("{a: 1}\n", ("b",), "x: y", '{a: 1, b: "x: y"}\n'),
    ("a: 1", ("b",), "x\ny\n", "a: 1\nb: |\n  x\n  y\n"),
    ("a: 1", ("a",), "x\ny\n", "a: |\n  x\n  y\n"),
    ("a: |+\n  x\n\n\nb: 1\n", ("a",), 2, "a: 2\nb: 1\n"),
    ("b: 1\na: |+\n  x\n\n\n", ("c",), 2, "b: 1\na: |+\n  x\n\n\nc: 2\n"),
    ("a: >-  # folded\n  x\n  y\nb: 1\n", ("a",), "z z", "a: z z  # folded\nb: 1\n"),
    ("a: plain\n  goes on\nb: 1\n", ("a",), {"x": 1}, "a:\n  x: 1\nb: 1\n"),
    ("a: # why\n  b: 1 # q\n", ("a",), {"c": 1}, "a: # why\n  c: 1\n"),
    ("a: # why\n  b: 1\n", ("a",), 1, "a: 1 # why\n"),
    ("a: {b: , c: 1}\n", ("a", "c"), [], "a: {b: , c: []}\n"),
    ('{\n  "a": 1\n}\n', ("c",), [1], '{\n  "a": 1,\n  "c": [1]\n}\n'),
    ("a:\n- 1\nb:\n", ("b",), [1, 2], "a:\n- 1\nb:\n- 1\n- 2\n"),
    ("a:\n    b: 1\n", ("c", "d"), 1, "a:\n    b: 1\nc:\n    d: 1\n"),
    ("a: 'x'\nb: \"x\"\n", ("a",), "it's", "a: 'it''s'\nb: \"x\"\n"),
    ("a: 1 # ü\nb: 日本 # x\n", ("b",), "é", "a: 1 # ü\nb: é # x\n"),
    ("l: {$append: [a]}\n", ("l", "$append"), ["a", "b"], "l: {$append: [a, b]}\n"),
    ("l:\n  # one\n  - a # x\n  - b\n", ("l",), ["a", "b", "c"], "l:\n  # one\n  - a # x\n  - b\n  - c\n"),
    ("l:\n  # one\n  - a # x\n  - b\n", ("l",), ["b"], "l:\n  - b\n"),
    ("m:\n  a: 1 # a\n  b: 2 # b\n", ("m",), {"b": 2, "c": 3}, "m:\n  b: 2 # b\n  c: 3\n"),
]
HARD = [
    "", " ", "\n", "\n\n", " x\n", "x \n", "a\n\n", "\tx", "x\ty", "\x00", "\x07", "\x7f", "\x85", "\u2028", "\ufeff", "\U0001f600", "\\", '"', "'",
    "- x", "? x", ": x", "x: y", "x #y", "#x", "&x", "*x", "!x", "|", ">", "%x", "@x", "`x", "---", "...", "--- x", "[x", "{x", "x]", "x,y", "~", "null",
    "true", "NO", "on", "=", "<<", "1", "1.0", "0x1", "0o7", "12:30", "2026-01-01", "1_000", ".5", "+1", "-", "x" * 70_000, "a\rb", "a\r\nb", "${x}",
    0, -1, 2**53 - 1, 0.1, 1e300, 5e-324, -0.0, 1e16, 123456789.123, True, False, None, [], {}, [[]], [{}], {"a": {}}, [[1, [2]], {"a": [{"b": 1}]}],
    {"": 1}, {" ": {"a\nb": 2}}, {"$x": 1}, {"~": 1, "1": 2, "true": 3}, [None, "", "a\nb\n"],
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "value", "wanted"), SET)
def test_set(text: str, path: tuple[Any, ...], value: Any, wanted: str) -> None:
    assert set_value(text, path, value) == wanted


@pytest.mark.parametrize(
    "around",
    [
        "",
        "k: 1\n",
        "k:\n  - v: old # c\n",
        "{k: {v: old}}",
        "k: {\n    v: old, # c\n  }\n",
        "k:\n    v: |\n      old\n",
    ],
)
def test_every_value_is_read_back(around: str) -> None:
    path: tuple[Any, ...] = ("k", 0, "v") if "- v" in around else ("k", "v") if "v" in around else ("v",)
    for value in HARD:
        result = set_value(around, path, value)
        found = reading(result)
        for part in path:
            found = found[part]
        assert repr(found) == repr(value)


UNSET: list[tuple[str, tuple[Any, ...], str]] = [
    ("{a: 1}\n", ("a",), "{}\n"),
    ("a: 1\n", ("a",), ""),
    ("a:\n  b: 1\n", ("a", "b"), "a: {}\n"),
    ("# file\n\n# of a\na: 1\nb: 1\n", ("a",), "# file\n\nb: 1\n"),
    ("# file\na: 1\nb: 1\n", ("a",), "# file\nb: 1\n"),
    ("a: 1\n\n# of b\nb: 1\n\nc: 1\n", ("b",), "a: 1\n\nc: 1\n"),
    ("a: 1\n# not of b\n\nb: 1\n", ("b",), "a: 1\n# not of b\n"),
    ("a: 1\n  # deeper\nb: 1\nc: 1\n", ("b",), "a: 1\n  # deeper\nc: 1\n"),
    ("a:\n- x: 1\n  y: 2\n", ("a", 0, "x"), "a:\n- y: 2\n"),
    ("a:\n- x: 1\n  # of y\n  y: 2\n", ("a", 0, "x"), "a:\n- # of y\n  y: 2\n"),
    ("a: [1, 2, 3,]\n", ("a", 2), "a: [1, 2,]\n"),
    ("a: [1, 2, 3]\n", ("a", 0), "a: [2, 3]\n"),
    ("b: 1\na: |+\n  x\n\n\n", ("a",), "b: 1\n"),
    ("a: |\n  # no comment\nb: 1\nc: 1\n", ("b",), "a: |\n  # no comment\nc: 1\n"),
]


@pytest.mark.parametrize(("text", "path", "wanted"), UNSET)
def test_unset(text: str, path: tuple[Any, ...], wanted: str) -> None:
    assert unset(text, path) == wanted


REFUSED: list[tuple[str, tuple[Any, ...], Any]] = [
    ("- a\n", ("b",), 1),
    ("a: [1\n", ("b",), 1),
    ("a: 1\na: 2\n", ("a",), 1),
    ("? a\n: 1\n", ("a",), 2),
    ("? a\n: 1\n", ("b",), 2),
    ("a: {b, c: 1}\n", ("a", "b"), 1),
    ("a: 1\n", ("a", "b"), 1),
    ("a: [1]\n", ("a", "b"), 1),
    ("a: [1]\n", ("a", 5), 1),
    ("a: 1\n", ("b",), float("inf")),
    ("a: 1\n", ("b",), 2**60),
    ("a: 1\n", ("b" * 1001,), 1),
    ("a: 1\n", ("b",), "\ud800"),
    ("a: 1\n", ("b",), {"\udfff": 1}),
    ("a: &x {b: 1}\nc: *x\n", ("a", "b"), 2),
    ("a: &x {b: 1}\nc: *x\n", ("c", "b"), 2),
    ("a: &x 1\nc: *x\n", ("a",), 2),
]


@pytest.mark.parametrize(("text", "path", "value"), REFUSED)
def test_what_cannot_be_edited_is_refused(text: str, path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(EditError):
        set_value(text, path, value)


def test_rename_and_move() -> None:
    text = "a:\n    # of b\n    b: |\n        t\n         u\n    c: 2 # c\nd: 1\n"
    assert rename(text, ("a", "b"), ("a", "x y")) == text.replace("b: |", "x y: |")
    assert rename(text, ("a", "b"), ("e",)) == "a:\n    c: 2 # c\nd: 1\n# of b\ne: |\n    t\n     u\n"
    assert rename(text, ("a",), ("d2",)).startswith("d2:\n    # of b\n")
    for path, new in [
        (("a",), ("d",)),
        (("a",), ("a",)),
        (("a",), ("a", "b", "c")),
        (("no",), ("x",)),
        (("a",), ("d", "x")),
    ]:
        with pytest.raises(EditError):
            rename(text, path, new)


def test_references_are_replaced_where_they_are_references() -> None:
    text = 'a: ${x}   # ${x}\nb: "$${x} and ${x:-1}"\n'
    assert replaced_texts(text, {"${x}": "${y.z}"}) == 'a: ${y.z}   # ${y.z}\nb: "$${x} and ${x:-1}"\n'
    assert replaced_texts('c: "\\u0024{x}"\n', {"${x}": "${y}"}) == 'c: "${y}"\n'
    assert reading(replaced_texts(text, {"${x}": '${"q: r"}'}))["a"] == '${"q: r"}'


def test_format_leaves_alone_what_it_cannot_lay_out() -> None:
    assert formatted("") == ""
    assert formatted("a: |\n  x") == "a: |\n  x"  # a line feed would become part of the value
    assert formatted("a: |+\n   x\n\n\n") == "a: |+\n  x\n\n\n"
    for text in ("? a\n: 1\n", "a: [1\n", "-  a\n"):
        with pytest.raises(EditError):
            formatted(text)
