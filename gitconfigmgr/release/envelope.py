"""Secrets sealed for a tenant: one data key for a release, wrapped by the tenant's keys; a key of its own for each value.

The key of a value is HKDF-SHA256(data key, info = context), and the context is the associated data too, so that a
ciphertext cannot be moved: tenant, namespace, environment and key path, as canonical JSON. AES-256-GCM, a fresh 96-bit
nonce for each value. Wrapping the data key anew touches no value.

    {"version": 1, "tenant", "namespace", "environment", "algorithm": "AES-256-GCM", "kdf": "HKDF-SHA256",
     "keys": [{"kek_id", "encrypted_dek"}],
     "values": {"api.key": {"ciphertext", "nonce", "tag", "type", "source"}}}

`source` is the fingerprint of the ciphertext in Git, so that the file can be held against the commit without a key.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconfigmgr.model.bundles import Bundle
    from gitconfigmgr.model.names import KeyPath

VERSION = 1
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16


class SealError(OutsideError):
    """A sealed file does not open: another key, or something in it was changed. Never says more of a value."""


def new_data_key() -> bytes:
    """A data key."""
    return os.urandom(KEY_BYTES)


def seal(
    bundle: Bundle, tenant: str, values: Mapping[KeyPath, Any], data_key: bytes, wrapped: Sequence[Mapping[str, str]]
) -> bytes:
    """The sealed file of a bundle; `wrapped` are the data key's wrappings, each `kek_id` and `encrypted_dek`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = {}
    for place in bundle.secrets:
        name = show_path(place.path)
        context = _context(tenant, bundle.target.namespace, bundle.target.environment, name)
        nonce = os.urandom(NONCE_BYTES)
        both = AESGCM(_value_key(data_key, context)).encrypt(nonce, orjson.dumps(values[place.path]), context)
        sealed[name] = {
            "ciphertext": _text(both[:-TAG_BYTES]),
            "nonce": _text(nonce),
            "tag": _text(both[-TAG_BYTES:]),
            "type": place.type,
            "source": place.fingerprint,
        }
    return canonical_json(
        {
            "version": VERSION,
            "tenant": tenant,
            "namespace": bundle.target.namespace,
            "environment": bundle.target.environment,
            "algorithm": "AES-256-GCM",
            "kdf": "HKDF-SHA256",
            "keys": [dict(item) for item in wrapped],
            "values": sealed,
        }
    )


def open_sealed(data: bytes, data_key: bytes) -> dict[str, Any]:
    """The plaintexts of a sealed file, by key path. Raises SealError."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        file = orjson.loads(data)
        if file["version"] != VERSION or file["algorithm"] != "AES-256-GCM" or file["kdf"] != "HKDF-SHA256":
            raise SealError("the sealed file is of a format that is not known", "update gitconfigmgr")
        opened = {}
        for name, item in file["values"].items():
            context = _context(file["tenant"], file["namespace"], file["environment"], name)
            both = b64decode(item["ciphertext"]) + b64decode(item["tag"])
            plain = AESGCM(_value_key(data_key, context)).decrypt(b64decode(item["nonce"]), both, context)
            opened[name] = orjson.loads(plain)
    except InvalidTag:
        raise SealError("a sealed value does not open", "it was changed, moved, or sealed for another key") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SealError("the sealed file is damaged", "publish the release again") from None
    return opened


def name_of(recipients: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """A short name for a set of recipients (`release.seal_for`); empty for none."""
    listed = sorted(([kind, dict(fields)] for kind, fields in recipients), key=canonical_json)
    return sha256(canonical_json(listed)).hexdigest()[:16] if listed else ""


def rewrapped(data: bytes, wrapped: Sequence[Mapping[str, str]]) -> bytes:
    """The same file with its data key wrapped anew."""
    return canonical_json(orjson.loads(data) | {"keys": [dict(item) for item in wrapped]})


def _context(tenant: str, namespace: str, environment: str, name: str) -> bytes:
    return canonical_json(["gitconfigmgr/v1", tenant, namespace, environment, name])


def _value_key(data_key: bytes, context: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt=None, info=context).derive(data_key)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
