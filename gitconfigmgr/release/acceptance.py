"""What somebody sends to be published: whether it may take the place of what is there. Bytes in, a verdict out.

A sender who has no signing keys can change nothing that readers trust: all metadata is verified from the root as readers
do it, no version goes backwards, and every file that is named has the signed digest before it counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import delta, layout
from gitconfigmgr.release.ports import ConflictError
from gitconfigmgr.release.trust import Trusted, UntrustedError, custom_of, read_trusted, walk_roots

if TYPE_CHECKING:
    from datetime import datetime

Read = Callable[[str], bytes | None]

_METADATA = re.compile(r"tuf/metadata/([1-9][0-9]{0,8})\.([A-Za-z0-9._~-]+)\.json\Z")
_NAME = r"[a-z0-9][a-z0-9._-]*"
_NAMED_BY_DIGEST = re.compile(
    rf"(?:tuf/targets/(?:{_NAME}/)*([0-9a-f]{{64}})\.{_NAME}\.(?:json|sealed)"
    r"|attest/([0-9a-f]{64})\.intoto\.dsse\.json|(?:provenance|records)/([0-9a-f]{64})\.json)\Z"
)
_DELTA = re.compile(r"delta/([A-Za-z0-9._~-]+)/([A-Za-z0-9._~-]+)\.dcz\Z")
_RECEIPT = re.compile(r"releases/([1-9][0-9]{0,8})\.json\Z")
_STAGED = re.compile(r"staged/[A-Za-z0-9_~][A-Za-z0-9._~-]*\.json\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_OWN = (
    ("attestation", layout.attestation_file),
    ("record", "records/{}.json".format),
    ("provenance", "provenance/{}.json".format),
)


class RefusedError(UsageError):
    """What was sent is not taken, and nothing has changed."""


def accept(
    read: Read, files: Mapping[str, bytes], removed: Sequence[str], root: bytes, base: str | None, now: datetime
) -> int:
    """The release that readers find afterwards. `read` is the tree before, `base` the digest of the timestamp that the
    sender has seen. Raises ConflictError, RefusedError, UntrustedError."""
    timestamp = read(layout.TIMESTAMP)
    if (hashlib.sha256(timestamp).hexdigest() if timestamp is not None else None) != base:
        raise ConflictError("somebody else has published since", "run it again")
    for path, data in files.items():
        _check_file(path, data)

    def overlay(path: str) -> bytes | None:
        return files[path] if path in files else read(path)

    before = _state(read, walk_roots(read, root))
    if layout.TIMESTAMP in files:
        after: Trusted | None = _newer(overlay, files, root, before, now)
    else:
        after = before
        for path in files:
            if _METADATA.match(path) or _RECEIPT.match(path) or path == layout.DISCOVERY:
                raise RefusedError(f"{path} comes with a timestamp, or not at all")
    release = after.held().number if after else 0
    _check_receipts(read, files, before.held().number if before else 0, release)
    _check_removed(removed, files, after, release)
    return release


def _check_file(path: str, data: bytes) -> None:
    """A file of the published tree, and what its name says of it."""
    if path in (layout.TIMESTAMP, layout.DISCOVERY) or _METADATA.match(path):
        return
    named = _NAMED_BY_DIGEST.match(path)
    if named:
        digest = next(group for group in named.groups() if group)
        if hashlib.sha256(data).hexdigest() != digest:
            raise RefusedError(f"{path} is not what its name says")
        return
    made = _DELTA.match(path)
    if made:
        old = made[1]
        if not data.startswith(delta.MAGIC) or (_DIGEST.match(old) and data[8:40].hex() != old):
            raise RefusedError(f"{path} is no delta from {old}")
        return
    if _RECEIPT.match(path) or _STAGED.match(path):
        with suppress(ValueError):
            if isinstance(orjson.loads(data), dict):
                return
        raise RefusedError(f"{path} is no JSON object")
    raise RefusedError(f"{path} is no file of a published tree")


def _state(read: Read, roots: list[bytes]) -> Trusted | None:
    """What readers find; right after a rotation it is still signed by the keys of an earlier root."""
    for known in range(len(roots), 1, -1):
        with suppress(UntrustedError):
            return read_trusted(read, roots[:known], None)
    return read_trusted(read, roots[:1], None)


def _newer(overlay: Read, files: Mapping[str, bytes], root: bytes, before: Trusted | None, now: datetime) -> Trusted:
    """The verified state after it."""
    after = read_trusted(overlay, walk_roots(overlay, root), now)
    assert after is not None
    _check_versions(before, after)
    for path in files:
        found = _METADATA.match(path)
        if (
            found
            and int(found[1]) <= _version(before, found[2])
            and files[path] != _before(before, found[2], int(found[1]))
        ):
            raise RefusedError(f"{path} is published already")
    old = {
        entry.hashes["sha256"]
        for role in (before.roles.values() if before else ())
        for entry in role.signed.targets.values()
    }
    for role in after.roles.values():
        for path, entry in role.signed.targets.items():
            digest = entry.hashes["sha256"]
            if digest in old:
                continue
            data = overlay(layout.file_of(path, digest))
            if data is None or len(data) != entry.length or hashlib.sha256(data).hexdigest() != digest:
                raise RefusedError(f"{path} is signed, but its file is missing or another")
    return after


def _check_versions(before: Trusted | None, after: Trusted) -> None:
    """No version goes backwards, and no role is left out."""
    if before is None:
        return
    if after.timestamp.signed.version <= before.timestamp.signed.version:
        raise RefusedError(f"the timestamp is version {after.timestamp.signed.version}, which is not newer")
    if after.held().number < before.held().number:
        raise RefusedError(f"release {before.held().number} is published, and this is {after.held().number}")
    if after.snapshot.signed.version < before.snapshot.signed.version:
        raise RefusedError("the snapshot is an older one")
    for name, meta in before.snapshot.signed.meta.items():
        new = after.snapshot.signed.meta.get(name)
        if new is None or new.version < meta.version:
            raise RefusedError(f"{name} is an older version, or left out")


def _version(before: Trusted | None, role: str) -> int:
    """The version of a role that is published; 0 where there is none."""
    if before is None:
        return 0
    if role == "root":
        return before.root.signed.version
    if role == "snapshot":
        return before.snapshot.signed.version
    meta = before.snapshot.signed.meta.get(f"{role}.json")
    return meta.version if meta else 0


def _before(before: Trusted | None, role: str, version: int) -> bytes | None:
    """The published bytes of a version, where they are at hand."""
    assert before is not None
    if role == "root":
        return before.roots[version - _first_root(before)] if version >= _first_root(before) else None
    return before.bytes_of.get(role) if version == _version(before, role) else None


def _first_root(before: Trusted) -> int:
    """The version of the first root of the chain."""
    return before.root.signed.version - len(before.roots) + 1


def _check_receipts(read: Read, files: Mapping[str, bytes], published: int, release: int) -> None:
    for path, data in files.items():
        found = _RECEIPT.match(path)
        if found and not published < int(found[1]) <= release and read(path) != data:
            raise RefusedError(f"{path} is no receipt of this release")


def _check_removed(removed: Sequence[str], files: Mapping[str, bytes], after: Trusted | None, release: int) -> None:
    """Only what no reader needs."""
    needed = _needed(after) if after else set()
    for path in removed:
        metadata, receipt = _METADATA.match(path), _RECEIPT.match(path)
        known = metadata or receipt or _NAMED_BY_DIGEST.match(path) or _DELTA.match(path) or _STAGED.match(path)
        kept = path in needed or path in files or (metadata and metadata[2] == "root")
        if not known or kept or (receipt and int(receipt[1]) <= release):
            raise RefusedError(f"{path} is not to be removed")


def _needed(after: Trusted) -> set[str]:
    found = {layout.TIMESTAMP, layout.DISCOVERY, layout.metadata_file("snapshot", after.snapshot.signed.version)}
    for name, meta in after.snapshot.signed.meta.items():
        found.add(layout.metadata_file(name.removesuffix(".json"), meta.version))
    for role in after.roles.values():
        for path, entry in role.signed.targets.items():
            custom: Mapping[str, Any] = custom_of(entry)
            found.add(layout.file_of(path, entry.hashes["sha256"]))
            found |= {place(custom[name]) for name, place in _OWN if isinstance(custom.get(name), str)}
            sealed = path.removesuffix(layout.BUNDLE) + layout.SEALED
            for key, at in (("from_sealed", sealed), ("from", path)):
                before = custom.get(key) or (custom.get("rollout") or {}).get(key)
                if isinstance(before, dict) and isinstance(before.get("sha256"), str):
                    found.add(layout.file_of(at, before["sha256"]))
    return found
