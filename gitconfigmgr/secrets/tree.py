"""A file as all formats share it: an ordered tree whose leaves know where in the text they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.secrets.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitconfigmgr.secrets.scalars import Scalar

MAX_PLACES = 1_000_000  # values of one file, its aliases written out


class Leaf:
    """A scalar at [start, end) of the text.

    `problem` says why its text cannot be replaced by a token; `drift`, what SOPS would make of the value.
    """

    __slots__ = ("column", "drift", "end", "flow", "problem", "start", "value")

    def __init__(
        self,
        value: Scalar,
        start: int,
        end: int,
        column: int = 0,
        *,
        flow: bool = False,
        problem: str = "",
        drift: str = "",
    ) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.column = column  # of the container's entries
        self.flow = flow
        self.problem = problem
        self.drift = drift


class Comment:
    """A comment at [start, end), marker included. `element`: SOPS wrote it as a list item."""

    __slots__ = ("element", "end", "start", "text")

    def __init__(self, text: str, start: int, end: int, *, element: bool = False) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.element = element


class Branch:
    """A map or a list."""

    __slots__ = ("column", "end", "entries", "flow", "is_map", "start")

    def __init__(self, start: int, column: int, *, is_map: bool, flow: bool = False) -> None:
        self.is_map = is_map
        self.start = start
        self.end = start
        self.column = column
        self.flow = flow
        self.entries: list[Entry | Comment] = []

    def items(self) -> Iterator[Entry]:
        """The entries without the comments."""
        return (entry for entry in self.entries if type(entry) is Entry)

    def find(self, part: str | int) -> Entry | None:
        """The entry of a key or an index."""
        if isinstance(part, int) != (not self.is_map):
            return None
        for index, entry in enumerate(self.items()):
            if part in (entry.key, index):
                return entry
        return None


class Alias(NamedTuple):
    """Another place's node, written again."""

    node: Leaf | Branch
    start: int
    end: int


class Entry:
    """A pair of a map, or an item of a list; `start` is that of the key or item, `colon` the end of the key."""

    __slots__ = ("colon", "key", "node", "start")

    def __init__(self, key: str | None, start: int, colon: int, node: Leaf | Branch | Alias) -> None:
        self.key = key
        self.start = start
        self.colon = colon
        self.node = node


@dataclass(slots=True)
class Document:
    """`end` is where the metadata block belongs; `metadata` is its entry where there is one."""

    root: Branch
    end: int = 0
    metadata: Entry | None = None


@dataclass(slots=True)
class File:
    """What a format reads. `metadata` is the SOPS block of the first document as plain data."""

    text: str = field(repr=False)
    documents: list[Document] = field(repr=False)
    metadata: dict[str, Any] | None = field(repr=False)

    def line(self, index: int) -> int:
        """The line of a position, from 1."""
        return self.text.count("\n", 0, index) + 1


class Place(NamedTuple):
    """A leaf or comment and the way to it. `keys` are the map keys alone: what binds a token to its place."""

    keys: tuple[str, ...]
    path: tuple[str | int, ...]
    node: Leaf | Comment
    selected: bool
    alias: bool = False
    in_list: bool = False


class Edit(NamedTuple):
    """The characters [start, end) become `text`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after some edits, none of which overlap."""
    parts: list[str] = []
    position = 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        assert start >= position, "edits overlap"
        parts += (text[position:start], new)
        position = end
    return "".join((*parts, text[position:]))


def to_data(node: Leaf | Branch | Alias) -> Any:
    """The plain data of a subtree."""
    if isinstance(node, Alias):
        return to_data(node.node)
    if isinstance(node, Leaf):
        return node.value
    if node.is_map:
        return {entry.key: to_data(entry.node) for entry in node.items()}
    return [to_data(entry.node) for entry in node.items()]


def end_of(node: Leaf | Branch | Alias) -> int:
    """Where a node's text ends."""
    return node.end


def too_many(line: int) -> FormatError:
    """The error for a file whose aliases grow beyond all bounds."""
    return FormatError(f"more than {MAX_PLACES:,} values, aliases written out", "write the values out", line)
