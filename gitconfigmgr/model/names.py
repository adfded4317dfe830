"""The names of things: namespaces, environments, targets, key paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
BASE = "base"
GLOBAL = "global"

KeyPath = tuple[str | int, ...]

_ALIKE = 0.66  # 1 is the same: one letter of three may be another
_CONTROLS = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
)  # fmt: skip
_BARE = re.compile(r"[^\s.:\"{}$]+\Z")


class Target(NamedTuple):
    """One namespace in one environment: the unit that is compiled."""

    namespace: str
    environment: str

    def __str__(self) -> str:
        return f"{self.namespace} in {self.environment}"


def prefixes(namespace: str) -> list[str]:
    """The namespaces whose documents are layers of this one, lowest first: `a/b` -> global, a, a/b."""
    segments = namespace.split("/")
    own = ["/".join(segments[: n + 1]) for n in range(len(segments))]
    return own if own[0] == GLOBAL else [GLOBAL, *own]


def show_path(path: KeyPath) -> str:
    """A key path as people write it: `api.keys.0`; keys with dots and the like in double quotes."""
    return ".".join(str(part) if isinstance(part, int) or _BARE.match(part) else _quoted(part) for part in path)


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class PathSyntaxError(ValueError):
    """The text is no key path."""


_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s.:"{}$]+)')


def parse_path(text: str) -> tuple[str, ...]:
    """The inverse of `show_path`; list indexes stay text. Raises PathSyntaxError."""
    parts: list[str] = []
    at = 0
    while True:
        match = _PART.match(text, at)
        if not match:
            raise PathSyntaxError(text)
        quoted, bare = match.groups()
        parts.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare)
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise PathSyntaxError(text)
        at += 1


_ITEM = re.compile(r"\[(?:(\d+)|([\w-]+)=([^\]]*))\]")


def parse_items(text: str) -> tuple[str, ...]:
    """A key path that may name items of lists as `diff` does: `routes[name=b].weight` is `routes`, `[name=b]`, `weight`.

    Raises PathSyntaxError.
    """
    parts: list[str] = []
    at = 0
    for match in _ITEM.finditer(text):
        before = text[at : match.start()].removeprefix("." if at else "")
        if before.count('"') % 2:
            continue  # inside quotes it is a part of a key
        parts += [*(parse_path(before) if before else ()), match[0]]
        at = match.end()
    if not at:
        return parse_path(text)
    rest = text[at:]
    if rest and rest[0] != ".":
        raise PathSyntaxError(text)
    return (*parts, *(parse_path(rest[1:]) if rest else ()))


def names_item(part: str) -> bool:
    """Whether a part of a path was written in brackets: `[name=b]` or `[2]`."""
    return bool(_ITEM.fullmatch(part))


def item_index(part: str, items: Sequence[Any]) -> int | None:
    """Which item of a list a part such as `[name=b]`, `[2]` or `2` names; None where it names none."""
    match = _ITEM.fullmatch(part)
    if match is None or match[1] is not None:
        number = part if match is None else match[1]
        return int(number) if is_index(number, len(items)) else None
    named = (n for n, item in enumerate(items) if isinstance(item, dict) and str(item.get(match[2])) == match[3])
    return next(named, None)


def many(number: int, word: str) -> str:
    """A number with its noun: 1 target, 2 targets."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def character(char: str) -> str:
    """A character that cannot be shown as itself: `U+0007 (BEL)`, `U+202E (RIGHT-TO-LEFT OVERRIDE)`."""
    import unicodedata

    number = ord(char)
    name = _CONTROLS[number] if number < len(_CONTROLS) else "DEL" if number == 127 else unicodedata.name(char, "")
    return f"U+{number:04X} ({name})" if name else f"U+{number:04X}"


def is_index(part: str, length: int) -> bool:
    """Whether a part of a path names an item of a list of this length: 0, 1, 2 ..."""
    return part.isdecimal() and len(part) < 10 and str(int(part)) == part and int(part) < length


def closest(word: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The known word a person most probably meant, or None."""
    from difflib import get_close_matches

    if len(word) > 200:
        return None
    found = get_close_matches(word, [name for name in known[:2000] if len(name) <= 200], n=3, cutoff=0.6)
    return next((name for name in found if _alike(word, name)), None)


def _alike(word: str, name: str) -> bool:
    """Whether two names are alike where they differ: a folder that they share does not make them so."""
    from difflib import SequenceMatcher

    shared = next((n for n, (one, other) in enumerate(zip(word, name, strict=False)) if one != other), 0)
    start = max(word.rfind(mark, 0, shared) for mark in "/.") + 1
    name, word = name[start:], word[start:]
    return name.startswith(word) or word.startswith(name) or SequenceMatcher(None, name, word).ratio() >= _ALIKE
