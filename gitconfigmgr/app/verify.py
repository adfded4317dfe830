"""`verify`: whether a published tree is what its keys signed, whole and fresh; and what the source compiles to."""

from __future__ import annotations

import gzip
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.app.release.bundling import bundle_of
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.release import attestation, delta, layout, metadata
from gitconfigmgr.release.trust import UntrustedError, custom_of, read_trusted, walk_roots

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tuf.api.metadata import TargetFile

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.release.trust import Read, Trusted


@dataclass(frozen=True)
class Problem:
    """What does not hold. `place` is a role, a file of the tree, or a target."""

    place: str
    message: str


@dataclass
class Verified:
    """`problems` empty is a tree that can be trusted; `warnings` are what will end soon."""

    release: int = 0
    commit: str | None = None
    targets: int = 0
    files: int = 0
    rebuilt: int | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)


def verify(
    read: Read, root: bytes, now: datetime, source: Callable[[str], Repository] | None = None, *, whole: bool = False
) -> Verified:
    """Verify the tree of a tenant from a trusted root. `whole` looks at deltas and compressed siblings too.

    `source` gives the repository at a commit: then every bundle is built again and compared.
    """
    found = Verified()
    try:
        found.roots = walk_roots(read, root)
        trusted = read_trusted(read, found.roots, now)
    except UntrustedError as error:
        found.problems.append(Problem(error.role, str(error).removeprefix(f"{error.role}: ")))
        return found
    if trusted is None:
        raise UsageError("nothing is published there", "see that the address ends with the folder of a tenant")
    held = trusted.held()
    found.release, found.commit, found.targets = held.number, held.commit, len(held.targets)
    found.warnings += [Problem(role, message) for role, message in metadata.ending(trusted, now).items()]
    checker = _Checker(read, trusted, found, whole=whole)
    for target, entry in sorted(trusted.entries().items()):
        checker.target(target, entry)
    if source is not None:
        found.rebuilt = _rebuild(trusted, source, found)
    return found


