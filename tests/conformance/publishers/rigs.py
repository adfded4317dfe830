"""What the suite asks of each publisher: to be made, read, watched and interrupted."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from gitconfigmgr.model.bundles import Bundle, Change, Release, SecretPlace, Token
from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.publishing import ReleaseSettings
from gitconfigmgr.model.revisions import Revision
from gitconfigmgr.model.settings import KeyServices
from gitconfigmgr.release.ports import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gitconfigmgr.model.bundles import Held
    from gitconfigmgr.release.ports import Publisher

PLAINTEXT = "correct-horse-battery-staple"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHAT = Target("acme/assistants/chat-api", "production")
SEARCH = Target("acme/assistants/search", "production")
BILLING = Target("globex/billing", "staging")


class Killed(BaseException):
    """Raised in place of a write: what a process that is killed at that moment would leave, stays."""


class Rig:
    """One destination, fresh for a test. `secrets`: what a reader finds of them: open, sealed, out."""

    kind: ClassVar[str]
    secrets: ClassVar[str] = "out"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START

    def publisher(self) -> Publisher:
        """A new object on the same destination."""
        raise NotImplementedError

    def read(self, target: Target) -> Any:
        """The document of a target as a reader of the destination finds it; None where it is not there."""
        raise NotImplementedError

    def snapshot(self) -> Any:
        """Something that is equal as long as nothing is written."""
        raise NotImplementedError

    def everything(self) -> bytes:
        """All that was written, to look for plaintext in."""
        return b""

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        """Inside, the write number `step`, from 0, raises Killed; and so does every one after it."""
        raise NotImplementedError
        yield

    def context(self, **changes: Any) -> Context:
        made = Context(
            folder=self.folder,
            settings=ReleaseSettings(tenant="acme"),
            environment={},
            services=KeyServices(),
            now=lambda: self.now,
            signing=unsigned,
            wrap=lambda key: [],
        )
        return replace(made, **changes)

    def close(self) -> None:
        pass


def unsigned() -> Any:
    pytest_fail = "this publisher has no use for keys"
    raise AssertionError(pytest_fail)


def bundle(target: Target, document: Any, token: str | None = None) -> Bundle:
    """A bundle; with `token` it has a secret `api.key`, of which that is the ciphertext."""
    secrets: tuple[SecretPlace, ...] = ()
    if token is not None:
        document = document | {"api": {"key": {"$secret": {"type": "string", "kind": "api_key"}}}}
        place = ("api", "key")
        secrets = (SecretPlace(place, (Token(f"ENC[{token}]", "str", "configs/x.yaml"),), "string", "api_key"),)
    return Bundle(target, canonical_json(document), b'{"version":1}', secrets)


def plaintexts(given: Bundle) -> Mapping[tuple[str | int, ...], Any]:
    """Stands for the key: tells the plaintext of the one secret."""
    return {place.path: PLAINTEXT for place in given.secrets}


def no_secrets(given: Bundle) -> Mapping[tuple[str | int, ...], Any]:
    raise AssertionError(f"the secrets of {given.target} were opened")


def release(
    held: Held,
    *bundles: Bundle,
    removed: tuple[Target, ...] = (),
    commit: str = "c" * 40,
    **more: Any,
) -> Release:
    """The release that follows what is held."""
    changes = {}
    for item in bundles:
        before = held.targets.get(item.target)
        changes[item.target] = Change("update" if before else "create", before.version + 1 if before else 1)
    for target in removed:
        changes[target] = Change("delete", held.targets[target].version + 1)
    return Release(
        number=held.number + 1,
        base=held.number,
        tenant="acme",
        revision=Revision(commit, "d" * 40, "Ada <ada@example.com>", START),
        bundles={item.target: item for item in bundles},
        removed=frozenset(removed),
        changes=changes,
        **more,
    )


def as_json(data: bytes) -> Any:
    return json.loads(data)


def rigs() -> dict[str, Callable[[Path], Rig]]:
    """By kind. One line for each publisher."""
    from tests.conformance.publishers.directory import DirectoryRig
    from tests.conformance.publishers.edge import EdgeRig
    from tests.conformance.publishers.emitted import DotenvRig, KubernetesRig
    from tests.conformance.publishers.oci import OciRig
    from tests.conformance.publishers.vault import VaultFieldsRig, VaultRig

    return {
        "directory": DirectoryRig,
        "dotenv": DotenvRig,
        "edge": EdgeRig,
        "kubernetes": KubernetesRig,
        "oci": OciRig,
        "vault": VaultRig,
        "vault-fields": VaultFieldsRig,
    }
