"""`policies`: the packaged policies that are in force, and parameters for any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import key_position_of, position_of
from gitconfigmgr.model.values import plain

if TYPE_CHECKING:
    from gitconfigmgr.model.policies import PolicyUse
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.source.sections.reader import SectionReader

PACKAGED = "gcm:policies/"
_KEYS = ("policy", "params", "namespaces", "severity")


def read(reader: SectionReader, node: Node | None) -> tuple[PolicyUse, ...]:
    """The entries, each naming a policy once."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        reader.report(reader.code, "policies is a list", node, f"such as [{PACKAGED}security-baseline.yaml]")
        return ()
    found: dict[str, PolicyUse] = {}
    for item in node.value:
        use = _use(reader, item)
        if use is not None and use.policy in found:
            reader.report(reader.code, f"{use.policy} is named twice", item)
        elif use is not None:
            found[use.policy] = use
    return tuple(found.values())


def _use(reader: SectionReader, node: Node) -> PolicyUse | None:
    from gitconfigmgr.model.policies import PolicyUse  # most repositories have none: start-up stays short

    items = {"policy": node} if isinstance(node.value, str) else reader.members(node, _KEYS, "an entry of policies")
    policy = items.get("policy")
    name: Any = None if policy is None else policy.value
    if not isinstance(name, str) or not name.startswith(("policies/", PACKAGED)):
        help_ = f"policies/cost.yaml of the repository, or a packaged one such as {PACKAGED}cost.yaml"
        reader.report(reader.code, "policy names a policy file", policy or node, help_)
        return None
    params, namespaces = items.get("params"), items.get("namespaces")
    given: dict[str, Node] = {}
    if params is not None and isinstance(params.value, dict):
        given = params.value
    elif params is not None:
        reader.report(reader.code, "params is a map", params)
    patterns: Any = () if namespaces is None else plain(namespaces)
    if namespaces is not None and (
        not isinstance(patterns, list) or not patterns or not all(isinstance(item, str) for item in patterns)
    ):
        reader.report(reader.code, "namespaces is a list of patterns such as acme/**", namespaces)
        patterns = ()
    severity = reader.choice(items, "severity", ("error", "warning")) if "severity" in items else ""
    return PolicyUse(
        name,
        position_of(policy or node),
        {key: plain(child) for key, child in given.items()},
        {key: key_position_of(child) for key, child in given.items()},
        tuple(patterns),
        severity,
    )
