"""What is kept of the records of one target between runs, and may be lost at any time.

Two files: the records with the traces that made them, and the documents, which most questions do not need. Both are read
when they are asked for. Records hold for the tip of a line, traces and documents for the ids of Git objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gitconfigmgr.history.documents import digest
from gitconfigmgr.history.records import Found
from gitconfigmgr.history.texts import (
    read_commit,
    read_document,
    read_version,
    write_commit,
    write_document,
    write_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.history.records import Fold, Version
    from gitconfigmgr.model.revisions import Commit
    from gitconfigmgr.ports import StateStore

FORMAT = 3
Dependency = tuple[str, str, str | None]  # kind, name, what it was: see records._Builder.current


@dataclass(slots=True)
class Trace:
    """What a target was, given its own files and these dependencies."""

    dependencies: list[Dependency]
    found: Found


class Memory:
    """`identity` names what made the records: those of another maker are not read."""

    def __init__(self, store: Callable[[str], StateStore | None], name: str, identity: str) -> None:
        self._stores = store(name), store(f"{name} documents")
        self._identity = f"{FORMAT} {identity}"

    @cached_property
    def _records(self) -> dict[str, Any]:
        return self._load(self._stores[0])

    @cached_property
    def _documents(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = self._load(self._stores[1]).get("documents", {})
        return found

    def _load(self, store: StateStore | None) -> dict[str, Any]:
        state = store.load() if store is not None else None
        return state if state is not None and state.get("identity") == self._identity else {}

    def forget(self) -> None:
        """Have nothing."""
        self._records = {}
        self._documents = {}
        self.__dict__.pop("versions", None)

    @property
    def tip(self) -> str | None:
        """The last commit of the line that the records are of; empty where there are none."""
        tip: str | None = self._records.get("tip", "")
        return tip

    @property
    def prefix(self) -> str | None:
        """The folder that the records are of."""
        return self._records.get("prefix")

    def whole(self) -> bool:
        """Whether every document that records and traces name is there."""
        return {each[3] for each in self._records.get("traces", ()) if each[3]} <= self._documents.keys()

    @cached_property
    def versions(self) -> list[Version]:
        """The records, oldest first."""
        return [read_version(stored) for stored in self._records.get("versions", ())]

    def commit(self, name: str) -> Commit | None:
        """A commit that made a version."""
        stored = self._records.get("commits", {}).get(name)
        return None if stored is None else read_commit(stored)

    def traces(self) -> dict[str, list[Trace]]:
        """What the target was, by the ids of its own files."""
        traces: dict[str, list[Trace]] = {}
        for key, dependencies, kind, digest_, errors in self._records.get("traces", ()):
            found = Found(kind, None, tuple(errors), digest_)
            traces.setdefault(key, []).append(Trace([tuple(each) for each in dependencies], found))
        return traces

    def last(self) -> tuple[Found, str]:
        """The state that the next one is compared with, and the digest of the last sound document."""
        kind, digest_, errors, base = self._records["last"]
        return Found(kind, None, tuple(errors), digest_), base

    def document(self, digest_: str) -> Any:
        """A document by its digest; None where it is not there."""
        stored = self._documents.get(digest_)
        return None if stored is None else read_document(stored)

    def save(
        self, tip: str | None, prefix: str, fold: Fold, traces: dict[str, list[Trace]], documents: dict[str, Any],
        commits: Sequence[Commit],
    ) -> None:  # fmt: skip
        """Remember. Failing to costs time, nothing else."""
        records, texts = self._stores
        if records is None or texts is None:
            return
        last, base = fold.last, digest(fold.document) if fold.document is not None else ""
        written = {name: write_document(document) for name, document in documents.items()}
        texts.save({"identity": self._identity, "documents": self._documents | written})
        flat = [(key, trace) for key, found in traces.items() for trace in found]
        records.save(
            {
                "identity": self._identity,
                "tip": tip,
                "prefix": prefix,
                "last": [last.kind, last.digest, list(last.errors), base],
                "versions": [write_version(version) for version in fold.versions],
                "commits": {commit.id: write_commit(commit) for commit in commits},
                "traces": [
                    [key, trace.dependencies, trace.found.kind, trace.found.digest, list(trace.found.errors)]
                    for key, trace in flat
                ],
            }
        )
