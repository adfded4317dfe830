"""`litellm:PATH`: a config.yaml of the LiteLLM proxy for each target that has models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.publishers.emitted import FolderPublisher
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.release.emit.litellm import emit_litellm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.emit.taking import Emitted
    from gitconfigmgr.release.ports import Context


def open_publisher(destination: Destination, context: Context) -> FolderPublisher:
    """See release.ports.OpenPublisher."""
    Options(destination, ())

    def emit(bundle: Bundle, _: Mapping[KeyPath, Any] | None, __: Release) -> Emitted:
        return emit_litellm(orjson.loads(bundle.document))

    return FolderPublisher("litellm", folder_of(destination, context), emit, "")
