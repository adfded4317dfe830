"""The strip above a page: a dot for each version in its order, and an arc from each rollback to where it goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.app.log import Entry

_STEP, _EDGE, _ARC = 26, 44, 46  # between two dots, before the first, the highest arc
_MOST = 200


def timeline(entries: Sequence[Entry]) -> str:
    """An SVG; `entries` are newest first, the strip is oldest first."""
    shown = list(entries[:_MOST])[::-1]
    places = {entry.version.number: _EDGE + index * _STEP for index, entry in enumerate(shown)}
    arcs = [
        (places[entry.version.number], places[entry.version.rollback_to])
        for entry in shown
        if entry.version.rollback_to in places
    ]
    highest = max((_height(start, end) for start, end in arcs), default=0)
    line = highest + 16
    width, height = 2 * _EDGE + (len(shown) - 1) * _STEP, line + 40
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{len(shown)} versions, oldest first</title>",
        f'<line class="rail" x1="{_EDGE}" y1="{line}" x2="{width - _EDGE}" y2="{line}"/>',
        *(_arc(start, end, line) for start, end in arcs),
        *(_dot(entry, places[entry.version.number], line) for entry in shown),
        *_dates(shown, places, line),
        "</svg>",
    ]
    return "".join(parts)


def _height(start: int, end: int) -> int:
    return min(_ARC, 10 + (start - end) // 5)


def _arc(start: int, end: int, line: int) -> str:
    middle, top = (start + end) / 2, line - 2 * _height(start, end) + 8
    path = f"M {start} {line - 8} Q {middle:g} {top} {end} {line - 9}"
    return f'<path class="arc" d="{path}"/><path class="head" d="M {end} {line - 8} l 1 -8 l 6 5 z"/>'


def _dot(entry: Entry, x: int, line: int) -> str:
    version = entry.version
    kind = "broken" if version.broken else version.change_type
    label = f"<title>version {version.number}, {kind}, {entry.commit.time:%Y-%m-%d}</title>"
    number = f'<text x="{x}" y="{line + 20}">{version.number}</text>'
    return (
        f'<a href="#v{version.number}"><circle class="{kind}" cx="{x}" cy="{line}" r="6">{label}</circle>{number}</a>'
    )


def _dates(shown: list[Entry], places: dict[int, int], line: int) -> list[str]:
    """Days below the first, the last, and some between, where there is room for a day."""
    found = []
    free = -1000
    last = places[shown[-1].version.number]
    for entry in shown:
        x = places[entry.version.number]
        if x - free >= 90 and (x == last or last - x >= 90):
            free = x
            found.append(f'<text class="day" x="{x}" y="{line + 35}">{entry.commit.time:%Y-%m-%d}</text>')
    return found
