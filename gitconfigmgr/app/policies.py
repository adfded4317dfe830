"""`policy list`: the policies that are in force, those that come with the program, and the controls they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.check.policies.facts import is_about
from gitconfigmgr.check.policies.judge import Policies
from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.diagnostics import Position
from gitconfigmgr.model.policies import PolicyUse
from gitconfigmgr.model.settings import Settings
from gitconfigmgr.source.policies import read_policies
from gitconfigmgr.source.rulefiles import literal, read_rules
from gitconfigmgr.source.sections.policies import PACKAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.policies import Policy
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import PolicyEngine

CONTROLS = "controls.yaml"


@dataclass(frozen=True, slots=True)
class Listed:
    """A policy, and the number of targets it matches; None where no repository was asked."""

    policy: Policy
    targets: int | None


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework, in our words, and what is evidence for it: rules of policies, and codes."""

    id: str
    framework: str
    title: str
    codes: tuple[str, ...]
    rules: list[str] = field(default_factory=list)


def packaged_policies(
    names: Sequence[str], read: Callable[[str], bytes | None], engine: Callable[[str], PolicyEngine]
) -> Policies:
    """The policies that come with the program."""
    uses = [PolicyUse(f"{PACKAGED}{name}", Position(name)) for name in names if name != CONTROLS]
    return Policies(read_policies([], uses, lambda _: None, read), (), (), engine)


def listed(policies: Policies, repository: Repository | None = None) -> list[Listed]:
    """The policies in force by their ids; those with mistakes are findings. Raises UsageError without an engine."""
    if repository is not None:
        policies.load()
    targets = None if repository is None else repository.matchable()
    found = []
    for _, policy in sorted(policies.policies.items()):
        number = None if targets is None else sum(is_about(policy.match, *target) for target in targets)
        found.append(Listed(policy, number))
    return found


def controls(data: bytes, policies: Policies) -> list[Control]:
    """The packaged table of controls with the rules of the policies; then controls that only these name."""
    root, _ = read_rules(CONTROLS, data)
    assert root is not None
    table = {
        item["id"]: Control(item["id"], item["framework"], item["title"], tuple(item.get("codes", ())))
        for item in literal(root)["controls"]
    }
    for policy in policies.policies.values():
        for rule in policy.rules:
            for name in rule.controls:
                table.setdefault(name, Control(name, "", "", ())).rules.append(f"{policy.id}/{rule.name}")
    assert all(code in CODES for control in table.values() for code in control.codes)
    return list(table.values())


def default_settings() -> Settings:
    """What stands for the settings where there is no repository: policies are tested in environments by name."""
    return Settings(environments={})
