"""Files at rest: AES-256-GCM with the file's name as associated data, so that none can be put in the place of another."""

from __future__ import annotations

import os
from base64 import b64decode
from typing import TYPE_CHECKING

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_NONCE, _OTHERS = 12, 0o077
_HINT = "make one: (umask 077; head -c 32 /dev/urandom | base64 > agent.key)"


class Cipher:
    """With no key, files stay as they are."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    def seal(self, name: str, data: bytes) -> bytes:
        if self._key is None:
            return data
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key).encrypt(nonce, data, name.encode())

    def open(self, name: str, data: bytes) -> bytes:
        """Raises OutsideError for another key, or a file that was changed."""
        if self._key is None:
            return data
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key).decrypt(data[:_NONCE], data[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise OutsideError(f"{name} does not open", "the key is another one, or the file was changed") from None


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file, in base64. Raises UsageError."""
    try:
        if path.stat().st_mode & _OTHERS and not _lent(path):
            raise UsageError(f"{path} can be read by others", f"chmod 600 {path}")
        key = b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", _HINT) from None
    except ValueError:
        raise UsageError(f"{path} is not base64", _HINT) from None
    if len(key) != 32:
        raise UsageError(f"{path} holds {len(key)} bytes, and a key has 32", _HINT)
    return key


def _lent(path: Path) -> bool:
    """Whether systemd gives the file to a service alone: its mode shows the mask of an access list."""
    return str(path).startswith("/run/credentials/")
