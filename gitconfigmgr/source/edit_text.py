"""Values as YAML text that the strict profile reads back the same, in the style of what stands around them."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from gitconfigmgr.source.scalars import read_plain

_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`\x00-\x1f\x7f-\x9f][^\n\t\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]*\Z")
_BREAKS_PLAIN = re.compile(r": | #|:\Z| \Z|\A\.\.\.")
_FLOW = frozenset(",[]{}:")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SINGLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*\Z")
_LITERAL = re.compile(r"[^ \n\t][^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*\Z")


class Style(NamedTuple):
    """How a file is indented: `step` for maps, `item` for the dash of a list below its key."""

    step: int = 2
    item: int = 2


class Written(NamedTuple):
    """A value behind its colon or dash: what stands on that line, and the lines below it (without line feeds)."""

    inline: str
    lines: list[str]


def scalar(value: Any, quotes: str = "", *, flow: bool = False) -> str:
    """One line of text for a scalar or an empty collection; `quotes` are kept for text where they can be."""
    if isinstance(value, str):
        return _text(value, quotes, flow=flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return "{}" if value == {} else "[]" if value == [] else str(value)


def key(text: str, quotes: str = "", *, flow: bool = False) -> str:
    """A key, with quotes where any reader could take it for something else."""
    return _text(text, quotes, flow=flow)


def flow(value: Any) -> str:
    """Any value on one line, as it stands inside brackets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name, flow=True)}: {flow(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(child) for child in value) + "]"
    return scalar(value, flow=True)


def block(value: Any, column: int, style: Style, *, quotes: str = "", in_list: bool = False) -> Written:
    """A value behind a key at `column`, or (`in_list`) behind a dash there."""
    if isinstance(value, str) and "\n" in value and _as_literal(value):
        indent = " " * (column + style.step)
        lines = [f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n")]
        return Written("|" if value.endswith("\n") else "|-", lines)
    if not isinstance(value, (dict, list)) or not value:
        return Written(scalar(value, quotes), [])
    if in_list:
        first, *rest = _members(value, column + 2, style)
        return Written(first.lstrip(" "), rest)
    below = column + (style.step if isinstance(value, dict) else style.item)
    return Written("", _members(value, below, style))


def member(name: str | None, value: Any, column: int, style: Style, quotes: str = "") -> list[str]:
    """The lines of a key with its value, or of a list item (`name` None)."""
    intro = "-" if name is None else f"{key(name, quotes)}:"
    written = block(value, column, style, in_list=name is None)
    head = f"{' ' * column}{intro} {written.inline}".rstrip(" ") if not written.inline else f"{' ' * column}{intro} {written.inline}"  # fmt: skip
    return [head, *written.lines]


def _members(value: Any, column: int, style: Style) -> list[str]:
    pairs = value.items() if isinstance(value, dict) else ((None, child) for child in value)
    return [line for name, child in pairs for line in member(name, child, column, style)]


def _text(value: str, quotes: str, *, flow: bool) -> str:
    if quotes == "'" and _SINGLE.match(value):
        return f"'{value.replace(chr(39), chr(39) * 2)}'"
    if quotes != '"' and is_plain(value, flow=flow):
        return value
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def is_plain(value: str, *, flow: bool) -> bool:
    """Whether every reader takes the bare text for this text."""
    if not _PLAIN.match(value) or _BREAKS_PLAIN.search(value) or not isinstance(read_plain(value), str):
        return False
    return not (flow and _FLOW.intersection(value))


def _as_literal(value: str) -> bool:
    """Whether a block scalar holds the text: no blanks that its layout would swallow, nothing that needs an escape."""
    return (
        bool(_LITERAL.match(value))
        and not value.endswith("\n\n")
        and not re.search(r"[ \t]\n|[ \t]\Z|\n[ \t]*\n[ \t]", value)
    )


def _float(value: float) -> str:
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{power}" if exponent else text
