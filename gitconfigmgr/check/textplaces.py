"""Where in the text of a JSON file a pointer leads. Used for findings only: the text is known to be valid JSON."""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Position

if TYPE_CHECKING:
    from gitconfigmgr.check.subschemas import Pointer

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")


def position_in(path: str, text: str, pointer: Pointer) -> Position:
    """Where the member stands: its key in a map, its value in a list; the nearest that exists."""
    at = _start_of(text, pointer)
    return Position(path, text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1)


def _start_of(text: str, pointer: Pointer) -> int:
    """The index at which the last member of the pointer begins."""
    at = shown = _skip(text, 0)
    for part in pointer:
        found = _member(text, at, part)
        if found is None:
            break
        shown, at = found
    return shown


def _member(text: str, at: int, part: str | int) -> tuple[int, int] | None:
    """Where a member of the container at `at` begins: its key (in lists its value), and its value."""
    if text[at] not in "{[":
        return None
    is_map = text[at] == "{"
    at = _skip(text, at + 1)
    index = 0
    while text[at] not in "}]":
        shown, name = at, str(index)
        if is_map:
            name, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)
        if name == str(part):
            return shown, at
        at = _skip(text, _end_of_value(text, at))
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return None


def _end_of_value(text: str, at: int) -> int:
    depth = 0
    while True:
        char = text[at]
        if char == '"':
            at = scanstring(text, at + 1)[1]
        elif char in "{[":
            depth += 1
            at += 1
        elif char in "}]":
            depth -= 1
            at += 1
        elif char in ",:":
            at += 1
        else:
            match = _SCALAR.match(text, at)
            assert match is not None
            at = match.end()
        if depth == 0:
            return at
        at = _skip(text, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
