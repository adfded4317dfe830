"""`check`: the whole path without output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.select import Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, collate
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.pipeline import Compiled, Repository


@dataclass(frozen=True, slots=True)
class Checked:
    """`diagnostics` are sorted, one for each cause, with exact positions."""

    diagnostics: list[Diagnostic]
    targets: int
    documents: int


def check(repository: Repository, selection: Selection, paths: Sequence[str] = (), jobs: int | None = None) -> Checked:
    """Check the selected targets, or the targets and files that `paths` (from the root) take part in."""
    targets = choose(repository, selection)
    if paths:
        targets = [target for target in targets if touched(repository, target.namespace, paths)]
    result = evaluate(repository, targets, _nothing, jobs or usable_cores())
    if not paths and not selection.namespaces:
        repository.read_all()
        result.findings += repository.schemas.unused({target.namespace for target in repository.targets})
    findings = result.findings + repository.findings + repository.schemas.findings
    documents = sum(map(len, repository.layout.documents.values()))
    if not documents and not findings:
        raise UsageError("nothing to check: there is no document below configs/", "add configs/<namespace>/base.yaml")
    if not repository.targets and not findings:
        raise UsageError("nothing to check: no namespace is compiled", "add a service, configs/<org>/<service>/base.yaml")
    if paths:
        findings = [item for item in findings if item.affects or _concerns(item, paths)]
    return Checked(locate(collate(findings), repository.tree.read), len(targets), documents)


def touched(repository: Repository, namespace: str, paths: Sequence[str]) -> bool:
    """Whether any of the files takes part in the targets of a namespace."""
    from gitconfigmgr.model.names import prefixes
    from gitconfigmgr.source.layout import ROOT

    folders = {f"{ROOT}/{name}" for name in prefixes(namespace)}
    for path in paths:
        if path.rpartition("/")[0] in folders or path == ROOT or path.startswith(("schemas", "gitconfigmgr.yaml")):
            return True
        if f"{ROOT}/{namespace}/".startswith(f"{path}/"):
            return True
    return False


def _concerns(item: Diagnostic, paths: Sequence[str]) -> bool:
    place = item.position.path if item.position else ""
    return any(place == path or place.startswith(f"{path}/") for path in paths)


def _nothing(_: Compiled) -> None:
    return None
