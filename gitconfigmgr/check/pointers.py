"""JSON pointers in fragments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gitconfigmgr.check.locations import OutsideError, resolve

if TYPE_CHECKING:
    from gitconfigmgr.check.subschemas import Pointer, Schema


def follow(root: Schema, fragment: str, base: str) -> tuple[Any, str, Pointer]:
    """What a pointer leads to (None where to nothing), the base of references there, and the pointer in parts."""
    value: Any = root
    pointer: list[str | int] = []
    for text in fragment.split("/")[1:]:
        part: str | int = unquote(text).replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            if not (isinstance(part, str) and part.isascii() and part.isdigit() and int(part[:9]) < len(value)):
                return None, base, ()
            part = int(part)
        elif not isinstance(value, dict) or part not in value:
            return None, base, ()
        pointer.append(part)
        value = value[part]
        base = _base_inside(value, base)
    return value, base, tuple(pointer)


def _base_inside(value: Any, base: str) -> str:
    if isinstance(value, dict) and isinstance(value.get("$id"), str):
        try:
            return resolve(value["$id"], base)[0]
        except OutsideError:  # reported where the schema was read
            return base
    return base
