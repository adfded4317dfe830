"""Version records of targets along a line of commits, and what recorded versions hold.

Whether a commit can have changed a target is told by the ids of what it is made of, without reading anything; only then
it is compiled. What was found is remembered by these ids, and between runs by the tip of the line: a memory that may be
lost at any time. Records of an older tip are a beginning of those of a newer one.
"""

from __future__ import annotations

import gc
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.memory import Memory, Trace
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.history.documents import Secret, ordered, snapshot
from gitconfigmgr.history.lists import no_identity
from gitconfigmgr.history.records import ABSENT, BROKEN, DOCUMENT, NOTHING, Fold, Found, Version
from gitconfigmgr.model.names import Target, closest, prefixes
from gitconfigmgr.model.values import SEALED, TOP, UNUSUAL, Document, Node, Sealed, union_of_flags
from gitconfigmgr.ports import FETCH, DamagedTreeError
from gitconfigmgr.source.layout import ROOT, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.memory import Dependency
    from gitconfigmgr.model.revisions import Commit
    from gitconfigmgr.model.settings import Environment
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Lineage, StateStore, Tree, Versions

ROLLBACK = "Config-Rollback"  # the trailer of a commit that goes back to a version
_COLLECTED = 16  # times three repositories, until the memory of those before is freed
_UNUSABLE = f"{SETTINGS} cannot be used"
_REVERT = re.compile(r"^This reverts commit [0-9a-f]{40}", re.MULTILINE)
_SHALLOW = "versions are counted from the first commit: `git fetch --unshallow`, or `fetch-depth: 0` in CI"


class Chronicle:
    """The records of all targets along one line, each made when it is asked for.

    `open_state` makes the repository of a tree, given what its references to versions resolve by; `store` remembers by
    name. Raises OutsideError in a shallow clone.
    """

    def __init__(
        self,
        lineage: Lineage,
        open_state: Callable[[Tree, Versions], Repository],
        store: Callable[[str], StateStore | None],
        identity: str,
    ) -> None:
        if lineage.shallow:
            raise OutsideError("this clone is shallow, and a version's number depends on all before it", _SHALLOW)
        self.lineage = lineage
        self.identity = f"{identity} {lineage.identity}"
        self.open_state = open_state
        self.store = store
        self.busy = False  # while records are being made, only those of older commits may be asked for
        self._commits: list[str] | None = None
        self._places: dict[str, int] = {}
        self._builders: dict[Target, _Builder] = {}
        self._repositories: dict[str, Repository | Found] = {}
        self._environments: dict[str, dict[str, Environment] | None] = {}
        self._opened = 0  # repositories, by threes

    def versions(self, target: Target) -> list[Version]:
        """All records of a target, oldest first."""
        return self._built(target).complete()

    def version(self, target: Target, number: int) -> Version:
        """One record. Raises UsageError."""
        versions = self.versions(target)
        if not versions:
            raise UsageError(f"{target} has no versions here", self._hint(target))
        if not 0 < number <= len(versions):
            raise UsageError(f"{target} has no version {number}", f"its versions are 1 to {len(versions)}")
        return versions[number - 1]

    def document(self, target: Target, number: int) -> Any:
        """The document of a version. Raises UsageError where it has none."""
        version = self.version(target, number)
        if version.broken:
            raise UsageError(
                f"version {number} of {target} does not compile: {version.errors[0]}", "choose another one"
            )
        if not version.digest:
            raise UsageError(f"version {number} of {target} is its removal", "choose another one")
        return self._built(target).documents(version.digest)

    def recorded(self, target: Target, number: int, before: int | None = None) -> Node | str:
        """The document of a version made before a place of the line (None: its end), or why there is none."""
        builder = self._built(target)
        made = builder.until(before or 0) if self.busy else builder.complete()
        if before is not None:
            made = [version for version in made if (self.place(version.commit) or 0) < before]
        if not 0 < number <= len(made):
            there = f"its versions are 1 to {len(made)}" if made else "it has no versions"
            return f"{target.namespace} has no version {number} here; {there}"
        version = made[number - 1]
        if version.broken or not version.digest:
            why = "it does not compile" if version.broken else "it is its removal"
            return f"version {number} of {target.namespace} has no document: {why}"
        source = Document(f"{target.namespace}@{number}", target.namespace, target.environment, version.digest, None)
        return nodes(builder.documents(version.digest), source)

    def commit(self, version: Version) -> Commit:
        """The commit that made a version."""
        for builder in self._builders.values():
            known = builder.memory.commit(version.commit)
            if known is not None:
                return known
        return self.lineage.commit(version.commit)

    @property
    def commits(self) -> list[str]:
        """The line, oldest first."""
        if self._commits is None:
            self._commits = self.lineage.commits()
            self._places = {commit: place for place, commit in enumerate(self._commits)}
        return self._commits

    def place(self, commit: str | None) -> int | None:
        """Where a commit stands in the line."""
        return self._places.get(commit or "") if self.commits else None

    def _built(self, target: Target) -> _Builder:
        if target not in self._builders:
            self._builders[target] = _Builder(self, target)
        return self._builders[target]

    def _hint(self, target: Target) -> str:
        tip = self.lineage.tip
        if tip is None:
            return "there is no commit yet"
        state = self.repository(len(self.commits) - 1)
        if isinstance(state, Found):
            return "see `gitconfigmgr check`"
        environments = list(state.settings.environments)
        if target.environment not in environments:
            return f"known environments are {', '.join(environments)}"
        near = closest(target.namespace, sorted({known.namespace for known in state.targets} - {target.namespace}))
        return f"did you mean {near}?" if near else "no commit of this branch compiles it"

    def repository(self, place: int) -> Repository | Found:
        """The repository at a commit, or what every target is there."""
        from gitconfigmgr.rules import SettingsError

        commit = self.commits[place]
        if commit not in self._repositories:
            if len(self._repositories) > 2:
                self._repositories.clear()
                self._opened += 1
                if self._opened % _COLLECTED == 0:
                    gc.collect()  # a repository refers to itself, and the program runs without a collector
            try:
                tree = self.lineage.tree(commit)
                self._repositories[commit] = self.open_state(tree, partial(self.recorded, before=place))
            except SettingsError:
                self._repositories[commit] = Found(BROKEN, errors=(_UNUSABLE,))
            except UsageError:
                self._repositories[commit] = NOTHING
        return self._repositories[commit]

    def environments(self, commit: str) -> dict[str, Environment] | None:
        """The environments at a commit; None where the settings cannot be used."""
        from gitconfigmgr.rules import SettingsError, settings_of

        entry = self.lineage.entry(commit, SETTINGS)
        if entry is None:
            return {}
        if entry not in self._environments:
            try:
                self._environments[entry] = settings_of(self.lineage.tree(commit)).environments
            except SettingsError:
                self._environments[entry] = None
            except UsageError:
                self._environments[entry] = {}
        return self._environments[entry]


