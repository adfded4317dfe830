"""What a tenant's tree holds, as its metadata says, and who may read which file of it.

Nothing is verified here: readers do that. What counts is that an answer never goes beyond what the caller may read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gitconfigmgr.release import layout
from gitconfigmgr.release.trust import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.sync.access import Grant

    Read = Callable[[str], bytes | None]

_TOP = ("root", "timestamp", "snapshot", "targets")
_OWN = ("attestation", "record", "provenance")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Entry(NamedTuple):
    """A bundle that is current. `custom` as it was signed."""

    target: Target
    path: str
    sha256: str
    length: int
    custom: Mapping[str, Any]

    @property
    def file(self) -> str:
        return layout.file_of(self.path, self.sha256)

    @property
    def version(self) -> int:
        return int(self.custom.get("version", 0))


@dataclass(frozen=True)
class Catalogue:
    """`owners`: the targets that the files named by a digest belong to; those of the release before count, too."""

    release: int
    timestamp: int
    entries: Mapping[Target, Entry]
    owners: Mapping[str, frozenset[Target]]
    roles: Mapping[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    def visible(self, grant: Grant) -> list[Entry]:
        """The current bundles that somebody may read, sorted."""
        return [entry for target, entry in sorted(self.entries.items()) if grant.may_read(*target)]


class DamagedError(Exception):
    """The metadata of the tree says nothing that can be used."""


def read_catalogue(read: Read, before: Catalogue | None) -> Catalogue | None:
    """None where nothing was published. What has not changed is taken from `before`. Raises DamagedError."""
    data = read(layout.TIMESTAMP)
    if data is None:
        return None
    try:
        timestamp = orjson.loads(data)["signed"]
        version = int(timestamp["meta"]["snapshot.json"]["version"])
        snapshot = _signed(read, "snapshot", version)
        roles = {}
        for name, meta in snapshot["meta"].items():
            key = (name.removesuffix(".json"), int(meta["version"]))
            if key[0] not in _TOP:
                roles[key] = (before.roles.get(key) if before else None) or _signed(read, *key)
        entries = _entries(roles)
        owners = _owners(entries)
        for digest, targets in (_owners(before.entries) if before else {}).items():
            owners[digest] = owners.get(digest, frozenset()) | targets
        return Catalogue(
            int(snapshot.get(OURS, {}).get("release", 0)), int(timestamp["version"]), entries, owners, roles
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from None


def _signed(read: Read, role: str, version: int) -> Mapping[str, Any]:
    data = read(layout.metadata_file(role, version))
    if data is None:
        raise DamagedError(f"version {version} of {role} is missing")
    signed = orjson.loads(data)["signed"]
    if not isinstance(signed, dict):
        raise DamagedError(f"version {version} of {role} is no metadata")
    return signed


def _entries(roles: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[Target, Entry]:
    found = {}
    for role in roles.values():
        for path, item in role["targets"].items():
            target = layout.target_of(path)
            if target is not None:
                digest = str(item["hashes"]["sha256"])
                if not _DIGEST.match(digest):
                    raise DamagedError(f"{path} has no digest")
                found[target] = Entry(target, path, digest, int(item["length"]), item.get("custom") or {})
    return found


def _owners(entries: Mapping[Target, Entry]) -> dict[str, frozenset[Target]]:
    found: dict[str, frozenset[Target]] = {}
    for target, entry in entries.items():
        digests = [entry.sha256, *(entry.custom.get(name) for name in _OWN)]
        for digest in digests:
            if isinstance(digest, str):
                found[digest] = found.get(digest, frozenset()) | {target}
    return found


def may_read(grant: Grant, path: str, known: Catalogue | None) -> bool:
    """Whether a file of the tenant's tree may be read; `path` without the suffix of a compressed form."""
    if grant.unrestricted or path == layout.DISCOVERY:
        return True
    folder, _, rest = path.partition("/")
    if path.startswith(f"{layout.METADATA}/"):
        name = path.removeprefix(f"{layout.METADATA}/").removesuffix(".json")
        return name == "timestamp" or _may_read_role(grant, name.partition(".")[2])
    if path.startswith(f"{layout.TARGETS}/"):
        target = _target_of_file(path.removeprefix(f"{layout.TARGETS}/"))
        return target is not None and grant.may_read(*target)
    if folder == "delta":
        new = rest.partition("/")[2].removesuffix(".dcz")
        if "." in new:
            return _may_read_role(grant, new.partition(".")[2])
        return _owns(grant, new, known)
    if folder in ("attest", "provenance", "records"):
        return _owns(grant, rest.partition(".")[0], known)
    return False


def _owns(grant: Grant, digest: str, known: Catalogue | None) -> bool:
    owners = known.owners.get(digest, frozenset()) if known else frozenset()
    return any(grant.may_read(*target) for target in owners)


def _may_read_role(grant: Grant, role: str) -> bool:
    if role in _TOP:
        return True
    patterns = layout.patterns_of(role)
    return grant.may_read_project(patterns[0].rpartition("*")[0].rstrip("/"), layout.environment_of(role))


def _target_of_file(path: str) -> Target | None:
    """The target of `<project>/<sha256>.<service>.<env>.json` or `.sealed`."""
    project, _, name = path.rpartition("/")
    name = name.partition(".")[2]
    stem = name.removesuffix(layout.SEALED) if name.endswith(layout.SEALED) else name.removesuffix(layout.BUNDLE)
    return layout.target_of(f"{project}/{stem}{layout.BUNDLE}" if project else f"{stem}{layout.BUNDLE}")
