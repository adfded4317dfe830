"""A release as files: what has to be written, in the order that keeps readers whole. Signs, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.release import attestation, delta, envelope, keyset, layout, metadata
from gitconfigmgr.release.signing import Assembly, digest_of, entries_of, no_key, sign_roles
from gitconfigmgr.release.trust import EXTRAS, SEALED_FOR, custom_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tuf.api.metadata import TargetFile

    from gitconfigmgr.model.bundles import Bundle, Release
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.release.ports import OpenSecrets, Signing
    from gitconfigmgr.release.signing import Ground
    from gitconfigmgr.release.trust import Read, Trusted


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
        elif old is not None and self._content(target) == bundle.content and target not in self._outdated:
            new = [self._recast(target, old), *([sealed] if sealed else [])]
        else:
            new = self._bundle(bundle, old, sealed, secrets)
        listed.update({entry.path: entry for entry in new})

    @cached_property
    def _outdated(self) -> frozenset[Target]:
        """Targets whose secrets are sealed for others than the settings say."""
        return self.before.sealed_for_others(self._recipients) if self.before else frozenset()

    @property
    def _recipients(self) -> str:
        return envelope.name_of(self.ground.settings.seal_for)

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
            same = known is not None and known.content == bundle.content and target not in self._outdated
            if not same or self._extras(target) != self._wanted(target):
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

    def _bundle(
        self, bundle: Bundle, old: TargetFile | None, old_sealed: TargetFile | None, secrets: OpenSecrets
    ) -> list[TargetFile]:
        """The files of a bundle, and its entries."""
        target, change = bundle.target, self.release.changes[bundle.target]
        path = layout.path_of(target)
        digest = bundle.digest.removeprefix("sha256:")
        self._add(layout.file_of(path, digest), bundle.document, siblings=True)
        byproducts = {"provenance": digest_of(bundle.provenance)}
        self._add(layout.provenance_file(byproducts["provenance"]), bundle.provenance, siblings=True)
        previous = [entry for entry in self._history(old) if entry != digest]
        record = self._record(bundle, old)
        byproducts["record"] = digest_of(record)
        self._add(f"records/{byproducts['record']}.json", record)
        if len(previous) > 1:  # deltas to the version before the last; a reader may still be at the last
            self.made.stale += [layout.delta_file(known, previous[1]) for known in previous[2:]]
        sealed = self._sealed(bundle, secrets)
        payload = attestation.statement(bundle, path, self.release, byproducts)
        signers = self.signing.signers(keyset.RELEASE, target.environment)
        if not signers:
            raise no_key(keyset.RELEASE, target.environment)
        envelope_ = attestation.sign(payload, signers)
        self._add(layout.attestation_file(digest_of(envelope_)), envelope_)
        offered = [
            known for known in previous[: layout.DELTAS_KEPT] if self._delta(path, known, bundle.document, digest)
        ]
        custom: dict[str, Any] = {
            "version": change.version,
            "release": self.release.number,
            "commit": self.release.revision.commit,
            "change": change.type,
            "attestation": digest_of(envelope_),
            "record": byproducts["record"],
            "provenance": byproducts["provenance"],
            **self._wanted(target),
        }
        if previous:
            custom |= {"previous": previous[0], "deltas": [known[: layout.PREFIX_DIGITS] for known in offered]}
        if bundle.content != bundle.digest:
            custom["content"] = bundle.content
        if self.release.overrides:  # agents look at budgets too, and have to know what was set aside
            custom["allowed"] = sorted({str(item["refusal"]) for item in self.release.overrides})
        if old is not None and "rollout" in custom:
            custom |= _sealed_before(custom_of(old), old_sealed)
        entries = [metadata.target_file(path, bundle.document, custom)]
        if sealed is not None:
            entries.append(metadata.target_file(layout.path_of(target, layout.SEALED), sealed, self._seal_note()))
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
        return data if data is not None and digest_of(data) == digest else None

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
                "previous": custom_of(old).get("record") if old else None,
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
        self._add(layout.file_of(layout.path_of(bundle.target, layout.SEALED), digest_of(data)), data)
        return data

    def _seal_note(self) -> dict[str, str]:
        return {SEALED_FOR: self._recipients} if self._recipients else {}

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


def _sealed_before(old: Mapping[str, Any], sealed: TargetFile | None) -> dict[str, Any]:
    """Where readers outside the cohort find the secrets of the version that they keep."""
    if "rollout" in old:  # they keep what they had before that one, too
        return {"from_sealed": old["from_sealed"]} if "from_sealed" in old else {}
    return {"from_sealed": {"sha256": sealed.hashes["sha256"], "length": sealed.length}} if sealed else {}
