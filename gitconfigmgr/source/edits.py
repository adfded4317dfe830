"""The smallest changes of a YAML text: one value set, removed or renamed, every other line as it was, to the byte.

Paths are keys as they stand in the file (`$append` and `$$literal` too) and indexes of lists. Each result is read
again: it must be the old document with that one change, without a finding that was not there before; else EditError.
"""

from __future__ import annotations

import re
from copy import deepcopy
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import KeyPath, show_path
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import Expression, Node, Sealed
from gitconfigmgr.source import edit_layout as layout
from gitconfigmgr.source.edit_places import Sheet
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.scalars import MAX_SAFE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.source.edit_layout import Splice

_LIMITS = Limits(file_bytes=64 * 1024 * 1024)
_LONGEST_KEY = 1000  # libyaml looks no further for the colon
_NOTHING: Any = object()


class EditError(UsageError):
    """The text cannot be edited so that it means what was asked, and nothing else."""

    exit_status = 1


def set_value(text: str, path: KeyPath, value: Any) -> str:
    """The text with a value (plain data) at a path; maps above it are made where they are missing."""
    _writable(path, value)
    wanted = _with(reading(text), path, value)
    return _proven(text, _set(text, path, value), wanted)


def unset(text: str, path: KeyPath) -> str:
    """The text without a key or item, and without the comments that belong to it. A map it leaves empty stays, `{}`."""
    wanted = _without(reading(text), path)
    return _proven(text, _unset(text, path), wanted)


def rename(text: str, path: KeyPath, new: KeyPath) -> str:
    """The text with a key under another name, or elsewhere, its value as it stands, with its comments."""
    old = reading(text)
    value = _at(old, path)
    if new[: len(path)] == path:
        raise EditError(f"{show_path(path)} is called so already" if new == path else "a key cannot move into itself")
    if _at(old, new, _NOTHING) is not _NOTHING:
        raise EditError(f"{show_path(new)} is there already")
    beside = path[:-1] == new[:-1]
    wanted = _renamed(old, path, new[-1]) if beside else _with(_without(old, path), new, value)
    try:
        moved = (
            layout.renamed(Sheet(text), path, str(new[-1])) if beside else layout.moved_lines(Sheet(text), path, new)
        )
    except layout.NoPlaceError as error:
        raise EditError(f"{show_path(path)} cannot be moved: {error}") from None
    return _proven(text, moved or _set(_unset(text, path), new, value), wanted)


def replaced_texts(text: str, texts: Mapping[str, str]) -> str:
    """The text with other references in its values: `${old}` -> `${new}`, also in comments. Those after `$` stay."""
    pattern = re.compile(r"(?<!\$)(?:" + "|".join(re.escape(old) for old in sorted(texts, key=len, reverse=True)) + ")")

    def mended(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: mended(child) for key, child in data.items()}
        if isinstance(data, list):
            return [mended(child) for child in data]
        return pattern.sub(lambda match: texts[match[0]], data) if isinstance(data, str) else data

    old = reading(text)
    wanted = mended(old)
    done = pattern.sub(lambda match: texts[match[0]], text)
    if not same(_attempted(done)[0], wanted):  # some are written with escapes, or new ones need quotes
        done = text
        for path, value in _leaves(old):
            if isinstance(value, str) and (new := mended(value)) != value:
                done = _set(done, path, new)
    return _proven(text, done, wanted)


