"""What a policy sees of a target, as plain data, and which targets it is about."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.globs import matches
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.policies import Facts, Match
    from gitconfigmgr.model.settings import Environment
    from gitconfigmgr.model.subjects import Subject
    from gitconfigmgr.model.values import Node

_SECRETS = ({"$secret"}, {"$segments"})


def facts_of(subject: Subject, asked: str) -> Facts:
    """The facts of a target. What costs time to make is there only where it occurs in `asked`, the policies' texts."""
    environment, target = subject.environment, subject.target
    before = subject.previous() if "oldObject" in asked and subject.previous is not None else None
    return {
        "object": plain(subject.root),
        "oldObject": None if before is None else plain(before),
        "target": {"namespace": target.namespace, "environment": target.environment},
        "environment": {
            "name": environment.name, "protected": environment.protected, "chain": list(environment.chain),
        },
        "metadata": {key: plain(node) for key, node in subject.metadata.items()},
        "leaves": leaves(plain(subject.root)) if "leaves" in asked or "paths(" in asked else {},
        "measure": measure(plain(subject.root)) if "measure" in asked else {},
        "origins": dict(_origins(subject.root, ())) if "origin" in asked else {},
    }  # fmt: skip


def leaves(document: Any) -> dict[str, Any]:
    """Path -> value of every scalar of a document that is no secret."""
    found: dict[str, Any] = {}
    _collect(document, "", found)
    return found


def measure(document: Any) -> dict[str, int]:
    """How much is in a document: scalars and secrets, secrets alone, and bytes of JSON."""
    found: dict[str, Any] = {}
    secrets = _collect(document, "", found)
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    return {"keys": len(found) + secrets, "secrets": secrets, "bytes": size}


def _collect(value: Any, path: str, found: dict[str, Any]) -> int:
    """Add the scalars below a path; the number of secrets, which are not added."""
    if isinstance(value, dict):
        if value.keys() in _SECRETS:
            return 1
        dot = f"{path}." if path else ""
        return sum(_collect(child, dot + _shown(key), found) for key, child in value.items())
    if isinstance(value, list):
        return sum(_collect(child, f"{path}.{index}", found) for index, child in enumerate(value))
    found[path] = value
    return 0


@lru_cache(maxsize=16_384)
def _shown(key: str) -> str:
    return show_path((key,))


def is_secret(value: Any) -> bool:
    """Whether a value of plain data stands for a secret."""
    return isinstance(value, dict) and value.keys() in _SECRETS


def _origins(node: Node, path: KeyPath) -> list[tuple[str, dict[str, Any]]]:
    """Path -> where its value comes from, for every key of a document."""
    found = []
    if path:
        at, document = position_of(node), node.document
        place = {"path": at.path, "line": at.line, "column": at.column,
                 "namespace": document.namespace, "environment": document.environment}  # fmt: skip
        found.append((show_path(path), place))
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            found += _origins(child, (*path, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            found += _origins(child, (*path, index))
    return found


def is_about(match: Match, target: Target, environment: Environment, metadata: Mapping[str, Any]) -> bool:
    """Whether a policy is about a target; `metadata` is plain data."""
    if match.protected is not None and environment.protected != match.protected:
        return False
    if match.environments and target.environment not in match.environments:
        return False
    return matches(match.namespaces, target.namespace) and _holds(match.metadata, metadata)


def _holds(wanted: Mapping[str, Any], given: Any) -> bool:
    """Every member is there with the value, one of the values, or the members that are wanted."""
    if not isinstance(given, dict):
        return False
    for key, value in wanted.items():
        if key not in given:
            return False
        if isinstance(value, dict):
            if not _holds(value, given[key]):
                return False
        elif given[key] not in (value if isinstance(value, list) else [value]):
            return False
    return True
