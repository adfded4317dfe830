"""The publishers by kind: those of this distribution, and what others install as entry points."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context, OpenPublisher, Publisher

_BUILT_IN = {
    "directory": "gitconfigmgr.adapters.publishers.directory",
    "dotenv": "gitconfigmgr.adapters.publishers.dotenv",
    "edge": "gitconfigmgr.adapters.publishers.edge",
    "envoy-ai-gateway": "gitconfigmgr.adapters.publishers.envoy",
    "kubernetes": "gitconfigmgr.adapters.publishers.kubernetes",
    "litellm": "gitconfigmgr.adapters.publishers.litellm",
    "oci": "gitconfigmgr.adapters.publishers.oci",
    "vault": "gitconfigmgr.adapters.publishers.vault",
}


def open_publisher(destination: Destination, context: Context) -> Publisher:
    """The publisher of a destination. Raises UsageError for a kind that nothing here knows."""
    known = _BUILT_IN.get(destination.kind)
    if known is not None:
        opener: OpenPublisher = import_module(known).open_publisher
        return opener(destination, context)
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group="gitconfigmgr.publishers")}
    if destination.kind not in found:
        kinds = sorted(_BUILT_IN.keys() | found.keys())
        near = closest(destination.kind, kinds)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(kinds)}"
        raise UsageError(f"{destination}: there is no publisher {destination.kind}", hint)
    loaded: OpenPublisher = found[destination.kind].load()
    return loaded(destination, context)
