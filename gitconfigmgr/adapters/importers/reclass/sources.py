"""One class or node file: its classes and parameters, with the line of every value, and what to tell about it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import yaml

from gitconfigmgr.adapters.importers.reclass.inventory import absolute, read_text
from gitconfigmgr.adapters.importers.reclass.texts import TextError, parse
from gitconfigmgr.adapters.importers.reclass.values import Entry, InventoryError, Origin, Pile, Slot, Tree, merged
from gitconfigmgr.model.imports import Loss
from gitconfigmgr.model.names import show_path
from gitconfigmgr.source.scalars import MAX_SAFE, Refused, read_plain

if TYPE_CHECKING:
    from pathlib import Path

_SECRET = re.compile(r"\?\{[a-z0-9]+:(?:\$\{[^}\n]*\}|[^}\n])*\}")
_MOST_POSITIONS = 500_000
_OTHERS = {
    "applications": "there is no list of applications",
    "exports": "there are no exports; refer to ${namespace:key}",
}
Positions = dict[tuple[Any, ...], tuple[int, str | None]]


@dataclass(slots=True)
class Source:
    """`file` is as reports show it; `classes` are absolute names, perhaps with references in them."""

    name: str
    file: str
    classes: list[str]
    tree: Tree
    environment: str | None = None
    losses: list[Loss] = field(default_factory=list)


def read_source(name: str, path: Path, file: str) -> Source:
    """Read a class or node. Raises InventoryError where reclass could not use it either."""
    data, positions = _load(path, file)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise InventoryError("the file is no map", Origin(file, 1))
    classes = data.get("classes") or []
    if not isinstance(classes, list) or not all(isinstance(item, str) and item for item in classes):
        raise InventoryError("classes is no list of names", Origin(file, _line(positions, ("classes",))))
    parameters = data.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InventoryError("parameters is no map", Origin(file, _line(positions, ("parameters",))))
    reader = _Reader(file, positions)
    raw = reader.slot(parameters, ("parameters",))
    assert isinstance(raw, Tree)
    reader.readings()
    environment = data.get("environment")
    for key, why in _OTHERS.items():
        if data.get(key):
            reader.losses.append(Loss(file, _line(positions, (key,)), key, why))
    names = [absolute(name, item) for item in classes]
    return Source(name, file, names, merged(raw), None if environment is None else str(environment), reader.losses)


def _load(path: Path, file: str) -> tuple[Any, Positions]:
    loader = yaml.CSafeLoader(read_text(path))
    try:
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
        positions: Positions = {}
        if node is not None:
            _positions(loader, node, (), positions, set())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        text = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InventoryError(f"not valid YAML: {text}", Origin(file, mark.line + 1 if mark else 0)) from None
    finally:
        loader.dispose()
    return data, positions


def _positions(loader: Any, node: Any, path: tuple[Any, ...], found: Positions, active: set[int]) -> None:
    """The line of every value, and the text of plain scalars."""
    if id(node) in active or len(found) > _MOST_POSITIONS:
        return
    plain = node.value if isinstance(node, yaml.ScalarNode) and not node.style else None
    found[path] = (node.start_mark.line + 1, plain)
    active.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key_node, child in node.value:
            key = loader.construct_object(key_node, deep=True) if isinstance(key_node, yaml.ScalarNode) else None
            _positions(loader, child, (*path, key), found, active)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _positions(loader, child, (*path, index), found, active)
    active.discard(id(node))


def _line(positions: Positions, path: tuple[Any, ...]) -> int:
    return positions.get(path, (0, None))[0]


class _Reader:
    """Parameters to slots, with what has to be told about single values."""

    def __init__(self, file: str, positions: Positions) -> None:
        self.file = file
        self.positions = positions
        self.losses: list[Loss] = []

    def slot(self, value: Any, path: tuple[Any, ...]) -> Slot:
        if isinstance(value, dict):
            return Tree({key: self.slot(child, (*path, key)) for key, child in value.items()})
        origin = Origin(self.file, _line(self.positions, path))
        if isinstance(value, list):
            return Pile((Entry([self.slot(child, (*path, index)) for index, child in enumerate(value)], origin),))
        if isinstance(value, str):
            return Pile((Entry(self._text(value, origin), origin),))
        other = as_json(value)
        if type(other) is not type(value):
            self._tell(origin, f"{shown(path)}: {value}", "JSON cannot hold it; it is written as text")
        return Pile((Entry(value, origin),))

    def _text(self, value: str, origin: Origin) -> Any:
        secret = _SECRET.search(value)
        if secret:
            why = "a secret of kapitan stays as this text; encrypt the value itself with SOPS"
            self._tell(origin, secret.group(), why)
        try:
            return parse(value)
        except TextError as error:
            raise InventoryError(str(error), origin) from None

    def readings(self) -> None:
        """Tell of plain scalars that YAML 1.1, which reclass reads, takes otherwise, and of digits that are lost."""
        for path, (line, plain) in self.positions.items():
            reading = read_plain(plain) if plain and path[:1] == ("parameters",) else None
            if isinstance(reading, Refused) and not any(word in reading.reason for word in ("date", "JSON")):
                why = f"{reading.reason}; it is kept as reclass reads it: put quotes around it if it is text"
                self._tell(Origin(self.file, line), f"{shown(path)}: {plain}", why)

    def _tell(self, origin: Origin, what: str, why: str) -> None:
        self.losses.append(Loss(origin.file, origin.line, what, why))


def shown(path: tuple[Any, ...]) -> str:
    """A path below `parameters` as reports show it."""
    return show_path(tuple(map(str, path[1:])))


def as_json(value: Any) -> Any:
    """A value with JSON's types only; what JSON has no type for becomes text."""
    if isinstance(value, dict):
        return {as_key(key): as_json(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(child) for child in value]
    if isinstance(value, (set, frozenset)):
        return [as_json(child) for child in sorted(value, key=str)]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)  # not for infinity and nan
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else str(value)


def as_key(key: Any) -> str:
    """A key as JSON writes it."""
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    return str(key)
