"""reclass parameters: how they are merged, and what they come to.

Merging keeps every contribution to a key that is not simply a map over a map (a `Pile`), because references are
resolved last: `a: ${b}` below `a: {c: 1}` is a map or an error, depending on what b turns out to be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gitconfigmgr.adapters.importers.reclass.texts import Reference, Text

OVERWRITE, CONSTANT = "~", "="


class Origin(NamedTuple):
    """Where a value is written; line 0 where that is not known."""

    file: str
    line: int


class InventoryError(Exception):
    """reclass itself cannot compute this."""

    def __init__(self, message: str, origin: Origin | None = None) -> None:
        super().__init__(message)
        self.origin = origin


class UnresolvedError(InventoryError):
    """A reference to what is not there."""


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of reclass-config.yml that change values."""

    allow_scalar_over_dict: bool = False
    allow_scalar_over_list: bool = False
    allow_list_over_scalar: bool = False
    allow_dict_over_scalar: bool = False
    allow_none_override: bool = False
    ignore_overwritten_missing_references: bool = True
    strict_constant_parameters: bool = True


class Tree(dict[Any, "Tree | Pile"]):
    """A map. Inside lists and prefixed values keys stay as written (`~key` included) until something is merged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One contribution. content: Tree, list of Tree or Pile, Text, or a scalar as PyYAML reads it."""

    content: Any
    origin: Origin
    overwrite: bool = False
    constant: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Pile:
    """The contributions to one place, lowest first."""

    entries: tuple[Entry, ...]


Slot = Tree | Pile


def merge_into(lower: Tree, upper: Tree) -> None:
    """Merge a map over another; the prefixes of the upper one's keys are carried out."""
    for written, value in upper.items():
        key = str(written)
        if key == "":
            raise InventoryError("reclass cannot merge an empty key", origin_of(value))
        if key[0] in (OVERWRITE, CONSTANT):
            entry = Entry(value, origin_of(value)) if isinstance(value, Tree) else value.entries[-1]
            flagged = replace(entry, overwrite=True) if key[0] == OVERWRITE else replace(entry, constant=True)
            lower[key[1:]] = _added(lower.get(key[1:]), Pile((flagged,)))
        else:
            lower[key] = _added(lower.get(key), value)


def merged(*trees: Tree) -> Tree:
    """Maps merged into a new one, lowest first."""
    result = Tree()
    for tree in trees:
        merge_into(result, tree)
    return result


def _added(lower: Slot | None, upper: Slot) -> Slot:
    if isinstance(upper, Tree):
        if lower is None:
            lower = Tree()
        if isinstance(lower, Tree):
            merge_into(lower, upper)
            return lower
        return Pile((*lower.entries, Entry(upper, origin_of(upper))))
    if lower is None:
        return upper
    below = (Entry(lower, origin_of(lower)),) if isinstance(lower, Tree) else lower.entries
    return Pile(below + upper.entries)


def origin_of(slot: Slot) -> Origin:
    """Where a slot, or the first value in it, was written."""
    while isinstance(slot, Tree):
        if not slot:
            return Origin("", 0)
        slot = next(iter(slot.values()))
    return slot.entries[-1].origin