class _Checker:
    """The files of the bundles against what is signed of them."""

    def __init__(self, read: Read, trusted: Trusted, found: Verified, *, whole: bool) -> None:
        self.read = read
        self.trusted = trusted
        self.found = found
        self.whole = whole

    def target(self, target: Target, entry: TargetFile) -> None:
        """One bundle and all that belongs to it."""
        custom = custom_of(entry)
        document = self._signed(entry)
        sealed = self.trusted.roles[layout.role_of(target)].signed.targets.get(layout.path_of(target, layout.SEALED))
        content = self._signed(sealed) if sealed else None
        names = {
            "provenance": f"provenance/{custom.get('provenance')}.json",
            "record": f"records/{custom.get('record')}.json",
        }
        for name, path in names.items():
            self._digested(path, str(custom.get(name)))
        statement = self._attestation(target, entry, custom)
        if statement is not None and content is not None:
            self._sealed(target, statement, content)
        if document is not None and self.whole:
            self._deltas(target, entry, custom, document)

    def _signed(self, entry: TargetFile) -> bytes | None:
        path = layout.file_of(entry.path, entry.hashes["sha256"])
        data = self._digested(path, entry.hashes["sha256"])
        if data is not None and len(data) != entry.length:
            self._wrong(path, f"is {len(data)} bytes long, and {entry.length} are signed")
        if data is not None and self.whole:
            self._siblings(path, data)
        return data

    def _digested(self, path: str, digest: str) -> bytes | None:
        data = self.read(path)
        if data is None:
            self._wrong(path, "is missing")
        elif sha256(data).hexdigest() != digest:
            self._wrong(path, "is not what was signed: its digest differs")
        else:
            self.found.files += 1
            return data
        return None

    def _attestation(self, target: Target, entry: TargetFile, custom: dict[str, Any]) -> dict[str, Any] | None:
        """The statement, if one of the keys of the role has signed it and it is about this bundle."""
        digest = str(custom.get("attestation"))
        path = layout.attestation_file(digest)
        data = self._digested(path, digest)
        if data is None:
            return None
        delegations = self.trusted.targets.signed.delegations
        assert delegations is not None
        assert delegations.roles is not None
        keys = [delegations.keys[keyid] for keyid in delegations.roles[layout.role_of(target)].keyids]
        try:
            statement = attestation.read(data, keys)
        except ValueError as error:
            self._wrong(path, str(error))
            return None
        subject = {"name": entry.path, "digest": {"sha256": entry.hashes["sha256"]}}
        build = statement["predicate"]["buildDefinition"]
        commits = [item["digest"].get("gitCommit") for item in build["resolvedDependencies"]]
        byproducts = {
            item["name"]: item["digest"]["sha256"] for item in statement["predicate"]["runDetails"]["byproducts"]
        }
        if statement["subject"] != [subject]:
            self._wrong(path, f"is about something else than {entry.path}")
        elif byproducts != {name: custom.get(name) for name in byproducts}:
            self._wrong(path, "names other files than the metadata")
        elif custom.get("change") != "rollback" and custom.get("commit") not in commits:
            self._wrong(path, "names another commit than the metadata")
        return statement

    def _sealed(self, target: Target, statement: dict[str, Any], content: bytes) -> None:
        """The sealed secrets are those of the commit, by the fingerprints of their ciphertexts in Git."""
        path = layout.path_of(target, layout.SEALED)
        try:
            values = orjson.loads(content)["values"]
            sources = {name: item["source"] for name, item in values.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            self._wrong(path, "is no sealed file")
            return
        if sources != statement["predicate"]["buildDefinition"]["internalParameters"]["secrets"]:
            self._wrong(path, "holds other secrets than the attestation names")

    def _siblings(self, path: str, data: bytes) -> None:
        import zlib

        import zstandard

        for ending, opened in (
            (".gz", gzip.decompress),
            (".zst", lambda packed: zstandard.decompress(packed, len(data))),
        ):
            packed = self.read(path + ending)
            try:
                if packed is not None and opened(packed) != data:
                    self._wrong(path + ending, "holds something else than the file it stands beside")
            except (OSError, EOFError, zlib.error, zstandard.ZstdError):
                self._wrong(path + ending, "is damaged")

    def _deltas(self, target: Target, entry: TargetFile, custom: dict[str, Any], document: bytes) -> None:
        record = self.read(f"records/{custom.get('record')}.json")
        before = orjson.loads(record).get("before", []) if record else []
        offered = set(custom.get("deltas", ()))
        for known in before:
            if known[: layout.PREFIX_DIGITS] not in offered:
                continue
            path = layout.delta_file(known, entry.hashes["sha256"])
            made, old = self.read(path), self.read(layout.file_of(layout.path_of(target), known))
            if made is None or old is None:
                self._wrong(path, "is on offer and missing")
                continue
            try:
                delta.apply(old, made, len(document), entry.hashes["sha256"])
            except delta.DeltaError as error:
                self._wrong(path, str(error))

    def _wrong(self, place: str, message: str) -> None:
        self.found.problems.append(Problem(place, message))


def _rebuild(trusted: Trusted, source: Callable[[str], Repository], found: Verified) -> int:
    """Build every bundle from its commit, and compare bytes; how many are the same."""
    by_commit: dict[str, list[tuple[Target, TargetFile]]] = defaultdict(list)
    for target, entry in sorted(trusted.entries().items()):
        by_commit[str(custom_of(entry).get("commit"))].append((target, entry))
    same = 0
    for commit, entries in by_commit.items():
        try:
            repository = source(commit)
        except GitConfigError as error:
            found.problems += [Problem(str(target), f"cannot be built: {error}") for target, _ in entries]
            continue
        for target, entry in entries:
            same += _same(repository, target, entry, commit, found)
    return same


def _same(repository: Repository, target: Target, entry: TargetFile, commit: str, found: Verified) -> bool:
    bundle = bundle_of(repository, target)
    if bundle is None:
        found.problems.append(Problem(str(target), f"commit {commit[:12]} gives no document"))
        return False
    custom = custom_of(entry)
    wrong = []
    if bundle.digest != f"sha256:{entry.hashes['sha256']}":
        wrong.append("another document")
    elif bundle.content != str(custom.get("content") or bundle.digest):
        wrong.append("other secrets")
    if sha256(bundle.provenance).hexdigest() != custom.get("provenance"):
        wrong.append("another provenance")
    if wrong:
        found.problems.append(Problem(str(target), f"commit {commit[:12]} gives {' and '.join(wrong)}"))
    return not wrong


def as_json(found: Verified) -> dict[str, Any]:
    """For scripts."""
    return {
        "release": found.release,
        "commit": found.commit,
        "targets": found.targets,
        "files": found.files,
        "rebuilt": found.rebuilt,
        "problems": [{"place": item.place, "message": item.message} for item in found.problems],
        "warnings": [{"place": item.place, "message": item.message} for item in found.warnings],
    }
