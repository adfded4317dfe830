"""Keys in bytes: one pass for all beginnings, then the format's own expression where one stands.

    find(b"token = gsk_...") -> [Hit(code, name, shown, start, end)]

Time is linear in the length: every expression is bounded, and is tried only where its beginning stands. A hit holds
offsets; the text of a key is never copied out of the data.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from gitconfigmgr.check.hygiene.formats import FORMATS, KEYLESS, Format, Keyless
from gitconfigmgr.check.hygiene.judging import TESTS, is_credential, is_random

MOST_HITS = 100  # in one file; a list of keys is one mistake
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_AZURE_BEFORE = 52
_NEAR = 400  # bytes before an assignment in which the vendor may be named
_VALUE = re.compile(rb"[:=>][ \t]{0,2}[\"']?(?:(?:Bearer|Token|Key) )?([A-Za-z0-9+/]{32,64})(?![A-Za-z0-9+/=_.-])")
_NAME = re.compile(rb"([A-Za-z0-9_.-]{1,80})[\"'\]]{0,2}[ \t]{0,4}[:=]?\Z")
_NAMES = (b"apikey", b"accesskey", b"secretkey", b"subscriptionkey", b"accesstoken", b"authtoken", b"apitoken",
          b"authorization", b"credential", b"apisecret", b"bearertoken")  # fmt: skip
_ENDS = (b"key", b"token", b"secret", b"key1", b"key2")
_NOT_SECRET = (b"cachekey", b"publickey", b"keyid", b"sortkey", b"partitionkey", b"primarykey", b"foreignkey",
               b"idempotencykey", b"pagetoken", b"cachetoken", b"dedupekey", b"hashkey", b"commitkey")  # fmt: skip


class Hit(NamedTuple):
    """`shown` is what may be shown of the key: its public beginning."""

    code: str
    name: str
    shown: str
    start: int
    end: int


def find(data: bytes, *, only_private: bool = False) -> list[Hit]:
    """The keys in some bytes, in their order. `only_private` looks for private keys alone, as in binary files."""
    hits: list[Hit] = []
    position = 0
    for match in _beginnings(only_private).finditer(data):
        start = match.start()
        hit = _at(data, start) if start >= position else None
        if hit is None or (only_private and hit.code != "GCM702"):
            continue
        position = hit.end
        hits.append(hit)
        if len(hits) == MOST_HITS:
            break
    if not only_private:
        hits += _keyless(data, hits)
        hits.sort(key=lambda hit: hit.start)
    return hits[:MOST_HITS]


def masked(line: str) -> str:
    """A line of text with every key in it cut down to its beginning."""
    data = line.encode("utf-8", "replace")
    for hit in reversed(find(data)):
        width = len(data[hit.start : hit.end].decode("utf-8", "replace"))
        data = data[: hit.start] + _mask(hit.shown, width).encode() + data[hit.end :]
    return data.decode("utf-8", "replace")


def _mask(shown: str, width: int) -> str:
    """As wide as the key, so that a caret below it still fits."""
    return shown[:width] + "*" * max(0, width - len(shown))


def _at(data: bytes, start: int) -> Hit | None:
    """The key that begins here."""
    before = data[max(0, start - 3) : start]
    inside = bool(before) and before[-1] in _WORD and not _is_escape(before)
    for format_ in _candidates(data[start : start + 2]):
        if inside and not format_.loose:
            continue
        for head in format_.heads:
            encoded = head.encode()
            if not data.startswith(encoded, start):
                continue
            match = _expression(format_).match(data, start + len(encoded))
            if match and _holds(format_, data, start, match.group()):
                begin = start - _AZURE_BEFORE if head == "JQQJ99" else start
                shown = "" if head in ("JQQJ99", "://") else head
                begin = _password(data, start) if head == "://" else begin
                end = match.end() - 2 if head == "://" else match.end()
                return Hit(format_.code, format_.name, shown, begin, end)
            break
    return None


def _holds(format_: Format, data: bytes, start: int, body: bytes) -> bool:
    if format_.test == "url":
        return is_credential(data, start, body)
    return TESTS[format_.test](body)


def _password(data: bytes, start: int) -> int:
    """Where the password begins in a URL whose `://` is at `start`."""
    return data.index(b":", start + 3) + 1


def _is_escape(before: bytes) -> bool:
    """`\\n` in a string of JSON, or `%3D` in a URL: what follows begins a word."""
    if before[-2:] in (b"\\n", b"\\r", b"\\t"):
        return True
    return before[:1] == b"%" and before[1:].isalnum() and len(before) == 3


@cache
def _beginnings(only_private: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a key of the cache
    """An expression for all heads at once: a trie, which the engine walks byte by byte."""
    heads = {head for each in FORMATS if not only_private or each.code == "GCM702" for head in each.heads}
    return re.compile(_trie(sorted(heads)).encode())


def _trie(words: list[str]) -> str:
    if "" in words:
        return ""  # the shortest one is enough: the formats are told apart afterwards
    by_first: dict[str, list[str]] = {}
    for word in words:
        by_first.setdefault(word[0], []).append(word[1:])
    branches = [re.escape(first) + _trie(rest) for first, rest in by_first.items()]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


@lru_cache(maxsize=2048)
def _candidates(first: bytes) -> tuple[Format, ...]:
    """The formats that may begin with two bytes, the longest head first."""
    found = [each for each in FORMATS if any(head.encode().startswith(first) for head in each.heads)]
    return tuple(sorted(found, key=lambda each: -max(map(len, each.heads))))


@cache
def _expression(format_: Format | Keyless) -> re.Pattern[bytes]:
    if isinstance(format_, Keyless):
        return re.compile(rf"(?:{format_.body})\Z".encode())
    end = "" if format_.loose else r"(?![A-Za-z0-9_-])"
    return re.compile(f"(?:{format_.body}){end}".encode())


# -- keys without a beginning ------------------------------------------------------------------------------------------


_VENDORS = [(each, [vendor.encode() for vendor in each.vendors]) for each in KEYLESS]


def _keyless(data: bytes, known: list[Hit]) -> list[Hit]:
    lowered = data.lower()
    near = [each for each, vendors in _VENDORS if any(vendor in lowered for vendor in vendors)]
    if not near:
        return []
    taken = {hit.start for hit in known}
    hits: list[Hit] = []
    for match in _VALUE.finditer(data):
        start = match.start()
        line = lowered.rfind(b"\n", 0, start) + 1
        name = _NAME.search(lowered, max(line, start - 100), start)
        said = None if name is None else _names_secret(name[1])
        if name is None or said is None or match.start(1) in taken or not is_random(match[1]):
            continue
        found = _vendor(near, name[1], lowered[max(0, start - _NEAR) : start], match[1], clearly=said)
        if found is not None and len(hits) < MOST_HITS:
            hits.append(Hit("GCM701", found.name, "", match.start(1), match.end(1)))
    return hits


@lru_cache(maxsize=4096)
def _names_secret(name: bytes) -> bool | None:
    """Whether a name says that its value is a secret; False where only the vendor's in it would, None where nothing does."""
    word = name.replace(b"_", b"").replace(b"-", b"").replace(b".", b"")
    if any(other in word for other in _NOT_SECRET):
        return None
    if any(each in word for each in _NAMES):
        return True
    return False if word.endswith(_ENDS) else None


def _vendor(near: list[Keyless], name: bytes, context: bytes, value: bytes, *, clearly: bool) -> Keyless | None:
    """The format of a value that is assigned to a name; that of the vendor named last before it, where several fit."""
    best: tuple[int, Keyless] | None = None
    for each in near:
        vendors = [vendor.encode() for vendor in each.vendors]
        in_name = any(vendor in name for vendor in vendors)
        if not (clearly or in_name) or (each.vendors[0] == "aws" and b"secret" not in name):
            continue
        place = len(context) if in_name else max(map(context.rfind, vendors))
        if place >= 0 and _expression(each).match(value) and (best is None or place > best[0]):
            best = (place, each)
    return best[1] if best else None
