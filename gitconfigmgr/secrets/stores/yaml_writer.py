"""Values as YAML text that every reader reads alike: go-yaml, YAML 1.1 and YAML 1.2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitconfigmgr.secrets.errors import RefusedError
from gitconfigmgr.secrets.scalars import Scalar, Time
from gitconfigmgr.secrets.tokens import looks_encrypted

_WORDS = frozenset("y n yes no on off true false null ~ nan inf".split())  # noqa: SIM905 - a list of words reads better so
_PLAIN = re.compile(r"[A-Za-z_/^(][A-Za-z0-9_./@%+=$()~^|*?\\-]*(?:[ :,][A-Za-z0-9_./@%+=$()~^|*?\\-]+)*\Z")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*\Z")
_FLOW_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+=-]*\Z")
_BLOCK = re.compile(r"[^ \t\n\r\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_UNPRINTABLE = re.compile(r"[\r\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x00": "\\0"}
_ESCAPED = re.compile(r'[\\"\n\t\r\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
INDENT = 4  # what SOPS writes


def scalar_text(value: Scalar, *, flow: bool = False) -> str:
    """One scalar on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Time):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if looks_encrypted(value):
        return f'"{value}"' if flow else value
    pattern = _FLOW_PLAIN if flow else _PLAIN
    if value.lower() not in _WORDS and (pattern.match(value) or _VERSION.match(value)):
        return value
    return quoted(value)


def quoted(text: str) -> str:
    """Text in double quotes."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError("the value is not text, and YAML holds text only", "encrypt the file as binary")
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    known = _ESCAPES.get(character)
    return known or (f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}")


def _float(value: float) -> str:
    if value != value:  # noqa: PLR0124 - not a number
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def block_text(text: str, indent: int) -> str | None:
    """Text of several lines as a literal block, its lines at `indent`; None where only quotes keep it."""
    if "\n" not in text.removesuffix("\n") or not _BLOCK.match(text) or _UNPRINTABLE.search(text):
        return None
    body = text.removesuffix("\n")
    if body.endswith("\n") or any(line[:1] in (" ", "\t") and not line.strip() for line in body.split("\n")):
        return None
    lead = " " * indent
    lines = "\n".join(lead + line if line else "" for line in body.split("\n"))
    return f"|{'' if text.endswith(chr(10)) else '-'}\n{lines}"


def key_text(key: str, *, flow: bool = False) -> str:
    """A key."""
    return scalar_text(key, flow=flow) if "\n" not in key else quoted(key)


def next_column(column: int) -> int:
    """Where SOPS puts what belongs to a key at a column."""
    return (column // INDENT + 1) * INDENT


def block_lines(data: Any, column: int) -> str:
    """Plain data after `key:` or `-`: a scalar on the line, a container on the lines below, at `column`."""
    if isinstance(data, Mapping) and data:
        lead = " " * column
        inner = next_column(column)
        return "".join(f"\n{lead}{key_text(key)}:{block_lines(item, inner)}" for key, item in data.items())
    if isinstance(data, list | tuple) and data:
        lead = " " * column
        return "".join(f"\n{lead}-{item_text(item, column + 2)}" for item in data)
    if isinstance(data, Mapping):
        return " {}"
    if isinstance(data, list | tuple):
        return " []"
    block = block_text(data, column) if type(data) is str else None
    return f" {block or scalar_text(data)}"


def item_text(data: Any, column: int) -> str:
    """Plain data after a dash."""
    text = block_lines(data, column)
    # the first entry of a container in a list stands on the line of its dash
    return " " + text.lstrip("\n ") if text.startswith("\n") and not isinstance(data, str) else text


def flow_text(data: Any) -> str:
    """Plain data on one line, as it may stand inside brackets."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{key_text(key, flow=True)}: {flow_text(item)}" for key, item in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(flow_text, data)) + "]"
    return scalar_text(data, flow=True)
