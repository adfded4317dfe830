"""`check`: the whole path without output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.evaluate import Evaluation, evaluate, usable_cores
from gitconfigmgr.app.incremental import Plan, Trace, plan, remember, trace
from gitconfigmgr.app.select import Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, collate
from gitconfigmgr.model.names import prefixes
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconfigmgr.app.secrets.inside import Inside
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.revisions import Base
    from gitconfigmgr.pipeline import Compiled, Repository
    from gitconfigmgr.ports import StateStore

# a change of any of these can concern every target
_RULES = ("schemas/", "policies/", "gitconfigmgr.yaml", "waivers.yaml", "models.lock.json")


@dataclass(frozen=True, slots=True)
class Checked:
    """`diagnostics` are sorted, one for each cause, with exact positions.

    Of a change they are those that it brings to `base`: `known` were there before. `notes` are sentences about the run;
    `secrets` says how far it was looked inside them.
    """

    diagnostics: list[Diagnostic]
    targets: int
    documents: int
    known: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    base: Base | None = None
    secrets: Inside | None = None


def chosen(repository: Repository, selection: Selection, paths: Sequence[str]) -> list[Target]:
    """The selected targets that `paths` take part in; without paths all of them. Raises UsageError where there are none."""
    targets = choose(repository, selection)
    return [target for target in targets if touched(target.namespace, paths)] if paths else targets


def check(
    repository: Repository,
    selection: Selection,
    paths: Sequence[str] = (),
    store: StateStore | None = None,
    *,
    identity: str = "",
    jobs: int | None = None,
) -> Checked:
    """Check the selected targets, or the targets and files that `paths` (from the root) take part in.

    `store` remembers which targets were clean, so that a check of everything looks at what has changed only.
    """
    targets = chosen(repository, selection, paths)
    whole = not paths and selection == Selection()
    if paths:
        _read_selected(repository, paths)
    planned = plan(repository, targets, store if whole else None, identity)
    if planned.before is None or not repository.rules.policies.inputs().isdisjoint(planned.before["noisy_files"]):
        repository.rules.policies.load()
    result = evaluate(repository, planned.stale, _nothing, jobs or usable_cores())
    if whole:
        if planned.before is None:
            repository.read_all()
        else:
            repository.read_some(repository.tree.changes(ROOT, planned.before["snapshot"]) or ())
        if store is not None:
            _remember(repository, planned, result, store, identity)
        records = {**planned.known, **{trace.target: trace.record for trace in result.records}}
        result.findings += of_the_whole(repository, records)
    findings = result.findings + repository.found_in_files()
    if whole:
        findings += repository.rules.waivers.unused(findings)
    documents = sum(map(len, repository.layout.documents.values()))
    if not documents and not findings:
        raise UsageError("nothing to check: there is no document below configs/", "add configs/<namespace>/base.yaml")
    if not repository.targets and not findings:
        raise UsageError(
            "nothing to check: no namespace is compiled", "add a service, configs/<org>/<service>/base.yaml"
        )
    if paths and not targets and not any(_below(path, paths) for path in repository.tree.files(ROOT)):
        raise UsageError(f"nothing to check: {' '.join(paths)} takes part in no target", "name files below configs/")
    if paths:
        findings = [item for item in findings if item.affects or _concerns(item, paths)]
    return Checked(locate(collate(findings), repository.read), len(targets), documents)


def of_the_whole(repository: Repository, records: Mapping[Target, Any] | None = None) -> list[Diagnostic]:
    """What only a check of everything can tell; `records` has what `record_of` says of each target, if that is known."""
    findings = repository.schemas.unused({target.namespace for target in repository.targets})
    if records is None:
        return findings
    policies = repository.rules.policies
    if policies.policies:
        met = {name for record in records.values() for name in record["met"]}
        findings += policies.idle(repository.matchable(), met)
    if any("budget" in each.values for each in repository.metadata.values()):
        from gitconfigmgr.check.llm.budgets import sums  # only here: a hook pays for each import

        spends = {target: record["spends"] for target, record in records.items() if record["spends"] is not None}
        findings += sums(repository.metadata, spends)
    return repository.rules.waivers.apply(findings)


def record_of(compiled: Compiled) -> dict[str, Any]:
    """What a state keeps of a target for `of_the_whole`."""
    return {"met": sorted(compiled.met), "spends": compiled.spends}


def _remember(
    repository: Repository, planned: Plan, result: Evaluation[Trace], store: StateStore, identity: str
) -> None:
    found = result.findings + repository.found_in_files()
    files = {item.position.path for item in found if item.position and not item.affects}
    remember(repository, planned, result.records, store, identity, files, now_asked=result.now_asked)


def touched(namespace: str, paths: Sequence[str]) -> bool:
    """Whether any of the files takes part in the targets of a namespace."""
    folders = {f"{ROOT}/{name}" for name in prefixes(namespace)}
    for path in paths:
        if path.endswith(".yaml") and path.rpartition("/")[0] in folders:
            return True
        if path == ROOT or path.startswith(_RULES) or path in {"schemas", "policies"}:
            return True
        if f"{ROOT}/{namespace}/".startswith(f"{path}/"):
            return True
    return False


def _read_selected(repository: Repository, paths: Sequence[str]) -> None:
    """Read the selected documents, so that those no target uses are looked at too."""
    repository.read_some(path for path in repository.tree.files(ROOT) if _below(path, paths))


def _concerns(item: Diagnostic, paths: Sequence[str]) -> bool:
    return item.position is not None and _below(item.position.path, paths)


def _below(place: str, paths: Sequence[str]) -> bool:
    return any(place == path or place.startswith(f"{path}/") for path in paths)


def _nothing(compiled: Compiled) -> Trace:
    return trace(compiled, record_of(compiled))
