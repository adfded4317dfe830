"""The settings that a change is judged by: those of its base, and from the change itself only what is new in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.model.diagnostics import Position, key_position_of, whole
from gitconfigmgr.model.names import BASE, show_path
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import plain
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.settings import Environment, SchemaBinding, Settings
    from gitconfigmgr.model.values import Node


def under(old: Settings, new: Settings) -> Settings:
    """The settings of the base, with the environments and schema bindings that only the change has.

    An environment that the change no longer declares is not compiled; nothing else of an old one changes.
    """
    return replace(
        old,
        environments=_environments(old.environments, new.environments),
        schemas=(*old.schemas, *_added(old.schemas, new.schemas)),
        blob_id=new.blob_id,
    )


def _environments(old: dict[str, Environment], new: dict[str, Environment]) -> dict[str, Environment]:
    made = {name: item._replace(abstract=item.abstract or name not in new) for name, item in old.items()}
    for name, item in sorted(new.items(), key=lambda pair: len(pair[1].chain)):  # what is extended comes first
        if name not in made:
            below = made[item.chain[-2]].chain
            made[name] = item._replace(chain=(*below, name))
    return made


def _added(old: tuple[SchemaBinding, ...], new: tuple[SchemaBinding, ...]) -> list[SchemaBinding]:
    known = {(item.schema, item.namespaces, item.path) for item in old}
    return [item for item in new if (item.schema, item.namespaces, item.path) not in known]


class Difference(NamedTuple):
    """A setting that differs: `what` is added, changed or removed; `position` is in the new file."""

    key: str
    what: str
    position: Position


def differences(path: str, old: bytes, new: bytes) -> list[Difference]:
    """What differs between two settings files that can be read; comments and layout do not."""
    before, _ = read_document(path, "", BASE, "", old, Limits())
    after, _ = read_document(path, "", BASE, "", new, Limits())
    if before.root is None or after.root is None:
        return []
    return list(_differences(before.root, after.root, (), whole(path)))


def _differences(old: Node, new: Node, path: KeyPath, place: Position) -> Iterator[Difference]:
    if not (isinstance(old.value, dict) and isinstance(new.value, dict)):
        if plain(old) != plain(new):
            yield Difference(show_path(path), "changed", place)
        return
    for name, node in new.value.items():
        key = (*path, name)
        if name in old.value:
            yield from _differences(old.value[name], node, key, key_position_of(node))
        else:
            yield Difference(show_path(key), "added", key_position_of(node))
    for name in old.value:
        if name not in new.value:
            yield Difference(show_path((*path, name)), "removed", place)
