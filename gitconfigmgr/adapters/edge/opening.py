"""Secrets of sealed files put into their documents, in memory only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.release.envelope import open_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gitconfigmgr.model.names import KeyPath

    Unwrap = Callable[[str, str], bytes | None]  # the name of a key, what it wrapped; None where it is not ours

_REMEMBERED = 64


class Opener:
    """Opens with the age identities of a file and by key services; without either, secrets stay closed.

    `services` are recipients as `release.seal_for` has them: nothing else is contacted, whatever a sealed file names.
    """

    def __init__(self, identity: Path | None, services: Sequence[tuple[str, Mapping[str, str]]] = ()) -> None:
        self._ways: list[Unwrap] = [_by_age(_read(identity))] if identity else []
        if services:
            from gitconfigmgr.adapters.keys.single import SingleKey

            self._ways += [SingleKey(kind, fields).unwrap for kind, fields in services]
        self._known: dict[str, bytes] = {}

    def open(self, document: Any, sealed: bytes | None) -> Any:
        """The document with its secrets. Raises OutsideError, which never says more of a value."""
        if not self._ways or sealed is None:
            return document
        return _filled(document, open_sealed(sealed, self._data_key(sealed)), ())

    def _data_key(self, sealed: bytes) -> bytes:
        try:
            keys = [(str(item["kek_id"]), str(item["encrypted_dek"])) for item in orjson.loads(sealed)["keys"]]
        except (KeyError, TypeError, ValueError):
            raise OutsideError("a sealed file is damaged") from None
        failures = []
        for name, wrapped in keys:
            if wrapped in self._known:
                return self._known[wrapped]
            for way in self._ways:
                try:
                    found = way(name, wrapped)
                except GitConfigError as error:
                    failures.append(str(error))
                    continue
                if found is not None:
                    if len(self._known) >= _REMEMBERED:
                        self._known.clear()
                    self._known[wrapped] = found
                    return found
        if failures:
            raise OutsideError(f"the secrets do not open: {'; '.join(dict.fromkeys(failures))}")
        raise OutsideError("the secrets are not sealed for this agent", "add its key to `release.seal_for`")


def _filled(value: Any, secrets: Mapping[str, Any], path: KeyPath) -> Any:
    if isinstance(value, dict):
        if value.keys() in ({"$secret"}, {"$segments"}):
            return secrets.get(show_path(path), value)
        return {key: _filled(item, secrets, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, secrets, (*path, index)) for index, item in enumerate(value)]
    return value


def _by_age(identities: list[Any]) -> Unwrap:
    def unwrap(name: str, wrapped: str) -> bytes | None:
        import pyrage

        if not name.startswith("age "):
            return None
        try:
            return bytes(pyrage.decrypt(wrapped.encode(), identities))
        except (pyrage.DecryptError, ValueError):
            return None

    return unwrap


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
