"""One key of one service, for a process that has no repository to ask for its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.adapters.keys.services import SERVICES, provider_of
from gitconfigmgr.errors import UsageError
from gitconfigmgr.secrets.metadata import FIELDS, Recipient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.secrets.ports import KeyProvider

_NEEDED = {
    "hc_vault": FIELDS["hc_vault"],
    "kms": ("arn",),
    "azure_kv": ("vault_url", "name"),
    "gcp_kms": ("resource_id",),
}


class SingleKey:
    """Raises UsageError for fields that name no key. No other service is contacted; the SDK is loaded at first use."""

    def __init__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind not in SERVICES:
            raise UsageError(f"there is no key service {kind}", f"known are {', '.join(SERVICES)}")
        wrong = [name for name in _NEEDED[kind] if not fields.get(name)] + sorted(fields.keys() - set(FIELDS[kind]))
        if wrong:
            raise UsageError(f"{kind}: {wrong[0]} is missing or unknown", f"it has {', '.join(FIELDS[kind])}")
        self._recipient = Recipient.of(kind, **fields)
        self._provider: KeyProvider | None = None

    def unwrap(self, name: str, wrapped: str) -> bytes | None:
        """What the key of this name wrapped; None for another key. Raises KeyProviderError."""
        recipient, named = self._recipient, str(self._recipient)
        if recipient.kind == "azure_kv" and name.startswith(f"{named}/"):
            recipient = Recipient.of("azure_kv", **dict(recipient.fields) | {"version": name.removeprefix(f"{named}/")})
        if str(recipient) != name:
            return None
        if self._provider is None:
            self._provider = _provider(self._recipient)
        return self._provider.unwrap(recipient, wrapped)


def _provider(recipient: Recipient) -> KeyProvider:
    services = [recipient[name] for name in ("vault_address", "arn", "role", "vault_url", "resource_id")]
    profile = recipient["aws_profile"]
    allowed = Allowed({*filter(None, services), *([f"profile:{profile}"] if profile else ())})
    return provider_of(recipient.kind, allowed)
