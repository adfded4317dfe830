"""What releases are signed with and published by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.state import JsonFile, program_identity, state_folder
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import UsageError
from gitconfigmgr.wiring.secrets import open_key_providers, trusted_services
from gitconfigmgr.wiring.trees import open_repository, prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.adapters.signing.folder import KeyFolder
    from gitconfigmgr.app.release.gate import Gate as ReleaseGate
    from gitconfigmgr.app.release.run import Releasing


def open_releasing(
    state: State, to: Sequence[str], keys: Path | None, gate: ReleaseGate | None, ask: Callable[[str], str] | None,
    *, cached: bool = True,
) -> Releasing:  # fmt: skip
    """What a release works with: the commit, where it goes to, and the keys. Without `to`, what its settings say."""
    from gitconfigmgr.adapters import releasing
    from gitconfigmgr.adapters.git.releasing import GitFacts
    from gitconfigmgr.app.release.bundling import BundleSecrets
    from gitconfigmgr.app.release.gate import Gate
    from gitconfigmgr.app.release.run import Releasing, destinations

    repository = open_repository(state)
    settings, services = repository.settings.release, lambda: trusted_services(state.folder, None)
    providers = open_key_providers(state.folder, None, ask)
    signing = releasing.keys_of(settings, lambda: releasing.open_keys(keys, settings.tenant, services, ask))
    publishers = releasing.open_publishers(
        _root_or(state.folder), settings, destinations(settings, to, Path.cwd()), services, providers, signing
    )
    store = JsonFile(state_folder(state.folder) / "release.json") if cached else None
    facts = GitFacts(state.folder, prefix_of(state, repository.tree))
    secrets = BundleSecrets(repository, providers)
    notify = releasing.open_webhook(settings, signing)
    branch = os.environ.get("GITCONFIGMGR_RELEASE_BRANCH")
    return Releasing(
        repository, publishers, facts, gate or Gate(), secrets, store,
        JsonFile(state_folder(state.folder) / "published.json"), program_identity(), branch=branch, notify=notify,
    )  # fmt: skip


def _root_or(folder: Path) -> Path:
    """The folder of the settings; a bare repository has none."""
    try:
        return find_root(folder)
    except UsageError:
        return folder


def open_keys(folder: Path, keys: Path | None, tenant: str | None, ask: Callable[[str], str] | None) -> KeyFolder:
    """The key folder of a tenant; of that of the settings where none is named."""
    from gitconfigmgr.adapters import releasing
    from gitconfigmgr.adapters.keys.extras import load
    from gitconfigmgr.model.publishing import DEFAULT_TENANT

    load("tuf.api.metadata", "release")  # before anything is made
    try:
        found = tenant or open_repository(State(folder)).settings.release.tenant
    except UsageError:
        found = tenant or DEFAULT_TENANT
    return releasing.open_keys(keys, found, lambda: trusted_services(folder, None), ask)


def open_published(
    folder: Path,
    address: str,
    tenant: str | None,
    root: Path | None,
    keys: Path | None,
    token_file: Path | None = None,
    ca: Path | None = None,
) -> tuple[Callable[[str], bytes | None], bool, bytes]:
    """What reads a published tree, whether it is on this machine, and the root to trust: the named one, or our own."""
    from gitconfigmgr.adapters.keys.extras import load
    from gitconfigmgr.adapters.publishers.reading import open_reader
    from gitconfigmgr.wiring.endpoints import token_in

    load("tuf.api.metadata", "release")
    trusted = _root_of(root) if root else _own_root(open_keys(folder, keys, tenant, None))
    read, local = open_reader(address, tenant, token_in(token_file) if token_file else None, ca)
    return read, local, trusted


_ROOT = "the 1.root.json that `gitconfigmgr keys init` made, or a copy of it that reached you by a way that you trust"


def _root_of(path: Path) -> bytes:
    from gitconfigmgr.release.trust import UntrustedError, parsed

    try:
        data = path.read_bytes()
        parsed(data, "root", "root")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", f"name {_ROOT}") from None
    except UntrustedError:
        raise UsageError(f"{path} is no root metadata", f"name {_ROOT}") from None
    return data


def _own_root(keys: KeyFolder) -> bytes:
    if not keys.exists():
        raise UsageError(f"there is no root to trust in {keys.folder}", f"name one by --root: {_ROOT}")
    return keys.roots()[0]
