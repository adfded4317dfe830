"""Single values of encrypted files: set, unset, get, list."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.app.secrets.bench import about, data_key, kind_of_file
from gitconfigmgr.app.secrets.files import encrypt_bytes, is_encrypted
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import PathSyntaxError, closest, parse_path, show_path
from gitconfigmgr.secrets import opening, sealing
from gitconfigmgr.secrets.errors import NotEncryptedError, RefusedError
from gitconfigmgr.secrets.scalars import typed_like
from gitconfigmgr.secrets.tokens import looks_encrypted, parse
from gitconfigmgr.secrets.tree import Leaf

if TYPE_CHECKING:
    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.model.names import KeyPath

TYPES = ("str", "int", "float", "bool")
_PLAIN_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null|nan|inf)$)[a-zA-Z_][\w-]*", re.ASCII | re.IGNORECASE)
_PLAIN = {bool: "bool", int: "int", float: "float", type(None): "null"}


class Listed(NamedTuple):
    """One value, as far as no key is needed. `selected`: the rule of the file encrypts it."""

    key: str
    type: str
    encrypted: bool
    selected: bool


def set_value(bench: Bench, path: str, key: str, text: str, type_: str | None = None, *, plain: bool = False) -> bool:
    """Put a typed text at a key of a file; whether the file changed. Without `type_` it takes the type it had.

    A file that is not there is made, by its creation rule. Raises FileError, UsageError.
    """
    parts = parsed(key)
    before = bench.read(path)
    format_ = kind_of_file(path)
    if before is None:
        after = _first_value(bench, path, parts, _typed(text, type_ or "str"))
    else:
        with about(path):
            secret = data_key(bench, before, format_)
            at = opening.located(before, format_, parts)
            value = _typed(text, type_ or _type_at(before, format_, at))
            after = sealing.set_value(before, format_, secret, at, value, bench.now(), plain=plain)
    if after != before:
        bench.write(path, after)
    return after != before


def _first_value(bench: Bench, path: str, parts: tuple[str, ...], value: Any) -> bytes:
    """A new file with one value, encrypted by its creation rule. Raises FileError where the rule leaves it readable."""
    format_ = kind_of_file(path)
    if format_ == "json":
        nested = value
        for part in reversed(parts):
            nested = {part: nested}
        text = json.dumps(nested, indent="\t", ensure_ascii=False)
    elif format_ == "yaml":
        lines = [f"{'    ' * depth}{_yaml_key(part)}:" for depth, part in enumerate(parts)]
        text = "\n".join(lines) + f" {json.dumps(value, ensure_ascii=False)}"
    else:
        raise UsageError(f"there is no file {path}", "write it first, and encrypt it by `gitconfigmgr secret encrypt`")
    sealed = encrypt_bytes(bench, path, f"{text}\n".encode())
    with about(path):
        if not all(item.selected for item in list_bytes(sealed, format_)):
            selection = opening.read(sealed, format_).metadata.selection
            hint = f"the rule is {selection.kind}: {selection.pattern}"
            raise RefusedError(f"{show_path(parts)} would stay in plaintext", hint)
    return sealed


def _yaml_key(part: str) -> str:
    return part if _PLAIN_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)


def _type_at(data: bytes, format_: str, at: KeyPath) -> str:
    for place in opening.read(data, format_).places:
        if place.path == at and isinstance(place.node, Leaf):
            found = _type_of(place.node)
            return found if found in TYPES else "str"
    return "str"


def _typed(text: str, type_: str) -> Any:
    """A value a person typed. Raises UsageError, which does not show it."""
    if type_ == "str":
        return text
    try:
        return typed_like(text.strip(), type_)
    except Exception:  # noqa: BLE001 - whatever it says may show the value
        hint = "add --type str if it is meant as text"
    raise UsageError(f"what was given is no {type_}", hint)


def unset_value(bench: Bench, path: str, key: str) -> None:
    """Remove a key of an encrypted file. Raises FileError, UsageError."""
    parts = parsed(key)
    before = bench.content(path)
    format_ = kind_of_file(path)
    with about(path):
        secret = data_key(bench, before, format_)
        at = opening.located(before, format_, parts)
        _existing(path, list_bytes(before, format_), at)
        after = sealing.unset_value(before, format_, secret, at, bench.now())
    bench.write(path, after)


def get_value(bench: Bench, path: str, data: bytes, key: str) -> Any:
    """One value in plaintext, or a subtree as plain data; the file is verified."""
    parts = parsed(key)
    format_ = kind_of_file(path)
    with about(path):
        secret = data_key(bench, data, format_)
        at = opening.located(data, format_, parts)
        _existing(path, list_bytes(data, format_), at)
        return opening.get_value(data, format_, secret, at)


def list_values(bench: Bench, path: str, data: bytes | None = None) -> list[Listed]:
    """The keys and types of a file; no key is needed, and no plain value told."""
    data = bench.content(path) if data is None else data
    format_ = kind_of_file(path)
    with about(path):
        if not is_encrypted(data, format_):
            raise NotEncryptedError("the file is not encrypted", f"run `gitconfigmgr secret encrypt {path}`")
        return list_bytes(data, format_)


def list_bytes(data: bytes, format_: str) -> list[Listed]:
    """The keys and types of an encrypted file."""
    return [
        Listed(show_path(place.path), _type_of(place.node), looks_encrypted(place.node.value), place.selected)
        for place in opening.read(data, format_).places
        if isinstance(place.node, Leaf) and not _is_comment(place.node)
    ]


def _type_of(leaf: Leaf) -> str:
    if looks_encrypted(leaf.value):
        token = parse(str(leaf.value))
        return token.type if token else "damaged"
    return _PLAIN.get(type(leaf.value), "str")


def _is_comment(leaf: Leaf) -> bool:
    return _type_of(leaf) == "comment"


def _existing(path: str, listed: list[Listed], at: KeyPath) -> None:
    shown = show_path(at)
    known = [item.key for item in listed]
    if shown not in known and not any(key.startswith(f"{shown}.") for key in known):
        near = closest(shown, known)
        hint = f"did you mean {near}?" if near else f"`gitconfigmgr secret list {path}` shows its keys"
        raise UsageError(f"there is no key {shown}", hint)


def parsed(key: str) -> tuple[str, ...]:
    """A key path as typed. Raises UsageError."""
    try:
        return parse_path(key)
    except PathSyntaxError:
        raise UsageError(f"{key!r} is no path of keys", 'write a.b.c; a key with dots in quotes: a."b.c"') from None
