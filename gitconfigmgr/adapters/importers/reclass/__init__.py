"""Imports a reclass inventory, or that of kapitan, without running reclass (docs/import.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.importers.reclass.inventory import Index, open_inventory
from gitconfigmgr.adapters.importers.reclass.layers import Layers, namespaces
from gitconfigmgr.adapters.importers.reclass.sources import Source, as_json
from gitconfigmgr.adapters.importers.reclass.stacks import AUTOMATIC, Stack, Stacks
from gitconfigmgr.adapters.importers.reclass.translate import Translator
from gitconfigmgr.adapters.importers.reclass.values import Evaluation, InventoryError, merged
from gitconfigmgr.model.imports import Imported, Loss, Place
from gitconfigmgr.model.names import BASE, Target, prefixes

if TYPE_CHECKING:
    from pathlib import Path


def read_inventory(folder: Path, environment: str) -> Imported:
    """Implements model.imports.Importer for reclass and kapitan inventories."""
    index = open_inventory(folder)
    return _Import(index, environment).imported()


class _Import:
    """One run: from the inventory's index to the repository it becomes."""

    def __init__(self, index: Index, environment: str) -> None:
        self.index = index
        self.environment = environment
        self.losses: dict[Loss, None] = {}
        self.failures: list[Loss] = []

    def imported(self) -> Imported:
        stacks, values = self._evaluated()
        names = namespaces({stack.node: stack.path for stack in stacks})
        layers = Layers(stacks, names)
        documents, sources = self._documents(layers)
        self._tell_all(stacks, names, layers)
        protected = {"protected": True} if self.environment == "production" else {}
        return Imported(
            settings={"version": 1, "environments": {self.environment: {"extends": BASE} | protected}},
            documents=documents,
            effective={Target(names[node], self.environment): value for node, value in values.items()},
            sources=sources,
            losses=tuple(self.losses),
            failures=tuple(self.failures),
        )

    def _evaluated(self) -> tuple[list[Stack], dict[str, dict[str, Any]]]:
        """The stacks of the nodes that reclass can compute, and their values."""
        builder = Stacks(self.index)
        stacks: list[Stack] = []
        values: dict[str, dict[str, Any]] = {}
        for node in sorted(self.index.nodes):
            file = self.index.shown(self.index.nodes[node])
            try:
                stack = builder.of(node)
                values[node] = as_json(Evaluation(stack.tree, self.index.config.options).plain())
            except InventoryError as error:
                self.failures.append(_failure(node, file, error))
                continue
            stacks.append(stack)
        used = set(builder.classes)
        for name, path in self.index.classes.items():
            if name not in used:
                self._tell(Loss(self.index.shown(path), 0, f"class {name}", "no node has it, so no layer does"))
        return stacks, values

    def _documents(self, layers: Layers) -> tuple[dict[Place, dict[str, Any]], dict[Place, tuple[str, ...]]]:
        translator = Translator(self.index.config.options, self._tell)
        documents: dict[Place, dict[str, Any]] = {}
        sources: dict[Place, tuple[str, ...]] = {}
        for name, content in [*layers.shared.items(), *layers.own.items()]:
            below = merged(*(source.tree for above in prefixes(name)[:-1] for source in layers.shared.get(above, ())))
            place = Place(name, BASE)
            documents[place] = translator.document(merged(*(source.tree for source in content)), below)
            sources[place] = _files(content)
        return documents, sources

    def _tell_all(self, stacks: list[Stack], names: dict[str, str], layers: Layers) -> None:
        for stack in stacks:
            if names[stack.node] != stack.path:
                self._tell(Loss(stack.file, 0, f"node {stack.node}", f"its namespace is {names[stack.node]}"))
            for loss in [*stack.losses, *(loss for source in stack.sources for loss in source.losses)]:
                self._tell(loss)
        copies: dict[tuple[str, str], int] = {}
        for sources in layers.own.values():
            for source in sources[:-1]:
                key = (source.file, source.name)
                copies[key] = copies.get(key, 0) + (source.name != AUTOMATIC)
        for (file, name), count in sorted(copies.items()):
            if count > 1:
                why = f"no folder layer can hold it, so {count} targets have a copy; a folder for the targets that share it makes it one"
                self._tell(Loss(file, 0, f"class {name}", why))

    def _tell(self, loss: Loss) -> None:
        self.losses[loss] = None


def _failure(node: str, file: str, error: InventoryError) -> Loss:
    origin = error.origin
    if origin is None or not origin.file:
        return Loss(file, 0, f"node {node}", str(error))
    if origin.file == file:
        return Loss(file, origin.line, f"node {node}", str(error))
    return Loss(file, 0, f"node {node}", f"{error}, in {origin.file}" + (f":{origin.line}" if origin.line else ""))


def _files(sources: list[Source]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.file for source in sources))


__all__ = ["read_inventory"]
