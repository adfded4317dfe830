"""From a position to what a reader sees: the source line, and where the value ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from yaml import YAMLError
from yaml import _yaml as libyaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    ScalarEvent,
)

from gitconfigmgr.model.diagnostics import Diagnostic, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DEEPEST = 256  # beyond it a document is refused anyway, and libyaml's time grows with the square


def locate(findings: Iterable[Diagnostic], read: Callable[[str], bytes | None]) -> list[Diagnostic]:
    """The findings with the end of what they point at, moved to the piece of text they are about."""
    sources: dict[str, _Source | None] = {}
    located = []
    for item in findings:
        position = item.position
        if position is None or position.end_line:  # without a place, or with an exact one
            located.append(item)
            continue
        if position.path not in sources:
            sources[position.path] = _source(position.path, read)
        source = sources[position.path]
        located.append(item if source is None else replace(item, position=source.exact(position, item.within)))
    return located


def _source(path: str, read: Callable[[str], bytes | None]) -> _Source | None:
    data = None if not path.endswith((".yaml", ".yml")) else read(path)
    return None if data is None else _Source(data)


class _Source:
    """A file's text, and the ends of its scalars by their starts (from 1)."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self.lines = self.text.split("\n")
        self._ends: dict[tuple[int, int], tuple[int, int]] | None = None

    def exact(self, position: Position, within: str | None) -> Position:
        line, column = position.line, position.column
        end_line, end_column = self.end(line, column)
        if within:
            first = within.split("\n")[0]
            for number in range(line, min(end_line, len(self.lines)) + 1):
                start = self.lines[number - 1].find(first, column - 1 if number == line else 0)
                if start >= 0:
                    return Position(position.path, number, start + 1, number, start + 1 + len(first))
        return Position(position.path, line, column, end_line, end_column)

    def end(self, line: int, column: int) -> tuple[int, int]:
        if self._ends is None:
            self._ends = dict(_ends(self.text))
        found = self._ends.get((line, column))
        if found:
            return found
        return line, column + (1 if line <= len(self.lines) else 0)


def _ends(text: str) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
    parser = libyaml.CParser(text)
    depth = 0
    try:
        while (event := parser.get_event()) is not None and depth <= _DEEPEST:
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if isinstance(event, (ScalarEvent, AliasEvent)):
                start, end = event.start_mark, event.end_mark
                yield (start.line + 1, start.column + 1), _end(text, start, end)
            elif isinstance(event, CollectionStartEvent) and event.flow_style:
                start, end = event.start_mark, event.end_mark
                yield (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)
    except YAMLError:
        return
    finally:
        parser.dispose()


def _end(text: str, start: Any, end: Any) -> tuple[int, int]:
    if end.column == 0 and end.line > start.line:  # a block scalar ends where the next line begins
        last = text.rfind("\n", 0, max(end.index - 1, 0))
        return end.line, end.index - 1 - last
    return end.line + 1, end.column + 1
