"""What says what is allowed: settings, schemas, policies, waivers and tables of models.

A change is judged by the rules of its base: with `base` every rule is read there, and from the change itself only
what the base does not have and what can only ask for more.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.catalog import LOCK
from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.check.policies.judge import Policies
from gitconfigmgr.check.policies.waivers import Waivers
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, collate
from gitconfigmgr.ports import MissingObjectError
from gitconfigmgr.source import layout as layouts
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.rules import under
from gitconfigmgr.source.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from gitconfigmgr.model.metadata import Metadata
    from gitconfigmgr.model.policies import Policy
    from gitconfigmgr.model.settings import Settings
    from gitconfigmgr.ports import Judge, PolicyEngine, Tree


class SettingsError(UsageError):
    """gitconfigmgr.yaml cannot be used; the findings say why."""

    def __init__(self, findings: list[Diagnostic], read: Callable[[str], bytes | None]) -> None:
        super().__init__(f"{layouts.SETTINGS} cannot be used")
        self.findings = locate(collate(findings), read)
        self.read = read


class Rules:
    """The rules for the documents in `tree`. Raises SettingsError, and UsageError where there is no gitconfigmgr.yaml."""

    def __init__(
        self,
        tree: Tree,
        base: Tree | None,
        read_packaged: Callable[[str], bytes | None],
        engine: Callable[[str], PolicyEngine] | None,
        metadata: Callable[[], dict[str, Metadata]],
        today: Callable[[], date | None],
    ) -> None:
        """`engine` opens what evaluates the policies of a language; without it a repository must have no policies."""
        self._tree = tree
        self._base = base or tree
        self._read_packaged = read_packaged
        self._engine = engine
        self._metadata = metadata
        self._today = today
        settings = settings_of(tree)
        self.settings = settings if base is None else under(settings_of(base), settings)
        self.schemas = SchemaSet(self.settings.schemas, self._read_schema, read_packaged)

    @cached_property
    def judges(self) -> list[Judge]:
        """What judges effective documents beyond their schemas."""
        models = LlmJudge(
            self.settings.models, self.schemas.view, self._metadata, self._model_tables, self._read_packaged
        )
        return [models, self.policies]

    @cached_property
    def policies(self) -> Policies:
        """The policies in force: those in policies/, and the packaged ones that the settings name."""
        files, uses = self.files(layouts.POLICIES), self.settings.policies
        passed_over = layouts.passed_over(files, self._base.oddities(layouts.POLICIES))
        read: list[tuple[str, Policy | None, list[Diagnostic]]] = [(layouts.POLICIES, None, passed_over)]
        if files or uses:
            from gitconfigmgr.source.policies import read_policies

            read += read_policies(files, uses, self.read, self._read_packaged)
        return Policies(read, uses, [f"{layouts.POLICIES}/", *files], self._engine or _no_engine)

    @cached_property
    def waivers(self) -> Waivers:
        """What waivers.yaml lets pass."""
        data = self.read(layouts.WAIVERS)
        if data is None:
            return Waivers([], [], None)
        from gitconfigmgr.source.waivers import read_waivers

        rules, findings = read_waivers(data)
        return Waivers(rules, findings, self._today())

    def read(self, path: str) -> bytes | None:
        """The bytes of a file of rules; None where there is none, in the base if there is a base."""
        return read_from(self._base, path)

    def files(self, folder: str) -> list[str]:
        """The paths of the files of rules below a folder, sorted."""
        return sorted(self._base.files(folder))

    def found_in_files(self) -> list[Diagnostic]:
        """What was found until now in the files of rules, but for the settings."""
        judged = (item for judge in self.judges for item in judge.findings)
        return [*self.schemas.findings, *judged, *self.waivers.findings, *self._not_read()]

    def _not_read(self) -> list[Diagnostic]:
        """Links where a file of rules would be: nobody reads them, and the rules in them do not hold."""
        bound = {item.schema for item in self.settings.schemas if not item.schema.startswith("gcm:")}
        paths = {layouts.WAIVERS, layouts.RECIPIENTS, LOCK, *filter(None, [self.settings.signatures]), *bound}
        return layouts.not_read(sorted(paths | self.schemas.paths), self._base.oddities)

    def inputs(self) -> set[str]:
        """The files of rules that were asked for until now."""
        return self.schemas.paths.union(*(judge.inputs() for judge in self.judges))

    def _read_schema(self, path: str) -> bytes | None:
        """A schema that the base lacks is the change's own: it can only ask for more."""
        data = self.read(path)
        return read_from(self._tree, path) if data is None else data

    def _model_tables(self) -> list[bytes]:
        """The repository's tables of models: that of the base, and for what it lacks that of the change."""
        found = (self.read(LOCK), read_from(self._tree, LOCK))
        return [data for data in dict.fromkeys(found) if data is not None]


def settings_of(tree: Tree) -> Settings:
    """The settings in a tree. Raises SettingsError, and UsageError where there are none."""
    data = read_from(tree, layouts.SETTINGS)
    if data is None:
        raise UsageError(
            f"there is no {layouts.SETTINGS} here, or it is a link",
            "run `gitconfigmgr init`, name the repository by -C, or `git add` it where only the work tree has it",
        )
    settings, findings = read_settings(layouts.SETTINGS, tree.blob_id(layouts.SETTINGS), data)
    if findings:
        raise SettingsError(findings, partial(read_from, tree))
    return settings


def read_from(tree: Tree, path: str) -> bytes | None:
    """The bytes of any file; None where it is missing, from the folder or from Git."""
    try:
        return tree.read(path)
    except MissingObjectError:
        return None


def _no_engine(language: str) -> PolicyEngine:
    raise UsageError(f"policies in {language} cannot be evaluated here")
