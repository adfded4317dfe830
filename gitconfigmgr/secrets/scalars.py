"""Scalars as SOPS sees them: what go-yaml v3 makes of plain text, and the bytes of each type.

An unencrypted value enters the message authentication code by its type, so this follows go-yaml, not YAML 1.2.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from gitconfigmgr.secrets.errors import FormatError, TamperedError


class Time(str):
    """A timestamp, as RFC 3339 with nanoseconds at most: what its token holds."""

    __slots__ = ()


Scalar = str | int | float | bool | Time | None

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((f"{sign}{word}" for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_NUMERIC_FIRST = frozenset("0123456789+-.")
_GO_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_GO_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?P<sep>[Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,9}))?(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)
_MAX = 2**63


class TooLarge(Exception):  # noqa: N818 - a signal between two functions
    """An integer that SOPS cannot hold."""


def resolve(text: str) -> Scalar:
    """The value of a plain YAML scalar. Raises TooLarge for an integer beyond 64 bits with sign."""
    if text in _WORDS:
        value: Scalar = _WORDS[text]
        return value
    if text[0] not in _NUMERIC_FIRST:
        return text
    if text[0] == ".":
        return _finite(text, text) if _DOT_FLOAT.match(text) else text
    if text[4:5] == "-":
        time = _time(text)
        if time is not None:
            return time
    plain = text.replace("_", "")
    if _GO_INT.match(plain):
        number = go_int(plain)
        if -_MAX <= number < _MAX:
            return number
        if 0 <= number < 2 * _MAX:
            raise TooLarge
    return _finite(plain, text) if _GO_FLOAT.match(plain) else text


def go_int(text: str) -> int:
    """Go's ParseInt with base 0: a leading zero means octal."""
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").lower()
    if digits[:2] in ("0x", "0b", "0o"):
        return sign * int(digits, 0)
    if len(digits) > 4_000:
        return sign * 10**4_000  # beyond 64 bits either way, and int() refuses it
    return sign * int(digits, 8 if digits[0] == "0" else 10)


def _finite(number: str, text: str) -> float | str:
    value = float(number)
    return text if value in (float("inf"), float("-inf")) else value


def _time(text: str) -> Time | None:
    match = _TIME.match(text)
    if not match:
        return None
    year, month, day, _, hour, minute, second, fraction, zone = match.groups()
    if hour is not None and (match["sep"] == " ") == (zone is not None):
        return None
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    fraction = (fraction or "").rstrip("0")
    zone = "Z" if zone in (None, "+00:00", "-00:00") else zone
    if zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:6]) >= 60):
        return None
    return Time(moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{fraction}" if fraction else "") + zone)


def type_of(value: Scalar) -> str:
    """The type tag of a value that is not null."""
    kind = type(value)
    if kind not in _TYPES:
        raise TypeError(kind.__name__)
    return _TYPES[kind]


_TYPES: dict[type, str] = {str: "str", bool: "bool", int: "int", float: "float", Time: "time"}


def to_bytes(value: Scalar) -> bytes:
    """What is encrypted, and what enters the message authentication code."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, int):
        return str(value).encode()
    assert isinstance(value, float)
    return float_text(value).encode()


def float_text(value: float) -> str:
    """Go's FormatFloat(f, 'f', -1, 64): the shortest digits that read back, without an exponent."""
    if value != value:  # noqa: PLR0124 - not a number
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_TRUE = frozenset(("1", "t", "T", "true", "True", "TRUE"))
_FALSE = frozenset(("0", "f", "F", "false", "False", "FALSE"))


def from_bytes(data: bytes, kind: str) -> Scalar:
    """The value of a decrypted token. Raises TamperedError where the bytes are not of the type."""
    text = data.decode("utf-8", "surrogateescape")
    if kind in ("str", "bytes", "comment"):
        return text
    if kind == "int" and re.fullmatch(r"[-+]?[0-9]{1,19}", text) and -_MAX <= int(text) < _MAX:
        return int(text)
    if kind == "float" and re.fullmatch(r"[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN)", text):
        try:
            return float(text)
        except ValueError:
            pass
    if kind == "bool" and text in _TRUE | _FALSE:
        return text in _TRUE
    if kind == "time":
        time = _time(text)
        if time is not None:
            return time
    raise TamperedError(f"a value is not of the type {kind[:20]} that its token names", "restore the file from Git")


def typed_like(text: str, kind: str) -> Scalar:
    """A value a person typed, as the type it had before. Raises FormatError where it is not of that type."""
    if kind in ("str", "bytes", "comment"):
        return text
    try:
        value = resolve(text) if text else text
    except TooLarge:
        value = text
    if kind == "float" and type(value) is int:
        return float(value)
    if value is not None and type(value) is not str and type_of(value) == kind:
        return value
    raise FormatError(f"the value was of type {kind}, and what was given is not", "name another type if it is meant")
