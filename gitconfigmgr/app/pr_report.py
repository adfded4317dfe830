"""`pr-report`: what a change does, on one page: effective values, findings, rules, costs, places, and how far lines reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.app.diff import Diff, diff
from gitconfigmgr.app.gate import check_change
from gitconfigmgr.app.pr_lines import EditedLine, edited_lines
from gitconfigmgr.app.pr_models import ModelChanges, model_changes
from gitconfigmgr.app.select import Selection
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.app.gate import Gate
    from gitconfigmgr.history.changes import Change
    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.ports import StateStore
    from gitconfigmgr.secrets.ports import KeyProvider

MOST_SECRETS = 200


@dataclass(slots=True)
class ChangeReport:
    """`secrets` maps target and key to rotated, encrypted again, or unknown where no key is at hand.

    `more_lines` counts the edited lines that were not looked at. `protected` names the protected environments.
    """

    checked: Checked
    diff: Diff
    lines: list[EditedLine]
    more_lines: int
    models: ModelChanges
    protected: frozenset[str]
    secrets: dict[tuple[Target, KeyPath], str] = field(default_factory=dict)


def change_report(
    gate: Gate,
    store: StateStore | None,
    *,
    identity: str = "",
    providers: Mapping[str, KeyProvider] | None = None,
    jobs: int | None = None,
) -> ChangeReport:
    """Everything a reviewer asks of a change. With `providers` secrets are opened and compared, and never kept."""
    checked = check_change(gate, Selection(), (), store, identity=identity, jobs=jobs)
    after, before = gate.own or gate.judged, gate.before
    found = Diff([]) if before is None else diff(before, after)
    roots = {item.target: item.after.root for item in found.targets}

    def root_of(target: Target) -> Node | None:
        return roots[target] if target in roots else after.effective(target)

    lines, more = edited_lines(before, after, found.files, root_of)
    environments = gate.judged.settings.environments  # a change does not say itself what is protected from it
    protected = frozenset(name for name, item in environments.items() if item.protected)
    report = ChangeReport(checked, found, lines, more, model_changes(before, after, found.targets), protected)
    changed = [(item.target, change) for item in found.targets for change in item.changes if change.secret]
    for target, change in changed[:MOST_SECRETS]:
        report.secrets[target, change.path] = _compared(gate, target, change, providers)
    return report


def _compared(gate: Gate, target: Target, change: Change, providers: Mapping[str, KeyProvider] | None) -> str:
    """Whether a secret has a new value, or the same one in a new ciphertext."""
    if providers is None or gate.before is None or change.old_path is None:
        return "unknown"
    from gitconfigmgr.app.secrets.effective import effective_value

    after = gate.own or gate.judged
    try:
        old = effective_value(gate.before, providers, *target, show_path(change.old_path))
        new = effective_value(after, providers, *target, show_path(change.path))
    except GitConfigError:
        return "unknown"
    return "encrypted again" if type(old) is type(new) and old == new else "rotated"
