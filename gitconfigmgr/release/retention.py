"""What of a published tree nobody needs any more. Names in, names out: nothing is removed here.

Kept is what any reader may still ask for, which is what a snapshot leads to that has not ended, or ended no longer ago than
`release.keep_days`; the versions of each target that deltas begin at; of metadata the versions that deltas begin at;
and, whatever their age, roots, records and receipts: they are the chain of trust and the history.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.release import layout
from gitconfigmgr.release.trust import UntrustedError, custom_of, parsed, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tuf.api.metadata import TargetFile

    from gitconfigmgr.release.trust import Read, Trusted

    Names = Callable[[str], list[str]]  # of what is in a folder

_DIGEST = re.compile(r"[0-9a-f]{64}(?=\.)")
_SIBLINGS = (".gz", ".zst")


def needless(
    trusted: Trusted, read: Read, names: Names, staged: Iterable[TargetFile], now: datetime, days: int
) -> list[str]:
    """The files, without their compressed forms, that can go. `staged` are the entries of what waits for signatures."""
    kept = _Kept(trusted, read, now - timedelta(days=days))
    kept.look(versions_of(names(layout.METADATA)))
    for entry in staged:
        kept.entry(entry)
    return sorted(_needless(kept, names))


@dataclass
class _Kept:
    """`files` by path, `bundles` by digest, those that readers may ask for in `live`; `metadata` has versions by role."""

    trusted: Trusted
    read: Read
    since: datetime
    files: set[str] = field(default_factory=set)
    bundles: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    metadata: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    seen: set[tuple[str, int]] = field(default_factory=set)

    def look(self, there: dict[str, set[int]]) -> None:
        """Follow every snapshot that is not too old, and what is current."""
        for item in self.trusted.roles.values():
            for entry in item.signed.targets.values():
                self.entry(entry)
                self._before(entry)
        current = {name.removesuffix(".json"): meta.version for name, meta in self.trusted.snapshot.signed.meta.items()}
        current["snapshot"] = self.trusted.snapshot.signed.version
        for role, last in current.items():
            self.metadata[role] |= set(range(last - layout.DELTAS_KEPT, last + 1))
        for version in there.get("snapshot", ()):
            with suppress(UntrustedError):
                self._snapshot(version)

    def entry(self, entry: TargetFile) -> None:
        """What an entry names."""
        custom = custom_of(entry)
        self._bundle(entry.path, entry.hashes["sha256"], live=True)
        if "attestation" in custom:
            self.files.add(layout.attestation_file(custom["attestation"]))
            self.files.add(f"provenance/{custom.get('provenance')}.json")
        others: list[tuple[str, Any]] = [(entry.path, (custom.get("rollout") or {}).get("from"))]
        others += [(entry.path.removesuffix(layout.BUNDLE) + layout.SEALED, custom.get("from_sealed"))]
        for path, other in others:
            if isinstance(other, dict):
                self._bundle(path, str(other.get("sha256")), live=True)

    def _before(self, entry: TargetFile) -> None:
        """The versions before, which deltas begin at."""
        data = self.read(f"records/{custom_of(entry).get('record')}.json")
        for digest in orjson.loads(data)["before"] if data else ():
            self._bundle(entry.path, digest, live=False)

    def _bundle(self, path: str, digest: str, *, live: bool) -> None:
        self.files.add(layout.file_of(path, digest))
        self.bundles.add(digest)
        if live:
            self.live.add(digest)

    def _snapshot(self, version: int) -> None:
        found = self._metadata("snapshot", version, "snapshot")
        if found is None or found.signed.expires < self.since:
            return
        self.metadata["snapshot"].add(version)
        for name, meta in found.signed.meta.items():
            self._role(name.removesuffix(".json"), meta.version)

    def _role(self, role: str, version: int) -> None:
        if (role, version) in self.seen:  # most snapshots differ in one role
            return
        self.seen.add((role, version))
        self.metadata[role].add(version)
        found = self._metadata(role, version, "targets")
        for entry in found.signed.targets.values() if found else ():
            self.entry(entry)

    def _metadata(self, role: str, version: int, kind: str) -> Any:
        data = self.read(layout.metadata_file(role, version))
        return parsed(data, role, kind) if data is not None else None


def _needless(kept: _Kept, names: Names) -> Iterator[str]:
    for folder in ("attest", "provenance", layout.TARGETS):
        yield from (path for path in _below(folder, names) if path not in kept.files)
    for role, versions in versions_of(names(layout.METADATA)).items():
        if role != "root":
            last = max(kept.metadata.get(role, {0}))
            gone = {version for version in versions - kept.metadata.get(role, set()) if version <= last}
            yield from (layout.metadata_file(role, version) for version in gone)
    for old in names("delta"):
        for name in names(f"delta/{old}"):
            if not _leads(old, name.removesuffix(".dcz"), kept):
                yield f"delta/{old}/{name}"


def _leads(old: str, new: str, kept: _Kept) -> bool:
    """Whether a delta leads from something that is kept to something that is."""
    if "." not in old:
        return old in kept.bundles and new in kept.live
    (before, _, role), (after, _, _) = old.partition("."), new.partition(".")
    known = kept.metadata.get(role, set())
    return int(before) in known and int(after) in known if before.isdecimal() and after.isdecimal() else True


def _below(folder: str, names: Names) -> Iterator[str]:
    """The files of a folder, each once: its compressed forms go with it."""
    for name in names(folder):
        if _DIGEST.match(name):
            if not name.endswith(_SIBLINGS):
                yield f"{folder}/{name}"
        else:
            yield from _below(f"{folder}/{name}", names)
