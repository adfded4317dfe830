"""What commands on secrets work with."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.state import JsonFile, state_folder
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.source.layout import SETTINGS
from gitconfigmgr.wiring.changes import base_of_build
from gitconfigmgr.wiring.trees import open_tree, prefix_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.app.secrets.editing import Desk
    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.ports import StateStore, Tree
    from gitconfigmgr.secrets.ports import KeyProvider


def open_bench(folder: Path, base: str | None, ask: Callable[[str], str] | None) -> tuple[Bench, Path]:
    """What commands on encrypted files work on, and the folder that its paths begin at.

    Key services are those of the settings at `base`, never of a file under review.
    """
    from datetime import UTC, datetime

    from gitconfigmgr.adapters.workspace import open_workspace
    from gitconfigmgr.app.secrets.bench import Bench

    space = open_workspace(folder)
    providers = open_key_providers(folder, base, ask)
    return Bench(space.read, space.write, space.files, lambda: datetime.now(UTC), providers), space.root


def open_key_providers(folder: Path, base: str | None, ask: Callable[[str], str] | None) -> Mapping[str, KeyProvider]:
    """What unwraps data keys. Key services are those of the settings at `base`, never of a file under review."""
    from gitconfigmgr.adapters.providers import Providers

    return Providers(lambda: trusted_services(folder, base), ask)


def trusted_services(folder: Path, base: str | None) -> KeyServices:
    """The allow-list of the base revision; of the work tree only where nothing is committed yet."""
    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.model.settings import KeyServices

    base = base or base_of_build(os.environ)
    try:
        repository = revision.open_repository(folder)
    except UsageError:
        if base:
            raise
        repository = None
    if repository is None or (base is None and revision.head(repository) is None):
        try:
            tree = open_tree(State(folder))
        except UsageError:
            return KeyServices()
        return _services(tree)
    prefix = prefix_in(repository, folder.resolve())
    while True:
        found = revision.RevisionTree(repository, base or "HEAD", prefix)
        if found.read(SETTINGS) is not None:
            return _services(found)
        if not prefix:
            return KeyServices()
        prefix = "".join(f"{part}/" for part in prefix.split("/")[:-2])


def _services(tree: Tree) -> KeyServices:
    from gitconfigmgr.rules import SettingsError
    from gitconfigmgr.source.settings import read_settings

    data = tree.read(SETTINGS)
    assert data is not None
    settings, findings = read_settings(SETTINGS, "", data)
    if findings:
        raise SettingsError(findings, tree.read)
    return settings.key_services


def open_desk(folder: Path, again: Callable[[GitConfigError], bool]) -> Desk:
    """The editor of this machine; what cannot be saved is kept beside the repository's other state."""
    from gitconfigmgr.adapters.editing import edit
    from gitconfigmgr.adapters.unsaved import keep
    from gitconfigmgr.app.secrets.editing import Desk

    return Desk(edit, again, lambda name, data: keep(state_folder(folder), name, data))


def make_age_identity(place: Path | None) -> tuple[Path, str]:
    """A new age identity; its file and its recipient."""
    from gitconfigmgr.adapters.keyfiles import age_identity

    return age_identity(place)


def make_seal_key(place: Path) -> Path:
    """A new key that signs seals; the file of its public half."""
    from gitconfigmgr.adapters.keyfiles import seal_key

    return seal_key(place)


def open_seal_key(place: Path, *, private: bool) -> Any:
    """A key that signs seals, or its public half."""
    from gitconfigmgr.adapters import keyfiles

    return keyfiles.load_private(place) if private else keyfiles.load_public(place)


def open_seal_memory(folder: Path, key: Any) -> StateStore:
    """What remembers the number of the newest seal seen of a public key."""
    name = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
    return JsonFile(state_folder(folder) / f"seal-{name}.json")