@dataclass
class _Builder:
    """The records of one target, up to a place of the line."""

    chronicle: Chronicle
    target: Target
    fold: Fold = field(default_factory=Fold)
    next: int = 0
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    changed: bool = False

    def __post_init__(self) -> None:
        self.known: dict[str, Any] = {}
        name = f"{self.target.namespace}@{self.target.environment}"
        self.memory = Memory(self.chronicle.store, name, self.chronicle.identity)
        self._begun = False

    def complete(self) -> list[Version]:
        """All records of the line."""
        if self.memory.tip == self.chronicle.lineage.tip and not self._begun:
            return self.memory.versions
        found = self.until(len(self.chronicle.commits))
        if self.changed:
            self.changed = False
            self._save()
        return found

    def until(self, end: int) -> list[Version]:
        """The records of the first commits of the line, or of more."""
        if not self._begun:
            self._begun = True
            self._resume()
        while self.next < end:
            place = self.next
            self.next += 1  # first: what is compiled may ask for older records of this target
            outer, self.chronicle.busy = self.chronicle.busy, True
            try:
                self._add(place)
            finally:
                self.chronicle.busy = outer
        return self.fold.versions

    def documents(self, digest_: str) -> Any:
        """A document by its digest."""
        if digest_ not in self.known:
            stored = self.memory.document(digest_)
            if stored is None:  # the store has lost it: everything is made again
                self.memory.forget()
                self.complete()
                return self.known[digest_]
            self.known[digest_] = stored
        return self.known[digest_]

    def _add(self, place: int) -> None:
        self.changed = True
        chronicle, last = self.chronicle, self.fold.last
        commit = chronicle.commits[place]
        try:
            found = self._found(commit, place)
        except DamagedTreeError as damage:
            found = NOTHING if last.kind == ABSENT else Found(BROKEN, errors=(str(damage),))
            chronicle.lineage.lacking += [str(damage)] if damage.missing else []
        if chronicle.lineage.lacking and chronicle.lineage.partial:
            raise OutsideError(
                f"this clone lacks {chronicle.lineage.lacking[0]}, and a version's number depends on it", FETCH
            )
        if (found.kind, found.digest) == (last.kind, last.digest):
            return
        said = chronicle.lineage.commit(commit)
        goes_back = bool(_REVERT.search(said.message)) or self._is_rollback(said)
        renamed = None
        if found.kind == DOCUMENT and last.kind == ABSENT:
            renamed = chronicle.lineage.renamed(commit, f"{ROOT}/{self.target.namespace}")
        from gitconfigmgr.app.diff import identity_of

        state = NOTHING if found.kind == BROKEN else chronicle.repository(place)
        identity = no_identity if isinstance(state, Found) else identity_of(state, self.target.namespace)
        self.fold.add(commit, found, identity, goes_back=goes_back, renamed_from=renamed and renamed[len(ROOT) + 1 :])

    def _is_rollback(self, commit: Commit) -> bool:
        name = f"{self.target.namespace}@{self.target.environment} "
        return any(key == ROLLBACK and value.startswith(name) for key, value in commit.trailers)

    def _found(self, commit: str, place: int) -> Found:
        if self.chronicle.environments(commit) is None:
            return NOTHING if self.fold.last.kind == ABSENT else Found(BROKEN, errors=(_UNUSABLE,))
        key = self.key(self.target, commit)
        if key is None:
            return NOTHING
        for trace in self.traces.get(key, ()):
            if all(self.current(kind, name, commit, place) == was for kind, name, was in trace.dependencies):
                found = trace.found
                known = found.kind == DOCUMENT and found.document is None
                return Found(DOCUMENT, self.documents(found.digest), (), found.digest) if known else found
        found, dependencies = self._compiled(commit, place)
        if found.kind == DOCUMENT:
            self.known[found.digest] = found.document
        self.traces.setdefault(key, []).append(Trace(dependencies, found))
        return found

    def key(self, target: Target, commit: str) -> str | None:
        """The ids of what a target is made of by itself; None where it cannot be there."""
        lineage = self.chronicle.lineage
        declared = (self.chronicle.environments(commit) or {}).get(target.environment)
        own = lineage.entry(commit, f"{ROOT}/{target.namespace}")
        if declared is None or (own is None and target == self.target):
            return None
        above = [name for name in prefixes(target.namespace) if name != target.namespace]
        files = [lineage.entry(commit, f"{ROOT}/{name}/{env}.yaml") for name in above for env in declared.chain]
        return " ".join(f"{part}" for part in (lineage.entry(commit, SETTINGS), own, *files))

    def current(self, kind: str, name: str, commit: str, place: int) -> str | None:
        """What a dependency is at a commit: a `path`, another `target`, or a recorded `version`."""
        if kind == "path":
            return self.chronicle.lineage.entry(commit, name)
        namespace, _, rest = name.rpartition("@")
        if kind == "target":
            return self.key(Target(namespace, rest), commit)
        environment, _, number = rest.partition(" ")
        recorded = self.chronicle.recorded(Target(namespace, environment), int(number), place)
        return recorded if isinstance(recorded, str) else recorded.document.blob_id

    def _compiled(self, commit: str, place: int) -> tuple[Found, list[Dependency]]:
        state = self.chronicle.repository(place)
        if isinstance(state, Found):
            return state, []
        if self.target not in state.targets:
            return NOTHING, []
        from gitconfigmgr.app.diff import state_of  # what is remembered needs no compiler

        effective = state_of(state, self.target)
        resolution = effective.resolution
        assert resolution is not None
        names = [("path", path) for path in sorted(state.schemas.paths)]
        names += [("path", f"{ROOT}/{t.namespace}") for t in sorted(resolution.sought)]
        names += [("target", f"{t.namespace}@{t.environment}") for t in sorted(resolution.used)]
        names += [("version", f"{t.namespace}@{t.environment} {number}") for t, number in sorted(resolution.pinned)]
        dependencies = [(kind, name, self.current(kind, name, commit, place)) for kind, name in names]
        if effective.root is None:
            errors = tuple(dict.fromkeys(_short(error) for error in effective.errors))
            return Found(BROKEN, errors=errors), dependencies
        return Found.of(ordered(snapshot(effective.root))), dependencies

    def _resume(self) -> None:
        """Go on from what is remembered, as far as it is of this line."""
        memory, lineage = self.memory, self.chronicle.lineage
        if not memory.whole():
            memory.forget()
            return
        self.traces = memory.traces()
        tip = self.chronicle.place(memory.tip)
        if tip is None or memory.prefix != lineage.prefix:
            return
        self.fold.versions = list(memory.versions)
        self.fold.last, base = memory.last()
        self.fold.document = self.documents(base) if base else None
        self.next = tip + 1

    def _save(self) -> None:
        """Remember. Failing to costs time, nothing else."""
        lineage = self.chronicle.lineage
        if lineage.lacking:
            return  # another clone, or this one later, may have it
        commits = [self.chronicle.commit(version) for version in self.fold.versions]
        self.memory.save(lineage.tip, lineage.prefix, self.fold, self.traces, self.known, commits)


def _short(error: Any) -> str:
    place = f" ({error.position.path}:{error.position.line})" if error.position else ""
    return f"{error.code} {error.message}{place}"


def nodes(value: Any, source: Document) -> Node:
    """A recorded document as nodes. What was a secret is a sealed value that nobody can open any more."""
    if type(value) is Secret:
        return Node(Sealed("", "str"), source, TOP, flags=SEALED)
    if isinstance(value, dict):
        members = {key: nodes(child, source) for key, child in value.items()}
        wide = UNUSUAL if any(not key.isascii() for key in members) else 0
        return Node(members, source, TOP, flags=union_of_flags(members.values()) | wide)
    if isinstance(value, list):
        items = [nodes(child, source) for child in value]
        return Node(items, source, TOP, flags=union_of_flags(items))
    number = isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53)
    return Node(value, source, TOP, flags=UNUSUAL if number else 0)
