"""How endpoints are reached: over an open line, with the key of another environment or use, with one that is old."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.document import day
from gitconfigmgr.model.names import BASE, many

if TYPE_CHECKING:
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part

_OPEN = re.compile(r"http://(?!localhost[:/]|localhost\Z|127\.|\[::1\]|[a-z0-9-]+(?::\d+)?(?:/|\Z))", re.IGNORECASE)
_MAY_MORE = re.compile(r"(?:^|[^a-z])(admin|master|root|management|provisioning|billing)(?:[^a-z]|\Z)", re.IGNORECASE)


def judge(context: Context) -> None:
    """All rules about addresses and keys."""
    for endpoint in context.alive():
        _use(context, endpoint)
        if context.protected:
            _on_the_way(context, endpoint)
            if context.settings.shared_keys != "off":
                _shared(context, endpoint)
            if context.settings.key_rotation_days and endpoint.at("rotation") is None:
                _undated(context, endpoint)
    for rotation in context.llm.rotations:
        _overdue(context, rotation)


def _on_the_way(context: Context, endpoint: Part) -> None:
    address = endpoint.at("base_url")
    if address is not None and _OPEN.match(address.text() or ""):
        context.report("GCM581", f"requests to {endpoint.name} are not encrypted on the way", address)


def _use(context: Context, endpoint: Part) -> None:
    """A key whose name says that it is there for more than requests."""
    key = endpoint.at("api_key_ref")
    reference = (key.text() or "") if key is not None else ""
    name = reference[max(map(reference.rfind, "/:#")) + 1 :]  # what stands behind the path
    if key is not None and _MAY_MORE.search(name):
        message = f"{endpoint.name} is asked with {name}, which by its name is a key for more than requests"
        context.report("GCM582", message, key, severity="warning")


def _shared(context: Context, endpoint: Part) -> None:
    """A key that a layer names which unprotected environments have too."""
    key = endpoint.at("api_key_ref")
    if key is None or key.text() is None:
        return
    layer = key.node.document.environment
    own = context.subject.environment
    if layer != own.name and (layer == BASE or layer in own.chain):
        severity = "error" if context.settings.shared_keys == "error" else "warning"
        context.report("GCM580", f"{own.name} has the key of {layer}", key, severity=severity)


def _undated(context: Context, endpoint: Part) -> None:
    key = endpoint.at("api_key_ref") or endpoint.at("api_key")
    if key is not None:
        context.report("GCM583", f"nothing says when the key of {endpoint.name} was made", key, key=True,
                       help_="write the day: `rotation: {last: \"2026-01-31\"}`")  # fmt: skip


def _overdue(context: Context, rotation: Part) -> None:
    last = rotation.at("last")
    made = day(last.text()) if last is not None else None
    allowed = rotation.whole("every_days") or context.settings.key_rotation_days
    today = context.subject.today() if made is not None and allowed else None
    if last is None or made is None or today is None:
        return
    age = (today - made).days
    owner = rotation.path[-2] if len(rotation.path) > 1 else rotation.name
    if age > allowed:
        context.report(
            "GCM583",
            f"the secret of {owner} was made {many(age, 'day')} ago, and is to be made anew every {many(allowed, 'day')}",
            last,
        )
    elif age < 0:
        context.report("GCM583", f"the secret of {owner} cannot have been made on {made}, which is to come", last)
