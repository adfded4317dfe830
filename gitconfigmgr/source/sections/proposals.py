"""`proposals`: what becomes of changes that agents propose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.settings import Proposals

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.source.sections.reader import SectionReader


def read(reader: SectionReader, node: Node | None) -> Proposals:
    """The keys that a person decides about."""
    if node is None:
        return Proposals()
    protected = reader.members(node, ("protected",), "proposals").get("protected")
    if protected is None:
        return Proposals()
    if not isinstance(protected.value, list):
        reader.report("GCM140", "proposals.protected is a list", protected, "such as [acme/*:api.key]")
        return Proposals()
    from gitconfigmgr.sync.protection import check_pattern

    for entry in protected.value:
        try:
            check_pattern(str(entry.value))
        except ValueError as error:
            reader.report("GCM140", f"no entry for proposals.protected: {error}", entry)
    return Proposals(tuple(str(entry.value) for entry in protected.value))
