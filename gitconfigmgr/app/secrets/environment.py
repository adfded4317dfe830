"""Secrets as environment variables of a child process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.secrets.bench import about, data_key, kind_of_file
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.variables import LOADERS, variable_name
from gitconfigmgr.secrets import opening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.model.names import KeyPath

IDENTITIES = ("SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE")


def file_variables(bench: Bench, path: str, *, flatten: bool) -> dict[str, str]:
    """The values of a file as variables. Without `flatten` the file has to be flat and names stay, as in SOPS."""
    data = bench.content(path)
    format_ = kind_of_file(path)
    with about(path):
        key = data_key(bench, data, format_)
        if flatten:
            return variables(leaves(opening.plain_data(data, format_, key)[0]))
        return _harmless(opening.exec_environment(data, format_, key))


def variables(leaves: Iterable[tuple[KeyPath, Any]]) -> dict[str, str]:
    """`api.key` becomes API_KEY. Raises UsageError where two keys have one name."""
    found: dict[str, str] = {}
    origin: dict[str, KeyPath] = {}
    for path, value in leaves:
        name = variable_name(path)
        if name in origin:
            both = f"{show_path(origin[name])} and {show_path(path)}"
            raise UsageError(f"{both} would both be the variable {name}", "rename one of them")
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        if "\x00" in text:
            raise UsageError(f"{show_path(path)} cannot be an environment variable", "it holds a zero byte")
        found[name], origin[name] = text, path
    return _harmless(found)


def child_environment(present: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """What the child gets: the present environment without the key that opens the files, and the secrets."""
    kept = {name: value for name, value in present.items() if name not in IDENTITIES}
    return kept | dict(secrets)


def _harmless(found: dict[str, str]) -> dict[str, str]:
    for name in found:
        if LOADERS.fullmatch(name):
            raise UsageError(f"{name} would change which code the program loads", "rename the key, or drop it")
    return found


def leaves(item: Any, content: Callable[[Any], Any] = lambda item: item) -> Iterator[tuple[KeyPath, Any]]:
    """The paths and items of a tree that hold no map and no list; `content` is what an item holds."""
    yield from _leaves(item, content, ())


def _leaves(item: Any, content: Callable[[Any], Any], path: tuple[str | int, ...]) -> Iterator[tuple[KeyPath, Any]]:
    value = content(item)
    if isinstance(value, (dict, list)):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(child, content, (*path, key))
    else:
        yield path, item
