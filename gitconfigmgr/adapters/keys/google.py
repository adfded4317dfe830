"""Google Cloud KMS."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load
from gitconfigmgr.secrets.ports import (
    DisabledKeyError,
    KeyDeniedError,
    KeyThrottledError,
    KeyUnreachableError,
    NotAllowedError,
    OneByOne,
    UnusableRecipientError,
    Wrapped,
    WrongKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.secrets.metadata import Recipient

_SECONDS = 15
_NAME = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+\Z")


class GoogleProvider(OneByOne):
    """See KeyProvider. `allowed` are resource ids; `client` makes the SDK's client."""

    kind = "gcp_kms"

    def __init__(self, allowed: Allowed, client: Callable[[], Any] | None = None, seconds: float = _SECONDS) -> None:
        self._allowed = allowed
        self._make = client or _client
        self._made: Any = None
        self._seconds = seconds

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        answer = self._call(recipient, "encrypt", {"name": recipient["resource_id"], "plaintext": key})
        return Wrapped(recipient, b64encode(answer.ciphertext).decode())

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        self._check(recipient)
        try:
            data = b64decode(enc, validate=True)
        except ValueError:
            raise WrongKeyError(f"what is wrapped for {recipient} is damaged", "restore the file from Git") from None
        return bytes(self._call(recipient, "decrypt", {"name": recipient["resource_id"], "ciphertext": data}).plaintext)

    def _check(self, recipient: Recipient) -> None:
        resource = recipient["resource_id"]
        if not _NAME.match(resource):
            raise UnusableRecipientError(
                f"{recipient} is no key", "write projects/P/locations/L/keyRings/R/cryptoKeys/K"
            )
        if resource not in self._allowed:
            hint = "add it to the key services in gitconfigmgr.yaml of the base branch, if it is yours"
            raise NotAllowedError(f"{resource} is not an allowed key service: it was not contacted", hint)

    def _call(self, recipient: Recipient, name: str, request: dict[str, Any]) -> Any:
        self._check(recipient)
        errors, auth = load("google.api_core.exceptions", "google"), load("google.auth.exceptions", "google")
        try:
            if self._made is None:
                self._made = self._make()
            return getattr(self._made, name)(request=request, timeout=self._seconds, retry=None)
        except (errors.PermissionDenied, errors.Unauthenticated):
            raise KeyDeniedError(
                f"{recipient} denies the use of the key", "ask for the role CryptoKey Encrypter/Decrypter"
            ) from None
        except auth.GoogleAuthError:
            raise KeyDeniedError(
                "there are no Google credentials here", "gcloud auth application-default login"
            ) from None
        except errors.ResourceExhausted:
            raise KeyThrottledError(f"{recipient} asks to come back later", "wait a moment") from None
        except errors.FailedPrecondition:
            raise DisabledKeyError(f"{recipient} is switched off or destroyed", "enable its version in KMS") from None
        except (errors.InvalidArgument, errors.NotFound):
            raise WrongKeyError(
                f"{recipient} cannot open this: another key, or damaged", "check the resource id"
            ) from None
        except errors.GoogleAPIError as error:
            raise KeyUnreachableError(
                f"{recipient} cannot be reached ({type(error).__name__})", "check the network"
            ) from None


def _client() -> Any:
    return load("google.cloud.kms", "google").KeyManagementServiceClient()
