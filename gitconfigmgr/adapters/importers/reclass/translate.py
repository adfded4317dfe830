"""Merged reclass parameters of one layer as a layer document of ours.

What our language cannot say is left out here and told as a loss: `gitconfigmgr.app.repair` writes the value that is
then missing into the document of each target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.importers.reclass.folding import ABSENT, Fold, NotSayableError, below, is_container
from gitconfigmgr.adapters.importers.reclass.sources import as_json, as_key
from gitconfigmgr.adapters.importers.reclass.texts import Reference, Text
from gitconfigmgr.adapters.importers.reclass.values import Entry, Options, Origin, Slot, Tree, origin_of, split
from gitconfigmgr.model.imports import Loss, literal_key, literal_text
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from collections.abc import Callable

_UNQUOTABLE = frozenset('"\\$\n\r')


class Translator:
    """Translates the layers of one inventory; each loss is told once."""

    def __init__(self, options: Options, tell: Callable[[Loss], None]) -> None:
        self.options = options
        self.tell = tell

    def document(self, tree: Tree, under: Tree) -> dict[str, Any]:
        """The document that merges `tree` over what lies under it."""
        return self._map(tree, under)

    def _map(self, tree: Tree, under: Tree | None) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for key, child in tree.items():
            lower = under.get(key) if under is not None else None
            try:
                written[literal_key(as_key(key))] = self._member(child, below(lower, self.options))
            except NotSayableError as problem:
                self.tell(problem.loss)
        return written

    def _member(self, slot: Slot, fold: Fold) -> Any:
        under = fold.current
        entries = (Entry(slot, origin_of(slot)),) if isinstance(slot, Tree) else slot.entries
        for entry in entries:
            fold.add(entry)
        operation = fold.operation
        if under is ABSENT or (operation == "replace" and not is_container(under) and not is_container(fold.content)):
            operation = "set"
        if operation == "merge":
            content: Any = self._map(fold.content, under)
        else:
            content = self._content(fold.content, fold.origin)
        name = {"append": "$append", "replace": "$replace"}.get(operation, "$value")
        if fold.constant is not None and any(entry.constant for entry in entries):
            return {name: content, "$lock": f"constant in {fold.constant.file}"}
        return content if name == "$value" else {name: content}

    def _content(self, content: Any, origin: Origin) -> Any:
        if isinstance(content, Tree):
            return self._map(content, None)
        if isinstance(content, list):
            return [self._item(item) for item in content]
        if isinstance(content, Text):
            return _text(content, origin)
        value = as_json(content)
        return literal_text(value) if isinstance(value, str) else value

    def _item(self, slot: Slot) -> Any:
        """An item of a list; what cannot be said there takes the whole list out."""
        if isinstance(slot, Tree):
            return {literal_key(as_key(key)): self._item(child) for key, child in slot.items()}
        return self._member(slot, below(None, self.options))


def _text(text: Text, origin: Origin) -> str:
    written = ""
    for part in text.parts:
        if isinstance(part, Reference):
            if written.endswith("$"):
                why = "a dollar sign just before a reference would escape it; the value itself is written out"
                raise NotSayableError(origin, str(text), why)
            written += f"${{{_path(part, origin)}}}"
        else:
            written += literal_text(part)
    return written


def _path(reference: Reference, origin: Origin) -> str:
    path = reference.path
    if path is None:
        raise NotSayableError(origin, str(reference), "references do not nest; the value it comes to is written out")
    keys = split(path)
    if any(_UNQUOTABLE.intersection(key) for key in keys):
        raise NotSayableError(
            origin, str(reference), "its path cannot be written; the value it comes to is written out"
        )
    return show_path(tuple(keys))
