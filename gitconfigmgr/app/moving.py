"""`mv`: a key under another name, or a namespace in another place, with the references that name them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.change import Change
from gitconfigmgr.app.explain import existing
from gitconfigmgr.app.secrets.targets import layer_file
from gitconfigmgr.app.secrets.values import parsed
from gitconfigmgr.app.setting import (
    content,
    edited,
    highest_empty,
    known_namespace,
    not_encrypted,
    place_of,
    sets,
    text_of,
)
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import at_path
from gitconfigmgr.model.imports import literal_key
from gitconfigmgr.model.names import BASE, SEGMENT, many, show_path
from gitconfigmgr.resolve.expressions import ExpressionSyntaxError, Reference, parse
from gitconfigmgr.source.edits import reading, rename, replaced_texts, unset
from gitconfigmgr.source.layout import METADATA, ROOT, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitconfigmgr.pipeline import Repository

    Mend = Callable[[Reference], Reference | None]


def rename_key(repository: Repository, namespace: str, key: str, new: str, environment: str | None = None) -> Change:
    """The change that renames a key in every layer file of a namespace, or in that of one environment.

    References to it are mended: in the namespace's own files and those below it, and wherever they name the namespace.
    """
    old_parts, new_parts = parsed(key), parsed(new)
    namespace = namespace.strip("/")
    known_namespace(repository, namespace)
    if environment not in {None, BASE}:
        existing(repository, namespace, str(environment))
    documents = repository.layout.documents.get(namespace, {})
    paths = list(documents.values()) if environment is None else [layer_file(repository, namespace, environment)]
    files: dict[str, bytes | None] = {}
    for path in paths:
        data = content(repository, path)
        if data is None or not sets(text_of(data, path), old_parts):
            continue
        not_encrypted(data, path, "gitconfigmgr secret edit " + path)
        files[path] = edited(data, path, lambda text: _renamed(text, old_parts, new_parts))
    if not files:
        raise UsageError(f"no file of {namespace} sets {key}", f"see `gitconfigmgr explain {namespace} {key} -e ENV`")
    mended = 0
    if environment is None:
        mended = _mend_all(repository, files, lambda path: _key_mender(path, namespace, old_parts, new_parts))
    said = f"{key} is {new} in {', '.join(files) if len(files) < 4 else many(len(files), 'file')}"
    return Change(files, said + _mended(mended), new_parts, None)


def _renamed(text: str, old: tuple[str, ...], new: tuple[str, ...]) -> str:
    at = place_of(text, old, inside=False)
    after = rename(text, at, (*place_of(text, new[:-1]), literal_key(new[-1])))
    above = at[:-1]
    return unset(after, highest_empty(after, above)) if above and at_path(reading(after), above) == {} else after


def move_namespace(repository: Repository, namespace: str, new: str) -> Change:
    """The change that moves the folder of a namespace, and mends the references that name it."""
    old, new = namespace.strip("/"), new.strip("/")
    known_namespace(repository, old)
    if not all(map(SEGMENT.match, new.split("/"))):
        raise UsageError(f"{new!r} is no name for a namespace", "use lower-case letters, digits, dot, dash, underscore")
    if new == old or new.startswith(f"{old}/") or old.startswith(f"{new}/") or repository.tree.files(f"{ROOT}/{new}"):
        raise UsageError(f"{new} is taken, or lies within {old}", "choose another name")
    odd = repository.tree.oddities(f"{ROOT}/{old}")
    if odd:
        raise UsageError(f"{next(iter(odd))} is no regular file", "move it by hand")
    inside = sorted(repository.tree.files(f"{ROOT}/{old}"))
    files: dict[str, bytes | None] = {}
    for path in inside:
        files[f"{ROOT}/{new}{path[len(ROOT) + 1 + len(old) :]}"] = repository.tree.read(path)
    for path in inside:
        files[path] = None
    mended = _mend_all(repository, files, lambda _: _namespace_mender(old, new))
    moved = {old: new}
    said = f"{old} is {new}, with {many(len(inside), 'file')}"
    return Change(files, said + _mended(mended), notes=_mentions(repository, old), moved=moved)


def _mended(count: int) -> str:
    return f"; {many(count, 'reference')} mended" if count else ""


def _mentions(repository: Repository, namespace: str) -> list[str]:
    """What names the namespace and is not mended: globs may mean more than it."""
    paths = [
        SETTINGS,
        ".sops.yaml",
        *(path for folder in ("policies", "tests") for path in sorted(repository.tree.files(folder))),
    ]
    name = re.compile(rb"(?<![\w/.-])" + re.escape(namespace).encode() + rb"(?![\w-])")
    return [f"{path} names {namespace}: look at it" for path in paths if name.search(repository.read(path) or b"")]


def _mend_all(repository: Repository, files: dict[str, bytes | None], mender: Callable[[str], Mend]) -> int:
    """Mend references in all documents, moved ones included; `files` grows. The number of texts mended."""
    count = 0
    gone = {path for path, data in files.items() if data is None}
    documents = {path for found in repository.layout.documents.values() for path in found.values()} | files.keys()
    for path in sorted(documents - gone):
        data = files[path] if path in files else repository.read(path)
        if not data or b"${" not in data or not path.endswith(".yaml") or path.endswith(METADATA):
            continue
        texts = dict(_mending(reading(text_of(data, path)), mender(path)))
        if texts:
            not_encrypted(data, path, f"gitconfigmgr secret edit {path}")
            files[path] = edited(data, path, partial(replaced_texts, texts=texts))
            count += len(texts)
    return count


def _mending(data: Any, mend: Mend) -> Iterator[tuple[str, str]]:
    """The references in the texts of a document that change: before and after."""
    if isinstance(data, dict):
        for child in data.values():
            yield from _mending(child, mend)
    elif isinstance(data, list):
        for child in data:
            yield from _mending(child, mend)
    elif isinstance(data, str) and "${" in data:
        try:
            pieces = parse(data)
        except ExpressionSyntaxError:
            return
        for piece in pieces:
            if isinstance(piece, Reference) and (new := mend(piece)) is not None:
                yield piece.text, _text(new)


def _text(reference: Reference) -> str:
    place = (reference.namespace or "") + (f"@{reference.environment}" if reference.environment else "")
    default = "" if reference.default is None else f":-{reference.default}"
    return f"${{{f'{place}:' if place else ''}{show_path(reference.path)}{default}}}"


def _namespace_mender(old: str, new: str) -> Mend:
    def mend(reference: Reference) -> Reference | None:
        name = reference.namespace
        if name is None or not (name == old or name.startswith(f"{old}/")):
            return None
        return Reference("", reference.path, new + name[len(old) :], reference.environment, reference.default)

    return mend


def _key_mender(path: str, namespace: str, old: tuple[str, ...], new: tuple[str, ...]) -> Mend:
    own = path.startswith(f"{ROOT}/{namespace}/")

    def mend(reference: Reference) -> Reference | None:
        named = reference.namespace
        names_it = own if named is None else named == namespace or named.startswith(f"{namespace}/")
        if not names_it or reference.path[: len(old)] != old:
            return None
        return Reference("", new + reference.path[len(old) :], named, reference.environment, reference.default)

    return mend
