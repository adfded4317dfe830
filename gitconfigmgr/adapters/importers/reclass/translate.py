"""Merged reclass parameters of one layer as a layer document of ours.

What our language cannot say is left out here and told as a loss: `gitconfigmgr.app.repair` writes the value that is
then missing into the document of each target.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.importers.reclass.sources import as_json, as_key
from gitconfigmgr.adapters.importers.reclass.texts import Reference, Text
from gitconfigmgr.adapters.importers.reclass.values import Entry, Options, Origin, Pile, Slot, Tree, merged, split
from gitconfigmgr.model.imports import Loss, literal_key, literal_text
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from collections.abc import Callable

ABSENT: Any = object()
ODD: Any = object()  # what it is depends on what a reference comes to
MERGED = "whether they are merged depends on a reference; the value itself is written out"
_UNQUOTABLE = frozenset('"\\$\n\r')


class _NotSayableError(Exception):
    """Our language has no words for it. `loss` is empty where it was told already."""

    def __init__(self, origin: Origin, what: str, why: str) -> None:
        super().__init__(what)
        self.loss = Loss(origin.file, origin.line, what, why)


@dataclass(slots=True)
class _State:
    """What the contributions to one place come to: `current` with all that lies below, `content` in this layer."""

    current: Any
    options: Options
    operation: str = ""
    content: Any = ABSENT
    constant: Origin | None = None
    pieces: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """One more contribution, as reclass merges it."""
        if self.constant is not None and not self.options.strict_constant_parameters:
            return
        self.pieces.append(entry)
        new = entry.content
        if entry.overwrite:
            self.operation, self.content, self.current = "replace", new, new
        else:
            self._over(entry, new)
        if entry.constant:
            self.constant = entry.origin

    def _over(self, entry: Entry, new: Any) -> None:
        lower = self.current
        if lower is ABSENT:
            self._set("set", new)
        elif isinstance(lower, list) and isinstance(new, list):
            self.content = self.content + new if self.operation else new
            self.operation = self.operation or "append"
            self.current = lower + new
        elif isinstance(lower, Tree) and isinstance(new, Tree) and self.operation in ("set", "replace"):
            self.content = self.current = merged(lower, new)
        elif _depends(lower, new):
            raise _NotSayableError(entry.origin, f"{_words(new)} over {_words(lower)}", MERGED)
        elif _is_container(lower) or _is_container(new):
            self._set("replace", new)
        else:
            self._set("set", new)

    def _set(self, operation: str, new: Any) -> None:
        self.operation = "replace" if self.operation == "replace" else operation
        self.content = self.current = new


def surface(slot: Slot | None, options: Options) -> Any:
    """What a slot is as far as that can be told without values: Tree, list, Text, scalar, ABSENT or ODD."""
    if slot is None:
        return ABSENT
    if isinstance(slot, Tree):
        return slot
    state = _State(ABSENT, options)
    try:
        for entry in slot.entries:
            state.add(entry)
    except _NotSayableError:
        return ODD
    return state.current


class Translator:
    """Translates the layers of one inventory; each loss is told once."""

    def __init__(self, options: Options, tell: Callable[[Loss], None]) -> None:
        self.options = options
        self.tell = tell

    def document(self, tree: Tree, below: Tree) -> dict[str, Any]:
        """The document that merges `tree` over `below`."""
        return self._map(tree, below)

    def _map(self, tree: Tree, below: Tree | None) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for key, child in tree.items():
            name = as_key(key)
            under = below.get(key) if below is not None else None
            try:
                written[literal_key(name)] = self._member(child, under)
            except _NotSayableError as problem:
                self.tell(problem.loss)
        return written

    def _member(self, slot: Slot, below: Slot | None) -> Any:
        under = surface(below, self.options)
        if isinstance(slot, Pile):
            return self._pile(slot, under)
        if under is ABSENT or isinstance(under, Tree):
            return self._map(slot, None if under is ABSENT else under)
        if isinstance(under, list) or under is ODD or _may_be_container(under):
            origin = next(iter(below.entries)).origin if isinstance(below, Pile) else Origin("", 0)
            raise _NotSayableError(origin, f"a map over {_words(under)}", MERGED)
        return {"$replace": self._map(slot, None)}

    def _pile(self, pile: Pile, under: Any) -> Any:
        state = _State(under, self.options)
        for entry in pile.entries:
            state.add(entry)
        content = self._content(state.content, state.pieces[-1].origin)
        operation = state.operation
        if under is ABSENT or (
            operation == "replace" and not _is_container(under) and not _is_container(state.content)
        ):
            operation = "set"
        name = {"append": "$append", "replace": "$replace", "set": "$value"}[operation]
        if state.constant is not None:
            return {name: content, "$lock": f"constant in {state.constant.file}"}
        return content if operation == "set" else {name: content}

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
        return self._pile(slot, ABSENT)


def _is_container(value: Any) -> bool:
    return isinstance(value, (Tree, list))


def _may_be_container(value: Any) -> bool:
    return isinstance(value, Text) and value.whole is not None


def _depends(lower: Any, upper: Any) -> bool:
    """Whether a reference decides if two contributions are merged."""
    if lower is ODD or (_is_container(lower) and upper is not None):
        return True
    return _may_be_container(lower) and _is_container(upper)


def _words(value: Any) -> str:
    if value is ODD:
        return "merged references"
    if isinstance(value, Text):
        return str(value)
    return "a map" if isinstance(value, Tree) else "a list" if isinstance(value, list) else repr(value)


def _text(text: Text, origin: Origin) -> str:
    written = ""
    for part in text.parts:
        if isinstance(part, Reference):
            if written.endswith("$"):
                why = "a dollar sign just before a reference would escape it; the value itself is written out"
                raise _NotSayableError(origin, str(text), why)
            written += f"${{{_path(part, origin)}}}"
        else:
            written += literal_text(part)
    return written


def _path(reference: Reference, origin: Origin) -> str:
    path = reference.path
    if path is None:
        raise _NotSayableError(origin, str(reference), "references do not nest; the value it comes to is written out")
    keys = split(path)
    if any(_UNQUOTABLE.intersection(key) for key in keys):
        raise _NotSayableError(
            origin, str(reference), "its path cannot be written; the value it comes to is written out"
        )
    return show_path(tuple(keys))
