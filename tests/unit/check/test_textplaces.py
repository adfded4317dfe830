"""Positions in JSON files."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.check.textplaces import position_in
from gitconfigmgr.model.diagnostics import Position

TEXT = '{\n  "a": [1, {"b": "x,]}"}, [true]],\n  "c\\"d": -1.5e3\n}\n'


def test_positions() -> None:
    for pointer, line, column in [((), 1, 1), (("a",), 2, 3), (("a", 0), 2, 9), (("a", 1, "b"), 2, 13), (("a", 2, 0), 2, 28),
                                  (('c"d',), 3, 3), (("none",), 1, 1), (("a", 9), 2, 3), (("a", 0, "deeper"), 2, 9)]:  # fmt: skip
        assert position_in("f", TEXT, pointer) == Position("f", line, column), pointer


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def _pointers(value: Any, pointer: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(pointer, value)] + [found for key, item in members for found in _pointers(item, (*pointer, key))]


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_the_text_at_the_position_is_the_member(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    decoder = json.JSONDecoder()
    for pointer, member in _pointers(value):
        position = position_in("f", text, pointer)
        at = sum(len(line) + 1 for line in text.split("\n")[: position.line - 1]) + position.column - 1
        found, _ = decoder.raw_decode(text, at)
        is_key = bool(pointer) and isinstance(pointer[-1], str)
        assert found == (pointer[-1] if is_key else member)
