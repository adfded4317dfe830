"""Documents with their secrets in place, and secrets by the name of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.variables import variable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitconfigmgr.model.names import KeyPath


def opened(document: Any, values: Mapping[KeyPath, Any]) -> Any:
    """A copy of a document in which each secret of `values` has its value."""
    return _opened(document, (), values)


def _opened(value: Any, path: KeyPath, values: Mapping[KeyPath, Any]) -> Any:
    if path in values:
        return values[path]
    if isinstance(value, dict):
        return {key: _opened(child, (*path, key), values) for key, child in value.items()}
    if isinstance(value, list):
        return [_opened(child, (*path, index), values) for index, child in enumerate(value)]
    return value


def variable_names(paths: Iterable[KeyPath]) -> dict[KeyPath, str]:
    """The variable of each path. Raises UsageError where two have one name."""
    found: dict[str, KeyPath] = {}
    for path in paths:
        name = variable_name(path)
        if name in found:
            both = f"{show_path(found[name])} and {show_path(path)}"
            raise UsageError(f"{both} would both be the variable {name}", "rename one of them")
        found[name] = path
    return {path: name for name, path in found.items()}


def leaves(value: Any, path: KeyPath = ()) -> Iterable[tuple[KeyPath, Any]]:
    """Every scalar of a document, and every secret, with its path; empty maps and lists too."""
    if isinstance(value, dict) and value and not is_secret(value):
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from leaves(child, (*path, index))
    else:
        yield path, value


def is_secret(value: Any) -> bool:
    """Whether a value of a document stands for a secret, or for text that touches one."""
    return isinstance(value, dict) and len(value) == 1 and ("$secret" in value or "$segments" in value)
