"""`set` and `unset`: one value in the file of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.app.change import Change
from gitconfigmgr.app.secrets.targets import layer_file
from gitconfigmgr.check.hygiene.marked import is_plaintext
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.imports import literal_key
from gitconfigmgr.model.names import (
    SEGMENT,
    KeyPath,
    PathSyntaxError,
    closest,
    item_index,
    names_item,
    parse_items,
    show_path,
)
from gitconfigmgr.source.edits import EditError, is_encrypted, reading, set_value, unset
from gitconfigmgr.source.layout import ROOT
from gitconfigmgr.source.scalars import Refused, read_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.pipeline import Repository

_WRAPPERS = ("$value", "$replace")  # directives that hold the value of the key they stand at


def typed_value(text: str, how: str = "yaml") -> Any:
    """A value as a person gives it: `yaml`, `json`, or `text` as it is. Raises UsageError."""
    if how == "text":
        return text
    if how == "json":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UsageError(f"the value is no JSON: {error}") from None
    if text and "\n" not in text.rstrip("\n") and text.strip()[:1] not in {*"'\"[{|>&*!"}:
        value = read_plain(text.strip())
        if isinstance(value, Refused):
            raise UsageError(f"{text.strip()} is {value.reason}", "add --text if it is text, or write the number out")
        return value
    inner = "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
    try:
        found = reading(f"value:\n{inner}")
    except EditError as error:
        raise UsageError(f"the value is no YAML: {error}", "add --text if it is text as it stands") from None
    if found.keys() != {"value"}:
        raise UsageError("the value is no single YAML value", "add --text if it is text as it stands")
    return found["value"]


def set_key(
    repository: Repository, namespace: str, environment: str, key: str, value: Any, *, create: bool = False,
    hint: str = "add --create to make it",
) -> Change:  # fmt: skip
    """The change that gives a key a value in one layer. Raises UsageError, EditError."""
    parts = _parts(key)
    namespace = namespace.strip("/")
    if not create:
        known_namespace(repository, namespace, hint)
    elif not all(map(SEGMENT.match, namespace.split("/"))):
        raise UsageError(f"{namespace!r} is no name for a namespace", "use lower-case letters, digits, dot, dash, _")
    path = layer_file(repository, namespace, environment) if not create else f"configs/{namespace}/{environment}.yaml"
    _not_secret(repository, namespace, parts, value, f"gitconfigmgr secret set {namespace} {key} -e {environment}")
    data = content(repository, path)
    not_encrypted(data, path, f"gitconfigmgr secret set {path} {key}")
    inside = not _is_directive(value)
    after = edited(
        data, path, lambda text: set_value(text, place_of(text, _numbered(text, parts), inside=inside), value)
    )
    shown = _short(value)
    if after == data:
        return Change({}, f"{key} is {shown} in {path} already", parts, path)
    return Change({path: after}, f"{key} = {shown} in {path}", parts, path)


def unset_key(repository: Repository, namespace: str, environment: str, key: str) -> Change:
    """The change that removes a key from one layer, and maps that this leaves empty. Raises UsageError, EditError."""
    parts = _parts(key)
    namespace = namespace.strip("/")
    known_namespace(repository, namespace)
    path = layer_file(repository, namespace, environment)
    data = content(repository, path)
    if data is None:
        raise UsageError(f"there is no {path}", f"see `gitconfigmgr layers {namespace} -e ENV`")
    not_encrypted(data, path, f"gitconfigmgr secret unset {path} {key}")

    def gone(text: str) -> str:
        there = _numbered(text, parts)
        if not sets(text, there):
            hint = f"`gitconfigmgr explain {namespace} {key} -e ENV` tells where it is set; -e names the layer"
            raise UsageError(f"{path} does not set {key}", hint)
        return unset(text, highest_empty(text, place_of(text, there, inside=False)))

    after = edited(data, path, gone)
    alone = len(repository.layout.documents.get(namespace, {})) == 1
    kept = after if after.strip() or alone else None
    return Change(
        {path: kept}, f"{key} is gone from {path}{'' if kept is not None else ', and the file with it'}", parts, path
    )


def known_namespace(repository: Repository, namespace: str, hint: str = f"see the folders below {ROOT}/") -> None:
    """Raises UsageError, with the nearest name or else `hint`, for a namespace that has no documents at or below it."""
    known = set(repository.layout.documents)
    if not any(name == namespace or name.startswith(f"{namespace}/") for name in known):
        near = closest(namespace, sorted(known))
        raise UsageError(f"there is no namespace {namespace}", f"did you mean {near}?" if near else hint)


def content(repository: Repository, path: str) -> bytes | None:
    """The bytes of a file that may be edited; None where there is none. Raises UsageError for links and the like."""
    if path in repository.tree.oddities(path.rpartition("/")[0]):
        raise UsageError(f"{path} is no regular file", "name the file that it leads to")
    return repository.tree.read(path)


def text_of(data: bytes | None, path: str) -> str:
    """The text of a file as the reader sees it. Raises UsageError where it is not UTF-8 or its line ends are mixed."""
    try:
        text = (data or b"").decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", "save it as UTF-8") from None
    if "\r" in text and text.count("\r") != text.count("\n"):
        raise UsageError(f"{path} has line ends of two kinds", "run `gitconfigmgr fix`")
    return text.replace("\r\n", "\n")


def edited(data: bytes | None, path: str, change: Callable[[str], str]) -> bytes:
    """The bytes after a change of the text; a byte order mark and CRLF line ends stay. Raises EditError with the file."""
    text = text_of(data, path)
    try:
        after = change(text)
    except EditError as error:
        raise EditError(f"{path}: {error}", error.hint) from None
    if b"\r\n" in (data or b""):
        after = after.replace("\n", "\r\n")
    mark = b"\xef\xbb\xbf" if (data or b"").startswith(b"\xef\xbb\xbf") else b""
    return mark + after.encode()


def _parts(key: str) -> tuple[str, ...]:
    try:
        return parse_items(key)
    except PathSyntaxError:
        hint = 'write a.b.c; a key with dots in quotes: a."b.c"; an item of a list as a[name=b] or a.2'
        raise UsageError(f"{key!r} is no path of keys", hint) from None


def _numbered(text: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """The path with the indexes that items of lists have in this file. Raises EditError where they are not there."""
    found: list[str] = []
    for part in parts:
        if not names_item(part):
            found.append(part)
            continue
        data: Any = reading(text) if text.strip() else {}
        for step in place_of(text, tuple(found)):
            data = data.get(step) if isinstance(data, dict) else data[step] if isinstance(step, int) else None
        index = item_index(part, data) if isinstance(data, list) else None
        if index is None:
            hint = "name one that it has, or change one of a lower layer by {$by: name, $items: [...]}"
            raise EditError(f"{show_path(tuple(found))} has no item {part} in this file", hint)
        found.append(str(index))
    return tuple(found)


def place_of(text: str, parts: tuple[str, ...], *, inside: bool = True) -> KeyPath:
    """Where an effective path stands in a file: through `$value` and `$replace`, and by index in lists."""
    data: Any = reading(text) if text.strip() else {}
    found: list[str | int] = []
    for part in parts:
        data = _unwrapped(data, found)
        if isinstance(data, list) and part.isdecimal():
            found.append(int(part))
            data = data[int(part)] if int(part) < len(data) else None
        else:
            found.append(literal_key(part))
            data = data.get(found[-1]) if isinstance(data, dict) else None
    if inside:
        _unwrapped(data, found)
    return tuple(found)


def _unwrapped(data: Any, path: list[str | int]) -> Any:
    while isinstance(data, dict) and (name := next((name for name in _WRAPPERS if name in data), None)):
        path.append(name)
        data = data[name]
    return data


def _is_directive(value: Any) -> bool:
    return isinstance(value, dict) and any(key.startswith("$") and not key.startswith("$$") for key in value)


def sets(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a file has something at an effective path."""
    data = reading(text)
    for part in place_of(text, parts, inside=False):
        if part not in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            return False
        data = data[part]
    return True


