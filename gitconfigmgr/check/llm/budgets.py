"""Budgets of many targets together against those of the namespaces over them: what no single document shows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.context import count, here
from gitconfigmgr.check.llm.document import Part
from gitconfigmgr.model.diagnostics import Diagnostic, position_of
from gitconfigmgr.model.names import Target, prefixes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gitconfigmgr.model.metadata import Metadata

_SHOWN = 4


def ceiling(metadata: Metadata) -> Part | None:
    """The budget of a month in a `_namespace.yaml`."""
    return None if metadata.root is None else Part("_namespace", (), metadata.root).at("budget", "monthly_usd")


def sums(metadata: Mapping[str, Metadata], spends: Mapping[Target, float]) -> list[Diagnostic]:
    """Namespaces whose budget is less than the budgets right below it, of one environment, are together.

    `spends` are the dollars of a month that documents allow. Of a namespace below that has a budget, that counts, and
    what its documents say does not. A part that is more by itself has a finding of its own (GCM572).
    """
    budgets = {name: part for name, each in metadata.items() if (part := ceiling(each)) is not None}
    if not budgets:
        return []
    fixed: dict[str, dict[str, Part]] = defaultdict(dict)
    free: dict[str, dict[str, dict[Target, float]]] = defaultdict(lambda: defaultdict(dict))
    for name, part in budgets.items():
        above = _nearest(prefixes(name)[:-1], budgets)
        if above is not None:
            fixed[above][name] = part
    for target, dollars in spends.items():
        above = _nearest(prefixes(target.namespace), budgets)
        if above is not None:
            free[above][target.environment][target] = dollars
    findings = []
    for name, part in budgets.items():
        least = {child: below.number() or 0 for child, below in fixed[name].items()}
        environment, targets = max(free[name].items(), key=lambda item: sum(item[1].values()), default=("", {}))
        parts = least | {target.namespace: dollars for target, dollars in targets.items()}
        limit = part.number()
        if limit is not None and sum(parts.values()) > limit >= max(parts.values()):
            finding = _finding(part, parts, list(fixed[name].values()), environment, targets)
            findings.append(finding)
    return findings


def _nearest(names: list[str], known: Collection[str]) -> str | None:
    return next((name for name in reversed(names) if name in known), None)


def _finding(
    part: Part, parts: Mapping[str, float], fixed: list[Part], environment: str, targets: Collection[Target]
) -> Diagnostic:
    together = count(sum(parts.values()))
    where = f" in {environment}" if environment else ""
    largest = sorted(parts, key=lambda name: (-parts[name], name))
    label = ", ".join(f"{name} {count(parts[name])}" for name in largest[:_SHOWN])
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return Diagnostic(
        "GCM576",
        f"the budgets below are {together} USD together{where}, more than the {count(part.number() or 0)} here",
        position_of(part.node),
        label=label + more,
        related=tuple(here(each, "a budget below") for each in fixed[:_SHOWN]),
        key="budget.monthly_usd",
        affects=tuple(targets),
    )
