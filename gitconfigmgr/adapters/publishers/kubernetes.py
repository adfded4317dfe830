"""`kubernetes:PATH`: manifests in a folder, for kubectl, Flux or Argo CD to apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.publishers.emitted import FolderPublisher
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.errors import UsageError
from gitconfigmgr.release.emit.kubernetes import KubernetesForm, emit_kubernetes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.emit.taking import Emitted
    from gitconfigmgr.release.ports import Context

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
FORM = ("namespace", "secrets", "store", "store_kind", "path")


def form_of(options: Options, context: Context) -> KubernetesForm:
    """What is asked of manifests of any kind."""
    form = KubernetesForm(
        namespace=options.text("namespace", "", f"({LABEL})?"),
        secrets=options.choice("secrets", "out", "external", "secret"),
        store=options.text("store", "", f"({_SUBDOMAIN})?"),
        store_kind=options.choice("store_kind", "ClusterSecretStore", "SecretStore"),
        path=options.text("path", f"gitconfigmgr/{context.settings.tenant}"),
    )
    if form.secrets == "external" and not form.store:
        raise UsageError("external secrets need the name of a store", "set the option store")
    return form


def open_publisher(destination: Destination, context: Context) -> FolderPublisher:
    """See release.ports.OpenPublisher."""
    options = Options(destination, (*FORM, "immutable"))
    form = form_of(options, context)._replace(immutable=options.flag("immutable"))

    def emit(bundle: Bundle, values: Mapping[KeyPath, Any] | None, release: Release) -> Emitted:
        return emit_kubernetes(bundle.target, orjson.loads(bundle.document), values, origin_of(bundle, release), form)

    opens = form.secrets == "secret"
    return FolderPublisher("kubernetes", folder_of(destination, context), emit, repr(tuple(form)), opens=opens)


def origin_of(bundle: Bundle, release: Release) -> dict[str, str]:
    """Where an object comes from, as annotations."""
    return {
        "gitconfigmgr/target": f"{bundle.target.namespace}@{bundle.target.environment}",
        "gitconfigmgr/commit": release.revision.commit,
        "gitconfigmgr/version": str(release.changes[bundle.target].version),
        "gitconfigmgr/digest": bundle.digest,
    }
