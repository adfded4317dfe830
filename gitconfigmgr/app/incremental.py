"""What need not be compiled again: the targets of an earlier run none of whose inputs has changed.

A state is valid for the same program, settings, rules (schemas, policies) and (where a `$until` was judged) date. Given that, a target
depends on the documents of its stack and of the stacks it took values from, and on nothing else. Targets and files
that had findings are always read again, so that every run reports them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.reach import BELOW, Touched
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Compiled, Repository
    from gitconfigmgr.ports import StateStore

FORMAT = 3


@dataclass(slots=True)
class Plan:
    """`stale` are the targets to compile; `known` maps the others to what the earlier run recorded for them."""

    stale: list[Target]
    known: dict[Target, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What a state keeps of a compiled target: a record of the caller's, the targets it read, whether it had findings."""

    target: Target
    record: Any
    used: tuple[str, ...]
    noisy: bool


def trace(compiled: Compiled, record: Any) -> Trace:
    """The trace of a target that was just compiled."""
    resolution = compiled.resolution
    used = [f"{t.namespace}@{t.environment}" for t in resolution.used]
    sought = [f"{t.namespace}@{BELOW}" for t in resolution.sought]
    return Trace(compiled.target, record, (*used, *sought), bool(compiled.findings or resolution.pinned))


def plan(repository: Repository, targets: Sequence[Target], store: StateStore | None, fingerprint: str) -> Plan:
    """Which of the targets must be compiled, given what the store remembers."""
    if store is not None:
        repository.tree.snapshot(ROOT)  # taken before the documents are read: what changes after it counts as changed
    before = store.load() if store is not None else None
    if before is None or not _valid(before, repository, fingerprint):
        return Plan(list(targets))
    changed = repository.tree.changes(ROOT, before["snapshot"])
    if changed is None:
        return Plan(list(targets))
    touched = Touched(changed, repository.settings)
    known: dict[Target, Any] = {}
    stale = []
    remembered = before["targets"]
    for target in targets:
        record = remembered.get(f"{target.namespace}@{target.environment}")
        if record is None or record[1] or (changed and touched(target, record[2])):
            stale.append(target)
        else:
            known[target] = record[0]
    repository.read_some(path for path in before["noisy_files"] if path not in changed)
    return Plan(stale, known, before)


def _valid(before: dict[str, Any], repository: Repository, fingerprint: str) -> bool:
    if before.get("format") != FORMAT or before["fingerprint"] != fingerprint:
        return False
    if before["settings"] != repository.settings.blob_id:
        return False
    if before["now_asked"] and before["now"] != _day(repository):
        return False
    return all(repository.identity(path) == blob_id for path, blob_id in before["inputs"].items())


def _day(repository: Repository) -> str | None:
    now = repository.today()
    return now.isoformat() if now else None


def remember(
    repository: Repository, plan: Plan, traces: Iterable[Trace], store: StateStore, fingerprint: str,
    noisy_files: Iterable[str], *, now_asked: bool, more: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Save what the next run can use. Failing to save costs time, nothing else."""
    before = plan.before or {"targets": {}, "inputs": {}, "now_asked": False}
    targets = {
        f"{t.namespace}@{t.environment}": before["targets"][f"{t.namespace}@{t.environment}"] for t in plan.known
    }
    for item in traces:
        targets[f"{item.target.namespace}@{item.target.environment}"] = [item.record, item.noisy, item.used]
    noisy = set(noisy_files)
    inputs = set(before["inputs"]) | repository.inputs()
    asked = now_asked or before["now_asked"]
    state = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "settings": repository.settings.blob_id,
        # a rule with findings is never as it was: they come to light only where a target asks for it
        "inputs": {path: "" if path in noisy else repository.identity(path) for path in sorted(inputs)},
        "now_asked": asked,
        "now": _day(repository) if asked else None,
        "snapshot": repository.tree.snapshot(ROOT),
        "noisy_files": sorted(noisy),
        "targets": targets,
    }
    store.save(state | (more or {}))
