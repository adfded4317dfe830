"""Reading a published tree as TUF clients do: every byte is verified before it counts. Bytes in, values out.

The order is that of the TUF specification, 5.3 to 5.6: the chain of roots from one that is trusted, the timestamp, the
snapshot it names, targets, and each delegated role against the keys its delegation names.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.bundles import Held, Holding
from gitconfigmgr.release import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

    from gitconfigmgr.model.names import Target

    Read = Callable[[str], bytes | None]

MOST_ROOTS = 256
EXTRAS = ("rollout", "pin")  # the custom data of a target that `Release.custom` sets
SEALED_FOR = "for"  # in the custom data of a sealed file: whom it is sealed for, see `envelope.name_of`
OURS = "x-gcm"  # the field of signed metadata that is ours: release number, commit, when it was signed


class UntrustedError(OutsideError):
    """The published tree does not hold against the root that is trusted. `role` is the metadata that is wrong."""

    def __init__(self, role: str, message: str) -> None:
        super().__init__(f"{role}: {message}", "nothing of it is used; restore the tree, or find out who changed it")
        self.role = role


def nothing_there(name: str, lost: str) -> UsageError:
    """A tree that nothing is published in, or not any more."""
    if lost:
        return UsageError(f"{name}: {lost}", "restore it from a copy, or: `release --allow lost -m REASON`")
    return UsageError(f"nothing is published in {name}", "publish first: `gitconfigmgr release`")


@dataclass
class Trusted:
    """Verified metadata. `bytes_of` has the bytes of each role as they were read."""

    roots: list[bytes]
    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: Metadata[Targets]
    roles: dict[str, Metadata[Targets]] = field(default_factory=dict)
    bytes_of: dict[str, bytes] = field(default_factory=dict)

    def entries(self) -> dict[Target, TargetFile]:
        """The bundles, by target."""
        found = {}
        for role in self.roles.values():
            for path, entry in role.signed.targets.items():
                target = layout.target_of(path)
                if target is not None:
                    found[target] = entry
        return found

    def note(self) -> dict[str, Any]:
        """What our field of the snapshot says."""
        note = self.snapshot.signed.unrecognized_fields.get(OURS)
        return note if isinstance(note, dict) else {}

    def held(self) -> Held:
        """As the port has it."""
        targets = {}
        for target, entry in self.entries().items():
            custom = custom_of(entry)
            digest = f"sha256:{entry.hashes['sha256']}"
            extras = {name: value for name, value in custom.items() if name in EXTRAS}
            content = str(custom.get("content") or digest)
            targets[target] = Holding(content, int(custom.get("version", 0)), entry.length, digest, extras)
        note = self.note()
        return Held(int(note.get("release", 0)), note.get("commit"), targets, self.gone())

    def sealed_for_others(self, recipients: str) -> frozenset[Target]:
        """The targets with secrets that are not sealed for these recipients (see `envelope.name_of`)."""
        found = set()
        for target, entry in self.entries().items():
            sealed = self.roles[layout.role_of(target)].signed.targets.get(layout.path_of(target, layout.SEALED))
            known = custom_of(sealed).get(SEALED_FOR, "") if sealed else ""
            if known != recipients and "content" in custom_of(entry):
                found.add(target)
        return frozenset(found)

    def gone(self) -> dict[Target, int]:
        """The last versions of targets that were removed."""
        found = {}
        for role in self.roles.values():
            listed = role.signed.unrecognized_fields.get(OURS) or {}
            for path, version in listed.get("gone", {}).items():
                target = layout.target_of(path)
                if target is not None:
                    found[target] = int(version)
        return found


def custom_of(entry: TargetFile) -> dict[str, Any]:
    """The signed custom data of a target file."""
    custom = entry.unrecognized_fields.get("custom")
    return custom if isinstance(custom, dict) else {}


def read_trusted(
    read: Read, roots: list[bytes], now: datetime | None, wanted: Callable[[str], bool] | None = None
) -> Trusted | None:
    """All metadata of a tree below a tenant's folder; None where nothing was published yet.

    `roots` is a chain that was verified, by `walk_roots` or when it was made; the last one counts. Without `now` nothing
    expires: a publisher renews what has. `wanted` are the delegated roles to read, by default all. Raises UntrustedError.
    """
    newest = parsed(roots[-1], "root", "root")
    data = read(layout.TIMESTAMP)
    if data is None:
        return None
    _fresh(newest, "root", now)
    timestamp = _verified(newest.signed, data, "timestamp", "timestamp", now)
    return _below(read, roots, timestamp, {"timestamp": data, "root": roots[-1]}, now, wanted)


def recovered(read: Read, names: Iterable[str], roots: list[bytes]) -> Trusted | None:
    """The newest state that verifies in a tree whose timestamp is lost; None where there is none.

    Its timestamp is made up, unsigned, of the same version as the snapshot: they are always signed together. `names`
    are those of the files in the folder of metadata.
    """
    from datetime import UTC
    from datetime import datetime as moment

    from tuf.api.metadata import Metadata, MetaFile, Timestamp

    for version in sorted(versions_of(names).get("snapshot", ()), reverse=True):
        signed = Timestamp(version=version, expires=moment.now(UTC), snapshot_meta=MetaFile(version))
        with suppress(UntrustedError):
            return _below(read, roots, Metadata(signed), {"root": roots[-1]}, None, None)
    return None


def versions_of(names: Iterable[str]) -> dict[str, set[int]]:
    """The versions of each role, by the names of files in the folder of metadata."""
    found: dict[str, set[int]] = {}
    for name in names:
        number, _, role = name.removesuffix(".json").partition(".")
        if name.endswith(".json") and number.isdecimal() and role:
            found.setdefault(role, set()).add(int(number))
    return found


def _below(
    read: Read, roots: list[bytes], timestamp: Metadata[Timestamp], known: dict[str, bytes], now: datetime | None,
    wanted: Callable[[str], bool] | None,
) -> Trusted:  # fmt: skip
    """What a timestamp leads to."""
    newest = parsed(roots[-1], "root", "root")
    snapshot = _snapshot(read, newest, timestamp, known, now)
    targets = _child(read, newest.signed, snapshot, "targets", known, now)
    tree = Trusted(roots, newest, timestamp, snapshot, targets, {}, known)
    delegated = targets.signed.delegations.roles if targets.signed.delegations else {}
    for role in delegated or {}:
        if f"{role}.json" in snapshot.signed.meta and (wanted is None or wanted(role)):
            tree.roles[role] = _child(read, targets.signed, snapshot, role, known, now)
            _within(role, tree.roles[role])
    return tree


def walk_roots(read: Read, root: bytes) -> list[bytes]:
    """The trusted root and the later ones of the tree, each signed by the keys of the one before and its own."""
    roots = [root]
    current = parsed(root, "root", "root")
    _signed_by(current.signed, current, "root")
    for _ in range(MOST_ROOTS):
        data = read(layout.metadata_file("root", current.signed.version + 1))
        if data is None:
            return roots
        newer = parsed(data, "root", "root")
        _signed_by(current.signed, newer, "root")
        _signed_by(newer.signed, newer, "root")
        if newer.signed.version != current.signed.version + 1:
            raise UntrustedError("root", f"version {newer.signed.version} is not the next one")
        roots.append(data)
        current = newer
    raise UntrustedError("root", f"there are more than {MOST_ROOTS} versions")


def _snapshot(
    read: Read, root: Metadata[Root], timestamp: Metadata[Timestamp], known: dict[str, bytes], now: datetime | None
) -> Metadata[Snapshot]:
    meta = timestamp.signed.snapshot_meta
    data = read(layout.metadata_file("snapshot", meta.version))
    if data is None:
        raise UntrustedError("snapshot", f"version {meta.version} is missing")
    if meta.length is not None and len(data) != meta.length:
        raise UntrustedError("snapshot", "its length is not what the timestamp says")
    if meta.hashes and hashlib.sha256(data).hexdigest() != meta.hashes.get("sha256"):
        raise UntrustedError("snapshot", "its digest is not what the timestamp says")
    known["snapshot"] = data
    found: Metadata[Snapshot] = _verified(root.signed, data, "snapshot", "snapshot", now)
    if found.signed.version != meta.version:
        raise UntrustedError("snapshot", f"is version {found.signed.version}, the timestamp says {meta.version}")
    return found


def _child(
    read: Read, parent: Root | Targets, snapshot: Metadata[Snapshot], role: str, known: dict[str, bytes],
    now: datetime | None,
) -> Metadata[Targets]:  # fmt: skip
    meta = snapshot.signed.meta.get(f"{role}.json")
    if meta is None:
        raise UntrustedError(role, "the snapshot does not name it")
    data = read(layout.metadata_file(role, meta.version))
    if data is None:
        raise UntrustedError(role, f"version {meta.version} is missing")
    known[role] = data
    found: Metadata[Targets] = _verified(parent, data, role, "targets", now)
    if found.signed.version != meta.version:
        raise UntrustedError(role, f"is version {found.signed.version}, the snapshot says {meta.version}")
    return found


def _verified(parent: Root | Targets, data: bytes, role: str, kind: str, now: datetime | None) -> Any:
    found = parsed(data, role, kind)
    _signed_by(parent, found, role)
    _fresh(found, role, now)
    return found


def parsed(data: bytes, role: str, kind: str) -> Any:
    """Metadata of a kind, its signatures not yet looked at. Raises UntrustedError."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata

    try:
        found: Any = Metadata.from_bytes(data)
    except (RepositoryError, ValueError):
        raise UntrustedError(role, "is no TUF metadata") from None
    if found.signed.type != kind:
        raise UntrustedError(role, f"is metadata of another kind, {found.signed.type}")
    return found


def _signed_by(parent: Root | Targets, found: Metadata[Any], role: str) -> None:
    result = parent.get_verification_result(role, found.signed_bytes, found.signatures)
    if not result:
        raise UntrustedError(
            role, f"is signed by {len(result.signed)} of the {result.threshold} keys that must sign it"
        )


def _fresh(found: Metadata[Any], role: str, now: datetime | None) -> None:
    if now is not None and found.signed.is_expired(now):
        raise UntrustedError(role, f"expired at {found.signed.expires:%Y-%m-%dT%H:%M:%SZ}")


def _within(role: str, found: Metadata[Targets]) -> None:
    """No role names a target of another: clients would not look for it there."""
    environment = layout.environment_of(role)
    for path in found.signed.targets:
        target = layout.target_of(
            path.removesuffix(layout.SEALED) + layout.BUNDLE if path.endswith(layout.SEALED) else path
        )
        if target is None or target.environment != environment or layout.role_of(target) != role:
            raise UntrustedError(role, f"names {path}, which is not its own")
