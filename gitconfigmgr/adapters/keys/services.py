"""Which adapter speaks to which key service; its SDK is loaded at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitconfigmgr.adapters.keys.extras import Allowed
    from gitconfigmgr.secrets.ports import KeyProvider

SERVICES = ("hc_vault", "kms", "azure_kv", "gcp_kms")


def provider_of(kind: str, allowed: Allowed) -> KeyProvider:
    """The provider for one of SERVICES, which contacts nothing but what is allowed."""
    if kind == "hc_vault":
        from gitconfigmgr.adapters.keys.transit import TransitProvider

        return TransitProvider(allowed)
    if kind == "kms":
        from gitconfigmgr.adapters.keys.aws import KmsProvider

        return KmsProvider(allowed)
    if kind == "azure_kv":
        from gitconfigmgr.adapters.keys.azure import KeyVaultProvider

        return KeyVaultProvider(allowed)
    from gitconfigmgr.adapters.keys.google import GoogleProvider

    return GoogleProvider(allowed)
