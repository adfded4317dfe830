"""Which source goes into which layer.

A node becomes the namespace of its path below the nodes folder. A class that every node below a folder has moves into
the folder's own layer, where it can be merged that early without a change of values: everything that these nodes merge
before it touches other keys. What is left goes into the node's own document.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.importers.reclass.values import Tree
from gitconfigmgr.model.names import GLOBAL, prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitconfigmgr.adapters.importers.reclass.sources import Source
    from gitconfigmgr.adapters.importers.reclass.stacks import Stack

_BAD = re.compile(r"[^a-z0-9._-]+")


def namespaces(paths: Mapping[str, str]) -> dict[str, str]:
    """Node -> namespace, for node -> path: allowed names, unique, and none above another."""
    named = {node: "/".join(_segment(part) for part in path.split("/")) for node, path in sorted(paths.items())}
    folders = {above for name in named.values() for above in prefixes(name)[:-1]} | {GLOBAL}
    taken = set(folders)
    result: dict[str, str] = {}
    for node, name in named.items():
        wanted = _beside_folders(name, folders)
        unique = next(text for text in _numbered(wanted) if text not in taken)
        taken.add(unique)
        result[node] = unique
    return result


def _beside_folders(name: str, folders: set[str]) -> str:
    """A name that is no folder's: a layer of others would be part of them."""
    if name == GLOBAL or name.startswith(f"{GLOBAL}/"):
        return name.replace(GLOBAL, f"{GLOBAL}-node", 1)
    return f"{name}/{name.rpartition('/')[2]}" if name in folders else name


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _segment(text: str) -> str:
    name = _BAD.sub("-", text.lower()).lstrip("._-").rstrip("-")
    return name.removesuffix(".yaml").removesuffix(".yml") or "node"


class Layers:
    """`own` is what is left for each node's document, `shared` what the folders' layers hold, in merge order."""

    def __init__(self, stacks: Iterable[Stack], names: Mapping[str, str]) -> None:
        self.own = {names[stack.node]: list(stack.sources) for stack in stacks}
        self.shared: dict[str, list[Source]] = {}
        self._paths: dict[int, tuple[set[tuple[str, ...]], set[tuple[str, ...]]]] = {}
        folders = {above for name in self.own for above in prefixes(name)[:-1]}
        for folder in sorted(folders, key=lambda name: (name != GLOBAL, name.count("/"), name)):
            inside = [name for name in self.own if folder == GLOBAL or name.startswith(f"{folder}/")]
            if len(inside) > 1:
                self._hoist(folder, inside)

    def _hoist(self, folder: str, inside: list[str]) -> None:
        first = self.own[inside[0]]
        common = [source for source in first if all(_position(self.own[name], source) >= 0 for name in inside)]
        for source in common:
            if all(self._moves_first(self.own[name], source) for name in inside):
                self.shared.setdefault(folder, []).append(source)
                for name in inside:
                    del self.own[name][_position(self.own[name], source)]

    def _moves_first(self, sources: list[Source], source: Source) -> bool:
        before = sources[: _position(sources, source)]
        return not any(self._touch(source, other) for other in before)

    def _touch(self, one: Source, other: Source) -> bool:
        """Whether two sources have a key in common, beside maps that both only add to."""
        leaves, inner = self._leaves(one)
        other_leaves, other_inner = self._leaves(other)
        return not (
            leaves.isdisjoint(other_leaves) and leaves.isdisjoint(other_inner) and inner.isdisjoint(other_leaves)
        )

    def _leaves(self, source: Source) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
        """The paths of a source's values, and of the maps above them."""
        known = self._paths.get(id(source))
        if known is None:
            known = (set(), set())
            _collect(source.tree, (), known)
            self._paths[id(source)] = known
        return known


def _position(sources: list[Source], source: Source) -> int:
    return next((index for index, other in enumerate(sources) if other is source), -1)


def _collect(tree: Tree, path: tuple[str, ...], found: tuple[set[tuple[str, ...]], set[tuple[str, ...]]]) -> None:
    leaves, inner = found
    for key, child in tree.items():
        here = (*path, str(key))
        if isinstance(child, Tree) and child:
            inner.add(here)
            _collect(child, here, found)
        else:
            leaves.add(here)
