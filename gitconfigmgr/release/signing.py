"""The metadata of a release: delegations, roles, snapshot and timestamp, signed by the keys at hand. Writes nothing."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import many
from gitconfigmgr.release import attestation, delta, keyset, layout, metadata
from gitconfigmgr.release.trust import OURS, custom_of, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tuf.api.metadata import Metadata, TargetFile, Targets

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.publishing import ReleaseSettings
    from gitconfigmgr.release.ports import Signing
    from gitconfigmgr.release.trust import Read, Trusted

Files = list[tuple[str, bytes, bool]]  # path, bytes, whether compressed siblings stand beside it


@dataclass
class Assembly:
    """`files` are immutable. `roles` and `targets` are new metadata; `missing` the signatures it lacks, by
    role; `stale` are deltas that nobody will ask for again."""

    files: Files = field(default_factory=list)
    roles: dict[str, Metadata[Targets]] = field(default_factory=dict)
    targets: Metadata[Targets] | None = None
    missing: dict[str, int] = field(default_factory=dict)
    written: set[Target] = field(default_factory=set)
    stale: list[str] = field(default_factory=list)
    kept_out: list[tuple[Target, str]] = field(default_factory=list)


@dataclass
class Ground:
    """What everything is made on: the verified tree (None at first), older files of it, the keys and the time."""

    before: Trusted | None
    read: Read
    signing: Signing
    settings: ReleaseSettings
    now: datetime


def entries_of(before: Trusted | None) -> dict[str, tuple[dict[str, TargetFile], dict[str, int]]]:
    """Role -> its entries by path, and the last versions of what is gone."""
    found = {}
    for name, role in (before.roles if before else {}).items():
        ours = role.signed.unrecognized_fields.get(OURS) or {}
        found[name] = (dict(role.signed.targets), dict(ours.get("gone", {})))
    return found


def sign_roles(
    ground: Ground,
    made: Assembly,
    entries: Mapping[str, tuple[Mapping[str, TargetFile], Mapping[str, int]]],
    touched: set[str],
) -> None:
    """The next versions of the touched roles, and of those whose keys have changed, signed by the keys at hand."""
    targets, rekeyed = _delegations(ground, made, entries.keys() | touched)
    for role in sorted(touched | rekeyed):
        environment = layout.environment_of(role)
        old = ground.before.roles.get(role) if ground.before else None
        listed, gone = entries[role]
        if role in rekeyed and old is not None:
            _attest_again(ground, made, role, listed.values())
        new = metadata.new_role(
            old.signed.version + 1 if old else 1, listed.values(), gone, ground.now, ground.settings.bundle_days
        )
        metadata.sign(new, ground.signing.signers(keyset.RELEASE, environment))
        made.roles[role] = new
    made.missing.update(missing(targets, made.roles))


def missing(targets: Metadata[Targets], roles: Mapping[str, Metadata[Targets]]) -> dict[str, int]:
    """How many signatures each role still lacks."""
    found = {}
    for name, role in roles.items():
        result = targets.signed.get_verification_result(name, role.signed_bytes, role.signatures)
        if not result:
            found[name] = result.threshold - len(result.signed)
    return found


def _attest_again(ground: Ground, made: Assembly, role: str, entries: Iterable[TargetFile]) -> None:
    """Sign the attestations of a role whose keys have changed; what they say stays."""
    signers = ground.signing.signers(keyset.RELEASE, layout.environment_of(role))
    known = {signer.public_key.keyid for signer in signers}
    for entry in entries:
        custom = custom_of(entry)
        digest = str(custom.get("attestation"))
        data = ground.read(layout.attestation_file(digest))
        if data is None or digest_of(data) != digest or attestation.signed_by(data) & known or not signers:
            continue
        again = attestation.sign(attestation.payload_of(data), signers)
        made.files.append((layout.attestation_file(digest_of(again)), again, False))
        entry.unrecognized_fields["custom"] = custom | {"attestation": digest_of(again)}


def _delegations(ground: Ground, made: Assembly, roles: Iterable[str]) -> tuple[Metadata[Targets], set[str]]:
    """Top-level targets with the delegations that the keys ask for, and the roles whose keys have changed."""
    before = ground.before.targets if ground.before else None
    targets = deepcopy(before) if before else metadata.new_targets(1, ground.now)
    rekeyed = set()
    for role in sorted(roles):
        keys, threshold = ground.signing.public(keyset.RELEASE, layout.environment_of(role))
        if metadata.delegate(targets, role, keys, threshold):
            rekeyed.add(role)
    changed = before is None or bool(rekeyed)
    newest = parsed(ground.signing.roots()[-1], "root", "root").signed
    changed |= before is not None and not newest.get_verification_result(
        "targets", before.signed_bytes, before.signatures
    )
    due = metadata.half_life(targets.signed, metadata.TARGETS_DAYS, ground.now)
    signers = ground.signing.signers(keyset.TARGETS) if changed or due else []
    if changed and len(signers) < ground.signing.public(keyset.TARGETS)[1]:
        raise no_key(keyset.TARGETS, None)
    if not changed and len(signers) < ground.signing.public(keyset.TARGETS)[1]:
        return targets, rekeyed
    if before is not None:
        targets.signed.version += 1
        targets.signed.expires = metadata.until(ground.now, metadata.TARGETS_DAYS)
        targets.signatures.clear()
    metadata.sign(targets, signers)
    made.targets = targets
    return targets, rekeyed


def point(
    ground: Ground, roles: Mapping[str, Metadata[Targets]], targets: Metadata[Targets] | None, note: Mapping[str, Any]
) -> tuple[Files, bytes]:
    """The files of the metadata, snapshot included, and the timestamp that makes all of it current."""
    before, now, days = ground.before, ground.now, ground.settings.timestamp_days
    signers = ground.signing.signers(keyset.ONLINE)
    if len(signers) < ground.signing.public(keyset.ONLINE)[1]:
        raise no_key(keyset.ONLINE, None)
    files: Files = []
    changed = dict(roles) | ({"targets": targets} if targets else {})
    for name, item in changed.items():
        _versioned(ground, files, name, item.signed.version, item.to_bytes())
    known = before.snapshot.signed.meta if before else {}
    versions = {name.removesuffix(".json"): item.version for name, item in known.items()}
    versions |= {name: item.signed.version for name, item in changed.items()}
    version = before.snapshot.signed.version + 1 if before else 1
    snapshot = metadata.sign(metadata.new_snapshot(version, versions, note, now, days), signers)
    _versioned(ground, files, "snapshot", version, snapshot)
    number = before.timestamp.signed.version + 1 if before else 1
    roots = len(ground.signing.roots())
    return files, metadata.sign(metadata.new_timestamp(number, (version, snapshot), roots, now, days), signers)


def _versioned(ground: Ground, files: Files, role: str, version: int, data: bytes) -> None:
    """A version of a role's metadata, and deltas from those before."""
    files.append((layout.metadata_file(role, version), data, True))
    for older in range(version - 1, max(0, version - 1 - layout.DELTAS_KEPT), -1):
        before = ground.read(layout.metadata_file(role, older))
        if before is not None:
            files.append((layout.delta_file(f"{older}.{role}", f"{version}.{role}"), delta.make(before, data), False))


def no_key(role: str, environment: str | None) -> UsageError:
    """There are not enough private keys of a role here."""
    shown = f"{role} of {environment}" if environment else role
    return UsageError(f"the keys that sign for {shown} are not here", "see `gitconfigmgr keys status`")


def waiting_note(missing: Mapping[str, int]) -> str:
    """What a release that waits for signatures says."""
    total = max(missing.values())
    shown = ", ".join(sorted({layout.environment_of(role) for role in missing}))
    return f"{shown}: waits for {many(total, 'more signature')}; `gitconfigmgr release sign` adds one"


def digest_of(data: bytes) -> str:
    """The digest in hex, as files are named by."""
    return sha256(data).hexdigest()
