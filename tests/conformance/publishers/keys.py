"""A key set in memory: one key for each role, two for the release of `guarded` environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.release import metadata

if TYPE_CHECKING:
    from datetime import datetime


class TestKeys:
    """Implements release.ports.Signing. `here` can be narrowed to simulate keys that are elsewhere."""

    __test__ = False

    def __init__(self, now: datetime, **thresholds: int) -> None:
        from securesystemslib.signer import CryptoSigner

        self.signers_of: dict[str, list[Any]] = {
            name: [CryptoSigner.generate_ed25519()] for name in ("root", "targets", "online", "release")
        }
        self.thresholds = dict.fromkeys(self.signers_of, 1) | thresholds
        for name, threshold in thresholds.items():
            self.signers_of[name] = [CryptoSigner.generate_ed25519() for _ in range(threshold + 1)]
        self.here: set[str] | None = None
        self._roots = [self._root(1, now)]

    def _root(self, version: int, now: datetime) -> bytes:
        roles = {name: self.public("online" if name in ("snapshot", "timestamp") else name) for name in metadata.ROLES}
        return metadata.sign(metadata.new_root(version, roles, now), self.signers_of["root"])

    def roots(self) -> list[bytes]:
        return self._roots

    def _name(self, role: str, environment: str | None) -> str:
        return f"{role}_{environment}" if f"{role}_{environment}" in self.signers_of else role

    def signers(self, role: str, environment: str | None = None) -> list[Any]:
        found = self.signers_of[self._name(role, environment)]
        return [signer for signer in found if self.here is None or signer.public_key.keyid in self.here]

    def public(self, role: str, environment: str | None = None) -> tuple[list[Any], int]:
        name = self._name(role, environment)
        return [signer.public_key for signer in self.signers_of[name]], self.thresholds[name]
