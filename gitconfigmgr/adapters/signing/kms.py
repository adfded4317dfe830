"""Signing by a key that stays in the KMS of a cloud, through securesystemslib: `awskms:`, `gcpkms:`, `azurekms:`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.secrets.ports import NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.release.keyset import KeyEntry

_SDK = {"awskms": ("boto3", "aws"), "gcpkms": ("google.cloud.kms", "gcp"), "azurekms": ("azure.keyvault.keys", "azure")}


def open_signer(entry: KeyEntry, services: Callable[[], KeyServices] | None) -> Any:
    """The signer of a key; nothing is contacted that the key services of the settings do not name."""
    from securesystemslib.signer import Signer

    scheme, _, name = entry.at.partition(":")
    check(scheme, name, services)
    try:
        return Signer.from_priv_key_uri(entry.at, entry.key())
    except Exception as error:  # noqa: BLE001 - each SDK has errors of its own, some with addresses in them
        raise OutsideError(
            f"the key {entry.name} cannot be used ({type(error).__name__})", "check its settings"
        ) from None


def import_key(at: str, services: Callable[[], KeyServices] | None) -> tuple[str, Any]:
    """The address of a key as securesystemslib writes it, and its public half."""
    from securesystemslib import signer

    scheme, _, name = at.partition(":")
    check(scheme, name, services)
    kind: Any = {"awskms": signer.AWSSigner, "gcpkms": signer.GCPSigner, "azurekms": signer.AzureSigner}[scheme]
    try:
        if scheme == "azurekms":
            vault, _, key = name.removeprefix("//").partition("/keys/")
            found: tuple[str, Any] = kind.import_(vault.removesuffix(".vault.azure.net"), key)
        else:
            found = kind.import_(name)
    except Exception as error:  # noqa: BLE001 - as above
        raise OutsideError(f"{at} gives no public key ({type(error).__name__})", "check name and permissions") from None
    return found


def check(scheme: str, name: str, services: Callable[[], KeyServices] | None) -> None:
    """Raise unless the key may be asked."""
    if scheme not in _SDK:
        raise UsageError(f"{scheme}: is no place for a key", "known are file, age, transit, awskms, gcpkms, azurekms")
    load(*_SDK[scheme])
    allowed = services() if services else None
    names = {
        "awskms": allowed.aws_kms if allowed else (),
        "gcpkms": allowed.gcp_kms if allowed else (),
        "azurekms": allowed.azure_kv if allowed else (),
    }[scheme]
    asked = f"https:{name.partition('/keys/')[0]}" if scheme == "azurekms" else name
    if asked not in Allowed(names) and asked.partition("/cryptoKeyVersions/")[0] not in Allowed(names):
        raise NotAllowedError(
            f"{asked} is not an allowed key service: it was not contacted",
            "add it to the key services in gitconfigmgr.yaml of the base branch, if it is yours",
        )
