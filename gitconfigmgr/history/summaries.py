"""One line about a version, as a person would write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.history.documents import Secret
from gitconfigmgr.model.names import many
from gitconfigmgr.model.values import scalar_text

if TYPE_CHECKING:
    from gitconfigmgr.history.changes import Change

_WIDEST = 24


def summary(kind: str, changes: list[Change], document: Any, equal_to: int | None, *, mended: bool) -> str:
    """`api.timeout 30 -> 60, and 2 more changes in llm`."""
    if kind == "create":
        return f"first version, {many(_values(document), 'value')}"
    if kind == "delete":
        return "no longer compiled"
    text = _changes(changes)
    if kind == "restore":
        again = f"as version {equal_to}" if equal_to else many(_values(document), "value")
        return f"there again, {again}"
    if kind == "rollback":
        return f"back to version {equal_to}: {text}"
    if mended:
        return f"compiles again: {text}" if changes else "compiles again, unchanged"
    return f"{text} (as version {equal_to} again)" if equal_to else text


def _changes(changes: list[Change]) -> str:
    if not changes:
        return "no change"
    first, rest = changes[0], changes[1:]
    if not rest:
        return _one(first)
    if len(rest) == 1:
        return f"{_one(first)}, {_one(rest[0])}"
    places = sorted({change.key.split(".")[0].split("[")[0] for change in rest})
    where = f" in {', '.join(places[:3])}{' ...' if len(places) > 3 else ''}"
    return f"{_one(first)}, and {len(rest)} more changes{where}"


def _one(change: Change) -> str:
    if change.op == "move":
        return f"{change.key} in another order"
    if change.secret:
        return f"{change.key} encrypted anew"
    if change.op == "remove":
        return f"{change.key} removed"
    if change.op == "add":
        value = _short(change.to_value)
        return f"{change.key} = {value}" if value else f"{change.key} added"
    old, new = _short(change.from_value), _short(change.to_value)
    return f"{change.key} {old} -> {new}" if old and new else f"{change.key} changed"


def _short(value: Any) -> str:
    """A scalar that is short enough to be told; else nothing."""
    if type(value) is Secret:
        return "<secret>"
    if isinstance(value, (dict, list)):
        text = orjson.dumps(value).decode() if not value else ""
    elif isinstance(value, str):
        text = value if value and value.isprintable() and value == value.strip() else orjson.dumps(value).decode()
    else:
        text = scalar_text(value)
    return text if len(text) <= _WIDEST and text.isprintable() else ""


def _values(value: Any) -> int:
    if type(value) is dict:
        return sum(map(_values, value.values()))
    if type(value) is list:
        return sum(map(_values, value))
    return 1
