"""`release`: check, compile, and publish what changed, to every destination."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.release.bundling import build
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Change, Release
from gitconfigmgr.model.names import many
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.release import layout, rollout
from gitconfigmgr.release.ports import ConflictError, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from gitconfigmgr.app.release.bundling import Built, BundleSecrets
    from gitconfigmgr.app.release.gate import Gate
    from gitconfigmgr.app.select import Selection
    from gitconfigmgr.model.bundles import Bundle, Held, Publication
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.publishing import ReleaseSettings
    from gitconfigmgr.model.revisions import Revision
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import StateStore
    from gitconfigmgr.release.ports import Facts, Publisher

ATTEMPTS = 4
RENEWED = frozenset({"snapshot", "timestamp"})  # by every release


@dataclass(frozen=True)
class Request:
    """`percent` below 100 begins a rollout. `explicit`: somebody named the revision."""

    selection: Selection
    percent: int = rollout.WHOLE
    dry_run: bool = False
    explicit: bool = False


@dataclass
class Stage:
    """One destination: what it holds, what it is to be given, and what came of that."""

    destination: Destination
    publisher: Publisher
    held: Held
    release: Release | None = None
    publication: Publication | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """`number` is None where nothing had to be published; `notes` are what is no matter of one destination."""

    commit: str
    findings: list[Diagnostic]
    stages: list[Stage]
    number: int | None
    overrides: tuple[Mapping[str, str], ...] = ()
    dry_run: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many targets readers find changed, at any destination."""
        return len(
            {
                target
                for stage in self.stages
                if stage.publication
                for target, item in stage.publication.targets.items()
                if item.changed
            }
        )

    @property
    def waiting(self) -> bool:
        """Whether a destination waits for signatures."""
        return any(stage.publication and stage.publication.waiting for stage in self.stages)