class Evaluation:
    """The values of one node. Lazy, so that a reference sees what it refers to whatever the order."""

    def __init__(self, root: Tree, options: Options) -> None:
        self.root = root
        self.options = options
        self._surfaces: dict[int, tuple[Slot, Any]] = {}
        self._active: set[int] = set()
        self._open: set[int] = set()

    def plain(self, slot: Slot | None = None) -> Any:
        """The value of a slot; of the root where there is none."""
        if slot is None:
            slot = self.root
        value = self.surface(slot)
        if not isinstance(value, (Tree, list)):
            return value
        if id(slot) in self._open:
            raise InventoryError("a reference leads to what it stands in", origin_of(slot))
        self._open.add(id(slot))
        try:
            if isinstance(value, Tree):
                return {key: self.plain(child) for key, child in value.items()}
            return [self.plain(child) for child in value]
        finally:
            self._open.discard(id(slot))

    def surface(self, slot: Slot) -> Any:
        """A slot's outermost layer: Tree, list of slots, or scalar."""
        if isinstance(slot, Tree):
            return slot
        known = self._surfaces.get(id(slot))
        if known is not None:
            return known[1]
        if id(slot) in self._active:
            raise InventoryError("the references form a circle", slot.entries[-1].origin)
        self._active.add(id(slot))
        try:
            value = self._pile(slot.entries)
        finally:
            self._active.discard(id(slot))
        self._surfaces[id(slot)] = (slot, value)
        return value

    def text(self, content: Text | str) -> Any:
        """What a text with references comes to."""
        if isinstance(content, str):
            return content
        whole = content.whole
        if whole is not None:
            return self.surface(self._follow(whole))
        return self._joined(content.parts)

    def _joined(self, parts: tuple[str | Reference, ...]) -> str:
        return "".join(part if isinstance(part, str) else str(self.plain(self._follow(part))) for part in parts)

    def _follow(self, reference: Reference) -> Slot:
        path = self._joined(reference.parts)
        slot: Slot = self.root
        for key in split(path):
            container = self.surface(slot)
            try:
                slot = container[int(key)] if isinstance(container, list) else container[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise UnresolvedError(f"${{{path}}} cannot be resolved") from None
        return slot

    def _content(self, entry: Entry) -> Any:
        if not isinstance(entry.content, Text):
            return entry.content
        try:
            return self.text(entry.content)
        except InventoryError as error:
            error.origin = error.origin or entry.origin
            raise

    def _pile(self, entries: tuple[Entry, ...]) -> Any:
        if len(entries) == 1:
            return self._content(entries[0])
        first = max((at for at, entry in enumerate(entries) if entry.overwrite), default=0)
        if not any(entry.constant for entry in entries[:first]):
            entries = entries[first:]  # what is overwritten need not be computable
        output: Any = None
        ignored: UnresolvedError | None = None
        constant = False
        for entry in entries:
            try:
                new = self._content(entry)
            except UnresolvedError as error:
                may = self.options.ignore_overwritten_missing_references and not isinstance(output, (Tree, list))
                if not may or entry is entries[-1]:
                    raise
                new, ignored = None, error
            if constant and self.options.strict_constant_parameters:
                raise InventoryError("a constant is changed", entry.origin)
            if constant:
                continue
            output = new if output is None or entry.overwrite else self._over(output, new, entry.origin)
            constant = entry.constant
        if ignored is not None and isinstance(output, (Tree, list)):
            raise ignored
        return output

    def _over(self, lower: Any, upper: Any, origin: Origin) -> Any:
        options = self.options
        none = upper is None and options.allow_none_override
        if isinstance(lower, Tree):
            if isinstance(upper, Tree):
                return merged(lower, upper)
            allowed = not isinstance(upper, list) and (options.allow_scalar_over_dict or none)
        elif isinstance(lower, list):
            if isinstance(upper, list):
                return lower + upper
            allowed = not isinstance(upper, Tree) and (options.allow_scalar_over_list or none)
        elif isinstance(upper, list) and options.allow_list_over_scalar:
            return [Pile((Entry(lower, origin),)), *upper]
        else:
            allowed = not isinstance(upper, (Tree, list)) or (
                isinstance(upper, Tree) and options.allow_dict_over_scalar
            )
        if not allowed:
            raise InventoryError(f"{_kind(upper)} over {_kind(lower)}", origin)
        return upper


def split(path: str) -> list[str]:
    r"""The keys of a reference path; `\:` does not separate."""
    import re

    return re.split(r"(?<!\\):", path)


def _kind(value: Any) -> str:
    return "a map" if isinstance(value, Tree) else "a list" if isinstance(value, list) else "a scalar"