def highest_empty(text: str, path: KeyPath) -> KeyPath:
    """The path, or the highest map above it that holds nothing else."""
    data = reading(text)
    holders = [data]
    for part in path[:-1]:
        holders.append(holders[-1][part])
    while len(path) > 1 and isinstance(holders[len(path) - 1], dict) and len(holders[len(path) - 1]) == 1:
        above = path[:-1]
        if isinstance(above[-1], int) or str(above[-1]) in _WRAPPERS:
            break
        path = above
    return path


def not_encrypted(data: bytes | None, path: str, instead: str) -> None:
    """Raises UsageError for a SOPS file: only those who hold the key can change what its code covers."""
    if data and b"sops" in data and is_encrypted(text_of(data, path)):
        raise UsageError(f"{path} is encrypted, and its code covers every value", f"use `{instead}`")


def _not_secret(repository: Repository, namespace: str, parts: tuple[str, ...], value: Any, instead: str) -> None:
    """Refuse what a schema marks as secret, or is a token of an encrypted file."""
    marks = repository.schemas.view(namespace).marks
    found = [
        (at, leaf) for at, leaf in _leaves(value, parts) if isinstance(leaf, str) and leaf.startswith("ENC[AES256")
    ]
    if found:
        raise UsageError(f"{show_path(parts)} is a value of an encrypted file", f"use `{instead}`")
    for at, leaf in _leaves(value, parts):
        kind = next((kind for n in range(1, len(at) + 1) if marks and (kind := marks.kind(at[:n]))), None)
        if kind is not None and is_plaintext(leaf):
            raise UsageError(
                f"{show_path(at)} is a secret of kind {kind}", f"use `{instead}`, which reads it from a prompt"
            )


def _leaves(value: Any, at: KeyPath) -> list[tuple[KeyPath, Any]]:
    """The scalars of a value as its layer writes it, by their effective paths."""
    if isinstance(value, dict):
        inner = [
            (at if name.startswith("$") and not name.startswith("$$") else (*at, name), child)
            for name, child in value.items()
        ]
        return [found for path, child in inner for found in _leaves(child, path)]
    if isinstance(value, list):
        return [found for index, child in enumerate(value) for found in _leaves(child, (*at, index))]
    return [(at, value)]


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
