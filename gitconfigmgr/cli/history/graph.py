"""The left margin of `log --graph`: a mark for each version, and a line from each rollback to where it goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.app.log import Entry

_UNICODE = {
    "mark": "●",
    "create": "◆",
    "delete": "○",
    "broken": "✗",
    "line": "│",
    "out": "─╮",
    "end": "╯",
    "to": "◀",
    "dash": "─",
}
_ASCII = {
    "mark": "*",
    "create": "+",
    "delete": "o",
    "broken": "x",
    "line": "|",
    "out": "-.",
    "end": "'",
    "to": "<",
    "dash": "-",
}
_MOST = 6  # lines side by side; a rollback beyond has none


def rails(entries: Sequence[Entry], *, ascii_only: bool) -> list[tuple[str, str]]:
    """For each entry (newest first), what stands before its first line and before its other lines."""
    signs = _ASCII if ascii_only else _UNICODE
    places = {(entry.target, entry.version.number): index for index, entry in enumerate(entries)}
    arcs = []
    for index, entry in enumerate(entries):
        end = places.get((entry.target, entry.version.rollback_to or 0))
        if end is not None:
            arcs.append((index, end))
    columns = _columns(arcs)
    width = max(columns.values(), default=-1) + 1
    return [
        _margins(index, entry, columns, width, signs, last=index == len(entries) - 1)
        for index, entry in enumerate(entries)
    ]


def _columns(arcs: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A column for each line, so that no two meet."""
    columns: dict[tuple[int, int], int] = {}
    for start, end in sorted(arcs, key=lambda arc: (arc[1] - arc[0], arc)):
        taken = {column for (s, e), column in columns.items() if s <= end and start <= e}
        free = next(column for column in range(len(arcs) + 1) if column not in taken)
        if free < _MOST:
            columns[start, end] = free
    return columns


def _margins(
    index: int,
    entry: Entry,
    columns: dict[tuple[int, int], int],
    width: int,
    signs: dict[str, str],
    *,
    last: bool,
) -> tuple[str, str]:
    kind = "broken" if entry.version.broken else entry.version.change_type
    row = [signs.get(kind, signs["mark"])] + [" "] * (2 * width)
    below = [" " if last else signs["line"]] + [" "] * (2 * width)
    for (start, end), column in sorted(columns.items(), key=lambda item: item[1]):
        at = 2 * column + 2
        if start < index < end:
            row[at] = row[at] if row[at] != " " else signs["line"]
        if start <= index < end:
            below[at] = signs["line"]
        if index in {start, end}:
            for step in range(1, at):
                if row[step] == " ":
                    row[step] = signs["dash"]
            row[at] = signs["out"][1] if index == start else signs["end"]
            if index == end:
                row[1] = signs["to"]
    return "".join(row), "".join(below)
