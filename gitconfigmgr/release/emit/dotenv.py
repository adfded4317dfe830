"""A document as a file of variables that python-dotenv and `sh` read alike: `api.key` is API_KEY."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.variables import LOADERS, variable_name
from gitconfigmgr.release.emit.opened import is_secret, leaves
from gitconfigmgr.release.emit.taking import Emitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath

# python-dotenv puts variables in wherever it reads `${`, in single quotes too; only a default value can stand for a
# dollar sign there and in sh
_DOLLAR = "${_NO_SUCH_VARIABLE:-$}"


def emit_dotenv(document: Any, values: Mapping[KeyPath, Any] | None) -> Emitted:
    """One file, `.env`. Secrets are in it where their values are given."""
    found: dict[str, list[tuple[KeyPath, Any]]] = {}
    losses: list[tuple[str, str]] = []
    private = False
    for path, leaf in leaves(document):
        value = leaf
        if is_secret(leaf):
            if values is None:
                losses.append((show_path(path), "a secret: left out, as the option secrets is not open"))
                continue
            private, value = True, values[path]
        found.setdefault(variable_name(path), []).append((path, value))
    lines = []
    for name, places in sorted(found.items()):
        problem, line = _line(name, places)
        lines += [line] if line else []
        losses += [(show_path(path), problem) for path, _ in places if problem]
    text = "".join(f"{line}\n" for line in lines)
    return Emitted({".env": text.encode()}, sorted(losses), frozenset({".env"} if private else ()))


def _line(name: str, places: list[tuple[KeyPath, Any]]) -> tuple[str, str]:
    """What is wrong with a variable, or its line."""
    if len(places) > 1:
        return f"left out: {len(places)} keys would be the variable {name}", ""
    if LOADERS.fullmatch(name):
        return f"left out: {name} would change which code a program loads", ""
    value = places[0][1]
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    written = quoted(text)
    if written is None:
        return "left out: no quoting of this text is read alike by sh and by python-dotenv", ""
    return "", f"{name}={written}"


def quoted(text: str) -> str | None:
    """Text in quotes that both read; None where there are none."""
    if "\x00" in text or "\r" in text:
        return None
    if "'" not in text and "\\\\" not in text and "${" not in text and not text.endswith("\\"):
        return f"'{text}'"
    if "`" in text or text.endswith("\\"):
        return None
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", _DOLLAR)
    return f'"{escaped}"'
