"""Splices of a YAML text: where a new line goes, and which lines, comments and commas belong to a key."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.source import edit_text
from gitconfigmgr.source.edit_places import Entry, Place, Sheet
from gitconfigmgr.source.edit_text import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitconfigmgr.model.names import KeyPath

_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*")
_OF_THE_FILE = re.compile(r"#.*(?:yaml-language-server|vim:|-\*-|SPDX-|[Cc]opyright)")
_REST_OF_LINE = re.compile(r"[ \t]*,?[ \t]*(?:#.*)?$", re.MULTILINE)


class NoPlaceError(Exception):
    """The text has no place for this edit; the message says why."""


class Splice(NamedTuple):
    """The characters [start, end) become `text`."""

    start: int
    end: int
    text: str


def applied(text: str, splices: Iterable[Splice]) -> str:
    """The text with splices that do not overlap; those at one place in the order given."""
    pieces, at = [], 0
    for splice in sorted(splices, key=lambda item: (item.start, item.end)):
        pieces += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, text[at:]])


def chain(sheet: Sheet, path: KeyPath) -> list[Entry]:
    """The entries on the way to a path, beginning with one for the root; shorter where the path does not exist."""
    if sheet.root is None:
        return []
    found = [Entry("", 0, 0, 0, sheet.root)]
    for part in path:
        entries = found[-1].place.find(part)
        if len(entries) > 1:
            raise NoPlaceError(f"the key {part} is written twice")
        if not entries:
            break
        found += entries
    return found


def located(sheet: Sheet, path: KeyPath) -> Entry | None:
    """The entry of a path that exists."""
    found = chain(sheet, path)
    return found[-1] if len(found) == len(path) + 1 else None


# -- set ---------------------------------------------------------------------------------------------------------------


def put(sheet: Sheet, path: KeyPath, value: Any) -> str:
    """The text with a value at a path, and with the maps above it that are missing."""
    above = chain(sheet, path)
    if not above or (len(above) == 1 and _is_nothing(sheet, above[0].place) and not above[0].place.flow):
        return _first(sheet, _nested(path, value))
    missing = path[len(above) - 1 :]
    place = above[-1].place
    _editable(sheet, above[:-1] if not missing else above)
    if not missing:
        return applied(sheet.text, _replaced(sheet, above, value))
    content = _nested(missing[1:], value)
    if not place.entries and (place.kind in {"map", "list"} or _is_nothing(sheet, place)):
        whole = [content] if isinstance(missing[0], int) else {missing[0]: content}
        return applied(sheet.text, _replaced(sheet, above, whole))
    if place.kind != ("list" if isinstance(missing[0], int) else "map"):
        raise NoPlaceError("what stands there is another kind of value")
    return applied(sheet.text, _added(sheet, above, missing[0], content))


def replaced(sheet: Sheet, path: KeyPath, value: Any) -> list[Splice]:
    """What puts another value in the place of one that is there."""
    above = chain(sheet, path)
    there = len(above) == len(path) + 1
    _editable(sheet, above[:-1] if there else above)
    if not there:
        raise NoPlaceError("it is not there")
    return _replaced(sheet, above, value)


def _nested(path: KeyPath, value: Any) -> Any:
    for part in reversed(path):
        value = [value] if isinstance(part, int) else {part: value}
    return value


def _is_nothing(sheet: Sheet, place: Place) -> bool:
    return place.kind == "scalar" and sheet.text[place.start : place.end] in {"", "~", "null", "Null", "NULL"}


def _editable(sheet: Sheet, above: list[Entry]) -> None:
    for entry in above:
        if entry.place.kind == "alias":
            raise NoPlaceError(f"it stands behind the alias *{entry.place.anchor}; edit what the alias names")
        if entry.place.anchor and entry.place.anchor in sheet.aliases():
            raise NoPlaceError(f"it stands behind the anchor &{entry.place.anchor}, which other values share")
        if entry.after < 0:
            raise NoPlaceError("its key is written with ?, or has no colon")


def _first(sheet: Sheet, value: Any) -> str:
    """A document that had no content."""
    text = sheet.text
    if sheet.root is not None and sheet.root.start < sheet.root.end:
        text = text[: sheet.root.start] + text[sheet.root.end :].removeprefix("\n")
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{_root_lines(value)}\n"


def _root_lines(value: Any) -> str:
    style = Style()
    return "\n".join(line for name, child in value.items() for line in edit_text.member(name, child, 0, style))


def _replaced(sheet: Sheet, above: list[Entry], value: Any) -> list[Splice]:
    entry, place = above[-1], above[-1].place
    if entry.after < 0:
        raise NoPlaceError("its key is written with ?, or has no colon")
    if place.kind != "alias" and place.anchor and place.anchor in sheet.aliases():
        raise NoPlaceError(f"it has the anchor &{place.anchor}, which other values share")
    quotes = place.style if place.style in {"'", '"'} else ""
    if len(above) == 1:
        lead = "\n" if sheet.column(place.start) and value else ""
        return [Splice(place.start, place.end, lead + (_root_lines(value) if value else "{}"))]
    if any(outer.place.flow for outer in above[:-1]):
        simple = not isinstance(value, (dict, list))
        new = edit_text.scalar(value, quotes, flow=True) if simple else edit_text.flow(value)
        return [Splice(place.start, place.end, new if place.end > place.start else f" {new}")]
    in_list = above[-2].place.kind == "list"
    written = edit_text.block(value, sheet.column(entry.start), _style(sheet), quotes=quotes, in_list=in_list)
    if place.is_block and sheet.line_start(place.start) == sheet.line_start(entry.start) and not place.anchor:
        return [Splice(place.start, _last(sheet, place), "\n".join([written.inline, *written.lines]))]
    if place.is_block or place.style in {"|", ">"}:
        return _below_replaced(sheet, entry, written)
    if not written.inline:
        head = Splice(entry.after, place.end, "")
    else:
        head = Splice(place.start, place.end, written.inline if place.end > entry.after else f" {written.inline}")
    return [head, *_inserted(sheet, place.end, written.lines, on_line=True)]


def _below_replaced(sheet: Sheet, entry: Entry, written: edit_text.Written) -> list[Splice]:
    """A value that stands on the lines below its key or dash; a comment beside the key stays."""
    place, text = entry.place, sheet.text
    line_end = sheet.line_end(entry.after)
    token = (entry.after, entry.after)
    if place.style in {"|", ">"}:
        header = _BLOCK_HEADER.search(text, place.start, line_end)
        assert header is not None
        token = (entry.after, header.end())
    elif place.anchor:
        token = (entry.after, place.start + 1 + len(place.anchor))
    return [
        Splice(*token, f" {written.inline}" if written.inline else ""),
        Splice(line_end, _last(sheet, place), "".join(f"\n{line}" for line in written.lines)),
    ]


def _last(sheet: Sheet, place: Place) -> int:
    """Where the last line of a block value ends, its comment included."""
    return place.end - 1 if sheet.text[place.end - 1] == "\n" else sheet.line_end(place.end)


def _inserted(sheet: Sheet, index: int, lines: list[str], *, on_line: bool = False) -> list[Splice]:
    """Lines below the one that a value ends on."""
    if not lines:
        return []
    if not on_line and sheet.text[index - 1] == "\n":  # a block scalar that keeps its last line ends
        return [Splice(index, index, "".join(f"{line}\n" for line in lines))]
    end = sheet.line_end(index)
    return [Splice(end, end, "".join(f"\n{line}" for line in lines))]


def _added(sheet: Sheet, above: list[Entry], name: str | int, value: Any) -> list[Splice]:
    place = above[-1].place
    last = place.entries[-1]
    if isinstance(name, int) and name != len(place.entries):
        raise NoPlaceError(f"the list has {len(place.entries)} items")
    if last.after < 0:
        raise NoPlaceError("its keys are written with ?, or have no colon")
    quotes = '"' if all(sheet.text[entry.start] == '"' for entry in place.entries) and place.kind == "map" else ""
    if place.flow or any(outer.place.flow for outer in above):
        new = edit_text.flow(value)
        return _added_in_flow(sheet, place, f"{edit_text.key(name, quotes, flow=True)}: {new}" if isinstance(name, str) else new)  # fmt: skip
    text_name = name if isinstance(name, str) else None
    lines = edit_text.member(text_name, value, sheet.column(place.entries[0].start), _style(sheet), quotes)
    return _inserted(sheet, place.end, lines)


def _added_in_flow(sheet: Sheet, place: Place, new: str) -> list[Splice]:
    last = place.entries[-1]
    end = max(last.place.end, last.key_end)
    alone = _whole_lines(sheet, last, end)
    if alone is None:
        return [Splice(end, end, f", {new}")]
    has_comma = "," in sheet.text[end : alone.end].partition("#")[0]
    line_end = sheet.line_end(end)
    below = f"\n{' ' * sheet.column(last.start)}{new}{',' if has_comma else ''}"
    return [*([] if has_comma else [Splice(end, end, ",")]), Splice(line_end, line_end, below)]


@lru_cache(maxsize=1)
def _style(sheet: Sheet) -> Style:
    """The indentation that most of the file has."""
    steps: Counter[int] = Counter()
    items: Counter[int] = Counter()
    for column, place in _block_members(sheet, sheet.root):
        inner = sheet.column(place.entries[0].start) - column
        if place.kind == "map" and inner > 0:
            steps[inner] += 1
        elif place.kind == "list" and inner >= 0:
            items[inner] += 1
    step = steps.most_common(1)[0][0] if steps else 2
    return Style(step, items.most_common(1)[0][0] if items else step)


def _block_members(sheet: Sheet, place: Place | None) -> Iterator[tuple[int, Place]]:
    """The block collections below keys, with the column of the key."""
    for entry in place.entries if place is not None and place.is_block else ():
        if entry.place.is_block and place is not None:
            if place.kind == "map":
                yield sheet.column(entry.start), entry.place
            yield from _block_members(sheet, entry.place)


# -- unset -------------------------------------------------------------------------------------------------------------


def removal(sheet: Sheet, path: KeyPath) -> Splice:
    """What removes a member of a collection that keeps others, or of the root."""
    above = chain(sheet, path)
    if len(above) != len(path) + 1:
        raise NoPlaceError("it is not there")
    _editable(sheet, above[:-1])
    entry, outer = above[-1], above[-2]
    number = outer.place.entries.index(entry)
    if any(place.place.flow for place in above[:-1]):
        return _removal_in_flow(sheet, outer.place, number)
    floor = outer.place.entries[number - 1].place.end if number else outer.after
    if sheet.leads(entry.start):
        return _lines_of(sheet, entry, floor)
    if entry.after < 0 or number + 1 == len(outer.place.entries):
        raise NoPlaceError("it shares its line with what is around it")
    follower = outer.place.entries[number + 1].start
    between = sheet.text[sheet.line_end(entry.place.end) : follower]
    comment = between.find("#")
    return Splice(entry.start, follower if comment < 0 else follower - len(between) + comment, "")


def emptied(sheet: Sheet, path: KeyPath) -> str:
    """The text with an empty collection in place of one with members."""
    above = chain(sheet, path)
    if len(path) == 0 and not above[0].place.flow:
        return applied(sheet.text, [removal(sheet, _only(above[0].place))])
    _editable(sheet, above[:-1])
    empty: Any = {} if above[-1].place.kind == "map" else []
    return applied(sheet.text, _replaced(sheet, above, empty))


def _only(place: Place) -> KeyPath:
    return (place.entries[0].key,)


def _lines_of(sheet: Sheet, entry: Entry, floor: int) -> Splice:
    """The lines of a block entry, with the comments right above it that stand in its column."""
    text = sheet.text
    if entry.after < 0:
        raise NoPlaceError("its key is written with ?")
    begin = comments_above(sheet, entry.start, floor)
    end = max(entry.place.end, entry.after)
    if text[end - 1] != "\n":
        end = min(sheet.line_end(end) + 1, len(text))
    before = sheet.line_start(begin - 1) if begin else 0
    blank_before = begin > 0 and not text[before : begin - 1].strip(" ") and before >= floor
    blank_after = end >= len(text) or not text[end : sheet.line_end(end)].strip(" ")
    if blank_after and not blank_before and end < len(text) and not text[floor:begin].partition("#")[0].strip():
        end = sheet.line_end(end) + 1  # the first of its map: what follows moves up
    return Splice(before if blank_before and blank_after else begin, min(end, len(text)), "")


def comments_above(sheet: Sheet, index: int, floor: int) -> int:
    """Where the comment lines begin that belong to what stands at an index, alone on its line.

    Comments that begin on the first line of the file are the file's.
    """
    own_line, column = sheet.line_start(index), sheet.column(index)
    begin = own_line
    while begin > floor:
        line_start = sheet.line_start(begin - 1)
        line = sheet.text[line_start : begin - 1]
        own = line.startswith(f"{' ' * column}#") and not _OF_THE_FILE.match(line, column)
        if not own or line_start < floor:
            break
        begin = line_start
    return begin or own_line


def _removal_in_flow(sheet: Sheet, place: Place, number: int) -> Splice:
    entry = place.entries[number]
    end = max(entry.place.end, entry.key_end)
    alone = _whole_lines(sheet, entry, end)
    if alone is not None:
        return alone
    if number + 1 < len(place.entries):
        return Splice(entry.start, place.entries[number + 1].start, "")
    previous = place.entries[number - 1]
    return Splice(max(previous.place.end, previous.key_end), end, "")


def _whole_lines(sheet: Sheet, entry: Entry, end: int) -> Splice | None:
    """The lines of a member inside brackets that shares them with nothing."""
    rest = _REST_OF_LINE.match(sheet.text, end)
    if rest is None or not sheet.leads(entry.start):
        return None
    return Splice(sheet.line_start(entry.start), min(sheet.line_end(end) + 1, len(sheet.text)), "")


# -- rename ------------------------------------------------------------------------------------------------------------


def renamed(sheet: Sheet, path: KeyPath, name: str) -> str:
    """The text with another key in the same place."""
    above = chain(sheet, path)
    if len(above) != len(path) + 1:
        raise NoPlaceError("it is not there")
    _editable(sheet, above[:-1])
    return applied(sheet.text, [_key_splice(sheet, above, name)])


def _key_splice(sheet: Sheet, above: list[Entry], name: str) -> Splice:
    entry = above[-1]
    first = sheet.text[entry.start]
    in_flow = any(outer.place.flow for outer in above[:-1])
    return Splice(entry.start, entry.key_end, edit_text.key(name, first if first in "'\"" else "", flow=in_flow))


def moved_lines(sheet: Sheet, path: KeyPath, new: KeyPath) -> str | None:
    """The text with the lines of a key, and its comments, under another parent; None where they are no whole lines."""
    above = chain(sheet, path)
    _editable(sheet, above[:-1])
    entry, outer = above[-1], above[-2]
    number = outer.place.entries.index(entry)
    if outer.place.kind != "map" or any(place.place.flow for place in above[:-1]) or not sheet.leads(entry.start):
        return None
    floor = outer.place.entries[number - 1].place.end if number else outer.after
    begin = comments_above(sheet, entry.start, floor)
    end = sheet.line_end(max(entry.place.end, entry.after) - (sheet.text[entry.place.end - 1] == "\n"))
    key = _key_splice(sheet, above, str(new[-1]))
    lines = applied(sheet.text[begin:end], [Splice(key.start - begin, key.end - begin, key.text)]).split("\n")
    alone = len(outer.place.entries) == 1
    rest = emptied(sheet, path[:-1]) if alone else applied(sheet.text, [removal(sheet, path)])
    return _planted(put(Sheet(rest), new, 0), new, lines, sheet.column(entry.start))


def _planted(text: str, path: KeyPath, lines: list[str], column: int) -> str | None:
    """The lines in place of the placeholder at a path, indented as it is."""
    sheet = Sheet(text)
    *above, entry = chain(sheet, path)
    if any(outer.place.flow for outer in above) or not sheet.leads(entry.start):
        return None
    shift = sheet.column(entry.start) - column
    moved = [_shifted(line, shift) for line in lines]
    return applied(text, [Splice(sheet.line_start(entry.start), sheet.line_end(entry.start), "\n".join(moved))])


def _shifted(line: str, shift: int) -> str:
    if not line.strip(" "):
        return line
    if shift >= 0:
        return " " * shift + line
    return line[min(-shift, len(line) - len(line.lstrip(" "))) :]
