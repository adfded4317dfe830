"""From hits in bytes to findings with positions, and the comments that allow one."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from gitconfigmgr.check.hygiene.finding import Hit, find
from gitconfigmgr.model.diagnostics import Diagnostic, Position

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALLOW = re.compile(rb"gitconfigmgr:allow[ \t]+(GCM7[0-9]{2}(?:,GCM7[0-9]{2}){0,9})([^\r\n]{0,400})")
_CLOSED = re.compile(rb"-->|\*/|#}|\"\"\"")  # the comment ends here, and what follows is no reason
_BOM = b"\xef\xbb\xbf"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def scan(path: str, data: bytes) -> list[Diagnostic]:
    """The findings in the bytes of any file. Of a binary file only private keys are looked for."""
    data = as_utf8(data)
    hits = find(data, only_private=b"\0" in data)
    if not hits:
        return []
    lines = Lines(data)
    return [item for hit in hits if (item := finding(path, lines, hit)) is not None]


def finding(path: str, lines: Lines, hit: Hit) -> Diagnostic | None:
    """The finding for a hit; None where a comment allows it."""
    position = lines.position(path, hit.start, hit.end)
    allowed = lines.allowed(position.line, hit.code)
    if allowed:
        return None
    shown = f": {hit.shown}..." if hit.shown and hit.code == "GCM701" else ""
    help_ = "give the reason after the code: `gitconfigmgr:allow CODE reason`" if allowed == "" else None
    message = f"{hit.name} in plaintext{shown}"
    return Diagnostic(hit.code, message, position, help=help_, hidden=True)


def without_allowed(findings: Iterable[Diagnostic], lines: Lines) -> list[Diagnostic]:
    """The findings in one file that no comment allows."""
    return [item for item in findings if not (item.position and lines.allowed(item.position.line, item.code))]


class Lines:
    """Where the lines of some bytes begin."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.starts = [0, *(match.end() for match in re.finditer(rb"\n", data))]

    def position(self, path: str, start: int, end: int) -> Position:
        """The place of a range, cut at the end of its first line."""
        number = bisect_right(self.starts, start) - 1
        begin = self.starts[number]
        if number == 0 and self.data.startswith(_BOM):
            begin = min(len(_BOM), start)
        stop = self.starts[number + 1] - 1 if number + 1 < len(self.starts) else len(self.data)
        column = _width(self.data[begin:start]) + 1
        return Position(path, number + 1, column, number + 1, column + _width(self.data[start : min(end, stop)]))

    def line(self, number: int) -> bytes:
        """A line, counted from 1."""
        if not 0 < number <= len(self.starts):
            return b""
        stop = self.starts[number] if number < len(self.starts) else len(self.data)
        return self.data[self.starts[number - 1] : stop]

    def allowed(self, number: int, code: str) -> str | None:
        """The reason in the comment that allows a code on a line: "" where it gives none, None without a comment.

        A private key begins with a line of its own, which has no room for a comment: there the line above counts too.
        """
        for each in (number, number - 1) if code == "GCM702" else (number,):
            match = _ALLOW.search(self.line(each))
            if match and code.encode() in match[1].split(b","):
                return _CLOSED.split(match[2], maxsplit=1)[0].decode("utf-8", "replace").strip(" \t-:\"'}])")
        return None


def _width(data: bytes) -> int:
    return len(data.decode("utf-8", "replace"))


def as_utf8(data: bytes) -> bytes:
    """PowerShell writes UTF-16, where no key would be seen."""
    encoding = _UTF16.get(data[:2])
    return data if encoding is None else data[2:].decode(encoding, "replace").encode("utf-8", "replace")
