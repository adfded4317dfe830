"""How far each edited line reaches: the targets whose values it decides, and those where something above it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.history.documents import node_at
from gitconfigmgr.model.diagnostics import Position, position_of
from gitconfigmgr.model.names import GLOBAL, KeyPath, Target, show_path
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository

MOST_LINES = 300


@dataclass(slots=True)
class EditedLine:
    """One line of a document that the change wrote. `shielded` maps what decides instead to the targets there."""

    position: Position
    key: str
    reaches: list[Target] = field(default_factory=list)
    shielded: dict[Position, list[Target]] = field(default_factory=dict)


def edited_lines(
    before: Repository | None, after: Repository, files: Iterable[str], root_of: Callable[[Target], Node | None]
) -> tuple[list[EditedLine], int]:
    """The edited lines that hold values, in the order of the files, and how many more there are than are looked at."""
    places = {path: (ns, env) for ns, found in after.layout.documents.items() for env, path in found.items()}
    found: list[tuple[EditedLine, KeyPath, str, str]] = []
    for path in sorted(set(files) & places.keys()):
        namespace, environment = places[path]
        for line, keys in _edited(before, after, path, namespace, environment):
            found.append((EditedLine(Position(path, line), show_path(keys)), keys, namespace, environment))
    kept = found[:MOST_LINES]
    for target in after.targets if kept else ():
        chain = after.settings.environments[target.environment].chain
        below = [item for item in kept if item[3] in chain and _in_stack(item[2], target.namespace)]
        root = root_of(target) if below else None
        for edited, keys, _, _ in below if root is not None else ():
            _place(edited, node_at(root, keys), target)
    return [item[0] for item in kept], len(found) - len(kept)


def _in_stack(namespace: str, other: str) -> bool:
    return namespace in (GLOBAL, other) or other.startswith(f"{namespace}/")


def _place(edited: EditedLine, node: Node | None, target: Target) -> None:
    if node is None:
        return
    if any(
        position.path == edited.position.path and position.line == edited.position.line for position in _origins(node)
    ):
        edited.reaches.append(target)
    elif (position := position_of(node)).path != edited.position.path:
        edited.shielded.setdefault(position, []).append(target)


def _origins(node: Node) -> Iterator[Position]:
    yield position_of(node)
    yield from (position_of(step) for step in node.via)
    value = node.value
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _origins(child)


def _edited(
    before: Repository | None, after: Repository, path: str, namespace: str, environment: str
) -> Iterator[tuple[int, KeyPath]]:
    """The lines of a document that its old state lacks, each with the first key whose value stands there."""
    data = after.read(path) or b""
    old = frozenset((before.read(path) or b"").split(b"\n")) if before is not None else frozenset()
    numbers = {number for number, line in enumerate(data.split(b"\n"), 1) if line.strip() and line not in old}
    document, _ = read_document(path, namespace, environment, "", data, after.settings.limits)
    seen: set[int] = set()
    for line, keys in _leaves(document.root, ()) if document.root is not None and numbers else ():
        if line in numbers and line not in seen:
            seen.add(line)
            yield line, keys


def _leaves(node: Node, keys: KeyPath) -> Iterator[tuple[int, KeyPath]]:
    """Line and key of each value that is no map; what stands in a list or a directive is its key's."""
    value = node.value
    if isinstance(value, dict) and value and not any(name.startswith("$") and name[1:2] != "$" for name in value):
        for name, child in value.items():
            yield from _leaves(child, (*keys, name.replace("$$", "$", 1) if name.startswith("$$") else name))
    else:
        yield from ((line, keys) for line in _lines(node))


def _lines(node: Node) -> Iterator[int]:
    yield node.mark.line + 1
    value = node.value
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _lines(child)
