"""The path of a value, from a Git tree to effective documents. Read this first.

    Tree -> source: documents -> resolve: merge, references -> check: schemas -> Compiled

Everything that compiles, checks, explains or (later) releases goes through `Repository`; there is no other way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.hygiene.marked import with_kinds
from gitconfigmgr.check.hygiene.repository import Hygiene
from gitconfigmgr.model.diagnostics import Diagnostic, Position
from gitconfigmgr.model.names import Target, prefixes
from gitconfigmgr.model.subjects import Subject
from gitconfigmgr.model.values import SEALED, Document, Node, plain
from gitconfigmgr.ports import FETCH, MissingObjectError
from gitconfigmgr.resolve.resolution import Resolution, Resolutions
from gitconfigmgr.rules import Rules, read_from
from gitconfigmgr.source import layout as layouts
from gitconfigmgr.source.metadata import read_metadata
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.scalars import Refused, read_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from gitconfigmgr.check.hygiene.layers import Unusable
    from gitconfigmgr.model.metadata import Metadata
    from gitconfigmgr.model.settings import Environment
    from gitconfigmgr.ports import PolicyEngine, Tree, Versions
    from gitconfigmgr.resolve.stack import Slot
    from gitconfigmgr.secrets.selection import Selection


@dataclass(slots=True)
class Compiled:
    """One target: its effective document (None where a layer could not be read), and what was found in it.

    `met` are the policies that had something to judge, `spends` is the budget of a month.
    """

    target: Target
    root: Node | None
    resolution: Resolution
    findings: list[Diagnostic]
    met: frozenset[str] = frozenset()
    spends: float | None = None


class Repository:
    """A config repository at one state: settings, layout, and its targets on demand.

    `findings` are those that belong to files rather than to targets; they grow as documents are read. Raises
    SettingsError, and UsageError where there is no gitconfigmgr.yaml.
    """

    def __init__(
        self,
        tree: Tree,
        read_packaged: Callable[[str], bytes | None],
        now: date | None = None,
        base: Tree | None = None,
        before: Repository | None = None,
        engine: Callable[[str], PolicyEngine] | None = None,
        versions: Versions | None = None,
    ) -> None:
        """`base` is where rules are read from, instead of `tree`; `before` is where a change began, `engine` see Rules.

        `versions` gives what references to recorded versions (`@17`) name.
        """
        self.tree = tree
        self.before = before
        self.findings: list[Diagnostic] = []
        self.now_asked = False  # whether the date took part in anything
        self.inputs_elsewhere: set[str] = set()  # inputs that forked processes asked for
        self._now_read = False
        self.now = now
        self.rules = Rules(tree, base, read_packaged, engine, lambda: self.metadata, self.today)
        self.settings = self.rules.settings
        self.schemas = self.rules.schemas
        self.layout = layouts.lay_out(
            tree.files(layouts.ROOT), tree.oddities(layouts.ROOT), list(self.settings.environments)
        )
        self.findings += self.layout.findings
        self.documents: dict[str, Document] = {}
        self.read_before: set[str] = set()  # documents whose findings are known, forgotten or read by another process
        self.hygiene = Hygiene(self.settings, self.layout.documents, self.read, _sops_rule)
        self.resolutions = Resolutions(
            self.settings,
            self.layout.documents,
            self.layout.documents.keys() | self.layout.metadata.keys(),
            self._load,
            self.schemas.view,
            _default_value,
            self._now,
            versions,
        )

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

    def matchable(self) -> list[tuple[Target, Environment, dict[str, Any]]]:
        """The targets with what policies match them by."""
        described = {name: self.described(name) for name in {target.namespace for target in self.targets}}
        metadata = {name: {key: plain(node) for key, node in found.items()} for name, found in described.items()}
        environments = self.settings.environments
        return [(target, environments[target.environment], metadata[target.namespace]) for target in self.targets]

    def described(self, namespace: str) -> dict[str, Node]:
        """The metadata that holds for a namespace: its own, and what those above it say of other keys."""
        merged: dict[str, Node] = {}
        for name in prefixes(namespace):
            metadata = self.metadata.get(name)
            if metadata is not None and metadata.root is not None:
                merged |= metadata.root.value
        return merged

    def found_in_files(self) -> list[Diagnostic]:
        """What was found until now in files rather than in targets."""
        return self.rules.waivers.apply(self.findings + self.rules.found_in_files())

    def inputs(self) -> set[str]:
        """The files that decide about every target, as far as they were asked for until now."""
        return self.inputs_elsewhere | self.rules.inputs()

    def _judge(self, target: Target, root: Node) -> tuple[list[Diagnostic], Subject]:
        environment = self.settings.environments[target.environment]
        before = self.before
        previous = None if before is None else cache(partial(before.effective, target))
        subject = Subject(target, root, environment, self.described(target.namespace), self._now, previous)
        return [item for judge in self.rules.judges for item in judge.judge(subject)], subject

    def compile(self, target: Target) -> Compiled:
        """The effective document of a target, checked."""
        resolution = self.resolved(target)
        findings = list(resolution.findings)
        subject = None
        if resolution.root is not None:
            known = {item.position for item in findings if item.code == "GCM205"}
            view = self.schemas.view(target.namespace)
            found = view.check(resolution.root)
            findings += [item for item in found if item.code != "GCM403" or item.position not in known]
            if view.marks is not None:
                findings += self.hygiene.misused(resolution.root, view.marks)
            judged, subject = self._judge(target, resolution.root)
            findings += judged
        affected = [item if item.affects else replace(item, affects=(target,)) for item in findings]
        compiled = Compiled(target, resolution.root, resolution, self.rules.waivers.apply(affected))
        return compiled if subject is None else replace(compiled, met=frozenset(subject.met), spends=subject.spends)

    def resolved(self, target: Target) -> Resolution:
        """The effective document of a target, its secrets with their kinds, before anything is checked."""
        resolution = self.resolutions.resolve(target)
        root = resolution.root
        marks = self.schemas.view(target.namespace).marks if root is not None and root.flags & SEALED else None
        if root is None or marks is None:
            return resolution
        return replace(resolution, root=with_kinds(root, marks))

    def read_all(self) -> None:
        """Read the documents that no target asked for, so that their findings are known."""
        for namespace, paths in self.layout.documents.items():
            for environment, path in paths.items():
                if path not in self.read_before:
                    self._document(namespace, environment, path)

    def read_some(self, paths: Iterable[str]) -> None:
        """Read some documents for their findings."""
        places = {path: (ns, env) for ns, found in self.layout.documents.items() for env, path in found.items()}
        for path in paths:
            if path in places:
                self._document(*places[path], path)

    def effective(self, target: Target) -> Node | None:
        """The effective document of a target, unchecked; None where there is none, or where it cannot be read."""
        return self.resolutions.resolve(target).root if target in self._known_targets else None

    @cached_property
    def _known_targets(self) -> frozenset[Target]:
        return frozenset(self.targets)

    def identity(self, path: str) -> str | None:
        """The blob id of any file; None where there is none. Of a folder of rules, with a `/`, the names of its files."""
        if path.endswith("/"):
            return " ".join(self.rules.files(path[:-1]))
        return None if self.read(path) is None else self.tree.blob_id(path)

    def today(self) -> date | None:
        """The date that `$until` is held against."""
        asked = self.now_asked
        found = self._now()
        self.now_asked = asked
        return found

    def forget(self, namespace: str) -> None:
        """Drop what only the targets of one namespace needed."""
        if self.before is not None:
            self.before.forget(namespace)
        self.resolutions.forget()
        if not any(target.namespace == namespace for target in self.resolutions.kept):
            for path in self.layout.documents.get(namespace, {}).values():
                document = self.documents.pop(path, None)
                if document is not None:
                    document.root = None  # its nodes point back at it: they are freed now, not by the collector
                    self.read_before.add(path)

    def layer(self, path: str) -> Document | None:
        """The layer in a file, as it was read; None where the file is none."""
        folder, _, name = path.rpartition("/")
        namespace, environment = folder[len(layouts.ROOT) + 1 :], name.removesuffix(".yaml")
        known = self.layout.documents.get(namespace, {}).get(environment) == path
        return self._document(namespace, environment, path) if known else None

    def _load(self, slot: Slot) -> Document:
        assert slot.path is not None
        return self._document(slot.namespace, slot.environment, slot.path)

    def _document(self, namespace: str, environment: str, path: str) -> Document:
        document = self.documents.get(path)
        if document is None:
            data = self._read_or_report(path)
            if data is None:
                document = Document(path, namespace, environment, "", None)
            else:
                blob_id = self.tree.blob_id(path)
                document, findings = read_document(path, namespace, environment, blob_id, data, self.settings.limits)
                self.findings += findings + self.hygiene.inspect(document, data)
            self.documents[path] = document
        return document

    def _read_or_report(self, path: str) -> bytes | None:
        try:
            return self.tree.read(path)
        except MissingObjectError:
            message = f"Git has no content for {path} in this clone"
            self.findings.append(Diagnostic("GCM124", message, Position(path), help=FETCH))
            return None

    def read(self, path: str) -> bytes | None:
        """The bytes of any file; None where it is missing, from the folder or from Git."""
        return read_from(self.tree, path)

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


def _sops_rule(block: dict[str, Any]) -> Selection | Unusable:
    """Which values a sops block wants encrypted; without google-re2 as far as another engine surely reads it alike."""
    from gitconfigmgr.check.hygiene.layers import Unusable, plain_search
    from gitconfigmgr.secrets.errors import RulesError
    from gitconfigmgr.secrets.selection import selection_from

    try:
        return selection_from(block)
    except RulesError as error:
        return Unusable(str(error), error.hint)
    except ModuleNotFoundError:
        try:
            return selection_from(block, plain_search)
        except ValueError:
            message = (
                "whether all values that it selects are encrypted cannot be told here: google-re2 is not installed"
            )
            return Unusable(message, "install it: pip install 'gitconfigmgr[secrets]'", "warning")