def _leaves(data: Any, at: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    if not isinstance(data, (dict, list)):
        return [(at, data)]
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    return [found for key, child in pairs for found in _leaves(child, (*at, key))]


def removals(text: str, paths: Iterable[KeyPath]) -> list[Splice]:
    """The splices that remove each of these keys, where that can be done alone; not proven."""
    sheet = Sheet(text)
    found = []
    for path in paths:
        try:
            found.append(layout.removal(sheet, path))
        except layout.NoPlaceError:
            continue
    return found


def reading(text: str) -> Any:
    """What the strict reader makes of a text: plain data, apart from references and encrypted values."""
    return _read(text)[0]


def is_encrypted(text: str) -> bool:
    """Whether a text is a SOPS file."""
    return read_document("", "", "base", "", text.encode(), _LIMITS)[0].sops is not None


def _read(text: str) -> tuple[Any, list[Diagnostic]]:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise EditError("the text has a character that is no Unicode") from None
    document, findings = read_document("", "", "base", "", data, _LIMITS)
    if document.root is None:
        first = findings[0]
        place = f"line {first.position.line}: " if first.position else ""
        raise EditError(
            f"the file cannot be read: {place}{first.message}", "correct it first; see `gitconfigmgr check`"
        )
    root = _data(document.root)
    return root if document.sops is None else root | {"sops": _data(document.sops)}, findings


def _data(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: _data(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_data(child) for child in value]
    return value.text if isinstance(value, Expression) else value.token if isinstance(value, Sealed) else value


def _proven(before: str, after: str, wanted: Any) -> str:
    """The edited text, once it is known to read as it should."""
    known = {(item.code, item.message) for item in _read(before)[1]}
    found, findings = _attempted(after)
    if not same(found, wanted) and not after.endswith("\n"):  # a block scalar needs the line end that was not there
        after += "\n"
        found, findings = _attempted(after)
    if not same(found, wanted):
        raise EditError("the file cannot be edited here without a change of something else", "edit it by hand")
    fresh = next((item for item in findings if (item.code, item.message) not in known), None)
    if fresh is not None:
        raise EditError(f"the value cannot be written here: {fresh.message}", fresh.help)
    return after


def _writable(path: KeyPath, value: Any) -> None:
    """Raises EditError for what no YAML of the strict profile can hold."""
    for part in path:
        if isinstance(part, str) and (len(part) > _LONGEST_KEY or not _is_text(part)):
            raise EditError("a key has at most 1,000 characters, all of them Unicode")
    if isinstance(value, dict):
        for key, child in value.items():
            _writable((key,), child)
    elif isinstance(value, list):
        for child in value:
            _writable((), child)
    elif isinstance(value, str) and not _is_text(value):
        raise EditError("the value has a character that is no Unicode")
    elif isinstance(value, (int, float)) and not (
        isfinite(value) and (isinstance(value, float) or abs(value) <= MAX_SAFE)
    ):
        raise EditError(f"{value} is no number that JSON has", "integers end at 2^53 - 1; write it as text, in quotes")


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _attempted(text: str) -> tuple[Any, list[Diagnostic]]:
    try:
        return _read(text)
    except EditError:
        return _NOTHING, []


def same(one: Any, other: Any) -> bool:
    """Whether two readings are equal, 1 and 1.0 and true being different."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return type(one) is type(other) and one == other


def _set(text: str, path: KeyPath, value: Any) -> str:
    """By the difference: of a map or list that is there, only the members that change are touched."""
    changes = list(_changes(path, _at(reading(text), path, _NOTHING), value))
    inline = [change for change in changes if change.inline]
    try:
        if inline:  # they keep their lines, so one look at the text serves for all
            sheet = Sheet(text)
            splices = [splice for change in inline for splice in layout.replaced(sheet, change.path, change.value)]
            text = layout.applied(text, splices)
        for change in changes:
            if not change.inline:
                text = (
                    _unset(text, change.path) if change.removes else layout.put(Sheet(text), change.path, change.value)
                )
    except layout.NoPlaceError as error:
        raise EditError(f"{show_path(path)} cannot be set: {error}") from None
    return text


class _Change(NamedTuple):
    """One step from a value to another; `inline`: a scalar that takes the place of a scalar on its line."""

    path: KeyPath
    value: Any
    removes: bool = False
    inline: bool = False


def _changes(path: KeyPath, old: Any, new: Any) -> Iterator[_Change]:
    if same(old, new):
        return
    steps = _steps(old, new)
    if steps is None:
        yield _Change(path, new, inline=all(side is not _NOTHING and _is_inline(side) for side in (old, new)))
        return
    for key, child in steps:
        if child is _NOTHING:
            yield _Change((*path, key), None, removes=True)
        else:
            yield from _changes((*path, key), _at(old, (key,), _NOTHING), child)


def _is_inline(value: Any) -> bool:
    return not isinstance(value, (dict, list)) and not (isinstance(value, str) and "\n" in value)


def _steps(old: Any, new: Any) -> list[tuple[Any, Any]] | None:
    """The members to set, or to remove (_NOTHING), on the way between collections; None where it is written whole."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        return [*new.items(), *((key, _NOTHING) for key in old if key not in new)]
    if isinstance(old, list) and isinstance(new, list) and old and new:
        if len(new) >= len(old) and (len(new) == len(old) or same(old, new[: len(old)])):
            return list(enumerate(new))
        kept = _subsequence(new, old)
        if kept is not None:
            return [(index, _NOTHING) for index in reversed(range(len(old))) if index not in kept]
    return None


def _subsequence(short: list[Any], long: list[Any]) -> set[int] | None:
    """The indexes of a list whose items make the shorter list, in order."""
    found: set[int] = set()
    at = 0
    for item in short:
        while at < len(long) and not same(long[at], item):
            at += 1
        if at == len(long):
            return None
        found.add(at)
        at += 1
    return found


def _unset(text: str, path: KeyPath) -> str:
    sheet = Sheet(text)
    try:
        parent = layout.located(sheet, path[:-1])
        if parent is not None and len(parent.place.entries) == 1:
            return text if len(path) == 0 else layout.emptied(sheet, path[:-1])
        return layout.applied(text, [layout.removal(sheet, path)])
    except layout.NoPlaceError as error:
        raise EditError(f"{show_path(path)} cannot be removed: {error}") from None


def _at(data: Any, path: KeyPath, default: Any = None) -> Any:
    for part in path:
        if part not in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            if default is None:
                raise EditError(f"there is no {show_path(path)} in this file")
            return default
        data = data[part]
    return data


def _with(data: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return deepcopy(value)
    head, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(head, int) and 0 <= head <= len(data):
        inner = data[head] if head < len(data) else None
        return [*data[:head], _with(inner, rest, value), *data[head + 1 :]]
    if data is None or isinstance(data, dict):
        if not isinstance(head, str):
            raise EditError(f"{head} is no index of a list")
        data = data or {}
        return data | {head: _with(data.get(head), rest, value)}
    what = "a list" if isinstance(data, list) else "a single value"
    raise EditError(f"{show_path(path)} is below {what}", "set the whole of it, or unset it first")


def _without(data: Any, path: KeyPath) -> Any:
    _at(data, path)
    if not path:
        raise EditError("the whole document cannot be unset", "remove the file")
    if len(path) > 1:
        return _with(data, path[:-1], _without(_at(data, path[:-1]), path[-1:]))
    if isinstance(data, list):
        return [item for index, item in enumerate(data) if index != path[0]]
    return {key: child for key, child in data.items() if key != path[0]}


def _renamed(data: Any, path: KeyPath, key: Any) -> Any:
    parent = _at(data, path[:-1])
    if not isinstance(parent, dict):
        raise EditError("items of a list have no names")
    return _with(data, path[:-1], {key if name == path[-1] else name: child for name, child in parent.items()})
