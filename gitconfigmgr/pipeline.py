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
from gitconfigmgr.check.llm.catalog import LOCK
from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.check.policies.judge import Policies
from gitconfigmgr.check.policies.waivers import Waivers
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate
from gitconfigmgr.model.names import Target, prefixes
from gitconfigmgr.model.subjects import Subject
from gitconfigmgr.model.values import SEALED, Document, Node, plain
from gitconfigmgr.ports import MissingObjectError
from gitconfigmgr.resolve.resolution import Resolution, Resolutions
from gitconfigmgr.source import layout as layouts
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.metadata import read_metadata
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.rules import under
from gitconfigmgr.source.scalars import Refused, read_plain
from gitconfigmgr.source.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from gitconfigmgr.check.hygiene.layers import Unusable
    from gitconfigmgr.model.metadata import Metadata
    from gitconfigmgr.model.policies import Policy
    from gitconfigmgr.model.settings import Environment, Settings
    from gitconfigmgr.ports import Judge, PolicyEngine, Tree, Versions
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
    """One target: its effective document (None where a layer could not be read), and what was found in it.

    `met` are the policies that had something to judge.
    """

    target: Target
    root: Node | None
    resolution: Resolution
    findings: list[Diagnostic]
    met: frozenset[str] = frozenset()


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
        rules: Tree | None = None,
        before: Repository | None = None,
        engine: Callable[[str], PolicyEngine] | None = None,
        versions: Versions | None = None,
    ) -> None:
        """`rules` is where settings and rule files are read from, instead of `tree`; `before` is the base of a change.

        `engine` opens what evaluates the policies of a language; without it a repository must have no policies.
        `versions` gives what references to recorded versions (`@17`) name.
        """
        self.tree = tree
        self._read_packaged = read_packaged
        self._engine = engine
        self.rules = rules or tree
        self.before = before
        self.findings: list[Diagnostic] = []
        self.now_asked = False  # whether the date took part in anything
        self.inputs_elsewhere: set[str] = set()  # inputs that forked processes asked for
        self._now_read = False
        self.now = now
        self.settings = self._settings()
        self.layout = layouts.lay_out(
            tree.files(layouts.ROOT), tree.oddities(layouts.ROOT), list(self.settings.environments)
        )
        self.findings += self.layout.findings
        self.schemas = SchemaSet(self.settings.schemas, self._read_schema, read_packaged)
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
            versions,
        )

    def _settings(self) -> Settings:
        settings = settings_of(self.tree)
        return settings if self.rules is self.tree else under(settings_of(self.rules), settings)

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
        models = LlmJudge(
            self.settings.models, self.schemas.view, lambda: self.metadata, self._model_tables, self._read_packaged
        )
        return [models, self.policies]

    def _model_tables(self) -> list[bytes]:
        """The repository's tables of models: that of the base, and for what it lacks that of the change."""
        found = (self.read_rule(LOCK), self.read(LOCK))
        return [data for data in dict.fromkeys(found) if data is not None]

    @cached_property
    def policies(self) -> Policies:
        """The policies in force: those in policies/, and the packaged ones that the settings name."""
        files, uses = self.rule_files(layouts.POLICIES), self.settings.policies
        passed_over = layouts.passed_over(files, self.rules.oddities(layouts.POLICIES))
        read: list[tuple[str, Policy | None, list[Diagnostic]]] = [(layouts.POLICIES, None, passed_over)]
        if files or uses:
            from gitconfigmgr.source.policies import read_policies

            read += read_policies(files, uses, self.read_rule, self._read_packaged)
        return Policies(read, uses, [f"{layouts.POLICIES}/", *files], self._engine or _no_engine)

    def matchable(self) -> list[tuple[Target, Environment, dict[str, Any]]]:
        """The targets with what policies match them by."""
        described = {name: self.described(name) for name in {target.namespace for target in self.targets}}
        metadata = {name: {key: plain(node) for key, node in found.items()} for name, found in described.items()}
        environments = self.settings.environments
        return [(target, environments[target.environment], metadata[target.namespace]) for target in self.targets]

    @cached_property
    def waivers(self) -> Waivers:
        """What waivers.yaml lets pass."""
        data = self.read_rule(layouts.WAIVERS)
        if data is None:
            return Waivers([], [], None)
        from gitconfigmgr.source.waivers import read_waivers

        rules, findings = read_waivers(data)
        return Waivers(rules, findings, self.today())

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
        judged = (item for judge in self.judges for item in judge.findings)
        return self.waivers.apply([*self.findings, *self.schemas.findings, *judged, *self.waivers.findings])

    def inputs(self) -> set[str]:
        """The files that decide about every target, as far as they were asked for until now."""
        return self.inputs_elsewhere.union(self.schemas.paths, *(judge.inputs() for judge in self.judges))

    def _judge(self, target: Target, root: Node) -> tuple[list[Diagnostic], frozenset[str]]:
        if not self.judges:
            return [], frozenset()
        environment = self.settings.environments[target.environment]
        before = self.before
        previous = None if before is None else cache(partial(before.effective, target))
        subject = Subject(target, root, environment, self.described(target.namespace), self._now, previous)
        return [item for judge in self.judges for item in judge.judge(subject)], frozenset(subject.met)

    def compile(self, target: Target) -> Compiled:
        """The effective document of a target, checked."""
        resolution = self.resolved(target)
        findings = list(resolution.findings)
        met: frozenset[str] = frozenset()
        if resolution.root is not None:
            known = {item.position for item in findings if item.code == "GCM205"}
            view = self.schemas.view(target.namespace)
            found = view.check(resolution.root)
            findings += [item for item in found if item.code != "GCM403" or item.position not in known]
            if view.marks is not None:
                findings += self.hygiene.plaintext(resolution.root, view.marks)
            judged, met = self._judge(target, resolution.root)
            findings += judged
        affected = [item if item.affects else replace(item, affects=(target,)) for item in findings]
        return Compiled(target, resolution.root, resolution, self.waivers.apply(affected), met)

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
                if path not in self._read_before:
                    self._document(namespace, environment, path)

    def read_some(self, paths: Iterable[str]) -> None:
        """Read some documents for their findings."""
        places = {path: (ns, env) for ns, found in self.layout.documents.items() for env, path in found.items()}
        for path in paths:
            if path in places:
                self._document(*places[path], path)

    def read_rule(self, path: str) -> bytes | None:
        """The bytes of a file that says what is allowed: that of the base revision where there is one."""
        return _read(self.rules, path)

    def rule_files(self, folder: str) -> list[str]:
        """The paths of the rule files below a folder, sorted."""
        return sorted(self.rules.files(folder))

    def _read_schema(self, path: str) -> bytes | None:
        """A schema that the base lacks is the change's own: it can only ask for more."""
        data = self.read_rule(path)
        return self.read(path) if data is None else data

    def effective(self, target: Target) -> Node | None:
        """The effective document of a target, unchecked; None where there is none, or where it cannot be read."""
        return self.resolutions.resolve(target).root if target in self._known_targets else None

    @cached_property
    def _known_targets(self) -> frozenset[Target]:
        return frozenset(self.targets)

    def identity(self, path: str) -> str | None:
        """The blob id of any file; None where there is none. Of a folder of rules, with a `/`, the names of its files."""
        if path.endswith("/"):
            return " ".join(self.rule_files(path[:-1]))
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
                document = self._documents.pop(path, None)
                if document is not None:
                    document.root = None  # its nodes point back at it: they are freed now, not by the collector
                    self._read_before.add(path)

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
        return _read(self.tree, path)

    def _now(self) -> date | None:
        if self.now is None and not self._now_read:
            self._now_read = True
            time = self.tree.time()
            self.now = time.date() if time else None
        self.now_asked = True
        return self.now


def settings_of(tree: Tree) -> Settings:
    """The settings in a tree. Raises SettingsError, and UsageError where there are none."""
    data = _read(tree, layouts.SETTINGS)
    if data is None:
        raise UsageError(
            f"there is no {layouts.SETTINGS} here, or it is a link",
            "run `gitconfigmgr init`, name the repository by -C, or `git add` it where only the work tree has it",
        )
    settings, findings = read_settings(layouts.SETTINGS, tree.blob_id(layouts.SETTINGS), data)
    if findings:
        raise SettingsError(findings, partial(_read, tree))
    return settings


def _read(tree: Tree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except MissingObjectError:
        return None


def _no_engine(language: str) -> PolicyEngine:
    raise UsageError(f"policies in {language} cannot be evaluated here")


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
