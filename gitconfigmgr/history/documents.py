"""Effective documents as plain values that outlive their nodes: what versions are made of, and compared by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.model.names import item_index
from gitconfigmgr.model.values import SEALED, Node, Sealed, Segments, plain, sealed_shape

if TYPE_CHECKING:
    from gitconfigmgr.model.names import KeyPath


class Secret(dict[str, Any]):
    """A secret in a document: `{"$secret": ...}` to everybody; `token` is its ciphertext, so that a new one shows."""

    __slots__ = ("token",)

    def __init__(self, shape: dict[str, Any], token: str) -> None:
        super().__init__(shape)
        self.token = token

    def __repr__(self) -> str:
        return "<secret>"


def snapshot(node: Node) -> Any:
    """The plain value of a resolved node, with a `Secret` for every secret. Shared: callers must not change it."""
    if not node.flags & SEALED:
        return plain(node)
    value = node.value
    if isinstance(value, dict):
        return {key: snapshot(child) for key, child in value.items()}
    if isinstance(value, list):
        return [snapshot(child) for child in value]
    if isinstance(value, Sealed):
        return Secret(sealed_shape(value), value.token)
    if isinstance(value, Segments):
        return Secret(sealed_shape(value), " ".join(part.token for part in value.parts if isinstance(part, Sealed)))
    return plain(node)


def ordered(value: Any) -> Any:
    """The value with the keys of all maps in order: what is recorded does not tell which layer came first."""
    if type(value) is dict:
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(child) for child in value] if type(value) is list else value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON texts: true is not 1, and 1 is not 1.0. Secrets go by their ciphertext."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is dict:
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if kind is list:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is Secret:
        return bool(one.token == other.token and one == other)
    return bool(one == other) and (kind is not float or repr(one) == repr(other))  # -0.0 is another text


def secrets_in(value: Any, at: KeyPath = ()) -> list[tuple[KeyPath, str]]:
    """Where the secrets of a document are, and their ciphertexts."""
    if type(value) is Secret:
        return [(at, value.token)]
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    return [found for key, child in members for found in secrets_in(child, (*at, key))]


def with_secrets(value: Any, tokens: list[tuple[KeyPath, str]]) -> Any:
    """The inverse of `secrets_in`, on a document that was read back from JSON; it is changed."""
    for path, token in tokens:
        if not path:
            return Secret(value, token)
        holder = at_path(value, path[:-1])
        holder[path[-1]] = Secret(holder[path[-1]], token)
    return value


def at_path(value: Any, path: KeyPath) -> Any:
    """The value at a path that is there."""
    for part in path:
        value = value[part]
    return value


def member(value: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Whether there is a value at a path as people write it (items as `2` or `[name=b]`), and the value."""
    for part in path:
        if type(value) is dict and part in value:
            value = value[part]
        elif type(value) is list and (index := item_index(part, value)) is not None:
            value = value[index]
        else:
            return False, None
    return True, value


def numbered(value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """A path to a member with items of lists by their index."""
    found: list[str] = []
    for part in path:
        index = item_index(part, value) if type(value) is list else None
        found.append(part if index is None else str(index))
        value = member(value, (part,))[1]
    return tuple(found)


def node_at(root: Node | None, path: KeyPath) -> Node | None:
    """The node of a resolved document at a path; None where there is none."""
    node = root
    for part in path:
        value = node.value if node is not None else None
        if isinstance(value, dict) and isinstance(part, str):
            node = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = value[part]
        else:
            return None
    return node


def digest(document: Any) -> str:
    """Equal for documents that are `same`; 32 hex digits."""
    head = _json([document, sorted((list(map(str, path)), token) for path, token in secrets_in(document))])
    return hashlib.sha256(head).hexdigest()[:32]


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits
        import json

        return json.dumps(value, sort_keys=True).encode()
