"""Azure Key Vault: RSA-OAEP-256, wrapped here with the public key, unwrapped by the vault."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load, wrapped_bytes
from gitconfigmgr.secrets import ports
from gitconfigmgr.secrets.metadata import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}\Z")


class KeyVaultProvider(ports.OneByOne):
    """See KeyProvider. `allowed` are vault URLs; `options` go to the SDK's clients."""

    kind = "azure_kv"

    def __init__(self, allowed: Allowed, credential: Any = None, options: Mapping[str, Any] | None = None) -> None:
        self._allowed = allowed
        self._credential = credential
        self._options = {
            "retry_total": 0,
            "connection_timeout": 15,
            "read_timeout": 15,
            "permit_redirects": False,
            **(options or {}),
        }
        self._keys: dict[Recipient, Any] = {}

    def wrap(self, recipient: Recipient, key: bytes) -> ports.Wrapped:
        settled, client = self.call(recipient, lambda: self._newest(recipient))
        algorithm = load("azure.keyvault.keys.crypto", "azure").EncryptionAlgorithm.rsa_oaep_256
        sealed = self.call(recipient, lambda: client.encrypt(algorithm, key)).ciphertext
        return ports.Wrapped(settled, urlsafe_b64encode(sealed).decode().rstrip("="))

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        self._check(recipient)
        data = wrapped_bytes(recipient, enc + "=" * (-len(enc) % 4), b"-_")
        algorithm = load("azure.keyvault.keys.crypto", "azure").EncryptionAlgorithm.rsa_oaep_256
        client = self.call(recipient, lambda: self.crypto(recipient))
        return bytes(self.call(recipient, lambda: client.decrypt(algorithm, data)).plaintext)

    def rewrap(self, recipient: Recipient, enc: str) -> ports.Wrapped:
        newest = _with_version(recipient, "")
        return self.wrap(newest, self.unwrap(recipient, enc))

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:  # noqa: ARG002 - the version is in the recipient
        newest = self.call(recipient, lambda: self._client(recipient).get_key(recipient["name"]))
        return bool(newest.properties.version == recipient["version"])

    def _newest(self, recipient: Recipient) -> tuple[Recipient, Any]:
        found = self.key(recipient)
        settled = _with_version(recipient, found.properties.version)
        module = load("azure.keyvault.keys.crypto", "azure")
        return settled, module.CryptographyClient(found, self._credentials(), **self._options)

    def crypto(self, recipient: Recipient) -> Any:
        """What uses a key in the version that the recipient names."""
        self._check(recipient)
        known = self._keys.get(recipient)
        if known is None:
            module = load("azure.keyvault.keys.crypto", "azure")
            url = f"{recipient['vault_url'].rstrip('/')}/keys/{recipient['name']}/{recipient['version']}"
            known = self._keys[recipient] = module.CryptographyClient(url, self._credentials(), **self._options)
        return known

    def _client(self, recipient: Recipient) -> Any:
        self._check(recipient)
        module = load("azure.keyvault.keys", "azure")
        return module.KeyClient(recipient["vault_url"], self._credentials(), **self._options)

    def _credentials(self) -> Any:
        if self._credential is None:
            self._credential = load("azure.identity", "azure").DefaultAzureCredential()
        return self._credential

    def _check(self, recipient: Recipient) -> None:
        version = recipient["version"]
        if not _NAME.match(recipient["name"]) or (version and not _NAME.match(version)):
            raise ports.UnusableRecipientError("the key name or version of an azure_kv recipient is none", "correct it")
        self._allowed.require(recipient["vault_url"])

    def key(self, recipient: Recipient) -> Any:
        """The public half of a key, in the version that the recipient names, else the newest."""
        return self._client(recipient).get_key(recipient["name"], recipient["version"] or None)

    def call(self, recipient: Recipient, call: Callable[[], Any]) -> Any:
        """The result of a call of the SDK, its failures as errors of ours."""
        core = load("azure.core.exceptions", "azure")
        try:
            return call()
        except core.ClientAuthenticationError:
            raise ports.KeyDeniedError(
                "Azure does not know who asks", "log in with `az login`, or set AZURE_CLIENT_ID ..."
            ) from None
        except core.HttpResponseError as error:
            raise _failure(recipient, error) from None
        except core.AzureError as error:
            raise ports.KeyUnreachableError(
                f"{recipient} cannot be reached ({type(error).__name__})", "check the network"
            ) from None
        except (ValueError, NotImplementedError):
            raise ports.WrongKeyError(
                f"{recipient} is no RSA key that can wrap", "take an RSA key of at least 2048 bits"
            ) from None


def _with_version(recipient: Recipient, version: str) -> Recipient:
    return Recipient.of("azure_kv", vault_url=recipient["vault_url"], name=recipient["name"], version=version)


def _failure(recipient: Recipient, error: Any) -> Exception:
    status = error.status_code
    details = f"{getattr(error, 'message', '')}".lower()
    if status == 403 and "disabled" in details:
        return ports.DisabledKeyError(f"{recipient} is switched off", "enable it in the vault")
    if status in (401, 403):
        return ports.KeyDeniedError(f"{recipient} denies the use of the key", "ask for the role Key Vault Crypto User")
    if status == 429:
        return ports.KeyThrottledError(f"{recipient} asks to come back later", "wait a moment")
    if status in (400, 404):
        return ports.WrongKeyError(f"{recipient} cannot open this: another key, or damaged", "check name and version")
    return ports.KeyUnreachableError(f"{recipient} failed with status {status}", "try again later")