@dataclass
class Releasing:
    """What a release works with. `today` is the day of the clock: pins end by it.

    `branch` is the protected one; without it that of the released settings counts, which whoever wrote the commit chose.
    `memory` has the number of the last release by destination.
    """

    repository: Repository
    publishers: Sequence[tuple[Destination, Publisher]]
    facts: Facts
    gate: Gate
    secrets: BundleSecrets
    store: StateStore | None = None
    memory: StateStore | None = None
    identity: str = ""
    jobs: int | None = None
    branch: str | None = None
    notify: Callable[[Mapping[str, Any]], str | None] | None = None
    today: Callable[[], date] = lambda: datetime.now(UTC).date()

    def run(self, request: Request) -> Outcome:
        """Release the selected targets. Raises RefusedError, UsageError, OutsideError."""
        if not self.publishers:
            raise UsageError("there is nowhere to publish to", "name a destination by --to, or in gitconfigmgr.yaml")
        revision = self.repository.tree.revision
        assert revision is not None
        for name in self.repository.settings.compiled_environments():
            if not layout.releasable(name):
                raise UsageError(f"the environment {name} cannot be released: its name has a dot", "rename it")
        branch = self.branch or self.repository.settings.release.branch
        self.gate.place(self.facts, revision.commit, branch, explicit=request.explicit)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(request, revision)
            except ConflictError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError

    def _attempt(self, request: Request, revision: Revision) -> Outcome:
        stages = [Stage(where, publisher, publisher.held()) for where, publisher in self.publishers]
        for stage in stages:
            self.gate.present(stage.publisher.name, stage.held, self._remembered(stage))
            self.gate.order(self.facts, stage.publisher.name, stage.held, revision.commit)
        built = build(
            self.repository, request.selection, _everywhere(stages), self.store,
            identity=self.identity, jobs=self.jobs,
        )  # fmt: skip
        self.gate.findings(built, revision.commit)
        number = max(max(stage.held.number, self._remembered(stage)) for stage in stages) + 1
        for stage in stages:
            self._plan(stage, built, request, revision, number)
            renewed = RENEWED if stage.release is not None and not request.dry_run else frozenset()
            stage.notes += [f"{role} {said}" for role, said in stage.held.ending.items() if role not in renewed]
        due = [stage for stage in stages if stage.release is not None]
        outcome = Outcome(revision.commit, built.findings, stages, number if due else None, dry_run=request.dry_run)
        self._judge(due)
        outcome.overrides = self.gate.overrides()
        if not request.dry_run:
            for stage in due:
                assert stage.release is not None
                stage.release = replace(stage.release, overrides=outcome.overrides)
                stage.publication = stage.publisher.publish(stage.release, self.secrets)
                self._remember(stage, number)
            if due and self.notify is not None and not outcome.waiting:
                problem = self.notify(receipt(outcome))
                outcome.notes += [problem] if problem else []
        return outcome

    def _remembered(self, stage: Stage) -> int:
        """The last release that was published there from this clone; only of trees, whose readers refuse lower numbers."""
        numbers = (self.memory.load() if self.memory and tree_of(stage.publisher) else None) or {}
        return int(numbers.get(stage.publisher.name, 0))

    def _remember(self, stage: Stage, number: int) -> None:
        if self.memory is not None and stage.publication is not None and not stage.publication.waiting:
            self.memory.save((self.memory.load() or {}) | {stage.publisher.name: number})

    def _judge(self, due: Sequence[Stage]) -> None:
        """The budget, of each document once: against the largest that is published."""
        sizes: dict[Target, int] = {}
        bundles: dict[Target, Bundle] = {}
        for stage in due:
            assert stage.release is not None
            bundles.update(stage.release.bundles)
            for target, item in stage.held.targets.items():
                sizes[target] = max(item.size, sizes.get(target, 0))
        self.gate.budget(sizes, bundles.values(), self.repository.settings.release.budget)

    def _plan(self, stage: Stage, built: Built, request: Request, revision: Revision, number: int) -> None:
        """What one destination is to be given."""
        today = self.today()
        bundles: dict[Target, Bundle] = {}
        changes: dict[Target, Change] = {}
        custom: dict[Target, Mapping[str, Any]] = {}
        for target, content in sorted(built.contents.items()):
            known = stage.held.targets.get(target)
            same = known is not None and known.content == content
            if not goes_to(stage.destination, target) or (same and target not in stage.held.outdated):
                continue
            state = rollout.state_of(known) if known else None
            pin = rollout.pinned(state, today)
            if pin is not None:
                stage.notes.append(f"{target} stays as it is: pinned by {pin.owner} until {pin.until}: {pin.reason}")
                continue
            bundle = built.bundles[target]
            gone = stage.held.gone.get(target, 0)
            version = (known.version if known else gone) + 1
            changes[target] = Change("update" if known else "restore" if gone else "create", version)
            bundles[target] = bundle
            if same and known is not None:  # only its secrets are sealed again, so that rollouts go on
                custom[target] = known.custom
                continue
            sha = bundle.digest.removeprefix("sha256:")
            event = rollout.Publish(version, sha, len(bundle.document), request.percent, _salt(target, version, sha))
            state = rollout.step(state, event, today)
            if rollout.custom_of(state):
                custom[target] = rollout.custom_of(state)
        removed = frozenset(_removed(stage, request.selection, self.repository))
        for target in removed:
            changes[target] = Change("delete", stage.held.targets[target].version + 1)
        if bundles or removed or stage.held.lost:
            stage.release = Release(
                number, stage.held.number, self.repository.settings.release.tenant, revision, bundles, removed,
                changes, custom, inputs=inputs_of(self.repository),
            )  # fmt: skip


def destinations(settings: ReleaseSettings, to: Sequence[str], here: Path) -> list[Destination]:
    """Where to: what somebody names, its paths from `here`, else what the settings say. Raises UsageError."""
    if not to:
        return list(settings.to)
    found = []
    for text in to:
        kind, _, address = text.partition(":")
        if not kind or (not address and text != "vault:"):  # which takes its address from the environment
            raise UsageError(f"{text} is no destination", "such as directory:../published")
        known = next((item for item in settings.to if str(item) == text), None)
        found.append(known or Destination(kind, address, base=str(here)))
    return found


def goes_to(destination: Destination, target: Target) -> bool:
    """Whether a destination takes a target."""
    if destination.environments and target.environment not in destination.environments:
        return False
    patterns = destination.namespaces
    return not patterns or any(fnmatchcase(target.namespace, pattern) for pattern in patterns)


