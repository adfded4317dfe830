"""The layout of a YAML text made even: indentation, spaces, blank lines. Values, comments and their order stay.

Two spaces for each level, a list one level below its key, one space after a colon and before the words of a comment,
no blanks at line ends, at most one empty line in a row, one line feed at the end.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from yaml import YAMLError

from gitconfigmgr.source.edit_layout import Splice, applied
from gitconfigmgr.source.edit_places import Entry, Place, Sheet, walk
from gitconfigmgr.source.edits import EditError, reading, same

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP = 2
_COMMENT = re.compile(r"(?<![^ \t\n])#")
_TIGHT = re.compile(r"#(?=[\w\"'(\[{<$*])")
_HEADER = re.compile(r"[|>][-+]?([0-9])?")


def formatted(text: str) -> str:
    """The text in even layout. Raises EditError where it cannot be read, or cannot be laid out so."""
    try:
        after = _Layout(Sheet(text)).text()
    except YAMLError:
        after = ""
    if after == text:
        return text
    before = reading(text)
    if not same(before, reading(after)) or _comments(text) != _comments(after):
        raise EditError("the layout cannot be changed without a change of values or comments", "lay it out by hand")
    return after


def _comments(text: str) -> list[str]:
    sheet = Sheet(text)
    spans = _Spans(sheet)
    return [text[index + 1 : sheet.line_end(index)].strip() for index in spans.comments()]


class _Spans:
    """Where scalars stand, so that a # in them is no comment."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        places = list(walk(sheet.root)) if sheet.root else []
        found = [self._of(place) for place in places if place.kind == "scalar"]
        found += [(entry.start, entry.key_end) for place in places for entry in place.entries if place.kind == "map"]
        self.spans = sorted(found)
        self._starts = [start for start, _ in self.spans]

    def _of(self, place: Place) -> tuple[int, int]:
        if place.style in {"|", ">"}:
            return self.sheet.line_end(place.start), place.end
        return place.start, place.end

    def inside(self, index: int) -> bool:
        nearest = bisect_right(self._starts, index) - 1
        return nearest >= 0 and index < self.spans[nearest][1]

    def comments(self, begin: int = 0, end: int | None = None) -> Iterator[int]:
        """Where comments begin in a part of the text."""
        done = begin
        for match in _COMMENT.finditer(self.sheet.text, begin, len(self.sheet.text) if end is None else end):
            if match.start() >= done and not self.inside(match.start()):
                done = self.sheet.line_end(match.start())
                yield match.start()


