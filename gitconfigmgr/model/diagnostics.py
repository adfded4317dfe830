"""Findings about the user's files, as values: made anywhere, rendered only by a face."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.model.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from gitconfigmgr.model.values import Document, Mark, Node


class Position(NamedTuple):
    """A place in a file: path from the root of the repository; line and column from 1, in code points."""

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0


class Related(NamedTuple):
    """Another place that takes part in a finding; `note` is a value or a name that goes with it."""

    position: Position
    message: str
    note: str = ""


class Edit(NamedTuple):
    """A machine-applicable fix: the characters [start, end) of the file become `text`."""

    path: str
    start: int
    end: int
    text: str


class Waiver(NamedTuple):
    """Who lets a finding pass, why, and until when; `position` is where the waiver stands."""

    owner: str
    reason: str
    expires: date
    ticket: str | None
    position: Position


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `affects` are the targets it was found in; `label` is the note under the caret. `within` is a piece of the value's
    text: the position moves there once the source is at hand. `hidden` keeps the source line's value out of reports.
    `controls` are the ids of compliance controls it is evidence for. A `waived` one is reported, and fails nothing.
    """

    code: str
    message: str
    position: Position | None = None
    severity: str = ""
    label: str = ""
    related: tuple[Related, ...] = ()
    help: str | None = None
    rule: str | None = None
    key: str | None = None
    within: str | None = None
    hidden: bool = False
    affects: tuple[tuple[str, str], ...] = ()
    controls: tuple[str, ...] = ()
    waived: Waiver | None = None
    edits: tuple[Edit, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        code = CODES[self.code]
        if not self.severity:
            object.__setattr__(self, "severity", code.severity)
        if self.help is None:
            object.__setattr__(self, "help", code.hint)

    @property
    def cause(self) -> tuple[object, ...]:
        """Equal for findings with one cause, in whatever target they show."""
        return (self.code, self.position, self.message)

    @property
    def fails(self) -> bool:
        """Whether it is an error that nobody has waived."""
        return self.severity == "error" and self.waived is None


def whole(path: str) -> Position:
    """A file as such: no line of it is meant."""
    return Position(path, 1, 1, 1, 1)


def at(document: Document, mark: Mark) -> Position:
    """The position of a mark in a document."""
    return Position(document.path, mark.line + 1, mark.column + 1)


def position_of(node: Node) -> Position:
    """Where a node's value stands."""
    return Position(node.document.path, node.mark.line + 1, node.mark.column + 1)


def key_position_of(node: Node) -> Position:
    """Where a node's key stands; its value where it has none."""
    mark = node.key_mark or node.mark
    return Position(node.document.path, mark.line + 1, mark.column + 1)


def collate(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by position, one for each cause, with the targets of all its occurrences.

    What is waived, or an error, in some of the targets only stays two findings.
    """
    merged: dict[tuple[object, ...], Diagnostic] = {}
    for item in diagnostics:
        same = (item.cause, item.severity, item.waived)
        known = merged.get(same)
        if known is None:
            merged[same] = item
        elif item.affects:
            affects = tuple(dict.fromkeys(known.affects + item.affects))
            merged[same] = replace(known, affects=affects)
    return sorted(merged.values(), key=_order)


def _order(item: Diagnostic) -> tuple[object, ...]:
    position = item.position
    place = (position.path, position.line, position.column) if position else ("", 0, 0)
    return (*place, item.code, item.message, item.severity, item.waived is not None)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error that nobody has waived."""
    return any(item.fails for item in diagnostics)
