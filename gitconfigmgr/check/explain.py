"""Why a document is invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.branches import Breach, Chooser
from gitconfigmgr.check.opaque import hide, stand_in
from gitconfigmgr.check.subschemas import show_pointer

if TYPE_CHECKING:
    from gitconfigmgr.check.fast import Fast
    from gitconfigmgr.check.library import File, Library
    from gitconfigmgr.check.opaque import Opaque
    from gitconfigmgr.check.reference import Reference
    from gitconfigmgr.model.values import Node


def breaches(file: File, fast: Fast, reference: Reference, library: Library, node: Node) -> list[Breach]:
    """The broken rules. Where the second validator has nothing to say, the first one's errors, without words."""
    hidden: dict[tuple[str | int, ...], Opaque] = {}
    instance = hide(node, (), hidden)
    try:
        errors = reference.errors(instance)
    except RecursionError:
        errors = []
    if errors or hidden:
        return Chooser(library.targets).breaches(errors)
    found = []
    for path, rule in fast.errors(stand_in(instance)):
        value = instance
        for part in path:
            value = value[part]
        found.append(Breach("", None, value, path, None, detail=f"{file.name}#{show_pointer(rule)}"))
    return found
