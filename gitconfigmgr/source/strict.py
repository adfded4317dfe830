"""Syntax that libyaml accepts although YAML 1.2 forbids it, or reads otherwise: found here, and refused.

The list is what the official test suite shows (tests/vectors/yaml). A cheap look at the text decides whether the file
is walked a second time, so ordinary files pay nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from yaml import _yaml as libyaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gitconfigmgr.model.diagnostics import Diagnostic
from gitconfigmgr.source.text import position_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUSPECTS = [  # (a sign that is quick to look for, what makes it suspicious)
    ("#", re.compile(r"\S#")),
    ("?", re.compile(r"[\[{,]\s*\?\S")),
    ("|", re.compile(r"\|[-+0-9]*[ \t]*\n[ ]+\n")),
    (">", re.compile(r">[-+0-9]*[ \t]*\n[ ]+\n")),
    ("&", re.compile(r"&[^\s,\[\]{}]*:")),
    ("*", re.compile(r"\*[^\s,\[\]{}]*:")),
]
_TIGHT_COMMENT = re.compile(r"(?<=\S)#")
_TIGHT_QUESTION = re.compile(r"\?(?=\S)")
_LEADING_BLANKS = re.compile(r"[|>][^\n]*\n((?: *\n)+)( *)\S")
_ENDS_NAME = frozenset(" \t\n,]}")


def deviations(path: str, text: str, *, several_lines: bool) -> list[Diagnostic]:
    """The findings; `several_lines` says that a quoted scalar or a flow collection may run over lines."""
    found: list[tuple[int, str, str]] = []
    last = text[text.rfind("\n") + 1 :]
    if last and not last.strip(" \t") and "\n" in text:
        found.append((len(text) - len(last), "the last line is only spaces", "remove them"))
    if several_lines or any(sign in text and pattern.search(text) for sign, pattern in _SUSPECTS):
        found += _walk(text)
    return [
        Diagnostic("GCM101", message, position_at(path, text, index), help=help_) for index, message, help_ in found
    ]


def _walk(text: str) -> Iterator[tuple[int, str, str]]:
    spans: list[tuple[int, int]] = []
    blocks: list[tuple[int, Any]] = []  # (block column that content must be indented beyond, flow start or None)
    parser = libyaml.CParser(text)
    while (event := parser.get_event()) is not None:
        kind = type(event)
        if kind is ScalarEvent:
            yield from _scalar(text, event, blocks)
            spans.append((event.start_mark.index, event.end_mark.index))
        elif kind is AliasEvent:
            yield from _name(text, event.end_mark.index)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.anchor:
                yield from _name(text, event.start_mark.index + 1 + len(event.anchor))
            outer = blocks[-1][0] if blocks else -1
            in_flow = bool(blocks) and blocks[-1][1] is not None
            if event.flow_style:
                blocks.append((outer, blocks[-1][1] if in_flow else event.start_mark))
            else:
                blocks.append((event.start_mark.column, None))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            column, start = blocks.pop()
            if start is not None and (not blocks or blocks[-1][1] is None):
                yield from _indentation(text, start.index, event.end_mark.index, column)
    parser.dispose()
    yield from _between(text, spans)


def _scalar(text: str, event: ScalarEvent, blocks: list[tuple[int, Any]]) -> Iterator[tuple[int, str, str]]:
    start, end = event.start_mark.index, event.end_mark.index
    if event.anchor:
        yield from _name(text, start + 1 + len(event.anchor))
    if event.style in ("'", '"'):
        column, flow = blocks[-1] if blocks else (-1, None)
        if flow is None:
            yield from _indentation(text, start, end, column)
    elif event.style in ("|", ">"):
        match = _LEADING_BLANKS.match(text, start)
        if match and any(len(line) > len(match.group(2)) for line in match.group(1).split("\n")):
            yield start, "blank lines before the first line are indented deeper than it", "remove their spaces"


def _name(text: str, index: int) -> Iterator[tuple[int, str, str]]:
    if index < len(text) and text[index] not in _ENDS_NAME:
        yield index, "the name of an anchor ends here for some readers only", "use letters, digits and dashes"


def _indentation(text: str, start: int, end: int, column: int) -> Iterator[tuple[int, str, str]]:
    at = text.find("\n", start, end)
    while at != -1:
        stop = text.find("\n", at + 1, end)
        line = text[at + 1 : stop if stop != -1 else end]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= column:
            yield at + 1, "a continued line is not indented deeper than what it belongs to", "indent it with spaces"
            return
        at = stop


def _between(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, str, str]]:
    starts = [start for start, _ in spans]

    def inside(index: int) -> bool:
        nearest = bisect_right(starts, index) - 1
        if nearest < 0 or index >= spans[nearest][1]:
            return False
        start = spans[nearest][0]
        return text[start] not in "|>" or text.find("\n", start) < index

    for match in _TIGHT_COMMENT.finditer(text):
        if not inside(match.start()) and not _in_comment(text, match.start(), inside):
            yield match.start(), "a comment needs a space before it", "write a space before #, or quote the text"
    for match in _TIGHT_QUESTION.finditer(text):
        index = match.start()
        if not inside(index) and not _in_comment(text, index, inside):
            yield index, "a question mark begins text here for some readers only", "put the text in quotes"


def _in_comment(text: str, index: int, inside: Any) -> bool:
    """Whether a proper comment has begun earlier on the line."""
    begin = text.rfind("\n", 0, index) + 1
    comments = re.finditer(r"(?:^|(?<=[ \t]))#", text[begin:index])
    return any(not inside(begin + match.start()) for match in comments)
