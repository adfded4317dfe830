"""The seal manifest: a signed statement of which encrypted file stands at which path, in which shape.

It closes what the format of SOPS leaves open. Whoever holds the signing key has verified the files; whoever holds the
public key can refuse renamed keys, changed types, moved values, replaced and copied files, and older versions. The
sequence number only grows: a verifier that remembers the last one refuses an older manifest too.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.secrets.errors import FormatError, SecretsError, TamperedError
from gitconfigmgr.secrets.mac import normal_stamp
from gitconfigmgr.secrets.merge import is_pending
from gitconfigmgr.secrets.opening import SecretFile, read
from gitconfigmgr.secrets.tokens import looks_encrypted, parse
from gitconfigmgr.secrets.tree import Alias, Branch, Leaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_DOMAIN = b"gitconfigmgr seal manifest v1\n"
_VERSION = 1


@dataclass(frozen=True)
class Refusal:
    """A file that is not what was sealed."""

    path: str
    reason: str


def seal_entry(data: bytes, format_: str) -> dict[str, Any]:
    """What the manifest says of one encrypted file. Raises SecretsError where it is not one that could be verified."""
    secrets = read(data, format_)
    if is_pending(secrets.metadata) or not looks_encrypted(secrets.metadata.mac):
        raise TamperedError("the file has no message authentication code", "finish the merge, or restore the file")
    metadata = secrets.metadata
    return {
        "bytes": hashlib.sha256(data).hexdigest(),
        "keys": _digest([_shape(document.root, types=False) for document in secrets.file.documents]),
        "types": _digest([_shape(document.root, types=True) for document in secrets.file.documents]),
        "plain": _digest(_plain(secrets)),
        "recipients": [sorted(str(stanza.recipient) for stanza in group) for group in metadata.groups],
        "threshold": metadata.threshold,
        "rule": [metadata.selection.kind, metadata.selection.pattern, metadata.selection.mac_only_encrypted],
        "lastmodified": normal_stamp(metadata.lastmodified),
        "format": format_,
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _shape(node: Leaf | Branch | Alias, *, types: bool) -> Any:
    if isinstance(node, Alias):
        return _shape(node.node, types=types)
    if isinstance(node, Branch):
        if node.is_map:
            return ["map", [[entry.key, _shape(entry.node, types=types)] for entry in node.items()]]
        return ["list", [_shape(entry.node, types=types) for entry in node.items()]]
    if not types:
        return "value"
    token = parse(str(node.value)) if looks_encrypted(node.value) else None
    return f"secret {token.type}" if token else type(node.value).__name__


def _plain(secrets: SecretFile) -> list[Any]:
    return [[list(place.path), repr(place.node.value)] for place in secrets.places
            if isinstance(place.node, Leaf) and not looks_encrypted(place.node.value)]  # fmt: skip


def sign_manifest(
    entries: Mapping[str, Mapping[str, Any]], sequence: int, commit: str, key: Ed25519PrivateKey
) -> bytes:
    """The manifest of a repository state as a file."""
    payload = {
        "version": _VERSION,
        "sequence": sequence,
        "commit": commit,
        "files": {path: dict(entries[path]) for path in entries},
    }
    signature = key.sign(_DOMAIN + canonical_json(payload))
    document = {"payload": payload, "signature": base64.b64encode(signature).decode()}
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def open_manifest(data: bytes, key: Ed25519PublicKey, minimum: int = 0) -> dict[str, Any]:
    """The payload of a manifest. Raises TamperedError: another key, changed, or older than one seen before."""
    from cryptography.exceptions import InvalidSignature

    try:
        document = json.loads(data)
        payload = document["payload"]
        key.verify(base64.b64decode(document["signature"], validate=True), _DOMAIN + canonical_json(payload))
    except InvalidSignature:
        raise TamperedError("the seal manifest is not signed by the trusted key", "restore it, or seal anew") from None
    except (ValueError, KeyError, TypeError):
        raise FormatError("the seal manifest cannot be read", "restore it, or seal anew") from None
    if payload.get("version") != _VERSION:
        raise FormatError("the seal manifest has a version that is not known here", "update gitconfigmgr")
    if payload["sequence"] < minimum:
        raise TamperedError(
            f"the seal manifest is number {payload['sequence']}, and {minimum} has been seen", "fetch the newest"
        )
    assert isinstance(payload, dict)
    return payload


def verify_strict(payload: Mapping[str, Any], files: Mapping[str, tuple[bytes, str]]) -> list[Refusal]:
    """Hold encrypted files, path -> (bytes, format), against an opened manifest. Empty where all is as it was sealed."""
    sealed: Mapping[str, Mapping[str, Any]] = payload["files"]
    owners = {entry["bytes"]: path for path, entry in sealed.items()}
    refusals = [Refusal(path, "is sealed and not there") for path in sealed if path not in files]
    for path in sorted(files):
        data, format_ = files[path]
        reason = _reason(path, data, format_, sealed.get(path), owners)
        if reason:
            refusals.append(Refusal(path, reason))
    return sorted(refusals, key=lambda refusal: refusal.path)


def _reason(path: str, data: bytes, format_: str, entry: Mapping[str, Any] | None, owners: Mapping[str, str]) -> str:
    """The most telling way in which a file differs from its seal; empty where it does not."""
    content = hashlib.sha256(data).hexdigest()
    if entry and entry["bytes"] == content and entry["format"] == format_:
        return ""
    if owners.get(content, path) != path:
        return f"is a copy of {owners[content]}"
    if entry is None:
        return "is not sealed"
    try:
        now = seal_entry(data, format_)
    except SecretsError as error:
        return f"cannot be read: {error}"
    if now["lastmodified"] < entry["lastmodified"]:
        return f"is older than what was sealed: {now['lastmodified']} against {entry['lastmodified']}"
    for field, reason in _REASONS.items():
        if now[field] != entry[field]:
            return reason
    return "differs in secrets, comments or layout"


_REASONS = {
    "format": "has another format",
    "rule": "encrypts by another rule",
    "recipients": "has other recipients",
    "threshold": "needs another number of key groups",
    "keys": "has other keys, or another structure",
    "types": "has values of other types",
    "plain": "has other plain values",
}
