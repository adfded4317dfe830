"""`dotenv:PATH`: a file of variables for each target, read alike by python-dotenv and by sh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.publishers.emitted import FolderPublisher
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.release.emit.dotenv import emit_dotenv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.emit.taking import Emitted
    from gitconfigmgr.release.ports import Context


def open_publisher(destination: Destination, context: Context) -> FolderPublisher:
    """See release.ports.OpenPublisher."""
    secrets = Options(destination, ("secrets",)).choice("secrets", "out", "open")

    def emit(bundle: Bundle, values: Mapping[KeyPath, Any] | None, _: Release) -> Emitted:
        return emit_dotenv(orjson.loads(bundle.document), values)

    return FolderPublisher("dotenv", folder_of(destination, context), emit, secrets, opens=secrets == "open")
