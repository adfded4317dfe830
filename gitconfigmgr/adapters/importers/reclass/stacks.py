"""The stack of a node: its classes in the order in which reclass merges them, the node's own file last."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.importers.reclass.inventory import Index, mapped_classes
from gitconfigmgr.adapters.importers.reclass.sources import Source, read_source
from gitconfigmgr.adapters.importers.reclass.texts import Text, TextError, parse
from gitconfigmgr.adapters.importers.reclass.values import (
    Entry,
    Evaluation,
    InventoryError,
    Origin,
    Pile,
    Tree,
    merge_into,
)
from gitconfigmgr.model.imports import Loss

if TYPE_CHECKING:
    from pathlib import Path

AUTOMATIC = "_reclass_"


@dataclass(slots=True)
class Stack:
    """`tree` is all of `sources` merged; the values are not computed yet."""

    node: str
    file: str
    path: str
    sources: list[Source] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    losses: list[Loss] = field(default_factory=list)

    def push(self, source: Source) -> None:
        """Merge one more source over what is there."""
        self.sources.append(source)
        merge_into(self.tree, source.tree)


class Stacks:
    """Builds the stacks of an inventory; classes are read once."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.config = index.config
        self.classes: dict[str, Source] = {}

    def of(self, node: str) -> Stack:
        """The stack of a node. Raises InventoryError where reclass has none either."""
        path = self.index.nodes[node]
        file = self.index.shown(path)
        source = read_source(node, path, file)
        relative = path.relative_to(self.config.nodes).with_suffix("").as_posix()
        stack = Stack(node, file, relative)
        seen: set[str] = set()
        mapped = mapped_classes(self.config, node, relative)
        self._descend(stack, mapped, file, seen, ())
        if self.config.automatic_parameters:
            stack.push(self._automatic(node, file, source.environment or self.config.default_environment))
        self._descend(stack, source.classes, file, seen, ())
        stack.push(source)
        if source.environment is not None:
            why = "every node becomes a target of the one environment that was named; the word stays in _reclass_.environment"
            stack.losses.append(Loss(file, 0, f"environment: {source.environment}", why))
        return stack

    def _descend(self, stack: Stack, names: list[str], file: str, seen: set[str], active: tuple[str, ...]) -> None:
        for written in names:
            name = self._rendered(stack, written, file)
            if name in seen:
                continue
            if name in active:
                raise InventoryError(f"the classes {' -> '.join((*active, name))} include one another", Origin(file, 0))
            source = self._class(name, file, stack)
            if source is None:
                continue
            self._descend(stack, source.classes, source.file, seen, (*active, name))
            seen.add(name)
            stack.push(source)

    def _rendered(self, stack: Stack, written: str, file: str) -> str:
        """A class name with its references resolved against what is merged so far."""
        try:
            text = parse(written)
        except TextError as error:
            raise InventoryError(f"class name {written}: {error}", Origin(file, 0)) from None
        if not isinstance(text, Text):
            return text
        name = str(Evaluation(stack.tree, self.config.options).text(text))
        why = f"a layer cannot be chosen by a value; {name} is what it comes to"
        stack.losses.append(Loss(file, 0, f"class {written}", why))
        return name

    def _class(self, name: str, file: str, stack: Stack) -> Source | None:
        path: Path | None = self.index.classes.get(name)
        if path is None:
            ignored = self.config.ignore_class_notfound_regexp if self.config.ignore_class_notfound else ()
            if any(re.match(pattern, name) for pattern in ignored):
                why = "there is no such class; reclass-config.yml says to ignore it"
                stack.losses.append(Loss(file, 0, f"class {name}", why))
                return None
            raise InventoryError(f"there is no class {name}", Origin(file, 0))
        if name not in self.classes:
            self.classes[name] = read_source(name, path, self.index.shown(path))
        return self.classes[name]

    def _automatic(self, node: str, file: str, environment: str) -> Source:
        parts = node.split(".")
        origin = Origin(file, 0)

        def scalar(value: str) -> Pile:
            return Pile((Entry(value, origin),))

        name = Tree(
            full=scalar(node),
            short=scalar(parts[-1]),
            path=scalar("/".join(parts)),
            parts=Pile((Entry([scalar(part) for part in parts], origin),)),
        )
        tree = Tree({AUTOMATIC: Tree(name=name, environment=scalar(environment))})
        return Source(AUTOMATIC, file, [], tree)
