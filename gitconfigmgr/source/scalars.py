"""Plain YAML scalars: the YAML 1.2 core schema, and what of it this profile refuses.

Refused is what a YAML 1.1 reader would read as something else, and what JSON could not carry. The rules are those of
https://yaml.org/spec/1.2.2/#103-core-schema and https://yaml.org/type/ (1.1).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

AMBIGUOUS = "GCM105"
LOSSY = "GCM106"


class Refused(NamedTuple):
    """Why a scalar is refused: the code, and the reason as a clause. `value` is its YAML 1.2 reading."""

    code: str
    reason: str
    value: Any


def _words() -> dict[str, Any]:
    words: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
    for word, value in (("true", True), ("false", False)):
        words |= {word: value, word.capitalize(): value, word.upper(): value}
    for word in ("yes", "no", "on", "off", "y", "n"):
        for form in {word, word.capitalize(), word.upper()}:
            words[form] = Refused(AMBIGUOUS, "a boolean in YAML 1.1, text in 1.2", form)
    words["-"] = Refused("GCM101", "an indicator of YAML, not text", "-")
    words["<<"] = Refused(AMBIGUOUS, "the merge key of YAML 1.1, text in 1.2", "<<")
    words["="] = Refused(AMBIGUOUS, "a special value in YAML 1.1, text in 1.2", "=")
    for sign in ("", "+", "-"):
        for form in (".inf", ".Inf", ".INF"):
            words[sign + form] = Refused(LOSSY, "infinity, which JSON does not have", sign + form)
    for form in (".nan", ".NaN", ".NAN"):
        words[form] = Refused(LOSSY, "no number, which JSON does not have", form)
    return words


WORDS = _words()
NUMERIC_FIRST = frozenset("0123456789+-.")
MAX_SAFE = 2**53 - 1

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
# What YAML 1.1 reads as a number or a date where 1.2 does not, or reads otherwise.
_OTHERWISE = [
    (re.compile(r"[-+]?0[0-9]+\Z"), "octal in YAML 1.1, decimal in 1.2"),
    (re.compile(r"0o[0-7]+\Z"), "text in YAML 1.1, octal in 1.2"),
    (re.compile(r"[-+]0x[0-9a-fA-F_]+\Z"), "a number in YAML 1.1, text in 1.2"),
    (re.compile(r"[-+]?0b[01_]+\Z"), "a binary number in YAML 1.1, text in 1.2"),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z"), "a number in base 60 in YAML 1.1, text in 1.2"),
    (re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}"
        r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?\Z"), "a date in YAML 1.1, text in 1.2"),
    (re.compile(r"[-+]\.[0-9]+(?:[eE][-+][0-9]+)?\Z"), "text to readers of YAML 1.1, a number in 1.2"),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][0-9]+\Z"), "text in YAML 1.1, a number in 1.2"),
    (re.compile(r"[-+]?[0-9]+[eE][-+][0-9]+\Z"), "text in YAML 1.1, a number in 1.2"),
]  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]*|0b[01]*|\.[0-9]*|[0-9]+\.?[0-9]*)(?:[eE][-+]?[0-9]+)?\Z")
_DIGITS = re.compile(r"[-+]?([0-9]*)\.?([0-9]*)")


def read_plain(text: str) -> Any:
    """The value of a plain scalar, or `Refused`."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMERIC_FIRST:
        return text
    if _INT.match(text):
        return _integer(int(text), text) if len(text) < 40 else Refused(LOSSY, "rounded in JSON", text)
    if _DECIMAL.match(text):
        return _float(text)
    if "_" in text and _NUMBER.match(text.replace("_", "")):
        return Refused(AMBIGUOUS, "a number in YAML 1.1, text in 1.2", text)
    for pattern, reason in _OTHERWISE:
        if pattern.match(text):
            return Refused(AMBIGUOUS, reason, text)
    if _HEX.match(text):
        return _integer(int(text, 16), text) if len(text) < 40 else Refused(LOSSY, "rounded in JSON", text)
    if _FLOAT.match(text):
        return _float(text)
    return text


def _integer(value: int, text: str) -> Any:
    return value if abs(value) <= MAX_SAFE else Refused(LOSSY, "rounded in JSON, whose integers end at 2^53 - 1", text)


def _float(text: str) -> Any:
    value = float(text)
    if repr(value) == text:
        return value
    if value in (float("inf"), float("-inf")):
        return Refused(LOSSY, "infinity, which JSON does not have", text)
    match = _DIGITS.match(text)
    fraction = match.group(2) if match else ""
    if len(fraction) > 1 and fraction.endswith("0"):
        return Refused(LOSSY, f"read as {value!r}", text)
    if not _same_number(text, value):
        return Refused(LOSSY, f"rounded to {value!r}", text)
    return value


def _same_number(text: str, value: float) -> bool:
    from decimal import Decimal

    return len(text) < 400 and Decimal(text) == Decimal(repr(value))


def is_unusual(value: float) -> bool:
    """Whether RFC 8785 writes this number otherwise than a plain JSON writer."""
    size = abs(value)
    if value == value // 1:
        return size >= 2**53
    return not 1e-3 <= size < 1e15
