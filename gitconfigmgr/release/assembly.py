"""A release as files: what has to be written, in the order that keeps readers whole. Signs, and writes nothing."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import many
from gitconfigmgr.release import attestation, delta, envelope, keyset, layout, metadata
from gitconfigmgr.release.trust import EXTRAS, OURS, custom_of, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from tuf.api.metadata import Metadata, TargetFile, Targets

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.publishing import ReleaseSettings
    from gitconfigmgr.release.ports import OpenSecrets, Signing
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


@dataclass
class Assembler:
    """Assembles one release; `patch` makes RFC 6902 patches."""

    release: Release
    ground: Ground
    wrap: Callable[[bytes], list[dict[str, str]]]
    patch: Callable[[Any, Any], list[Any]]
    made: Assembly = field(default_factory=Assembly)
    _data_key: tuple[bytes, list[dict[str, str]]] | None = None

    @property
    def before(self) -> Trusted | None:
        return self.ground.before

    @property
    def read(self) -> Read:
        return self.ground.read

    @property
    def signing(self) -> Signing:
        return self.ground.signing

    def run(self, secrets: OpenSecrets) -> Assembly:
        """All but snapshot and timestamp, which `point` makes once every signature is there."""
        entries = entries_of(self.before)
        todo = self._todo()
        touched = {layout.role_of(target) for target in todo}
        for target in todo:
            listed, gone = entries.setdefault(layout.role_of(target), ({}, {}))
            self._target(target, listed, gone, secrets)
        if todo:
            sign_roles(self.ground, self.made, entries, touched)
        return self.made

    def _target(
        self, target: Target, listed: dict[str, TargetFile], gone: dict[str, int], secrets: OpenSecrets
    ) -> None:
        path = layout.path_of(target)
        old = listed.pop(path, None)
        sealed = listed.pop(layout.path_of(target, layout.SEALED), None)
        self.made.written.add(target)
        if target in self.release.removed:
            gone[path] = self.release.changes[target].version
            return
        gone.pop(path, None)
        bundle = self.release.bundles.get(target)
        if bundle is None:
            assert old is not None
            new = [self._recast(target, old), *([sealed] if sealed else [])]
        elif old is not None and self._content(target) == bundle.content:
            new = [self._recast(target, old), *([sealed] if sealed else [])]
        else:
            new = self._bundle(bundle, old, secrets)
        listed.update({entry.path: entry for entry in new})

    def _content(self, target: Target) -> str | None:
        known = self.before.held().targets.get(target) if self.before else None
        return known.content if known else None

    # -- what there is to do -----------------------------------------------------------------------------------------

    def _todo(self) -> list[Target]:
        """The targets whose entry changes, sorted."""
        held = self.before.held().targets if self.before else {}
        found = {target for target in self.release.removed if target in held}
        for target, bundle in self.release.bundles.items():
            known = held.get(target)
            if known is None or known.content != bundle.content or self._extras(target) != self._wanted(target):
                found.add(target)
        for target in self.release.custom.keys() - self.release.bundles.keys():
            if target in held and self._extras(target) != self._wanted(target):
                found.add(target)
        return sorted(found)

    def _wanted(self, target: Target) -> dict[str, Any]:
        return dict(self.release.custom.get(target, {}))

    def _extras(self, target: Target) -> dict[str, Any]:
        entry = self.before.entries().get(target) if self.before else None
        return {name: value for name, value in custom_of(entry).items() if name in EXTRAS} if entry else {}

    # -- one bundle --------------------------------------------------------------------------------------------------

    def _bundle(self, bundle: Bundle, old: TargetFile | None, secrets: OpenSecrets) -> list[TargetFile]:
        """The files of a bundle, and its entries."""
        target, change = bundle.target, self.release.changes[bundle.target]
        path = layout.path_of(target)
        digest = bundle.digest.removeprefix("sha256:")
        self._add(layout.file_of(path, digest), bundle.document, siblings=True)
        byproducts = {"provenance": _digest(bundle.provenance)}
        self._add(f"provenance/{byproducts['provenance']}.json", bundle.provenance, siblings=True)
        previous = [entry for entry in self._history(old) if entry != digest]
        record = self._record(bundle, old)
        byproducts["record"] = _digest(record)
        self._add(f"records/{byproducts['record']}.json", record)
        if len(previous) > 1:  # deltas to the version before the last; a reader may still be at the last
            self.made.stale += [layout.delta_file(known, previous[1]) for known in previous[2:]]
        sealed = self._sealed(bundle, secrets)
        payload = attestation.statement(bundle, path, self.release.revision, byproducts, self.release.inputs)
        signers = self.signing.signers(keyset.RELEASE, target.environment)
        if not signers:
            raise no_key(keyset.RELEASE, target.environment)
        envelope_ = attestation.sign(payload, signers)
        self._add(layout.attestation_file(_digest(envelope_)), envelope_)
        offered = [
            known for known in previous[: layout.DELTAS_KEPT] if self._delta(path, known, bundle.document, digest)
        ]
        custom: dict[str, Any] = {
            "version": change.version,
            "release": self.release.number,
            "commit": self.release.revision.commit,
            "change": change.type,
            "attestation": _digest(envelope_),
            "record": byproducts["record"],
            "provenance": byproducts["provenance"],
            **self._wanted(target),
        }
        if previous:
            custom |= {"previous": previous[0], "deltas": [known[: layout.PREFIX_DIGITS] for known in offered]}
        if bundle.content != bundle.digest:
            custom["content"] = bundle.content
        entries = [metadata.target_file(path, bundle.document, custom)]
        if sealed is not None:
            entries.append(metadata.target_file(layout.path_of(target, layout.SEALED), sealed, {}))
        return entries

    def _recast(self, target: Target, old: TargetFile) -> TargetFile:
        """The entry of the same bundle with other extras."""
        custom = {name: value for name, value in custom_of(old).items() if name not in EXTRAS}
        old.unrecognized_fields["custom"] = custom | {"release": self.release.number} | self._wanted(target)
        return old

    def _history(self, old: TargetFile | None) -> list[str]:
        """The digests of what was published before, newest first."""
        if old is None:
            return []
        record = str(custom_of(old).get("record"))
        data = self._checked(f"records/{record}.json", record)
        before = orjson.loads(data)["before"] if data else []
        return list(dict.fromkeys([str(old.hashes["sha256"]), *before]))[: layout.DELTAS_KEPT + 2]

    def _checked(self, path: str, digest: str) -> bytes | None:
        """An earlier file; None where it is not there or not what was published."""
        data = self.read(path)
        return data if data is not None and _digest(data) == digest else None

    def _record(self, bundle: Bundle, old: TargetFile | None) -> bytes:
        """The version record: who changed what, as a patch of the version before."""
        known = str(old.hashes["sha256"]) if old else ""
        before = self._checked(layout.file_of(layout.path_of(bundle.target), known), known)
        change, revision = self.release.changes[bundle.target], self.release.revision
        return canonical_json(
            {
                "version_number": change.version,
                "change_type": change.type,
                "changed_by": revision.author,
                "changed_at": f"{revision.time:%Y-%m-%dT%H:%M:%SZ}",
                "git_commit": revision.commit,
                "digest": bundle.digest,
                "secrets": bundle.fingerprints,
                "diff": self.patch(orjson.loads(before) if before else {}, orjson.loads(bundle.document)),
                "before": self._history(old),
            }
        )

    def _sealed(self, bundle: Bundle, secrets: OpenSecrets) -> bytes | None:
        """The secrets, sealed for the tenant; None where there are none or nobody to seal for."""
        if not bundle.secrets:
            return None
        if self._data_key is None:
            key = envelope.new_data_key()
            self._data_key = (key, self.wrap(key))
        key, wrapped = self._data_key
        if not wrapped:
            self.made.kept_out += [(bundle.target, name) for name in bundle.fingerprints]
            return None
        data = envelope.seal(bundle, self.release.tenant, secrets(bundle), key, wrapped)
        self._add(layout.file_of(layout.path_of(bundle.target, layout.SEALED), _digest(data)), data)
        return data

    def _delta(self, path: str, known: str, document: bytes, digest: str) -> bool:
        """Offer a delta from an earlier bundle; only where it is worth it."""
        before = self._checked(layout.file_of(path, known), known)
        if before is None:
            return False
        made = delta.make(before, document)
        if len(made) >= len(document):
            return False
        self._add(layout.delta_file(known, digest), made)
        return True

    def receipt(self) -> bytes:
        """What is kept of the release beside it."""
        revision = self.release.revision
        listed = [
            {
                "namespace": target.namespace,
                "environment": target.environment,
                "change_type": self.release.changes[target].type if target in self.release.changes else "update",
                "version": self.release.changes[target].version if target in self.release.changes else None,
                "digest": self.release.bundles[target].digest if target in self.release.bundles else None,
                **self._wanted(target),
            }
            for target in sorted(self.made.written)
        ]
        return canonical_json(
            {
                "release": self.release.number,
                "tenant": self.release.tenant,
                "commit": revision.commit,
                "author": revision.author,
                "committed_at": f"{revision.time:%Y-%m-%dT%H:%M:%SZ}",
                "published_at": f"{self.ground.now:%Y-%m-%dT%H:%M:%SZ}",
                "overrides": [dict(item) for item in self.release.overrides],
                "targets": listed,
            }
        )

    def _add(self, path: str, data: bytes, *, siblings: bool = False) -> None:
        self.made.files.append((path, data, siblings))


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
        if data is None or _digest(data) != digest or attestation.signed_by(data) & known or not signers:
            continue
        again = attestation.sign(attestation.payload_of(data), signers)
        made.files.append((layout.attestation_file(_digest(again)), again, False))
        entry.unrecognized_fields["custom"] = custom | {"attestation": _digest(again)}


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
    return files, metadata.sign(metadata.new_timestamp(number, version, snapshot, now, days), signers)


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


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
