"""Values that nobody here can see: secrets, and what a failed reference leaves behind. Only their type is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.values import DIRECTIVE, EXPRESSION, REQUIRED, SEALED, SEALED_TYPES, Sealed, Segments, plain

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node

HIDDEN = SEALED | EXPRESSION | REQUIRED | DIRECTIVE

_EVERY = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
# the types that a value of a SOPS type surely has; beside them those that it may have
_SURE = {
    "string": frozenset({"string"}),
    "integer": frozenset({"integer", "number"}),
    "number": frozenset({"number"}),
    "boolean": frozenset({"boolean"}),
}
_STAND_INS: dict[str, Any] = {"string": "<secret>", "integer": 1, "number": 0.5, "boolean": True}


class Opaque:
    """Stands for a value in an instance. `sure` and `possible` are JSON types; `type` is the word for messages."""

    __slots__ = ("possible", "stand_in", "sure", "type")

    def __init__(self, type_: str | None) -> None:
        self.type = type_
        self.sure = _SURE[type_] if type_ else frozenset[str]()
        self.possible = _EVERY if not type_ else self.sure | {"integer"} if type_ == "number" else self.sure
        self.stand_in = _STAND_INS[type_] if type_ else None

    def __repr__(self) -> str:
        return "<secret>"


def hide(node: Node, path: tuple[str | int, ...], hidden: dict[tuple[str | int, ...], Opaque]) -> Any:
    """The plain value of a node with an Opaque for each hidden leaf, which is noted in `hidden`."""
    value = node.value
    if not node.flags & HIDDEN:
        return plain(node)
    if type(value) is dict:
        return {key: hide(child, (*path, key), hidden) for key, child in value.items()}
    if isinstance(value, list):
        return [hide(child, (*path, index), hidden) for index, child in enumerate(value)]
    if isinstance(value, Sealed):
        leaf = Opaque(SEALED_TYPES.get(value.type))
    elif isinstance(value, Segments):
        leaf = Opaque("string")
    elif isinstance(value, (str, int, float, type(None))):
        return plain(node)
    else:
        leaf = Opaque(None)
    hidden[path] = leaf
    return leaf


def stand_in(instance: Any) -> Any:
    """The instance with a value of the right type for each Opaque."""
    if isinstance(instance, Opaque):
        return instance.stand_in
    if isinstance(instance, dict):
        return {key: stand_in(value) for key, value in instance.items()}
    if isinstance(instance, list):
        return [stand_in(value) for value in instance]
    return instance


def holds_opaque(instance: Any) -> bool:
    """Whether an Opaque is in the instance."""
    if isinstance(instance, dict):
        return any(map(holds_opaque, instance.values()))
    if isinstance(instance, list):
        return any(map(holds_opaque, instance))
    return isinstance(instance, Opaque)
