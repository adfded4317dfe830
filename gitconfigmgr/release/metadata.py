"""Making TUF metadata: what is signed, and how long it lives."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import GitConfigError, OutsideError
from gitconfigmgr.release import layout
from gitconfigmgr.release.trust import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

    from gitconfigmgr.release.trust import Trusted

ROOT_DAYS = 365
TARGETS_DAYS = 365
ROLES = ("root", "targets", "snapshot", "timestamp")


def new_root(
    version: int, roles: Mapping[str, tuple[Sequence[Any], int]], now: datetime, days: int = ROOT_DAYS
) -> Metadata[Root]:
    """Root metadata: for each of the four roles its public keys and how many have to sign."""
    from tuf.api.metadata import Metadata, Role, Root

    keys = {key.keyid: key for name in ROLES for key in roles[name][0]}
    named = {name: Role([key.keyid for key in roles[name][0]], roles[name][1]) for name in ROLES}
    return Metadata(Root(version=version, expires=until(now, days), keys=keys, roles=named))


def new_targets(version: int, now: datetime, days: int = TARGETS_DAYS) -> Metadata[Targets]:
    """Top-level targets: it delegates and names no file itself."""
    from tuf.api.metadata import Delegations, Metadata, Targets

    return Metadata(Targets(version=version, expires=until(now, days), delegations=Delegations({}, {})))


def delegate(targets: Metadata[Targets], role: str, keys: Sequence[Any], threshold: int) -> bool:
    """Make the delegation of a role be this; whether anything changed."""
    from tuf.api.metadata import DelegatedRole

    delegations = targets.signed.delegations
    assert delegations is not None
    assert delegations.roles is not None
    wanted = DelegatedRole(
        role, [key.keyid for key in keys], threshold, terminating=True, paths=layout.patterns_of(role)
    )
    if delegations.roles.get(role) == wanted:
        return False
    delegations.roles[role] = wanted
    delegations.keys.update({key.keyid: key for key in keys})
    used = {keyid for item in delegations.roles.values() for keyid in item.keyids}
    for keyid in delegations.keys.keys() - used:
        del delegations.keys[keyid]
    return True


def new_role(
    version: int, entries: Iterable[TargetFile], gone: Mapping[str, int], now: datetime, days: int
) -> Metadata[Targets]:
    """The metadata of a delegated role. `gone` keeps the version numbers of removed targets."""
    from tuf.api.metadata import Metadata, Targets

    listed = {entry.path: entry for entry in sorted(entries, key=lambda entry: entry.path)}
    more = {OURS: {"gone": dict(gone)}} if gone else {}
    return Metadata(Targets(version=version, expires=until(now, days), targets=listed, unrecognized_fields=more))


def target_file(path: str, data: bytes, custom: Mapping[str, Any]) -> TargetFile:
    """The entry of a file."""
    from tuf.api.metadata import TargetFile

    hashes = {"sha256": hashlib.sha256(data).hexdigest()}
    return TargetFile(len(data), hashes, path, {"custom": dict(custom)} if custom else None)


def new_snapshot(
    version: int, versions: Mapping[str, int], note: Mapping[str, Any], now: datetime, days: int
) -> Metadata[Snapshot]:
    """The snapshot. It names versions only: digests of metadata would be half of what clients load."""
    from tuf.api.metadata import Metadata, MetaFile, Snapshot

    meta = {f"{role}.json": MetaFile(number) for role, number in sorted(versions.items())}
    return Metadata(
        Snapshot(version=version, expires=until(now, days), meta=meta, unrecognized_fields={OURS: dict(note)})
    )


def new_timestamp(
    version: int, snapshot: tuple[int, bytes], roots: int, now: datetime, days: int
) -> Metadata[Timestamp]:
    """The pointer, to the snapshot of a version. `x-gcm.signed` tells a clock that went backwards, `x-gcm.root` saves
    readers the request for a root that is not there."""
    from tuf.api.metadata import Metadata, MetaFile, Timestamp

    number, data = snapshot
    meta = MetaFile(number, len(data), {"sha256": hashlib.sha256(data).hexdigest()})
    more = {OURS: {"signed": f"{now:%Y-%m-%dT%H:%M:%SZ}", "root": roots}}
    return Metadata(Timestamp(version=version, expires=until(now, days), snapshot_meta=meta, unrecognized_fields=more))


def sign(metadata: Metadata[Any], signers: Iterable[Any]) -> bytes:
    """Add the signatures that are not there yet; the bytes. Raises OutsideError where a key service does not sign."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from tuf.api.exceptions import UnsignedMetadataError

    for signer in signers:
        if signer.public_key.keyid not in metadata.signatures:
            try:
                made = metadata.sign(signer, append=True)
                signer.public_key.verify_signature(made, metadata.signed_bytes)
            except UnverifiedSignatureError:
                key = signer.public_key.keyid[:12]
                raise OutsideError(f"the key {key} signs something else", "see `gitconfigmgr keys status`") from None
            except UnsignedMetadataError as error:
                if isinstance(error.__cause__, GitConfigError):
                    raise error.__cause__ from None
                what = type(error.__cause__).__name__
                raise OutsideError(f"a key does not sign ({what})", "see `gitconfigmgr keys status`") from None
    return metadata.to_bytes()


def half_life(signed: Any, days: int, now: datetime) -> bool:
    """Whether half of the life of some metadata is over."""
    return bool(signed.expires - now < timedelta(days=days) / 2)


def ending(trusted: Trusted, now: datetime, bundle_days: int = 60) -> dict[str, str]:
    """The roles whose life is more than half over, each with a sentence that says what to do.

    How long delegated roles live is a setting of who publishes; others take 30 days for half of it.
    """
    ours = trusted.timestamp.signed.unrecognized_fields.get(OURS) or {}
    every: dict[str, Metadata[Any]] = {"root": trusted.root, "timestamp": trusted.timestamp}
    every |= {"snapshot": trusted.snapshot, "targets": trusted.targets, **trusted.roles}
    found = {}
    for name, item in every.items():
        days = ROOT_DAYS if name == "root" else TARGETS_DAYS if name == "targets" else 0
        left = item.signed.expires - now
        if days:
            late = half_life(item.signed, days, now)
        elif name in {"timestamp", "snapshot"} and "signed" in ours:
            late = left < (item.signed.expires - moment(ours["signed"])) / 2
        else:
            late = left < timedelta(days=bundle_days) / 2
        if late:
            ends = "ended" if left < timedelta() else "ends"
            how = "`gitconfigmgr keys rotate root --renew`" if name == "root" else "`gitconfigmgr resign`"
            found[name] = f"{ends} at {item.signed.expires:%Y-%m-%dT%H:%M:%SZ}: {how}"
    return found


def moment(text: str) -> datetime:
    """A time as our fields write it."""
    from datetime import datetime as parse

    return parse.fromisoformat(text)


def until(now: datetime, days: int) -> datetime:
    return (now + timedelta(days=days)).replace(microsecond=0)