class _Layout:
    """Collects the splices of one text."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.splices: list[Splice] = []
        self.kept: list[tuple[int, int]] = []  # ranges that begin at a line feed: the lines in them are done
        self.columns: list[tuple[int, int, int, tuple[tuple[int, int], ...]]] = []  # index, old, new, those above

    def text(self) -> str:
        root = self.sheet.root
        if root is not None and root.is_block:
            self._members(root, 0, ())
        elif root is not None:
            self._continued(root, 0, 0)
        self._lines()
        return applied(self.sheet.text, self.splices)

    def _put(self, start: int, end: int, text: str) -> None:
        if self.sheet.text[start:end] != text:
            self.splices.append(Splice(start, end, text))

    def _members(self, place: Place, column: int, above: tuple[tuple[int, int], ...]) -> None:
        for number, entry in enumerate(place.entries):
            old = self.sheet.column(entry.start)
            if entry.after < 0:
                raise EditError("a key is written with ?, or has no colon", "write it as `key: value`")
            if self.sheet.leads(entry.start):
                self._put(self.sheet.line_start(entry.start), entry.start, " " * column)
            elif number or not above:
                raise EditError("a key shares its line with another", "lay it out by hand")
            here = (*above, (old, column))
            self.columns.append((entry.start, old, column, here))
            self._member(entry, old, column, here)

    def _member(self, entry: Entry, old: int, column: int, here: tuple[tuple[int, int], ...]) -> None:
        place, text = entry.place, self.sheet.text
        self._gaps(entry)
        if place.is_block:
            self._members(place, column + STEP, here)
        elif text[place.start : place.end].lstrip("&").find("\n") >= 0:
            if place.style in {"|", ">"}:
                self._block_scalar(place, old, column)
            else:
                self._continued(place, column - old, column + STEP)
        if place.kind in {"map", "list"} and place.flow:
            self._flow_gaps(place)

    def _gaps(self, entry: Entry) -> None:
        """One space between a colon or dash and the value, none before the colon."""
        text, place = self.sheet.text, entry.place
        if text[entry.after - 1 : entry.after] == ":" and entry.key_end < entry.after - 1:
            self._put(entry.key_end, entry.after - 1, "")
        gap = text[entry.after : place.start]
        if place.start > entry.after and not gap.strip(" \t"):
            self._put(entry.after, place.start, " ")

    def _flow_gaps(self, place: Place) -> None:
        for inner in walk(place):
            for entry in inner.entries if inner.kind == "map" else ():
                if entry.after >= 0 and entry.place.end > entry.place.start:
                    self._gaps(entry)

    def _continued(self, place: Place, shift: int, least: int) -> None:
        """The further lines of a value in quotes or brackets: they move with their first line."""
        sheet = self.sheet
        at = sheet.text.find("\n", place.start, place.end)
        if at < 0:
            return
        self.kept.append((at, place.end))
        while 0 <= at < place.end:
            end = sheet.line_end(at + 1)
            line = sheet.text[at + 1 : end]
            content = line.lstrip(" ")
            if content.strip(" \t"):
                indent = len(line) - len(content)
                self._put(at + 1, at + 1 + indent, " " * max(indent + shift, least))
            at = sheet.text.find("\n", end, place.end)

    def _block_scalar(self, place: Place, old: int, column: int) -> None:
        text = self.sheet.text
        first = self.sheet.line_end(place.start)
        self.kept.append((first, place.end))
        header = _HEADER.search(text, place.start, first)
        lines = text[first + 1 : place.end].split("\n")
        filled = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")]
        if not filled or header is None:
            return
        digit = header[1]
        indent = old + int(digit) if digit else filled[0]
        new = column + int(digit) if digit else column + STEP
        done = [f"{' ' * new}{line[indent:]}" if len(line) > indent else "" for line in lines]
        self._put(first + 1, place.end, "\n".join(done))

    # -- lines outside of values ---------------------------------------------------------------------------------------

    def _lines(self) -> None:
        """Comments, empty lines and line ends."""
        text, spans = self.sheet.text, _Spans(self.sheet)
        self.kept.sort()
        at, blanks, begun = 0, 0, False
        while at < len(text):
            end = self.sheet.line_end(at)
            kept = self._kept(at)
            if kept is not None and kept > at:
                at, blanks, begun = max(kept, at + 1), 0, True
                tail = self.sheet.line_end(at)
                if text[at - 1 : at] == "\n" or at >= len(text):
                    continue
                self._words(spans, at, tail)
                at = tail + 1
                continue
            if not text[at:end].strip(" \t"):
                blanks += 1
                last = not text[end:].strip(" \t\n")
                if blanks > 1 or not begun or last:
                    self._put(at, min(end + 1, len(text)), "")
                else:
                    self._put(at, end, "")
            else:
                blanks, begun = 0, True
                self._words(spans, at, end)
            at = end + 1
        if text.strip() and not text.endswith("\n") and not self._ends_in_block_scalar():
            self.splices.append(Splice(len(text), len(text), "\n"))

    def _kept(self, at: int) -> int | None:
        """The end of the value that the line beginning here belongs to."""
        nearest = bisect_right(self.kept, (at - 1, len(self.sheet.text))) - 1
        if at == 0 or nearest < 0 or self.kept[nearest][0] > at - 1:
            return None
        return self.kept[nearest][1]

    def _words(self, spans: _Spans, begin: int, end: int) -> None:
        """One line, or the rest of one after a value: its comment, and the blanks at its end."""
        text = self.sheet.text
        comment = next(spans.comments(begin, end), None)
        content = text[begin:end].rstrip(" \t")
        if comment is not None:
            if not text[self.sheet.line_start(comment) : comment].strip(" \t") and begin == self.sheet.line_start(
                begin
            ):
                self._put(begin, comment, " " * self._comment_column(comment))
            if _TIGHT.match(text, comment):
                self.splices.append(Splice(comment + 1, comment + 1, " "))
        if len(content) < end - begin and (content or comment is not None):
            self._put(begin + len(content), end, "")

    def _comment_column(self, index: int) -> int:
        """Where a comment line goes: with what it stands in line with, the key below it first."""
        column = self.sheet.column(index)
        number = bisect_right(self.columns, (index,))
        below = [self.columns[number][1:3]] if number < len(self.columns) else []
        around = list(self.columns[number - 1][3]) if number else []
        near = [*below, *reversed(around)]
        for old, new in near:
            if old == column:
                return new
        left = [pair for pair in near if pair[0] < column]
        return max(left)[1] if left else 0

    def _ends_in_block_scalar(self) -> bool:
        root = self.sheet.root
        last = max((place.end for place in walk(root) if place.style in {"|", ">"}), default=0) if root else 0
        return last >= len(self.sheet.text)
