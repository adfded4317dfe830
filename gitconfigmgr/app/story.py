"""`history`: everything the page about one target tells: its versions with their changes, and where its values come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.app.blame import Line, blame
from gitconfigmgr.app.diff import identity_of, state_of
from gitconfigmgr.app.log import Entry, log
from gitconfigmgr.history.changes import Change, changes
from gitconfigmgr.history.documents import node_at
from gitconfigmgr.history.lists import no_identity
from gitconfigmgr.pipeline import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.app.log import Log
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.values import Node


@dataclass(frozen=True, slots=True)
class Chapter:
    """A version with what it changed."""

    entry: Entry
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Value:
    """An effective value now: since which version, and the node that tells where it is set."""

    line: Line
    node: Node | None


@dataclass(frozen=True, slots=True)
class Story:
    """`chapters` are newest first. `values` are empty where the target is gone or broken now."""

    log: Log
    tip: str
    chapters: list[Chapter]
    values: list[Value]

    @property
    def target(self) -> Target:
        """Whose story it is."""
        return self.log.target


def story(chronicle: Chronicle, namespace: str, environment: str, limit: int) -> Story:
    """The story of a target; the changes of its newest versions. Raises UsageError where it has none."""
    found = log(chronicle, namespace, environment, limit=limit)
    target = found.target
    now = chronicle.repository(len(chronicle.commits) - 1)
    chapters = told(chronicle, found.entries)
    values = []
    if isinstance(now, Repository) and target in now.targets and not found.entries[0].version.broken:
        root = state_of(now, target).root
        values = [
            Value(line, node_at(root, line.path)) for line in blame(chronicle, namespace, environment, None).lines
        ]
    return Story(found, chronicle.lineage.tip or "", chapters, values)


def told(chronicle: Chronicle, entries: Sequence[Entry]) -> list[Chapter]:
    """Versions with what each changed; list items by what identifies them now."""
    now = chronicle.repository(len(chronicle.commits) - 1)
    chapters = []
    for entry in entries:
        versions = chronicle.versions(entry.target)[: entry.version.number]
        before = next((version for version in versions[-2::-1] if not version.broken), None)
        old, new = (
            chronicle.document(entry.target, version.number) if version is not None and version.digest else {}
            for version in (before, entry.version)
        )
        identity = identity_of(now, entry.target.namespace) if isinstance(now, Repository) else no_identity
        chapters.append(Chapter(entry, [] if entry.version.broken else changes(old, new, identity)))
    return chapters
