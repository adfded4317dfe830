"""`envoy-ai-gateway:PATH`: resources of Envoy AI Gateway v1beta1 for each target that has models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.publishers.emitted import FolderPublisher
from gitconfigmgr.adapters.publishers.kubernetes import FORM, LABEL, form_of, origin_of
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.release.emit.envoy import emit_envoy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.emit.taking import Emitted
    from gitconfigmgr.release.ports import Context


def open_publisher(destination: Destination, context: Context) -> FolderPublisher:
    """See release.ports.OpenPublisher."""
    options = Options(destination, (*FORM, "gateway"))
    form = form_of(options, context)
    gateway = options.text("gateway", "", rf"({LABEL}(\.{LABEL})*)?")

    def emit(bundle: Bundle, values: Mapping[KeyPath, Any] | None, release: Release) -> Emitted:
        document = orjson.loads(bundle.document)
        return emit_envoy(bundle.target, document, values, origin_of(bundle, release), form, gateway)

    folder, opens = folder_of(destination, context), form.secrets == "secret"
    return FolderPublisher("envoy-ai-gateway", folder, emit, repr((*form, gateway)), opens=opens)
