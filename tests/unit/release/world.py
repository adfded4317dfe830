"""A published tree to attack: two releases of two services, and the time that goes by."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.publishers.directory import DirectoryPublisher, open_publisher
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.release import layout
from gitconfigmgr.release.trust import Trusted, read_trusted, walk_roots
from tests.conformance.publishers import client
from tests.conformance.publishers.directory import DirectoryRig
from tests.conformance.publishers.rigs import CHAT, SEARCH, bundle, plaintexts, release

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CHAT", "SEARCH", "World", "bundle"]


class World(DirectoryRig):
    """`tree` is the folder of the tenant."""

    def __init__(self, folder: Path, **thresholds: int) -> None:
        super().__init__(folder)
        self.keys = type(self.keys)(self.now, **thresholds)

    @property
    def tree(self) -> Path:
        return self.out / "acme"

    def publish(self, *bundles: Any, **more: Any) -> Any:
        publisher = self.publisher()
        return publisher.publish(release(publisher.held(), *bundles, **more), plaintexts)

    def two_releases(self) -> None:
        self.publish(bundle(CHAT, {"limit": 1}), bundle(SEARCH, {"limit": 1}))
        self.later(hours=1)
        self.publish(bundle(CHAT, {"limit": 2}))

    def later(self, **much: float) -> None:
        self.now += timedelta(**much)

    def other(self, folder: Path) -> DirectoryPublisher:
        """A publisher of another tenant, with keys of its own."""
        context = self.context(signing=lambda: self.keys)
        return open_publisher(Destination("directory", str(folder)), context)  # type: ignore[return-value]

    def trusted(self, *, fresh: bool = True) -> Trusted | None:
        """What our own reader makes of the tree."""
        read = self.publisher().files.read
        return read_trusted(read, walk_roots(read, self.keys.roots()[0]), self.now if fresh else None)

    def limit(self, target: Any = CHAT) -> Any:
        """What an application reads by python-tuf."""
        return self.read(target)["limit"]

    def client(self, folder: Path) -> client.Updater:
        """A client that remembers what it has seen."""
        folder.mkdir(exist_ok=True)
        return client.updater(self.tree, self.keys.roots()[0], folder)

    def file(self, role: str, version: int) -> Path:
        return self.tree / layout.metadata_file(role, version)

    def copy(self, to: Path) -> Path:
        shutil.copytree(self.tree, to)
        return to
