"""Where everything in a YAML text stands: maps, lists and scalars with their spans, for edits that touch nothing else.

Spans are character indexes. The reader gives values; this gives only places.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from yaml import _yaml as libyaml
from yaml.events import AliasEvent, CollectionStartEvent, MappingStartEvent, NodeEvent, ScalarEvent
from yaml.tokens import BlockEntryToken, StreamEndToken

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLON = re.compile(r"[ \t]*:")
_BLANK_TAIL = re.compile(r"(?:\n *)+\Z")


class Place:
    """A value in the text: [start, end), its anchor and tag included. `end` is after the last character of content."""

    __slots__ = ("_by_key", "anchor", "end", "entries", "flow", "kind", "start", "style")

    def __init__(
        self, kind: str, start: int, end: int, *, flow: bool = False, style: str = "", anchor: str = ""
    ) -> None:
        self.kind = kind  # map, list, scalar, alias
        self.start = start
        self.end = end
        self.flow = flow
        self.style = style
        self.anchor = anchor
        self.entries: list[Entry] = []
        self._by_key: dict[str, list[Entry]] | None = None

    @property
    def is_block(self) -> bool:
        """Whether it is a collection without brackets."""
        return self.kind in {"map", "list"} and not self.flow

    def find(self, key: str | int) -> list[Entry]:
        """The member of a map or a list: none, one, or several where a key is written twice."""
        if isinstance(key, int):
            return self.entries[key : key + 1] if self.kind == "list" and key >= 0 else []
        if self._by_key is None:
            self._by_key = {}
            for entry in self.entries if self.kind == "map" else ():
                self._by_key.setdefault(entry.key, []).append(entry)
        return self._by_key.get(key, [])


class Entry(NamedTuple):
    """A member: it begins at `start` (its key, its dash, or in a flow list itself); `after` ends its colon or dash."""

    key: str
    start: int
    key_end: int
    after: int
    place: Place


class Sheet:
    """A text, its line structure, and the place of its root (None where it has no content)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parser = libyaml.CParser(text)
        try:
            self._dashes = _dashes(text)
            self.root = self._document()
        finally:
            self._parser.dispose()

    def line_start(self, index: int) -> int:
        """Where the line of an index begins."""
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """Where the line of an index ends, before its line feed."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found

    def column(self, index: int) -> int:
        """The column of an index, from 0."""
        return index - self.line_start(index)

    def leads(self, index: int) -> bool:
        """Whether only spaces stand before an index on its line."""
        return not self.text[self.line_start(index) : index].strip(" ")

    def aliases(self) -> set[str]:
        """The names of anchors that aliases use."""
        return {place.anchor for place in walk(self.root) if place.kind == "alias"} if self.root else set()

    def _document(self) -> Place | None:
        event = self._next()
        while not isinstance(event, NodeEvent):
            if event is None or not self._more(event):
                return None
            event = self._next()
        return self._place(event)

    def _more(self, event: Any) -> bool:
        return type(event).__name__ != "StreamEndEvent"

    def _next(self) -> Any:
        return self._parser.get_event()

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            return Place("alias", start, end, anchor=event.anchor)
        anchor = event.anchor or ""
        if isinstance(event, ScalarEvent):
            style = event.style or ""
            return Place("scalar", start, self._scalar_end(start, end, style), style=style, anchor=anchor)
        assert isinstance(event, CollectionStartEvent)
        is_map = isinstance(event, MappingStartEvent)
        place = Place("map" if is_map else "list", start, end, flow=bool(event.flow_style), anchor=anchor)
        while isinstance(inner := self._next(), NodeEvent):
            place.entries.append(self._member(inner) if is_map else self._item(inner, place))
        place.end = inner.end_mark.index if place.flow else place.entries[-1].place.end if place.entries else end
        return place

    def _member(self, event: Any) -> Entry:
        key = self._place(event)
        colon = _COLON.match(self.text, key.end)
        value = self._place(self._next())
        return Entry(getattr(event, "value", ""), key.start, key.end, colon.end() if colon else -1, value)

    def _item(self, event: Any, place: Place) -> Entry:
        if place.flow:
            inner = self._place(event)
            return Entry("", inner.start, inner.start, inner.start, inner)
        dash = next(self._dashes)
        return Entry("", dash, dash, dash + 1, self._place(event))

    def _scalar_end(self, start: int, end: int, style: str) -> int:
        if style not in {"|", ">"}:
            return end
        header = self.text.find("\n", start, end)
        if header < 0 or "+" in self.text[start:header].partition("#")[0]:
            return end
        tail = _BLANK_TAIL.search(self.text, header, end)
        return tail.start() if tail else end


def _dashes(text: str) -> Iterator[int]:
    """Where the dashes of block lists stand, in the order of their items."""
    parser = libyaml.CParser(text)
    try:
        while not isinstance(token := parser.get_token(), (StreamEndToken, type(None))):
            if isinstance(token, BlockEntryToken):
                yield token.start_mark.index
    finally:
        parser.dispose()


def walk(place: Place) -> Iterator[Place]:
    """A place and all those in it."""
    yield place
    for entry in place.entries:
        yield from walk(entry.place)
