"""Since which version every value of a document is as it is. A fold over the documents, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.history.documents import same
from gitconfigmgr.history.lists import align, identifying, no_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.history.lists import Identity
    from gitconfigmgr.model.names import KeyPath


def attribute(old: Any, known: Any, new: Any, number: int, identity: Identity = no_identity, path: KeyPath = ()) -> Any:
    """The numbers of a new document's values, in its shape: a map, a list, or a number for what is neither.

    `known` are those of the old one. What is the same keeps its number; list items are matched as in diffs.
    """
    if type(new) is dict and new:
        before = old if type(old) is dict else {}
        return {
            key: attribute(before[key], known[key], value, number, identity, (*path, key))
            if key in before
            else _all(value, number)
            for key, value in new.items()
        }
    if type(new) is list and new and type(old) is list:
        pairs = {j: i for i, j in align(old, new, identifying(old, new, identity(path))) if i is not None}
        return [
            attribute(old[pairs[j]], known[pairs[j]], value, number, identity, (*path, j))
            if j in pairs
            else _all(value, number)
            for j, value in enumerate(new)
        ]
    return known if same(old, new) else _all(new, number)


def _all(value: Any, number: int) -> Any:
    if type(value) is dict and value:
        return {key: _all(child, number) for key, child in value.items()}
    if type(value) is list and value:
        return [_all(child, number) for child in value]
    return number


def leaves(value: Any, known: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, int]]:
    """Each scalar, secret or empty container with its path and its number."""
    if type(known) is int:
        yield at, value, known
        return
    for key, child in value.items() if isinstance(known, dict) else enumerate(value):
        yield from leaves(child, known[key], (*at, key))
