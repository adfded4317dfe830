"""`directory:PATH`: the published tree that any server of static files can serve; see release.layout.

Trust comes from signed metadata, so the folder itself need not be trusted: what is read from it is verified from the
root of the key set before anything is signed on top of it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.adapters.publishers import directory_staging as staging
from gitconfigmgr.adapters.publishers.directory_files import Folder
from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.history.patch import patch
from gitconfigmgr.model.bundles import Held, Loss, Publication, Published
from gitconfigmgr.release import envelope, layout, metadata
from gitconfigmgr.release.assembly import Assembler
from gitconfigmgr.release.ports import ConflictError
from gitconfigmgr.release.signing import Ground, point, waiting_note
from gitconfigmgr.release.trust import (
    OURS,
    Trusted,
    UntrustedError,
    nothing_there,
    read_trusted,
    recovered,
    versions_of,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from gitconfigmgr.adapters.publishers.directory_tending import Renewed, Signed
    from gitconfigmgr.model.bundles import Release
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context, OpenSecrets, Publisher
    from gitconfigmgr.release.signing import Assembly
    from gitconfigmgr.release.signing import Files as FileList


def open_publisher(destination: Destination, context: Context) -> Publisher:
    """See OpenPublisher."""
    if destination.options:
        raise UsageError(f"{destination}: unknown option {min(destination.options)}", "a directory has none")
    files = Folder(folder_of(destination, context, context.settings.tenant))
    load("tuf.api.metadata", "release")
    load("zstandard", "release")
    return DirectoryPublisher(f"directory:{files.root.parent}", files, context)


class Files(Protocol):
    """Where a tree is kept, by paths below the folder of its tenant: directory_files.Folder says what each has to do."""

    def read(self, path: str) -> bytes | None: ...
    def write(self, path: str, data: bytes, *, siblings: bool = False) -> None: ...
    def flip(self, path: str, data: bytes, seconds: int) -> None: ...
    def remove(self, path: str) -> None: ...
    def names(self, folder: str) -> list[str]: ...
    def locked(self) -> AbstractContextManager[None]: ...


class DirectoryPublisher:
    """See Publisher."""

    def __init__(self, name: str, files: Files, context: Context) -> None:
        self.name = name
        self.context = context
        self.tenant = context.settings.tenant
        self.files = files

    def held(self) -> Held:
        trusted = self.trusted()
        lost = "" if trusted else self.lost()
        if lost:
            trusted = self._recovered()
        if trusted is None:
            return Held(lost=lost)
        recipients = envelope.name_of(self.context.settings.seal_for)
        return replace(
            trusted.held(),
            outdated=trusted.sealed_for_others(recipients),
            lost=lost,
            ending={} if lost else metadata.ending(trusted, self.context.now(), self.context.settings.bundle_days),
        )

    def read(self, path: str) -> bytes | None:
        """A file below the folder of the tenant."""
        return self.files.read(path)

    def trusted(self) -> Trusted | None:
        """The verified metadata, expired or not.

        Right after a rotation the tree is still signed by the keys of an earlier root.
        """
        roots = self._roots()
        for known in range(len(roots), 1, -1):
            with suppress(UntrustedError):
                return read_trusted(self.files.read, roots[:known], None)
        return read_trusted(self.files.read, roots[:1], None)

    def lost(self) -> str:
        """Where there is no timestamp: what says that there was one. A first release that was killed leaves versions 1."""
        versions = versions_of(self.files.names(layout.METADATA))
        known = max((number for role in versions.keys() - {"root"} for number in versions[role]), default=0)
        return f"{layout.TIMESTAMP} is gone, and metadata of version {known} is there" if known > 1 else ""

    def _recovered(self) -> Trusted | None:
        """The newest state that verifies without the timestamp."""
        roots, names = self._roots(), self.files.names(layout.METADATA)
        states = (recovered(self.files.read, names, roots[:known]) for known in range(len(roots), 0, -1))
        return next((state for state in states if state is not None), None)

    def publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        with self.files.locked():
            ground = self.ground()
            lost = "" if ground.before else self.lost()
            if lost:
                self._start_again(release, ground, lost)
            self._check_base(release, ground)
            work = Assembler(release, ground, self.context.wrap, patch)
            made = work.run(secrets)
            if not made.written and not lost:
                return self.publication(made, changed=False)
            note = {"release": release.number, "commit": release.head}
            if made.missing:
                self._put(made.files)
                staging.save(self.files, release, made, work.receipt(), note)
                waiting = replace(self.publication(made, changed=False), waiting=made.missing)
                return replace(waiting, notes=(waiting_note(made.missing),))
            self.finish(ground, made, note, (f"releases/{release.number}.json", work.receipt()))
            return self.publication(made)

    def resign(self, *, force: bool) -> Renewed:
        """Renew what is past half of its life, and put rotated keys in force."""
        from gitconfigmgr.adapters.publishers.directory_tending import resign

        return resign(self, force=force)

    def prune(self, *, dry_run: bool) -> list[str]:
        """Remove what no reader can ask for any more."""
        from gitconfigmgr.adapters.publishers.directory_tending import prune

        return prune(self, dry_run=dry_run)

    def waiting(self) -> dict[str, Any] | None:
        """What the release that waits for signatures would change."""
        return staging.waiting(self.files, self.trusted())

    def sign(self, looked_at: str) -> Signed:
        """Add the signatures of the keys at hand to it; `looked_at` is the `seen` of what was shown."""
        from gitconfigmgr.adapters.publishers.directory_tending import sign

        return sign(self, looked_at)

    def ground(self) -> Ground:
        """What is published, and what to sign with."""
        trusted = self.trusted()
        return Ground(trusted, self.files.read, self.context.signing(), self.context.settings, self._time(trusted))

    def finish(self, ground: Ground, made: Assembly, note: dict[str, Any], receipt: tuple[str, bytes] | None) -> None:
        """Write what was assembled: immutable files first, the pointer last."""
        files, timestamp = point(ground, made.roles, made.targets, note)
        self._clean(ground.before)
        self._put([*made.files, *files, *([(*receipt, False)] if receipt else [])])
        self._discovery(ground.now)
        self._put([(layout.metadata_file("root", number), data, True) for number, data in enumerate(self._roots(), 1)])
        self.files.flip(layout.TIMESTAMP, timestamp, int(ground.now.timestamp()))
        if receipt is not None:
            staging.clear(self.files)
        self._forget(made, ground.before)

    def _put(self, files: FileList) -> None:
        for path, data, siblings in files:
            self.files.write(path, data, siblings=siblings)

    def _roots(self) -> list[bytes]:
        return self.context.signing().roots()

    def _start_again(self, release: Release, ground: Ground, lost: str) -> None:
        """Go on from what can be recovered, where somebody set the refusal aside."""
        if not any(item.get("refusal") == "lost" for item in release.overrides):
            raise nothing_there(self.name, lost)
        ground.before = self._recovered()

    def _check_base(self, release: Release, ground: Ground) -> None:
        number = ground.before.held().number if ground.before else 0
        if number != release.base:
            raise ConflictError(
                f"{self.name} is at release {number}, the plan was made on {release.base}", "run the release again"
            )

    def _time(self, trusted: Trusted | None) -> datetime:
        """Now. A clock that goes backwards would sign metadata that ends before what it replaces."""
        now = self.context.now()
        ours = trusted.timestamp.signed.unrecognized_fields.get(OURS) if trusted else None
        before = ours.get("signed") if isinstance(ours, dict) else None
        if before is not None and f"{now:%Y-%m-%dT%H:%M:%SZ}" < before:
            raise OutsideError(
                f"the clock says {now:%Y-%m-%dT%H:%M:%SZ}, but the last release was signed at {before}",
                "set the clock; nothing was published",
            )
        return now

    def _discovery(self, now: datetime) -> None:
        """Where clients begin; written only where it says something else than before."""
        first = orjson.loads(self._roots()[0])["signed"]
        data = orjson.dumps(
            {
                "version": 1,
                "tenant": self.tenant,
                "metadata": layout.METADATA,
                "targets": layout.TARGETS,
                "root_keys": sorted(first["roles"]["root"]["keyids"]),
                "poll": {"seconds": 60, "at_least": 5, "unconditional_every": 20},
                "watch": None,
            },
            option=orjson.OPT_SORT_KEYS,
        )
        if self.files.read(layout.DISCOVERY) != data:
            self.files.flip(layout.DISCOVERY, data, int(now.timestamp()))

    def _clean(self, trusted: Trusted | None) -> None:
        """Remove metadata and receipts newer than the timestamp says: a killed run wrote them, and nobody has read them."""
        current: dict[str, int] = {"snapshot": trusted.snapshot.signed.version} if trusted else {}
        for name, item in (trusted.snapshot.signed.meta if trusted else {}).items():
            current[name.removesuffix(".json")] = item.version
        for role, versions in versions_of(self.files.names(layout.METADATA)).items():
            for number in versions if role != "root" else ():
                if number > current.get(role, 0):
                    self.files.remove(layout.metadata_file(role, number))
        last = trusted.held().number if trusted else 0
        for name in self.files.names("releases"):
            stem = name.removesuffix(".json")
            if stem.isdecimal() and int(stem) > last:
                self.files.remove(f"releases/{name}")

    def _forget(self, made: Assembly, before: Trusted | None) -> None:
        """Remove deltas to versions that no reader can be at."""
        stale = list(made.stale)
        versions = {"snapshot": before.snapshot.signed.version} if before else {}
        for role in made.roles if before else ():
            versions[role] = made.roles[role].signed.version - 1
        for role, last in versions.items():
            known = range(max(1, last - 1 - layout.DELTAS_KEPT), last - 1)
            stale += [layout.delta_file(f"{older}.{role}", f"{last - 1}.{role}") for older in known]
        for path in stale:
            self.files.remove(path)

    def publication(self, made: Assembly, *, changed: bool = True) -> Publication:
        """What readers find now."""
        trusted = self.trusted()
        targets = {}
        for target, entry in (trusted.entries() if trusted else {}).items():
            place = layout.file_of(entry.path, entry.hashes["sha256"])
            targets[target] = Published(f"{self.tenant}/{place}", changed and target in made.written)
        for target in made.written - targets.keys():
            targets[target] = Published("", changed)
        kept_out = "kept out: release.seal_for names nobody to seal it for"
        return Publication(targets, tuple(Loss(target, name, kept_out) for target, name in made.kept_out))
