"""`release`: where bundles are published, for whom secrets are sealed, and what one release may change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import SEGMENT
from gitconfigmgr.model.publishing import (
    BUNDLE_DAYS,
    DEFAULT_TENANT,
    KEEP_DAYS,
    TIMESTAMP_DAYS,
    Budget,
    Destination,
    ReleaseSettings,
)
from gitconfigmgr.model.values import plain

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.source.sections.reader import SectionReader

_KEYS = ("tenant", "branch", "to", "seal_for", "budget", "timestamp_days", "bundle_days", "keep_days", "webhook")
_BOUNDS = {"bytes": 64 * 1024 * 1024, "keys": 500_000, "items": 500_000, "depth": 256}
_RECIPIENTS = ("age", "hc_vault", "kms", "azure_kv", "gcp_kms")
_ALONE = {"age": "recipient", "kms": "arn", "gcp_kms": "resource_id"}  # what a text instead of a map stands for


def read(reader: SectionReader, node: Node | None) -> ReleaseSettings:
    """The settings of releases."""
    if node is None:
        return ReleaseSettings()
    items = reader.members(node, _KEYS, "release")
    tenant = _text(reader, items, "tenant") or DEFAULT_TENANT
    if not SEGMENT.match(tenant):
        reader.report("GCM140", "tenant is a name of small letters, digits, dots and dashes", items["tenant"])
    webhook = _text(reader, items, "webhook")
    if webhook and not re.fullmatch(r"https://[^\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?", webhook):
        reader.report("GCM140", "webhook is an https address", items["webhook"])
    return ReleaseSettings(
        tenant=tenant,
        branch=_text(reader, items, "branch"),
        to=tuple(found for entry in _list(reader, items, "to") if (found := _destination(reader, entry))),
        seal_for=tuple(to for entry in _list(reader, items, "seal_for") if (to := _recipient(reader, entry))),
        budget=_budget(reader, items.get("budget")),
        timestamp_days=_days(reader, items.get("timestamp_days"), TIMESTAMP_DAYS, 90),
        bundle_days=_days(reader, items.get("bundle_days"), BUNDLE_DAYS, 3650),
        keep_days=_days(reader, items.get("keep_days"), KEEP_DAYS, 3650),
        webhook=webhook,
    )


def destination(text: str) -> Destination | None:
    """A destination as one text, `kind:address`; None where it is not one."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*:\S*", text, re.ASCII):
        return None
    kind, _, address = text.partition(":")
    return Destination(kind, address)


def _destination(reader: SectionReader, node: Node) -> Destination | None:
    items = node.value if isinstance(node.value, dict) else {"to": node}
    to = items.get("to")
    found = destination(to.value) if to is not None and isinstance(to.value, str) else None
    if found is None:
        message = "a destination is kind:address, or a map with `to`"
        reader.report("GCM140", message, to or node, "such as directory:../published")
        return None
    return Destination(
        found.kind,
        found.address,
        {key: plain(child) for key, child in items.items() if key not in ("to", "namespaces", "environments")},
        _names(reader, items, "namespaces"),
        _names(reader, items, "environments"),
        position_of(node),
    )


def _recipient(reader: SectionReader, node: Node) -> tuple[str, dict[str, str]] | None:
    if isinstance(node.value, dict) and len(node.value) == 1:
        [(kind, child)] = node.value.items()
        fields = plain(child)
        if kind in _ALONE and isinstance(fields, str):
            fields = {_ALONE[kind]: fields}
        if kind in _RECIPIENTS and isinstance(fields, dict) and all(isinstance(text, str) for text in fields.values()):
            return kind, fields
    reader.report("GCM140", "a recipient is a map of one kind", node, "such as {age: age1...}")
    return None


def _budget(reader: SectionReader, node: Node | None) -> Budget:
    if node is None:
        return Budget()
    given: dict[str, Any] = {}
    for name, item in reader.members(node, Budget._fields, "budget").items():
        value = item.value
        if name == "growth":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1000:
                reader.report("GCM140", "growth is a factor from 1 to 1000", item)
                continue
            given[name] = float(value)
        elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _BOUNDS[name]:
            reader.report("GCM140", f"{name} is a number from 1 to {_BOUNDS[name]}", item)
        else:
            given[name] = value
    return Budget(**given)


def _days(reader: SectionReader, node: Node | None, otherwise: int, most: int) -> int:
    if node is None:
        return otherwise
    if isinstance(node.value, bool) or not isinstance(node.value, int) or not 1 <= node.value <= most:
        reader.report("GCM140", f"days are a number from 1 to {most}", node)
        return otherwise
    return node.value


def _text(reader: SectionReader, items: dict[str, Node], name: str) -> str | None:
    node = items.get(name)
    if node is None:
        return None
    if not isinstance(node.value, str) or not node.value:
        reader.report("GCM140", f"{name} is a text", node)
        return None
    return node.value


def _list(reader: SectionReader, items: dict[str, Node], name: str) -> list[Node]:
    node = items.get(name)
    if node is None:
        return []
    if not isinstance(node.value, list):
        reader.report("GCM140", f"{name} is a list", node)
        return []
    return list(node.value)


def _names(reader: SectionReader, items: dict[str, Node], name: str) -> tuple[str, ...]:
    found = []
    for node in _list(reader, items, name):
        if isinstance(node.value, str):
            found.append(node.value)
        else:
            reader.report("GCM140", f"{name} is a list of texts", node)
    return tuple(found)
