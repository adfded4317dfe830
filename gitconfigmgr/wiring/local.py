"""What `dev` runs on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.wiring.secrets import open_key_providers
from gitconfigmgr.wiring.trees import open_repository, prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.adapters.openbao import OpenBaoServer
    from gitconfigmgr.app.release.run import Releasing
    from gitconfigmgr.release.ports import Signing


@dataclass(frozen=True)
class Local:
    """The work tree of a repository, and a server that it is released into."""

    folder: Path
    server: OpenBaoServer
    ask: Callable[[str], str] | None

    def releasing(self) -> Releasing:
        """A release of the work tree as it is now, in the name of HEAD: nobody but this server is given it."""
        from datetime import UTC, datetime

        from gitconfigmgr.adapters.git import revision
        from gitconfigmgr.adapters.git.releasing import GitFacts
        from gitconfigmgr.adapters.publishers.vault import open_publisher
        from gitconfigmgr.app.release.bundling import BundleSecrets
        from gitconfigmgr.app.release.gate import Gate
        from gitconfigmgr.app.release.run import Releasing
        from gitconfigmgr.errors import UsageError
        from gitconfigmgr.model.publishing import Destination
        from gitconfigmgr.model.settings import KeyServices
        from gitconfigmgr.release.ports import Context

        repository = open_repository(State(self.folder))
        commit = revision.head(revision.open_repository(self.folder))
        if commit is None:
            raise UsageError("there is no commit yet", "make the first one: `git commit`")
        repository.tree.revision = revision.revision_of(commit)

        def unsigned() -> Signing:
            raise AssertionError

        address = self.server.address
        services = KeyServices(vault=(address,))
        environment = {"VAULT_TOKEN": self.server.token}
        settings = repository.settings.release
        context = Context(
            self.folder, settings, environment, services, lambda: datetime.now(UTC), unsigned, lambda _: []
        )
        destination = Destination("vault", address)
        publishers = [(destination, open_publisher(destination, context))]
        facts = GitFacts(self.folder, prefix_of(State(self.folder), repository.tree))
        gate = Gate(frozenset({"dirty", "branch", "older", "budget"}), "a local server", "dev")
        secrets = BundleSecrets(repository, open_key_providers(self.folder, None, self.ask))
        return Releasing(repository, publishers, facts, gate, secrets)

    def state(self) -> frozenset[tuple[str, int, int]]:
        """HEAD, and the files of the repository with times and sizes: another one after every change and commit."""
        from gitconfigmgr.wiring.changes import head_commit

        found = {(head_commit(self.folder), 0, 0)}
        for at, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(at, name)
                try:
                    seen = path.lstat()
                except OSError:  # it was just removed
                    continue
                found.add((str(path), seen.st_mtime_ns, seen.st_size))
        return frozenset(found)


def open_local(folder: Path, server: OpenBaoServer, ask: Callable[[str], str] | None) -> Local:
    """The repository that a folder lies in."""
    return Local(find_root(folder), server, ask)


def open_openbao() -> OpenBaoServer:
    """A development server, not started yet. Raises UsageError where OpenBao or hvac is not installed."""
    from gitconfigmgr.adapters.openbao import OpenBaoServer

    return OpenBaoServer()
