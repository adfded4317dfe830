"""The metadata block as flat names, for the formats that have no nesting: `age__list_0__map_enc`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitconfigmgr.secrets.errors import FormatError

_PART = re.compile(r"__(map_|list_)")
_BOUND = 100_000


def flattened(data: Any, name: str = "") -> dict[str, str]:
    """Plain data as flat names and texts, newlines as `\\n`."""
    if isinstance(data, Mapping):
        flat: dict[str, str] = {}
        for key, item in data.items():
            flat |= flattened(item, f"{name}__map_{key}" if name else key)
        return flat
    if isinstance(data, list | tuple):
        flat = {}
        for index, item in enumerate(data):
            flat |= flattened(item, f"{name}__list_{index}")
        return flat
    text = ("true" if data else "false") if isinstance(data, bool) else str(data)
    return {name: text.replace("\n", "\\n")}


def unflattened(flat: Mapping[str, str]) -> dict[str, Any]:
    """The data of flat names."""
    root: dict[str, Any] = {}
    for name, text in flat.items():
        pieces = _PART.split(name)
        at: Any = root
        steps: list[str | int] = [pieces[0]]
        for kind, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            steps.append(_index(piece) if kind == "list_" else piece)
        for step in steps[:-1]:
            at = _entered(at, step)
        at[steps[-1]] = text.replace("\\n", "\n")
    listed = _lists(root)
    assert isinstance(listed, dict)
    return listed


def _index(text: str) -> int:
    if not text.isdigit() or int(text) > _BOUND:
        raise FormatError("a list in the sops block has a wrong index", "restore the file from Git")
    return int(text)


def _entered(at: Any, step: str | int) -> Any:
    inner = at.setdefault(step, {})
    if not isinstance(inner, dict):
        raise FormatError("a name in the sops block is both text and a group", "restore the file from Git")
    return inner


def _lists(data: Any) -> Any:
    """Maps whose keys are indexes become lists."""
    if not isinstance(data, dict):
        return data
    if data and all(isinstance(key, int) for key in data):
        return [_lists(data[key]) for key in sorted(data)]
    return {key: _lists(item) for key, item in data.items()}
