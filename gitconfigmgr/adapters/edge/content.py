"""Verified content out of bytes: the same walk for what was just fetched and for what a cold start finds on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import layout
from gitconfigmgr.release.rollout import takes_part
from gitconfigmgr.release.trust import OURS, Trusted, custom_of, read_trusted, walk_roots
from gitconfigmgr.sync.access import within
from gitconfigmgr.sync.replica import Candidate, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tuf.api.metadata import TargetFile


class Scope(NamedTuple):
    """What an agent follows: namespaces of one environment, exact or `acme/*` or `*`, as one instance."""

    environment: str
    namespaces: tuple[str, ...]
    instance: str

    def has(self, namespace: str) -> bool:
        return any(within(namespace, pattern) for pattern in self.namespaces)

    def role(self, role: str) -> bool:
        """Whether a delegated role may sign for what is followed."""
        if layout.environment_of(role) != self.environment:
            return False
        project = layout.patterns_of(role)[0].rpartition("*")[0]
        return any(
            pattern == "*"
            or (pattern.endswith("/*") and project.startswith(pattern[:-1]))
            or pattern.rpartition("/")[0] == project.rstrip("/")
            for pattern in self.namespaces
        )


class Part(NamedTuple):
    """A file of the tree: where, and what was signed of it."""

    file: str
    sha256: str
    length: int


class Choice(NamedTuple):
    """What this instance is given of a target."""

    version: Version
    bundle: Part
    sealed: Part | None
    custom: Mapping[str, Any]

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.bundle, self.sealed) if self.sealed else (self.bundle,)


@dataclass(frozen=True)
class Content:
    """All an agent serves, verified. `bytes_of` has bundles and sealed files by digest, `documents` by namespace."""

    candidate: Candidate
    release: int
    commit: str
    choices: Mapping[str, Choice]
    documents: Mapping[str, Any]
    bytes_of: Mapping[str, bytes]
    timestamp: bytes

    @property
    def parts(self) -> list[Part]:
        return [part for choice in self.choices.values() for part in choice.parts]


def read_content(
    read: Callable[[str], bytes | None], root: bytes, scope: Scope, etag: str | None, fetch: Fetch | None = None
) -> Content:
    """Verified content. `fetch` gets a part that `read` does not have. Expiry is not judged here.

    Raises OutsideError: what is not verified is never returned.
    """
    trusted = read_trusted(read, walk_roots(read, root), None, scope.role)
    if trusted is None:
        raise OutsideError("nothing was published yet")
    choices = choose(trusted, scope)
    documents, bytes_of = {}, {}
    for namespace, choice in choices.items():
        for part in choice.parts:
            data = read(part.file)
            if data is None and fetch is not None:
                data = fetch(namespace, part, choice)
            if data is None:
                raise OutsideError(f"{part.file} is missing")
            if len(data) != part.length or hashlib.sha256(data).hexdigest() != part.sha256:
                raise OutsideError(f"{part.file} is not what was signed")
            bytes_of[part.sha256] = data
        documents[namespace] = _document(namespace, bytes_of[choice.bundle.sha256])
    note = trusted.note()
    candidate = _candidate(trusted, choices, etag)
    release, commit = int(note.get("release", 0)), str(note.get("commit", ""))
    return Content(candidate, release, commit, choices, documents, bytes_of, trusted.bytes_of["timestamp"])


if TYPE_CHECKING:
    Fetch = Callable[[str, Part, Choice], bytes | None]


def choose(trusted: Trusted, scope: Scope) -> dict[str, Choice]:
    """The targets of a scope, by namespace; outside the cohort of a rollout what everybody had."""
    found = {}
    for role in trusted.roles.values():
        for path, entry in role.signed.targets.items():
            target = layout.target_of(path)
            if target is not None and target.environment == scope.environment and scope.has(target.namespace):
                sealed = role.signed.targets.get(layout.path_of(target, layout.SEALED))
                found[target.namespace] = _choice(path, entry, sealed, scope)
    return found


def _choice(path: str, entry: TargetFile, sealed: TargetFile | None, scope: Scope) -> Choice:
    custom = custom_of(entry)
    sealed_path = path.removesuffix(layout.BUNDLE) + layout.SEALED
    signed = int(custom.get("version", 0))
    if takes_part(custom.get("rollout"), scope.instance):
        version = Version(signed, signed, entry.hashes["sha256"])
        bundle = _part(path, entry.hashes["sha256"], entry.length)
        hidden = _part(sealed_path, sealed.hashes["sha256"], sealed.length) if sealed else None
    else:
        base, closed = custom["rollout"]["from"], custom.get("from_sealed")
        version = Version(signed, int(base["version"]), base["sha256"])
        bundle = _part(path, base["sha256"], base["length"])
        hidden = _part(sealed_path, closed["sha256"], closed["length"]) if closed else None
    return Choice(version, bundle, hidden, custom)


def _part(path: str, sha256: str, length: int) -> Part:
    return Part(layout.file_of(path, sha256), sha256, length)


def _document(namespace: str, data: bytes) -> Any:
    try:
        document = orjson.loads(data)
    except ValueError:
        raise OutsideError(f"{namespace}: the bundle is not JSON") from None
    if not isinstance(document, dict):
        raise OutsideError(f"{namespace}: the bundle is not a map")
    return document


def _candidate(trusted: Trusted, choices: Mapping[str, Choice], etag: str | None) -> Candidate:
    timestamp = trusted.timestamp.signed
    ends = [item.signed.expires for item in (trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets)]
    ends += [role.signed.expires for role in trusted.roles.values()]
    versions = {namespace: choice.version for namespace, choice in choices.items()}
    ours = timestamp.unrecognized_fields.get(OURS)
    signed = _seconds(ours.get("signed")) if isinstance(ours, dict) else 0.0
    return Candidate(timestamp.version, signed, min(ends).timestamp(), versions, etag)


def _seconds(text: Any) -> float:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
