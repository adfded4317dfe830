"""The smallest changes of a YAML text: one value set, removed or renamed, every other line as it was, to the byte.

Paths are keys as they stand in the file (`$append` and `$$literal` too) and indexes of lists. Each result is read
again: it must be the old document with that one change, without a finding that was not there before; else EditError.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import KeyPath, show_path
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import Expression, Node, Sealed
from gitconfigmgr.source import edit_layout as layout
from gitconfigmgr.source.edit_places import Sheet
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.source.edit_layout import Splice

_LIMITS = Limits(file_bytes=64 * 1024 * 1024)
_NOTHING: Any = object()


class EditError(UsageError):
    """The text cannot be edited so that it means what was asked, and nothing else."""

    exit_status = 1


def set_value(text: str, path: KeyPath, value: Any) -> str:
    """The text with a value (plain data) at a path; maps above it are made where they are missing."""
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
    if new[: len(path)] == path or _at(old, new, _NOTHING) is not _NOTHING:
        raise EditError(f"{show_path(new)} is {'there already' if new[: len(path)] != path else 'inside itself'}")
    if path[:-1] == new[:-1]:
        return _proven(text, layout.renamed(_sheet(text), path, str(new[-1])), _renamed(old, path, new[-1]))
    moved = layout.moved_lines(_sheet(text), path, new)
    if moved is None:
        moved = _set(_unset(text, path), new, _plain(value))
    return _proven(text, moved, _with(_without(old, path), new, value))


def removals(text: str, paths: Iterable[KeyPath]) -> list[Splice]:
    """The splices that remove each of these keys, where that can be done alone; not proven."""
    sheet = _sheet(text)
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


def _read(text: str) -> tuple[Any, list[Diagnostic]]:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise EditError("the text has a character that is no Unicode") from None
    document, findings = read_document("", "", "base", "", data, _LIMITS)
    if document.root is None:
        first = findings[0]
        place = f"line {first.position.line}: " if first.position else ""
        raise EditError(f"the file cannot be read: {place}{first.message}", "correct it first; see `gitconfigmgr check`")
    root = _data(document.root)
    return root if document.sops is None else root | {"sops": _data(document.sops)}, findings


def _data(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: _data(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_data(child) for child in value]
    return _Special(value.text) if isinstance(value, Expression) else _Special(value.token) if isinstance(value, Sealed) else value  # fmt: skip


class _Special(str):
    """Text that the compiler reads as a reference or as an encrypted value."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    return value


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


def _sheet(text: str) -> Sheet:
    return Sheet(text)


def _set(text: str, path: KeyPath, value: Any) -> str:
    """By the difference: of a map or list that is there, only the members that change are touched."""
    present = _at(reading(text), path, _NOTHING)
    if same(present, value):
        return text
    steps = _steps(present, value)
    if steps is None:
        try:
            return layout.put(Sheet(text), path, value)
        except layout.NoPlaceError as error:
            raise EditError(f"{show_path(path)} cannot be set: {error}") from None
    for kind, key, child in steps:
        text = _unset(text, (*path, key)) if kind == "unset" else _set(text, (*path, key), child)
    return text


def _steps(old: Any, new: Any) -> list[tuple[str, Any, Any]] | None:
    """The changes of members that lead from one collection to the other; None where it is written as a whole."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        gone = [("unset", key, None) for key in old if key not in new]
        return [*(("set", key, child) for key, child in new.items()), *gone]
    if isinstance(old, list) and isinstance(new, list) and old and new:
        if len(new) >= len(old) and (len(new) == len(old) or same(old, new[: len(old)])):
            return [("set", index, child) for index, child in enumerate(new)]
        kept = _subsequence(new, old)
        if kept is not None:
            return [("unset", index, None) for index in reversed(range(len(old))) if index not in kept]
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
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        elif default is None:
            raise EditError(f"there is no {show_path(path)} in this file")
        else:
            return default
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
