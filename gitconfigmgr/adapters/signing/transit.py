"""Signing by a key that stays in the Transit engine of Vault or OpenBao. `transit:https://host:8200/transit/NAME/VERSION`."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.adapters.keys.transit import TransitProvider
from gitconfigmgr.adapters.signing.services import ServiceSigner, signing
from gitconfigmgr.errors import UsageError
from gitconfigmgr.secrets.metadata import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.model.settings import KeyServices

_ADDRESS = re.compile(r"(https?://[^/@?#\s]+)/((?:[\w.-]+/)*[\w.-]+)/([\w.-]+)/([1-9]\d*)\Z", re.ASCII)


def open_signer(
    public: Any, at: str, services: Callable[[], KeyServices] | None, environment: Mapping[str, str]
) -> ServiceSigner:
    """The signer of a version of a key. Contacts nothing yet; only addresses of the allow-list are, later."""
    address, engine, name, version = parse(at)
    recipient = _recipient(address, engine, name)
    provider = _provider(services, environment)

    def ask(payload: bytes) -> bytes:
        body = {"input": b64encode(payload).decode(), "key_version": int(version)}
        answer = provider.call(recipient, f"/v1/{engine}/sign/{name}", body)
        return b64decode(answer["data"]["signature"].split(":")[2])

    return ServiceSigner(f"transit:{at}", public, ask)


def parse(at: str) -> tuple[str, str, str, str]:
    """Address, engine, name and version of the key."""
    match = _ADDRESS.match(at)
    if not match:
        raise UsageError(
            f"transit:{at} names no key", "such as transit:https://vault.example.com:8200/transit/release/1"
        )
    return match[1], match[2], match[3], match[4]


def import_key(at: str, services: Callable[[], KeyServices] | None, environment: Mapping[str, str]) -> tuple[str, Any]:
    """The newest version of a key: its address with the version, and its public half. Raises UsageError, OutsideError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.signer import SSlibKey

    address, engine, name, _ = parse(f"{at}/1")
    with signing(f"transit:{at}"):
        path = f"/v1/{engine}/keys/{name}"
        data = _provider(services, environment).call(_recipient(address, engine, name), path, None)["data"]
        if data.get("type") != "ed25519":
            raise UsageError(f"{at} is no Ed25519 key", f"make one: vault write -f {engine}/keys/{name} type=ed25519")
        newest = max(data["keys"], key=int)
        public = Ed25519PublicKey.from_public_bytes(b64decode(data["keys"][newest]["public_key"]))
    return f"{at}/{newest}", SSlibKey.from_crypto(public)


def _provider(services: Callable[[], KeyServices] | None, environment: Mapping[str, str]) -> TransitProvider:
    """What talks to Transit, with its allow-list, errors and limits."""
    return TransitProvider(Allowed(services().vault if services else ()), environment)


def _recipient(address: str, engine: str, name: str) -> Recipient:
    return Recipient.of("hc_vault", vault_address=address, engine_path=engine, key_name=name)
