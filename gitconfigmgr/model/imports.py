"""What an importer makes of another tool's repository, and how plain data is written in our language.

An importer is found by name in the entry-point group `gitconfigmgr.importers`. It reads the other repository without
running its tool, and tells three things: the documents of ours it proposes, the values the tool itself computes, and
what could not be carried over. `gitconfigmgr.app.importing` holds the documents against the values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitconfigmgr.model.names import Target


class Place(NamedTuple):
    """A document of the new repository."""

    namespace: str
    environment: str


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """Something of the source that the new repository does not have, or has in another form.

    `file` is relative to the imported folder, `line` counts from 1 (0: not known); `what` is found there, `why` tells
    what became of it and what to do.
    """

    file: str
    line: int
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A repository as an importer proposes it.

    settings: the content of gitconfigmgr.yaml. documents: plain data with directives, as YAML would hold it.
    effective: the value of every target as the other tool computes it, JSON types only. sources: the files each
    document was made from. losses: see Loss. failures: units of the source that have no target here at all.
    """

    settings: Mapping[str, Any]
    documents: Mapping[Place, dict[str, Any]]
    effective: Mapping[Target, dict[str, Any]]
    sources: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    failures: tuple[Loss, ...] = ()


class Importer(Protocol):
    """Reads a folder. Raises UsageError where there is nothing it understands; changes nothing, runs nothing."""

    def __call__(self, folder: Path, environment: str) -> Imported:
        """The repository in `folder`, for targets of one environment."""
        ...


def literal(value: Any) -> Any:
    """Plain data as a layer document has to hold it, so that nothing in it is a directive or a reference."""
    if isinstance(value, dict):
        return {literal_key(key): literal(child) for key, child in value.items()}
    if isinstance(value, list):
        return [literal(child) for child in value]
    return literal_text(value) if isinstance(value, str) else value


def literal_key(key: str) -> str:
    """A key that is no directive."""
    return f"${key}" if key.startswith("$") else key


def literal_text(text: str) -> str:
    """A text that holds no reference."""
    return text.replace("${", "$${")


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same JSON: 1 is 1.0, and not true."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
