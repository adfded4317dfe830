"""What releases are made with on this machine: keys, clock, environment, the publishers of the destinations."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.publishers.registry import open_publisher
from gitconfigmgr.errors import UsageError
from gitconfigmgr.release.ports import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitconfigmgr.adapters.signing.folder import KeyFolder
    from gitconfigmgr.model.publishing import Destination, ReleaseSettings
    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.release.ports import Publisher
    from gitconfigmgr.secrets.ports import KeyProvider


def open_keys(
    folder: Path | None, tenant: str, services: Callable[[], KeyServices] | None, ask: Callable[[str], str] | None
) -> KeyFolder:
    """The key folder of a tenant: the named one, or that of GITCONFIGMGR_KEYS, or the one in the user's configuration."""
    from gitconfigmgr.adapters.signing.folder import KeyFolder, default_folder

    return KeyFolder(folder or default_folder(tenant, os.environ), services, ask, tenant=tenant)


def keys_of(settings: ReleaseSettings, open_: Callable[[], KeyFolder]) -> Callable[[], KeyFolder]:
    """The keys of the tenant of the settings, opened when they are first needed. Raises UsageError for another's."""

    @cache
    def signing() -> KeyFolder:
        found = open_()
        if found.keyset.tenant != settings.tenant:
            raise UsageError(
                f"the keys in {found.folder} are those of tenant {found.keyset.tenant}, not of {settings.tenant}",
                "name others by --keys, or correct release.tenant",
            )
        return found

    return signing


def open_webhook(
    settings: ReleaseSettings, keys: Callable[[], KeyFolder]
) -> Callable[[Mapping[str, Any]], str | None] | None:
    """What tells the webhook of the settings; None where there is none."""
    from gitconfigmgr.adapters.webhook import Webhook

    return Webhook(settings.webhook, settings.tenant, keys) if settings.webhook else None


def open_publishers(
    root: Path,
    settings: ReleaseSettings,
    destinations: Sequence[Destination],
    services: Callable[[], KeyServices],
    providers: Mapping[str, KeyProvider],
    keys: Callable[[], KeyFolder],
) -> list[tuple[Destination, Publisher]]:
    """The publishers of some destinations. Nothing is contacted yet."""

    def wrap(key: bytes) -> list[dict[str, str]]:
        return _wrapped(settings, providers, key)

    context = Context(root, settings, os.environ, services(), lambda: datetime.now(UTC), keys, wrap)
    return [(item, open_publisher(item, replace(context, folder=Path(item.base or root)))) for item in destinations]


def _wrapped(settings: ReleaseSettings, providers: Mapping[str, KeyProvider], key: bytes) -> list[dict[str, str]]:
    """A data key, wrapped for each recipient of `release.seal_for`."""
    from gitconfigmgr.secrets.metadata import Recipient

    recipients = [Recipient.of(kind, **fields) for kind, fields in settings.seal_for]
    wrapped = [providers[recipient.kind].wrap(recipient, key) for recipient in recipients]
    return [{"kek_id": str(item.recipient), "encrypted_dek": item.enc} for item in wrapped]
