"""Reading an encrypted file: what is in it without a key, and with one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.secrets import mac
from gitconfigmgr.secrets.errors import FormatError, NotEncryptedError, TamperedError, shown_path
from gitconfigmgr.secrets.metadata import Metadata, metadata_from
from gitconfigmgr.secrets.selection import places
from gitconfigmgr.secrets.stores.base import decoded
from gitconfigmgr.secrets.stores.registry import store_for
from gitconfigmgr.secrets.tokens import associated, looks_encrypted
from gitconfigmgr.secrets.tree import Alias, Branch, Comment, Edit, File, Leaf, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.scalars import Scalar
    from gitconfigmgr.secrets.stores.base import Store
    from gitconfigmgr.secrets.tokens import DataKey


@dataclass(frozen=True)
class SecretFile:
    """An encrypted file as read, nothing decrypted."""

    store: Store
    file: File = field(repr=False)
    metadata: Metadata
    places: list[Place] = field(repr=False)


class Opened(NamedTuple):
    """A place with its plaintext. `kind` is the type tag, empty where the place was not encrypted."""

    place: Place
    value: Scalar
    kind: str
    aad: bytes = b""

    def __repr__(self) -> str:
        return f"<value at {shown_path(self.place.path)}>"


@lru_cache(maxsize=4)  # one command asks several times; nothing changes a tree once it is read
def read(data: bytes, format_: str) -> SecretFile:
    """An encrypted file. Raises NotEncryptedError, FormatError."""
    store = store_for(format_)
    file = store.read(decoded(data))
    if file.metadata is None:
        raise NotEncryptedError("the file has no sops block", "encrypt it first")
    metadata = metadata_from(file.metadata)
    found = [place for document in file.documents for place in places(document.root, metadata.selection)]
    return SecretFile(store, file, metadata, found)


def open_all(secrets: SecretFile, key: DataKey, *, verify: bool = True) -> list[Opened]:
    """All places decrypted. Raises TamperedError where a token or the code of the file does not fit."""
    opened = [_opened(secrets, place, key) for place in secrets.places]
    if verify:
        _verify(secrets, opened, key)
    return opened


def _opened(secrets: SecretFile, place: Place, key: DataKey) -> Opened:
    node = place.node
    if type(node) is Comment:
        return _comment(place, node, key)
    assert type(node) is Leaf
    value = node.value
    if not place.selected or value is None or value == "":
        return Opened(place, value, "")
    aad = associated(place.keys)
    if not looks_encrypted(value):
        raise _at(secrets, place, "is in plaintext, though the rule of the file encrypts it")
    try:
        plain, kind = key.open(str(value), aad)
    except TamperedError as error:
        raise _at(secrets, place, f"cannot be opened: {error}") from None
    if kind == "comment":
        raise _at(secrets, place, "is a comment where a value has to be")
    return Opened(place, plain, kind, aad)


def _at(secrets: SecretFile, place: Place, what: str) -> TamperedError:
    line = secrets.file.line(place.node.start)
    return TamperedError(f"{shown_path(place.path)} {what}", "restore the file from Git", line)


def _comment(place: Place, node: Comment, key: DataKey) -> Opened:
    """Comments are not authenticated: one that nothing opens stays as it is, as in SOPS."""
    if looks_encrypted(node.text):
        for length in range(len(place.keys), -1, -1):  # formatters move comments; the container may be one further out
            aad = associated(place.keys[:length])
            try:
                text, kind = key.open(node.text.rstrip(), aad)
            except TamperedError:
                continue
            if kind == "comment":
                return Opened(place, text, kind, aad)
    return Opened(place, node.text, "")


def _verify(secrets: SecretFile, opened: list[Opened], key: DataKey) -> None:
    metadata = secrets.metadata
    only = metadata.selection.mac_only_encrypted
    leaves = [item for item in opened if type(item.place.node) is Leaf]
    expected = mac.digest(((item.value, item.place.selected) for item in leaves), only_encrypted=only)
    try:
        mac.check(expected, metadata.mac, metadata.lastmodified, key)
    except TamperedError:
        if secrets.store.name not in ("json", "binary"):
            raise
        # before 3.13.2 SOPS read every JSON number as a float, and signed what was left of it
        values = [(float(item.value) if type(item.value) is int else item.value, item) for item in leaves]
        rounded = mac.digest(((value, item.place.selected) for value, item in values), only_encrypted=only)
        mac.check(rounded, metadata.mac, metadata.lastmodified, key)


def verify(data: bytes, format_: str, key: DataKey) -> None:
    """Raises unless every token and the code fit."""
    open_all(read(data, format_), key)


def decrypt(data: bytes, format_: str, key: DataKey) -> bytes:
    """The plaintext file, its layout kept. Raises TamperedError."""
    secrets = read(data, format_)
    opened = open_all(secrets, key)
    if format_ == "binary":
        return str(opened[0].value).encode("utf-8", "surrogateescape")
    return secrets.store.without_metadata(secrets.file, _plain_edits(secrets, opened)).encode()


def _plain_edits(secrets: SecretFile, opened: Iterable[Opened]) -> list[Edit]:
    edits = []
    for item in opened:
        node = item.place.node
        if not item.kind or item.place.alias:
            continue
        if type(node) is Leaf:
            edits.append(secrets.store.value(secrets.file, node, item.value))
        elif type(node) is Comment:
            edits.append(secrets.store.comment(secrets.file, node, str(item.value), element=False))
    return edits


def plain_data(data: bytes, format_: str, key: DataKey) -> list[Any]:
    """The decrypted values of each document as plain data."""
    secrets = read(data, format_)
    values = {id(item.place.node): item.value for item in open_all(secrets, key)}
    return [_data(document.root, values) for document in secrets.file.documents]


def _data(node: Leaf | Branch | Alias, values: dict[int, Scalar]) -> Any:
    if isinstance(node, Alias):
        return _data(node.node, values)
    if isinstance(node, Leaf):
        return values[id(node)]
    if node.is_map:
        return {entry.key: _data(entry.node, values) for entry in node.items()}
    return [_data(entry.node, values) for entry in node.items()]


def get_value(data: bytes, format_: str, key: DataKey, path: tuple[str | int, ...]) -> Any:
    """One decrypted value, or a subtree, of the first document. Raises FormatError where there is none."""
    at = plain_data(data, format_, key)[0]
    for part in path:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            raise FormatError(f"{shown_path(path)} is not in the file", "see `secret list` for what is") from None
    return at


def exec_environment(data: bytes, format_: str, key: DataKey) -> dict[str, str]:
    """The file as environment variables. Raises FormatError where it is not flat."""
    found: dict[str, str] = {}
    for name, value in plain_data(data, format_, key)[0].items():
        if isinstance(value, dict | list):
            raise FormatError(f"{name} is a {'map' if isinstance(value, dict) else 'list'}, and the environment holds text",
                              "name the keys to pass")  # fmt: skip
        if "\x00" in str(value) or "=" in name:
            raise FormatError(f"{name} cannot be an environment variable", "rename the key, or drop it")
        found[name] = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return found


def located(data: bytes, format_: str, parts: tuple[str, ...]) -> KeyPath:
    """A path as typed, with its list indexes as numbers where the first document has a list."""
    at: Leaf | Branch | Alias | None = read(data, format_).file.documents[0].root
    path: list[str | int] = []
    for part in parts:
        at = at.node if isinstance(at, Alias) else at
        in_list = isinstance(at, Branch) and not at.is_map and part.isdecimal() and len(part) < 10
        path.append(int(part) if in_list else part)
        entry = at.find(path[-1]) if isinstance(at, Branch) else None
        at = entry.node if entry else None
    return tuple(path)
