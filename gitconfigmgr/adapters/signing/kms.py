"""Signing by a key that stays in the KMS of a cloud: `awskms:ARN`, `gcpkms:VERSION`, `azurekms://VAULT/keys/NAME/VERSION`.

The payload is hashed here, and the service signs the digest. It is asked by the providers of key services: with their
allow-list, their errors and their limits of time.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load
from gitconfigmgr.adapters.signing.services import ServiceSigner, signing
from gitconfigmgr.errors import UsageError
from gitconfigmgr.secrets.metadata import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.release.keyset import KeyEntry

P256, P384 = "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"
PSS256, PSS512 = "rsassa-pss-sha256", "rsassa-pss-sha512"
_AWS = {P256: "ECDSA_SHA_256", P384: "ECDSA_SHA_384", PSS256: "RSASSA_PSS_SHA_256", PSS512: "RSASSA_PSS_SHA_512"}
_GOOGLE = {
    "EC_SIGN_P256_SHA256": P256, "EC_SIGN_P384_SHA384": P384, "RSA_SIGN_PSS_4096_SHA512": PSS512,
    **{f"RSA_SIGN_PSS_{bits}_SHA256": PSS256 for bits in (2048, 3072, 4096)},
}  # fmt: skip
_AZURE = {"P-256": (P256, "ES256"), "P-384": (P384, "ES384")}
_SCHEMES = {
    "awskms": re.compile(r"(arn:aws[\w-]*:kms:[\w-]+:\d*:[\w/-]+)()\Z", re.ASCII),
    "gcpkms": re.compile(r"(projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+)"
                         r"/cryptoKeyVersions/(\d+)\Z"),
    "azurekms": re.compile(r"//([\w.:-]+)/keys/([\w-]+(?:/[\w-]+)?)\Z", re.ASCII),
}  # fmt: skip
_EXAMPLES = {
    "awskms": "awskms:arn:aws:kms:REGION:ACCOUNT:key/ID",
    "gcpkms": "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1",
    "azurekms": "azurekms://NAME.vault.azure.net/keys/NAME",
}


class _Place:
    """A key in a KMS: what asks for it. Contacts nothing when it is made."""

    def __init__(self, at: str, services: Callable[[], KeyServices] | None) -> None:
        scheme, _, name = at.partition(":")
        if scheme not in _SCHEMES:
            raise UsageError(
                f"{scheme}: is no place for a key", "known are file, age, transit, awskms, gcpkms, azurekms"
            )
        match = _SCHEMES[scheme].match(name)
        if not match:
            raise UsageError(f"{at} names no key", f"such as {_EXAMPLES[scheme]}")
        self.at = at
        self.name = name
        self.parts = match
        self.services = services() if services else None

    def public(self) -> tuple[str, Any]:
        """The address with the version, and the public half."""
        raise NotImplementedError

    def sign(self, scheme: str, digest: bytes) -> bytes:
        """A signature over a digest, as the scheme has it."""
        raise NotImplementedError


class _Aws(_Place):
    def _ask(self, call: str, **arguments: Any) -> Any:
        from gitconfigmgr.adapters.keys.aws import KmsProvider

        provider = KmsProvider(Allowed(self.services.aws_kms if self.services else ()))
        return provider.call(Recipient.of("kms", arn=self.name), call, **arguments)

    def public(self) -> tuple[str, Any]:
        answer = self._ask("get_public_key")
        scheme = next((ours for ours, theirs in _AWS.items() if theirs in answer["SigningAlgorithms"]), None)
        return self.at, _key(self.at, answer["PublicKey"], scheme)

    def sign(self, scheme: str, digest: bytes) -> bytes:
        more = {"Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": _AWS[scheme]}
        return bytes(self._ask("sign", **more)["Signature"])


class _Google(_Place):
    def _ask(self, call: str, **request: Any) -> Any:
        from gitconfigmgr.adapters.keys.google import GoogleProvider

        provider = GoogleProvider(Allowed(self.services.gcp_kms if self.services else ()))
        key = Recipient.of("gcp_kms", resource_id=self.parts[1])
        return provider.call(key, call, {"name": self.name, **request})

    def public(self) -> tuple[str, Any]:
        answer = self._ask("get_public_key")
        return self.at, _key(self.at, answer.pem.encode(), _GOOGLE.get(answer.algorithm.name))

    def sign(self, scheme: str, digest: bytes) -> bytes:
        answer = self._ask("asymmetric_sign", digest={_hash(scheme): digest})
        return bytes(answer.signature)


class _Azure(_Place):
    def _ask(self, call: Callable[[Any, Recipient], Any]) -> Any:
        from gitconfigmgr.adapters.keys import azure

        name, _, version = self.parts[2].partition("/")
        provider = azure.KeyVaultProvider(Allowed(self.services.azure_kv if self.services else ()))
        recipient = Recipient.of("azure_kv", vault_url=f"https://{self.parts[1]}", name=name, version=version)
        return provider.call(recipient, lambda: call(provider, recipient))

    def public(self) -> tuple[str, Any]:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        found = self._ask(lambda provider, recipient: provider.key(recipient))
        scheme, _ = _AZURE.get(found.key.crv, (None, None))
        if scheme is None:
            raise _unusable(self.at)
        curve = ec.SECP256R1() if scheme == P256 else ec.SECP384R1()
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(found.key.x), int.from_bytes(found.key.y), curve)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = numbers.public_key().public_bytes(serialization.Encoding.DER, form)
        return f"azurekms:{found.id.partition(':')[2]}", _key(self.at, public, scheme)

    def sign(self, scheme: str, digest: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        name = next(theirs for ours, theirs in _AZURE.values() if ours == scheme)
        algorithm = load("azure.keyvault.keys.crypto", "azure").SignatureAlgorithm(name)
        made = self._ask(lambda provider, recipient: provider.crypto(recipient).sign(algorithm, digest)).signature
        half = len(made) // 2
        return encode_dss_signature(int.from_bytes(made[:half]), int.from_bytes(made[half:]))


_PLACES: dict[str, type[_Place]] = {"awskms": _Aws, "gcpkms": _Google, "azurekms": _Azure}


def open_signer(entry: KeyEntry, services: Callable[[], KeyServices] | None) -> ServiceSigner:
    """The signer of a key. Contacts nothing yet; only what the key services of the settings name is, later."""
    place = _place(entry.at, services)
    public = entry.key()
    if public.scheme not in _AWS:
        raise _unusable(entry.at)

    def ask(payload: bytes) -> bytes:
        return place.sign(public.scheme, hashlib.new(_hash(public.scheme), payload).digest())

    return ServiceSigner(entry.at, public, ask)


def import_key(at: str, services: Callable[[], KeyServices] | None) -> tuple[str, Any]:
    """The address of a key with its version, and its public half. Raises UsageError, OutsideError."""
    with signing(at):
        return _place(at, services).public()


def _place(at: str, services: Callable[[], KeyServices] | None) -> _Place:
    return _PLACES.get(at.partition(":")[0], _Place)(at, services)


def _key(at: str, public: bytes, scheme: str | None) -> Any:
    """A public key, of DER or PEM, as TUF has it."""
    from cryptography.hazmat.primitives import serialization
    from securesystemslib.signer import SSlibKey

    if scheme is None:
        raise _unusable(at)
    pem = public.startswith(b"-----")
    load_key = serialization.load_pem_public_key if pem else serialization.load_der_public_key
    return SSlibKey.from_crypto(load_key(public), scheme=scheme)


def _hash(scheme: str) -> str:
    return {P256: "sha256", P384: "sha384", PSS256: "sha256", PSS512: "sha512"}[scheme]


def _unusable(at: str) -> UsageError:
    return UsageError(f"{at} is no key that signs for releases", "make one of type ECDSA P-256 for signing")
