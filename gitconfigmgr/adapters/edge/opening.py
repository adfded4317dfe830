"""Secrets of sealed files put into their documents, in memory only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.release.envelope import open_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitconfigmgr.model.names import KeyPath


class Opener:
    """Opens with the age identities of a file; without one, secrets stay closed."""

    def __init__(self, identity: Path | None) -> None:
        self._identities = _read(identity) if identity else []

    def open(self, document: Any, sealed: bytes | None) -> Any:
        """The document with its secrets. Raises OutsideError, which never says more of a value."""
        if not self._identities or sealed is None:
            return document
        return _filled(document, open_sealed(sealed, self._data_key(sealed)), ())

    def _data_key(self, sealed: bytes) -> bytes:
        import pyrage

        try:
            keys = orjson.loads(sealed)["keys"]
            for item in keys:
                if str(item["kek_id"]).startswith("age "):
                    try:
                        return bytes(pyrage.decrypt(item["encrypted_dek"].encode(), self._identities))
                    except (pyrage.DecryptError, ValueError):
                        continue
        except (KeyError, TypeError, ValueError):
            raise OutsideError("a sealed file is damaged") from None
        raise OutsideError("the secrets are not sealed for this identity", "add it to `release.seal_for`")


def _filled(value: Any, secrets: Mapping[str, Any], path: KeyPath) -> Any:
    if isinstance(value, dict):
        if value.keys() in ({"$secret"}, {"$segments"}):
            return secrets.get(show_path(path), value)
        return {key: _filled(item, secrets, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, secrets, (*path, index)) for index, item in enumerate(value)]
    return value


def _read(path: Path) -> list[Any]:
    import pyrage

    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name the file of an age identity") from None
    except (pyrage.IdentityError, ValueError):
        raise UsageError(f"{path} holds no age identity", "make one: age-keygen -o FILE") from None
    if not found:
        raise UsageError(f"{path} holds no age identity", "make one: age-keygen -o FILE")
    return found