def inputs_of(repository: Repository) -> dict[str, str]:
    """The files that decide about every target, by their blob ids: settings, schemas, policies."""
    from gitconfigmgr.source.layout import SETTINGS

    found = {SETTINGS: repository.settings.blob_id}
    for path in repository.inputs():
        identity = repository.identity(path)
        if identity is not None:
            found[path] = identity
    return found


def _everywhere(stages: Sequence[Stage]) -> dict[Target, set[str]]:
    """The contents that every destination which takes a target holds: their bundles are not needed."""
    targets = {target for stage in stages for target in stage.held.targets}
    found = {}
    for target in targets:
        taking = [stage.held.targets.get(target) for stage in stages if goes_to(stage.destination, target)]
        contents = {item.content if item else None for item in taking}
        if len(contents) == 1 and not any(target in stage.held.outdated for stage in stages):
            found[target] = {content for content in contents if content is not None}
    return found


def _removed(stage: Stage, selection: Selection, repository: Repository) -> Iterator[Target]:
    """What is held, and is no target any more, or does not go there any more."""
    exists = set(repository.targets)
    for target in stage.held.targets:
        if target in exists and goes_to(stage.destination, target):
            continue
        within = not selection.environments or target.environment in selection.environments
        patterns = selection.namespaces
        if within and (not patterns or any(fnmatchcase(target.namespace, pattern) for pattern in patterns)):
            yield target


def _salt(target: Target, version: int, digest: str) -> str:
    """Of a rollout: another one for each version, so that not the same readers are first each time."""
    return sha256(f"{target.namespace}@{target.environment}:{version}:{digest}".encode()).hexdigest()[:16]


def receipt(outcome: Outcome) -> dict[str, Any]:
    """The receipt, as JSON has it."""
    targets: dict[Target, dict[str, Any]] = {}
    for stage in outcome.stages:
        for target, entry in _entries(stage):
            known = targets.setdefault(
                target,
                {
                    "namespace": target.namespace,
                    "environment": target.environment,
                    "digest": entry["digest"],
                    "version": entry["version"],
                    "change_type": entry["change_type"],
                    "published": [],
                },
            )
            known["published"].append(entry["published"])
    return {
        "release": outcome.number,
        "commit": outcome.commit,
        "dry_run": outcome.dry_run,
        "waiting": {
            stage.publisher.name: dict(stage.publication.waiting)
            for stage in outcome.stages
            if stage.publication and stage.publication.waiting
        },
        "overrides": [dict(item) for item in outcome.overrides],
        "losses": [
            {"target": stage.publisher.name, "namespace": loss.target.namespace,
             "environment": loss.target.environment, "key": loss.path, "message": loss.message}
            for stage in outcome.stages if stage.publication for loss in stage.publication.losses
        ],
        "notes": [*(note for stage in outcome.stages for note in notes_of(stage)), *outcome.notes],
        "targets": [targets[target] for target in sorted(targets)],
    }  # fmt: skip


def notes_of(stage: Stage) -> list[str]:
    """The sentences about one destination."""
    return [*stage.notes, *(stage.publication.notes if stage.publication else ())]


def _entries(stage: Stage) -> Iterator[tuple[Target, dict[str, Any]]]:
    release = stage.release
    named = set(stage.held.targets) | (set(release.changes) if release else set())
    for target in named:
        bundle = release.bundles.get(target) if release else None
        change = release.changes.get(target) if release else None
        held = stage.held.targets.get(target)
        done = stage.publication.targets.get(target) if stage.publication else None
        yield (
            target,
            {
                "digest": bundle.digest if bundle else (held.digest or held.content) if held else None,
                "version": change.version if change else held.version if held else None,
                "change_type": change.type if change else None,
                "published": {
                    "target": stage.publisher.name,
                    "location": done.location if done else None,
                    "changed": done.changed if done else False,
                },
            },
        )


def summary(outcome: Outcome) -> str:
    """One line for people."""
    planned = {target for stage in outcome.stages if stage.release for target in stage.release.changes}
    if outcome.number is None:
        return "nothing to release: everything is published already"
    verb = "would publish" if outcome.dry_run else "waits for signatures:" if outcome.waiting else "published"
    return f"release {outcome.number} of {outcome.commit[:12]} {verb} {many(len(planned), 'target')}"
