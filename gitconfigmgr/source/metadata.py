"""`_namespace.yaml`: what a namespace is, who owns it, and how its values are classified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import Diagnostic, key_position_of, position_of
from gitconfigmgr.model.metadata import Metadata
from gitconfigmgr.model.names import BASE, closest
from gitconfigmgr.model.values import plain
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from gitconfigmgr.model.settings import Limits
    from gitconfigmgr.model.values import Node

KEYS: dict[str, tuple[type, ...]] = {
    "description": (str,),
    "owner_team": (str,),
    "contacts": (list,),
    "cost_center": (str,),
    "tags": (dict,),
    "classification": (str, dict),
    "quotas": (dict,),
    "budget": (dict,),
    "residency": (list,),
    "processors": (list,),
    "compile": (bool,),
}
CLASSES = ("public", "internal", "confidential", "restricted")
_LISTS = ("contacts", "residency", "processors")
_WORDS = {str: "text", list: "a list", dict: "a map", bool: "true or false"}


def read_metadata(
    path: str, namespace: str, blob_id: str, data: bytes, limits: Limits
) -> tuple[Metadata, list[Diagnostic]]:
    """The metadata of a namespace, and what is wrong with the file."""
    document, findings = read_document(path, namespace, BASE, blob_id, data, limits)
    if document.root is None:
        return Metadata(namespace), [_as_metadata(item) for item in findings]
    for key, node in document.root.value.items():
        _check(key, node, findings)
    compiled = document.root.value.get("compile")
    compile_ = compiled is not None and compiled.value is True
    return Metadata(namespace, compile_, plain(document.root), document.root), findings


def _as_metadata(item: Diagnostic) -> Diagnostic:
    if item.code != "GCM122":
        return item
    return Diagnostic("GCM123", "namespace metadata is a map of keys", item.position)


def _check(key: str, node: Node, findings: list[Diagnostic]) -> None:
    kinds = KEYS.get(key)
    value: Any = node.value
    if kinds is None:
        near = closest(key, tuple(KEYS))
        help_ = f"did you mean {near}?" if near else "known are " + ", ".join(KEYS)
        findings.append(Diagnostic("GCM123", f"unknown key {key}", key_position_of(node), help=help_))
    elif not isinstance(node.value, tuple(kinds)):
        wanted = " or ".join(_WORDS[kind] for kind in kinds)
        findings.append(Diagnostic("GCM123", f"{key} must be {wanted}", position_of(node)))
    elif key in _LISTS:
        wrong = [item for item in value if not isinstance(item.value, str)]
        findings += [Diagnostic("GCM123", f"{key} is a list of words", position_of(item)) for item in wrong]
    elif key == "budget":
        _check_budget(node, findings)
    elif key == "classification":
        classes = [node] if isinstance(value, str) else list(value.values())
        for item in classes:
            if item.value not in CLASSES and not isinstance(item.value, dict):
                message = f"{item.value} is no classification"
                findings.append(Diagnostic("GCM123", message, position_of(item), help=f"use {', '.join(CLASSES)}"))


def _check_budget(node: Node, findings: list[Diagnostic]) -> None:
    for name, item in node.value.items():
        if name != "monthly_usd":
            help_ = "did you mean monthly_usd?" if closest(name, ("monthly_usd",)) else "known is monthly_usd"
            findings.append(Diagnostic("GCM123", f"unknown key budget.{name}", key_position_of(item), help=help_))
        elif isinstance(item.value, bool) or not isinstance(item.value, (int, float)) or item.value < 0:
            findings.append(Diagnostic("GCM123", "budget.monthly_usd is a number from 0", position_of(item)))
