"""How endpoints are reached: over an open line, or with the key of another environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitconfigmgr.model.names import BASE

if TYPE_CHECKING:
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part

_OPEN = re.compile(r"http://(?!localhost[:/]|localhost\Z|127\.|\[::1\]|[a-z0-9-]+(?::\d+)?(?:/|\Z))", re.IGNORECASE)


def judge(context: Context) -> None:
    """All rules about addresses and keys."""
    if not context.protected:
        return
    for endpoint in context.alive():
        address = endpoint.at("base_url")
        if address is not None and _OPEN.match(address.text() or ""):
            context.report("GCM581", f"requests to {endpoint.name} are not encrypted on the way", address)
        if context.settings.shared_keys != "off":
            _shared(context, endpoint)


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
