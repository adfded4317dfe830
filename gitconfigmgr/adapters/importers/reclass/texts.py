r"""The references inside a reclass text: `${a:b}`, nested `${a:${b}}`, and the escapes `\${`, `\}` and `\\${`."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPEN, CLOSE, QUERY, QUERY_CLOSE, ESCAPE = "${", "}", "$[", "]", "\\"
_DOUBLE = ESCAPE + ESCAPE
_STOPS = tuple(escape + start for start in (OPEN, QUERY) for escape in ("", ESCAPE, _DOUBLE))
_REFERENCE_STOPS = tuple(escape + start for start in (OPEN, CLOSE) for escape in ("", ESCAPE, _DOUBLE))
_AFTER_DOUBLE = (OPEN, CLOSE, QUERY, QUERY_CLOSE)
_SIMPLE = re.compile(r"([^\\${}\[\]]*)\$\{([^\\${}\[\]]+)\}([^\\${}\[\]]*)\Z")
_BLANKS = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Reference:
    """`parts` make the path, `a:b`; references among them are nested ones."""

    parts: tuple[str | Reference, ...]

    @property
    def path(self) -> str | None:
        """The path, where it does not depend on other values."""
        return "".join(map(str, self.parts)) if all(isinstance(part, str) for part in self.parts) else None

    def __str__(self) -> str:
        return OPEN + "".join(map(str, self.parts)) + CLOSE


@dataclass(frozen=True, slots=True)
class Text:
    """A text that holds at least one reference."""

    parts: tuple[str | Reference, ...]

    @property
    def whole(self) -> Reference | None:
        """The reference that is the whole text, and so may be of any type."""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, Reference) else None

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


class TextError(ValueError):
    """reclass cannot read the text, or this importer cannot."""


def parse(text: str) -> str | Text:
    """The text as reclass reads it."""
    if OPEN not in text and QUERY not in text:
        return text  # escapes have a meaning only where something could be escaped
    text = text.expandtabs()
    simple = _SIMPLE.match(text)
    if simple:
        before, path, after = simple.groups()
        pieces = (before, Reference((path,)), after)
        return Text(tuple(piece for piece in pieces if piece))
    parts: list[str | Reference] = []
    at = 0
    while at < len(text):
        part, at = _reference(text, at) if text.startswith(OPEN, at) else _plain(text, at)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    return Text(tuple(parts))


def _plain(text: str, at: int) -> tuple[str, int]:
    if text.startswith(QUERY, at):
        raise TextError(f"the inventory query {text[at : at + 40]} needs the values of other nodes")
    if text.startswith(_DOUBLE, at) and text.startswith(_AFTER_DOUBLE, at + 2):
        return ESCAPE, at + 2
    for sign in (OPEN, QUERY):
        if text.startswith(ESCAPE + sign, at):
            return sign, at + 3
    end = at + 1
    while end < len(text) and not text.startswith(_STOPS, end):
        end += 1
    return text[at:end], end


def _reference(text: str, at: int) -> tuple[Reference, int]:
    start = at
    at += len(OPEN)
    parts: list[str | Reference] = []
    while not text.startswith(CLOSE, at):
        at = _past_blanks(text, at, start)  # reclass drops blanks before each piece, but not within one
        part, at = _inner(text, at)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    if not parts:
        raise TextError(f"the reference {text[start : start + 40]} is empty")
    return Reference(tuple(parts)), at + len(CLOSE)


def _past_blanks(text: str, at: int, start: int) -> int:
    after = at
    while after < len(text) and text[after] in _BLANKS:
        after += 1
    if after == len(text) or (after > at and text.startswith(CLOSE, after)):
        raise TextError(f"the reference {text[start : start + 40]} is not closed")
    return after


def _inner(text: str, at: int) -> tuple[str | Reference, int]:
    """The next piece inside a reference."""
    if text.startswith(OPEN, at):
        return _reference(text, at)
    if text.startswith(_DOUBLE, at) and text.startswith(_AFTER_DOUBLE, at + 2):
        return ESCAPE, at + 2
    for sign in (OPEN, CLOSE):
        if text.startswith(ESCAPE + sign, at):
            return sign, at + 1 + len(sign)
    end = at + 1
    while end < len(text) and not text.startswith(_REFERENCE_STOPS, end):
        end += 1
    return text[at:end], end
