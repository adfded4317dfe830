"""From a namespace and an environment to the file that holds its own values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.app.explain import existing
from gitconfigmgr.model.names import BASE
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from gitconfigmgr.pipeline import Repository


def layer_file(repository: Repository, namespace: str, environment: str) -> str:
    """The path of a layer, from the root of the config repository; it need not be there yet. Raises UsageError."""
    namespace = namespace.strip("/")
    if environment != BASE:
        existing(repository, namespace, environment)
    known = repository.layout.documents.get(namespace, {})
    return known.get(environment) or f"{ROOT}/{namespace}/{environment}.yaml"
