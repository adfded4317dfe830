"""What the contributions to one place come to, as far as that can be told without the values of references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitconfigmgr.adapters.importers.reclass.texts import Text
from gitconfigmgr.adapters.importers.reclass.values import Entry, Options, Origin, Slot, Tree, merged
from gitconfigmgr.model.imports import Loss

ABSENT: Any = object()
ODD: Any = object()  # a reference decides what it is

NOWHERE = Origin("", 0)

_MERGED = "a reference decides whether they are merged; the value itself is written out"
_PREPENDED = "reclass puts the scalar before the list; the value itself is written out"
_IGNORED = "it changes a constant, which strict_constant_parameters: false lets reclass ignore; it is left out"


class NotSayableError(Exception):
    """Our language has no words for it."""

    def __init__(self, origin: Origin, what: str, why: str) -> None:
        super().__init__(what)
        self.loss = Loss(origin.file, origin.line, what, why)


@dataclass(slots=True)
class Fold:
    """`current` is what is there with all that lies below; `content` and `operation` are what this layer says.

    Operations: set, replace, append (to a list below), merge (with a map below). `constant` is where a constant was
    declared, here or below, and `origin` where the last contribution stands.
    """

    current: Any
    options: Options
    operation: str = ""
    content: Any = ABSENT
    constant: Origin | None = None
    origin: Origin = NOWHERE

    def add(self, entry: Entry) -> None:
        """One more contribution, as reclass merges it. Raises NotSayableError."""
        if self.constant is not None and not self.options.strict_constant_parameters:
            raise NotSayableError(entry.origin, words(entry.content), _IGNORED)
        self.origin = entry.origin
        if entry.overwrite:
            self.operation, self.content, self.current = "replace", entry.content, entry.content
        else:
            self._over(entry.content)
        if entry.constant:
            self.constant = entry.origin

    def _over(self, new: Any) -> None:
        lower = self.current
        if lower is ABSENT:
            self._set("set", new)
        elif isinstance(lower, list) and isinstance(new, list):
            self._extend("append", new, lower + new, self.content + new if self.operation else new)
        elif isinstance(lower, Tree) and isinstance(new, Tree):
            both = merged(lower, new)
            content = merged(self.content, new) if self.operation == "merge" else both
            self._extend("merge", new, both, content)
        elif lower is ODD or (is_container(lower) and depends(new)) or (depends(lower) and is_container(new)):
            raise NotSayableError(self.origin, f"{words(new)} over {words(lower)}", _MERGED)
        elif isinstance(new, list) and lower is not None and not is_container(lower):
            raise NotSayableError(self.origin, f"{words(new)} over {words(lower)}", _PREPENDED)
        else:
            self._set("replace" if is_container(lower) or is_container(new) else "set", new)

    def _extend(self, operation: str, new: Any, current: Any, content: Any) -> None:
        self.content = content if self.operation else new
        self.operation = self.operation or operation
        self.current = current

    def _set(self, operation: str, new: Any) -> None:
        self.operation = "replace" if self.operation == "replace" else operation
        self.content = self.current = new


def below(slot: Slot | None, options: Options) -> Fold:
    """The fold that a layer above a slot begins with."""
    fold = Fold(ABSENT if slot is None else slot, options)
    if slot is not None and not isinstance(slot, Tree):
        fold.current = ABSENT
        for entry in slot.entries:
            try:
                fold.add(entry)
            except NotSayableError as problem:
                if problem.loss.why != _IGNORED:
                    fold.current = ODD
    return Fold(fold.current, options, constant=fold.constant)


def is_container(value: Any) -> bool:
    """Whether a value is a map or a list."""
    return isinstance(value, (Tree, list))


def depends(value: Any) -> bool:
    """Whether a value may be a map or a list: it is a reference and nothing else."""
    return isinstance(value, Text) and value.whole is not None


def words(value: Any) -> str:
    """A value as reports name it."""
    if value is ODD:
        return "merged references"
    if isinstance(value, Text):
        return str(value)
    return "a map" if isinstance(value, Tree) else "a list" if isinstance(value, list) else repr(value)
