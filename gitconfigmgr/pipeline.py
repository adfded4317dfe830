"""The path of a value, from a Git tree to effective documents. Read this first.

    Tree -> source: documents -> resolve: merge, references -> check: schemas -> Compiled

Everything that compiles, checks, explains or (later) releases goes through `Repository`; there is no other way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.hygiene.marked import with_kinds
from gitconfigmgr.check.hygiene.repository import Hygiene
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate
from gitconfigmgr.model.names import Target, prefixes
from gitconfigmgr.model.subjects import Subject
from gitconfigmgr.model.values import SEALED, Document, Node
from gitconfigmgr.ports import MissingObjectError
from gitconfigmgr.resolve.resolution import Resolution, Resolutions
from gitconfigmgr.source import layout as layouts
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.metadata import read_metadata
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.scalars import Refused, read_plain
from gitconfigmgr.source.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from gitconfigmgr.model.metadata import Metadata
    from gitconfigmgr.model.settings import Settings
    from gitconfigmgr.ports import Judge, Tree
    from gitconfigmgr.resolve.stack import Slot
    from gitconfigmgr.secrets.selection import Selection


class SettingsError(UsageError):
    """gitconfigmgr.yaml cannot be used; the findings say why."""

    def __init__(self, findings: list[Diagnostic], read: Callable[[str], bytes | None]) -> None:
        super().__init__(f"{layouts.SETTINGS} cannot be used")
        self.findings = locate(collate(findings), read)
        self.read = read


@dataclass(slots=True)
class Compiled:
    """One target: its effective document (None where a layer could not be read), and what was found in it."""

    target: Target
    root: Node | None
    resolution: Resolution
    findings: list[Diagnostic]


class Repository:
    """A config repository at one state: settings, layout, and its targets on demand.

    `findings` are those that belong to files rather than to targets; they grow as documents are read. Raises
    SettingsError, and UsageError where there is no gitconfigmgr.yaml.
    """

    def __init__(self, tree: Tree, read_packaged: Callable[[str], bytes | None], now: date | None = None) -> None:
        self.tree = tree
        self.findings: list[Diagnostic] = []
        self.now_asked = False  # whether the date took part in anything
        self._now_read = False
        self.now = now
        self.settings = self._settings()
        self.layout = layouts.lay_out(
            tree.files(layouts.ROOT), tree.oddities(layouts.ROOT), list(self.settings.environments)
        )
        self.findings += self.layout.findings
        self.schemas = SchemaSet(self.settings.schemas, self.read, read_packaged)
        self._documents: dict[str, Document] = {}
        self._read_before: set[str] = set()
        self.hygiene = Hygiene(self.settings, self.layout.documents, self.read, _sops_rule)
        self.resolutions = Resolutions(
            self.settings,
            self.layout.documents,
            self.layout.documents.keys() | self.layout.metadata.keys(),
            self._load,
            self.schemas.view,
            _default_value,
            self._now,
        )

    def _settings(self) -> Settings:
        data = self.read(layouts.SETTINGS)
        if data is None:
            raise UsageError(
                f"there is no {layouts.SETTINGS} here, or it is a link",
                "run `gitconfigmgr init`, or name the repository by -C",
            )
        settings, findings = read_settings(layouts.SETTINGS, self.tree.blob_id(layouts.SETTINGS), data)
        if findings:
            raise SettingsError(findings, self.read)
        return settings

    @cached_property
    def metadata(self) -> dict[str, Metadata]:
        """What the `_namespace.yaml` files say, by namespace."""
        found = {}
        for namespace, path in self.layout.metadata.items():
            data = self._read_or_report(path)
            if data is not None:
                found[namespace], findings = read_metadata(
                    path, namespace, self.tree.blob_id(path), data, self.settings.limits
                )
                self.findings += findings
        return found

    @cached_property
    def targets(self) -> list[Target]:
        """All targets, sorted by namespace, environments as declared."""
        names = set(self.layout.leaves())
        names |= {name for name, metadata in self.metadata.items() if metadata.compile}
        return [Target(name, env) for name in sorted(names) for env in self.settings.compiled_environments()]

    @cached_property
    def judges(self) -> list[Judge]:
        """What judges effective documents beyond their schemas."""
        return []

    def described(self, namespace: str) -> dict[str, Node]:
        """The metadata that holds for a namespace: its own, and what those above it say of other keys."""
        merged: dict[str, Node] = {}
        for name in prefixes(namespace):
            metadata = self.metadata.get(name)
            if metadata is not None and metadata.root is not None:
                merged |= metadata.root.value
        return merged

    def inputs(self) -> set[str]:
        """The files that decide about every target, as far as they were asked for until now."""
        return self.schemas.paths.union(*(judge.inputs() for judge in self.judges))

    def _judge(self, target: Target, root: Node) -> list[Diagnostic]:
        if not self.judges:
            return []
        environment = self.settings.environments[target.environment]
        subject = Subject(target, root, environment, self.described(target.namespace), self._now)
        return [item for judge in self.judges for item in judge.judge(subject)]

    def compile(self, target: Target) -> Compiled:
        """The effective document of a target, checked."""
        resolution = self.resolutions.resolve(target)
        findings = list(resolution.findings)
        if resolution.root is not None:
            known = {item.position for item in findings if item.code == "GCM205"}
            view = self.schemas.view(target.namespace)
            found = view.check(resolution.root)
            findings += [item for item in found if item.code != "GCM403" or item.position not in known]
            if view.marks is not None:
                findings += self.hygiene.plaintext(resolution.root, view.marks)
                if resolution.root.flags & SEALED:
                    resolution = replace(resolution, root=with_kinds(resolution.root, view.marks))
            assert resolution.root is not None
            findings += self._judge(target, resolution.root)
        affected = [item if item.affects else replace(item, affects=(target,)) for item in findings]
        return Compiled(target, resolution.root, resolution, affected)

    def read_all(self) -> None:
        """Read the documents that no target asked for, so that their findings are known."""
        for namespace, paths in self.layout.documents.items():
            for environment, path in paths.items():
                if path not in self._read_before:
                    self._document(namespace, environment, path)

    def read_some(self, paths: Iterable[str]) -> None:
        """Read some documents for their findings."""
        places = {path: (ns, env) for ns, found in self.layout.documents.items() for env, path in found.items()}
        for path in paths:
            if path in places:
                self._document(*places[path], path)

    def identity(self, path: str) -> str | None:
        """The blob id of any file; None where there is none."""
        return None if self.read(path) is None else self.tree.blob_id(path)

    def today(self) -> date | None:
        """The date that `$until` is held against."""
        asked = self.now_asked
        found = self._now()
        self.now_asked = asked
        return found

    def forget(self, namespace: str) -> None:
        """Drop what only the targets of one namespace needed."""
        self.resolutions.forget()
        if not any(target.namespace == namespace for target in self.resolutions.kept):
            for path in self.layout.documents.get(namespace, {}).values():
                document = self._documents.pop(path, None)
                if document is not None:
                    document.root = None  # its nodes point back at it: they are freed now, not by the collector
                    self._read_before.add(path)

    def _load(self, slot: Slot) -> Document:
        assert slot.path is not None
        return self._document(slot.namespace, slot.environment, slot.path)

    def _document(self, namespace: str, environment: str, path: str) -> Document:
        document = self._documents.get(path)
        if document is None:
            data = self._read_or_report(path)
            if data is None:
                document = Document(path, namespace, environment, "", None)
            else:
                blob_id = self.tree.blob_id(path)
                document, findings = read_document(path, namespace, environment, blob_id, data, self.settings.limits)
                self.findings += findings + self.hygiene.inspect(document, data)
            self._documents[path] = document
        return document

    def _read_or_report(self, path: str) -> bytes | None:
        try:
            return self.tree.read(path)
        except MissingObjectError:
            help_ = "fetch it: `git fetch --unshallow`, or `git fetch --refetch` in a partial clone"
            message = f"Git has no content for {path} in this clone"
            self.findings.append(Diagnostic("GCM124", message, Position(path), help=help_))
            return None

    def read(self, path: str) -> bytes | None:
        """The bytes of any file; None where it is missing, from the folder or from Git."""
        try:
            return self.tree.read(path)
        except MissingObjectError:
            return None

    def _now(self) -> date | None:
        if self.now is None and not self._now_read:
            self._now_read = True
            time = self.tree.time()
            self.now = time.date() if time else None
        self.now_asked = True
        return self.now


def _default_value(text: str) -> object:
    value = read_plain(text)
    return value.value if isinstance(value, Refused) else value


def _sops_rule(block: dict[str, Any]) -> Selection | None:
    from gitconfigmgr.secrets.errors import RulesError
    from gitconfigmgr.secrets.selection import selection_from

    try:
        return selection_from(block)
    except (RulesError, ModuleNotFoundError):  # what is wrong with the block, `secret` says
        return None
